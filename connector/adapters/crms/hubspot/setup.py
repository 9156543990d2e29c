"""Creates our properties in HubSpot, in a property group of their own, and our pipelines where that is asked for.

Decided here: a property that exists is left as it is and checked; uniqueness cannot be added later, so a key that
exists without it has to be made anew by a person. Whether tasks take a unique property is not documented: where they
refuse one it is made plain, and our tasks are found by their `ref:` line; where they take one, it is tried out. The
answer is noted in that property's description.

Source: developers.hubspot.com, "Properties" (create a property, unique identifiers), "Pipelines".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from uuid import uuid4

from connector.adapters.crms.http import CallError, RefusedError, for_reader
from connector.adapters.crms.hubspot.client import HubspotClient
from connector.adapters.crms.hubspot.pipelines import pipelines
from connector.adapters.crms.hubspot.read import HubspotReader
from connector.adapters.crms.hubspot.survey import (
    PROVEN,
    REFUSED_KEYS,
    Surveyor,
    definition,
    group,
)
from connector.adapters.crms.hubspot.translate import OBJECTS
from connector.domain.change import RecordType
from connector.domain.errors import CredentialError, LaterError, MappingError, MendError
from connector.domain.installation import Doing, SetupStep, Wanted, is_written, managed_field, mark, refused
from connector.domain.mapping import CrmMapping
from connector.ports.clock import Clock

_LOOKS, _SECONDS_BETWEEN = 10, 0.5
_PLAIN = "created without uniqueness: this portal keeps no key on tasks, a `ref:` line replaces it"


class HubspotSetup:
    """Makes what is missing; run twice, it changes nothing the second time."""

    def __init__(self, client: HubspotClient, reader: HubspotReader, mapping: CrmMapping, clock: Clock) -> None:
        self._client = client
        self._reader = reader
        self._mapping = mapping
        self._clock = clock
        self._surveyor = Surveyor(client, mapping)

    def missing(self, wanted: Wanted) -> dict[RecordType, list[str]]:
        """Name the wanted properties that are not there, or cannot be written where we write."""
        self._reader.forget_schemas()
        lacking = {type: self._lacking(type, fields) for type, fields in wanted.items()}
        return {type: names for type, names in lacking.items() if names}

    def _lacking(self, type: RecordType, fields: Mapping[str, Any]) -> list[str]:
        specs = self._reader.schema(type).fields
        lacking = []
        for name, field in fields.items():
            spec = specs.get(name)
            # Not every portal lets a task carry a key: then the plain property will do.
            needs_key = field.unique and type is not RecordType.TASK
            closed = spec is not None and is_written(type) and not (spec.createable and spec.updateable)
            if spec is None or closed or (needs_key and not spec.unique):
                lacking.append(name)
        return lacking

    def survey(self, wanted: Wanted, with_pipeline: bool = False) -> list[SetupStep]:
        """Say what an installation would do."""
        return list(self._surveyor.steps(wanted, self._surveyor.portal(wanted), with_pipeline))

    def install(self, wanted: Wanted, with_pipeline: bool = False) -> list[SetupStep]:
        """Create, verify and try out."""
        steps = self.survey(wanted, with_pipeline)
        for step in refused(steps):
            raise MappingError(f"{step.name} {step.detail}", hint=step.hint)
        todo = [step for step in steps if step.changes]
        if not todo:
            return []
        try:
            done = [step for one in todo for step in self._carry_out(one, wanted)]
        except CallError as error:
            raise _not_allowed(error) from error
        self._wait_until_visible(wanted)
        for type, names in self.missing(wanted).items():
            raise MappingError(
                f"{OBJECTS[type]}: {', '.join(names)} cannot be used as wanted",
                hint="a property of that name exists with other settings; rename it in the mapping's `install:`",
            )
        return done + self._probe(wanted, todo)

    def advice(self, wanted: Wanted) -> list[str]:
        """Tell how to keep automations off our records."""
        told = []
        for type in (RecordType.OPPORTUNITY, RecordType.TASK):
            name = managed_field(self._mapping, type)
            if name is not None and name in wanted.get(type, {}):
                label = wanted[type][name].label
                told.append(
                    f"Every {OBJECTS[type].removesuffix('s')} created by connector has {name} = Yes. To exclude them, "
                    f"add to a workflow's enrollment trigger, list or report: {label} ({name}) is none of Yes."
                )
        return told

    def _carry_out(self, step: SetupStep, wanted: Wanted) -> Iterator[SetupStep]:
        type = next((one for one in wanted if OBJECTS[one] == step.name.partition(".")[0]), None)
        match step.what:
            case "property group" if type is not None:
                self._create(self._client.property_groups.create, OBJECTS[type], group(self._mapping))
                yield SetupStep(Doing.CREATE, step.what, step.name)
            case "property" if type is not None:
                yield self._make(type, step, wanted)
            case "pipeline":
                self._create(self._client.pipelines.create, "deals", pipelines(self._mapping)[step.name])
                yield SetupStep(Doing.CREATE, step.what, step.name, step.detail)
            case _:  # what is tried out comes last
                return

    def _create(self, call: Callable[..., Any], object: str, body: Mapping[str, Any]) -> None:
        try:
            self._client.call(call, object, body)
        except RefusedError as error:
            if error.status != 409:  # somebody else, or an answer of ours that was lost, made it meanwhile
                raise

    def _make(self, type: RecordType, step: SetupStep, wanted: Wanted) -> SetupStep:
        name = step.place[1]
        body = definition(self._mapping, name, wanted[type][name])
        try:
            self._create(self._client.properties.create, OBJECTS[type], body)
        except RefusedError as error:
            if not (body["hasUniqueValue"] and type is RecordType.TASK and error.status == 400):
                raise
            self._create(self._client.properties.create, OBJECTS[type], body | {"hasUniqueValue": False})
            return SetupStep(Doing.CREATE, step.what, step.name, _PLAIN)
        return SetupStep(Doing.CREATE, step.what, step.name)

    def _wait_until_visible(self, wanted: Wanted) -> None:
        """Wait for the portal to show what it has just confirmed; that takes it most of a second."""
        for _ in range(_LOOKS):
            if not self.missing(wanted):
                return
            self._clock.sleep(_SECONDS_BETWEEN)

    def _probe(self, wanted: Wanted, todo: Sequence[SetupStep]) -> list[SetupStep]:
        """Prove on a throw-away task that a second upsert of one key finds the first, and note the answer."""
        planned = next((step for step in todo if step.what == "probe"), None)
        if planned is None:
            return []
        tasks, name = planned.name.split(".")
        try:
            answer = self._tried(tasks, name) if self._reader.is_keyed(RecordType.TASK) else REFUSED_KEYS
            row = self._surveyor.portal(wanted).properties[RecordType.TASK][name]
            noted = f"{row.get('description') or mark(self._mapping)} {answer}"
            self._client.call(self._client.properties.update, tasks, name, {"description": noted})
        except CallError as error:
            raise _not_allowed(error) from error
        return [SetupStep(Doing.CREATE, "probe", planned.name, answer)]

    def _tried(self, tasks: str, name: str) -> str:
        properties = {
            "hs_task_subject": "Expansion connector: install probe, deleted at once",
            "hs_timestamp": str(int(self._clock.now() * 1000)),
        }
        body = {"inputs": [{"id": uuid4().hex, "idProperty": name, "properties": properties}]}
        ids: dict[str, None] = {}
        try:
            for _ in range(2):
                answer = self._client.call(self._client.object_batches.upsert, tasks, body)
                ids |= dict.fromkeys(row["id"] for row in answer.get("results") or ())
        finally:
            for one in ids:
                self._client.call(self._client.objects.archive, tasks, one)
        if len(ids) != 1:
            raise MappingError(
                f"two upserts of one {name} made {len(ids)} tasks",
                hint="set `task.key: null` in the mapping; tasks are then found by their `ref:` line",
            )
        return PROVEN


def _not_allowed(error: CallError) -> LaterError | MendError:
    if not isinstance(error, RefusedError) or error.status in (401, 423, 429):
        return for_reader(error)
    return CredentialError(
        f"the CRM refused to be set up: {error.code} {error.message}",
        hint="install with a token that may write property definitions (crm.schemas.*.write), and for a pipeline "
        "crm.schemas.deals.write",
    )
