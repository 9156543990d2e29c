"""What the CRM contract needs of the place an adapter runs in: a CRM that people use and that can misbehave.

Beside it, the writes that the facts are told with, made from the mapping alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, Protocol
from uuid import uuid4

from connector.domain.change import CrmRecord, Link, Outcome, RecordType, Ref, Scalar, Stage, Verdict, Write
from connector.domain.mapping import CrmMapping, OurStage
from connector.ports.crm import Crm

OPPORTUNITY, TASK, ACCOUNT = RecordType.OPPORTUNITY, RecordType.TASK, RecordType.ACCOUNT
NOTE, FILE = RecordType.NOTE, RecordType.FILE
Mishap = Literal["lost_answer", "server_error", "locked", "quota"]


class World(Protocol):
    """A CRM with our fields installed, seen from outside the adapter under test."""

    crm: Crm
    mapping: CrmMapping
    task_fields: Mapping[str, Scalar]
    """The least a task needs, canonical."""
    read_only: str
    """An opportunity field that nobody can write."""
    nobody: str
    """An owner id that no owner has."""
    nowhere: str
    """A pipeline or record type that the CRM does not have."""

    def now(self) -> datetime:
        """The CRM's own time."""
        ...

    def later(self, seconds: float) -> None:
        """Let time pass in the CRM."""
        ...

    def account(self, name: str) -> str:
        """Put an account there; give its id."""
        ...

    def contact(self, account_id: str, name: str) -> str:
        """Put a contact of an account there; give its id."""
        ...

    def owner(self, email: str, active: bool = True) -> str:
        """Put an owner there; give the id."""
        ...

    def person_edits(self, type: RecordType, id: str, fields: Mapping[str, Scalar]) -> None:
        """Change fields of a record as a person would, on the wire's terms."""
        ...

    def person_archives(self, type: RecordType, id: str) -> None:
        """Delete a record as a person would."""
        ...

    def person_moves(self, id: str, stage: Stage) -> None:
        """Move an opportunity to a stage of another pipeline or record type."""
        ...

    def person_merges(self, loser: str, survivor: str) -> None:
        """Merge one account into another."""
        ...

    def person_replaces(self, file_id: str, text: str) -> None:
        """Put another text in a file as a person would."""
        ...

    def held_by(self, file_id: str) -> str:
        """Give what a file holds."""
        ...

    def attached_to(self, account_id: str) -> list[str]:
        """Give what the files hold that people see on an account."""
        ...

    def alive(self, type: RecordType, key: str) -> int:
        """Count the living records that carry a key."""
        ...

    def was_sent(self, text: str) -> bool:
        """Say whether any request body so far held this text."""
        ...

    def write_sizes(self) -> list[int]:
        """Give the number of records in each batch written since the last look."""
        ...

    def misbehave(self, mishap: Mishap) -> None:
        """Make the next write (`quota`: everything) meet a mishap."""
        ...

    def with_bad_credentials(self) -> Crm:
        """Connect with credentials that are refused."""
        ...

    def unreachable(self) -> Crm:
        """Connect to where nothing answers."""
        ...

    def uninstalled(self) -> Crm:
        """Connect to a CRM that has none of our fields."""
        ...

    def routed(self) -> World:
        """Go to a CRM with a second pipeline or record type, by a mapping whose one route leads there.

        The labels of `consult` and `confront` have changed places on that route.
        """
        ...


def stage_id(world: World, stage: OurStage) -> str:
    """Resolve one of our stages by its label."""
    wanted = world.mapping.opportunity
    for one in world.crm.feed.stages():
        if one.label == wanted.stages[stage] and wanted.pipeline in (None, one.pipeline):
            return one.id
    raise LookupError(f"no stage {wanted.stages[stage]}")


def day(world: World, name: str, iso: str) -> str:
    """Write a day as the opportunity field stores it: a date, or noon of it."""
    field_type = world.crm.reader.schema(RecordType.OPPORTUNITY).fields[name].type
    return iso if field_type == "date" else f"{iso}T12:00:00Z"


