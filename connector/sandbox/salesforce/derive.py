"""Fields Salesforce computes, and the rows it writes by itself beside a saved one.

Opportunity: IsClosed, IsWon, probability and forecast category come from the stage (a stage text nobody configured
is accepted and means open); one OpportunityHistory row for each change of stage, amount, probability or close date.
Task: AccountId from what or whom it is about, IsClosed from its status. Contact and User: the full name.

Source: Object Reference, "Opportunity", "OpportunityHistory", "OpportunityContactRole", "Task".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.sandbox.control import Row

if TYPE_CHECKING:
    from connector.sandbox.salesforce.org import Org

_FORECAST_CODES = {
    "Omitted": "Omitted",
    "Pipeline": "Pipeline",
    "Best Case": "BestCase",
    "Commit": "Forecast",
    "Closed": "Closed",
}
_HISTORIC = ("StageName", "Amount", "Probability", "CloseDate")


def derived(org: Org, kind: str, row: Row, before: Row | None) -> Row:
    """Compute the fields of a row that follow from its others and from what it was before."""
    match kind:
        case "Opportunity":
            return _opportunity(org, row, before)
        case "Task" | "Event":
            return _activity(org, kind, row, before)
        case "Contact" | "User":
            return {"Name": " ".join(part for part in (row.get("FirstName"), row.get("LastName")) if part)}
        case "PermissionSet":
            return {"IsCustom": True}
        case _:
            return {}


def _opportunity(org: Org, row: Row, before: Row | None) -> Row:
    stage = next((one for one in org.alive("OpportunityStage") if one["ApiName"] == row["StageName"]), None)
    moved = before is None or before["StageName"] != row["StageName"]
    out: Row = {"IsClosed": bool(stage and stage["IsClosed"]), "IsWon": bool(stage and stage["IsWon"])}
    probability, category = row["Probability"], row["ForecastCategoryName"]
    if stage and moved and (probability is None or (before is not None and before["Probability"] == probability)):
        probability = stage["DefaultProbability"]
    if stage and moved and (category is None or (before is not None and before["ForecastCategoryName"] == category)):
        category = stage["ForecastCategoryName"]
    out |= {"Probability": probability, "ForecastCategoryName": category}
    out["ForecastCategory"] = _FORECAST_CODES.get(category or "")
    known = row["Amount"] is not None and probability is not None
    out["ExpectedRevenue"] = round(row["Amount"] * probability / 100, 2) if known else None
    if before is not None and moved:
        out["LastStageChangeDate"] = org.now()
    return out | _fiscal(row["CloseDate"])


def _fiscal(close_date: str | None) -> Row:
    if not close_date:
        return {}
    year, quarter = int(close_date[:4]), (int(close_date[5:7]) + 2) // 3
    return {"FiscalYear": year, "FiscalQuarter": quarter, "Fiscal": f"{year} {quarter}"}


def _activity(org: Org, kind: str, row: Row, before: Row | None) -> Row:
    out: Row = {"AccountId": _account_of(org, row)}
    if not row["IsReminderSet"]:
        out["ReminderDateTime"] = None
    if kind == "Event":
        return out
    status = next((one for one in org.alive("TaskStatus") if one["ApiName"] == row["Status"]), None)
    out["IsClosed"] = bool(status and status["IsClosed"])
    out["IsHighPriority"] = row["Priority"] == "High"
    if not out["IsClosed"]:
        out["CompletedDateTime"] = None
    elif before is None or not before["IsClosed"]:
        out["CompletedDateTime"] = org.now()
    return out


def _account_of(org: Org, row: Row) -> str | None:
    what, who = row["WhatId"] or "", row["WhoId"] or ""
    if what.startswith("001"):
        return str(what)
    related = org.get("Opportunity", what) if what.startswith("006") else org.get("Contact", who)
    return related["AccountId"] if related else None


def aftermath(org: Org, kind: str, row: Row, before: Row | None, user_id: str) -> None:
    """Write the rows that follow from saving one: history, the primary contact role."""
    if kind == "Opportunity":
        if before is None or any(before[name] != row[name] for name in _HISTORIC):
            _write_history(org, row, before, user_id)
        if before is None and row["ContactId"]:
            role = org.blank("OpportunityContactRole", user_id)
            org.put("OpportunityContactRole", role | _primary(row["Id"], row["ContactId"]))
    if kind == "OpportunityContactRole" and row["IsPrimary"]:
        for other in list(org.alive(kind)):
            if other["OpportunityId"] == row["OpportunityId"] and other["IsPrimary"] and other["Id"] != row["Id"]:
                org.put(kind, other | {"IsPrimary": False, "SystemModstamp": org.now()})


def _primary(opportunity_id: str, contact_id: str) -> Row:
    return {"OpportunityId": opportunity_id, "ContactId": contact_id, "IsPrimary": True}


def _write_history(org: Org, row: Row, before: Row | None, user_id: str) -> None:
    copied = ("StageName", "Amount", "ExpectedRevenue", "CloseDate", "Probability", "ForecastCategory")
    history = org.blank("OpportunityHistory", user_id) | {name: row[name] for name in copied}
    history |= {"OpportunityId": row["Id"]}
    if before is not None:
        history |= {"PrevAmount": before["Amount"], "PrevCloseDate": before["CloseDate"]}
    org.put("OpportunityHistory", history)
    changed: Row = {}
    if before is None or before["Amount"] != row["Amount"]:
        changed["LastAmountChangedHistoryId"] = history["Id"]
    if before is None or before["CloseDate"] != row["CloseDate"]:
        changed["LastCloseDateChangedHistoryId"] = history["Id"]
    org.put("Opportunity", row | changed)
