"""Rows of a forgotten customer never land again; what only names it loses the name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from connector.adapters.ledger import Ledger
from connector.domain.change import CrmRecord, Plan, RecordType
from connector.domain.customer import Customer
from connector.domain.errors import PlanRefusedError
from connector.domain.plan_json import plan_from_json, plan_to_json
from connector.ports.billing import Landing, Page, Rejected, UsagePart
from connector.services.spare import (
    feed_without_forgotten,
    plan_without_forgotten,
    spared_by,
    without_forgotten,
)
from connector.testing.contracts.ledger_world import HERE, change
from tests.services.delivery_world import DESTINATION, World, opportunity, task

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
ZOE = Customer(
    "forgotten:1",
    frozenset({"cus_Zoe0001", "17"}),
    {HERE: frozenset({"account"})},
    {HERE: frozenset({"contact-9"})},
    {"books/subscriptions": frozenset({"sub_Zoe9"})},
)


class Books:
    """A source that gives one page."""

    name = "books"
    mapping_hash = ""
    reference = ("prices",)

    def __init__(self, page: Page) -> None:
        self._page = page

    def streams(self) -> dict[str, str | None]:
        return {"customers": None, "subscriptions": None, "invoices": "subscriptions", "usage": None}

    def pages(self, *_: object) -> Iterator[Page]:
        yield self._page

    def account_of(self, stream: str, row: Landing) -> str | None:
        return row.id if stream == "customers" else row.payload.get("customer")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """A ledger that has forgotten Zoë."""
    with Ledger(f"sqlite:///{tmp_path / 'ledger.db'}") as made:
        made.suppressions.add(ZOE.hashes(made.suppressions.secret(), "Ana", NOW))
        yield made


def spared(ledger: Ledger, page: Page) -> Page:
    """Pull a page through the filter, as a new process would."""
    [source] = without_forgotten([Books(page)], spared_by(ledger.suppressions))  # type: ignore[list-item]
    [kept] = source.pages(None, page.stream, None, NOW)  # type: ignore[arg-type]
    return kept


def rows(*pairs: tuple[str, dict[str, Any]], stream: str = "subscriptions") -> Page:
    return Page(stream, [Landing(id, payload) for id, payload in pairs], cursor={"at": 1})


@pytest.mark.parametrize(
    ("stream", "row", "is_kept"),
    [
        ("customers", Landing("cus_Zoe0001", {"name": "Zoë"}), False),
        ("customers", Landing("17", {}), False),
        ("customers", Landing("18", {"seats": "17"}), True),
        ("subscriptions", Landing("sub_new", {"customer": "cus_Zoe0001"}), False),
        ("subscriptions", Landing("sub_Zoe9", {"deleted": True}), False),
        ("subscriptions", Landing("sub_ann", {"customer": "cus_Ann", "quantity": "17"}), True),
        ("invoices", Landing("in_1", {"total": 5}, parent="sub_Zoe9"), False),
        ("invoices", Landing("in_2", {"total": 5}, parent="sub_ann"), True),
    ],
)
def test_a_row_is_left_out_when_it_is_about_the_customer(
    ledger: Ledger, stream: str, row: Landing, is_kept: bool
) -> None:
    """By its own id, by its account, by its parent; never because a number looks like a short id."""
    kept = spared(ledger, Page(stream, [row], cursor={"at": 1}))

    assert list(kept.rows) == ([row] if is_kept else [])
    assert kept.cursor == {"at": 1}


def test_another_account_that_names_it_only_loses_the_name(ledger: Ledger) -> None:
    """A subsidiary stays, without its parent, and lands the same the next time."""
    page = rows(("cus_Ann", {"name": "Ann", "metadata": {"parent": "cus_Zoe0001"}}), stream="customers")
    first, second = spared(ledger, page), spared(ledger, page)

    assert first.rows == [Landing("cus_Ann", {"name": "Ann", "metadata": {"parent": ""}})]
    assert second == first


def test_what_hangs_on_a_new_row_is_left_out_too(ledger: Ledger) -> None:
    """Usage of a subscription that began after the forgetting names only the subscription."""
    spared(ledger, rows(("sub_new", {"customer": "cus_Zoe0001"})))
    table = pa.table(
        {
            "account_id": [None, None, "cus_Zoe0001", "cus_Ann"],
            "subscription_id": ["sub_new", "sub_ann", None, None],
            "value": [1.0, 2.0, 3.0, 4.0],
        }
    )
    kept = spared(ledger, Page("usage", usage=UsagePart("file", table)))

    assert kept.usage is not None
    assert kept.usage.rows.column("value").to_pylist() == [2.0, 4.0]


@pytest.mark.parametrize(
    ("payload", "is_kept"),
    [
        ({"account": "cus_Zoe0001"}, False),
        ({"text": "x;cus_Zoe0001;Zoë"}, False),
        ({"account": "cus_Ann"}, True),
        (None, True),
    ],
)
def test_a_row_that_cannot_be_read_is_left_out(ledger: Ledger, payload: dict[str, str] | None, is_kept: bool) -> None:
    """Set-aside rows keep what stood in them, so they are looked into."""
    one = Rejected("customers", "a.csv:3", "malformed_row", "x", payload)

    assert list(spared(ledger, Page("customers", rejected=[one])).rejected) == ([one] if is_kept else [])


def test_while_nobody_was_forgotten_nothing_is_in_the_way(tmp_path: Path) -> None:
    """Sources and feed are handed on as they are."""
    with Ledger(f"sqlite:///{tmp_path / 'new.db'}") as fresh:
        sources = [Books(rows())]

        assert without_forgotten(sources, spared_by(fresh.suppressions)) is sources  # type: ignore[arg-type, comparison-overlap]


class Feed:
    """A CRM that changed."""

    def __init__(self, *records: CrmRecord) -> None:
        self._records = records

    def changed(self, *_: object) -> Iterator[CrmRecord]:
        yield from self._records


@pytest.mark.parametrize(
    ("record", "kept"),
    [
        (CrmRecord(RecordType.ACCOUNT, "account", {"name": "Zoë"}), None),
        (CrmRecord(RecordType.ACCOUNT, "account", {}, archived=True, merged_into="other"), None),
        (CrmRecord(RecordType.ACCOUNT, "b", {"parent": "account"}), {"parent": None}),
        (CrmRecord(RecordType.ACCOUNT, "b", {"name": "B"}), {"name": "B"}),
        (CrmRecord(RecordType.CONTACT, "c", {"company": "account"}), None),
        (CrmRecord(RecordType.CONTACT, "contact-9", {}, archived=True), None),
        (CrmRecord(RecordType.OPPORTUNITY, "o", {}, links={"account": ("account",)}), None),
        (CrmRecord(RecordType.OPPORTUNITY, "o", {"x": "1"}, links={"account": ("b",)}), {"x": "1"}),
    ],
)
def test_the_crm_is_not_followed_there(ledger: Ledger, record: CrmRecord, kept: dict[str, str | None] | None) -> None:
    """Neither the account nor what hangs on it; what is not seen is never written."""
    feed = feed_without_forgotten(Feed(record), HERE, spared_by(ledger.suppressions))  # type: ignore[arg-type]

    found = [dict(one.fields) for one in feed.changed(record.type, [], None)]
    assert found == ([] if kept is None else [kept])


def test_a_plan_goes_on_without_it(ledger: Ledger) -> None:
    """What was planned before the forgetting is not written after it."""
    mine, other = change("1"), change("2", account="b")
    plan = Plan("run-1", "sync", HERE, NOW, "", "", "", (mine, other))

    assert mine.account_id == "account"
    assert plan_without_forgotten(plan, ledger.suppressions).changes == (other,)
    assert plan_without_forgotten(Plan("r", "sync", "else:1", NOW, "", "", "", (mine,)), ledger.suppressions).changes


def test_a_delivery_that_waited_meanwhile_leaves_it_out(tmp_path: Path) -> None:
    """The customer was forgotten while a run that had already planned for it waited for the lease."""
    world = World(tmp_path)
    plan = world.plan([opportunity(1), opportunity(2), task(1)])
    gone = Customer("forgotten:2", crm={DESTINATION: frozenset({"account-1"})})
    world.ledger.suppressions.add(gone.hashes(world.ledger.suppressions.secret(), "Ana", NOW))

    done = world.deliver(plan, means=replace(world.means(), suppressions=world.ledger.suppressions))

    assert done.ok > 0
    assert {entry.change.account_id for entry in world.ledger.outbox.of_run(plan.run_id)} == {"account-2"}
    assert world.crm.by_key(opportunity(1).key) is None
    assert world.crm.by_key(opportunity(2).key) is not None


def test_a_plan_that_waits_is_applied_without_it(tmp_path: Path) -> None:
    """Its schema is still compared by every field it was made for, also those that only its changes wrote."""
    world = World(tmp_path)
    world.ledger.destinations.remember(world.crm.destination())
    plan = world.plan([opportunity(1), replace(task(2), links=())])
    world.ledger.plans.save(plan)
    gone = Customer("forgotten:2", crm={DESTINATION: frozenset({"account-1"})})
    world.ledger.forgetting.erase(gone, "Ana", NOW)
    stored = world.ledger.plans.get(plan.run_id)
    assert stored is not None

    done = world.deliver(stored.plan)

    assert [change.account_id for change in stored.plan.changes] == ["account-2"]
    assert (done.ok, world.crm.by_key(opportunity(1).key)) == (1, None)
    with pytest.raises(PlanRefusedError, match="schema"):
        world.deliver(replace(stored.plan, run_id="later", schema_fields=("task.name", "opportunity.name")))


def test_a_plan_from_before_it_named_its_fields_is_applied(tmp_path: Path) -> None:
    """What was planned by an older connector is compared by the fields of its changes."""
    world = World(tmp_path)
    old = replace(world.plan([opportunity(1)]), schema_fields=())

    done = world.deliver(plan_from_json(plan_to_json(old)))

    assert '"schema_fields"' not in plan_to_json(old)
    assert done.ok > 0
