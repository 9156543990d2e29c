"""The proof on a won opportunity: since when billing shows it and how much, or that it does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from connector.domain.account import CrmAccount
from connector.domain.change import CrmRecord, Desired, RecordType, Ref
from connector.domain.episode import Episode, EpisodeState
from connector.domain.features import Holding
from connector.domain.intent import brief_of
from connector.services.billed import billed
from connector.services.desk import Desk
from connector.services.measure import Measured
from connector.services.world import World
from tests.services.test_briefs import LUC, NOW, PROJECTS, TODAY, account, intent, kept, world

WON = Episode(
    "e" * 32,
    "a1",
    "reporting",
    1,
    NOW - timedelta(days=90),
    EpisodeState.WON,
    NOW - timedelta(days=60),
    "analytics",
    "negotiation",
    brief_of(intent()),
)
DEAL = CrmRecord(RecordType.OPPORTUNITY, "o1", {"Expansion_Key__c": WON.key}, {"account": ("a1",)})


def told(since: date | None, minor: int = 42000, **more: Any) -> Measured:
    holdings = {"analytics": Holding("analytics", 1, minor, minor, "EUR", since, **more)} if since else {}
    return Measured(NOW, {"b1": account(holdings=holdings)}, {}, {}, (), (), TODAY)


def notes(measured: Measured, episode: Episode = WON, **rest: Any) -> list[Desired]:
    here: World = world(**{"episodes": (episode,), "opportunities": (DEAL,), **rest})
    return billed(Desk(here, PROJECTS["salesforce"], NOW), measured, {"b1": "a1"})


def test_a_won_opportunity_says_since_when_it_is_billed() -> None:
    """The note hangs on the opportunity and tells the day and the recurring amount that billing shows."""
    [note] = notes(told(date(2026, 8, 1)))

    assert str(note.fields["Body"].value).startswith("Billed from 1 August 2026: +€420/month.")
    assert [link.to for link in note.links] == [Ref(RecordType.OPPORTUNITY, key=WON.key)]


def test_it_says_so_in_french() -> None:
    """A French owner reads `1er août` and the amount with its no-break space."""
    here = {"accounts": {"a1": CrmAccount("a1", "Acme", owner_id=LUC.id)}}

    [note] = notes(told(date(2026, 8, 1)), **here)

    assert str(note.fields["Body"].value).startswith("Facturé depuis le 1er août 2026\u00a0: +420\u00a0€/mois.")


@pytest.mark.parametrize(
    "measured",
    [told(None), told(date(2026, 1, 1)), told(date(2026, 8, 1), trialing=True)],
    ids=["not held", "held before it was proposed", "on trial"],
)
def test_what_is_not_billed_is_told_after_a_while(measured: Measured) -> None:
    """Sixty days after the win its owner reads that billing does not show it."""
    [note] = notes(measured)

    assert "Won on 1 August 2026, and billing does not show it 45 days later" in str(note.fields["Body"].value)


@pytest.mark.parametrize(("days", "count"), [(44, 0), (45, 1), (200, 0)])
def test_a_nudge_comes_neither_too_early_nor_for_ever(days: int, count: int) -> None:
    """Within the policy's days nothing is said; half a year later a win is history."""
    old = NOW - timedelta(days=400)

    assert len(notes(told(None), replace(WON, opened_at=old, closed_at=NOW - timedelta(days=days)))) == count


@pytest.mark.parametrize(
    ("offer", "minor", "since", "line"),
    [
        ("seats", 62000, date(2026, 8, 1), "Billed from 1 August 2026: +€420/month."),
        ("pro", 62000, date(2026, 8, 1), "Billed from 1 August 2026: +€420/month."),
        ("seats", 20000, date(2026, 8, 1), "Won on 1 August 2026"),
        ("seats", 62000, date(2026, 1, 1), "Won on 1 August 2026"),
    ],
    ids=["more seats", "a higher plan", "no dearer", "since before"],
)
def test_more_of_what_is_held_is_told_by_what_it_adds(offer: str, minor: int, since: date, line: str) -> None:
    """Seats and plans show as the plan costing more than when they were proposed; the difference is told."""
    had = {"held": {"quantity": 10, "mrr": [20000, "EUR"]}}
    won = replace(WON, offer=offer, brief=brief_of(replace(intent(), offer=offer, options=had)))
    holdings = {"pro": Holding("pro", 31, minor, minor, "EUR", since)}
    measured = Measured(NOW, {"b1": account(holdings=holdings)}, {}, {}, (), (), TODAY)

    [note] = notes(measured, won)

    assert str(note.fields["Body"].value).startswith(line)


def test_the_nudge_becomes_the_proof() -> None:
    """Once billing shows it the same note says so; an amount that hardly moved changes nothing."""
    [nudge] = notes(told(None))
    before = {
        name: replace(field, value=str(field.value).replace("30 September", "1 September"))
        for name, field in nudge.fields.items()
    }
    sent = kept(replace(nudge, fields=before))

    [proof] = notes(told(date(2026, 8, 1)), known={nudge.key: sent})
    [later] = notes(told(date(2026, 8, 1), minor=42100), known={proof.key: kept(proof)})

    assert proof.key == nudge.key
    assert "Billed from" in str(proof.fields["Body"].value)
    assert later.fields["Body"].value == proof.fields["Body"].value


def test_only_what_was_won_is_told() -> None:
    """A lost proposal gets no note."""
    assert notes(told(date(2026, 8, 1)), replace(WON, state=EpisodeState.LOST)) == []
