"""Bad days: records locked, accounts moving, apps without their maker, addresses too long."""

from __future__ import annotations

import pytest
from hubspot_portal import COMPANY, Sandbox

ONE = f"/crm/v3/objects/companies/{COMPANY}"


def test_a_written_record_is_locked_for_a_while(portal: Sandbox) -> None:
    """A second write within the lock answers 423 and changes nothing; reads pass, other records too."""
    portal.switch(record_lock=2.0)
    first, other = portal.deal(), portal.deal()
    portal.ticks.now += 2
    path = f"/crm/v3/objects/deals/{first['id']}"

    written = portal.patch(path, {"properties": {"amount": "1"}})
    locked = portal.patch(path, {"properties": {"amount": "2"}})
    read = portal.get(path, properties="amount")
    beside = portal.patch(f"/crm/v3/objects/deals/{other['id']}", {"properties": {"amount": "3"}})
    portal.ticks.now += 2
    later = portal.patch(path, {"properties": {"amount": "2"}})

    assert [one.status_code for one in (written, locked, beside, later)] == [200, 423, 200, 200]
    assert read.json()["properties"]["amount"] == "1"


def test_a_lock_stops_a_whole_batch(portal: Sandbox) -> None:
    """One locked record answers 423 for all, trace ids or not, and nothing is written."""
    portal.switch(record_lock=2.0)
    free = portal.deal(amount="1")["id"]
    portal.ticks.now += 2
    held = portal.deal(amount="1")["id"]
    inputs = [{"id": one, "properties": {"amount": "9"}, "objectWriteTraceId": one} for one in (free, held)]

    answer = portal.batch("deals", "update", inputs)

    assert answer.status_code == 423
    assert {row["properties"]["amount"] for row in portal.stored("deals")} == {"1"}


def test_a_moving_account_answers_477_until_it_has_moved(portal: Sandbox) -> None:
    """Retry-After counts the seconds left on the portal's clock."""
    portal.switch(migrating_until="2026-06-01T10:00:00Z")

    moving = portal.get(ONE)
    portal.post("/__clock", {"advance": 3599})
    almost = portal.get(ONE)
    portal.post("/__clock", {"advance": 1})
    moved = portal.get(ONE)

    assert [one.status_code for one in (moving, almost, moved)] == [477, 477, 200]
    assert [moving.headers["Retry-After"], almost.headers["Retry-After"]] == ["3600", "1"]


def test_an_app_dies_with_its_makers_access(portal: Sandbox) -> None:
    """Every call answers 403 once the person who made the app may no longer enter."""
    portal.switch(creator_lost_access=True)

    answer = portal.get(ONE)

    assert (answer.status_code, answer.json()["category"]) == (403, "USER_DOES_NOT_HAVE_PERMISSIONS")


@pytest.mark.parametrize(("names", "status"), [(1_000, 200), (3_000, 414)])
def test_a_long_address_is_refused(portal: Sandbox, names: int, status: int) -> None:
    """What does not fit into an address belongs into a batch read's body."""
    assert portal.get(ONE, properties=",".join(["phone"] * names)).status_code == status
