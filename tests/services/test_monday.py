"""The Monday list: five for each account executive, best first, a reason each, and the same all week."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connector.domain.account import CrmAccount
from connector.domain.change import Desired, DesiredField, Policy, RecordType
from connector.domain.project import Project
from connector.domain.receipt import KnownRecord, Receipt
from connector.services.desk import Desk
from connector.services.monday import monday
from tests.services.test_briefs import PROJECTS, world

MONDAY = datetime(2026, 9, 28, 6, tzinfo=UTC)
FIELD = "Expansion_Week__c"
ACCOUNTS = {f"a{n}": CrmAccount(f"a{n}", f"Account {n}", owner_id="u1" if n < 8 else "u2") for n in range(10)}


def opportunity(n: int, value: int = 0, **more: Any) -> Desired:
    fields = {"Name": DesiredField(f"Opportunity {n}", Policy.CREATE)}
    reason = f"{40 + n} of 50 seats used"
    return Desired(RecordType.OPPORTUNITY, f"{n:032x}", f"a{n}", "x", reason, fields, value=value or n, **more)


def listed(desired: list[Desired], now: datetime = MONDAY, sent: dict[str, str | None] | None = None) -> dict[str, Any]:
    """What the field is to hold, by key."""
    known = {
        key: KnownRecord(key, RecordType.OPPORTUNITY, f"o-{key}", "a", receipts={FIELD: Receipt(text, text)})
        for key, text in (sent or {}).items()
    }
    plain = PROJECTS["salesforce"]
    rules: Project = replace(plain, policy=replace(plain.policy, monday=5))
    made = monday(Desk(world(accounts=ACCOUNTS, known=known), rules, now), desired)
    return {one.key: one.fields[FIELD].value for one in made if FIELD in one.fields}


def test_five_are_listed_best_first_with_a_reason() -> None:
    """The five with the highest expected value have a place and a reason; the others have none."""
    told = listed([opportunity(n) for n in range(8)])

    assert [told[f"{n:032x}"] for n in (7, 6, 5, 4, 3)] == [
        f"2026-W40 {place}. {40 + n} of 50 seats used" for place, n in enumerate((7, 6, 5, 4, 3), 1)
    ]
    assert [told[f"{n:032x}"] for n in (0, 1, 2)] == [None] * 3


def test_each_account_executive_has_a_list_of_their_own() -> None:
    """Two owners have two first places."""
    told = listed([opportunity(1), opportunity(9)])

    assert {str(text)[:11] for text in told.values()} == {"2026-W40 1."}


@pytest.mark.parametrize("days", [1, 4, 6])
def test_the_list_stands_all_week(days: int) -> None:
    """Until the next Monday neither a new proposal nor a better one moves anybody's list."""
    sent = listed([opportunity(n) for n in range(7)])

    later = listed([opportunity(n, value=100 - n) for n in range(8)], MONDAY + timedelta(days=days), sent)

    assert {key: text for key, text in later.items() if key in sent} == sent
    assert later[f"{7:032x}"] is None


def test_the_next_monday_ranks_anew() -> None:
    """A week later the list is made again, and who left it is cleared."""
    sent = listed([opportunity(n) for n in range(7)])

    later = listed([opportunity(n, value=100 - n) for n in range(7)], MONDAY + timedelta(days=7), sent)

    assert [key for key, text in later.items() if text] == [f"{n:032x}" for n in range(5)]
    assert all(str(text).startswith("2026-W41") for text in later.values() if text)


def test_a_deleted_or_closing_opportunity_takes_no_place() -> None:
    """What is withdrawn is not work for anybody."""
    told = listed([opportunity(1, close=True), opportunity(2)])

    assert list(told) == [f"{2:032x}"]


def test_without_a_field_there_is_no_list() -> None:
    """A mapping that names no field leaves every opportunity as it is."""
    here = world(accounts=ACCOUNTS)
    here = replace(here, mapping=replace(here.mapping, opportunity=replace(here.mapping.opportunity, week=None)))
    rules = replace(PROJECTS["salesforce"], mapping=here.mapping)
    desired = [opportunity(1)]

    assert list(monday(Desk(here, rules, MONDAY), desired)) == desired
