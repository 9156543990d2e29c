"""A pilot's limits, on both CRMs: whom the connector may write about, and that in shadow mode it writes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from connector.adapters.ledger import Ledger
from connector.domain.change import RecordType
from connector.domain.outbox import DeliveryState
from tests.e2e.running import SMALL_BATCH
from tests.e2e.test_quota import DAYS_CALLS, UNTOUCHED, others_spend
from tests.e2e.world import CRMS, Site, World

POLICY = "playbooks/policy.yaml"


def limit(world: World, **policy: Any) -> None:
    """Set keys of the policy."""
    world.edit_yaml(POLICY, lambda document: document.update(policy))


def homes(world: World, type: str) -> dict[str, set[str]]:
    """Map each living record of ours → the accounts it hangs on; a task may hang on its opportunity alone."""
    side = world.side
    by_opportunity = {one.id: side.account_of(one, "opportunity") for one in side.ours("opportunity")}
    found = {}
    for one in side.ours(type):
        parents = side.parents_of(one) if type == "task" else set()
        found[one.key or ""] = side.account_of(one, type) | {a for p in parents for a in by_opportunity.get(p, set())}
    return found


def reached(world: World) -> set[str]:
    """Every account that a record of ours hangs on."""
    return {account for type in ("opportunity", "task") for some in homes(world, type).values() for account in some}


def plan(world: World) -> list[dict[str, Any]]:
    """Every change of a plan made now."""
    file = world.folder / "plan.json"
    ran = world.run("plan", "--out", str(file))
    assert ran.code == 0, ran.err
    changes: list[dict[str, Any]] = json.loads(file.read_text("utf-8"))["changes"]
    return changes


def outside(changes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one for one in changes if one.get("why") == "out_of_scope"]


def test_only_accounts_in_scope_get_anything(installed: World) -> None:
    """Opportunities, tasks and review reminders reach the named accounts alone; what else would be is held."""
    everybody = {one["account_id"] for one in plan(installed) if one["action"] == "create"}
    chosen = sorted(everybody)[:3]
    limit(
        installed, scope={"accounts": [chosen[0], installed.side.get("account", chosen[1])["account_name"], chosen[2]]}
    )

    summary = installed.sync()

    assert reached(installed) == set(chosen)
    assert summary["scope"]["accounts"] == 3
    assert summary["held"]["out_of_scope"] >= len(everybody) - 3
    told = installed.run("explain", sorted(everybody - set(chosen))[0], "--json").json
    assert "out_of_scope" in json.dumps(told)
    assert installed.sync()["delivered"]["ok"] == 0


def test_an_account_that_leaves_the_scope_keeps_its_records_as_they_are(synced: World) -> None:
    """Narrowed, the scope closes and withdraws nothing: not after a sync, a stage move, a lost deal, nor a new rule."""
    mine, moved, lost = synced.side.ours("opportunity")[:3]
    before = {one.key for type in ("opportunity", "task") for one in synced.side.ours(type)}
    (inside,) = synced.side.account_of(mine, "opportunity")
    limit(synced, scope={"accounts": [inside]})
    synced.side.move(moved, "consult")
    synced.side.move(lost, "lost")
    synced.later(days=8)

    synced.sync()
    first = synced.side.writes()
    synced.stages()

    after = homes(synced, "opportunity") | homes(synced, "task")
    assert before <= set(after)
    assert {account for key, some in after.items() if key not in before for account in some} <= {inside}
    told = json.dumps([*first, *synced.side.writes()])
    (left,) = synced.side.account_of(moved, "opportunity")
    assert moved.id not in told
    assert left not in told
    held = outside(plan(synced))
    assert {"held"} == {one["action"] for one in held}
    assert moved.key in {one.get("key") for one in held}


def test_the_accounts_of_one_owner(installed: World) -> None:
    """`scope.owners` lets in the accounts whose proposals would be that person's, however the e-mail is spelt."""
    side = installed.side
    owner = installed.company.crm.owners[0]
    before = {one["account_id"]: one for one in plan(installed) if one["action"] == "create"}
    limit(installed, scope={"owners": [owner.email.upper()]})

    installed.sync()

    homes_of = [side.get("account", account) for account in reached(installed)]
    owners = {home["owner"] or home["OwnerId"] for home in homes_of}
    assert len(owners) == 1
    assert 0 < len(homes_of) < len(before)


