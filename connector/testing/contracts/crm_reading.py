"""Facts of the CRM contract about single records, and about what changed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from connector.domain.change import RecordType
from connector.domain.errors import MappingError
from connector.testing.contracts.crm_world import (
    ACCOUNT,
    OPPORTUNITY,
    TASK,
    World,
    associated,
    created,
    link,
    linked_task,
    new_key,
    opportunity,
    read_one,
    stage_id,
    update,
)


class ReadingContract:
    """Single records, by id and by key."""

    def test_what_never_was_is_absent(self, world: World) -> None:
        """Ids and keys of nothing are absent from the answer."""
        crm_id = created(world, opportunity(world, new_key()))
        never = crm_id[:-4] + "9" * 4 if crm_id.isdigit() else f"{crm_id[:11]}9999"

        assert set(world.crm.reader.read(OPPORTUNITY, [crm_id, never], ())) == {crm_id}
        assert world.crm.reader.find(OPPORTUNITY, [new_key()], ()) == {}
        assert world.crm.reader.find(TASK, [new_key()], ()) == {}
        assert world.crm.reader.read(OPPORTUNITY, [], ()) == {}

    def test_a_deleted_record_is_marked(self, world: World) -> None:
        """A record that a person deleted is read and found, marked archived."""
        write = opportunity(world, new_key())
        crm_id = created(world, write)

        world.person_archives(OPPORTUNITY, crm_id)

        assert read_one(world.crm, OPPORTUNITY, crm_id).archived
        found = world.crm.reader.find(OPPORTUNITY, [str(write.key)], ())
        assert (found[str(write.key)].id, found[str(write.key)].archived) == (crm_id, True)

    def test_the_living_one_of_a_key_is_found(self, world: World) -> None:
        """When a key was deleted and written again, the living record is the one found."""
        write = opportunity(world, new_key())
        gone = created(world, write)
        world.person_archives(OPPORTUNITY, gone)
        living = created(world, write)

        found = world.crm.reader.find(OPPORTUNITY, [str(write.key), new_key()], ())

        assert gone != living
        assert (found[str(write.key)].id, found[str(write.key)].archived) == (living, False)

    def test_a_merged_account_names_its_survivor(self, world: World) -> None:
        """An account merged into another is marked with the one it lives on as."""
        loser, survivor = world.account("Twin"), world.account("Twin Ltd")

        world.person_merges(loser, survivor)

        records = world.crm.reader.read(ACCOUNT, [loser, survivor], (world.mapping.account.name,))
        assert (records[loser].archived, records[loser].merged_into) == (True, survivor)
        assert (records[survivor].archived, records[survivor].merged_into) == (False, None)

    def test_a_task_is_found_by_its_key(self, world: World) -> None:
        """A task is found by key, near its links or among all, and shows its key; its body hides how."""
        account = world.account("Tasked")
        key, task = new_key(), world.mapping.task
        write = linked_task(world, key, {"account": account})
        write = replace(write, fields={**write.fields, task.body: "Why now: 47 of 50 seats used"})
        crm_id = created(world, write)
        associated(world, TASK, crm_id, {"account": account})
        near = {key: [link(world, TASK, "account", account).to]}

        among_all = world.crm.reader.find(TASK, [key], [task.body, str(task.key)])
        beside = world.crm.reader.find(TASK, [key], [task.body, str(task.key)], near)

        for found in (among_all[key], beside[key]):
            assert found.id == crm_id
            assert found.fields == {task.body: "Why now: 47 of 50 seats used", str(task.key): key}

    def test_an_edited_body_keeps_its_task_findable(self, world: World) -> None:
        """An update of a task's body does not lose its key."""
        account, key, body = world.account("Edited"), new_key(), world.mapping.task.body
        write = linked_task(world, key, {"account": account})
        crm_id = created(world, write)

        world.crm.writer.write([update(write, crm_id, {body: "Why now: 50 of 50"})])

        found = world.crm.reader.find(TASK, [key], [body])
        assert (found[key].id, found[key].fields[body]) == (crm_id, "Why now: 50 of 50")

    def test_an_unknown_field_is_no_empty_value(self, world: World) -> None:
        """Asking for a field that does not exist is an error that says what may be meant."""
        name = world.mapping.opportunity.name

        with pytest.raises(MappingError, match=f"{name}x") as error:
            list(world.crm.feed.changed(OPPORTUNITY, [f"{name}x"], None))

        assert f"did you mean {name}" in str(error.value)

    def test_the_schema_tells_what_can_be_written(self, world: World) -> None:
        """The schema gives types, our key as unique, and what nobody can write."""
        wanted = world.mapping.opportunity

        fields = world.crm.reader.schema(OPPORTUNITY).fields

        assert fields[wanted.amount].type == "number"
        assert fields[wanted.owner].type == "reference"
        assert fields[wanted.key].unique
        assert not fields[wanted.name].unique
        assert not fields[world.read_only].updateable

    def test_the_destination_is_named(self, world: World) -> None:
        """Where the credentials lead is told with a stable id."""
        destination = world.crm.reader.destination()

        assert destination == world.crm.reader.destination()
        assert destination.crm == world.mapping.crm
        assert destination.org


