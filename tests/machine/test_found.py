"""What the state machine found, each as the shortest sequence that shows it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NoReturn
from unittest.mock import patch

import pytest

from connector.domain.change import Desired, Write
from connector.domain.errors import UnreachableError
from connector.domain.outbox import DeliveryState
from connector.domain.run import RunStatus
from connector.sandbox.control import Fault
from tests.machine.life import LEASE_LAPSES, Life, new_ledger
from tests.machine.machine import score_field
from tests.machine.place import FLAVOURS, Place, served
from tests.machine.truths import People, look, status_is_true
from tests.machine.wanted import Customer, opportunity, task
from tests.services.mortal import Killed


@pytest.fixture(scope="module", params=["hubspot", "salesforce"])
def site(request: pytest.FixtureRequest) -> Iterator[Place]:
    with served(FLAVOURS[request.param]) as made:
        yield made


@pytest.fixture
def place(site: Place) -> Place:
    """A CRM put back to its beginning."""
    site.reset()
    return site


@pytest.fixture
def life(place: Place) -> Iterator[Life]:
    """A connector that has never run."""
    life = Life(place, new_ledger())
    yield life
    life.close()


def wanted(place: Place, one: Customer, account: int = 0) -> list[Desired]:
    return [make(place, one, place.accounts[account]) for make in (opportunity, task)]


def killed(life: Life, desired: list[Desired], has_landed: bool) -> None:
    """The process dies at its first write: before the CRM acts on it, or before it hears the answer."""
    write = life.crm.writer.write

    def last(batch: Sequence[Write]) -> NoReturn:
        if has_landed:
            write(batch)
        raise Killed

    plan = life.plan(desired)
    with patch.object(life.crm.writer, "write", last), pytest.raises(Killed):
        life.apply(plan)
    life.restart()
    life.reach.clock.sleep(LEASE_LAPSES)


def test_an_association_to_a_merged_account_comes_to_an_end(place: Place, life: Life) -> None:
    """An association that waited while its account was merged gives way to the one with the survivor."""
    place.faults.append(Fault(path="associations/.*/batch/create", kind="status", status=423, body={}, times=None))
    life.apply(life.plan(wanted(place, Customer(0))))
    place.faults.clear()
    place.side.merge(place.accounts[1], place.accounts[0])

    for _ in range(2):
        place.clock.sleep(61)
        last = life.apply(life.plan(wanted(place, Customer(0), account=1)))

    assert last.status is RunStatus.SUCCESS, last
    assert not life.entries(DeliveryState.PENDING, DeliveryState.UNKNOWN)


@pytest.mark.parametrize("has_landed", [True, False])
def test_a_run_after_a_kill_delivers_the_newer_plan_or_says_that_it_did_not(
    place: Place, life: Life, has_landed: bool
) -> None:
    """What the dead process had on the wire was older news: success is only told once the newer one is there."""
    killed(life, wanted(place, Customer(0, 100, 10)), has_landed)

    plan = life.plan(wanted(place, Customer(0, 300, 30)))
    delivered = life.apply(plan)
    status_is_true(look(place, life, People()), plan, delivered)
    life.apply(life.plan(wanted(place, Customer(0, 300, 30))))

    (one,) = place.side.ours("opportunity")
    assert place.shows("opportunity", one, place.side.names["amount"], "300")
    assert place.shows("opportunity", one, score_field(place), "30")


def test_a_plan_made_before_a_write_was_heard_of_takes_nothing_for_a_persons(place: Place, life: Life) -> None:
    """It saw our own value and did not know it; applied after the write was found, it hands nothing over."""
    life.apply(life.plan(wanted(place, Customer(0, 100))))
    killed(life, wanted(place, Customer(0, 200)), has_landed=True)
    waiting = life.plan(wanted(place, Customer(0, 300)))
    life.apply(life.plan(wanted(place, Customer(0, 200))))

    life.apply(waiting)
    life.apply(life.plan(wanted(place, Customer(0, 400))))

    (one,) = place.side.ours("opportunity")
    assert place.shows("opportunity", one, place.side.names["amount"], "400"), "handed over to nobody"


def test_a_login_that_breaks_is_no_refusal(place: Place) -> None:
    """A login host that answers 500 in JSON is down: that is for later, and nobody has to mend credentials."""
    if place.flavour.crm == "hubspot":
        place.faults.append(Fault(kind="status", status=500, body={"message": "internal error"}, times=None))
    else:
        broken = {"message": "internal error"}
        place.faults.append(Fault(path="/oauth2/token", kind="status", status=500, body=broken, times=None))

    with pytest.raises(UnreachableError):
        place.connect().reader.destination()
