"""What a change adds per month, against an oracle that prices unit by unit, in whole invoices and decimals."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal, getcontext
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import TODAY

from connector.compute.added import PriceList, delta_mrr
from connector.compute.scores import score_account
from connector.domain.catalogue import Catalogue
from connector.domain.features import AccountFeatures, BilledItem, Holding
from connector.domain.money import FxRate, FxTable, Money
from connector.domain.policy import GatesPolicy
from connector.domain.pricing import Discount, Price, Terms, Tier, Transform
from connector.domain.signal import Signal

getcontext().prec = 60
INVOICES_A_YEAR = {"week": 52, "month": 12, "year": 1}
Spec = Mapping[str, Any]


@dataclass(frozen=True)
class Line:
    """An item as a person would write it on an invoice."""

    offer: str
    spec: Spec
    quantity: int
    own_percent: tuple[int, ...] = ()


def per_invoice(spec: Spec, quantity: int) -> Decimal:
    """Count an invoice's amount unit by unit, as one would on paper."""
    if pack := spec.get("pack"):
        quantity = -(-quantity // pack)
    tiers: Sequence[tuple[int | None, int, int]] = spec["tiers"]
    if quantity == 0:
        return Decimal(0)

    def tier_of(unit: int) -> int:
        return next(at for at, (up_to, _, _) in enumerate(tiers) if up_to is None or unit <= up_to)

    if spec["mode"] == "volume":
        _, unit_amount, flat = tiers[tier_of(quantity)]
        return Decimal(quantity * unit_amount + flat)
    entered = {tier_of(unit) for unit in range(1, quantity + 1)}
    units = sum(tiers[tier_of(unit)][1] for unit in range(1, quantity + 1))
    return Decimal(units + sum(tiers[at][2] for at in entered))


def invoice(lines: Sequence[Line], percent: Sequence[int], amount_off: int) -> Decimal:
    """Total of one invoice: each line after its own percentages, then those on everything, then an amount off."""
    total = Decimal(0)
    for line in lines:
        left = per_invoice(line.spec, line.quantity)
        for one in (*line.own_percent, *percent):
            left = left * (100 - one) / 100
        total += left
    return max(total - amount_off, Decimal(0))


def cents(amount: Decimal) -> int:
    return int(amount.quantize(Decimal(1), ROUND_HALF_EVEN))


def price_of(spec: Spec, interval: str) -> Price:
    tiers = tuple(Tier(up_to, Decimal(unit), Decimal(flat)) for up_to, unit, flat in spec["tiers"])
    transform = Transform(spec["pack"]) if spec.get("pack") else None
    if len(tiers) == 1 and not tiers[0].flat_amount:
        return Price("EUR", interval, unit_amount=tiers[0].unit_amount, transform_quantity=transform)  # type: ignore[arg-type]
    return Price("EUR", interval, tiers=tiers, tiers_mode=spec["mode"], transform_quantity=transform)  # type: ignore[arg-type]


def row(id: str, offer: str, spec: Spec, interval: str, **more: Any) -> Mapping[str, Any]:
    told = {"price_id": id, "offer_id": offer, "product_id": f"prod_{offer}", "currency": "EUR", "interval": interval}
    flags = {"interval_count": 1, "recurring": True, "active": True, "created_at": None}
    return {**told, **flags, "spec": price_of(spec, interval).to_json(), **more}


def customer(lines: Sequence[Line], interval: str, shared: Sequence[Discount]) -> AccountFeatures:
    items = tuple(
        BilledItem(
            f"si_{line.offer}",
            line.offer,
            f"p_{line.offer}",
            float(line.quantity),
            "EUR",
            1,
            "sub",
            Terms(tuple(Discount(Decimal(one)) for one in line.own_percent), tuple(shared)).to_json(),
        )
        for line in lines
    )
    held = {
        line.offer: Holding(line.offer, line.quantity, 1, 1, "EUR", date(2025, 1, 1), f"p_{line.offer}")
        for line in lines
    }
    seats = next(line.quantity for line in lines if line.offer == "pro")
    return AccountFeatures(
        "a1", currency="EUR", interval=interval, plan="pro", seats=seats, holdings=held, items=items, subscribed=True
    )


money = st.integers(0, 20_000)
specs = st.fixed_dictionaries(
    {
        "mode": st.sampled_from(["graduated", "volume"]),
        "pack": st.sampled_from([None, None, 5]),
        "tiers": st.tuples(
            st.integers(1, 9), st.integers(1, 9), st.lists(st.tuples(money, money), min_size=1, max_size=3)
        ).map(lambda t: [(t[0], *t[2][0]), (t[0] + t[1], *t[2][-1]), (None, *t[2][-1])][3 - max(1, len(t[2])) :]),
    }
)
percents = st.lists(st.sampled_from([10, 15, 33]), max_size=2)


@given(
    specs,
    specs,
    specs,
    st.integers(1, 40),
    st.integers(1, 30),
    st.sampled_from(["week", "month", "year"]),
    percents,
    percents,
    st.sampled_from([0, 0, 5_000]),
    st.sampled_from(["seats", "analytics", "enterprise"]),
)
@settings(max_examples=150, deadline=None)
def test_d21_added_revenue_is_right_to_the_cent(
    catalogue: Catalogue,
    pro: Spec,
    module: Spec,
    other: Spec,
    seats: int,
    more: int,
    interval: str,
    own: list[int],
    shared: list[int],
    amount_off: int,
    proposed: str,
) -> None:
    """D21: flat, per seat, tiered and packed prices, weekly to yearly, under percentages and an amount off: one cent
    in no case more or less than the difference of two invoices written by hand."""
    now = [Line("pro", pro, seats, tuple(own)), Line("mobile", module, 1)]
    match proposed:
        case "seats":
            then = [replace(now[0], quantity=seats + more), now[1]]
        case "enterprise":
            then = [Line("enterprise", other, seats), now[1]]
        case _:
            then = [*now, Line("analytics", other, 1)]
    terms = [Discount(Decimal(one)) for one in shared] + (
        [Discount(amount_off=Decimal(amount_off))] if amount_off else []
    )
    rows = [row("p_pro", "pro", pro, interval), row("p_mobile", "mobile", module, interval)]
    prices = PriceList.of([*rows, row("p_new", proposed, other, interval)])
    quantity = {"seats": more, "enterprise": seats}.get(proposed, 1)

    added = delta_mrr(proposed, quantity, customer(now, interval, terms), catalogue, prices)

    by_hand = (invoice(then, shared, amount_off) - invoice(now, shared, amount_off)) * INVOICES_A_YEAR[interval] / 12
    assert added == Money(cents(by_hand), "EUR")


FLAT = {"mode": "graduated", "tiers": [(None, 3_900, 0)]}
EXTRA = {"mode": "graduated", "tiers": [(None, 9_900, 0)]}


@pytest.mark.parametrize(
    ("own", "shared", "seats", "module"),
    [
        ((), [], 11_700, 9_900),
        ((20,), [], 9_360, 9_900),  # on the plan alone: more of it is cheaper, the module is not
        ((), [Discount(Decimal(15))], 9_945, 8_415),  # on everything
        ((), [Discount(amount_off=Decimal(5_000))], 11_700, 9_900),  # spent already: nothing more comes off
        ((), [Discount(amount_off=Decimal(50_000))], 700, 0),  # 110 € of it found nothing to come off yet
        ((), [Discount(Decimal(30), applies_to=("prod_analytics",))], 11_700, 6_930),  # on that product alone
    ],
)
def test_d21_each_discount_falls_on_what_it_was_agreed_for(
    catalogue: Catalogue, own: tuple[int, ...], shared: list[Discount], seats: int, module: int
) -> None:
    """D21: three seats more on ten, and a module more, under each kind of discount."""
    account = customer([Line("pro", FLAT, 10, own)], "month", shared)
    prices = PriceList.of([row("p_pro", "pro", FLAT, "month"), row("p_a", "analytics", EXTRA, "month")])

    assert delta_mrr("seats", 3, account, catalogue, prices) == Money(seats, "EUR")
    assert delta_mrr("analytics", 1, account, catalogue, prices) == Money(module, "EUR")


def test_a_pack_takes_the_place_of_what_it_contains(catalogue: Catalogue) -> None:
    """D23: a pack of Analytics and Automation for 199 € adds 100 € to who pays 99 € for Analytics already."""
    offers = dict(catalogue.offers)
    for name in ("analytics", "automation"):
        offers[name] = replace(offers[name], included_in=["insight"])
    offers["insight"] = replace(offers["analytics"], included_in=[], need="insight", list_price={"EUR": 19_900})
    packed = replace(catalogue, offers=offers)
    account = customer([Line("pro", FLAT, 10), Line("analytics", EXTRA, 1)], "month", [])
    prices = PriceList.of([row("p_pro", "pro", FLAT, "month"), row("p_analytics", "analytics", EXTRA, "month")])

    assert delta_mrr("insight", 1, account, packed, prices) == Money(10_000, "EUR")
    assert delta_mrr("insight", 1, replace(account, items=()), packed, prices) == Money(19_900 - 1, "EUR")


@pytest.mark.parametrize(
    ("currency", "rate", "listed", "cents"),
    [("USD", "0.92", 10_900, 10_028), ("GBP", "1.1634", 8_900, 10_354), ("JPY", "0.0061", 14_900, 9_089)],
)
def test_d21_multi_currency_is_right_to_the_cent(
    catalogue: Catalogue, policy: GatesPolicy, currency: str, rate: str, listed: int, cents: int
) -> None:
    """D21: what is added is told in the customer's currency and ranked in euros at the day's rate; yen has no cents."""
    offers = {**catalogue.offers, "analytics": replace(catalogue.offers["analytics"], list_price={currency: listed})}
    account = AccountFeatures("a1", currency=currency, interval="month", subscribed=True)
    rates = [FxRate(currency=currency, since=date(2026, 1, 1), rate=Decimal(rate))]
    rates.append(FxRate(currency=currency, since=date(2027, 1, 1), rate=Decimal(9)))
    signal = Signal("s", "row", "upsell", "a1", ("reporting",), 1.0, 2.0, {"en": "s"}, TODAY)

    (found,) = score_account(
        account, {}, [signal], replace(catalogue, offers=offers), PriceList.of([]), policy, FxTable(rates=rates), TODAY
    )

    assert (found.delta_mrr, found.reported) == (Money(listed, currency), Money(cents, "EUR"))
    assert found.value == round(Fraction(found.p) * cents)


def test_terms_are_kept_exactly() -> None:
    """What lowers an item's revenue is read as it was written."""
    terms = Terms(
        (Discount(Decimal("12.5")),),
        (Discount(amount_off=Decimal(5_000), applies_to=("a", "b"), duration="repeating"),),
    )

    assert Terms.from_json(terms.to_json()) == terms
    assert json.loads(Terms().to_json()) == [[], []]