class FeedContract:
    """What changed, who owns, which stages."""

    def test_changes_since_a_moment_are_seen(self, world: World) -> None:
        """Creations, people's edits and deletions since a moment are given; what lay still is not."""
        still, edited, gone = (created(world, opportunity(world, new_key())) for _ in range(3))
        world.later(3600)
        since = world.now()
        name = world.mapping.opportunity.name
        world.person_edits(OPPORTUNITY, edited, {name: "Renamed"})
        world.person_archives(OPPORTUNITY, gone)
        fresh = created(world, opportunity(world, new_key()))
        world.later(60)

        seen = {one.id: one for one in world.crm.feed.changed(OPPORTUNITY, [name], since)}

        assert still not in seen
        assert seen[edited].fields == {name: "Renamed"}
        assert seen[gone].archived
        assert not seen[fresh].archived
        assert all(one.modified_at is not None and one.modified_at >= since for one in seen.values())

    def test_everything_is_given_without_a_moment(self, world: World) -> None:
        """With no cursor every record is given once, deleted ones marked, whatever a page holds."""
        kept, gone = (created(world, opportunity(world, new_key())) for _ in range(2))
        world.person_archives(OPPORTUNITY, gone)

        seen = list(world.crm.feed.changed(OPPORTUNITY, (), None))

        assert len({one.id for one in seen}) == len(seen)
        assert {one.id: one.archived for one in seen if one.id in (kept, gone)} == {kept: False, gone: True}

    def test_a_merge_is_news(self, world: World) -> None:
        """An account merged away since a moment is given with its survivor."""
        loser, survivor = world.account("Pair"), world.account("Pair Ltd")
        world.later(3600)
        since = world.now()
        world.person_merges(loser, survivor)
        world.later(60)

        seen = {one.id: one for one in world.crm.feed.changed(ACCOUNT, (), since)}

        assert seen[loser].merged_into == survivor
        assert seen[loser].archived

    def test_contacts_name_their_account(self, world: World) -> None:
        """A contact is given with the account it belongs to."""
        account = world.account("Peopled")
        contact = world.contact(account, "Martin")
        world.later(60)
        since = world.now() - timedelta(hours=1)

        seen = {one.id: one for one in world.crm.feed.changed(RecordType.CONTACT, world.mapping.contact.name, since)}

        assert seen[contact].links["account"] == (account,)
        assert "Martin" in seen[contact].fields.values()

    def test_owners_come_with_those_who_left(self, world: World) -> None:
        """Owners are listed by e-mail, those who left as inactive."""
        here, left = world.owner("ae@example.com"), world.owner("left@example.com", active=False)

        owners = {one.id: one for one in world.crm.feed.owners()}

        assert (owners[here].email, owners[here].active) == ("ae@example.com", True)
        assert (owners[left].email, owners[left].active) == ("left@example.com", False)

    def test_stages_tell_how_deals_end(self, world: World) -> None:
        """Stages are told by label: the entry stage outside the forecast, won and lost closed."""
        stages = {one.id: one for one in world.crm.feed.stages()}

        proposed, consult, won, lost = (stages[stage_id(world, one)] for one in ("proposed", "consult", "won", "lost"))
        assert (proposed.closed, proposed.in_forecast) == (False, False)
        assert (consult.closed, consult.in_forecast) == (False, True)
        assert (won.closed, won.won) == (True, True)
        assert (lost.closed, lost.won) == (True, False)

    def test_every_stage_entered_is_told(self, world: World) -> None:
        """A stage entered and left between two looks is in the history, oldest first, with who moved it."""
        wanted = world.mapping.opportunity
        crm_id = created(world, opportunity(world, new_key()))
        proposed, consult, confront = (stage_id(world, one) for one in ("proposed", "consult", "confront"))
        for moved in (consult, confront, consult):
            world.later(60)
            world.person_edits(OPPORTUNITY, crm_id, {wanted.stage: moved})
        world.person_edits(OPPORTUNITY, crm_id, {wanted.amount: "77"})

        history = world.crm.feed.stage_history([crm_id])[crm_id]

        assert [one.stage for one in history] == [proposed, consult, confront, consult]
        assert [one.by_us for one in history] == [True, False, False, False]
        assert [one.entered_at for one in history] == sorted(one.entered_at for one in history)

    def test_calls_are_counted(self, world: World) -> None:
        """Every call to the vendor is counted."""
        before = world.crm.meter.calls()

        created(world, opportunity(world, new_key()))

        assert world.crm.meter.calls() > before

    def test_the_vendor_s_day_is_told(self, world: World) -> None:
        """What has been used of the vendor's day, and how much it is, is told as the last answer did."""
        created(world, opportunity(world, new_key()))
        before = world.crm.meter.allowance()

        created(world, opportunity(world, new_key()))

        after = world.crm.meter.allowance()
        assert before is not None
        assert after is not None
        assert after.allowed == before.allowed
        assert after.used > before.used
