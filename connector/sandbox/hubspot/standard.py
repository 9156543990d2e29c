"""The properties HubSpot defines on each object type.

Only those a sales integration meets are listed; names, types and options are the documented ones.
Source: "Default properties", knowledge.hubspot.com; "Properties", developers.hubspot.com.
"""

from __future__ import annotations

from typing import Any

from connector.sandbox.hubspot.catalogue import ObjectType, information_group, option_rows, property_row

Row = dict[str, Any]

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
    "products": """
name | Name | string | text |
description | Product description | string | textarea |
price | Unit price | number | number |
hs_cost_of_goods_sold | Unit cost | number | number |
hs_sku | SKU | string | text | key
hs_url | URL | string | text |
hs_recurring_billing_period | Term | string | text |
recurringbillingfrequency | Billing frequency | enumeration | select |
createdate | Create Date | datetime | date | ro
""",
}
_LIFECYCLE = "subscriber lead marketingqualifiedlead salesqualifiedlead opportunity customer evangelist other"
_CURRENCIES = "EUR USD GBP CHF CAD AUD SEK NOK DKK PLN JPY BRL INR"
_FREQUENCIES = "monthly quarterly per_six_months annually per_two_years"
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
    ("line_items", "recurringbillingfrequency"): _FREQUENCIES,
    ("products", "recurringbillingfrequency"): _FREQUENCIES,
    ("tasks", "hs_task_status"): "NOT_STARTED IN_PROGRESS WAITING COMPLETED DEFERRED",
    ("tasks", "hs_task_priority"): "NONE LOW MEDIUM HIGH",
    ("tasks", "hs_task_type"): "EMAIL CALL TODO",
}


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
