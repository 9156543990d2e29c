"""Carries out writes with HubSpot's batches: up to 100 records a call, answered in any order.

Decided here: a keyed create is an upsert by our unique property, which takes no associations along; a create without a
key takes them, since it is found again through them. Each input carries the outbox entry as its trace id; an answer
is matched by trace id, key or record id, never by position. What an answer does not account for is unknown.

Source: developers.hubspot.com, "Using object APIs" (batch actions, multi-status errors), "Associations v4".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from connector.adapters.crms.batches import Judgement, carry_out
from connector.adapters.crms.hubspot.client import HubspotClient
from connector.adapters.crms.hubspot.errors import judge, record_refusal
from connector.adapters.crms.hubspot.read import HubspotReader
from connector.adapters.crms.hubspot.translate import (
    OBJECTS,
    Translator,
    association_types,
    inline,
    key_property,
    to_wire,
)
from connector.adapters.crms.values import without_reference
from connector.adapters.crms.writable import not_ready, prepare
from connector.domain.change import Outcome, RecordType, Verb, Verdict, Write
from connector.domain.errors import LaterError, MendError
from connector.domain.mapping import CrmMapping

_MOST_IN_ONE_CALL = 100
_UNACCOUNTED = Judgement(Verdict.UNKNOWN, "unaccounted", "the answer tells neither of success nor of refusal")
_WORST_FIRST = (Verdict.UNKNOWN, Verdict.DEFER, Verdict.RETRY, Verdict.REJECTED, Verdict.OK)
Row = dict[str, Any]


class HubspotWriter:
    """Creates, updates and associates records."""

    def __init__(self, client: HubspotClient, reader: HubspotReader, mapping: CrmMapping) -> None:
        self._client = client
        self._reader = reader
        self._mapping = mapping

    def batch_size(self, verb: Verb, type: RecordType) -> int:  # noqa: ARG002 - the same for all of them
        """Say how many records one call carries; a file travels alone."""
        return 1 if type is RecordType.FILE else _MOST_IN_ONE_CALL

    def write(self, batch: Sequence[Write]) -> list[Outcome]:
        """Carry out one batch of one verb and type."""
        if not batch:
            return []
        if batch[0].type is RecordType.FILE:
            return self._reader.files.write(batch)
        if batch[0].verb == "associate":
            return self._associate(batch)
        try:
            translator = self._reader.translator(batch[0].type)
        except (LaterError, MendError) as error:
            return not_ready(batch, error)
        bodies, refused = prepare(batch, translator.specs, translator.fields_of, to_wire)

        def send(writes: Sequence[Write]) -> list[Outcome]:
            call, inputs = self._call_for(writes, bodies)
            answer = self._client.call(call, OBJECTS[writes[0].type], {"inputs": inputs})
            return _Answer(answer, translator, key_property(self._mapping, writes[0].type)).outcomes(writes)

        sendable = [write for write in batch if write.entry in bodies]
        return refused + carry_out(sendable, _MOST_IN_ONE_CALL, send, judge)

    def _call_for(self, writes: Sequence[Write], bodies: Mapping[str, Row]) -> tuple[Callable[..., Any], list[Row]]:
        batches, type = self._client.object_batches, writes[0].type
        inputs = [{"properties": bodies[write.entry], "objectWriteTraceId": write.entry} for write in writes]
        if writes[0].verb == "update":
            return batches.update, [{"id": write.crm_id, **one} for write, one in zip(writes, inputs, strict=True)]
        if self._reader.is_keyed(type) and all(write.key is not None for write in writes):
            name = key_property(self._mapping, type)
            keyed = [{"id": write.key, "idProperty": name} for write in writes]
            return batches.upsert, [{**key, **one} for key, one in zip(keyed, inputs, strict=True)]
        return batches.create, [
            {"associations": inline(type, write.links), **one} for write, one in zip(writes, inputs, strict=True)
        ]

    def _associate(self, batch: Sequence[Write]) -> list[Outcome]:
        """Associate, one call for each kind of object that is linked to; a write with two links needs both."""
        told: dict[str, list[Outcome]] = {write.entry: [] for write in batch}
        pairs = [replace(write, links=(link,)) for write in batch for link in write.links]
        for name in dict.fromkeys(pair.links[0].name for pair in pairs):
            same = [pair for pair in pairs if pair.links[0].name == name]
            for outcome in carry_out(same, _MOST_IN_ONE_CALL, self._send_pairs, judge):
                told[outcome.entry].append(outcome)
        return [min(some, key=lambda one: _WORST_FIRST.index(one.verdict)) for some in told.values() if some]

    def _send_pairs(self, writes: Sequence[Write]) -> list[Outcome]:
        type, to_object = writes[0].type, writes[0].links[0].name
        types = association_types(type, to_object)
        inputs = [{"from": {"id": one.crm_id}, "to": {"id": one.links[0].to.id}, "types": types} for one in writes]
        call = self._client.association_batches.create
        answer = self._client.call(call, OBJECTS[type], to_object, {"inputs": inputs})
        made = {(str(row["fromObjectId"]), str(row["toObjectId"])) for row in answer.get("results") or ()}
        refused = {pair: error for error in answer.get("errors") or () for pair in _pairs(error)}
        outcomes = []
        for write in writes:
            pair = str(write.crm_id), str(write.links[0].to.id)
            if pair in made:
                outcomes.append(Outcome(write.entry, Verdict.OK, crm_id=write.crm_id))
            elif pair in refused:
                outcomes.append(record_refusal(write, refused[pair]))
            else:
                outcomes.append(_UNACCOUNTED.of(write))
        return outcomes


class _Answer:
    """The answer to a batch, each part of it matched to the write it tells about."""

    def __init__(self, answer: Row, translator: Translator, key: str | None) -> None:
        self._translator = translator
        self._key = key
        self._results = self._named(answer.get("results") or (), self._names_of_result)
        errors = list(answer.get("errors") or ())
        self._errors = self._named(errors, _names_of_error)
        self._nameless = [error for error in errors if not _names_of_error(error)]

    def outcomes(self, writes: Sequence[Write]) -> list[Outcome]:
        return [self._outcome(write) for write in writes]

    def _outcome(self, write: Write) -> Outcome:
        names = [name for name in (write.entry, write.key, write.crm_id) if name is not None]
        result = next((self._results[name] for name in names if name in self._results), None)
        if result is not None:
            return Outcome(
                write.entry,
                Verdict.OK,
                crm_id=str(result["id"]),
                created=bool(result.get("new", write.verb == "create")),
                shown=self._translator.shown(result["properties"], write.fields),
            )
        error = next((self._errors[name] for name in names if name in self._errors), None)
        if error is None and self._nameless:
            # Everything that succeeded is listed: what is not was refused, for one of the reasons told without a name.
            error = self._nameless[0]
        return _UNACCOUNTED.of(write) if error is None else record_refusal(write, error)

    def _names_of_result(self, row: Row) -> list[str]:
        properties = row["properties"]
        names = [row.get("objectWriteTraceId"), row.get("id"), properties.get(self._key) if self._key else None]
        if (body := self._translator.referring) is not None:
            names.append(without_reference(properties.get(body))[1])
        return [str(name) for name in names if name]

    @staticmethod
    def _named(rows: Iterable[Row], names_of: Callable[[Row], list[str]]) -> dict[str, Row]:
        return {name: row for row in rows for name in names_of(row)}


def _names_of_error(error: Row) -> list[str]:
    context = error.get("context") or {}
    return [str(one) for name in ("objectWriteTraceId", "ids", "id") for one in context.get(name) or ()]


def _pairs(error: Row) -> Iterable[tuple[str, str]]:
    context = error.get("context") or {}
    return zip(map(str, context.get("fromObjectId") or ()), map(str, context.get("toObjectId") or ()), strict=False)