def test_what_waits_from_before_is_not_sent_outside(installed: World) -> None:
    """Changes that an earlier run put off are given up once their account is out of scope, even by the stages job."""
    others_spend(installed, DAYS_CALLS - UNTOUCHED - 30)
    assert installed.run("sync", batch=SMALL_BATCH).code == 75
    before = homes(installed, "opportunity") | homes(installed, "task")
    assert before
    inside = sorted({account for some in before.values() for account in some})[0]
    limit(installed, scope={"accounts": [inside]})
    installed.edit_yaml("playbooks/schedule.yaml", lambda document: document["jobs"].pop("nightly"))
    installed.later(days=1, minutes=1)

    installed.stages()

    after = homes(installed, "opportunity") | homes(installed, "task")
    assert {account for key, some in after.items() if key not in before for account in some} <= {inside}
    with Ledger(f"sqlite:///{installed.state / 'ledger.db'}") as ledger:
        left = ledger.outbox.entries(ledger.destinations.all()[0].id, [DeliveryState.PENDING])
    assert {entry.change.account_id for entry in left} <= {inside}


def test_widened_again_the_scope_lets_what_was_due_happen(synced: World) -> None:
    """The stage's tasks come once the account is let in again."""
    one, other = synced.side.ours("opportunity")[:2]
    (home,) = synced.side.account_of(other, "opportunity")
    limit(synced, scope={"accounts": [home]})
    synced.side.move(one, "consult")
    synced.stages()
    tasks = {task.key for task in synced.side.ours("task")}
    limit(synced, scope={})

    synced.stages()

    new = [task for task in synced.side.ours("task") if task.key not in tasks]
    assert new
    assert all(one.id in synced.side.parents_of(task) for task in new)


@pytest.mark.parametrize(
    ("scope", "said"),
    [
        ({"owners": ["nobody@example.com"]}, "no owner in the CRM has the e-mail"),
        ({"accounts": ["No Such Company Ltd"]}, "no account in the CRM is called"),
        ({"segments": ["galactic"]}, "no customer in billing is of the segment"),
        ({"accounts": []}, "scope.accounts names nobody"),
    ],
)
def test_a_scope_that_fits_nobody_is_told_with_what_was_meant(installed: World, scope: Any, said: str) -> None:
    """A misspelt name is an error before anything is written, never a pilot that silently does nothing."""
    limit(installed, scope=scope)

    ran = installed.run("sync")

    assert ran.code == 2
    assert "playbooks/policy.yaml" in ran.err
    assert said in ran.err
    assert "→" in ran.err
    assert installed.side.writes() == []


def test_near_misses_are_named(installed: World) -> None:
    """One letter off, the message says which account or segment was probably meant."""
    name = installed.side.all("account")[0]["account_name"]
    limit(installed, scope={"accounts": [name[:-1] + "x"], "segments": ["enterprisee"]})

    ran = installed.run("plan")

    assert ran.code == 2
    assert f"did you mean {name}?" in ran.err
    assert "did you mean enterprise?" in ran.err


def kept(world: World) -> dict[str, Any]:
    """What the ledger holds of what only a live run may store."""
    with Ledger(f"sqlite:///{world.state / 'ledger.db'}") as ledger:
        run = ledger.runs.list(1)[0]
        return {
            "destinations": ledger.destinations.all(),
            "episodes": ledger.episodes.all(run.destination),
            "outbox": ledger.outbox.of_run(run.id),
            "status": str(run.status),
        }


def test_shadow_writes_nothing_and_needs_nothing_installed(site: Site, crm: str, tmp_path: Path) -> None:
    """Before any installation a shadow sync tells what it would do, writes nothing, agrees to nothing, ends with 0."""
    world = site.at(crm, "empty", tmp_path)
    limit(world, mode="shadow")

    first = world.run("sync", "--json")
    shown = world.run("sync")

    assert (first.code, first.json["status"], first.json["mode"]) == (0, "shadow", "shadow")
    assert first.json["plan"]["create"] > 10
    assert world.side.writes() == []
    assert kept(world) == {"destinations": [], "episodes": [], "outbox": [], "status": "shadow"}
    assert shown.code == 0
    assert "SHADOW" in shown.out.splitlines()[1]
    assert "Nothing was written." in shown.out


