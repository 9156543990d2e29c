"""What every portal has before anyone touches it: object types, their properties, the deal pipeline.

Only properties a sales integration meets are listed; names, types and options are the documented ones.
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
)
BY_NAME = {one.name: one for one in TYPES}

# name | label | type | fieldType | flags: ro (read only), calc (calculated), key (unique), owner (refers to owners)
_EVERY_TYPE = """
hs_object_id | Record ID | number | number | ro
hs_lastmodifieddate | Last Modified Date | datetime | date | ro
hs_createdate | Object create date/time | datetime | date | ro
hs_object_source | Record source | string | text | ro
hs_object_source_id | Record source ID | string | text | ro
hs_merged_object_ids | Merged record IDs | enumeration | checkbox | ro
hubspot_owner_id | Owner | enumeration | select | owner
"""
_PROPERTIES = {
    "companies": """
name | Company name | string | text |
domain | Company Domain Name | string | text |
website | Website URL | string | text |
phone | Phone Number | string | text |
description | Description | string | textarea |
address | Street Address | string | text |
city | City | string | text |
state | State/Region | string | text |
zip | Postal Code | string | text |
country | Country/Region | string | text |
timezone | Time Zone | string | text |
industry | Industry | string | text |
numberofemployees | Number of Employees | number | number |
annualrevenue | Annual Revenue | number | number |
founded_year | Year Founded | string | text |
lifecyclestage | Lifecycle Stage | enumeration | radio |
type | Type | enumeration | select |
hs_parent_company_id | Parent Company | number | number | ro
notes_last_contacted | Last Contacted | datetime | date | ro
createdate | Create Date | datetime | date | ro
""",
    "contacts": """
email | Email | string | text | key
firstname | First Name | string | text |
lastname | Last Name | string | text |
phone | Phone Number | string | text |
mobilephone | Mobile Phone Number | string | text |
jobtitle | Job Title | string | text |
company | Company Name | string | text |
website | Website URL | string | text |
city | City | string | text |
country | Country/Region | string | text |
hs_language | Preferred language | enumeration | select |
hs_buying_role | Buying Role | enumeration | checkbox |
hs_timezone | Time Zone | string | text |
lifecyclestage | Lifecycle Stage | enumeration | radio |
associatedcompanyid | Primary Associated Company ID | number | number |
notes_last_contacted | Last Contacted | datetime | date | ro
createdate | Create Date | datetime | date | ro
lastmodifieddate | Last Modified Date | datetime | date | ro
""",
    "deals": """
dealname | Deal Name | string | text |
amount | Amount | number | number |
dealstage | Deal Stage | enumeration | radio |
pipeline | Pipeline | enumeration | select |
closedate | Close Date | datetime | date |
dealtype | Deal Type | enumeration | radio |
description | Deal Description | string | textarea |
deal_currency_code | Currency | enumeration | select |
hs_next_step | Next step | string | text |
hs_priority | Priority | enumeration | select |
hs_pinned_engagement_id | Pinned Engagement ID | number | number |
closed_lost_reason | Closed Lost Reason | string | textarea |
closed_won_reason | Closed Won Reason | string | textarea |
hs_deal_stage_probability | Deal probability | number | number | ro calc
hs_is_closed | Is Deal Closed? | bool | booleancheckbox | ro calc
hs_is_closed_won | Is Closed Won | bool | booleancheckbox | ro calc
hs_is_closed_lost | Is Closed Lost | bool | booleancheckbox | ro calc
hs_projected_amount | Weighted amount | number | number | ro calc
amount_in_home_currency | Amount in company currency | number | number | ro calc
days_to_close | Days to close | number | number | ro calc
hs_v2_date_entered_current_stage | Date entered current stage | datetime | date | ro calc
notes_last_contacted | Last Contacted | datetime | date | ro
createdate | Create Date | datetime | date | ro
""",
    "tasks": """
hs_task_subject | Task Title | string | text |
hs_task_body | Task Notes | string | html |
hs_task_status | Task Status | enumeration | select |
hs_task_priority | Priority | enumeration | select |
hs_task_type | Task Type | enumeration | select |
hs_timestamp | Due date | datetime | date |
hs_task_reminders | Reminders | string | text |
hs_queue_membership_ids | Queues | enumeration | checkbox |
hs_task_completion_date | Completed at | datetime | date | ro
""",
    "notes": """
hs_note_body | Note body | string | html |
hs_timestamp | Activity date | datetime | date |
hs_attachment_ids | Attached file IDs | string | text |
""",
    "line_items": """
name | Name | string | text |
description | Description | string | textarea |
quantity | Quantity | number | number |
price | Unit price | number | number |
discount | Unit discount | number | number |
amount | Net price | number | number | ro calc
hs_sku | SKU | string | text |
hs_product_id | Product ID | number | number |
hs_external_id | External ID | string | text | key
hs_line_item_currency_code | Currency | enumeration | select |
recurringbillingfrequency | Billing frequency | enumeration | select |
createdate | Create Date | datetime | date | ro
""",
}
_LIFECYCLE = "subscriber lead marketingqualifiedlead salesqualifiedlead opportunity customer evangelist other"
_CURRENCIES = "EUR USD GBP CHF CAD AUD SEK NOK DKK PLN JPY BRL INR"
_OPTIONS = {
    ("companies", "lifecyclestage"): _LIFECYCLE,
    ("companies", "type"): "PROSPECT PARTNER RESELLER VENDOR OTHER",
    ("contacts", "lifecyclestage"): _LIFECYCLE,
    ("contacts", "hs_language"): "en en-us en-gb fr fr-fr fr-be fr-ca de es it nl pt pt-br sv da fi pl ja",
    ("contacts", "hs_buying_role"): (
        "BLOCKER BUDGET_HOLDER CHAMPION DECISION_MAKER END_USER EXECUTIVE_SPONSOR INFLUENCER LEGAL_AND_COMPLIANCE OTHER"
    ),
    ("deals", "dealtype"): "newbusiness existingbusiness",
    ("deals", "hs_priority"): "low medium high",
    ("deals", "deal_currency_code"): _CURRENCIES,
    ("line_items", "hs_line_item_currency_code"): _CURRENCIES,
    ("line_items", "recurringbillingfrequency"): "monthly quarterly per_six_months annually per_two_years",
    ("tasks", "hs_task_status"): "NOT_STARTED IN_PROGRESS WAITING COMPLETED DEFERRED",
    ("tasks", "hs_task_priority"): "NONE LOW MEDIUM HIGH",
    ("tasks", "hs_task_type"): "EMAIL CALL TODO",
}
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


def standard_properties(kind: ObjectType) -> dict[str, Row]:
    """Return the properties HubSpot defines on a type, by name."""
    rows = {}
    for line in (_PROPERTIES[kind.name] + _EVERY_TYPE).strip().splitlines():
        if not line:
            continue
        name, label, type_, field_type, flags = (part.strip() for part in line.split("|"))
        read_only = "ro" in flags.split()
        metadata = {"archivable": False, "readOnlyDefinition": True, "readOnlyValue": read_only}
        row = property_row(
            name,
            label=label,
            type=type_,
            fieldType=field_type,
            groupName=information_group(kind),
            hubspotDefined=True,
            calculated="calc" in flags.split(),
            hasUniqueValue="key" in flags.split(),
            options=option_rows(_OPTIONS.get((kind.name, name), "")),
            modificationMetadata=metadata,
        )
        if "owner" in flags.split():
            row |= {"externalOptions": True, "referencedObjectType": "OWNER"}
        rows[name] = row
    return rows


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
