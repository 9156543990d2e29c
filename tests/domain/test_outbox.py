"""Entries move along legal edges only."""

from __future__ import annotations

import pytest

from connector.domain.change import Change, Link, Outcome, RecordType, Ref, Verdict
from connector.domain.errors import IllegalTransitionError
from connector.domain.outbox import OPEN, TRANSITIONS, DeliveryState, OutboxEntry, entry_of

S = DeliveryState


def entry(state: DeliveryState = S.PENDING) -> OutboxEntry:
    change = Change("task:k", "create", RecordType.TASK, "k", "account", "title", "reason")
    made = entry_of(change, "crm:org", "run", "sync", 0)
    return OutboxEntry(**{name: getattr(made, name) for name in made.__slots__} | {"state": state})


@pytest.mark.parametrize("start", S)
@pytest.mark.parametrize("end", S)
def test_only_legal_moves(start: DeliveryState, end: DeliveryState) -> None:
    """A move that the table does not list raises, all others succeed."""
    if end in TRANSITIONS[start]:
        assert entry(start).to(end).state is end
    else:
        with pytest.raises(IllegalTransitionError, match=f"{start} → {end}"):
            entry(start).to(end)


def test_closed_states_lead_nowhere() -> None:
    """What is not open has no legal move, and what is open has one."""
    assert {state for state in S if TRANSITIONS[state]} == OPEN


def test_sending_counts_as_an_attempt() -> None:
    """Only a send is counted."""
    sent = entry().to(S.SENDING).to(S.UNKNOWN).to(S.PENDING).to(S.SENDING)

    assert sent.attempts == 2


def test_parking_keeps_the_crms_words() -> None:
    """A parked entry says code, message, field and cure; a retry forgets them."""
    outcome = Outcome("run/task:k", Verdict.REJECTED, code="REQUIRED", message="no owner", field="OwnerId", hint="set")
    parked = entry(S.SENDING).parked(outcome)
    assert parked.refusal is not None

    assert (parked.refusal.code, parked.refusal.field, parked.refusal.hint) == ("REQUIRED", "OwnerId", "set")
    assert parked.to(S.PENDING).refusal is None


def test_each_association_is_a_subject_of_its_own() -> None:
    """A record and its associations can wait side by side."""
    links = [Link("account", "companies", Ref(RecordType.ACCOUNT, id=name)) for name in ("1", "2")]
    changes = [
        Change(f"a{at}", "associate", RecordType.TASK, "k", "account", "title", "reason", links=(link,))
        for at, link in enumerate(links)
    ]

    subjects = {entry_of(change, "crm:org", "run", "sync", 0).subject for change in changes}

    assert len(subjects | {entry().subject}) == 3
