"""What is worked out once for many says the same as worked out for each."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_added_revenue import EXTRA, FLAT, Line, customer, percents, row

from connector.compute.added import PriceList, delta_mrr, priced
from connector.compute.scores import weigh
from connector.domain.catalogue import Catalogue
from connector.domain.features import AccountFeatures
from connector.domain.intent import Contribution
from connector.domain.money import round_minor, share_of
from connector.domain.policy import GatesPolicy
from connector.domain.pricing import Discount
from connector.domain.score import scorecard
from connector.domain.signal import Signal

ROWS = [
    row("p_pro", "pro", FLAT, "month"),
    row("p_analytics", "analytics", EXTRA, "month"),
    row("p_mobile", "mobile", FLAT, "month"),
    row("p_year", "automation", EXTRA, "year"),
]
lines = st.builds(
    lambda seats, own, module: [Line("pro", FLAT, seats, tuple(own)), *([Line("mobile", FLAT, 1)] if module else [])],
    st.integers(1, 4),
    percents,
    st.booleans(),
)
shared = st.sampled_from([[], [Discount(Decimal(10))], [Discount(amount_off=Decimal(5_000))]])
whose = st.sampled_from(["told in full", "amounts alone", "in dollars", "at half price"])


def paying(told: list[Line], terms: list[Discount], whose: str) -> AccountFeatures:
    account = customer(told, "month", terms)
    match whose:
        case "amounts alone":
            return replace(account, items=tuple(replace(one, discounts=None) for one in account.items))
        case "in dollars":
            return replace(account, currency="USD", items=())
        case "at half price":
            held = {n: replace(one, mrr_minor=1, list_mrr_minor=2) for n, one in account.holdings.items()}
            return replace(account, holdings=held, items=())
    return account


@given(
    people=st.lists(st.builds(paying, lines, shared, whose), min_size=2, max_size=12),
    most=st.sampled_from([1, 3, 50_000]),
)
@settings(max_examples=100, deadline=None)
def test_who_pays_for_the_same_is_told_the_same_price(
    catalogue: Catalogue, people: list[AccountFeatures], most: int
) -> None:
    """One price list asked for many accounts answers as a new one does, however few answers it keeps."""
    prices = PriceList.of(ROWS)
    prices.paid.MOST = most  # type: ignore[misc] # of this one
    asked = [
        (name, many, one)
        for one in people
        for name, many in (("seats", 2), ("analytics", 1), ("enterprise", 3), ("automation", 1))
    ]

    told = [delta_mrr(name, many, one, catalogue, prices) for name, many, one in asked]

    assert told == [priced(name, many, one, catalogue, PriceList.of(ROWS)) for name, many, one in asked]


def test_another_catalogue_is_not_told_the_first_ones_price(catalogue: Catalogue) -> None:
    """A price list that answered with one catalogue answers anew with another."""
    prices, account = PriceList.of([]), AccountFeatures("a1", currency="EUR", subscribed=True)
    dearer = {**catalogue.offers, "analytics": replace(catalogue.offers["analytics"], list_price={"EUR": 1})}

    told = [delta_mrr("analytics", 1, account, one, prices) for one in (catalogue, replace(catalogue, offers=dearer))]

    assert [one.minor for one in told if one] == [9_900, 1]


@given(st.floats(0, 1), st.integers(-(10**12), 10**12))
def test_a_share_of_an_amount_is_exact(share: float, minor: int) -> None:
    """Whole numbers alone round as the exact product does, halves to even."""
    assert share_of(share, minor) == round_minor(Fraction(share) * minor)


@pytest.mark.parametrize(("minor", "half"), [(1, 0), (3, 2), (5, 2), (-1, 0), (-3, -2)])
def test_halves_go_to_the_even_side(minor: int, half: int) -> None:
    """A half of an odd amount."""
    assert share_of(0.5, minor) == half


signals = st.lists(
    st.builds(
        lambda id, term, metric, says: Signal(
            id, "row", "upsell", "a", ("n",), 1.0, term, {"en": says}, date(2026, 11, 1), metric
        ),
        st.sampled_from(["s1", "s2", "s3"]),
        st.sampled_from([-1.0, 0.5, 1.0]),
        st.sampled_from([None, "documents", "storage_gb"]),
        st.sampled_from(["one", "two"]),
    ),
    max_size=8,
)


@given(found=signals)
def test_the_strongest_of_each_rule_counts(policy: GatesPolicy, found: list[Signal]) -> None:
    """Of signals of one rule the strongest counts; the metric and then the words decide between two alike."""
    strongest: dict[str, Signal] = {}
    for one in sorted(found, key=lambda one: (-abs(one.term), one.metric or "", str(one.evidence))):
        strongest.setdefault(one.id, one)
    terms = [Contribution(one.id, one.term, one.evidence) for one in strongest.values()]

    assert weigh(found, policy) == scorecard(policy.base_rate, terms, policy.p_bounds)
