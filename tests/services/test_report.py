"""First numbers: proposed, accepted, won, billed, D31 and D32, each with what it is a share of."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from connector.domain.change import CrmRecord, RecordType, StageEntry
from connector.domain.episode import Episode, EpisodeState
from connector.domain.features import Holding
from connector.domain.intent import Contribution, brief_of
from connector.domain.occupied import Crm
from connector.services.facts import Facts, Rules
from connector.services.measure import Measured
from connector.services.report import Span, attempts, report, span_of
from tests.services.test_briefs import account
from tests.services.test_project import INTENT, LABELS, NOW, RULES, world

SPAN = Span(date(2026, 7, 1), date(2026, 9, 30))
REPORTS = Contribution("reports_by_hand", 1.5, {"en": "80 reports"})
RENEWAL = Contribution("renewal_window", 1.0, {"en": "renews"})
AGAINST = Contribution("usage_falling", -0.4, {"en": "fell"})


def episode(n: int, state: EpisodeState = EpisodeState.OPEN, **more: Any) -> Episode:
    opened = more.pop("opened_at", datetime(2026, 8, 1, tzinfo=UTC))
    closed = None if state is EpisodeState.OPEN else more.pop("closed_at", opened + timedelta(days=20))
    given = {"contributions": (REPORTS, RENEWAL, AGAINST), **more}
    brief = brief_of(replace(INTENT, **given))
    return Episode(f"{n:032x}", "a1", f"need-{n}", 1, opened, state, closed, INTENT.offer, "negotiation", brief)


def facts(since: date = date(2026, 8, 10), **more: Any) -> Facts:
    holding = Holding("analytics", 1, 12000, 12000, "EUR", since, **more)
    one = account(holdings={"analytics": holding})
    measured = Measured(NOW, {"b1": one}, {}, {}, (), (), NOW.date())
    return Facts("r", "d", "c", NOW, NOW.date(), Rules.of(RULES), measured, Crm({"b1": "a1"}), {}, {})


def told(*episodes: Episode, known: Facts | None = None, **rest: Any) -> dict[str, Any]:
    return report(world(episodes=episodes, **rest), RULES, known, SPAN)


def test_shares_have_their_denominator() -> None:
    """What was proposed, and how much of it was won, are counted; a share of fewer than ten is not worked out."""
    total = told(episode(1, EpisodeState.WON), episode(2, EpisodeState.LOST), episode(3))["total"]

    assert total["proposed"] == 3
    assert total["won"] == {"count": 1, "of": 3, "share": None}
    assert total["won_amount"] == 9900


def test_d31_a_rate_names_its_basis() -> None:
    """D31: of the opportunities closed, and of those proposed, so much was won; what is open is in one basis only."""
    episodes = [episode(n, EpisodeState.WON) for n in range(6)]
    episodes += [episode(10 + n, EpisodeState.NO) for n in range(6)]
    episodes += [episode(20 + n) for n in range(4)]

    kinds = told(*episodes)["total"]["kinds"]

    assert kinds["cross_sell"]["rate_closed"] == {"count": 6, "of": 12, "share": 0.5}
    assert kinds["cross_sell"]["rate_cohort"] == {"count": 6, "of": 16, "share": 0.375}
    assert kinds["upsell"]["rate_closed"] == {"count": 0, "of": 0, "share": None}


def test_d31_a_task_is_no_opportunity() -> None:
    """D31: a small proposal that was one task is in no rate of opportunities."""
    kinds = told(episode(1, EpisodeState.WON, as_task=True))["total"]["kinds"]

    assert kinds["cross_sell"]["rate_closed"]["of"] == 0


def test_d32_the_basket_is_what_billing_shows() -> None:
    """D32: a won proposal counts as a transaction once billing shows it, with the amount that is billed."""
    total = told(episode(1, EpisodeState.WON), known=facts())["total"]

    assert total["billed"] == {"count": 1, "of": 1, "share": None}
    assert total["basket"] == {"amount": 12000, "of": 1, "average": 12000}


@pytest.mark.parametrize(
    "known",
    [None, facts(since=date(2026, 7, 1)), facts(trialing=True)],
    ids=["nothing scored", "held before it was proposed", "a trial"],
)
def test_nothing_is_billed_that_billing_does_not_show(known: Facts | None) -> None:
    """Without a scored run, with an offer held before the proposal, or with a trial, nothing of ours is billed."""
    total = told(episode(1, EpisodeState.WON), known=known)["total"]

    assert total["billed"]["count"] == 0
    assert total["basket"]["average"] is None


def test_accepted_is_what_its_owner_moved_on() -> None:
    """An opportunity that was ever in consult or beyond was accepted, also when it was lost afterwards."""
    one, other = episode(1, EpisodeState.LOST), episode(2)
    record = CrmRecord(
        RecordType.OPPORTUNITY, "o1", {"Expansion_Key__c": one.key, "StageName": LABELS["lost"]}, {"account": ("a1",)}
    )
    entries = {"o1": (StageEntry("o1", LABELS["consult"], NOW), StageEntry("o1", LABELS["lost"], NOW))}

    total = told(one, other, opportunities=(record,), entries=entries)["total"]

    assert total["accepted"] == {"count": 1, "of": 2, "share": None}


def test_a_proposal_counts_under_every_signal_that_spoke_for_it() -> None:
    """By signal: one that speaks against is no reason; by owner: each proposal once."""
    both = told(episode(1), episode(2, contributions=(REPORTS,)))

    assert {one["signal"]: one["proposed"] for one in both["signals"]} == {"renewal_window": 1, "reports_by_hand": 2}
    assert [(one["owner"], one["proposed"]) for one in both["owners"]] == [("Ana", 2)]


def test_what_is_outside_the_period_is_not_counted() -> None:
    """A proposal of another quarter is in no number; one closed in this one is in the closed rate alone."""
    before = datetime(2026, 5, 1, tzinfo=UTC)
    old = episode(1, EpisodeState.WON, opened_at=before, closed_at=before)
    late = episode(2, EpisodeState.WON, opened_at=before, closed_at=datetime(2026, 8, 1, tzinfo=UTC))

    total = told(old, late)["total"]

    assert total["proposed"] == 0
    assert total["kinds"]["cross_sell"]["rate_closed"]["of"] == 1
    assert total["kinds"]["cross_sell"]["rate_cohort"]["of"] == 0


def test_save_tasks_and_plays_are_no_proposals() -> None:
    """An episode without an offer's brief is left out."""
    save = Episode("f" * 32, "a1", "save", 1, NOW, brief={"as_task": True, "reasons": []})

    assert attempts(world(episodes=(save,)), RULES, None) == []


@pytest.mark.parametrize(
    ("today", "since"), [(date(2026, 9, 30), date(2026, 6, 1)), (date(2026, 2, 3), date(2025, 11, 1))]
)
def test_the_default_period_is_the_last_quarter(today: date, since: date) -> None:
    """Without days the report goes from the first of the month three months before to today."""
    now = datetime(today.year, today.month, today.day, 12, tzinfo=UTC)

    assert span_of(None, None, now, RULES) == Span(since, today)
