"""One day of people at work in the CRM, and the three runs after it: each respects all of it, and says so."""

from __future__ import annotations

from connector.adapters.ledger import Ledger
from connector.domain.episode import EpisodeState
from connector.domain.receipt import KnownRecord
from tests.e2e.sides import Record
from tests.e2e.test_what_people_do import episodes
from tests.e2e.world import World

DAYS_BETWEEN = 8
"""By then texts and scores may be written anew."""
OF_THE_PERSON = ("amount", "stage", "owner")


def known(world: World) -> dict[str, KnownRecord]:
    """What the ledger knows of our records, by key."""
    with Ledger(f"sqlite:///{world.state / 'ledger.db'}") as ledger:
        return ledger.receipts.records(ledger.destinations.all()[0].id)


def accounts_taken(world: World) -> set[str]:
    """Accounts that something of ours hangs on."""
    return {
        account
        for type in ("opportunity", "task")
        for one in world.side.ours(type)
        for account in world.side.account_of(one, type)
    }


def untouched_task(world: World, others: list[Record]) -> Record:
    """A task of another opportunity than these."""
    taken, parents_of = {one.id for one in others}, world.side.parents_of
    return next(one for one in world.side.ours("task") if parents_of(one) and not parents_of(one) & taken)


def test_three_runs_respect_what_people_did_and_say_so(synced: World) -> None:
    """Amount, stage and owner stay, the deleted stays away, the merged is followed, the done task stays done."""
    side = synced.side
    edited, deleted, merged = side.ours("opportunity")[:3]
    task = untouched_task(synced, [edited, deleted, merged])
    somebody = next(one["owner"] for one in side.ours("opportunity") if one["owner"] != edited["owner"])
    (account,) = side.account_of(merged, "opportunity")
    survivor = next(one.id for one in side.all("account") if one.id not in accounts_taken(synced) and one["owner"])
    side.write("opportunity", {"amount": "4321", "owner": somebody}, edited.id)
    side.move(edited, "consult")
    side.remove("opportunity", deleted.id)
    side.merge(survivor, account)
    side.write("task", {"status": "COMPLETED" if side.crm == "hubspot" else "Completed"}, task.id)
    typed = {name: side.get("opportunity", edited.id)[name] for name in OF_THE_PERSON}
    done = side.get("task", task.id)["status"]
    keys = {one.key for one in side.ours("opportunity")}

    told = []
    for _ in range(3):
        told.append(synced.sync())

        assert {name: side.get("opportunity", edited.id)[name] for name in OF_THE_PERSON} == typed
        assert side.get("task", task.id)["status"] == done
        now = {one.key: one for one in side.ours("opportunity")}
        assert deleted.key not in now
        assert keys <= set(now), "one of ours is gone"
        assert side.account_of(now[merged.key], "opportunity") == {survivor}
        assert [one.key for one in side.ours("opportunity") if one.key == merged.key] == [merged.key]
        synced.later(days=DAYS_BETWEEN)

    for run in told:
        assert run["left_to_people"]["fields"] >= 1, "the amount"
        assert run["held"]["cool_down"] >= 1, "the need of the deleted one"
        assert run["status"] == "success"
    assert known(synced)[edited.key or ""].receipts[side.names["amount"]].handed_over
    assert known(synced)[task.key or ""].receipts[side.names["status"]].handed_over
    assert episodes(synced)[deleted.key or ""].state is EpisodeState.DELETED


def test_the_diff_names_what_is_left_to_people(synced: World) -> None:
    """`plan` counts the fields that people took over, and `explain` says that the need was thrown away."""
    side = synced.side
    edited, deleted = side.ours("opportunity")[:2]
    (account,) = side.account_of(deleted, "opportunity")
    side.write("opportunity", {"amount": "4321"}, edited.id)
    side.remove("opportunity", deleted.id)
    synced.sync()

    plan = synced.run("plan", "--json")
    explained = synced.run("explain", account, "--json").json

    assert plan.code == 0
    assert plan.json["left_to_people"] == {"fields": 1}
    assert "cool_down" in {one["decision"] for one in [*explained["scores"], *explained["decisions"]]}
