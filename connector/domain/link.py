"""Which CRM account a billing account belongs to, and who decided it.

Links are many billing accounts to one CRM account. What is ambiguous is held, never guessed; what a person decided
outlives every run, and only a person changes it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

AUTOMATIC = "connector"
"""`decided_by` of a decision that no person made."""


class LinkMethod(StrEnum):
    """What two accounts were matched by, strongest first but for a person's word, which beats all."""

    ID = "id"
    DOMAIN = "domain"
    NAME = "name"
    PERSON = "person"


class LinkState(StrEnum):
    """What was decided about one billing account."""

    LINKED = "linked"
    AMBIGUOUS = "ambiguous"  # several candidates: held until a person chooses
    UNMATCHED = "unmatched"
    UNSET = "unset"  # a person said that it belongs to none


@dataclass(frozen=True)
class Weighed:
    """How much speaks for one CRM account, from 0 to 1, and what does and does not, in words for people."""

    crm_id: str
    score: float
    agrees: tuple[str, ...] = ()
    differs: tuple[str, ...] = ()


@dataclass(frozen=True)
class LinkDecision:
    """One billing account's CRM account, with how, by whom and when it was decided."""

    billing_id: str
    state: LinkState
    decided_at: datetime
    crm_id: str | None = None
    method: LinkMethod | None = None
    decided_by: str = AUTOMATIC
    candidates: tuple[str, ...] = ()
    """CRM account ids that came into question."""
    billing_name: str = ""
    """What billing calls the account, for people who decide."""
    evidence: tuple[Weighed, ...] = ()
    """Why: the accounts that were weighed, best first."""
    note: str = ""
    """What the person who decided adds."""

    @property
    def is_by_person(self) -> bool:
        return self.method is LinkMethod.PERSON


def settled(current: LinkDecision | None, new: LinkDecision) -> LinkDecision:
    """Choose between what stands and what is new: a person's word yields only to a person's."""
    if current is not None and current.is_by_person and not new.is_by_person:
        return current
    return new


def linked(decisions: Iterable[LinkDecision]) -> dict[str, str]:
    """Map billing account → CRM account for those that are linked."""
    return {
        decision.billing_id: decision.crm_id
        for decision in decisions
        if decision.state is LinkState.LINKED and decision.crm_id is not None
    }
