"""Every way a CRM may be set up meets random sequences of events, and the promises of delivery hold."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Verbosity, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.budget import FULL
from tests.machine.machine import Delivery
from tests.machine.place import FLAVOURS, served
from tests.machine.stages import Negotiations

EXAMPLES, DAYS = (40, 16) if FULL else (7, 8)


@pytest.mark.parametrize("name", FLAVOURS)
def test_delivery_keeps_its_promises_whatever_happens(name: str) -> None:
    """No key twice, none lost, every association there, no edit overwritten, ledger and status true to the CRM."""
    with served(FLAVOURS[name]) as place:
        machine = type("Delivery", (Delivery,), {"place": place})

        run_state_machine_as_test(machine, settings=budget())


@pytest.mark.parametrize("name", ["hubspot", "salesforce", "salesforce, tasks without keys"])
def test_stages_are_followed_whatever_happens(name: str) -> None:
    """Moves, work, days, storms and deaths: no task twice, none missing, none left open that should not be."""
    with served(FLAVOURS[name]) as place:
        machine = type("Negotiations", (Negotiations,), {"place": place})

        run_state_machine_as_test(machine, settings=budget())


def budget() -> settings:
    """CI repeats the same sequences; `--full` seeks new ones."""
    return settings(
        max_examples=EXAMPLES,
        stateful_step_count=DAYS,
        derandomize=not FULL,
        database=None,
        deadline=None,
        print_blob=True,
        verbosity=Verbosity.normal,
        suppress_health_check=list(HealthCheck),
    )