def opportunity(world: World, key: str, **changed: Scalar) -> Write:
    """Make the create of an opportunity; `changed` names fields by their role in the mapping."""
    wanted = world.mapping.opportunity
    fields: dict[str, Scalar] = {
        wanted.name: f"Expansion {key[:4]}",
        wanted.stage: stage_id(world, "proposed"),
        wanted.close_date: day(world, wanted.close_date, "2026-12-01"),
        wanted.amount: "1200",
    }
    if wanted.pipeline_field is not None:
        fields[wanted.pipeline_field] = wanted.pipeline
    fields |= {getattr(wanted, role): value for role, value in changed.items()}
    return Write(f"entry-{key}", "create", RecordType.OPPORTUNITY, key, None, fields)


def note(world: World, key: str, account_id: str, body: str, *more: Link) -> Write:
    """Make the create of a note on an account."""
    wanted = world.mapping.note
    assert wanted is not None
    named = {"Title": "Card"} if "Title" in wanted.fields else {"hs_timestamp": "2026-11-22T12:00:00Z"}
    on = Link("account", wanted.links["account"], Ref(RecordType.ACCOUNT, id=account_id))
    return Write(f"entry-{key}", "create", NOTE, key, None, {**named, wanted.body: body}, (on, *more))


def file(world: World, key: str, content: str, name: str = "Review", account_id: str | None = None) -> Write:
    """Make the create of a file, on an account where it hangs on records itself."""
    wanted = world.mapping.file
    assert wanted is not None
    names = {field: name for field in wanted.fields if field != wanted.content}
    place = wanted.links.get("account") if account_id is not None else None
    links = (Link("account", place, Ref(RecordType.ACCOUNT, id=account_id)),) if place else ()
    return Write(f"entry-{key}", "create", FILE, key, None, {**names, wanted.content: content}, links)


def update(write: Write, crm_id: str, fields: Mapping[str, Scalar]) -> Write:
    """Make the update of a record that a write created."""
    return Write(f"{write.entry}-update", "update", write.type, write.key, crm_id, fields)


def link(world: World, type: RecordType, role: str, crm_id: str) -> Link:
    """Make a link in a role of the mapping."""
    links = world.mapping.task.links if type is RecordType.TASK else world.mapping.opportunity.links
    return Link(role, links[role], Ref(RecordType(role), id=crm_id))


def new_key() -> str:
    """Make a key that no other test uses."""
    return uuid4().hex


def created(world: World, write: Write) -> str:
    """Write one create and give the id of its record."""
    [outcome] = world.crm.writer.write([write])
    assert outcome.verdict is Verdict.OK, outcome
    assert outcome.crm_id is not None
    return outcome.crm_id


def linked_task(world: World, key: str, roles: dict[str, str]) -> Write:
    """Make the create of a task and, where links do not travel with it, nothing of them."""
    links = tuple(link(world, TASK, role, crm_id) for role, crm_id in roles.items())
    inline = TASK in world.crm.reader.abilities().inline_links
    return Write(f"entry-{key}", "create", TASK, key, None, dict(world.task_fields), links if inline else ())


def associated(world: World, type: RecordType, crm_id: str, roles: dict[str, str]) -> list[Outcome]:
    """Associate a record, where its links do not travel with its creation."""
    if type in world.crm.reader.abilities().inline_links:
        return []
    links = [link(world, type, role, other) for role, other in roles.items()]
    writes = [Write(f"link-{crm_id}-{i}", "associate", type, None, crm_id, {}, (one,)) for i, one in enumerate(links)]
    return world.crm.writer.write(writes)


def by_entry(outcomes: list[Outcome]) -> dict[str, Outcome]:
    """Name outcomes by their outbox entry: a CRM may answer in any order."""
    assert len({one.entry for one in outcomes}) == len(outcomes)
    return {one.entry: one for one in outcomes}


def read_one(crm: Crm, type: RecordType, crm_id: str, *names: str) -> CrmRecord:
    """Read one record that must be there."""
    return crm.reader.read(type, [crm_id], names)[crm_id]
