"""Errors, grouped by what the caller can do; each says where and how to mend it.

ConnectorError
├── MendError              exit 2    the operator mends something and runs again
│   ├── ConfigError                  a YAML document or setting; carries every problem at once
│   ├── MappingError                 a mapping names what the CRM does not have or lets us not write
│   ├── CredentialError              refused credentials or missing permission
│   ├── SourceDataError              a file or answer that cannot be read at all
│   └── PlanRefusedError             the world changed too much under a plan
├── LaterError             exit 75   nothing is wrong here: try again later
│   ├── UnreachableError             host down, timeouts, 5xx after bounded retries
│   └── BudgetSpentError             the vendor's daily quota or our share of it is used up
├── ApprovalNeededError    exit 4    a person has to approve first
└── IllegalTransitionError exit 1    a bug: a state moved along no legal edge

One record that a vendor refuses is no exception: it is an `Outcome` (see `change`), and the run goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of every command; with several at once the first of BUG, MEND, APPROVAL, LATER, PARTIAL wins."""

    OK = 0
    BUG = 1
    MEND = 2
    PARTIAL = 3
    APPROVAL = 4
    LATER = 75


EXIT_ORDER = (Exit.BUG, Exit.MEND, Exit.APPROVAL, Exit.LATER, Exit.PARTIAL, Exit.OK)


def worst(codes: Sequence[Exit]) -> Exit:
    """Pick the exit code that a run with all these codes ends with."""
    return next((code for code in EXIT_ORDER if code in codes), Exit.OK)


@dataclass(frozen=True)
class Problem:
    """One thing to mend: what, where (`file:line:column`), and the cure."""

    message: str
    at: str | None = None
    hint: str | None = None

    def __str__(self) -> str:
        where = f"{self.at}: " if self.at else ""
        cure = f"\n    → {self.hint}" if self.hint else ""
        return f"{where}{self.message}{cure}"


class ConnectorError(Exception):
    """Any failure this product knows; `str()` of it is fit to show, and holds no secret or personal data."""

    exit_code = Exit.BUG

    def __init__(self, message: str, at: str | None = None, hint: str | None = None) -> None:
        self.problem = Problem(message, at, hint)
        super().__init__(str(self.problem))


class MendError(ConnectorError):
    """The operator can mend this."""

    exit_code = Exit.MEND


class ConfigError(MendError):
    """One or more problems in settings or YAML documents, all of them at once."""

    def __init__(self, problems: Sequence[Problem] | str, at: str | None = None, hint: str | None = None) -> None:
        first = Problem(problems, at, hint) if isinstance(problems, str) else problems[0]
        super().__init__(first.message, first.at, first.hint)
        self.problems = (first,) if isinstance(problems, str) else tuple(problems)
        self.args = ("\n".join(str(problem) for problem in self.problems),)


class MappingError(MendError):
    """A mapping and the CRM's schema disagree."""


class CredentialError(MendError):
    """The vendor refused the credentials, or they lack a permission."""


class SourceDataError(MendError):
    """Input that cannot be read at all (one bad row is quarantined instead)."""


class PlanRefusedError(MendError):
    """Configuration, schema, ledger or too many records changed since the plan was made."""


class LaterError(ConnectorError):
    """Nothing here is wrong; run again later."""

    exit_code = Exit.LATER


class UnreachableError(LaterError):
    """A host does not answer, or answers 5xx after bounded retries."""


class BudgetSpentError(LaterError):
    """The vendor's quota, or the share of it that is ours, is used up."""


class ApprovalNeededError(ConnectorError):
    """A person has to approve before anything is written."""

    exit_code = Exit.APPROVAL


class IllegalTransitionError(ConnectorError):
    """A delivery moved along no legal edge: a bug."""
