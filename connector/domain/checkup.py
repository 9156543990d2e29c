"""What `doctor` found: one finding a check, and what they come to together.

A finding says what was seen, not only whether it is good: who reads it has to believe it. Its cure is one thing to do,
and `where` is where to click. A check that could not look says so (`skip`), because silence would pass for `ok`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from connector.domain.errors import Exit, worst


class Verdict(StrEnum):
    """How one check came out."""

    OK = "ok"
    WARN = "warn"  # works, and somebody should know
    FAIL = "fail"  # a run would fail, or write something wrong
    SKIP = "skip"  # could not be looked at, or is not there yet


@dataclass(frozen=True)
class Seen:
    """What a check saw."""

    verdict: Verdict
    seen: str
    cure: str = ""
    where: str = ""
    """Where to click, or which file or variable."""
    later: bool = False
    """Nothing is to be mended here: it passes by itself (a vendor that is down, a day's quota)."""
    details: tuple[str, ...] = ()
    private: tuple[str, ...] = ()
    """Words of the vendor's or of the customer's admins: they may name people, and never leave this machine."""
    quoted: str = ""
    """What to say instead of `seen` where it quotes an answer, outside this machine."""


@dataclass(frozen=True)
class Finding:
    """One check's answer."""

    id: str
    title: str
    result: Seen

    def as_json(self, abroad: bool = False) -> dict[str, Any]:
        """Give it as scripts read it; `abroad`: without what may name people."""
        found = self.result
        return {
            "id": self.id,
            "title": self.title,
            "outcome": found.verdict.value,
            "seen": found.quoted if abroad and found.quoted else found.seen,
            "details": [*found.details, *(() if abroad else found.private)],
            "cure": self.result.cure,
            "where": self.result.where,
        }


def exit_of(findings: Sequence[Finding]) -> Exit:
    """Give 2 when something is to be mended, 75 when a vendor will be back by itself, else 0."""
    failed = [one.result for one in findings if one.result.verdict is Verdict.FAIL]
    return worst([Exit.LATER if one.later else Exit.MEND for one in failed])


def counts(findings: Sequence[Finding]) -> Mapping[str, int]:
    """Count findings by outcome, every outcome named."""
    found = Counter(one.result.verdict for one in findings)
    return {verdict.value: found[verdict] for verdict in Verdict}


def as_json(findings: Sequence[Finding], abroad: bool = False) -> dict[str, Any]:
    """Give a whole checkup as one object; `abroad`: without what may name people."""
    code = exit_of(findings)
    status = "fail" if code else "warn" if any(one.result.verdict is Verdict.WARN for one in findings) else "ok"
    return {
        "status": status,
        "exit_code": int(code),
        "counts": dict(counts(findings)),
        "checks": [one.as_json(abroad) for one in findings],
    }


def ok(seen: str, *details: str) -> Seen:
    """All is well."""
    return Seen(Verdict.OK, seen, details=details)


def warn(seen: str, cure: str, where: str = "", details: Sequence[str] = (), private: Sequence[str] = ()) -> Seen:
    """It works; somebody should know."""
    return Seen(Verdict.WARN, seen, cure, where, details=tuple(details), private=tuple(private))


def fail(seen: str, cure: str, where: str = "", details: Sequence[str] = ()) -> Seen:
    """A run would fail."""
    return Seen(Verdict.FAIL, seen, cure, where, details=tuple(details))


def skip(seen: str, cure: str = "") -> Seen:
    """It could not be looked at."""
    return Seen(Verdict.SKIP, seen, cure)
