"""What the tests of installing and uninstalling share: a CRM's whole schema, and what a list of steps tells."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from crm_worlds import HubspotWorld, SalesforceWorld, StandInWorld

from connector.domain.installation import Doing, SetupStep, Wanted, wanted_fields
from connector.ports.crm import CrmRemoval
from connector.sandbox.salesforce.tooling import make_field

SETUP = (
    *("CustomField", "PermissionSet", "FieldPermissions", "ObjectPermissions", "PermissionSetAssignment"),
    *("ListView", "QuickActionDefinition"),
)


def wanted(world: StandInWorld) -> Wanted:
    """The fields that the mapping asks for."""
    return wanted_fields(world.mapping)


def removal(world: StandInWorld) -> CrmRemoval:
    assert world.crm.removal is not None
    return world.crm.removal


def told(steps: Iterable[SetupStep], doing: Doing) -> list[str]:
    """Name what becomes this."""
    return [f"{step.what} {step.name}" for step in steps if step.doing is doing]


def writes(world: StandInWorld, since: int = 0) -> list[str]:
    """What an org was sent since then that changes something."""
    return [
        f"{one['method']} {one['path'].partition('.0/')[2]}"
        for one in world.control.requests[since:]
        if one["method"] != "GET" and "/services/data/" in one["path"]
    ]


def org_schema(world: SalesforceWorld) -> dict[str, Any]:
    """Everything of an org's schema that an installation could touch."""
    described = {kind: sorted(world.store.custom_fields(kind)) for kind in ("Opportunity", "Task", "Event", "Account")}
    return described | {kind: world.store.dump(kind) for kind in SETUP}


def foreign(world: SalesforceWorld, name: str = "Expansion_Own__c", **metadata: Any) -> None:
    """An admin makes a field of the org's own, and everybody sees it."""
    make_field(world.store, f"Opportunity.{name}", {"label": "Own", "type": "Text", "length": 64, **metadata})
    world.store.open_fields.add(("Opportunity", name))


def portal_schema(world: HubspotWorld) -> str:
    """Everything of a portal's schema that an installation could touch."""
    live = {
        kind: {name: row for name, row in rows.items() if not row["archived"]}
        for kind, rows in world.store.properties.items()
    }
    return json.dumps([live, world.store.groups, world.store.pipelines], sort_keys=True)


def without_pipeline(world: HubspotWorld) -> HubspotWorld:
    """Take the pipeline away that the world was given."""
    for id in [id for id, row in world.store.pipelines["deals"].items() if row["label"] == "Expansion"]:
        world.store.drop_pipeline("deals", id)
    return world
