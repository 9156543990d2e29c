"""The outbox: what became of every planned change, and the only moves it may make.

An entry is written before the CRM hears of it and closed after the CRM has answered, so that a process may die at any
instant and the next one knows what is certain. SENDING left behind by a dead process is UNKNOWN: it may have landed,
and is read back before anything else. SENDING and UNKNOWN block their subject; only one entry per subject is open.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from connector.domain.change import Change, Outcome, Scalar, Verb
from connector.domain.errors import IllegalTransitionError


class DeliveryState(StrEnum):
    """Where one planned change stands on its way into the CRM."""

    PENDING = "pending"  # not sent, or proven not written
    SENDING = "sending"  # on the wire, by the holder of the lease
    DELIVERED = "delivered"  # the CRM accepted this record
    PARKED = "parked"  # the CRM refused this record: a person has to mend something
    UNKNOWN = "unknown"  # may have landed
    SUPERSEDED = "superseded"  # a newer plan, or a record that moved, took its place
    DROPPED = "dropped"  # a person gave it up


S = DeliveryState
TRANSITIONS: Mapping[DeliveryState, frozenset[DeliveryState]] = {
    S.PENDING: frozenset({S.SENDING, S.SUPERSEDED, S.DROPPED}),
    S.SENDING: frozenset({S.DELIVERED, S.PENDING, S.PARKED, S.UNKNOWN}),
    S.UNKNOWN: frozenset({S.DELIVERED, S.PENDING, S.PARKED}),
    S.PARKED: frozenset({S.PENDING, S.SUPERSEDED, S.DROPPED}),
    S.DELIVERED: frozenset(),
    S.SUPERSEDED: frozenset(),
    S.DROPPED: frozenset(),
}
OPEN = frozenset({S.PENDING, S.SENDING, S.UNKNOWN, S.PARKED})
"""States of an entry that still has something to do; a subject has at most one such entry."""
BLOCKING = frozenset({S.SENDING, S.UNKNOWN})
"""States in which nothing else may be planned for the subject."""
MOVED = "moved"
"""Reason of an entry superseded because its record is no longer as the plan saw it."""


def subject_of(change: Change) -> str:
    """Name what a change is about: a record, or one association of it."""
    if change.action != "associate":
        return change.key
    link = change.links[0]
    return f"{change.key}/{link.role}:{link.name}:{link.to}"


def verb_of(change: Change) -> Verb:
    """Name the kind of write that carries a change out."""
    match change.action:
        case "create":
            return "create"
        case "associate":
            return "associate"
        case _:
            return "update"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why the CRM refused a record, in its own words, and what mends it."""

    code: str = ""
    message: str = ""
    field: str | None = None
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class OutboxEntry:
    """One planned change on its way: `order` keeps the plan's order among entries of equal rank."""

    id: str
    destination: str
    run_id: str
    job: str
    subject: str
    change: Change
    order: int
    state: DeliveryState = DeliveryState.PENDING
    attempts: int = 0
    tried_in: str | None = None
    """The run that tried it last; a parked entry is tried at most once a run."""
    crm_id: str | None = None
    reason: str | None = None
    refusal: Refusal | None = None
    ticket: str | None = None
    """The vendor's job that carries it, when it travels in one: asked before anything else what became of it."""
    changed_at: datetime | None = None
    """When it came into its state, by elapsed time; an unknown one when it was sent."""

    def to(self, state: DeliveryState, reason: str | None = None, **also: Any) -> OutboxEntry:
        """Move along one legal edge, or raise; `also` are other parts that change with it."""
        if state not in TRANSITIONS[self.state]:
            raise IllegalTransitionError(f"{self.id}: {self.state} → {state}")
        return replace(
            self,
            state=state,
            attempts=self.attempts + (state is S.SENDING),
            reason=reason or self.reason,
            **{"refusal": None, "ticket": None if state is S.PENDING else self.ticket} | also,
        )

    def delivered(self, crm_id: str | None) -> OutboxEntry:
        """Close it: the CRM holds this change."""
        return self.to(S.DELIVERED, crm_id=crm_id or self.crm_id)

    def parked(self, outcome: Outcome) -> OutboxEntry:
        """Set it aside with the CRM's reason."""
        return self.to(S.PARKED, refusal=Refusal(outcome.code, outcome.message, outcome.field, outcome.hint))

    @property
    def verb(self) -> Verb:
        return verb_of(self.change)

    @property
    def sent(self) -> dict[str, Scalar]:
        """The field values it puts on the wire."""
        return {field.name: field.after for field in self.change.fields}


def entry_of(
    change: Change, destination: str, run_id: str, job: str, order: int, at: datetime | None = None
) -> OutboxEntry:
    """Make the entry that carries out one change of a plan."""
    return OutboxEntry(
        id=f"{run_id}/{change.id}",
        destination=destination,
        run_id=run_id,
        job=job,
        subject=subject_of(change),
        change=change,
        order=order,
        crm_id=change.crm_id,
        changed_at=at,
    )
