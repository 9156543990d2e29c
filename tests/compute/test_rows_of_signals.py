"""The rows D3 to D12 of the domain, on customers small enough to check by hand, beside `test_shipped_signals`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from tiny import NOW, TODAY, Row, TinyWarehouse, account, daily, item, moment, subscription

from connector.compute.peers import PRIOR
from connector.compute.scores import PriceList, score_account
from connector.domain.catalogue import Catalogue
from connector.domain.cited import numbers_of
from connector.domain.features import AccountFeatures
from connector.domain.money import FxTable
from connector.domain.policy import GatesPolicy
from connector.domain.score import logit, probability
from connector.domain.signal import Signal, Signals
from connector.services.measure import Measured, measure


def event(kind: str, detail: str, days_ago: int, link: str | None = None, account: str = "a1") -> Row:
    at = moment(TODAY - timedelta(days=days_ago))
    return {"account_id": account, "event": kind, "detail": detail, "occurred_at": at, "link": link}


def measured_of(
    catalogue: Catalogue,
    rules: Signals,
    items: Iterable[Row] = (),
    usage: Sequence[Row] = (),
    events: Sequence[Row] = (),
    **contract: Any,
) -> Measured:
    """One customer on Pro, with what is told of it besides."""
    rows = {
        "accounts": [account()],
        "subscriptions": [subscription(**contract)],
        "subscription_item_versions": [item("pro", 50), *items],
        "usage": usage,
        "events": events,
    }
    return measure(TinyWarehouse(rows), catalogue, rules, NOW)


def signals_of(measured: Measured, id: str) -> list[Signal]:
    return [signal for signal in measured.signals if signal.id == id]


def test_d3_a_busy_week_is_no_growth(catalogue: Catalogue, rules: Signals) -> None:
    """D3: growth within a customer's own noise is none: every other day it uses ten times as much."""
    noisy = daily("documents", [20, 200] * 13 + [20, 20] + [200, 20] * 14)

    found = measured_of(catalogue, rules, usage=noisy)

    assert found.metrics["a1"]["documents"].growth == pytest.approx(0.069, abs=0.01)
    assert not [signal for signal in found.signals if signal.row == "usage_growth" and signal.kind == "upsell"]


def test_d4_a_limit_is_reached_repeatedly_or_not_at_all(catalogue: Catalogue, rules: Signals) -> None:
    """D4: one crowded day among 28 is no limit reached; five are."""
    once = measured_of(catalogue, rules, usage=daily("active_seats", [30] * 55 + [50]))
    often = measured_of(catalogue, rules, usage=daily("active_seats", [30] * 51 + [50] * 5))

    assert [len(signals_of(one, "seats_near_limit")) for one in (once, often)] == [0, 1]


def test_d4_being_refused_is_a_limit_reached(catalogue: Catalogue, rules: Signals) -> None:
    """D4: the product said no three times: the evidence counts it and dates the last."""
    refusals = [event("seat_limit_reached", "seat", days) for days in (3, 9, 20)]

    (found,) = signals_of(measured_of(catalogue, rules, events=refusals), "seats_refused")

    assert found.needs == ("more_seats",)
    assert found.evidence["en"] == "stopped by the limit of seats 3 times in the last 28 days, last on 19 Nov 2026"


def test_d5_recurring_support_counts_and_a_workshop_never_does(
    catalogue: Catalogue, rules: Signals, policy: GatesPolicy, fx: FxTable
) -> None:
    """D5: two escalations point to recurring support and to nothing that is paid once, whoever asked for a workshop."""
    told = [event("support_escalation", "login", 4), event("escalation_opened", "export", 40)]
    told += [event("docs_read", "training", 1), event("feature_question", "consulting", 2)]

    found = measured_of(catalogue, rules, events=told)
    scores = score_account(
        found.accounts["a1"], found.metrics.get("a1", {}), found.signals, catalogue, PriceList.of([]), policy, fx, TODAY
    )

    assert [score.offer for score in scores] == ["premium_support"]
    assert catalogue.offers["premium_support"].recurring
    assert not signals_of(found, "explored")


