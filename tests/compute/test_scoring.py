"""Which offer, how much of it, what it adds per month, and how likely."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from tiny import TODAY

from connector.compute.added import PriceList, delta_mrr, one_off_fees, standing_discount
from connector.compute.scores import offers_for, recommend, score_account
from connector.domain.catalogue import Catalogue
from connector.domain.errors import ConfigError
from connector.domain.features import AccountFeatures, Holding, MetricFeatures
from connector.domain.money import FxRate, FxTable, Money
from connector.domain.policy import GatesPolicy
from connector.domain.pricing import Price, Tier
from connector.domain.score import Score, logit
from connector.domain.signal import Signal

NO_PRICES = PriceList.of([])
YESTERDAY = TODAY - timedelta(days=1)


def holding(offer: str, quantity: float, mrr: int, listed: int | None = None, **more: Any) -> Holding:
    return Holding(offer, quantity, mrr, mrr if listed is None else listed, "EUR", date(2025, 1, 1), **more)


def customer(*holdings: Holding, plan: str | None = "pro", **more: Any) -> AccountFeatures:
    held = {one.offer: one for one in holdings}
    seats = held[plan].quantity if plan else None
    defaults: dict[str, Any] = {"currency": "EUR", "interval": "month", "subscribed": True}
    return AccountFeatures("a1", holdings=held, plan=plan, seats=seats, **{**defaults, **more})


def metric(name: str, pace: float, limit: float | None, **more: Any) -> MetricFeatures:
    defaults: dict[str, Any] = {
        "level_28": pace,
        "level_previous": pace,
        "growth": 0.0,
        "growth_year": None,
        "surge": 0.0,
        "mean_90": pace,
        "std_90": 0.0,
        "slope_90": 0.0,
        "peak_28": pace,
        "last_value": pace,
        "active_days": 28,
        "active_days_previous": 28,
        "first_day": date(2025, 1, 1),
        "last_day": YESTERDAY,
        "total": pace,
        "milestone": None,
    }
    made = MetricFeatures("a1", name, YESTERDAY, **{**defaults, **more})
    return replace(made, pace=pace, limit=limit, utilisation=pace / limit if limit else None)


def signal(id: str, *needs: str, weight: float = 2.0, metric: str | None = None, strength: float = 1.0) -> Signal:
    return Signal(id, "row", "upsell", "a1", needs, strength, weight, {"en": id}, YESTERDAY, metric)


def price(id: str, offer: str, amount: str, interval: str = "month", **more: Any) -> Mapping[str, Any]:
    spec = Price("EUR", interval, unit_amount=Decimal(amount))  # type: ignore[arg-type]
    defaults = {"currency": "EUR", "recurring": True, "active": True, "created_at": None, "interval_count": 1}
    return {**defaults, "price_id": id, "offer_id": offer, "interval": interval, "spec": spec.to_json(), **more}


def test_the_lowest_plan_that_clears_every_limit_is_proposed(catalogue: Catalogue) -> None:
    """2,000 documents on Starter: Pro. 8,000: Enterprise, because Pro would be reached at once."""
    starter = customer(holding("starter", 5, 9_500), plan="starter")

    assert offers_for("higher_plan", starter, [metric("documents", 2_000, 500)], catalogue) == ("pro",)
    assert offers_for("higher_plan", starter, [metric("documents", 8_000, 500)], catalogue) == ("enterprise",)


def test_at_the_top_of_the_ladder_no_plan_is_proposed(catalogue: Catalogue) -> None:
    """Enterprise has nothing above; without a known plan nothing is guessed."""
    top = customer(holding("enterprise", 5, 34_500), plan="enterprise")

    assert offers_for("higher_plan", top, [], catalogue) == ()
    assert offers_for("higher_plan", customer(plan=None), [], catalogue) == ()


def test_where_no_plan_clears_the_limit_the_highest_is_proposed(catalogue: Catalogue) -> None:
    """2,000 GB are more than any plan holds."""
    starter = customer(holding("starter", 5, 9_500), plan="starter")

    assert offers_for("higher_plan", starter, [metric("storage_gb", 2_000, 10)], catalogue) == ("enterprise",)


@pytest.mark.parametrize(
    ("pace", "more", "added"),
    [
        (50, {}, 5),  # 50 × 1.1 = 55
        (47, {}, 2),  # 51.7 rounds up to 52
        (50, {"growth_year": 0.4}, 11),  # a quarter's share of 40 % a year: 54.9 × 1.1 = 60.4
        (50, {"mean_90": 40.0, "slope_90": 0.04}, 10),  # 9 % in 90 days where last year is unknown
        (50, {"growth_year": -0.5, "slope_90": 5.0, "mean_90": 1.0}, 5),  # a shrinking year: headroom only
        (50, {"slope_90": 9.0, "mean_90": 1.0}, 19),  # never more than a quarter above today's use
        (10, {}, 1),  # at least one
    ],
)
def test_d19_seats_are_the_expected_peak_and_headroom(
    catalogue: Catalogue, policy: GatesPolicy, pace: float, more: dict[str, Any], added: int
) -> None:
    """D19: Recommended seats follow the trend of a year where it is known, and stay modest."""
    made = recommend(
        "seats",
        customer(holding("pro", 50, 195_000)),
        [metric("active_seats", pace, 50, **more)],
        catalogue,
        NO_PRICES,
        policy.sizing,
        TODAY,
    )

    assert made.quantity == added


def test_packs_are_added_until_the_limit_is_cleared(catalogue: Catalogue, policy: GatesPolicy) -> None:
    """290 envelopes a month with headroom are four packs of 100; two are held."""
    account = customer(holding("pro", 5, 19_500), holding("signature", 2, 7_000))
    made = recommend(
        "signature_volume", account, [metric("envelopes", 290, 200)], catalogue, NO_PRICES, policy.sizing, TODAY
    )

    assert made.quantity == 2


def test_more_packs_are_priced_along_the_tiers(catalogue: Catalogue) -> None:
    """Packs 5 and 6 of a graduated price: one at 25 €, one at 20 €."""
    tiers = (Tier(5, Decimal(2_500), Decimal(1_000)), Tier(None, Decimal(2_000)))
    spec = Price("EUR", tiers=tiers, tiers_mode="graduated").to_json()
    prices = PriceList.of([{**price("p1", "signature", "0"), "spec": spec}])
    account = customer(holding("pro", 5, 19_500), holding("signature", 4, 11_000, price_id="p1"))

    assert delta_mrr("signature_volume", 2, account, catalogue, prices) == Money(4_500, "EUR")


def test_d21_a_higher_plan_costs_the_difference_at_the_same_interval(catalogue: Catalogue) -> None:
    """D21: Ten yearly Pro seats to Enterprise: the yearly prices count, by the month."""
    rows = [price("e-m", "enterprise", "6900"), price("e-y", "enterprise", "69000", "year")]
    account = customer(holding("pro", 10, 32_500), interval="year")

    assert delta_mrr("enterprise", 10, account, catalogue, PriceList.of(rows)) == Money(57_500 - 32_500, "EUR")


def test_d21_without_a_price_list_the_catalogue_speaks(catalogue: Catalogue) -> None:
    """D21: The catalogue's list price in the account's currency; in an unknown currency there is no price."""
    account = customer(holding("pro", 10, 39_000))

    assert delta_mrr("analytics", 1, account, catalogue, NO_PRICES) == Money(9_900, "EUR")
    assert delta_mrr("analytics", 1, replace(account, currency="SEK"), catalogue, NO_PRICES) is None
    assert delta_mrr("analytics", 1, replace(account, currency=None), catalogue, NO_PRICES) is None


def test_prices_no_longer_sold_price_what_is_held_and_nothing_new(catalogue: Catalogue) -> None:
    """An old price stays the customer's own for more seats, and is never offered to add a module."""
    rows = [price("old", "pro", "3000", active=False), price("gone", "mobile", "1", active=False)]
    account = customer(holding("pro", 10, 30_000, price_id="old"))
    prices = PriceList.of(rows)

    assert delta_mrr("seats", 3, account, catalogue, prices) == Money(9_000, "EUR")
    assert delta_mrr("mobile", 1, account, catalogue, prices) == Money(4_900, "EUR")


