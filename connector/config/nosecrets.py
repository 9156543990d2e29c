"""Refuses secrets in YAML: project files are kept in version control, mailed and copied.

Every line of every document is looked at, comments too. What is found is named by its kind and place, never shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from connector.config.secrets import seen
from connector.domain.errors import Problem

CURE = "take it out and revoke it (files are copied and kept); then export {variable}, or use a file or the keyring"
ANY = "a CONNECTOR_… variable"
Kind = tuple[str, str, re.Pattern[str]]
"""What a secret is, the variable it belongs into, and how it is written; never across lines."""
KINDS: tuple[Kind, ...] = tuple(
    (kind, variable, re.compile(pattern))
    for kind, variable, pattern in (
        ("a Stripe key", "CONNECTOR_STRIPE__API_KEY", r"\b(?:[sr]k_(?:live|test)|whsec)_\w{8,}"),
        ("a HubSpot token", "CONNECTOR_HUBSPOT__ACCESS_TOKEN", r"\bpat-[a-z]{2}\d?-[\w-]{8,}"),
        ("a Salesforce session id", "CONNECTOR_SALESFORCE__CONSUMER_KEY", r"\b00D\w{12,15}![\w.]{8,}"),
        ("a Salesforce consumer key", "CONNECTOR_SALESFORCE__CONSUMER_KEY", r"\b3MVG9[\w.]{30,}"),
        ("a private key", "CONNECTOR_SALESFORCE__PRIVATE_KEY_FILE", r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
        ("a signed token (JWT)", ANY, r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{4,}"),
        ("a password in an address", ANY, r"(?<=://)[^\s/:@{}'\"]*:[^\s/@{}'\"]+(?=@)"),
        (
            "a webhook's address",
            "CONNECTOR_ALERTS__…",
            r"https://hooks\.slack\.com/\S+|https://\S+\.webhook\.office\.com/\S+",
        ),
        ("a Slack token", "CONNECTOR_ALERTS__…", r"\bxox[abeprs]-[\w-]{10,}"),
        ("a cloud or GitHub key", ANY, r"\bAKIA[0-9A-Z]{16}\b|\bAIza[\w-]{30,}|\bgh[opsur]_\w{30,}"),
    )
)
KEYED = re.compile(
    # A value of several words is prose, unless it stands in quotes.
    r"""^\s*(?:-\s+)?(?:[\w.-]+:\s*)?\{?\s*["']?(?P<name>\w*(?:password|passwd|passphrase|client_?secret|consumer_?secret|api_?key|"""
    r"""access_?token|refresh_?token|private_?key|auth_?token|session_?id|secret_?key)|secret)["']?\s*:\s*(?P<value>"[^"]*"|'[^']*'|[^\s#{\["',}]+)\s*(?:[,}#].*)?$""",
    re.IGNORECASE,
)
HINTS = ("pass", "secret", "key", "token", "session")
"""Every name of `KEYED` contains one: looked for first, because few lines do and it is found ten times sooner."""
SHORTEST = 8
"""A shorter value of the environment may stand anywhere by chance."""


def secrets_in(file: Path, name: str) -> Iterator[Problem]:
    """Name every secret in a document with its line and column; a file that cannot be read has none."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return
    kinds = [kind for kind in KINDS if kind[2].search(text)]
    known = [value for value in seen() if len(value) >= SHORTEST]
    for number, line in enumerate(text.splitlines(), start=1):
        found = _found(line, kinds, known)
        if found is not None:
            kind, variable, column = found
            cure = CURE.format(variable=variable)
            yield Problem(f"{kind} stands in a file of the project", f"{name}:{number}:{column + 1}", cure)


def project_secrets(home: Path) -> list[Problem]:
    """Look through every YAML document of a project, those that this run does not read too."""
    files = [file for folder in ("mappings", "playbooks") for file in sorted((home / folder).rglob("*.y*ml"))]
    return [problem for file in files for problem in secrets_in(file, file.relative_to(home).as_posix())]


def _found(line: str, kinds: Sequence[Kind], known: Sequence[str]) -> tuple[str, str, int] | None:
    """The first secret of a line: what it is, the variable it belongs into, where it begins."""
    for kind, variable, pattern in kinds:
        if match := pattern.search(line):
            return kind, variable, match.start()
    for value in known:
        if value in line:
            return "a secret that the settings hold", ANY, line.index(value)
    folded = line.casefold()
    if not any(hint in folded for hint in HINTS):
        return None
    if (match := KEYED.match(line)) and match["value"].strip("'\" ") not in ("", "null", "~", "true", "false"):
        return f"a value under the key {match['name']!r}", ANY, match.start("name")
    return None
