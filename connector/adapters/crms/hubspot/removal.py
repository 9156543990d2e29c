"""Takes out of HubSpot what an installation put there.

Decided here: a property is ours if its description bears our mark; a group is ours if it bears our name and holds
nothing of anybody else; a pipeline is ours if it has the id that only we give. Archived properties keep their values
and come back under the same name. A pipeline that holds deals stays: they would be moved by nobody.

Source: developers.hubspot.com, "Properties" (archive a property), "Pipelines" (delete a pipeline), "Search".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from connector.adapters.crms.http import CallError, RefusedError, for_reader
from connector.adapters.crms.hubspot.client import HubspotClient
from connector.adapters.crms.hubspot.pipelines import is_ours
from connector.adapters.crms.hubspot.survey import GROUP, GROUP_LABELS, PortalView, Surveyor
from connector.adapters.crms.hubspot.translate import OBJECTS
from connector.domain.change import RecordType
from connector.domain.errors import CredentialError, LaterError, MendError
from connector.domain.installation import Doing, SetupStep, Wanted, mark
from connector.domain.mapping import CrmMapping

_TYPES = (RecordType.OPPORTUNITY, RecordType.TASK, RecordType.ACCOUNT)
_CURE = "take it out of what uses it (Settings > Properties > the column Used in), then uninstall again"


class HubspotRemoval:
    """Removes what is ours; run twice, it finds nothing the second time."""

    def __init__(self, client: HubspotClient, mapping: CrmMapping) -> None:
        self._client = client
        self._mapping = mapping
        self._surveyor = Surveyor(client, mapping)

    def survey(self, wanted: Wanted) -> list[SetupStep]:
        """List what is ours, and what it holds."""
        return list(self._steps(wanted, counted=True))

    def remove(self, wanted: Wanted) -> list[SetupStep]:
        """Remove it, and tell what stayed and why."""
        told: list[SetupStep] = []
        for step in [one for one in self._steps(wanted, counted=False) if one.doing is Doing.REMOVE]:
            parent, _, name = step.name.rpartition(".")
            match step.what:
                case "property":
                    told.append(self._archived(step, self._client.properties.archive, parent, name))
                case "property group":
                    stays = any(one.doing is Doing.REFUSED and one.name.startswith(f"{parent}.") for one in told)
                    if not stays:
                        told.append(self._archived(step, self._client.property_groups.archive, parent, name))
                case _:
                    told.append(
                        self._archived(
                            step,
                            self._client.pipelines.archive,
                            "deals",
                            step.place[-1],
                            validate_references_before_delete=True,
                        )
                    )
        return told

    def _steps(self, wanted: Wanted, counted: bool) -> Iterator[SetupStep]:
        portal = self._surveyor.portal({type: {} for type in _TYPES})
        for type in _TYPES:
            yield from self._properties(type, wanted, portal, counted)
        for row in portal.pipelines:
            if is_ours(self._mapping, row["id"]):
                deals = self._count("deals", "pipeline", row["id"])
                doing = Doing.LEAVE if deals else Doing.REMOVE
                yield SetupStep(
                    doing, "pipeline", row["label"], f"deals in it: {deals:,}", place=("pipeline", row["id"])
                )

    def _properties(self, type: RecordType, wanted: Wanted, portal: PortalView, counted: bool) -> Iterator[SetupStep]:
        told, object = mark(self._mapping), OBJECTS[type]
        names = set(wanted.get(type, {}))
        foreign = False
        for name, row in sorted(portal.properties[type].items()):
            if told in str(row.get("description")):
                holds = self._count(object, name) if counted else None
                yield SetupStep(Doing.REMOVE, "property", f"{object}.{name}", holds=holds)
            elif name in names or name.startswith(self._mapping.own_prefix):
                yield SetupStep(Doing.LEAVE, "property", f"{object}.{name}", "not made by this connector")
            foreign |= row.get("groupName") == GROUP and told not in str(row.get("description"))
        group = portal.groups[type].get(GROUP)
        if group is not None and group["label"] in GROUP_LABELS.values():
            step = SetupStep(Doing.REMOVE, "property group", f"{object}.{GROUP}")
            kept = replace(step, doing=Doing.LEAVE, detail="holds properties that others made")
            yield kept if foreign else step

    def _count(self, object: str, name: str, value: str | None = None) -> int:
        asked: dict[str, Any] = {"propertyName": name, "operator": "HAS_PROPERTY"}
        if value is not None:
            asked |= {"operator": "EQ", "value": value}
        body = {"filterGroups": [{"filters": [asked]}], "limit": 1, "properties": ["hs_object_id"]}
        return int(self._client.read(self._client.object_search.do_search, object, body).get("total") or 0)

    def _archived(self, step: SetupStep, call: Callable[..., Any], *args: Any, **options: Any) -> SetupStep:
        try:
            self._client.call(call, *args, **options)
        except RefusedError as error:
            if error.status == 404:  # gone already: an answer of ours was lost, or somebody was quicker
                return step
            if error.status == 400:
                return replace(step, doing=Doing.REFUSED, detail=error.message, hint=_CURE)
            raise _not_allowed(error) from error
        except CallError as error:
            raise _not_allowed(error) from error
        return step


def _not_allowed(error: CallError) -> LaterError | MendError:
    if not isinstance(error, RefusedError) or error.status in (401, 423, 429):
        return for_reader(error)
    return CredentialError(
        f"the CRM refused: {error.code} {error.message}",
        hint="uninstall with a token that may write property definitions (crm.schemas.*.write)",
    )
