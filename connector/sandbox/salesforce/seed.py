"""The records every new org has: itself, one integration user, the default stages and task statuses."""

from __future__ import annotations

from connector.sandbox.control import Row

_STAGES = (
    ("Prospecting", 10, "Pipeline"),
    ("Qualification", 10, "Pipeline"),
    ("Needs Analysis", 20, "Pipeline"),
    ("Value Proposition", 50, "Pipeline"),
    ("Id. Decision Makers", 60, "Pipeline"),
    ("Perception Analysis", 70, "Pipeline"),
    ("Proposal/Price Quote", 75, "Pipeline"),
    ("Negotiation/Review", 90, "Pipeline"),
    ("Closed Won", 100, "Closed"),
    ("Closed Lost", 0, "Omitted"),
)
_TASK_STATUSES = ("Not Started", "In Progress", "Completed", "Waiting on someone else", "Deferred")


def records(username: str) -> dict[str, list[Row]]:
    """List the first records of an org, the organisation and the integration user first."""
    return {
        "Organization": [
            {
                "Name": "Sandbox",
                "DefaultLocaleSidKey": "en_US",
                "LanguageLocaleKey": "en_US",
                "TimeZoneSidKey": "GMT",
                "FiscalYearStartMonth": 1,
                "InstanceName": "SBX1",
                "IsSandbox": True,
                "OrganizationType": "Developer Edition",
            }
        ],
        "User": [
            {
                "Username": username,
                "LastName": "Integration",
                "Email": username,
                "Alias": "integr",
                "IsActive": True,
                "UserType": "Standard",
                "TimeZoneSidKey": "GMT",
                "LocaleSidKey": "en_US",
                "LanguageLocaleKey": "en_US",
                "EmailEncodingKey": "UTF-8",
            }
        ],
        "OpportunityStage": [stage(*one, order) for order, one in enumerate(_STAGES, start=1)],
        "TaskStatus": [
            {
                "MasterLabel": name,
                "ApiName": name,
                "SortOrder": order,
                "IsDefault": order == 1,
                "IsClosed": name == "Completed",
            }
            for order, name in enumerate(_TASK_STATUSES, start=1)
        ],
    }


def stage(name: str, probability: int, forecast: str, order: int) -> Row:
    """Build one opportunity stage; 100 % and omitted at 0 % are its two closed ends."""
    return {
        "MasterLabel": name,
        "ApiName": name,
        "IsActive": True,
        "SortOrder": order,
        "IsClosed": name.startswith("Closed"),
        "IsWon": probability == 100,
        "ForecastCategory": forecast,
        "ForecastCategoryName": forecast,
        "DefaultProbability": float(probability),
    }
