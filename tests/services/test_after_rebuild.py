"""Runs after a rebuild: an episode without a brief goes on as what it is, and nobody's values are overwritten."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from connector.domain.change import CrmRecord, FieldChange, Policy, RecordType, Why
from connector.domain.episode import Episode, EpisodeState
from connector.domain.keys import task_key
from connector.domain.play import NEGOTIATION
from connector.domain.receipt import KnownRecord
from connector.services.summary import left_as_found, left_to_people
from connector.services.track import ended_mentions
from connector.services.world import World as CrmWorld
from tests.services.delivery_world import DESTINATION, OPPORTUNITY, World, opportunity, with_fields
from tests.services.test_project import INTENT, NOW, RULES, in_stage, opened, projected, world

KEY = "e" * 32
REBUILT = Episode(KEY, "a1", INTENT.need, 1, NOW, play=NEGOTIATION)
SMALL = task_key(KEY, NEGOTIATION, "none", 1, RULES.negotiation.small.id)


def test_an_opportunity_stays_one_though_its_brief_is_lost() -> None:
    """The next intent for the need continues the episode; that it would be small today takes no record away."""
    here = world(**{**in_stage("proposed"), "episodes": (REBUILT,)})

    made = projected(here, replace(INTENT, as_task=True))

    assert [(one.key, one.ordinal) for one in made.episodes] == [(KEY, 1)]
    assert [one.key for one in made.desired if one.type is RecordType.OPPORTUNITY] == [KEY]
    assert SMALL not in {one.key for one in made.desired}


def test_a_small_proposal_goes_on_under_its_key() -> None:
    """Its one task is asked for again, and found under the key that it has."""
    made = projected(world(episodes=(REBUILT,)), replace(INTENT, as_task=True))

    assert [one.key for one in made.desired] == [SMALL]


def small(status: str) -> CrmWorld:
    """A world in which a small proposal without a brief has a task of some status."""
    return world(
        episodes=(REBUILT,),
        known={SMALL: KnownRecord(SMALL, RecordType.TASK, "t1", "a1")},
        tasks=(CrmRecord(RecordType.TASK, "t1", {"Status": status}),),
    )


def test_a_small_proposal_ends_with_its_task() -> None:
    """Done, it is said: the need is quiet for its cool-down, as if the ledger had never been lost."""
    ended = ended_mentions(RULES)

    assert ended(small("Not Started"), NOW) == []
    assert [one.state for one in ended(small("Completed"), NOW)] == [EpisodeState.LOST]
    grown = replace(small("Completed"), opportunities=in_stage("proposed")["opportunities"])
    assert ended(grown, NOW) == []


def known_without_receipts(here: World, crm_id: str) -> None:
    """The ledger is lost, and knows of the record again only that it is ours."""
    lease = here.ledger.leases.take(DESTINATION, "a rebuild", 0, 1)
    assert lease is not None
    here.ledger.outbox.commit(lease, known=[KnownRecord(opportunity(1).key, OPPORTUNITY, crm_id, "account-1")])
    here.ledger.leases.release(lease)


def test_what_stands_as_we_would_write_it_is_ours_again(tmp_path: Path) -> None:
    """Same values get receipts; others are left alone for good, as found, save those of our own namespace."""
    here = World(tmp_path)
    desired = with_fields(opportunity(1), note=("seats full", Policy.MERGE), score=("31", Policy.OWN))
    here.sync([desired])
    record = here.crm.by_key(desired.key)
    assert record is not None
    here.crm.edit(record.id, "note", "call Bob first")
    here.crm.edit(record.id, "score", "99")
    (tmp_path / "new").mkdir()
    here.lose_ledger(tmp_path / "new")
    known_without_receipts(here, record.id)

    first = here.plan([desired])
    here.deliver(first)

    assert left_as_found(first) == left_as_found(here.plan([desired])) == {"fields": 1}
    assert left_to_people(first) == {}
    (known,) = (one for key, one in here.ledger.receipts.records(DESTINATION).items() if key == desired.key)
    assert {name for name, receipt in known.receipts.items() if receipt.handed_over} == {"note"}
    assert not known.receipts["amount"].handed_over
    shown = here.crm.stored[record.id].fields
    assert (shown["note"], shown["score"]) == ("call Bob first", "31")
    closing = replace(desired, close=True, fields=with_fields(desired, stage=("Closed", Policy.MERGE)).fields)
    (change,) = (one for one in here.plan([closing]).changes if one.type is OPPORTUNITY)
    assert (change.action, change.why) == ("held", Why.FOUND)


def test_what_a_person_changes_after_a_rebuild_is_theirs(tmp_path: Path) -> None:
    """A field that was found different and shows something else by now was typed by a person; so is its record."""
    here = World(tmp_path)
    desired = with_fields(opportunity(1), note=("seats full", Policy.MERGE))
    here.sync([desired])
    record = here.crm.by_key(desired.key)
    assert record is not None
    here.crm.edit(record.id, "note", "call Bob first")
    (tmp_path / "new").mkdir()
    here.lose_ledger(tmp_path / "new")
    known_without_receipts(here, record.id)
    here.sync([desired])

    here.crm.edit(record.id, "note", "Bob has left")
    plan, closing = here.plan([desired]), here.plan([replace(desired, close=True)])

    assert (left_as_found(plan), left_to_people(plan)) == ({}, {"fields": 1})
    assert (left_as_found(closing), left_to_people(closing)) == ({}, {"touched_by_a_person": 1})


def test_without_receipts_nothing_is_closed(tmp_path: Path) -> None:
    """Who knows what a person did to a record whose receipts are lost: it is not ours to close, and nobody's name."""
    here = World(tmp_path)
    here.sync([opportunity(1)])
    record = here.crm.by_key(opportunity(1).key)
    assert record is not None
    (tmp_path / "new").mkdir()
    here.lose_ledger(tmp_path / "new")
    known_without_receipts(here, record.id)

    plan = here.plan([replace(opportunity(1), close=True)])

    assert [(one.action, one.why) for one in plan.changes] == [("held", Why.FOUND)]
    assert (left_as_found(plan), left_to_people(plan)) == ({"records": 1}, {})


def test_an_update_that_waits_is_still_wanted_by_the_next_run() -> None:
    """What is parked or postponed stands as what was meant, until there is news: it is not given up in silence."""
    plain = projected(world(episodes=(opened(),)))
    record, known = plain.desired[0], KnownRecord(KEY, RecordType.OPPORTUNITY, "o1", "a1")
    assert record.key == KEY
    waiting = {KEY: {"Amount": FieldChange("Amount", "1188", "2376", Policy.MERGE)}}
    here = world(**{**in_stage("proposed"), "known": {KEY: known}, "waiting": waiting})

    made = projected(here)

    assert {one.fields["Amount"].value for one in made.desired if one.key == KEY} == {"2376"}
