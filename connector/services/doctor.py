"""The checkup: every check in order, each on its own.

A check is data: what it is called, what it needs to have gone well, and a function that looks. Whatever goes wrong
inside one becomes its finding, so that the others are still made; one whose needs failed says that it could not look.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from connector.domain.checkup import Finding, Seen, Verdict, fail, ok, skip, warn
from connector.domain.errors import ConfigError, ConnectorError, LaterError, Problem

CODE = re.compile(r"\b[45]\d\d\b(?: [A-Z][A-Z_]{3,}\b)?")
"""What of a vendor's answer names nobody: its status and code."""
MOST_SHOWN = 10
"""Details of one kind that are told; the rest is counted."""


@dataclass(frozen=True)
class Check:
    """One thing to look at."""

    id: str
    title: str
    look: Callable[[], Seen]
    needs: tuple[str, ...] = ()
    """Checks without which this one cannot look: they must not have failed."""


def examine(checks: Iterable[Check]) -> Iterator[Finding]:
    """Make every check, and tell each as soon as it is made."""
    lame: set[str] = set()
    titles: dict[str, str] = {}
    for check in checks:
        titles[check.id] = check.title
        lacking = next((need for need in check.needs if need in lame), None)
        seen = skip(f"cannot be looked at: see “{titles[lacking]}”") if lacking is not None else _looked(check)
        if lacking is not None or seen.verdict is Verdict.FAIL:
            lame.add(check.id)
        yield Finding(check.id, check.title, seen)


def _looked(check: Check) -> Seen:
    try:
        return check.look()
    except ConfigError as wrong:
        return of_problems(wrong.problems)
    except ConnectorError as wrong:
        problem, later = wrong.problem, isinstance(wrong, LaterError)
        code = next(iter(CODE.findall(problem.message)), "")
        quoted = f"{type(wrong).__name__} {code}".strip()
        return Seen(Verdict.FAIL, problem.message, problem.hint or "", problem.at or "", later=later, quoted=quoted)
    except Exception as bug:  # one broken check must not hide what the others see
        frame = traceback.extract_tb(bug.__traceback__)[-1]
        place = f"{type(bug).__name__} in {Path(frame.filename).name}:{frame.lineno}"
        cure = "this is ours to mend: please report it, with the file of `connector doctor --bundle`"
        return fail(f"the check itself broke: {place}", cure)


def of_problems(problems: Iterable[Problem], good: str = "") -> Seen:
    """Tell problems of settings or documents, all of them at once; `good` is what to say when there are none."""
    listed = list(problems)
    if not listed:
        return ok(good)
    first = listed[0]
    if len(listed) == 1:
        return fail(first.message, first.hint or "", first.at or "")
    shown = [_line(problem) for problem in listed[:MOST_SHOWN]]
    more = [f"… and {len(listed) - MOST_SHOWN} more"] if len(listed) > MOST_SHOWN else []
    return fail(f"{len(listed)} problems", "mend them from the first on", first.at or "", [*shown, *more])


def of_settings(missing: Iterable[Problem], unknown: Iterable[Problem], chosen: str) -> Seen:
    """Tell what is set, what the chosen systems still need, and what no setting reads."""
    lacking, misspelt = list(missing), list(unknown)
    if lacking:
        return of_problems([*lacking, *misspelt])
    if misspelt:
        details = [_line(problem) for problem in misspelt[1:]]
        return warn(misspelt[0].message, misspelt[0].hint or "", "environment", details)
    return ok(chosen)


def _line(problem: Problem) -> str:
    where = f"{problem.at}: " if problem.at else ""
    return f"{where}{problem.message}" + (f" → {problem.hint}" if problem.hint else "")
