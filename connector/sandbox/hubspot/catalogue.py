"""What every portal has before anyone touches it: object types and the deal pipeline; `standard` has the properties.

Source: "Default properties" and "Object type IDs", developers.hubspot.com and knowledge.hubspot.com.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Row = dict[str, Any]


@dataclass(frozen=True)
class ObjectType:
    """One kind of CRM record and what its endpoints do by default."""

    name: str
    singular: str
    type_id: str
    created: str
    default_properties: tuple[str, ...]
    searched_text: tuple[str, ...]
    scope: str
    modified: str = "hs_lastmodifieddate"

    def answers_to(self, name: str) -> bool:
        """Say whether a path segment means this type; HubSpot takes plural, singular and id."""
        return name.lower() in {self.name, self.singular, self.type_id}


TYPES = (
    ObjectType(
        name="companies",
        singular="company",
        type_id="0-2",
        created="createdate",
        default_properties=("domain", "name"),
        searched_text=("website", "phone", "name", "domain"),
        scope="companies",
    ),
    ObjectType(
        name="contacts",
        singular="contact",
        type_id="0-1",
        created="createdate",
        default_properties=("email", "firstname", "lastname"),
        searched_text=("firstname", "lastname", "email", "phone", "company"),
        scope="contacts",
        modified="lastmodifieddate",
    ),
    ObjectType(
        name="deals",
        singular="deal",
        type_id="0-3",
        created="createdate",
        default_properties=("amount", "closedate", "dealname", "dealstage", "pipeline"),
        searched_text=("dealname", "pipeline", "dealstage", "description", "dealtype"),
        scope="deals",
    ),
    ObjectType(
        name="tasks",
        singular="task",
        type_id="0-27",
        created="hs_createdate",
        default_properties=(),
        searched_text=("hs_task_body", "hs_task_subject"),
        scope="contacts",
    ),
    ObjectType(
        name="notes",
        singular="note",
        type_id="0-46",
        created="hs_createdate",
        default_properties=(),
        searched_text=("hs_note_body",),
        scope="contacts",
    ),
    ObjectType(
        name="line_items",
        singular="line_item",
        type_id="0-8",
        created="hs_createdate",
        default_properties=("name", "price", "quantity", "amount"),
        searched_text=("name", "hs_sku"),
        scope="line_items",
    ),
    ObjectType(
        name="products",
        singular="product",
        type_id="0-7",
        created="createdate",
        default_properties=("name", "price", "description"),
        searched_text=("name", "hs_sku", "description"),
        scope="products",
    ),
)
BY_NAME = {one.name: one for one in TYPES}

_STAGES = (
    ("appointmentscheduled", "Appointment Scheduled", "0.2"),
    ("qualifiedtobuy", "Qualified To Buy", "0.4"),
    ("presentationscheduled", "Presentation Scheduled", "0.6"),
    ("decisionmakerboughtin", "Decision Maker Bought-In", "0.8"),
    ("contractsent", "Contract Sent", "0.9"),
    ("closedwon", "Closed Won", "1.0"),
    ("closedlost", "Closed Lost", "0.0"),
)
EPOCH = "1970-01-01T00:00:00Z"


def information_group(kind: ObjectType) -> str:
    """Return the name of the property group HubSpot keeps its own properties in."""
    return f"{kind.singular.replace('_', '')}information"


def property_row(name: str, **given: Any) -> Row:
    """Return a property as the API shows it, with HubSpot's defaults where nothing is given."""
    return {
        "name": name,
        "label": name,
        "type": "string",
        "fieldType": "text",
        "description": "",
        "groupName": "",
        "options": [],
        "displayOrder": -1,
        "calculated": False,
        "externalOptions": False,
        "hasUniqueValue": False,
        "hidden": False,
        "formField": False,
        "hubspotDefined": False,
        "archived": False,
        "createdAt": EPOCH,
        "updatedAt": EPOCH,
        "modificationMetadata": {"archivable": True, "readOnlyDefinition": False, "readOnlyValue": False},
        **given,
    }


def option_rows(values: str) -> list[Row]:
    """Return options whose label is their value in words."""
    return [
        {"value": value, "label": value.replace("_", " ").title(), "displayOrder": order, "hidden": False}
        for order, value in enumerate(values.split())
    ]


def calculated_date(name: str, label: str, group: str) -> Row:
    """Return a date property that HubSpot computes."""
    metadata = {"archivable": False, "readOnlyDefinition": True, "readOnlyValue": True}
    more = {"groupName": group, "hubspotDefined": True, "calculated": True, "modificationMetadata": metadata}
    return property_row(name, label=label, type="datetime", fieldType="date", **more)


def stage_row(stage_id: str, label: str, order: int, metadata: Row, at: str = EPOCH) -> Row:
    """Return a pipeline stage as the API shows it."""
    return {
        "id": stage_id,
        "label": label,
        "displayOrder": order,
        "metadata": metadata,
        "archived": False,
        "createdAt": at,
        "updatedAt": at,
        "writePermissions": "CRM_PERMISSIONS_ENFORCEMENT",
    }


def deal_stage_metadata(probability: str) -> Row:
    """Return a deal stage's metadata; probability 0 and 1 close the deal."""
    return {"probability": probability, "isClosed": str(float(probability) in {0.0, 1.0}).lower()}


def default_pipeline() -> Row:
    """Return the deal pipeline every portal starts with."""
    stages = [
        stage_row(stage_id, label, order, deal_stage_metadata(probability))
        for order, (stage_id, label, probability) in enumerate(_STAGES)
    ]
    return {
        "id": "default",
        "label": "Sales Pipeline",
        "displayOrder": 0,
        "stages": stages,
        "archived": False,
        "createdAt": EPOCH,
        "updatedAt": EPOCH,
    }