def test_a_discount_on_everything_is_kept(catalogue: Catalogue) -> None:
    """15 % off every item for good also takes 15 % off what is added; a discount on one item stays on that item."""
    everywhere = customer(holding("pro", 10, 33_150, 39_000), holding("mobile", 1, 4_165, 4_900))
    on_one = customer(holding("pro", 10, 39_000), holding("mobile", 1, 4_165, 4_900))

    assert delta_mrr("analytics", 1, everywhere, catalogue, NO_PRICES) == Money(8_415, "EUR")
    assert delta_mrr("analytics", 1, on_one, catalogue, NO_PRICES) == Money(9_900, "EUR")
    assert standing_discount(customer(plan=None)) == 1


def scored(
    catalogue: Catalogue,
    policy: GatesPolicy,
    fx: FxTable,
    signals: list[Signal],
    account: AccountFeatures,
    *metrics: Any,
) -> dict[str, Score]:
    by_name = {one.metric: one for one in metrics}
    made = score_account(account, by_name, signals, catalogue, NO_PRICES, policy, fx, TODAY)
    return {one.offer: one for one in made}


def test_d21_value_is_p_times_added_revenue_in_the_reporting_currency(
    catalogue: Catalogue, policy: GatesPolicy, fx: FxTable
) -> None:
    """D21: Dollars are ranked in euros at the dated rate, and shown in dollars."""
    account = customer(holding("pro", 10, 42_000), currency="USD")
    found = scored(catalogue, policy, fx, [signal("s", "reporting")], account)["analytics"]

    assert found.delta_mrr == Money(10_900, "USD")
    assert found.reported == Money(10_028, "EUR")
    assert found.value == round(found.p * 10_028)