def test_in_shadow_mode_no_command_writes(synced: World) -> None:
    """Apply, approve, undo and install are refused with the line to edit; the stages job looks and writes nothing."""
    one = synced.side.ours("opportunity")[0]
    run = kept_run(synced)
    live_plan = synced.folder / "plan.json"
    assert synced.run("plan", "--out", str(live_plan)).code == 0
    limit(synced, mode="shadow")
    synced.side.move(one, "consult")

    refused: dict[str, Callable[[], Any]] = {
        "apply": lambda: synced.run("apply", str(live_plan), "--yes"),
        "approve": lambda: synced.run("approve", run, "--by", "Ana"),
        "undo": lambda: synced.run("undo", run, "--yes", "--by", "Ana"),
        "install": lambda: synced.run("install", "--yes"),
    }
    answers = {name: ask() for name, ask in refused.items()}
    jobs = synced.run("run", "--once")

    for name, ran in answers.items():
        assert ran.code == 2, (name, ran)
        assert "mode is shadow" in ran.err, (name, ran.err)
    assert jobs.code == 0, jobs.err
    assert "nothing was written (mode is shadow); it would: create" in jobs.out
    assert synced.side.writes() == []


def kept_run(world: World) -> str:
    with Ledger(f"sqlite:///{world.state / 'ledger.db'}") as ledger:
        return ledger.runs.list(1)[0].id


def test_live_after_shadow_does_what_was_proposed(installed: World) -> None:
    """Set to live, the next sync makes the records that the shadow run had named, under the same keys."""
    limit(installed, mode="shadow")
    installed.sync()
    with Ledger(f"sqlite:///{installed.state / 'ledger.db'}") as ledger:
        stored = ledger.plans.get(ledger.runs.list(1)[0].id)
    assert stored is not None
    limit(installed, mode="live")

    installed.sync()

    kinds = (RecordType.OPPORTUNITY, RecordType.TASK)
    proposed = {one.key for one in stored.plan.changes if one.action == "create" and one.type in kinds}
    made = {one.key for type in ("opportunity", "task") for one in installed.side.ours(type)}
    assert proposed == made


def test_a_segment_limits_the_stages_job_too(synced: World) -> None:
    """The job that does not ask billing knows each account's segment from the last sync."""
    kept_by = sorted((synced.state / "runs").glob("*/segments.*.json"))[-1]
    segments = json.loads(kept_by.read_text("utf-8"))
    side = synced.side
    opportunities = {one.key: next(iter(side.account_of(one, "opportunity"))) for one in side.ours("opportunity")}
    by_segment = {key: segments.get(account, ["none"])[0] for key, account in opportunities.items()}
    inside = by_segment[side.ours("opportunity")[0].key]
    assert len(set(by_segment.values())) > 1
    limit(synced, scope={"segments": [inside]})
    synced.edit_yaml("playbooks/schedule.yaml", lambda document: document["jobs"].pop("nightly"))
    before = {one.key for one in side.ours("task")}
    for one in side.ours("opportunity"):
        side.move(one, "consult")

    synced.stages()

    new = [homes(synced, "task")[one.key or ""] for one in side.ours("task") if one.key not in before]
    assert new
    assert all(inside in segments[account] for accounts in new for account in accounts)


def test_each_crm_keeps_its_own_segments(site: Site, crm: str, tmp_path: Path) -> None:
    """Of two CRMs that one project writes to, the last one that synced does not tell the other's job its segments."""
    world = site.at(crm, "installed", tmp_path / "one")
    limit(world, scope={"segments": ["smb", "mid", "enterprise"]})
    world.sync()
    elsewhere = site.at(next(other for other in CRMS if other != crm), "installed", tmp_path / "two")
    ran = replace(elsewhere, folder=world.folder, home=world.home).run("sync", "--yes", "--json")
    assert ran.code == 0, ran.err
    world.edit_yaml("playbooks/schedule.yaml", lambda document: document["jobs"].pop("nightly"))
    before = len(world.side.ours("task"))
    world.side.move(world.side.ours("opportunity")[0], "consult")

    world.stages()

    assert len(world.side.ours("task")) > before
