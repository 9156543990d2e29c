"""Turns what goes wrong into an exit code and a message that says what to do.

A known error is shown as it words itself. Anything else is a bug: its traceback goes, redacted, into a file of the
state folder, and the screen says where.
"""

from __future__ import annotations

import json
import os
import re
import sys
import traceback
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import typer

from connector.domain.errors import ConfigError, ConnectorError, Exit, Problem

SECRET_NAMES = re.compile(r"(?:KEY|SECRET|TOKEN|PASSWORD)$", re.I)
"""Ends of variables' names whose values are secret; a file's path (PRIVATE_KEY_FILE) is not."""
TOKEN_SHAPES = re.compile(
    r"\b(?:[rs]k_(?:live|test)_\w+|pat-\w[\w-]+|00D\w+![\w.]+|eyJ[\w-]+\.[\w-]+\.[\w-]+)"
    r"|(?<=://)[^\s/@]*:[^\s/]*(?=@)"
    r"|(?<=Bearer )[^\s'\"]+"
    r"|\b(?<=client_secret=)[^\s&'\"]+|\b(?<=refresh_token=)[^\s&'\"]+|\b(?<=assertion=)[^\s&'\"]+"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----",
    re.S,
)
EMAILS = re.compile(r"[\w.+'-]+(?:@|%40)[\w-]+(?:\.[\w-]+)+")
PHONES = re.compile(r"(?<![\w+])\+\d(?:[ .()-]{0,2}\d){7,14}\b")

# Some versions of typer stand on click, others bring their own: the class that all their complaints derive from.
CLICK_EXCEPTION: Any = typer.BadParameter.__mro__[2]
INTERRUPTED = 130
"""What typer makes of Ctrl-C."""


def guarded(app: Callable[..., object]) -> int:
    """Run a typer app and give the exit code."""
    try:
        result = app(standalone_mode=False)
    except CLICK_EXCEPTION as wrong:
        if not _wants_json():
            wrong.show()
            return Exit.MEND
        return _say(Exit.MEND, [Problem(wrong.format_message(), at="command line", hint="see `--help`")])
    except typer.Abort as stopped:
        if not isinstance(stopped.__cause__, KeyboardInterrupt):  # every question stands before the first write
            return _say(Exit.LATER, [Problem("nothing was done")], None)
        result = INTERRUPTED
    except KeyboardInterrupt:
        result = INTERRUPTED
    except ConnectorError as known:
        return _say(known.exit_code, problems_of(known))
    except Exception as bug:  # the one boundary: it must end in a file and a code, not in a stack on an admin's screen
        return _say(Exit.BUG, [saved(bug)], "bug")
    if result == INTERRUPTED:
        told = "stopped; what was sent is recorded, the next run goes on from there"
        return _say(Exit.LATER, [Problem(told)], None)
    return result if isinstance(result, int) else Exit.OK


def problems_of(error: ConnectorError) -> tuple[Problem, ...]:
    """List every problem an error carries."""
    return error.problems if isinstance(error, ConfigError) else (error.problem,)


def redact(text: str) -> str:
    """Cut out secrets of the environment, anything token-shaped, e-mail addresses and telephone numbers."""
    for secret in _secrets():
        text = text.replace(secret, "***")
    return PHONES.sub("***", EMAILS.sub("***@***", TOKEN_SHAPES.sub("***", text)))


def _secrets() -> list[str]:
    """List the secrets we were given as they may stand in a text, longest first: one may be the start of another."""
    from connector.config.secrets import REFERENCE, seen

    names = [name for name in os.environ if name.startswith("CONNECTOR_") and SECRET_NAMES.search(name)]
    exported = [value for name in names if len(value := os.environ[name].strip()) > 3]
    values = {*seen(), *(value for value in exported if not value.startswith(REFERENCE))}
    forms = {form for v in values for form in (v, quote(v, safe=""), quote_plus(v), repr(v)[1:-1], json.dumps(v)[1:-1])}
    return sorted(forms, key=len, reverse=True)


def _wants_json() -> bool:
    return "--json" in sys.argv


def _say(code: Exit, problems: Sequence[Problem], label: str | None = "error") -> Exit:
    """Show what is wrong, for people or for scripts, and give the code back."""
    if _wants_json():
        shown = [
            {key: part and redact(part) for key, part in (("message", p.message), ("at", p.at), ("hint", p.hint))}
            for p in problems
        ]
        print(json.dumps({"status": "error", "exit_code": int(code), "errors": shown}))  # noqa: T201 the boundary speaks
        return code
    for problem in problems:
        print((f"{label}: " if label else "") + redact(str(problem)), file=sys.stderr)  # noqa: T201
    return code


def saved(bug: Exception) -> Problem:
    """Keep the traceback of a bug, and say where."""
    home = Path(os.environ.get("CONNECTOR_HOME") or ".")
    folder = Path(os.environ.get("CONNECTOR_STATE_DIR") or home / ".connector")
    shown = redact(traceback.format_exc())
    # The first line of what it says: some end in a link or in the statement that failed.
    what = traceback.format_exception_only(bug)[-1].strip().splitlines()[0]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"crash-{datetime.now(UTC):%Y%m%dT%H%M%S}-{os.getpid()}.txt"
        path.touch(mode=0o600)
        path.write_text(shown, encoding="utf-8")
        where = f"the traceback, without secrets, is in {path}"
    except OSError as unwritable:
        where = f"the traceback could not be saved ({unwritable.strerror})"
    return Problem(what, hint=f"this is ours to mend: please report it; {where}")
