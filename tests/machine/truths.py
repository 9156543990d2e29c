"""What must be true after every event, told from the stand-in's own tables and the ledger, and from nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from connector.domain.audit import Act, first_broken
from connector.domain.change import Abilities, Change, Desired, Plan, Policy, RecordType, Scalar
from connector.domain.outbox import BLOCKING, OPEN, DeliveryState, OutboxEntry, subject_of
from connector.domain.receipt import KnownRecord
from connector.domain.run import Delivered, RunStatus
from connector.services.batches import WRITTEN
from tests.e2e.sides import Record
from tests.machine.life import Life
from tests.machine.place import Place

CLOSED = frozenset(DeliveryState) - OPEN
DELIVERED_TYPES = ("account", "opportunity", "task")


@dataclass
class People:
    """What people did in the CRM."""

    typed: dict[tuple[str, str], Scalar] = field(default_factory=dict)
    """(key, field) → what a person typed last where the field is theirs to type in."""
    touched: set[tuple[str, str]] = field(default_factory=set)
    """Fields that a person changed, those that are ours alone included."""
    merged: dict[str, str] = field(default_factory=dict)
    """Account that is gone → the one it was merged into."""

    def is_theirs(self, type: RecordType, key: str, name: str) -> bool:
        """A field shows what people made of it; once accounts were merged, theirs are those of another one, too."""
        return (key, name) in self.touched or (type is RecordType.ACCOUNT and bool(self.merged))

    def survivor(self, account: str) -> str:
        """The account that an account is now."""
        while account in self.merged:
            account = self.merged[account]
        return account


@dataclass(frozen=True)
class Look:
    """CRM and ledger at one moment."""

    place: Place
    people: People
    life: Life
    records: Mapping[str, Mapping[str, Record]]
    """Type → id → record, deleted ones too."""
    known: Mapping[str, KnownRecord]
    entries: Sequence[OutboxEntry]
    abilities: Abilities

    @property
    def keyed(self) -> list[tuple[str, str, Record]]:
        """Type, key and record of everything that is ours, deleted ones too."""
        of_ours = ((type, one) for type in ("opportunity", "task") for one in self.records[type].values())
        return [(type, key, one) for type, one in of_ours if (key := self.place.key_of(one)) is not None]

    def alive(self, type: RecordType, id: str) -> Record | None:
        """A living record by its id; an account that was merged is the one it is now."""
        one = self.records[type.value].get(self.people.survivor(id))
        return one if one is not None and not one.gone else None

    def by_key(self, type: RecordType, key: str) -> Record | None:
        """A living record by its key."""
        return next((one for kind, its, one in self.keyed if (kind, its) == (type.value, key) and not one.gone), None)


def look(place: Place, life: Life, people: People) -> Look:
    """Take everything in."""
    records = {type: {one.id: one for one in place.side.all(type)} for type in DELIVERED_TYPES}
    return Look(place, people, life, records, life.known, life.entries(), place.abilities)


def nothing_is_there_twice(now: Look) -> None:
    """Each key was created once at most, whatever became of the record since."""
    twice = {key: count for key, count in Counter(key for _, key, _ in now.keyed).items() if count > 1}
    assert not twice, f"created more than once: {twice}"


def edits_stand(now: Look) -> None:
    """What a person typed is still there, as long as the record is."""
    for type, key, one in now.keyed:
        for (typed_in, name), value in now.people.typed.items():
            if typed_in == key and not one.gone:
                assert now.place.shows(type, one, name, value), (
                    f"{type} {key}: a person typed {value!r} into {name}, it shows {now.place.value(type, one, name)!r}"
                )


def receipts_tell_what_the_crm_shows(now: Look) -> None:
    """What the ledger says a record showed is what it shows, unless a person touched it or its fate is open."""
    on_the_wire = {entry.change.key for entry in now.entries if entry.state in BLOCKING}
    for key, known in now.known.items():
        one = now.alive(known.type, known.crm_id)
        if known.tombstone or key in on_the_wire or one is None:
            continue
        for name, receipt in known.receipts.items():
            assert now.people.is_theirs(known.type, key, name) or now.place.shows(
                known.type.value, one, name, receipt.shown
            ), (
                f"{known.type} {key}: the ledger says that {name} showed {receipt.shown!r}, "
                f"it shows {now.place.value(known.type.value, one, name)!r}"
            )


def associations_are_there(now: Look) -> None:
    """Every association with a receipt joins its two records, as long as both live."""
    for record in now.known.values():
        one = now.alive(record.type, record.crm_id)
        if record.tombstone or one is None:
            continue
        for end in record.associations:
            type, _, name = end.to.partition(":")
            other = now.alive(RecordType(type), now.known[name].crm_id if name in now.known else name)
            if other is not None:
                joined = now.place.ends(record.type.value, one, end.role)
                assert other.id in joined, f"{record.type} {record.key} lacks {end}"


def audit_is_whole(now: Look) -> None:
    """The chain is unbroken and tells of every delivered entry, once."""
    records = list(now.life.ledger.audit.records(now.life.destination))
    assert first_broken(records) is None
    told = Counter((one.run_id, one.subject) for one in records if one.act is Act.WRITE)
    delivered = Counter((one.run_id, one.subject) for one in now.entries if one.state is DeliveryState.DELIVERED)
    assert told == delivered


EVERY_TRUTH = (
    nothing_is_there_twice,
    edits_stand,
    receipts_tell_what_the_crm_shows,
    associations_are_there,
    audit_is_whole,
)


def status_is_true(now: Look, plan: Plan, delivered: Delivered) -> None:
    """What a run says of itself is what the CRM and the outbox show."""
    entries = {entry.id: entry for entry in now.entries}
    for id, fate in delivered.by_entry.items():
        if fate == "ok":
            assert entries[id].state is DeliveryState.DELIVERED, id
            assert is_carried_out(now, entries[id].change), f"said to be delivered, and is not: {entries[id].change}"
    # A plan that is applied once more finds some of its changes done with: delivered then, or overtaken by newer plans.
    # Newer plans may have written over what was delivered: that is nobody's loss.
    done_with = {id for id, one in entries.items() if one.state in CLOSED and id not in delivered.by_entry}
    asked = [one for one in plan.changes if one.action in WRITTEN and f"{plan.run_id}/{one.id}" not in done_with]
    missing = [change for change in asked if not is_carried_out(now, change)]
    waiting = [entry for entry in now.entries if entry.state in OPEN]
    if delivered.status is RunStatus.SUCCESS:
        assert not missing, f"success, and not there: {missing}"
        assert not waiting, f"success, and still to do: {waiting}"
    else:
        assert missing or waiting or delivered.moved, f"{delivered.status}, and nothing is missing: {delivered}"
    accounted = {entry.subject for entry in waiting} | {entries[id].subject for id in delivered.by_entry}
    lost = [change for change in missing if subject_of(change) not in accounted]
    assert not lost, f"neither there, nor in the outbox, nor told of: {lost}"


def is_carried_out(now: Look, change: Change) -> bool:
    """The CRM shows what a change was to bring about, where no person touched it since."""
    is_account = change.type is RecordType.ACCOUNT
    one = now.alive(change.type, change.crm_id or "") if is_account else now.by_key(change.type, change.key)
    if one is None:
        # It may have landed unheard, and a person threw it away before anybody could look.
        return change.action == "create" and any(key == change.key for _, key, _ in now.keyed)
    travels = change.action == "associate" or (change.action == "create" and change.type in now.abilities.inline_links)
    shows = all(
        now.people.is_theirs(change.type, change.key, wanted.name)
        or now.place.shows(change.type.value, one, wanted.name, wanted.after)
        for wanted in change.fields
    )
    return shows and (not travels or is_joined(now, change, one))


def is_joined(now: Look, change: Change, one: Record) -> bool:
    """A record is linked to everything that a change links it to."""
    for link in change.links:
        id = link.to.id or (now.known[link.to.key].crm_id if link.to.key in now.known else "")
        if now.people.survivor(id) not in now.place.ends(change.type.value, one, link.role):
            return False
    return True


def everything_is_there(now: Look, desired: Sequence[Desired]) -> None:
    """When all is quiet the CRM shows everything wanted, but for what a person threw away or made theirs."""
    held = now.life.held
    for wanted in (one for one in desired if one.key not in held):
        known = now.known.get(wanted.key)
        assert known is not None or wanted.close, f"lost: {wanted}"
        if known is None or known.tombstone:
            continue
        one = now.alive(wanted.type, known.crm_id)
        assert one is not None, f"lost: {wanted}"
        for name, asked in wanted.fields.items():
            is_theirs = wanted.close or (wanted.key, name) in now.people.touched
            if asked.policy is Policy.OWN or (asked.policy is Policy.MERGE and not is_theirs):
                assert now.place.shows(wanted.type.value, one, name, asked.value), (
                    f"{wanted.type} {wanted.key}: {name} is {now.place.value(wanted.type.value, one, name)!r}, "
                    f"wanted is {asked.value!r}"
                )
        for link in wanted.links:
            id = now.people.survivor(link.to.id or now.known[link.to.key or ""].crm_id)
            assert id in now.place.ends(wanted.type.value, one, link.role), f"{wanted.type} {wanted.key} lacks {link}"
