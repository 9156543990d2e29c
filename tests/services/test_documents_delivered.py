"""Files and notes go the way of every record: children wait, answers get lost, people edit, and nothing is doubled."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.domain.change import Desired, DesiredField, FieldSpec, FieldType, Link, Policy, RecordType, Ref, Schema
from connector.domain.normalise import comparable
from connector.domain.outbox import DeliveryState
from connector.testing.memory_crm import FAULTS, Fault, MemoryCrm
from tests.services.delivery_world import ACCOUNT, DESTINATION, OPPORTUNITY, SCHEMAS, TASK, World, abilities

FILE, NOTE = RecordType.FILE, RecordType.NOTE
FILE_KEY, NOTE_KEY = "f" * 32, "a" * 32
SHOWN_AS_DIGEST = {
    "name": FieldSpec("name", FieldType.TEXT, length=200),
    "content": FieldSpec("content", FieldType.FILE),
}


def brief(content: str = "<p>47 of 50</p>") -> list[Desired]:
    """A file of an account, and the note that carries it."""
    named = {"name": DesiredField("Review", Policy.MERGE), "content": DesiredField(content, Policy.MERGE)}
    to_account = Link("account", "companies", Ref(ACCOUNT, id="account-1"))
    to_file = Link("file", "hs_attachment_ids", Ref(FILE, key=FILE_KEY))
    body = {"note": DesiredField("See the file", Policy.MERGE)}
    return [
        Desired(NOTE, NOTE_KEY, "account-1", "Review", "review", body, (to_account, to_file)),
        Desired(FILE, FILE_KEY, "account-1", "Review", "review", named),
    ]


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A CRM that keys neither notes nor files and tells of a file only its digest."""
    schemas = {**SCHEMAS, FILE: Schema(FILE, SHOWN_AS_DIGEST)}
    crm = MemoryCrm(schemas, abilities(inline=(TASK, NOTE, FILE), keyed=(OPPORTUNITY, TASK)))
    crm.rewrites = lambda spec, value: comparable(value, spec) if spec.type is FieldType.FILE else value
    return World(tmp_path, crm)


def test_a_note_waits_for_the_file_it_carries(world: World) -> None:
    """The file is uploaded first, and the note refers to it by the id it got."""
    delivered = world.sync(brief())

    file, note = world.crm.by_key(FILE_KEY), world.crm.by_key(NOTE_KEY)
    assert file is not None
    assert note is not None
    assert delivered.ok == 2
    assert note.links == {"account": ("account-1",), "file": (file.id,)}


def test_an_unchanged_file_is_not_uploaded_again(world: World) -> None:
    """What a file holds is compared by its digest: the same text writes nothing, another one replaces it."""
    world.sync(brief())
    before = len(world.crm.written)

    world.sync(brief())
    unchanged = len(world.crm.written)
    world.sync(brief("<p>50 of 50</p>"))

    assert unchanged == before
    assert [write.verb for write in world.crm.written[before:]] == ["update"]
    assert world.crm.created == {FILE_KEY: 1, NOTE_KEY: 1}


def test_a_file_that_a_person_replaced_is_theirs(world: World) -> None:
    """Another digest than the one we left is a person's file, and news does not overwrite it."""
    world.sync(brief())
    file = world.crm.by_key(FILE_KEY)
    assert file is not None
    world.crm.edit(file.id, "content", "md5:0123")

    world.sync(brief("<p>50 of 50</p>"))

    after = world.crm.by_key(FILE_KEY)
    assert after is not None
    assert after.fields["content"] == "md5:0123"


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
@pytest.mark.parametrize("strikes", [1, 2])
def test_no_mishap_doubles_a_document(world: World, fault: Fault, strikes: int) -> None:
    """Whatever happens to an answer, one file and one note are there in the end, and the note carries the file."""
    world.crm.faults = [fault] * strikes

    for _ in range(6):
        world.sync(brief())
        world.clock.sleep(3600)

    file, note = world.crm.by_key(FILE_KEY), world.crm.by_key(NOTE_KEY)
    assert file is not None
    assert note is not None
    assert world.crm.created == {FILE_KEY: 1, NOTE_KEY: 1}
    assert note.links["file"] == (file.id,)
    left = world.ledger.outbox.entries(
        DESTINATION, [state for state in DeliveryState if state in (DeliveryState.PARKED, DeliveryState.UNKNOWN)]
    )
    assert left == []
