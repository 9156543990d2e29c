"""The first sync into a CRM, and those after it in a world that stays as it is."""

from __future__ import annotations

from collections import Counter

from connector.sandbox.company import expected_mrr
from tests.e2e.world import World

NOTHING = {"create": 0, "update": 0, "close": 0, "associate": 0}


def test_a_first_sync_writes_opportunities_and_tasks_and_the_next_two_nothing(installed: World) -> None:
    """A first sync creates both kinds of record; in an unchanged world the later ones say `unchanged`, write none."""
    first = installed.sync(fresh=True)  # measures everything, as nothing else here does
    made = {type: len(installed.side.ours(type)) for type in ("opportunity", "task")}
    made |= {type: len(installed.side.store.dump(installed.side.kinds[type])) for type in ("note", "file")}
    second = installed.sync(fresh=True)
    written = len(installed.side.writes())
    third = installed.sync()

    assert made["opportunity"] > 0
    assert made["task"] > made["opportunity"]
    assert min(made["note"], made["file"]) > 0
    assert first["plan"]["create"] == sum(made.values())
    assert first["delivered"]["ok"] == first["plan"]["create"] + first["plan"]["associate"]
    assert second["plan"] == third["plan"] == {**NOTHING, "unchanged": sum(made.values())}
    assert written == len(installed.side.writes()) == 0


def test_recurring_revenue_is_what_the_company_was_made_with(synced: World) -> None:
    """MRR ties to the source, and to the amount computed from the neutral model, but for rounding each item once."""
    told = synced.sync()["mrr"]

    expected = {currency.upper(): minor for currency, minor in expected_mrr(synced.company).items() if minor}
    tests = told["why"].get("test_accounts", {})
    items = Counter(subscription.currency.upper() for subscription in synced.company.subscriptions)
    assert "unexplained" not in told["why"]
    assert set(told["ours"]) == set(expected)
    for currency, minor in expected.items():
        off = abs(told["ours"][currency] + tests.get(currency, 0) - minor)
        assert off <= 5 * items[currency], f"{currency}: {told['ours'][currency]} instead of {minor}"


def test_every_record_of_ours_hangs_where_it_belongs(synced: World) -> None:
    """An opportunity names its account; a task its account, its opportunity where it has one, and a contact if any."""
    side = synced.side
    opportunities = {one.id: one for one in side.ours("opportunity")}
    people = Counter(account for one in side.all("contact") for account in side.account_of(one, "contact"))

    for one in opportunities.values():
        assert len(side.account_of(one, "opportunity")) == 1
    for task in side.ours("task"):
        accounts = side.account_of(task, "task")
        assert len(accounts) == 1
        for parent in side.parents_of(task):
            assert side.account_of(opportunities[parent], "opportunity") == accounts
        assert bool(side.people_of(task)) == any(people[account] for account in accounts)
    assert {parent for task in side.ours("task") for parent in side.parents_of(task)} == set(opportunities)