def test_a_missing_rate_is_told_with_its_cure(catalogue: Catalogue, policy: GatesPolicy) -> None:
    """Two currencies without a rate between them cannot be ranked."""
    account = customer(holding("pro", 10, 42_000), currency="USD")
    none = FxTable(rates=[FxRate(currency="GBP", since=date(2024, 1, 1), rate=Decimal("1.16"))])

    with pytest.raises(ConfigError, match="no exchange rate for USD"):
        scored(catalogue, policy, none, [signal("s", "reporting")], account)


def test_d22_context_counts_for_and_against_every_offer_and_adds_up(
    catalogue: Catalogue, policy: GatesPolicy, fx: FxTable
) -> None:
    """D22: A renewal adds and falling usage takes away, from each score; base + Σ terms = logit p."""
    signals = [signal("need", "reporting"), signal("renewal", weight=0.5), signal("falling", weight=-1.8, strength=0.5)]
    found = scored(catalogue, policy, fx, signals, customer(holding("pro", 10, 39_000)))["analytics"]

    assert {one.name: one.term for one in found.contributions} == {"need": 2.0, "falling": -0.9, "renewal": 0.5}
    assert found.base + math.fsum(one.term for one in found.contributions) == pytest.approx(logit(found.p), abs=1e-9)


def test_context_about_a_metric_concerns_only_the_needs_that_metric_points_to(
    catalogue: Catalogue, policy: GatesPolicy, fx: FxTable
) -> None:
    """A round number of documents speaks for a higher plan that documents ask for, and not for reporting."""
    signals = [
        signal("over", "higher_plan", metric="documents"),
        signal("by_hand", "reporting", metric="reports_built"),
        signal("round_number", weight=0.3, metric="documents"),
        signal("renewal", weight=0.5),
    ]
    over = [metric("documents", 5_100, 5_000), metric("reports_built", 90, None)]
    found = scored(catalogue, policy, fx, signals, customer(holding("pro", 10, 39_000)), *over)

    assert {one.name for one in found["enterprise"].contributions} == {"over", "round_number", "renewal"}
    assert {one.name for one in found["analytics"].contributions} == {"by_hand", "renewal"}


def test_context_alone_proposes_nothing(catalogue: Catalogue, policy: GatesPolicy, fx: FxTable) -> None:
    """An anniversary is no reason to buy."""
    assert scored(catalogue, policy, fx, [signal("anniversary")], customer(holding("pro", 10, 39_000))) == {}


