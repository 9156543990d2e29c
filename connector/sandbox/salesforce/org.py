"""One Salesforce org in memory: rows by type, indexes, custom fields, and a journal that can undo a batch.

Rows are dictionaries ready for JSON. Deleted rows stay, marked `IsDeleted`, because Salesforce keeps showing them
to whoever asks. An index over a key field is built at its first look-up and kept from then on, so that an upsert of
200 records does not read the whole table 200 times.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from connector.sandbox.control import Control, Row
from connector.sandbox.salesforce import derive, seed
from connector.sandbox.salesforce.credentials import Credentials
from connector.sandbox.salesforce.ids import long_form, mint
from connector.sandbox.salesforce.jobs import Job
from connector.sandbox.salesforce.schema import ACTIVITIES, Field, standard_objects
from connector.sandbox.salesforce.values import read_datetime, stamp

_HANGS_ON_ACCOUNTS = (
    ("Account", "ParentId"),
    ("Contact", "AccountId"),
    ("Opportunity", "AccountId"),
    ("Task", "WhatId"),
    ("Event", "WhatId"),
    ("Note", "ParentId"),
)
_DECIDE_WHAT_IS_SEEN = ("FieldPermissions", "PermissionSetAssignment", "OpportunityStage", "TaskStatus")


class Org:
    """Everything the stand-in remembers; also the `State` behind its control surface."""

    def __init__(self, control: Control, credentials: Credentials) -> None:
        self.control = control
        self.credentials = credentials
        self.settle: Callable[[], None] = lambda: None
        """Brings work that the clock has done meanwhile up to date, before anybody looks."""
        self.reset()

    def reset(self) -> None:
        """Start over with the records every new org has."""
        self._tables: dict[str, dict[str, Row]] = {name: {} for name in standard_objects()}
        self._indexes: dict[tuple[str, str], dict[str, set[str]]] = {}
        self._custom: dict[str, dict[str, Field]] = defaultdict(dict)
        self._journal: list[tuple[str, str, Row | None]] | None = None
        self._sequence = 0
        self.schema_changed = self.control.clock.now()
        self.user_id: str | None = None
        self.open_fields: set[tuple[str, str]] = set()
        self.locators: dict[str, list[Row]] = {}
        self.calls: deque[datetime] = deque()
        self.jobs: dict[str, Job] = {}
        self.deployments: dict[str, Row] = {}
        for kind, rows in seed.records(self.credentials.username).items():
            self.load(kind, rows)
        self.id = next(iter(self.rows("Organization")))["Id"]
        self.user_id = next(iter(self.rows("User")))["Id"]

    def now(self) -> str:
        return stamp(self.control.clock.now())

    def switch(self, name: str, default: Any) -> Any:
        """Read a switch that a test or a demo may have set."""
        return self.control.switches.get(name, default)

    def calls_of_the_day(self) -> deque[datetime]:
        """Forget the calls that are older than 24 hours, and give the others."""
        start = self.control.clock.now() - timedelta(hours=24)
        while self.calls and self.calls[0] < start:
            self.calls.popleft()
        return self.calls

    # rows

    def mint(self, prefix: str) -> str:
        """Give the next id for a key prefix."""
        self._sequence += 1
        return mint(prefix, self._sequence)

    def put(self, kind: str, row: Row) -> None:
        """Store a row under its id, in every index, and in the journal if one is open."""
        before = self._tables[kind].get(row["Id"])
        if self._journal is not None:
            self._journal.append((kind, row["Id"], before))
        if kind in _DECIDE_WHAT_IS_SEEN:
            self.schema_changed = self.control.clock.now()
        self._replace(kind, row["Id"], row)

    def replace_all(self, kind: str, rows: Sequence[Row]) -> None:
        """Let a type have these rows and no others."""
        self._tables[kind] = {row["Id"]: row for row in rows}

    def take(self, kind: str, record_id: str) -> None:
        """Take a row out, as if it had never been: setup records have no recycle bin."""
        if self._journal is not None:
            self._journal.append((kind, record_id, self._tables[kind].get(record_id)))
        if kind in _DECIDE_WHAT_IS_SEEN:
            self.schema_changed = self.control.clock.now()
        self._replace(kind, record_id, None)

    def get(self, kind: str, record_id: str) -> Row | None:
        return self._tables[kind].get(record_id)

    def rows(self, kind: str) -> Iterable[Row]:
        return self._tables[kind].values()

    def alive(self, kind: str) -> Iterator[Row]:
        return (row for row in self._tables[kind].values() if not row.get("IsDeleted"))

    def matching(self, kind: str, field: Field, value: Any) -> list[Row]:
        """Find the living rows whose key field holds a value; text without regard to case, unless the field has it."""
        index = self._indexes.get((kind, field.name))
        if index is None:
            index = self._indexes[kind, field.name] = defaultdict(set)
            for row in self.rows(kind):
                index[_folded(row.get(field.name))].add(row["Id"])
        rows = (self._tables[kind][found] for found in sorted(index.get(_folded(value), ())))
        return [
            row
            for row in rows
            if not row.get("IsDeleted") and (not field.case_sensitive or row.get(field.name) == value)
        ]

    @contextmanager
    def undoable(self) -> Iterator[list[tuple[str, str, Row | None]]]:
        """Journal every change, so that `undo` can take them back; a journal may stand inside another."""
        outer, self._journal = self._journal, []
        try:
            yield self._journal
        finally:
            if outer is not None:
                outer += self._journal
            self._journal = outer

    def undo(self, journal: list[tuple[str, str, Row | None]]) -> None:
        """Take back the journalled changes, last one first."""
        for kind, record_id, before in reversed(journal):
            self._replace(kind, record_id, before)

    def _replace(self, kind: str, record_id: str, row: Row | None) -> None:
        before = self._tables[kind].get(record_id)
        for (indexed, name), index in self._indexes.items():
            if indexed == kind:
                if before is not None:
                    index[_folded(before.get(name))].discard(record_id)
                if row is not None:
                    index[_folded(row.get(name))].add(record_id)
        if row is None:
            self._tables[kind].pop(record_id, None)
        else:
            self._tables[kind][record_id] = row

    # schema

    def custom_fields(self, kind: str) -> Mapping[str, Field]:
        """List the custom fields of a type, its share of Activity's included, before field-level security."""
        fields: Mapping[str, Field] = self._custom[kind]
        if kind in ACTIVITIES:
            fields = {**self._custom["Activity"], **self._custom[kind]}
            if not self.switch("keyed_tasks", True):
                fields = {name: _keyless(field) for name, field in fields.items()}
        required = self.switch("required_fields", {}).get(kind, ())
        return {**fields, **{name: _required(fields.get(name), name) for name in required}} if required else fields

    def add_custom_field(self, owner: str, field: Field, metadata: Row | None = None) -> str:
        """Add a column; rows there already hold null. Return the id of its definition, which keeps its metadata."""
        self._custom[owner][field.name] = field
        self.schema_changed = self.control.clock.now()
        name, known = field.name.removesuffix("__c"), self.definition(owner, field.name)
        row = known or {"Id": self.mint("00N"), "DeveloperName": name, "TableEnumOrId": owner, "NamespacePrefix": None}
        self.put("CustomField", row | {"Metadata": dict(metadata or {"label": field.label})})
        return str(row["Id"])

    def definition(self, owner: str, name: str) -> Row | None:
        """Find the definition of a custom field."""
        wanted = (owner, name.removesuffix("__c").casefold())
        rows = self.rows("CustomField")
        return next((one for one in rows if (one["TableEnumOrId"], one["DeveloperName"].casefold()) == wanted), None)

    def drop_custom_field(self, owner: str, name: str) -> None:
        """Take a column away with its values and the permissions that open it."""
        definition = self.definition(owner, name)
        if definition is not None:
            self.take("CustomField", definition["Id"])
        self._custom[owner].pop(name, None)
        kinds = ACTIVITIES if owner == "Activity" else (owner,)
        for kind in kinds:
            self.open_fields.discard((kind, name))
            self._indexes.pop((kind, name), None)
            for row in list(self.rows(kind)):
                self._tables[kind][row["Id"]] = {key: value for key, value in row.items() if key != name}
        for row in [one for one in self.rows("FieldPermissions") if one["Field"] in {f"{k}.{name}" for k in kinds}]:
            self.take("FieldPermissions", row["Id"])
        self.schema_changed = self.control.clock.now()

    @contextmanager
    def rolled_back(self) -> Iterator[Callable[[], None]]:
        """Give what takes back every change to schema and setup records made inside."""
        custom = {owner: dict(fields) for owner, fields in self._custom.items()}
        opened, changed = set(self.open_fields), self.schema_changed
        with self.undoable() as journal:

            def back() -> None:
                self.undo(journal)
                journal.clear()
                self._custom = defaultdict(dict, custom)
                self.open_fields, self.schema_changed = opened, changed

            yield back

    # the control surface

    def dump(self, kind: str) -> list[Row]:
        """Return every row of a type, deleted ones included; also `jobs` and `api_requests`."""
        self.settle()
        match kind:
            case "jobs":
                return [job.as_info() for job in self.jobs.values()]
            case "api_requests":
                moments = Counter(map(stamp, self.calls_of_the_day()))
                return [{"at": at, "count": count} for at, count in moments.items()]
            case _:
                return list(self._tables[kind].values())

    def load(self, kind: str, rows: Sequence[Row]) -> None:
        """Put rows there as they are; a row whose id is known changes only the columns it carries.

        Such a change leaves the history a person's edit would leave, which makes it one.
        """
        match kind:
            case "api_requests":
                self._load_calls(rows)
            case "merges":
                self._merge(rows)
            case _ if kind in self._tables and standard_objects()[kind].from_switches:
                raise ValueError(f"{kind} follows the switches")
            case _ if kind in self._tables:
                self._load_records(kind, rows)
            case _:
                raise KeyError(kind)

    def _load_records(self, kind: str, rows: Sequence[Row]) -> None:
        for given in rows:
            self._learn_columns(kind, given)
            given = {name: self._as_stored(kind, name, value) for name, value in given.items()}
            before = self.get(kind, given["Id"]) if given.get("Id") else None
            touched = {"LastModifiedDate": self.now(), "SystemModstamp": self.now()} if before else {}
            row = (before or self._blank(kind)) | touched | given
            row["Id"] = row["Id"] or self.mint(standard_objects()[kind].prefix)
            row |= derive.derived(self, kind, row, before) | given | {"Id": row["Id"]}
            self.put(kind, row)
            if before is not None:
                derive.aftermath(self, kind, row, before, self.user_id or "")

    def _load_calls(self, rows: Sequence[Row]) -> None:
        """Add calls that other tools made, at a moment or now; they count until they are a day old."""
        for row in rows:
            at = datetime.fromisoformat(row["at"]) if row.get("at") else self.control.clock.now()
            self.calls.extend([at] * int(row["count"]))
        self.calls = deque(sorted(self.calls))

    def _merge(self, rows: Sequence[Row]) -> None:
        """Merge accounts as a person does: what hangs on the loser moves to the survivor, the loser is deleted."""
        for row in rows:
            loser, survivor = long_form(row["loser"]), long_form(row["survivor"])
            for kind, reference in _HANGS_ON_ACCOUNTS:
                moved = [one["Id"] for one in self.alive(kind) if one[reference] == loser]
                self.load(kind, [{"Id": one, reference: survivor} for one in moved])
            self.load("Account", [{"Id": loser, "IsDeleted": True, "MasterRecordId": survivor}])

    def _learn_columns(self, kind: str, row: Row) -> None:
        known = standard_objects()[kind].fields.keys() | self.custom_fields(kind).keys()
        for name, value in row.items():
            if name in known:
                continue
            if not name.endswith("__c"):
                raise ValueError(f"{kind} has no field {name}; only custom fields (…__c) are made on load")
            self.add_custom_field(kind, _guessed_field(name, value))
            self.open_fields.add((kind, name))

    def _as_stored(self, kind: str, name: str, value: Any) -> Any:
        field = standard_objects()[kind].fields.get(name)
        if field is not None and field.type in ("double", "currency", "percent") and value is not None:
            return float(value)
        if field is None or not isinstance(value, str):
            return value
        if field.type in ("id", "reference") and value:
            return long_form(value)
        return read_datetime(value) if field.type == "datetime" else value

    def _blank(self, kind: str) -> Row:
        """Give a new row: every column, audit columns filled, flags down but for IsActive."""
        now, row = self.now(), dict(_empty_row(kind))
        audit = {"CreatedDate": now, "LastModifiedDate": now, "SystemModstamp": now}
        owners = {"CreatedById": self.user_id, "LastModifiedById": self.user_id, "OwnerId": self.user_id}
        return row | {name: value for name, value in (audit | owners).items() if name in row}

    def blank(self, kind: str, user_id: str) -> Row:
        """Give a new row of a type with its id, created now by a user."""
        owners = dict.fromkeys(("CreatedById", "LastModifiedById", "OwnerId"), user_id)
        row = self._blank(kind)
        return (
            row
            | {name: value for name, value in owners.items() if name in row}
            | {"Id": self.mint(standard_objects()[kind].prefix)}
        )


@cache
def _empty_row(kind: str) -> Row:
    return {
        field.name: field.name == "IsActive" if field.type == "boolean" else None
        for field in standard_objects()[kind].fields.values()
        if field.type != "address"
    }


def _folded(value: Any) -> str:
    return str(value).casefold()


def _keyless(field: Field) -> Field:
    return replace(field, external_id=False, id_lookup=False, unique=False)


def _required(field: Field | None, name: str) -> Field:
    return replace(field or _guessed_field(name, None), nillable=False, defaulted=False)


def _guessed_field(name: str, value: Any) -> Field:
    """Guess the column a loaded value came from; nothing yet means text."""
    match value:
        case bool():
            field = Field(name, "boolean", name, defaulted=True)
        case int() | float():
            field = Field(name, "double", name, precision=18, scale=2, nillable=True)
        case str() if len(value) > 255:
            field = Field(name, "textarea", name, length=32768, nillable=True)
        case _:
            field = Field(name, "string", name, length=255, nillable=True)
    label = name.removesuffix("__c").replace("_", " ")
    return replace(field, label=label, createable=True, updateable=True, custom=True)
