"""The cheaper step of a tiered price, beside just enough units."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from test_scoring import customer, holding, metric, price, signal
from tiny import TODAY

from connector.compute.added import PriceList
from connector.compute.scores import score_account
from connector.domain.catalogue import Catalogue
from connector.domain.money import FxTable, Money
from connector.domain.policy import GatesPolicy
from connector.domain.pricing import Price, Tier
from connector.domain.score import Step

STEPS = (Tier(50, Decimal(1_000)), Tier(100, Decimal(900)), Tier(None, Decimal(1_100)))


@pytest.mark.parametrize(
    ("mode", "pace", "added", "delta"),
    [
        ("volume", 46.0, 0, None),  # 50.6 are needed: 51 would be bought anyway
        ("volume", 42.0, 9, 51 * 900 - 42 * 1_000),  # 46.2 are needed; 51 is within a quarter of that
        ("graduated", 42.0, 9, 50 * 1_000 + 900 - 42 * 1_000),
        ("volume", 30.0, 0, None),  # 33 are needed: 51 is out of reach
        ("volume", 60.0, 0, None),  # above the second step a unit costs more
    ],
)
def test_d21_a_cheaper_step_is_a_candidate_of_its_own(
    catalogue: Catalogue, policy: GatesPolicy, fx: FxTable, mode: str, pace: float, added: int, delta: int | None
) -> None:
    """D21: beside just enough units, as many as reach the step on which one costs less, priced along that price."""
    offers = {**catalogue.offers, "seats_step": replace(catalogue.offers["seats"], quantity="tier")}
    tiered = Price("EUR", "month", tiers=STEPS, tiers_mode=mode)  # type: ignore[arg-type]
    prices = PriceList.of([{**price("p", "pro", "0"), "spec": tiered.to_json()}])
    account = customer(holding("pro", pace, 1, price_id="p"))
    pressed = {"active_seats": metric("active_seats", pace, pace)}
    signals = [signal("near", "more_seats", metric="active_seats")]

    made = score_account(account, pressed, signals, replace(catalogue, offers=offers), prices, policy, fx, TODAY)
    found = {one.offer: one for one in made}

    assert "seats" in found
    if delta is None:
        assert "seats_step" not in found
        return
    step = found["seats_step"]
    assert (step.quantity, step.delta_mrr) == (added, Money(delta, "EUR"))
    assert step.step == Step(51, Money(900, "EUR"), Money(1_000, "EUR"))
