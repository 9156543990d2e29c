"""Begins a project: a folder with the shipped documents, the settings to fill in, and what to do next.

Nothing that exists is ever overwritten: a second `init` adds what is missing and lists what it left alone. Secrets
have one place, a `.env` that git ignores; `.env.example` names them and holds none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from connector.domain.catalogue import Language
from connector.domain.errors import ConfigError

IGNORED = (".connector/", ".env")
SANDBOX_FILE = ".connector/sandbox.json"
LOAD_ENV = "set -a; . ./.env; set +a"
LOAD_SANDBOX = (
    """eval "$(python3 -c 'import json, shlex; """
    f"""[print(f"export {{k}}={{shlex.quote(v)}}") for k, v in json.load(open("{SANDBOX_FILE}"))["env"].items()]')\""""
)


@dataclass(frozen=True)
class Setting:
    """One environment variable of a project, as `.env.example` explains it."""

    name: str
    meaning: str
    needed: bool = True


COMMON = (
    Setting("CONNECTOR_HOME", "this folder; leave empty when you run `connector` in it", needed=False),
    Setting("CONNECTOR_STATE_DIR", "where ledger, warehouse and run snapshots lie; default: .connector", needed=False),
    Setting("CONNECTOR_LEDGER_URL", "a PostgreSQL database for the ledger; default: SQLite", needed=False),
    Setting("CONNECTOR_CA_BUNDLE", "certificates of a proxy that looks into your traffic", needed=False),
    Setting("CONNECTOR_ALERTS__OPS", "address of the channel `ops`, if playbooks/alerts.yaml names it", needed=False),
)
SETTINGS: Mapping[str, tuple[Setting, ...]] = {
    "stripe": (
        Setting(
            "CONNECTOR_STRIPE__API_KEY", "a restricted key (rk_…) that may read customers, products, billing, usage"
        ),
    ),
    "files": (Setting("CONNECTOR_FILES_DIR", "folder of the billing files that mappings/billing/files.yaml names"),),
    "salesforce": (
        Setting("CONNECTOR_SALESFORCE__AUTH", "jwt (a key file) or client_credentials (a secret)"),
        Setting("CONNECTOR_SALESFORCE__DOMAIN", "login, test (a sandbox), or your My Domain"),
        Setting("CONNECTOR_SALESFORCE__CONSUMER_KEY", "consumer key of your connected app"),
        Setting("CONNECTOR_SALESFORCE__USERNAME", "jwt: the integration user's username"),
        Setting("CONNECTOR_SALESFORCE__PRIVATE_KEY_FILE", "jwt: path of the app's private key (PEM)"),
        Setting("CONNECTOR_SALESFORCE__CONSUMER_SECRET", "client_credentials: the app's consumer secret", needed=False),
    ),
    "hubspot": (
        Setting("CONNECTOR_HUBSPOT__ACCESS_TOKEN", "a service key or private-app token"),
        Setting("CONNECTOR_HUBSPOT__CLIENT_ID", "only with OAuth instead of a token", needed=False),
        Setting("CONNECTOR_HUBSPOT__CLIENT_SECRET", "only with OAuth", needed=False),
        Setting("CONNECTOR_HUBSPOT__REFRESH_TOKEN", "only with OAuth", needed=False),
    ),
}


@dataclass(frozen=True)
class Choice:
    """What a project connects, and the language of those whose CRM record names none."""

    sources: tuple[str, ...]
    crm: str
    language: Language = "en"
    demo: bool = False


@dataclass(frozen=True)
class Started:
    """What was written, what already stood there and was left alone, and what to do next."""

    home: Path
    written: tuple[str, ...]
    left: tuple[str, ...]
    next_steps: tuple[str, ...]


