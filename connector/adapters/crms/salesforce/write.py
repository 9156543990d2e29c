"""Carries out writes with sObject Collections: up to 200 records a call, one answer per record, in order.

Decided here: a keyed create is an upsert, so that a repeated one finds its own record; a link is a lookup field, so
that associating is an update. Nothing is sent as a whole or not at all: one bad record holds no other back.

Source: REST API Developer Guide, "sObject Collections" and "Upsert Records with sObject Collections".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connector.adapters.crms.batches import carry_out
from connector.adapters.crms.http import LostAnswerError
from connector.adapters.crms.salesforce.client import SalesforceClient
from connector.adapters.crms.salesforce.errors import judge, record_outcome
from connector.adapters.crms.salesforce.read import SalesforceReader
from connector.adapters.crms.salesforce.translate import SOBJECTS, key_field, link_fields, to_wire
from connector.adapters.crms.values import with_reference
from connector.adapters.crms.writable import not_ready, prepare
from connector.domain.change import FieldSpec, Outcome, RecordType, Scalar, Verb, Write
from connector.domain.errors import CredentialError, LaterError
from connector.domain.mapping import CrmMapping

_MOST_IN_ONE_CALL = 200


class SalesforceWriter:
    """Creates and updates records."""

    def __init__(self, client: SalesforceClient, reader: SalesforceReader, mapping: CrmMapping) -> None:
        self._client = client
        self._reader = reader
        self._mapping = mapping

    def batch_size(self, verb: Verb, type: RecordType) -> int:  # noqa: ARG002 - the same for all of them
        """Say how many records one call carries."""
        return _MOST_IN_ONE_CALL

    def write(self, batch: Sequence[Write]) -> list[Outcome]:
        """Carry out one batch of one verb and type."""
        if not batch:
            return []
        type = batch[0].type
        try:
            specs = self._reader.schema(type).fields
        except (LaterError, CredentialError) as error:
            return not_ready(batch, error)
        bodies, refused = prepare(batch, specs, lambda write: self._fields(write, specs), to_wire)

        def send(writes: Sequence[Write]) -> list[Outcome]:
            method, path = self._call_for(writes[0])
            records = [_record(write, bodies[write.entry]) for write in writes]
            told = self._client.call(method, path, body={"allOrNone": False, "records": records})
            if not isinstance(told, list) or len(told) != len(writes):
                raise LostAnswerError(f"{len(writes)} records were sent, the answer tells of another number")
            return [record_outcome(write, one) for write, one in zip(writes, told, strict=True)]

        sendable = [write for write in batch if write.entry in bodies]
        return refused + carry_out(sendable, _MOST_IN_ONE_CALL, send, judge)

    def _call_for(self, write: Write) -> tuple[str, str]:
        match write.verb:
            case "create" if write.key is not None and self._reader.is_keyed(write.type):
                return "PATCH", f"composite/sobjects/{SOBJECTS[write.type]}/{key_field(self._mapping, write.type)}"
            case "create":
                return "POST", "composite/sobjects"
            case "update" | "associate":
                return "PATCH", "composite/sobjects"

    def _fields(self, write: Write, specs: Mapping[str, FieldSpec]) -> dict[str, Scalar]:
        """Complete a write's fields with its links, its key and its id."""
        fields = {**write.fields, **link_fields(write.links)}
        if write.key is None:
            return fields
        name, body = key_field(self._mapping, write.type), self._mapping.task.body
        is_new = write.verb == "create"
        if is_new and name is not None and name in specs:
            fields[name] = write.key
        needs_line = write.type is RecordType.TASK and not self._reader.is_keyed(write.type)
        if needs_line and (is_new or body in fields):
            fields[body] = with_reference(fields.get(body), write.key, specs[body].length)
        return fields


def _record(write: Write, fields: Mapping[str, Any]) -> dict[str, Any]:
    identity = {} if write.verb == "create" else {"Id": write.crm_id}
    return {"attributes": {"type": SOBJECTS[write.type]}, **identity, **fields}
