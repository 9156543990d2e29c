"""The gate of the holdout: who was drawn, while there is one, and after whatever else holds a proposal back."""

from __future__ import annotations

from dataclasses import replace

import pytest
from test_gates import CRM, HEALTHY, POLICY, SCORE, ago, candidate, reason

from connector.domain.gates import Load
from connector.domain.holdout import Arm
from connector.domain.occupied import OpenEpisode
from connector.domain.policy import Holdout, Reason

LOT = Holdout(share=0.1, salt="lot")


@pytest.mark.parametrize(
    ("holdout", "arm", "why"),
    [
        (LOT, Arm.HELD_OUT, Reason.HELD_OUT),
        (LOT, Arm.PROPOSED, None),
        (LOT, None, None),
        (None, Arm.HELD_OUT, None),
    ],
)
def test_d36_who_is_held_out(holdout: Holdout | None, arm: Arm | None, why: Reason | None) -> None:
    """D36: Only who was drawn, only while there is a holdout; what is open already is not gone on with either."""
    policy = replace(POLICY, holdout=holdout)
    ours = (OpenEpisode("reporting", ago(40), "analytics"),)

    assert reason(candidate(policy=policy, crm=replace(CRM, arm=arm))) == why
    assert reason(candidate(policy=policy, crm=replace(CRM, arm=arm, open_episodes=ours))) == why


def test_d36_whatever_else_holds_it_is_told_first() -> None:
    """D36: Those told as held out are whom nothing else holds; caps come after, because they take no place."""
    out = replace(CRM, arm=Arm.HELD_OUT)
    policy = replace(POLICY, holdout=LOT)
    full = Load(account_open=POLICY.caps.per_account)

    assert reason(candidate(policy=policy, crm=out, score=replace(SCORE, p=0.01))) is Reason.UNLIKELY
    assert reason(candidate("analytics", replace(HEALTHY, nps=1, nps_on=ago(3)), policy=policy, crm=out)) is (
        Reason.UNHEALTHY_NPS
    )
    assert reason(candidate(policy=policy, crm=out, load=full)) is Reason.HELD_OUT