def test_d6_repeated_work_is_told_with_its_frequency_and_minutes(catalogue: Catalogue, rules: Signals) -> None:
    """D6: 1,120 repetitive actions of a minute and a half each are 28 hours of work that automation would do."""
    usage = [*daily("repetitive_actions", [40] * 56), *daily("repetitive_minutes", [60] * 56)]

    (found,) = signals_of(measured_of(catalogue, rules, usage=usage), "repetitive_work")
    (untimed,) = signals_of(measured_of(catalogue, rules, usage=usage[:56]), "repetitive_work")

    assert found.needs == ("automation",)
    assert found.evidence["en"] == (
        "1,120 repetitive actions in the last 28 days, on 28 days, 1.5 minutes each: 28 hours; data to 21 Nov 2026"
    )
    assert untimed.evidence["en"] == "1,120 repetitive actions in the last 28 days, on 28 days; data to 21 Nov 2026"


def test_d7_a_decayed_signal_dies(catalogue: Catalogue, rules: Signals) -> None:
    """D7: what was looked at counts half after three weeks, and after four it is no signal at all."""
    looked = {days: [event("docs_read", "automation", days)] for days in (0, 21, 28, 29)}

    strengths = {
        days: sum(one.strength for one in signals_of(measured_of(catalogue, rules, events=told), "explored"))
        for days, told in looked.items()
    }

    assert strengths[21] == pytest.approx(strengths[0] / 2)
    assert strengths[28] == strengths[29] == 0 < strengths[21]


def test_d8_a_goal_reached_is_a_moment_with_its_words(catalogue: Catalogue, rules: Signals) -> None:
    """D8: a goal that the customer named and reached is context, told in its own words with who told it and when."""
    told = [event("goal_reached", "close the month in five days", 3, "customer success call")]

    (found,) = signals_of(measured_of(catalogue, rules, events=told), "goal_reached")

    assert (found.kind, found.needs) == ("context", ())
    assert found.evidence["en"] == (
        "reached a goal of theirs: close the month in five days (customer success call, 19 Nov 2026)"
    )


@pytest.mark.parametrize(
    ("contract", "fires"),
    [
        ({"term_months": 1, "period_end": moment(date(2026, 12, 10))}, False),
        ({"term_months": 3, "period_end": moment(date(2027, 1, 10))}, False),
        ({"term_months": 12, "period_start": moment(date(2026, 1, 21)), "period_end": moment(date(2027, 1, 21))}, True),
    ],
    ids=["monthly", "quarterly", "yearly"],
)
def test_d9_a_monthly_plan_has_no_monthly_renewal(
    catalogue: Catalogue, rules: Signals, contract: dict[str, Any], fires: bool
) -> None:
    """D9: only a commitment of six months or more has a renewal to talk about."""
    found = measured_of(catalogue, rules, **contract)

    assert bool(signals_of(found, "renewal_window")) is fires
    assert found.accounts["a1"].anniversary_on == date(2027, 1, 10)


@pytest.mark.parametrize(
    ("kind", "rule", "row"),
    [
        ("leadership_change", "organisation_changed", "organisation_change"),
        ("reorganisation", "organisation_changed", "organisation_change"),
        ("news", "in_the_news", "macro_context"),
        ("funding", "in_the_news", "macro_context"),
    ],
)
def test_d10_d11_changes_and_news_are_context_with_source_and_date(
    catalogue: Catalogue, rules: Signals, kind: str, rule: str, row: str
) -> None:
    """D10, D11: what happened around a customer points to no offer; it cites who told it, and on which day."""
    told = [event(kind, "raises a new round", 12, "https://news.example/7"), event(kind, "older", 100, "press")]

    (found,) = signals_of(measured_of(catalogue, rules, events=told), rule)

    assert (found.row, found.kind, found.needs) == (row, "context", ())
    assert found.evidence["en"] == "raises a new round (https://news.example/7, 10 Nov 2026)"
    assert found.evidence["fr"] == "raises a new round (https://news.example/7, 10 nov. 2026)"


