"""`install` twice and `uninstall`, from the command line to either CRM: what is asked, written, told and remembered."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connector.adapters.ledger import Ledger
from connector.domain.audit import Act
from connector.sandbox.salesforce.access import View
from connector.sandbox.salesforce.render import describe
from connector.sandbox.salesforce.schema import standard_objects
from tests.e2e.world import Site, World

RECORDS = {"Account", "Contact", "Opportunity", "OpportunityHistory", "Task", "Event", "Note"}
RECORDS |= {"ContentVersion", "ContentDocument", "ContentDocumentLink"}
"""Salesforce types whose rows are people's work; the rows of every other one are setup."""
PLANNED = {"salesforce": 37, "hubspot": 33}


@pytest.fixture
def empty(site: Site, crm: str, tmp_path: Path) -> World:
    """A CRM that nobody has installed anything into."""
    return site.at(crm, "empty", tmp_path)


def schema(world: World) -> Any:
    """A CRM's whole schema: every object as our user sees it, its definitions, and everything else that is set up."""
    store = world.side.store
    if world.side.crm == "salesforce":
        setup = {kind: store.dump(kind) for kind in standard_objects() if kind not in RECORDS}
        fields = {owner: dict(store.custom_fields(owner)) for owner in (*standard_objects(), "Activity")}
        view = View(store, store.user_id)
        seen = {name: describe("v67.0", store, kind) for name in view.names() if (kind := view.type(name))}
        return json.dumps([setup, fields, sorted(store.open_fields), seen], sort_keys=True, default=repr)
    live = {
        kind: {name: row for name, row in rows.items() if not row["archived"]}
        for kind, rows in store.properties.items()
    }
    return json.dumps([live, store.groups, store.pipelines], sort_keys=True)


def writes(world: World) -> list[str]:
    """What the last command sent that changes something in the CRM."""
    return [f"{one['method']} {one['path']}" for one in world.side.writes() if "/oauth" not in one["path"]]


def destination(world: World) -> str:
    with Ledger(f"sqlite:///{world.state / 'ledger.db'}") as ledger:
        (one,) = ledger.destinations.all()
        return one.id


def acts(world: World, where: str) -> Iterator[tuple[Act, list[str]]]:
    """What the audit chain tells of the schema."""
    with Ledger(f"sqlite:///{world.state / 'ledger.db'}") as ledger:
        for record in ledger.audit.records(where):
            if record.act in (Act.INSTALL, Act.UNINSTALL):
                yield record.act, list(record.values or {})


def test_install_twice_changes_nothing_the_second_time(empty: World) -> None:
    """The plan comes first and is what is done; a second time everything is there, and not one write is sent."""
    planned = empty.run("install", "--dry-run", "--json")
    looked = writes(empty)
    first = empty.run("install", "--yes", "--json")
    made = schema(empty)
    second = empty.run("install", "--yes", "--json")

    assert (planned.code, first.code, second.code) == (0, 0, 0)
    assert looked == []
    create = [step for step in planned.json["steps"] if step["doing"] == "create"]
    assert len(create) == PLANNED[empty.side.crm]
    assert [(step["what"], step["name"]) for step in first.json["done"]] == [
        (one["what"], one["name"]) for one in create
    ]
    assert writes(empty) == []
    assert second.json["done"] == []
    assert schema(empty) == made
    assert {step["doing"] for step in second.json["steps"]} == {"exists"}


def test_uninstall_leaves_the_schema_as_it_was(empty: World) -> None:
    """After install, a whole delivery and uninstall the schema is what it was; the ledger and its records stay."""
    before = schema(empty)
    empty.run("install", "--yes")
    empty.sync()
    where = destination(empty)
    records = len(empty.side.ours("opportunity"))

    planned = empty.run("uninstall", "--dry-run", "--json").json
    done = empty.run("uninstall", "--yes", "--confirm", where, "--json")

    assert records
    held = {step["name"]: step.get("holds") for step in planned["steps"]}
    key = {"salesforce": "Opportunity.Expansion_Key__c", "hubspot": "deals.expansion_key"}[empty.side.crm]
    assert held[key] == records
    assert done.code == 0
    assert schema(empty) == before
    assert destination(empty) == where
    assert [act for act, _ in acts(empty, where)] == [Act.INSTALL, Act.UNINSTALL]
    assert all(key in names for _, names in acts(empty, where))
    assert empty.run("ledger", "check").code == 0
    assert empty.run("audit", "verify").code == 0


def test_an_uninstalled_crm_gets_nothing_until_it_is_installed_again(installed: World) -> None:
    """A run without our fields writes nothing and says so; installed again, the next one makes nothing twice."""
    installed.sync()
    where, records = destination(installed), len(installed.side.all("opportunity"))
    installed.run("uninstall", "--yes", "--confirm", where)

    refused = installed.run("sync", "--json")
    sent = writes(installed)
    again = installed.run("uninstall", "--yes", "--confirm", where)
    sent_again = writes(installed)
    back = installed.run("install", "--yes")
    installed.run("sync", "--json")

    assert (refused.code, sent) == (2, [])
    assert "connector install" in refused.json["errors"][0]["hint"]
    assert (again.code, sent_again) == (0, [])
    assert "Nothing of ours is there." in again.out
    assert back.code == 0
    assert len(installed.side.all("opportunity")) == records


