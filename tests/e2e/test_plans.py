"""A plan says exactly what will happen, holds only for the world it was made for, and may need a person's word."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from tests.e2e.world import World


def planned(world: World) -> tuple[Path, dict[str, Any]]:
    """Make a plan into a file and read it."""
    file = world.folder / "plan.json"
    ran = world.run("plan", "--out", str(file), "--json")
    assert ran.code == 0, ran.err
    assert not world.side.writes()
    return file, json.loads(file.read_text("utf-8"))


def values_of(world: World) -> dict[str, dict[str, str]]:
    """What the fields of our records hold, by key."""
    return {one.key or "": dict(one.values) for type in ("opportunity", "task") for one in world.side.ours(type)}


def created(plan: dict[str, Any]) -> dict[str, Any]:
    """The records with a key of their own that a plan makes; notes and files carry theirs in their text."""
    keyed = (one for one in plan["changes"] if one["action"] == "create" and one["type"] in ("opportunity", "task"))
    return {change["key"]: change for change in keyed}


def test_applying_a_plan_writes_exactly_what_it_says(installed: World) -> None:
    """A plan file is its owner's alone; applying it makes the records it lists, with their values, and no other."""
    file, plan = planned(installed)

    ran = installed.run("apply", str(file), "--yes", "--json")

    made = created(plan)
    now = values_of(installed)
    assert ran.code == 0, ran.err
    assert file.stat().st_mode & 0o777 == 0o600
    assert set(now) == set(made)
    assert ran.json["delivered"]["ok"] == Counter(change["action"] for change in plan["changes"]).total() - sum(
        change["action"] == "held" for change in plan["changes"]
    )
    for key, change in made.items():
        for field in change["fields"]:
            if field["name"].lower().endswith(("key", "name", "subject", "owner_id", "ownerid")):
                assert str(now[key][field["name"]]) == field["after"]
    assert installed.sync()["plan"]["create"] == 0
    assert not installed.side.writes()


def test_what_a_person_types_between_plan_and_apply_stays(synced: World) -> None:
    """However short a time that is: their change is told as moved, and the run as partial."""
    field = {"salesforce": "Description", "hubspot": "description"}[synced.side.crm]
    ours = synced.side.ours("opportunity")
    rule = {"value": "{{ name }}", "policy": "merge"}
    synced.edit_yaml(f"mappings/{synced.side.crm}.yaml", lambda crm: crm["opportunity"]["fields"].update({field: rule}))
    file, _ = planned(synced)
    synced.side.write("opportunity", {field: "typed by Paul"}, ours[0].id)

    ran = synced.run("apply", str(file), "--yes", "--json")

    assert (ran.code, ran.json["delivered"]["moved"], ran.json["delivered"]["ok"]) == (3, 1, len(ours) - 1)
    assert synced.side.get("opportunity", ours[0].id)[field] == "typed by Paul"


def test_a_plan_is_refused_after_the_configuration_changed(installed: World) -> None:
    """What was looked at under other rules is not carried out: exit 2, and nothing is written."""
    file, _ = planned(installed)
    installed.edit_yaml("playbooks/policy.yaml", lambda policy: policy["caps"].update(per_account=1))

    ran = installed.run("apply", str(file), "--yes")

    assert ran.code == 2
    assert "configuration" in ran.err
    assert not installed.side.writes()


def test_a_plan_file_that_was_edited_is_refused(installed: World) -> None:
    """A plan is applied as it was made: a changed value in the file is exit 2, and nothing is written."""
    file, plan = planned(installed)
    file.write_text(file.read_text("utf-8").replace(plan["changes"][-1]["title"], "Something else"), encoding="utf-8")

    ran = installed.run("apply", str(file), "--yes")

    assert ran.code == 2
    assert not installed.side.writes()


def test_a_plan_file_that_tells_of_another_run_is_refused(installed: World) -> None:
    """A file whose run this ledger does not know was not made by it: editing the run's id too is no way round."""
    file, plan = planned(installed)
    file.write_text(file.read_text("utf-8").replace(plan["run_id"], "20260930T053000-aaaaaa"), encoding="utf-8")

    ran = installed.run("apply", str(file), "--yes")

    assert ran.code == 2
    assert "this ledger made no plan" in ran.err
    assert not installed.side.writes()


def test_a_plan_applied_twice_writes_once(installed: World) -> None:
    """The second time there is nothing left to do, and `runs` says so: each run with what it wrote itself."""
    file, plan = planned(installed)
    first = installed.run("apply", str(file), "--yes", "--json").json
    before = values_of(installed)

    again = installed.run("apply", str(file), "--yes", "--json")
    told = {run["run_id"]: run for run in installed.run("runs", "--json").json["runs"]}

    assert again.code in (0, 2, 3)
    assert not installed.side.writes()
    assert values_of(installed) == before
    assert set(before) == set(created(plan))
    once, twice, made = (told[id] for id in (first["run_id"], again.json["run_id"], first["applies"]))
    assert [run["created"] for run in (made, once, twice)] == [0, first["plan"]["create"], 0]
    assert (made["applied_by"], once["applies"], twice["applies"]) == (once["run_id"], made["run_id"], made["run_id"])


def test_a_large_plan_waits_for_a_persons_word(installed: World) -> None:
    """Above the limit `sync` ends with 4 and writes nothing; `approve` delivers that very plan."""
    installed.edit_yaml("playbooks/policy.yaml", lambda policy: policy.update(approval={"creates": 0}))

    waiting = installed.run("sync", "--json")
    writes = installed.side.writes()
    nameless = installed.run("approve", waiting.json["run_id"], "--by", " ")
    approved = installed.run("approve", waiting.json["run_id"], "--by", "Ana Ruiz", "--json")

    assert waiting.code == 4
    assert waiting.json["status"] == "waiting"
    assert not writes
    assert nameless.code == 2
    assert approved.code == 0, approved.err
    documents = sum(len(installed.side.store.dump(installed.side.kinds[type])) for type in ("note", "file"))
    assert len(values_of(installed)) + documents == waiting.json["plan"]["create"] > 0
    assert installed.run("sync", "--json").code == 0  # nothing to create: nothing to approve
    assert installed.run("approve", waiting.json["run_id"], "--by", "Ana Ruiz").code == 2


def test_a_newer_plan_takes_the_place_of_one_that_waits(installed: World) -> None:
    """Only the newest plan of a job can be approved."""
    installed.edit_yaml("playbooks/policy.yaml", lambda policy: policy.update(approval={"creates": 0}))
    older, newer = (installed.run("sync", "--json").json["run_id"] for _ in range(2))

    assert installed.run("approve", older, "--by", "Ana Ruiz").code == 2
    assert not installed.side.writes()
    assert installed.run("approve", newer, "--by", "Ana Ruiz").code == 0


def test_an_unknown_destination_asks_first(installed: World) -> None:
    """A CRM nobody agreed to is not written to: exit 4 without `--yes`."""
    (installed.state / "ledger.db").unlink()

    ran = installed.run("sync")

    assert ran.code == 4
    assert not installed.side.writes()
    assert installed.run("sync", "--yes", "--json").json["status"] == "success"