def shops(holders: int, of: int, industry: str) -> tuple[list[Row], list[Row], list[Row]]:
    names = [f"{industry}{place}" for place in range(of)]
    return (
        [account(name, industry=industry, segment="smb") for name in names],
        [subscription(name) for name in names],
        [item("pro", 10, name) for name in names] + [item("analytics", 1, name) for name in names[:holders]],
    )


def test_d12_the_adoption_rate_is_shrunk_and_says_of_how_many(catalogue: Catalogue, rules: Signals) -> None:
    """D12: 12 of 20 bakeries have it and 2 of 40 banks: the rate leans to that of all 60, and n is shown."""
    bakeries, banks = shops(12, 20, "bakery"), shops(2, 40, "bank")
    names = ("accounts", "subscriptions", "subscription_item_versions")
    rows = {name: [*one, *other] for name, one, other in zip(names, bakeries, banks, strict=True)}

    found = measure(TinyWarehouse(rows), catalogue, rules, NOW)

    told = {signal.account_id: signal for signal in signals_of(found, "adopted_by_peers")}
    assert set(told) == {f"bakery{place}" for place in range(12, 20)}, "those who lack it, where it is usual"
    rate = (12 + PRIOR * 14 / 60) / (20 + PRIOR)
    assert numbers_of(told["bakery15"].evidence)["peer_rate"] == pytest.approx(rate)
    assert (told["bakery15"].needs, told["bakery15"].kind) == (("reporting",), "context")
    assert told["bakery15"].evidence["en"] == (
        "Analytics: about 42% of 20 customers of their industry and segment have it"
    )


def backed(name: str, *needs: str, offer: str | None = None) -> Signal:
    return Signal(name, "peers", "context", "a1", needs, 1.0, 0.4, {"en": name}, TODAY, offer=offer)


def test_d12_what_peers_adopted_supports_that_offer_alone(
    catalogue: Catalogue, policy: GatesPolicy, fx: FxTable
) -> None:
    """D12: peers of Analytics speak for no plan that carries it, peers of Enterprise not for Pro, a goal for all."""
    starter = AccountFeatures("a1", plan="starter", currency="EUR", interval="month", subscribed=True)
    reports = Signal("reports", "row", "cross_sell", "a1", ("reporting",), 1.0, 2.0, {"en": "reports"}, TODAY)
    signals = [
        reports,
        backed("peers_of_analytics", "reporting", offer="analytics"),
        backed("peers_of_enterprise", "higher_plan", offer="enterprise"),
        backed("told_about_plans", "higher_plan"),
        backed("goal"),
    ]

    found = score_account(starter, {}, signals, catalogue, PriceList.of([]), policy, fx, TODAY)

    names = {one.offer: {term.name for term in one.contributions} for one in found}
    assert names == {
        "analytics": {"reports", "peers_of_analytics", "goal"},
        "pro": {"reports", "told_about_plans", "goal"},
    }


def test_d12_a_part_that_only_peers_have_makes_no_pack(catalogue: Catalogue, policy: GatesPolicy, fx: FxTable) -> None:
    """D12: a pack takes two parts that the customer's own use points to; what others have is no such part."""
    offers = dict(catalogue.offers)
    for name in ("analytics", "signature"):
        offers[name] = replace(offers[name], included_in=["suite"])
    offers["suite"] = replace(catalogue.offers["analytics"], need="suite")
    packed = replace(catalogue, offers=offers)
    pro = AccountFeatures("a1", plan="pro", currency="EUR", interval="month", subscribed=True)
    points = [
        Signal(name, "row", "cross_sell", "a1", (name,), 1.0, 2.0, {"en": name}, TODAY)
        for name in ("reporting", "signing")
    ]
    peers = backed("peers", "signing", offer="signature")

    def offered(*signals: Signal) -> set[str]:
        scores = score_account(pro, {}, signals, packed, PriceList.of([]), policy, fx, TODAY)
        return {one.offer for one in scores}

    assert "suite" in offered(*points)
    assert offered(points[0], peers) == {"analytics"}


