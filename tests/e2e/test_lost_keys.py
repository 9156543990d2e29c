"""A record of ours that lost its key in the CRM gets it again, so that a ledger lost later still finds it."""

from __future__ import annotations

from typing import Any

from connector.domain.change import RecordType
from connector.domain.episode import EpisodeState
from connector.domain.receipt import KnownRecord
from tests.e2e.sides import Record
from tests.e2e.test_install_uninstall import destination
from tests.e2e.test_rebuilt_ledger import episodes, known, lose_ledger, rebuild
from tests.e2e.world import World


def shown(world: World) -> dict[str, str | None]:
    """The key that each living record of ours shows, by the key that it should show."""
    keys = {one.id: one.key for type in ("opportunity", "task") for one in world.side.all(type) if not one.gone}
    return {key: keys[one.crm_id] for key, one in alive(world).items()}


def alive(world: World) -> dict[str, KnownRecord]:
    """What of ours is there and carries a key: notes and files do not."""
    keyed = (RecordType.OPPORTUNITY, RecordType.TASK)
    return {key: one for key, one in known(world).items() if one.tombstone is None and one.type in keyed}


def wipe(world: World, type: str, *some: Record) -> None:
    for one in some:
        world.side.write(type, {"key": None}, one.id)


def close_some(world: World) -> tuple[Record, Record]:
    """A deal is lost and a task of another one done: no run desires them any more."""
    side = world.side
    lost, other = side.ours("opportunity")[:2]
    done = next(one for one in side.ours("task") if side.parents_of(one) & {other.id})
    side.move(lost, "lost")
    side.write("task", {"status": "COMPLETED" if side.crm == "hubspot" else "Completed"}, done.id)
    world.sync()
    return lost, done


def values(world: World) -> dict[str, Any]:
    """Everything but keys and dates of our records, by id."""
    ids = {one.crm_id for one in alive(world).values()}
    left_out = {"key", world.side.names["key"], "SystemModstamp", "LastModifiedDate", "hs_lastmodifieddate"}
    return {
        one.id: {name: value for name, value in one.values.items() if name not in left_out}
        for type in ("opportunity", "task")
        for one in world.side.all(type)
        if one.id in ids
    }


def test_fields_made_anew_get_every_key_again(synced: World) -> None:
    """After `uninstall` and `install` the next run restores the keys of closed records, too; a rebuild finds all."""
    close_some(synced)
    before = alive(synced)
    synced.run("uninstall", "--yes", "--confirm", destination(synced))
    synced.run("install", "--yes")
    emptied = {key for key, key_shown in shown(synced).items() if key_shown is None}
    if synced.side.crm == "salesforce":  # HubSpot gives a property that is made again its values back
        assert emptied == set(before)

    told = synced.sync()
    again = synced.sync()

    assert shown(synced) == {key: key for key in before}
    assert told["plan"]["update"] == len(emptied)
    assert (again["plan"]["update"], synced.side.writes()) == (0, [])
    lose_ledger(synced)
    rebuild(synced)
    plan = synced.sync()["plan"]
    assert {key: one.crm_id for key, one in alive(synced).items()} == {key: one.crm_id for key, one in before.items()}
    assert (plan["create"], plan["update"], plan["associate"]) == (0, 0, 0)


def test_keys_that_were_wiped_out_come_back_alone(synced: World) -> None:
    """Open, closed or done: its key is all that is written, the plan says why, and an undo leaves it there."""
    lost, done = close_some(synced)
    open_one = synced.side.ours("opportunity")[-1]
    wipe(synced, "opportunity", lost, open_one)
    wipe(synced, "task", done)
    before = values(synced)

    plan = synced.run("plan").out
    told = synced.sync()
    undone = synced.run("undo", told["run_id"], "--by", "Ana", "--yes", "--json")

    assert plan.count("(own; key restored)") == told["plan"]["update"] == told["delivered"]["ok"] == 3
    assert undone.code == 0, undone.out
    assert shown(synced) == {key: key for key in alive(synced)}
    assert values(synced) == before


def test_a_key_that_another_record_bears_stays_there(synced: World) -> None:
    """Somebody copied the deal and moved the key to the copy: two records with one key would be one too many."""
    ours, other = synced.side.ours("opportunity")[:2]
    (account,) = synced.side.account_of(ours, "opportunity")
    synced.side.new_opportunity(account, "A copy")
    copy = next(one for one in synced.side.all("opportunity") if one["name"] == "A copy")
    wipe(synced, "opportunity", ours, other)
    synced.side.write("opportunity", {"key": ours.key}, copy.id)

    told = synced.sync()

    assert told["plan"]["update"] == told["delivered"]["ok"] == 1
    keys = {one.id: one.key for one in synced.side.all("opportunity")}
    assert (keys[ours.id], keys[copy.id], keys[other.id]) == (None, ours.key, other.key)


def test_a_deal_without_its_key_is_still_ours(synced: World) -> None:
    """A deal that its owner won counts as won though its key is gone, and none of ours is taken for a person's."""
    won, other = synced.side.ours("opportunity")[:2]
    theirs = synced.sync()["held"]["rep_working"]
    wipe(synced, "opportunity", won, other)
    synced.side.move(won, "won")

    told = synced.sync()

    assert episodes(synced)[won.key or ""].state is EpisodeState.WON
    assert told["held"]["rep_working"] == theirs
    assert shown(synced) == {key: key for key in alive(synced)}
