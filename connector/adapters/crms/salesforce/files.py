"""Files in Salesforce: a document, found again by the `ref: KEY` that describes its versions, changed by a new one.

Decided here: a file's id is its document's, which stays when somebody uploads another version. It is created on its
record in one call (`FirstPublishLocationId` makes the link too), so that a kill leaves no file that hangs on nothing.
The description is what a version can be filtered by without a field of our own; a version that a person uploads has
another one, so every version counts when a key is looked for, and the latest when it is read. What it holds is read as
the MD5 that Salesforce keeps, never downloaded. Versions travel one to a call: their bytes are base64 in JSON.

An org that forbids HTML uploads (Setup → File Upload and Download Security) refuses the record with its own words.

Source: Object Reference, "ContentVersion" (Description: Create, Filter, Update; FirstPublishLocationId),
"ContentDocument", "ContentDocumentLink"; REST API Developer Guide, "Insert or Update Blob Data".
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from simple_salesforce.format import format_soql

from connector.adapters.crms.batches import carry_out, chunks
from connector.adapters.crms.http import CallError, LostAnswerError
from connector.adapters.crms.salesforce.client import SalesforceClient
from connector.adapters.crms.salesforce.errors import judge
from connector.adapters.crms.salesforce.translate import field_spec, from_wire, link_fields, links_of, moment, to_wire
from connector.adapters.crms.writable import prepare
from connector.domain.change import CrmRecord, FieldSpec, FieldType, Outcome, RecordType, Scalar, Schema, Verdict, Write
from connector.domain.mapping import CrmMapping, FileMap
from connector.domain.normalise import DIGEST

VERSION, DOCUMENT = "ContentVersion", "ContentDocument"
_IDS_IN_ONE_QUERY = 200
_SYSTEM = (
    "Id",
    "ContentDocumentId",
    "CreatedDate",
    "SystemModstamp",
    "IsDeleted",
    "Checksum",
    "FirstPublishLocationId",
)
Row = Mapping[str, Any]


class SalesforceFiles:
    """Reads and writes documents."""

    def __init__(self, client: SalesforceClient, mapping: CrmMapping) -> None:
        self._client = client
        self._map = mapping.file or FileMap(content="VersionData", fields={})

    def schema(self) -> Schema:
        """Describe a version; what it holds is a file, whose updating is the insertion of another version."""
        described = self._client.get(f"sobjects/{VERSION}/describe")
        specs = {one["name"]: field_spec(one) for one in described["fields"]}
        if (content := specs.get(self._map.content)) is not None:
            specs[content.name] = FieldSpec(content.name, FieldType.FILE, content.label, required=True)
        if (path := specs.get("PathOnClient")) is not None:
            specs[path.name] = replace(path, required=False)  # nobody's rule: we name it after the key
        return Schema(RecordType.FILE, specs)

    def read(self, ids: Sequence[str], names: Sequence[str], specs: Mapping[str, FieldSpec]) -> dict[str, CrmRecord]:
        """Read documents by id, as their latest version shows them."""
        columns = dict.fromkeys([*_SYSTEM, *(name for name in names if name in specs and name != self._map.content)])
        found: dict[str, CrmRecord] = {}
        for chunk in chunks(dict.fromkeys(ids), _IDS_IN_ONE_QUERY):
            where = format_soql("ContentDocumentId IN {} AND IsLatest = true", chunk)
            soql = f"SELECT {', '.join(columns)} FROM {VERSION} WHERE {where} ORDER BY SystemModstamp, Id"  # noqa: S608
            for row in self._client.query(soql):
                found[row["ContentDocumentId"]] = self._record(row, names, specs)
        return found

    def find(self, keys: Sequence[str], names: Sequence[str], specs: Mapping[str, FieldSpec]) -> dict[str, CrmRecord]:
        """Find documents by the key that a version of ours carries; a living one before a deleted one."""
        by_document: dict[str, str] = {}
        for chunk in chunks(dict.fromkeys(keys), _IDS_IN_ONE_QUERY):
            where = format_soql("Description IN {}", [_reference(key) for key in chunk])
            soql = f"SELECT ContentDocumentId, Description FROM {VERSION} WHERE {where} ORDER BY CreatedDate, Id"  # noqa: S608
            for row in self._client.query(soql):
                by_document.setdefault(row["ContentDocumentId"], row["Description"].removeprefix("ref: "))
        found: dict[str, CrmRecord] = {}
        for id, record in self.read(list(by_document), names, specs).items():
            known = found.get(by_document[id])
            if known is None or (known.archived and not record.archived):
                found[by_document[id]] = record
        return found

    def write(self, batch: Sequence[Write], specs: Mapping[str, FieldSpec]) -> list[Outcome]:
        """Create documents, change titles, add versions."""
        bodies, refused = prepare(batch, specs, lambda one: {**one.fields, **link_fields(one.links)}, _to_wire)
        sendable = [write for write in batch if write.entry in bodies]
        return refused + carry_out(
            sendable, 1, lambda some: [self._send(one, bodies[one.entry]) for one in some], judge
        )

    def _send(self, write: Write, body: Row) -> Outcome:
        match write.verb:
            case "create":
                return Outcome(write.entry, Verdict.OK, self._insert(write, body), created=True)
            case "associate":
                for link in write.links:
                    told = {"ContentDocumentId": write.crm_id, "LinkedEntityId": link.to.id}
                    self._client.call("POST", "sobjects/ContentDocumentLink/", body=told)
            case "update" if self._map.content in body:
                latest = self._latest(write)
                self._insert(write, {"Title": latest["Title"], **body, "ContentDocumentId": write.crm_id})
            case "update":
                self._client.call("PATCH", f"sobjects/{VERSION}/{self._latest(write)['Id']}", body=dict(body))
        return Outcome(write.entry, Verdict.OK, write.crm_id)

    def _insert(self, write: Write, body: Row) -> str:
        """Insert a version; give its document's id, which another call tells."""
        key = str(write.key)
        told = {**body, "PathOnClient": f"{key}.html", "Description": _reference(key)}
        made = self._client.call("POST", f"sobjects/{VERSION}/", body=told)
        try:
            rows = self._rows(format_soql("Id = {}", made["id"]))
        except CallError as error:  # whatever it proves of the question, the version is there
            raise LostAnswerError(f"version {made['id']} was inserted; of which document is not known") from error
        if not rows:
            raise LostAnswerError(f"version {made['id']} was inserted, and cannot be seen")
        return str(rows[0]["ContentDocumentId"])

    def _latest(self, write: Write) -> Row:
        rows = self._rows(format_soql("ContentDocumentId = {} AND IsLatest = true", write.crm_id))
        return rows[0] if rows else {"Id": write.crm_id, "Title": None}  # deleted: Salesforce refuses it by its id

    def _rows(self, where: str) -> Sequence[Row]:
        soql = f"SELECT Id, ContentDocumentId, Title FROM {VERSION} WHERE {where}"  # noqa: S608 - quoted ids
        rows: Sequence[Row] = self._client.call("GET", "query/", params={"q": soql})["records"]
        return rows

    def _record(self, row: Row, names: Sequence[str], specs: Mapping[str, FieldSpec]) -> CrmRecord:
        fields: dict[str, Scalar] = {
            name: from_wire(specs[name], row.get(name)) if name in specs else None for name in names
        }
        if self._map.content in fields:
            fields[self._map.content] = f"{DIGEST}{row['Checksum']}" if row.get("Checksum") else None
        return CrmRecord(
            type=RecordType.FILE,
            id=row["ContentDocumentId"],
            fields=fields,
            links=links_of(row, self._map.links),
            created_at=moment(row["CreatedDate"]),
            modified_at=moment(row["SystemModstamp"]),
            archived=bool(row.get("IsDeleted")),
        )


def _reference(key: str) -> str:
    return f"ref: {key}"


def _to_wire(spec: FieldSpec, value: Scalar) -> Any:
    if spec.type is FieldType.FILE:
        return b64encode((value or "").encode()).decode()
    return to_wire(spec, value)
