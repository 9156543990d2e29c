"""`connector preview`: exactly what the CRM would get for one account, and nothing is written for it."""

from __future__ import annotations

import pytest

from tests.e2e.world import World


def first_account(world: World) -> tuple[str, str]:
    """An account that gets an opportunity, by id and name."""
    made = world.run("plan", "--json", "--out", str(world.folder / "plan.json"))
    assert made.code == 0, made.err
    from connector.services.plan_file import read_plan

    plan = read_plan(world.folder / "plan.json")
    change = next(one for one in plan.changes if one.type == "opportunity" and one.action == "create")
    names = {one.id: one["account_name"] for one in world.side.all("account")}
    return change.account_id, names[change.account_id]


def test_a_preview_shows_what_the_plan_writes(installed: World) -> None:
    """Field for field, before and after, what `plan` has for that account, with policy and place."""
    from connector.services.plan_file import read_plan

    account, name = first_account(installed)
    plan = read_plan(installed.folder / "plan.json")

    seen = installed.run("preview", name, "--json").json

    planned = {
        change.key: {field.name: field.after for field in change.fields}
        for change in plan.changes
        if change.account_id == account and change.action == "create"
    }
    shown = {
        record["key"]: {field["name"]: field["after"] for field in record["fields"] if field["verdict"] == "write"}
        for record in seen["records"]
        if record["action"] == "create"
    }
    assert shown == planned
    assert seen["account_id"] == account
    assert all(field["policy"] and field["at"] for record in seen["records"] for field in record["fields"])


def test_a_preview_writes_nothing(installed: World) -> None:
    """The CRM gets no write, and the ledger no run and no plan."""
    account, _ = first_account(installed)
    before = installed.run("runs", "--json").json

    ran = installed.run("preview", account)

    assert (ran.code, installed.side.writes()) == (0, [])
    assert installed.run("runs", "--json").json == before


def test_a_preview_tells_before_and_after(synced: World) -> None:
    """What a person changed is shown as theirs, and what stays is shown as it is."""
    theirs = synced.side.ours("opportunity")[0]
    synced.side.write("opportunity", {"amount": "1"}, theirs.id)
    account = next(iter(synced.side.account_of(theirs, "opportunity")))

    seen = synced.run("preview", account, "--json").json

    (record,) = (one for one in seen["records"] if one["key"] == theirs.key)
    verdicts = {field["name"]: field["verdict"] for field in record["fields"]}
    assert verdicts[synced.side.names["amount"]] == "a person's"
    assert verdicts[synced.side.names["name"]] == "set on new records only"
    assert verdicts[synced.side.names["close_date"]] == "as it is"


@pytest.mark.parametrize("crm", ["hubspot"])
def test_a_name_that_nobody_has_tells_near_ones(installed: World) -> None:
    """A misspelt name is refused, and tells what was probably meant."""
    _, name = first_account(installed)

    ran = installed.run("preview", f"{name[:-1]}q", "--json")

    assert ran.code == 2
    assert name in ran.json["errors"][0]["hint"]


def test_a_preview_by_billing_id(synced: World) -> None:
    """A billing account's id leads to its CRM account."""
    link = next(one for one in synced.run("link", "list", "--json").json["links"] if one["state"] == "linked")

    seen = synced.run("preview", link["billing_id"], "--json").json

    assert seen["account_id"] == link["crm"]["id"]