def test_d12_peers_support_a_proposal_and_never_make_one(
    catalogue: Catalogue, rules: Signals, policy: GatesPolicy, fx: FxTable
) -> None:
    """D12: that others have it raises what the customer's own use points to, and alone proposes nothing."""
    bakeries, banks = shops(12, 20, "bakery"), shops(2, 40, "bank")
    names = ("accounts", "subscriptions", "subscription_item_versions")
    rows = {name: [*one, *other] for name, one, other in zip(names, bakeries, banks, strict=True)}
    rows["usage"] = daily("reports_built", [5] * 56, "bakery15")

    found = measure(TinyWarehouse(rows), catalogue, rules, NOW)
    scores = {
        id: list(
            score_account(one, found.metrics.get(id, {}), found.of(id), catalogue, PriceList.of([]), policy, fx, TODAY)
        )
        for id, one in found.accounts.items()
    }

    assert {id for id, some in scores.items() if some} == {"bakery15"}
    assert "adopted_by_peers" in {term.name for term in scores["bakery15"][0].contributions}


@pytest.mark.parametrize(
    ("idle", "feed", "said"),
    [(40, 84, True), (20, 84, False), (40, 20, False)],
    ids=["unused", "used lately", "young feed"],
)
def test_d13_a_dormant_module_yields_help(
    catalogue: Catalogue, rules: Signals, policy: GatesPolicy, fx: FxTable, idle: int, feed: int, said: bool
) -> None:
    """D13: a module bought and not used for weeks asks for help, counts against every pitch and makes none."""
    usage = [*daily("reports_built", [5] * feed), *daily("documents", [5] * feed), *daily("sms_sent", [5] * feed)]
    usage += daily("sync_runs", [3] * 10, until=TODAY - timedelta(days=1 + idle))
    found = measured_of(catalogue, rules, items=[item("accounting_sync", 1)], usage=usage)

    dormant = signals_of(found, "accounting_sync_dormant")
    scores = score_account(
        found.accounts["a1"], found.metrics["a1"], found.signals, catalogue, PriceList.of([]), policy, fx, TODAY
    )

    assert [one.kind for one in dormant] == (["help"] if said else [])
    assert [one.evidence["en"] for one in dormant] == (
        ["Accounting sync is theirs and was not used for 40 days: help first; data to 21 Nov 2026"] if said else []
    )
    terms = {one.offer: {term.name: term.term for term in one.contributions} for one in scores}
    assert set(terms) == {"analytics"}
    assert (terms["analytics"].get("accounting_sync_dormant", 0) < 0) is said


def test_d20_rules_give_each_account_and_offer_a_propensity_from_the_base_rate(
    catalogue: Catalogue, policy: GatesPolicy, fx: FxTable
) -> None:
    """D20: without any history each pair that something points to has one likelihood; more signs, more of it."""
    pro = AccountFeatures("a1", plan="pro", currency="EUR", interval="month", subscribed=True)

    def likely(*needs: str) -> dict[str, float]:
        signs = [
            Signal(f"s{place}", "row", "cross_sell", "a1", (need,), 1.0, 1.0, {"en": "s"}, TODAY)
            for place, need in enumerate(needs)
        ]
        scores = list(score_account(pro, {}, signs, catalogue, PriceList.of([]), policy, fx, TODAY))
        assert len({one.offer for one in scores}) == len(scores)
        return {one.offer: one.p for one in scores}

    assert likely() == {}
    one, two = likely("reporting", "signing"), likely("reporting", "reporting")
    assert one == pytest.approx(dict.fromkeys(("analytics", "signature"), probability(logit(policy.base_rate) + 1)))
    assert policy.base_rate < one["analytics"] < two["analytics"] <= policy.p_bounds[1]
