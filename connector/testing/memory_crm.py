"""A CRM in memory, strict and unkind: it refuses what a CRM refuses, and loses answers when told to.

It stands for no vendor. The delivery mechanism is proven against it; the vendors' ways are the stand-ins' part.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from connector.domain.change import (
    Abilities,
    Allowance,
    Among,
    CrmRecord,
    Destination,
    FieldSpec,
    Outcome,
    RecordType,
    Ref,
    Scalar,
    Schema,
    Verb,
    Verdict,
    Write,
)
from connector.domain.errors import UnreachableError

Fault = Callable[["MemoryCrm", Sequence[Write]], list[Outcome]]


@dataclass
class MemoryCrm:
    """Records by id, with the reader's and the writer's part; `faults` strike one write call each, in order."""

    schemas: Mapping[RecordType, Schema]
    abilities_: Abilities
    size: int = 3
    stored: dict[str, CrmRecord] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    """Key → id, kept for deleted records too."""
    created: Counter[str] = field(default_factory=Counter)
    """How often each key was created."""
    written: list[Write] = field(default_factory=list)
    """Every write that changed something."""
    calls: int = 0
    faults: list[Fault] = field(default_factory=list)
    is_down: bool = False
    rewrites: Callable[[FieldSpec, Scalar], Scalar] = lambda _spec, value: value
    """What the CRM makes of a value it stores."""

    # Reader

    def destination(self) -> Destination:
        return Destination("memory", "org")

    def abilities(self) -> Abilities:
        return self.abilities_

    def schema(self, type: RecordType) -> Schema:
        return self.schemas[type]

    def read(
        self,
        type: RecordType,
        ids: Sequence[str],
        names: Sequence[str],
        links: bool = True,
    ) -> dict[str, CrmRecord]:
        self._answer()
        return {id: self._shown(id, names) for id in ids if id in self.stored and self.stored[id].type is type}

    def find(
        self,
        type: RecordType,
        keys: Sequence[str],
        names: Sequence[str],
        near: Mapping[str, Sequence[Ref]] | None = None,
        among: Among = Among.ALL,
    ) -> dict[str, CrmRecord]:
        self._answer()
        found = {key: self.stored[self.keys[key]] for key in keys if key in self.keys}
        return {
            key: self._shown(one.id, names)
            for key, one in found.items()
            if one.type is type and (among is Among.ALL or one.archived is (among is Among.DELETED))
        }

    def _answer(self) -> None:
        self.calls += 1
        if self.is_down:
            raise UnreachableError("the CRM does not answer")

    def _shown(self, id: str, names: Iterable[str]) -> CrmRecord:
        record = self.stored[id]
        return replace(record, fields={name: record.fields.get(name) for name in names}, links={})

    # Writer

    def batch_size(self, verb: Verb, type: RecordType) -> int:
        return self.size

    def write(self, batch: Sequence[Write]) -> list[Outcome]:
        self.calls += 1
        if not 0 < len(batch) <= self.size or len({(write.verb, write.type) for write in batch}) != 1:
            raise AssertionError("a batch is of one verb and type, and no longer than the limit")
        fault = self.faults.pop(0) if self.faults else None
        # Answers come in another order than the writes.
        return (fault(self, batch) if fault else self.carry_out(batch))[::-1]

    def carry_out(self, batch: Sequence[Write]) -> list[Outcome]:
        """Do what is asked, record by record."""
        return [self._carry_out(write) for write in batch]

    def _carry_out(self, write: Write) -> Outcome:
        match write.verb:
            case "create":
                return self._create(write)
            case "update":
                return self._update(write)
            case "associate":
                return self._associate(write)

    def _create(self, write: Write) -> Outcome:
        if write.key in self.keys and write.type in self.abilities_.keyed:
            return _refused(write, "DUPLICATE_VALUE", "a record has this key")
        refused = self._refused_fields(write) or self._refused_links(write)
        if refused is not None:
            return refused
        if write.links and write.type not in self.abilities_.inline_links:
            return _refused(write, "INVALID_FIELD", "links do not travel with this type")
        id = f"{write.type}-{len(self.stored) + 1}"
        assert write.key is not None
        self.keys[write.key] = id
        self.created[write.key] += 1
        links = {link.role: (link.to.id or "",) for link in write.links}
        self.stored[id] = CrmRecord(write.type, id, self._kept(write), links)
        return self._accepted(write, id, created=True)

    def _update(self, write: Write) -> Outcome:
        record = self.stored.get(write.crm_id or "")
        if record is None or record.archived:
            return _refused(write, "ENTITY_IS_DELETED", "no such record")
        refused = self._refused_fields(write)
        if refused is not None:
            return refused
        self.stored[record.id] = replace(record, fields={**record.fields, **self._kept(write)})
        return self._accepted(write, record.id)

    def _associate(self, write: Write) -> Outcome:
        record = self.stored.get(write.crm_id or "")
        if record is None or record.archived:
            return _refused(write, "ENTITY_IS_DELETED", "no such record")
        refused = self._refused_links(write)
        if refused is not None:
            return refused
        (link,) = write.links
        ids = {*record.links.get(link.role, ()), link.to.id or ""}
        self.stored[record.id] = replace(record, links={**record.links, link.role: tuple(sorted(ids))})
        return self._accepted(write, record.id)

    def _refused_fields(self, write: Write) -> Outcome | None:
        specs = self.schemas[write.type].fields
        for name, value in write.fields.items():
            spec = specs.get(name)
            if spec is None or not (spec.createable if write.verb == "create" else spec.updateable):
                return _refused(write, "INVALID_FIELD", f"no writable field {name}", name)
            if spec.length and len(value or "") > spec.length:
                return _refused(write, "STRING_TOO_LONG", f"{name} is too long", name)
        return None

    def _refused_links(self, write: Write) -> Outcome | None:
        for link in write.links:
            target = self.stored.get(link.to.id or "")
            if target is None or target.archived:
                return _refused(write, "INVALID_CROSS_REFERENCE_KEY", f"no {link.to}")
        return None

    def _kept(self, write: Write) -> dict[str, Scalar]:
        specs = self.schemas[write.type].fields
        return {name: self.rewrites(specs[name], value) for name, value in write.fields.items()}

    def _accepted(self, write: Write, id: str, created: bool = False) -> Outcome:
        self.written.append(write)
        shown = {name: self.stored[id].fields.get(name) for name in write.fields}
        return Outcome(
            write.entry, Verdict.OK, id, created=created, shown=shown if self.abilities_.shows_writes else {}
        )

    # Meter

    @property
    def meter(self) -> MemoryMeter:
        return MemoryMeter(self)

    # People

    def put(self, type: RecordType, id: str, fields: Mapping[str, Scalar]) -> None:
        """Add a record that is not ours."""
        self.stored[id] = CrmRecord(type, id, fields)

    def edit(self, id: str, name: str, value: Scalar) -> None:
        """A person types a value."""
        record = self.stored[id]
        self.stored[id] = replace(record, fields={**record.fields, name: value})

    def delete(self, id: str) -> None:
        """A person throws a record away."""
        self.stored[id] = replace(self.stored[id], archived=True)

    def by_key(self, key: str) -> CrmRecord | None:
        """Look at one of our records."""
        return self.stored[self.keys[key]] if key in self.keys else None


@dataclass(frozen=True)
class MemoryMeter:
    """Counts the calls; there is no daily limit unless one is set."""

    crm: MemoryCrm
    day: Allowance | None = None

    def calls(self) -> int:
        return self.crm.calls

    def allowance(self) -> Allowance | None:
        return self.day


def lost_answer(crm: MemoryCrm, batch: Sequence[Write]) -> list[Outcome]:
    """The batch is carried out, but nobody hears of it."""
    crm.carry_out(batch)
    return [Outcome(write.entry, Verdict.UNKNOWN) for write in batch]


def lost_request(_crm: MemoryCrm, batch: Sequence[Write]) -> list[Outcome]:
    """The batch never arrives, and nobody knows that."""
    return [Outcome(write.entry, Verdict.UNKNOWN) for write in batch]


def half_mentioned(crm: MemoryCrm, batch: Sequence[Write]) -> list[Outcome]:
    """The batch is carried out, but the answer mentions only its first record."""
    return crm.carry_out(batch)[:1]


def quota_spent(_crm: MemoryCrm, batch: Sequence[Write]) -> list[Outcome]:
    """Nothing is written, and nothing will be for now."""
    return [Outcome(write.entry, Verdict.DEFER, code="REQUEST_LIMIT_EXCEEDED") for write in batch]


def locked(crm: MemoryCrm, batch: Sequence[Write]) -> list[Outcome]:
    """The first record is locked by somebody; the others go through."""
    return [Outcome(batch[0].entry, Verdict.RETRY, code="UNABLE_TO_LOCK_ROW"), *crm.carry_out(batch[1:])]


def refused(crm: MemoryCrm, batch: Sequence[Write]) -> list[Outcome]:
    """The first record breaks a rule of the CRM's admin; the others go through."""
    return [_refused(batch[0], "FIELD_CUSTOM_VALIDATION_EXCEPTION", "a rule says no"), *crm.carry_out(batch[1:])]


FAULTS: tuple[Fault, ...] = (lost_answer, lost_request, half_mentioned, quota_spent, locked, refused)


def _refused(write: Write, code: str, message: str, name: str | None = None) -> Outcome:
    return Outcome(write.entry, Verdict.REJECTED, code=code, message=message, field=name, hint="mend the record")
