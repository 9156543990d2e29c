"""Begins a project: a folder with the shipped documents, the settings to fill in, and what to do next.

Nothing that exists is ever overwritten: a second `init` adds what is missing and lists what it left alone. Secrets
have one place, a `.env` that git ignores; `.env.example` names them and holds none. What people read in the project is
in the language that was chosen; what a command prints is English.
"""

from __future__ import annotations

import os
import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from connector.domain.catalogue import Language
from connector.domain.errors import ConfigError
from connector.domain.policy import Holdout
from connector.services.start_texts import (
    COMMON,
    CRM,
    DEMO_HEAD,
    HEAD,
    README,
    SETTINGS,
    SOURCE,
    STEPS,
    Setting,
)

IGNORED = (".connector/", ".env")
SANDBOX_FILE = ".connector/sandbox.json"
LOAD_ENV = "set -a; . ./.env; set +a"
READ_SANDBOX = (
    f"""if [ -e {SANDBOX_FILE} ]; then eval "$(python3 -c 'import json, shlex; """
    f"""[print(f"export {{k}}={{shlex.quote(v)}}") for k, v in json.load(open("{SANDBOX_FILE}"))["env"].items()]')"\n"""
    f"""else echo "no sandbox is ready here: connector sandbox --ready-file {SANDBOX_FILE}" >&2; fi"""
)
OWNER_ONLY, EVERYBODY = 0o600, 0o666
_WIDTH = 110
AND: Mapping[Language, str] = {"en": " and ", "fr": " et "}


@dataclass(frozen=True)
class Choice:
    """What a project connects, and the language of its comments and of those whose CRM record names none."""

    sources: tuple[str, ...]
    crm: str
    language: Language = "en"
    demo: bool = False
    timezone: str | None = None
    """Where the project's people work; None leaves the shipped one."""
    holdout: Holdout | None = None
    """Customers that get no proposal, so that what proposals cause can be measured; off unless it is chosen."""


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
    mapping, schedule = f"mappings/{choice.crm}.yaml", "playbooks/schedule.yaml"
    files[mapping] = _with(files[mapping], "default_language", choice.language)
    if choice.timezone is not None:
        files[schedule] = _with(files[schedule], "timezone", choice.timezone)
    if choice.holdout is not None:
        chosen = f"{{share: {choice.holdout.share:g}, salt: {choice.holdout.salt}}}"
        files["playbooks/policy.yaml"] = _with(files["playbooks/policy.yaml"], "holdout", chosen)
    files[".env.example"] = env_example(choice)
    if choice.demo:
        files[".env"] = demo_env(choice)
    files[".gitignore"] = "".join(f"{line}\n" for line in IGNORED)
    files["README.md"] = _readme(choice)
    unprotected = _unprotected(home)
    written: list[str] = []
    left: list[str] = []
    for name, text in files.items():
        (written if _write_new(home / name, text) else left).append(name)
    return Started(home, tuple(written), tuple(left), next_steps(choice, unprotected))


def env_example(choice: Choice) -> str:
    """Name every setting this choice needs, with what to click, and no secret."""
    named = (
        Setting("CONNECTOR_SOURCE", SOURCE, ",".join(choice.sources)),
        Setting("CONNECTOR_CRM", CRM, choice.crm),
    )
    chosen = [setting for part in (*choice.sources, choice.crm) for setting in SETTINGS[part]]
    head = _commented(HEAD[choice.language].format(load=LOAD_ENV))
    return head + "".join(_lines(setting, choice.language) for setting in (*named, *chosen, *COMMON))


def demo_env(choice: Choice) -> str:
    """Point a project at the local sandbox: what it tells of itself, and which of its CRMs is meant."""
    head = _commented(DEMO_HEAD[choice.language].format(file=SANDBOX_FILE, load=LOAD_ENV))
    return f"{head}{READ_SANDBOX}\nCONNECTOR_CRM={choice.crm}\n"


def next_steps(choice: Choice, unprotected: tuple[str, ...] = (), language: Language = "en") -> tuple[str, ...]:
    """What to do after `init`, in order."""
    steps = ["ignore"] if unprotected else []
    steps += ["sandbox", "load"] if choice.demo else ["env", "catalog", *choice.sources, "crm"]
    steps += ["doctor", "check", "dry", "install", "live", "plan"]
    steps += ["holdout"] if choice.holdout is None else []
    steps += ["apply"]
    told = {"lines": AND[language].join(unprotected), "file": SANDBOX_FILE, "load": LOAD_ENV, "crm": choice.crm}
    return tuple(STEPS[step][language].format(**told) for step in steps)


def _with(text: str, key: str, value: str) -> str:
    """Give a document another value of a key at its top, what stands beside it left alone."""
    return re.sub(rf"(?m)^{key}: [^\s#]+", f"{key}: {value}", text)


def _unprotected(home: Path) -> tuple[str, ...]:
    """Lines that an existing .gitignore lacks."""
    existing = home / ".gitignore"
    if not existing.is_file():
        return ()
    lines = {line.strip().strip("/") for line in existing.read_text(encoding="utf-8", errors="replace").splitlines()}
    return tuple(line for line in IGNORED if line.strip("/") not in lines)


def _readme(choice: Choice) -> str:
    steps = next_steps(choice, language=choice.language)
    numbered = "".join(f"{number}. {step}\n" for number, step in enumerate(steps, 1))
    return README[choice.language].format(sources=AND[choice.language].join(choice.sources), crm=choice.crm) + numbered


def _lines(setting: Setting, language: Language) -> str:
    explained = _commented(setting.meaning[language])
    if setting.click is not None:
        explained += "".join(f"#   {line}\n" for line in _wrapped(f"→ {setting.click[language]}"))
    return f"\n{explained}{'' if setting.needed else '#'}{setting.name}={setting.value}\n"


def _commented(text: str) -> str:
    return "".join(f"# {line}\n" for line in text.split("\n"))


def _wrapped(text: str) -> list[str]:
    # French sets a space before a colon, where no line may end.
    kept = text.replace(" :", "\xa0:").replace(" ;", "\xa0;")
    lines = textwrap.wrap(kept, _WIDTH, break_long_words=False, break_on_hyphens=False)
    return [line.replace("\xa0", " ") for line in lines]


def _write_new(path: Path, text: str) -> bool:
    """Write a file unless it exists; say whether it was written. What is loaded as settings is its owner's alone."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        mode = OWNER_ONLY if path.name == ".env" else EVERYBODY
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with open(descriptor, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError:
        if path.parent.is_dir():
            return False
        raise ConfigError(f"{path.parent} is a file", hint="choose another folder: connector init DIR") from None
    except OSError as wrong:
        raise ConfigError(f"{path} cannot be written: {wrong.strerror}", hint="choose a folder that is yours") from None
    return True
