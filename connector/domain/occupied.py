"""What the CRM and the ledger know about an account before anything new is proposed to it.

Whoever reads the CRM fills these values; the gates read them and nothing else of the CRM.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from connector.domain.holdout import Arm
from connector.domain.policy import ClosedOutcome


@dataclass(frozen=True)
class PersonsOpportunity:
    """An open opportunity that a person made, and what it is about as far as the mapping can tell."""

    id: str
    name: str
    touched_on: date
    need: str | None = None
    renewal: bool = False


@dataclass(frozen=True)
class Quote:
    """A quote that a person sent and that nobody has closed; `about` is an offer or a need."""

    about: str
    sent_on: date


@dataclass(frozen=True)
class OpenEpisode:
    """A proposal of ours that is still open, as an opportunity or a task."""

    need: str
    opened_on: date
    offer: str | None = None
    stage: str | None = None


ANY_NEED = "*"
"""Stands for every need where somebody declined without saying what."""


@dataclass(frozen=True)
class ClosedEpisode:
    """A proposal of ours that ended, or a review in which the customer declined."""

    need: str
    outcome: ClosedOutcome
    closed_on: date
    opened_on: date | None = None
    """None for one that was taken back: it counts for no cap, unless it is among the undone."""


@dataclass(frozen=True)
class UndoneNeed:
    """A need whose proposal a person took back by undoing the run that made it."""

    need: str
    run_id: str
    by: str
    on: date
    proposed_on: date | None = None
    """Of one that is closed: it keeps its place in every cap until released, so that nothing else takes it."""


@dataclass(frozen=True)
class SaveTask:
    """A save task of ours, open unless it was closed."""

    opened_on: date
    closed_on: date | None = None
    is_undone: bool = False
    """A person took it back: no other one comes until it is released."""


@dataclass(frozen=True)
class CrmContext:
    """What the CRM and the ledger know about one CRM account."""

    account_id: str
    owner_id: str | None = None
    owner_active: bool = True
    """Somebody active would get our tasks; otherwise nothing is proposed."""
    country: str | None = None
    opportunities: tuple[PersonsOpportunity, ...] = ()
    open_episodes: tuple[OpenEpisode, ...] = ()
    closed_episodes: tuple[ClosedEpisode, ...] = ()
    undone: tuple[UndoneNeed, ...] = ()
    """Left alone until they are released."""
    saves: tuple[SaveTask, ...] = ()
    csm_id: str | None = None
    """Who would get a save task."""
    open_tasks: int = 0
    """Open tasks of ours on this account."""
    outside: str = ""
    """Why nothing may be written about it: the part of the policy's `scope` that leaves it out."""
    arm: Arm | None = None
    """Drawn for it, while there is a holdout; None for one that was never eligible."""


@dataclass(frozen=True)
class Crm:
    """Everything `choose` needs from the CRM side: who is linked to whom, and each account's context."""

    links: Mapping[str, str] = field(default_factory=dict)
    """Billing account → CRM account; several may share one."""
    contexts: Mapping[str, CrmContext] = field(default_factory=dict)
    ambiguous: frozenset[str] = frozenset()
    """Billing accounts with several possible CRM accounts; neither here nor in `links`: unmatched."""