def test_uninstall_asks_twice(installed: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A no, a wrong destination, `--yes` alone and a script without both leave everything where it is."""
    where, before = destination(installed), schema(installed)

    def typed(*answers: str) -> int:
        monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(answers) + "\n"))
        return installed.run("uninstall").code

    codes = {
        "no": typed("n"),
        "wrong name": typed("y", "salesforce:00D000000000001AAA"),
        "--yes alone": installed.run("uninstall", "--yes").code,
        "--json alone": installed.run("uninstall", "--json").code,
        "--confirm alone": installed.run("uninstall", "--json", "--confirm", where).code,
        "another place": installed.run("uninstall", "--yes", "--confirm", "elsewhere:1").code,
    }

    assert codes == {
        "no": 75,
        "wrong name": 2,
        "--yes alone": 4,
        "--json alone": 4,
        "--confirm alone": 4,
        "another place": 2,
    }
    assert schema(installed) == before
    assert typed("y", where) == 0
    assert schema(installed) != before


def test_uninstall_waits_for_a_delivery_to_end(installed: World) -> None:
    """While another process delivers there nothing is removed."""
    where, before = destination(installed), schema(installed)
    with Ledger(f"sqlite:///{installed.state / 'ledger.db'}") as ledger:
        from connector.adapters.clock import SystemClock

        assert ledger.leases.take(where, "somebody else", SystemClock().now(), 600) is not None

    ran = installed.run("uninstall", "--yes", "--confirm", where)

    assert ran.code == 75
    assert "another process is delivering" in ran.err
    assert schema(installed) == before


def test_what_stands_in_the_way_is_told_with_its_line(empty: World) -> None:
    """A field that is there with another type is told with the line of the mapping that wants it; nothing is made."""
    section, name, other = {
        "salesforce": ("opportunity", "Expansion_Score__c", "number"),
        "hubspot": ("opportunity", "expansion_score", "number"),
    }[empty.side.crm]
    empty.run("install", "--yes")
    empty.edit_yaml(
        f"mappings/{empty.side.crm}.yaml", lambda mapping: mapping["install"][section][name].update(type="date")
    )
    before = schema(empty)

    ran = empty.run("install", "--yes", "--json")

    (error,) = ran.json["errors"]
    assert ran.code == 2
    assert error["at"].startswith(f"mappings/{empty.side.crm}.yaml")
    assert f"a {other} " in error["message"]
    assert "rename it" in error["hint"]
    assert writes(empty) == []
    assert schema(empty) == before


def test_the_last_words_say_how_to_exclude_our_records(empty: World) -> None:
    """After an installation an admin knows the exact field and value, and what is left to do by hand."""
    ran = empty.run("install", "--yes")

    field = {"salesforce": "Expansion_Managed__c", "hubspot": "expansion_managed"}[empty.side.crm]
    assert "created by connector" in ran.out
    assert field in ran.out.partition("created by connector")[2]
    assert "one key makes one task" in ran.out


def test_the_package_is_written_without_a_crm(empty: World, tmp_path: Path) -> None:
    """`install --out` needs no credentials, asks nothing of the CRM, and writes the same files again."""
    empty.env = {name: value for name, value in empty.env.items() if "SALESFORCE" not in name and "HUBSPOT" not in name}
    folder = tmp_path / "package"

    first = empty.run("install", "--out", str(folder), "--json")
    files = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    second = empty.run("install", "--out", str(folder))

    assert (first.code, second.code) == (0, 0)
    assert sorted(first.json["files"]) == sorted(str(path.relative_to(folder)) for path in files)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == files
    assert empty.side.control.requests == []


def test_a_folder_that_cannot_be_written_is_told(empty: World, tmp_path: Path) -> None:
    """A file where the folder should be is told with the option, not with a traceback."""
    (tmp_path / "taken").write_text("x")

    ran = empty.run("install", "--out", str(tmp_path / "taken"), "--json")

    assert (ran.code, ran.json["errors"][0]["at"]) == (2, "--out")


def test_fields_that_were_emptied_by_an_uninstallation_are_no_persons(synced: World) -> None:
    """A deal is lost after `uninstall` and `install`: its tasks are taken back, since nobody touched them."""
    side, where = synced.side, destination(synced)
    lost = side.ours("opportunity")[0]
    tasks = [one.id for one in side.ours("task") if side.parents_of(one) & {lost.id}]
    synced.run("uninstall", "--yes", "--confirm", where)
    synced.run("install", "--yes")
    side.move(lost, "lost")

    told = synced.sync()

    assert tasks
    assert (told["plan"]["close"], told["left_to_people"]) == (len(tasks), {})
    cancelled = {"salesforce": "Deferred", "hubspot": "DEFERRED"}[side.crm]
    assert {side.get("task", id)["status"] for id in tasks} == {cancelled}
