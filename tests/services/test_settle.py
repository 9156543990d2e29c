"""What a run may do unasked, and how many API calls it may make."""

from __future__ import annotations

from typing import Any

import pytest

from connector.domain.change import Allowance, Change, Plan, RecordType
from connector.domain.mapping import ApiBudget
from connector.domain.policy import Approval
from connector.services.settle import calls_left, too_much
from tests.services.delivery_world import NOW

BUDGET = ApiBudget(share=0.5, floor=0.1)


def plan(**actions: int) -> Plan:
    changes = [
        Change(f"{action}-{n}", action, RecordType.TASK, f"{action}-{n}", "a", "t", "r")  # type: ignore[arg-type]
        for action, count in actions.items()
        for n in range(count)
    ]
    return Plan("r", "sync", "d", NOW, "", "", "", tuple(changes))


@pytest.mark.parametrize(
    ("allowance", "spent", "left"),
    [
        (Allowance(0, 1000), 0, 500),  # our share
        (Allowance(300, 1000), 300, 200),  # our share less what we made today
        (Allowance(850, 1000), 100, 50),  # others were busy: down to the floor, no further
        (Allowance(950, 1000), 0, 0),  # below the floor
        (Allowance(1200, 1000), 0, 0),  # beyond the limit
    ],
)
def test_calls_left_keep_share_and_floor(allowance: Allowance, spent: int, left: int) -> None:
    """We use at most our share of the day, and never what is left to the customer's other tools."""
    assert calls_left(allowance, BUDGET, spent) == left


def test_a_crm_that_tells_no_limit_sets_none() -> None:
    """Where the vendor does not say how much a day allows, nothing is kept back."""
    assert calls_left(None, BUDGET, 10_000) is None


@pytest.mark.parametrize(
    ("actions", "standing", "told"),
    [
        ({"create": 500}, 0, ""),
        ({"create": 501}, 0, "creates 501 (`approval.creates: 500`)"),
        ({"close": 51}, 1000, "closes 51 (`approval.closes: 50`)"),
        ({"update": 600, "associate": 401}, 5000, "changes 1,001 (`approval.changes: 1000`)"),
        ({"update": 60}, 100, "touches 60 of 100 records of ours (`approval.share: 0.5`)"),
        ({"update": 40}, 40, ""),  # few enough to look at
        ({"unchanged": 9000, "held": 9000}, 9000, ""),
    ],
)
def test_a_large_plan_waits_and_says_why(actions: dict[str, Any], standing: int, told: str) -> None:
    """Each limit that is passed is named with its number and its setting."""
    assert "; ".join(too_much(plan(**actions), Approval(), standing)) == told