def test_one_rule_on_two_metrics_counts_once(catalogue: Catalogue, policy: GatesPolicy, fx: FxTable) -> None:
    """Documents and API calls over their limits are one reason, at its strongest."""
    signals = [
        signal("over", "higher_plan", metric="documents", strength=0.5),
        signal("over", "higher_plan", metric="api_calls", strength=0.9),
    ]
    over = [metric("documents", 5_100, 5_000), metric("api_calls", 250_000, 200_000)]
    found = scored(catalogue, policy, fx, signals, customer(holding("pro", 10, 39_000)), *over)["enterprise"]

    assert [(one.name, one.term) for one in found.contributions] == [("over", 1.8)]
    assert found.quantity == 10


def test_a_module_the_plan_cannot_carry_points_to_the_plan_that_can(
    catalogue: Catalogue, policy: GatesPolicy, fx: FxTable
) -> None:
    """Reports built by hand on Starter: Analytics needs Pro, so Pro is scored too, at a share of the weight."""
    starter = customer(holding("starter", 5, 9_500), plan="starter")
    found = scored(catalogue, policy, fx, [signal("reports", "reporting")], starter)

    assert set(found) == {"analytics", "pro"}
    assert [one.term for one in found["pro"].contributions] == [2.0 * policy.through_plan]


def test_the_limits_day_comes_with_the_score(catalogue: Catalogue, policy: GatesPolicy, fx: FxTable) -> None:
    """A trend that reaches the limit in twenty days dates the proposal; one reached long ago is dated today."""
    near, reached = (
        metric("active_seats", 46, 50, days_to_limit=20.0),
        metric("active_seats", 50, 50, days_to_limit=0.0),
    )
    account, signals = customer(holding("pro", 50, 195_000)), [signal("near", "more_seats", metric="active_seats")]

    assert scored(catalogue, policy, fx, signals, account, near)["seats"].limit_on == YESTERDAY + timedelta(days=20)
    assert scored(catalogue, policy, fx, signals, account, reached)["seats"].limit_on == TODAY


def test_d23_a_pack_is_scored_once_something_points_to_two_of_its_parts(
    catalogue: Catalogue, policy: GatesPolicy, fx: FxTable
) -> None:
    """D23: as likely as the part that is wanted least, at the pack's own price less what is paid for a part already."""
    offers = dict(catalogue.offers)
    for name in ("analytics", "automation", "mobile"):
        offers[name] = replace(offers[name], included_in=["insight"])
    offers["insight"] = replace(catalogue.offers["analytics"], need="insight", list_price={"EUR": 19_900})
    packed = replace(catalogue, offers=offers)
    signals = [signal("s", "reporting"), signal("t", "automation", weight=1.0), signal("u", "mobile_access")]
    account = customer(holding("pro", 10, 39_000), holding("mobile", 1, 4_900))

    found = scored(packed, policy, fx, signals, account)

    assert found["insight"].p == found["automation"].p < found["analytics"].p
    assert found["insight"].delta_mrr == Money(19_900 - 4_900, "EUR")
    assert "insight" not in scored(packed, policy, fx, [signals[0], signals[2]], account)


def test_d21_a_one_off_fee_changes_no_rank(catalogue: Catalogue, policy: GatesPolicy, fx: FxTable) -> None:
    """D21: the service's one-off price is told beside the score, from the price list or the catalogue."""
    offers = {**catalogue.offers, "analytics": replace(catalogue.offers["analytics"], one_off=["training"])}
    offers["training"] = replace(offers["training"], list_price={"EUR": 95_000})
    once = {**price("t", "training", "90000"), "recurring": False, "interval": None}
    account, signals = customer(holding("pro", 10, 39_000)), [signal("s", "reporting")]

    fee = scored(replace(catalogue, offers=offers), policy, fx, signals, account)["analytics"]
    priced = delta_mrr("analytics", 1, account, catalogue, PriceList.of([once]))

    assert fee.one_off == (("training", Money(95_000, "EUR")),)
    assert one_off_fees("analytics", "EUR", replace(catalogue, offers=offers), PriceList.of([once])) == (
        ("training", Money(90_000, "EUR")),
    )
    assert (fee.value, priced) == (scored(catalogue, policy, fx, signals, account)["analytics"].value, fee.delta_mrr)
