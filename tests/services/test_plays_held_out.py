"""Plays of a customer that is held out: what proposes does not begin, everything else does."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from test_plays import NOW, WON, Life, customer, holding, told

from connector.domain.holdout import Arm


def test_d36_a_held_out_customer_gets_no_play_that_proposes() -> None:
    """D36: No trial is proposed to it; news, help and what follows a sale go on; the other arm gets everything."""
    signs = (told("explored", NOW.date(), ("reporting",)), told("told_by_a_colleague", NOW.date()))
    out = Life(customer(), signals=signs, arm=Arm.HELD_OUT)
    after_sale = Life(customer(holding()), episodes={WON.key: WON}, arm=Arm.HELD_OUT)
    idle = Life(customer(replace(holding(), since=NOW.date() - timedelta(days=90))), arm=Arm.HELD_OUT)
    free = Life(customer(), signals=signs, arm=Arm.PROPOSED)

    assert out.run() == ["congratulate: congratulate"]
    assert out.held == ["held_out"]
    assert after_sale.run()[0] == "activation: activate"
    assert idle.run() == ["dormant: ask_cause"]
    assert free.run() == ["congratulate: congratulate", "propose_trial: offer_trial"]