def start(home: Path, template: Mapping[str, str], choice: Choice) -> Started:
    """Write what is missing. `template`: path in the project → text of the shipped documents and schemas."""
    files = dict(template)
    mapping = f"mappings/{choice.crm}.yaml"
    files[mapping] = re.sub(r"(?m)^default_language: \w+", f"default_language: {choice.language}", files[mapping])
    files[".env.example"] = env_example(choice)
    files[".gitignore"] = "".join(f"{line}\n" for line in IGNORED)
    steps = next_steps(choice, _unprotected(home))
    files["README.md"] = _readme(choice, next_steps(choice))
    written: list[str] = []
    left: list[str] = []
    for name, text in files.items():
        (written if _write_new(home / name, text) else left).append(name)
    return Started(home, tuple(written), tuple(left), steps)


def env_example(choice: Choice) -> str:
    """Name every setting this choice needs, with no value."""
    named = (
        Setting("CONNECTOR_SOURCE", f"where billing comes from; here: {','.join(choice.sources)}"),
        Setting("CONNECTOR_CRM", f"where proposals go; here: {choice.crm}"),
    )
    chosen = [setting for part in (*choice.sources, choice.crm) for setting in SETTINGS[part]]
    head = (
        "# Settings of this project. Copy this file to .env, fill it in, and load it with\n"
        f"#   {LOAD_ENV}\n"
        "# Git ignores .env; secrets never stand in YAML. A line left empty counts as not set.\n"
    )
    return head + "".join(map(_lines, (*named, *chosen, *COMMON)))


def next_steps(choice: Choice, unprotected: tuple[str, ...] = ()) -> tuple[str, ...]:
    """What to do after `init`, in order."""
    steps = [f"add {' and '.join(unprotected)} to your .gitignore: .env holds secrets"] if unprotected else []
    if choice.demo:
        steps += [
            f"in another terminal, here: connector sandbox --ready-file {SANDBOX_FILE}",
            f"point this terminal at it: {LOAD_SANDBOX}; export CONNECTOR_CRM={choice.crm}",
        ]
    else:
        steps.append(f"cp .env.example .env, fill it in, then: {LOAD_ENV}")
    steps.append("mappings/catalog.yaml: say what you sell")
    if "stripe" in choice.sources:
        steps.append("mappings/billing/stripe.yaml: say which Stripe product is which offer")
    if "files" in choice.sources:
        steps.append("mappings/billing/files.yaml: say which column of your files is what")
    return (
        *steps,
        f"mappings/{choice.crm}.yaml: check stages, owners and fields; then: connector check --live",
        "connector install: creates our own fields in the CRM, after showing them",
        "connector plan: shows what a run would write, and writes nothing",
    )


def _unprotected(home: Path) -> tuple[str, ...]:
    """Lines that an existing .gitignore lacks."""
    existing = home / ".gitignore"
    if not existing.is_file():
        return ()
    lines = {line.strip().strip("/") for line in existing.read_text(encoding="utf-8", errors="replace").splitlines()}
    return tuple(line for line in IGNORED if line.strip("/") not in lines)


def _readme(choice: Choice, steps: tuple[str, ...]) -> str:
    numbered = "".join(f"{i}. {step}\n" for i, step in enumerate(steps, 1))
    return (
        "# Expansion project\n\n"
        f"From {' and '.join(choice.sources)} into {choice.crm}. `mappings/` says how their words become ours;\n"
        "`playbooks/` says when to propose what, and which tasks follow.\n\n"
        f"{numbered}"
    )


def _lines(setting: Setting) -> str:
    return f"\n# {setting.meaning}\n{'' if setting.needed else '#'}{setting.name}=\n"


def _write_new(path: Path, text: str) -> bool:
    """Write a file unless it exists; say whether it was written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError:
        if path.parent.is_dir():
            return False
        raise ConfigError(f"{path.parent} is a file", hint="choose another folder: connector init DIR") from None
    except OSError as wrong:
        raise ConfigError(f"{path} cannot be written: {wrong.strerror}", hint="choose a folder that is yours") from None
    return True
