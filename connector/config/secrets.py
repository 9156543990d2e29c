"""Where a setting's value comes from, in this order: environment, a file it names, a folder of secrets, the keyring.

1. `CONNECTOR_STRIPE__API_KEY` in the environment; `keyring:SERVICE/NAME` as its value looks there instead.
2. `CONNECTOR_STRIPE__API_KEY_FILE`: a file that holds the value (secrets only). Both 1 and 2 set is refused.
3. A folder with a file per setting, as Docker and Kubernetes mount secrets: CONNECTOR_SECRETS_DIR, else /run/secrets.
4. CONNECTOR_KEYRING: a service of the operating system's keyring, with the variables' names as user names.

Every secret found is remembered while the process lives, so that it can be cut out of whatever is shown or logged.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from connector.domain.errors import ConfigError, Problem

PREFIX = "CONNECTOR_"
FILE = "_FILE"
KEYRING = "CONNECTOR_KEYRING"
SECRETS_DIR = "CONNECTOR_SECRETS_DIR"
LEDGER_URL = "CONNECTOR_LEDGER_URL"
DEFAULT_DIR = Path("/run/secrets")
REFERENCE = "keyring:"
MOST_BYTES = 65_536
SHORTEST = 4
"""A shorter text is no secret, and would be cut out of every word that holds it."""

CHANNELS = "CONNECTOR_ALERTS__"
"""Begins the variables that hold the addresses of alert channels, whatever the channels are called."""
PASSWORD = re.compile(r"://[^/@:]*:([^/@]+)@")

_seen: frozenset[str] = frozenset()


def seen() -> frozenset[str]:
    """The secrets that were last read in this process, wherever they came from."""
    return _seen


def _remember(secrets: Mapping[str, str]) -> None:
    """Let secrets be cut out of what is shown from now on, each line of a longer one too."""
    global _seen
    texts = [value if name != LEDGER_URL else "".join(PASSWORD.findall(value)) for name, value in secrets.items()]
    _seen = frozenset(part for text in texts for part in (text, *text.splitlines()) if len(part.strip()) >= SHORTEST)


def gathered(environment: Mapping[str, str], settings: Collection[str], secret: Collection[str]) -> dict[str, str]:
    """Give every setting's value by its variable; raise ConfigError with all that cannot be read.

    `settings` are all variables that are known, `secret` those of them that hold secrets.
    """
    problems: list[Problem] = []
    exported = {name.upper(): value for name, value in environment.items() if value}
    channels = {
        name.removesuffix(FILE) for name in {*exported, *names_in_folder(exported)} if name.startswith(CHANNELS)
    }
    settings, secret = {*settings, *channels}, {*secret, *channels}
    found = {**_folder(exported, settings, problems), **_files(exported, secret - _with_file(settings), problems)}
    found |= {name: value for name, value in exported.items() if name.startswith(PREFIX)}
    for name, value in found.items():
        if name in secret and value.startswith(REFERENCE):
            found[name] = _referred(name, value, problems)
    service = exported.get(KEYRING, "")
    for name in sorted(secret - set(found)) if service else ():
        held = _asked(service, name, KEYRING, problems)
        if held is not None:
            found[name] = held
        if problems:
            break
    if (whole := CHANNELS.rstrip("_")) in found:
        problems.append(Problem(f"{whole}: holds several settings", "environment", f"one each: {CHANNELS}SLACK=…"))
    if problems:
        raise ConfigError(problems)
    _remember({name: found[name] for name in secret if name in found})
    return {name: value for name, value in found.items() if not (name.startswith(CHANNELS) and name.endswith(FILE))}


def _with_file(settings: Collection[str]) -> set[str]:
    """Secrets whose file is a setting of its own: a private key is read by whoever signs with it."""
    return {name.removesuffix(FILE) for name in settings if name.endswith(FILE)}


def names_in_folder(environment: Mapping[str, str]) -> dict[str, Path]:
    """Map variable → its file in the folder of secrets; empty where there is none."""
    return {name: file for name, file in _listed(_dir_of(environment)) if name.startswith(PREFIX)}


def _dir_of(environment: Mapping[str, str]) -> Path:
    return Path(environment.get(SECRETS_DIR) or DEFAULT_DIR)


def _listed(folder: Path) -> Iterator[tuple[str, Path]]:
    """List the files of a folder; Kubernetes keeps older versions in hidden folders beside them."""
    try:
        for file in sorted(folder.iterdir()):
            if not file.name.startswith(".") and file.is_file():
                yield file.name.upper(), file
    except OSError:
        return


def _folder(exported: Mapping[str, str], settings: Collection[str], problems: list[Problem]) -> dict[str, str]:
    folder = _dir_of(exported)
    if SECRETS_DIR in exported and not folder.is_dir():
        cure = "let it name the folder where Docker or Kubernetes mounts the secrets"
        problems.append(Problem(f"there is no folder {folder}", SECRETS_DIR, cure))
    found: dict[str, Path] = {}
    for name, file in _listed(folder):
        if name not in settings:
            continue
        if name in found:
            problems.append(Problem(f"{found[name].name} and {file.name} say the same", str(folder), "keep one"))
        found[name] = file
    needed = {name: file for name, file in found.items() if name not in exported and name + FILE not in exported}
    return {name: text for name, file in needed.items() if (text := _read(file, str(file), problems))}


def _files(exported: Mapping[str, str], secret: Collection[str], problems: list[Problem]) -> dict[str, str]:
    found = {}
    for name in secret:
        variable = name + FILE
        if variable not in exported:
            continue
        if name in exported:
            problems.append(Problem(f"{name} and {variable} are both set", "environment", "unset one of them"))
        elif text := _read(Path(exported[variable]), variable, problems):
            found[name] = text
    return found


def _read(file: Path, at: str, problems: list[Problem]) -> str:
    try:
        if file.stat().st_size > MOST_BYTES:
            problems.append(Problem(f"{file} is too large for a secret", at, f"at most {MOST_BYTES:,} bytes"))
            return ""
        text = file.read_text(encoding="utf-8").strip()
    except UnicodeDecodeError:
        problems.append(Problem(f"{file} holds no text", at, "write the secret alone into it, as UTF-8"))
        return ""
    except OSError as wrong:
        cure = "let this user read it" if isinstance(wrong, PermissionError) else "name a file that is there"
        problems.append(Problem(f"{file} cannot be read: {wrong.strerror}", at, cure))
        return ""
    if not text:
        problems.append(Problem(f"{file} is empty", at, "write the secret into it"))
    return text


def _referred(variable: str, reference: str, problems: list[Problem]) -> str:
    service, _, name = reference.removeprefix(REFERENCE).rpartition("/")
    if not service or not name:
        problems.append(Problem(f"{variable} names no entry of the keyring", "environment", "keyring:SERVICE/NAME"))
        return ""
    value = _asked(service, name, variable, problems)
    if value is None and not problems:
        cure = f"keyring set {service} {name}"
        problems.append(Problem(f"the keyring holds nothing for {service}/{name}", variable, cure))
    return value or ""


def _asked(service: str, name: str, at: str, problems: list[Problem]) -> str | None:
    try:
        import keyring
        from keyring.errors import KeyringError
    except ModuleNotFoundError:
        cure = 'pip install "expansion-connector[keyring]"'
        problems.append(Problem("the keyring's library is not installed", at, cure))
        return None
    try:
        return keyring.get_password(service, name)
    except KeyringError as wrong:
        told = str(wrong).splitlines()[0] if str(wrong) else type(wrong).__name__
        cure = "unlock it or install a backend (`keyring --list-backends`), or use a file or the environment"
        problems.append(Problem(f"the keyring cannot be asked: {told}", at, cure))
        return None


def variables_in_use() -> dict[str, str]:
    """Name where each variable with our prefix stands: the environment or a file of the secrets folder."""
    exported = dict.fromkeys((name for name in os.environ if name.startswith(PREFIX)), "environment")
    return {name: str(file) for name, file in names_in_folder(os.environ).items()} | exported
