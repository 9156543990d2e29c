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
from connector.adapters.crms.salesforce.translate import SOBJECTS, fields_of, key_field, to_wire
from connector.adapters.crms.writable import not_ready, prepare
from connector.domain.change import Outcome, RecordType, Verb, Write
from connector.domain.errors import LaterError, MendError
from connector.domain.mapping import CrmMapping

_MOST_IN_ONE_CALL = 200


class SalesforceWriter:
    """Creates and updates records."""

    def __init__(self, client: SalesforceClient, reader: SalesforceReader, mapping: CrmMapping) -> None:
        self._client = client
        self._reader = reader
        self._mapping = mapping

    def batch_size(self, verb: Verb, type: RecordType) -> int:  # noqa: ARG002 - the same for all of them
        """Say how many records one call carries; the bytes of a file travel alone."""
        return 1 if type is RecordType.FILE else _MOST_IN_ONE_CALL

    def write(self, batch: Sequence[Write]) -> list[Outcome]:
        """Carry out one batch of one verb and type."""
        if not batch:
            return []
        type = batch[0].type
        try:
            specs = self._reader.schema(type).fields
        except (LaterError, MendError) as error:
            return not_ready(batch, error)
        if type is RecordType.FILE:
            return self._reader.files.write(batch, specs)
        keyed = self._reader.is_keyed(type)
        bodies, refused = prepare(batch, specs, lambda one: fields_of(one, specs, self._mapping, keyed), to_wire)

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


def _record(write: Write, fields: Mapping[str, Any]) -> dict[str, Any]:
    identity = {} if write.verb == "create" else {"Id": write.crm_id}
    return {"attributes": {"type": SOBJECTS[write.type]}, **identity, **fields}
