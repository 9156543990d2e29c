"""Looks at single Salesforce records and at the schema, as our user sees them.

Source: User Interface API Developer Guide, "Get Values for a Picklist Field": what a record type offers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches

from simple_salesforce.format import format_soql

from connector.adapters.crms.batches import chunks
from connector.adapters.crms.http import CallError, RefusedError
from connector.adapters.crms.salesforce.client import SalesforceClient
from connector.adapters.crms.salesforce.errors import QUOTA
from connector.adapters.crms.salesforce.files import SalesforceFiles
from connector.adapters.crms.salesforce.translate import (
    ALWAYS_READ,
    SOBJECTS,
    field_spec,
    key_field,
    lookups,
    record,
    record_types,
    referring,
)
from connector.adapters.crms.values import without_reference
from connector.domain.change import Abilities, Among, CrmRecord, Destination, FieldSpec, RecordType, Ref, Schema
from connector.domain.errors import MappingError
from connector.domain.mapping import CrmMapping

# Salesforce takes 16,384 characters of URL; a quoted id takes 29 of them, a key 43.
_IDS_IN_ONE_QUERY = 200
_PARENTS = {RecordType.TASK: "WhatId", RecordType.NOTE: "ParentId"}
"""What names the record that one hangs on."""


class SalesforceReader:
    """Reads by id and key with SOQL, deleted records included."""

    def __init__(self, client: SalesforceClient, mapping: CrmMapping) -> None:
        self._client = client
        self._mapping = mapping
        self._schemas: dict[RecordType, Schema] = {}
        self._record_types: dict[str, tuple[str, ...]] = {}
        self._offered: dict[str, frozenset[str] | None] = {}
        self.files = SalesforceFiles(client, mapping)

    def destination(self) -> Destination:
        """Say which org the credentials lead to."""
        org = self._client.who_am_i()["organization_id"]
        row = next(iter(self._client.query("SELECT Id, Name FROM Organization")), {})
        return Destination("salesforce", org, label=row.get("Name", ""))

    def abilities(self) -> Abilities:
        """Say which types carry a key our user can see; a lookup always travels with its record."""
        keyed = {type for type in (RecordType.OPPORTUNITY, RecordType.TASK) if self.is_keyed(type)}
        return Abilities(keyed=frozenset(keyed), inline_links=frozenset(SOBJECTS), shows_writes=False)

    def is_keyed(self, type: RecordType) -> bool:
        """Say whether a type has our unique external id."""
        name = key_field(self._mapping, type)
        spec = self.schema(type).fields.get(name) if name else None
        return spec is not None and spec.unique

    def schema(self, type: RecordType) -> Schema:
        """Describe a type, once."""
        if type is RecordType.FILE and type not in self._schemas:
            self._schemas[type] = self.files.schema()
        if type not in self._schemas:
            described = self._client.get(f"sobjects/{SOBJECTS[type]}/describe")
            if type is RecordType.OPPORTUNITY:
                self._record_types = record_types(described["recordTypeInfos"])
            self._schemas[type] = Schema(type, {one["name"]: field_spec(one) for one in described["fields"]})
        return self._schemas[type]

    def record_types(self) -> Mapping[str, tuple[str, ...]]:
        """Name the record types that our user may give an opportunity: id → developer name and label."""
        self.schema(RecordType.OPPORTUNITY)
        return self._record_types

    def offered_stages(self, record_type: str) -> frozenset[str] | None:
        """Name the stages of a record type's sales process; None where the org does not tell our user."""
        if record_type not in self._offered:
            self._offered[record_type] = self._ask_offered(record_type)
        return self._offered[record_type]

    def _ask_offered(self, record_type: str) -> frozenset[str] | None:
        kind, field = SOBJECTS[RecordType.OPPORTUNITY], self._mapping.opportunity.stage
        try:
            told = self._client.read(f"ui-api/object-info/{kind}/picklist-values/{record_type}/{field}")
        except RefusedError as error:
            if error.status in (403, 404) and error.code != QUOTA:
                return None
            raise self._client.for_reader(error) from error
        except CallError as error:
            raise self._client.for_reader(error) from error
        return frozenset(one["value"] for one in told["values"])

    def forget_schemas(self) -> None:
        """Describe anew from now on: fields or permissions have changed."""
        self._schemas.clear()
        self._offered.clear()

    def read(
        self,
        type: RecordType,
        ids: Sequence[str],
        names: Sequence[str],
        links: bool = True,  # noqa: ARG002 - they cost nothing here
    ) -> dict[str, CrmRecord]:
        """Read records by id."""
        if type is RecordType.FILE:
            return self.files.read(ids, names, self.schema(type).fields)
        found: dict[str, CrmRecord] = {}
        for chunk in chunks(dict.fromkeys(ids), _IDS_IN_ONE_QUERY):
            found |= {one.id: one for one in self.select(type, names, format_soql("Id IN {}", chunk))}
        return found

    def find(
        self,
        type: RecordType,
        keys: Sequence[str],
        names: Sequence[str],
        near: Mapping[str, Sequence[Ref]] | None = None,
        among: Among = Among.ALL,
    ) -> dict[str, CrmRecord]:
        """Find our records by key; the living one where a deleted one has the same key."""
        if among is Among.DELETED:
            return {}  # our queries tell of deleted records together with the living
        if type is RecordType.FILE:
            return self.files.find(keys, names, self.schema(type).fields)
        if not self.is_keyed(type):
            return self._find_by_reference(type, keys, names, near or {})
        name = str(key_field(self._mapping, type))
        found: dict[str, CrmRecord] = {}
        for chunk in chunks(dict.fromkeys(keys), _IDS_IN_ONE_QUERY):
            for one in self.select(type, [*names, name], format_soql(f"{name} IN {{}}", chunk)):
                _keep(found, str(one.fields[name]), one)
        return found

    def select(self, type: RecordType, names: Sequence[str], where: str) -> Iterator[CrmRecord]:
        """Yield the records that a SOQL condition holds for, oldest change first."""
        specs = self.schema(type).fields
        self._refuse_unknown(type, names, specs)
        keyed = self.is_keyed(type)
        columns = ", ".join(self._columns(type, names, specs, keyed))
        order = "ORDER BY SystemModstamp, Id"
        soql = f"SELECT {columns} FROM {SOBJECTS[type]} WHERE {where} {order}"  # noqa: S608 - names of the schema
        for row in self._client.query(soql):
            yield record(type, row, specs, names, self._mapping, keyed)

    def _columns(
        self, type: RecordType, names: Sequence[str], specs: Mapping[str, FieldSpec], keyed: bool
    ) -> list[str]:
        wanted = [*ALWAYS_READ, "MasterRecordId", *names, *lookups(self._mapping, type).values(), "AccountId"]
        if (body := referring(self._mapping, type, keyed)) is not None:
            wanted.append(body)
        return [name for name in dict.fromkeys(wanted) if name in specs]

    def _find_by_reference(
        self, type: RecordType, keys: Sequence[str], names: Sequence[str], near: Mapping[str, Sequence[Ref]]
    ) -> dict[str, CrmRecord]:
        """Search the `ref:` lines of our own records; a long text can be read, but not filtered by."""
        body, parent = referring(self._mapping, type, keyed=False), _PARENTS.get(type)
        if body is None or parent is None or not keys:
            return {}
        wanted, ids = set(keys), dict[str, list[str]]()
        ours = format_soql("CreatedById = {}", self._client.who_am_i()["user_id"])
        for beside in _beside(keys, near, parent):
            where = f"{ours}{beside} ORDER BY CreatedDate, Id"
            for row in self._client.query(f"SELECT Id, {body} FROM {SOBJECTS[type]} WHERE {where}"):  # noqa: S608
                _, key = without_reference(row.get(body))
                if key in wanted:
                    ids.setdefault(str(key), []).append(row["Id"])
        records = self.read(type, [one for some in ids.values() for one in some], names)
        found: dict[str, CrmRecord] = {}
        for key, some in ids.items():
            for one in some:
                _keep(found, key, records[one])
        return found

    def _refuse_unknown(self, type: RecordType, names: Sequence[str], specs: Mapping[str, FieldSpec]) -> None:
        for name in names:
            # Fields of ours may be read before they are installed: a first plan is made without a write.
            if name not in specs and not name.startswith(self._mapping.own_prefix):
                close = get_close_matches(name, specs, n=1)
                hint = f"did you mean {close[0]}? " if close else ""
                raise MappingError(
                    f"unknown field {name!r} on {SOBJECTS[type]}",
                    hint=f"{hint}`connector install` creates our own; a field hidden from our user is unknown too",
                )


def _beside(keys: Sequence[str], near: Mapping[str, Sequence[Ref]], parent: str) -> Iterator[str]:
    """Give the conditions that bound a search to the wanted records' parents; one empty condition where some have none.

    A task names one parent, its opportunity before its account, and a contact is none.
    """
    parents = {
        key: [ref.id for ref in near.get(key, ()) if ref.id and ref.type is not RecordType.CONTACT] for key in keys
    }
    if not all(parents.values()):
        yield ""
        return
    for chunk in chunks(sorted({one for some in parents.values() for one in some}), _IDS_IN_ONE_QUERY):
        yield format_soql(f" AND {parent} IN {{}}", chunk)


def _keep(found: dict[str, CrmRecord], key: str, one: CrmRecord) -> None:
    known = found.get(key)
    if known is None or known.archived:
        found[key] = one
