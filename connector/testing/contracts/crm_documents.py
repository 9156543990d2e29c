"""Facts of the CRM contract about notes and files: found again without a key of their own, changed in place."""

from __future__ import annotations

import pytest

from connector.domain.change import Link, Ref, Verdict
from connector.domain.normalise import digest
from connector.testing.contracts.crm_world import (
    ACCOUNT,
    FILE,
    NOTE,
    World,
    created,
    file,
    new_key,
    note,
    read_one,
    update,
)

PAGE = "<!doctype html><title>Revue d’affaires</title><p>47 sièges sur 50</p>"
HOSTILE = ("<script>alert(1)</script>", "{{7*7}}", 'a/b\\c: "d" | e?*', "\U0001f600 \u202e rtl", "é" * 255)
WHILE_IT_MAY_LAND = 600


class DocumentContract:
    """Notes and files."""

    def test_a_note_hangs_on_its_account(self, world: World) -> None:
        """A note is linked to its account from the start; its body is read without the line that carries its key."""
        account, key = world.account("Noted"), new_key()
        write = note(world, key, account, "Seats: 47 of 50")

        crm_id = created(world, write)

        body = world.mapping.note.body if world.mapping.note else ""
        found = read_one(world.crm, NOTE, crm_id, body)
        assert found.fields == {body: "Seats: 47 of 50"}
        assert found.links["account"] == (account,)
        assert world.alive(NOTE, key) == 1

    def test_a_note_is_found_by_its_key_and_changed_in_place(self, world: World) -> None:
        """A note is found beside its account by its key, also after it was changed; there is one of it."""
        account, key = world.account("Noted"), new_key()
        other = created(world, note(world, new_key(), account, "Another"))
        write = note(world, key, account, "Seats: 47 of 50")
        crm_id = created(world, write)
        body = world.mapping.note.body if world.mapping.note else ""

        [outcome] = world.crm.writer.write([update(write, crm_id, {body: "Seats: 50 of 50"})])
        near = {key: (Ref(ACCOUNT, id=account),)}
        found = world.crm.reader.find(NOTE, [key], [body], near)

        assert outcome.verdict is Verdict.OK
        assert {one: record.id for one, record in found.items()} == {key: crm_id}
        assert found[key].fields == {body: "Seats: 50 of 50"}
        assert other != crm_id

    def test_a_file_is_seen_on_its_account(self, world: World) -> None:
        """A file holds what was sent and is seen on its account; a note carries it where files cannot hang."""
        account, key = world.account("Filed"), new_key()

        crm_id = created(world, file(world, key, PAGE, account_id=account))
        carrier = world.mapping.note.links.get("file") if world.mapping.note else None
        if carrier is not None:
            created(world, note(world, new_key(), account, "See the file", Link("file", carrier, Ref(FILE, id=crm_id))))

        assert world.held_by(crm_id) == PAGE
        assert world.attached_to(account) == [PAGE]

    def test_a_file_shows_the_digest_of_what_it_holds(self, world: World) -> None:
        """What a file holds is read as its digest, by which two texts are told apart without a download."""
        crm_id = created(world, file(world, new_key(), PAGE))
        content = world.mapping.file.content if world.mapping.file else ""

        assert read_one(world.crm, FILE, crm_id, content).fields == {content: digest(PAGE)}

    def test_a_file_is_replaced_in_place(self, world: World) -> None:
        """A file that is updated keeps its id and its name, and is one file."""
        key = new_key()
        write = file(world, key, PAGE)
        crm_id = created(world, write)
        assert world.mapping.file is not None
        content = world.mapping.file.content

        [outcome] = world.crm.writer.write([update(write, crm_id, {content: "<p>new</p>"})])

        assert (outcome.verdict, outcome.crm_id) == (Verdict.OK, crm_id)
        assert world.held_by(crm_id) == "<p>new</p>"
        assert world.alive(FILE, key) == 1
        names = [name for name in world.mapping.file.fields if name != content]
        shown = read_one(world.crm, FILE, crm_id, content, *names).fields
        assert shown == {content: digest("<p>new</p>"), **dict.fromkeys(names, "Review")}

    def test_a_file_is_renamed_in_place(self, world: World) -> None:
        """Another name makes no other file, and leaves what it holds."""
        key = new_key()
        write = file(world, key, PAGE)
        crm_id = created(world, write)
        assert world.mapping.file is not None
        [name] = [name for name in world.mapping.file.fields if name != world.mapping.file.content]

        [outcome] = world.crm.writer.write([update(write, crm_id, {name: "Renamed"})])

        assert outcome.verdict is Verdict.OK
        assert read_one(world.crm, FILE, crm_id, name).fields == {name: "Renamed"}
        assert (world.held_by(crm_id), world.alive(FILE, key)) == (PAGE, 1)

    def test_a_lost_upload_is_found_again(self, world: World) -> None:
        """An upload whose answer was lost is unknown, and found by its key, once it can have landed."""
        key = new_key()
        world.crm.reader.find(FILE, [key], ())  # a session that has expired is renewed before the mishap
        world.misbehave("lost_answer")

        [outcome] = world.crm.writer.write([file(world, key, PAGE)])
        world.later(WHILE_IT_MAY_LAND)
        found = world.crm.reader.find(FILE, [key, new_key()], ())

        assert outcome.verdict is Verdict.UNKNOWN
        assert set(found) == {key}
        assert world.held_by(found[key].id) == PAGE
        assert world.alive(FILE, key) == 1

    def test_a_lost_note_is_found_again(self, world: World) -> None:
        """A note whose answer was lost is unknown, and found beside its account."""
        account, key = world.account("Noted"), new_key()
        created(world, note(world, new_key(), account, "Another"))
        world.misbehave("lost_answer")

        [outcome] = world.crm.writer.write([note(world, key, account, "Seats: 47 of 50")])
        found = world.crm.reader.find(NOTE, [key], (), {key: (Ref(ACCOUNT, id=account),)})

        assert outcome.verdict is Verdict.UNKNOWN
        assert set(found) == {key}

    def test_a_persons_text_in_a_file_shows(self, world: World) -> None:
        """A file that a person replaced is the same file, and shows another digest."""
        key = new_key()
        crm_id = created(world, file(world, key, PAGE))
        content = world.mapping.file.content if world.mapping.file else ""

        world.person_replaces(crm_id, "<p>mine</p>")
        world.later(WHILE_IT_MAY_LAND)

        assert read_one(world.crm, FILE, crm_id, content).fields == {content: digest("<p>mine</p>")}
        assert world.crm.reader.find(FILE, [key], ())[key].id == crm_id

    def test_a_deleted_document_is_marked(self, world: World) -> None:
        """A note or a file that a person deleted is read as deleted."""
        account = world.account("Noted")
        ids = {
            NOTE: created(world, note(world, new_key(), account, "Seats")),
            FILE: created(world, file(world, new_key(), PAGE)),
        }
        for type, crm_id in ids.items():
            world.person_archives(type, crm_id)

        assert all(read_one(world.crm, type, crm_id).archived for type, crm_id in ids.items())

    def test_a_file_on_a_deleted_account_is_refused(self, world: World) -> None:
        """What would hang on a record that is gone is refused for that record."""
        account = world.account("Gone")
        world.person_archives(ACCOUNT, account)

        [outcome] = world.crm.writer.write([note(world, new_key(), account, "Seats")])

        assert outcome.verdict is Verdict.REJECTED

    @pytest.mark.parametrize("name", HOSTILE, ids=["script", "braces", "slashes", "marks", "long"])
    def test_no_name_breaks_a_file(self, world: World, name: str) -> None:
        """A file takes the name of any customer, and is found again."""
        key = new_key()

        crm_id = created(world, file(world, key, PAGE, name=name))
        world.later(WHILE_IT_MAY_LAND)

        assert world.crm.reader.find(FILE, [key], ())[key].id == crm_id
        assert world.held_by(crm_id) == PAGE
