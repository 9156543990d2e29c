"""What the ledger remembers of proposals becomes outcomes to learn from, each by the day it could first be known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from connector.domain.episode import Episode, EpisodeState
from connector.domain.hold import Hold
from connector.domain.link import LinkDecision, LinkState
from connector.domain.outcome import Fate, Outcome
from connector.services.outcomes import outcomes_known
from connector.services.propensity_history import day_of
from connector.services.save_task import only_task_key

HERE, SMALL = "hubspot:1", "small"
OPENED = datetime(2026, 7, 1, 8, tzinfo=UTC)
CLOSED = OPENED + timedelta(days=30)
NOW = OPENED + timedelta(days=60)


def episode(state: EpisodeState, **more: Any) -> Episode:
    closed = None if state is EpisodeState.OPEN else CLOSED
    one = Episode("k1", "a1", "sync", 1, OPENED, state, closed, "calendar_sync", None, {"billing_ids": ["b1"]})
    return replace(one, **more)


def memory(
    *episodes: Episode,
    holds: Mapping[str, Hold] = {},
    known: Sequence[str] = ("k1",),
    seen: Sequence[str] = (HERE,),
    runs: Sequence[str] = (),
) -> Any:
    links = [LinkDecision(one, LinkState.LINKED, OPENED, "a1") for one in ("b1", "b2")]
    return SimpleNamespace(
        destinations=SimpleNamespace(seen=lambda: list(seen)),
        runs=SimpleNamespace(list=lambda limit: [SimpleNamespace(destination=one) for one in runs]),
        holds=SimpleNamespace(all=lambda where: dict(holds)),
        receipts=SimpleNamespace(records=lambda where: dict.fromkeys(known)),
        links=SimpleNamespace(all=lambda where: links),
        episodes=SimpleNamespace(all=lambda where: list(episodes) if where == HERE else []),
    )


def outcomes(*episodes: Episode, now: datetime = NOW, crm: str | None = None, **more: Any) -> list[Outcome]:
    return outcomes_known(memory(*episodes, **more), crm, SMALL, now)


@pytest.mark.parametrize(
    ("state", "fate"),
    [
        (EpisodeState.WON, Fate.WON),
        (EpisodeState.LOST, Fate.LOST),
        (EpisodeState.NO, Fate.NO),
        (EpisodeState.NOT_USEFUL, Fate.NOT_USEFUL),
        (EpisodeState.WITHDRAWN, Fate.WITHDRAWN),
        (EpisodeState.OPEN, None),
        (EpisodeState.DELETED, None),
    ],
)
def test_an_ended_proposal_is_an_outcome(state: EpisodeState, fate: Fate | None) -> None:
    """Each end has its fate, from the day it was proposed to the day it ended; open and deleted ones say nothing."""
    expected = [] if fate is None else [Outcome("b1", "calendar_sync", fate, day_of(OPENED), day_of(CLOSED))]

    assert outcomes(episode(state)) == expected


def test_what_ended_later_than_now_is_not_known() -> None:
    """A training as of a past day sees nothing of what was decided after it."""
    assert outcomes(episode(EpisodeState.WON), now=CLOSED - timedelta(hours=1)) == []


def test_an_undone_proposal_is_undone_whatever_became_of_it() -> None:
    """It ended when somebody took it back; before that day, and once it is released, it is what the CRM says."""
    hold = Hold("k1", "a1", "run", "Ana", CLOSED + timedelta(days=2))

    (one,) = outcomes(episode(EpisodeState.WON), holds={"k1": hold})
    (before,) = outcomes(episode(EpisodeState.WON), holds={"k1": hold}, now=CLOSED)

    assert (one.fate, one.ended) == (Fate.UNDONE, day_of(hold.at))
    assert before.fate is Fate.WON


def test_what_never_stood_in_the_crm_disturbed_nobody() -> None:
    """Taken back before it was delivered it is no outcome; as an opportunity or as one task it is."""
    taken_back = episode(EpisodeState.WITHDRAWN)

    assert outcomes(taken_back, known=()) == []
    assert len(outcomes(taken_back, known=[only_task_key("k1", "sync", SMALL)])) == 1


def test_an_outcome_is_of_every_account_it_was_proposed_for() -> None:
    """A rebuilt ledger has no brief: then it is of all that are linked. Help and plays propose nothing."""
    both = outcomes(episode(EpisodeState.NO, brief={}))

    assert [one.account for one in both] == ["b1", "b2"]
    assert outcomes(episode(EpisodeState.NO, need="save")) == []
    assert outcomes(episode(EpisodeState.NO, offer=None)) == []


def test_of_several_orgs_the_one_in_use_is_asked() -> None:
    """A sandbox's answers teach nothing once runs go to production; without a ledger's destination nothing is known."""
    won = episode(EpisodeState.WON)
    two = ("hubspot:sandbox", HERE)

    assert len(outcomes(won, seen=two, runs=[HERE, "hubspot:sandbox"])) == 1
    assert outcomes(won, seen=two, runs=["hubspot:sandbox", HERE]) == []
    assert outcomes(won, seen=()) == []
    assert outcomes(won, crm="salesforce") == []
