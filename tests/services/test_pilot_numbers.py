"""A pilot's numbers: shares with what they are shares of, none from too few, and cells that are no formulas."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from connector.domain.account import Owner
from connector.services.pilot import Gathered, Night, Period, Proposal, Theirs
from connector.services.pilot_report import as_csv, numbers, report, row, share

ANA, LUC = Owner("u1", "Ana", "ana@example.com"), Owner("u2", "Luc", "luc@example.com")
MONDAY = datetime(2026, 9, 28, 3, 30, tzinfo=UTC)
PERIOD = Period(MONDAY, MONDAY + timedelta(days=6))


def proposal(key: str, **more: Any) -> Proposal:
    plain: dict[str, Any] = {
        "key": key,
        "account_id": f"a{key}",
        "account": f"Account {key}",
        "owner": ANA,
        "need": "reporting",
        "offer": "analytics",
        "as_task": False,
        "value": 1_000,
        "first": MONDAY,
        "last": date(2026, 9, 28),
        "days": 1,
        "is_live": True,
        "is_still_proposed": True,
        "is_written": True,
    }
    return Proposal(**plain | more)


def theirs(id: str, need: str | None = "reporting", is_renewal: bool = False) -> Theirs:
    return Theirs(id, f"a{id}", ANA, need, is_renewal, MONDAY + timedelta(days=1))


@pytest.mark.parametrize(
    ("count", "of", "expected"), [(0, 0, None), (9, 9, None), (3, 10, 0.3), (0, 40, 0.0), (40, 40, 1.0)]
)
def test_fewer_than_ten_are_not_judged(count: int, of: int, expected: float | None) -> None:
    """A share is worked out of ten and more only; the counts are always told."""
    assert share(count, of) == {"count": count, "of": of, "share": expected}


def test_each_share_is_of_what_it_can_be_true_of() -> None:
    """Agreement is of all proposals; moving on of opportunities in the CRM; foreseen of what can be told."""
    some = [
        proposal("1", agreed=("o1",), tasks=2, done=1, moved_to="consult"),
        proposal("2", as_task=True, tasks=1, done=1),
        proposal("3", is_written=False),
        proposal("4", is_live=False, is_written=False, is_still_proposed=False),
        proposal("5", is_edited=True),
        proposal("6", is_deleted=True, state="deleted"),
        proposal("7"),
    ]
    people = [theirs("o1"), theirs("o2"), theirs("o3", need=None), theirs("o4", need=None, is_renewal=True)]

    told = numbers(some, people)

    assert told["agreed"] == share(1, 7)
    assert told["moved_on"] == share(1, 4)
    assert told["tasks_done"] == share(2, 3)
    assert (told["edited"], told["deleted"], told["untouched"]) == (share(1, 5), share(1, 5), share(1, 5))
    assert told["people"] == {"opened": 4, "renewals": 1, "need_not_told": 1, "foreseen": share(1, 2)}
    assert told["shadow"] == {"proposed": 1, "still_proposed": 0, "vanished": 1}
    assert told["live"] == {"proposed": 6, "written": 5}


def test_owners_add_up_to_the_total() -> None:
    """Every proposal and every opportunity of people's is somebody's, once."""
    some = (proposal("1"), proposal("2", owner=LUC, value=9_000), proposal("3", owner=LUC, value=None))
    found = Gathered(some, (theirs("o1"),), (Night(date(2026, 9, 28), 3, 3, 0),), 7, 5)

    told = report(found, PERIOD, "hubspot:1", "live", "EUR")

    assert [(one["owner"], one["proposed"], one["value"]) for one in told["owners"]] == [
        ("Ana", 1, 1_000),
        ("Luc", 2, 9_000),
    ]
    assert sum(one["people"]["opened"] for one in told["owners"]) == told["total"]["people"]["opened"] == 1
    assert [one["key"] for one in told["proposals"]] == ["2", "1", "3"]
    assert told["days"] == {"in_period": 7, "with_a_run": 5}


@pytest.mark.parametrize("name", ["=HYPERLINK(1)", "+1", "-1", "@SUM(A1)", "\tx", 'Say "hi", Ltd\nParis'])
def test_a_customers_name_is_no_formula_in_a_spreadsheet(name: str) -> None:
    """A cell that would be worked out begins with an apostrophe; quotes, commas and lines survive."""
    (read,) = csv.DictReader(io.StringIO(as_csv([row(proposal("1", account=name))])))

    assert read["account"] in (name, f"'{name}")
    assert not read["account"].startswith(("=", "+", "-", "@", "\t"))
    assert read["key"] == "1"
