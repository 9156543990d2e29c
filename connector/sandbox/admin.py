"""What an admin does in a CRM before the connector is installed: makes the stages that the mappings name.

The four expansion stages are outside the forecast at first: Salesforce says so by the category Omitted, HubSpot by a
stage's probability.
"""

from __future__ import annotations

from typing import Any

from connector.sandbox.salesforce.seed import stage

SALESFORCE_STAGES = (
    ("Expansion Proposed", 5, "Omitted"),
    ("Expansion Consult", 20, "Pipeline"),
    ("Expansion Compare Options", 50, "BestCase"),
    ("Expansion Sign", 80, "Forecast"),
)
HUBSPOT_STAGES = (
    ("expansion_proposed", "Proposed", "0.05", "false"),
    ("expansion_consult", "Consult", "0.2", "false"),
    ("expansion_compare", "Compare options", "0.5", "false"),
    ("expansion_sign", "Sign", "0.8", "false"),
    ("expansion_won", "Won", "1.0", "true"),
    ("expansion_lost", "Lost", "0.0", "true"),
)


def salesforce_stages() -> list[dict[str, Any]]:
    """Rows of `OpportunityStage` to load."""
    return [stage(*one, order) for order, one in enumerate(SALESFORCE_STAGES, start=20)]


def hubspot_pipeline(now: str) -> dict[str, Any]:
    """The `Expansion` pipeline to load."""
    stamps = {"archived": False, "createdAt": now, "updatedAt": now}
    return {
        "id": "expansion",
        "label": "Expansion",
        "displayOrder": 1,
        **stamps,
        "stages": [
            {
                "id": id,
                "label": label,
                "displayOrder": order,
                "metadata": {"isClosed": closed, "probability": p},
                **stamps,
            }
            for order, (id, label, p, closed) in enumerate(HUBSPOT_STAGES)
        ],
    }
