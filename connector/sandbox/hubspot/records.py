"""A CRM record and how it changes: values, their history, and what HubSpot derives from them.

Records are frozen; a change makes a new one. A batch that must be all or nothing is then undone by putting the old
ones back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

Row = dict[str, Any]


@dataclass(frozen=True)
class Source:
    """Who changed a value: the integration through the API, or a person in the user interface."""

    type: str
    id: str
    user: int | None = None


API = Source("INTEGRATION", "4000001")
PERSON = Source("CRM_UI", "userId:9001", 9001)
CALCULATED = Source("CALCULATED", "0")
HISTORY_KEPT = 20


@dataclass(frozen=True)
class Record:
    """One stored record; property values are strings, an absent one is empty."""

    kind: str
    id: str
    created_at: datetime
    updated_at: datetime
    properties: Mapping[str, str] = field(default_factory=dict)
    history: Mapping[str, tuple[Row, ...]] = field(default_factory=dict)
    archived_at: datetime | None = None

    @property
    def archived(self) -> bool:
        """Say whether the record lies in the recycle bin."""
        return self.archived_at is not None

    def amended(self, values: Mapping[str, str], source: Source, at: datetime) -> Record:
        """Set values (an empty one clears) and note in the history each that changed."""
        properties, history, stamp = dict(self.properties), dict(self.history), iso(at)
        for name, value in values.items():
            if properties.get(name, "") == value:
                continue
            properties[name] = value
            entry: Row = {"value": value, "timestamp": stamp, "sourceType": source.type, "sourceId": source.id}
            entry |= {"updatedByUserId": source.user} if source.user else {}
            history[name] = (entry, *history.get(name, ()))[:HISTORY_KEPT]
        kept = {name: value for name, value in properties.items() if value != ""}
        return replace(self, properties=kept, history=history, updated_at=at)


def iso(moment: datetime) -> str:
    """Write a moment as HubSpot does: UTC, milliseconds unless they are zero."""
    utc = moment.astimezone(UTC).replace(tzinfo=None)
    return utc.isoformat(timespec="milliseconds" if utc.microsecond >= 1000 else "seconds") + "Z"


def moment(text: str) -> datetime:
    """Read a moment written by `iso` or by a test."""
    parsed = datetime.fromisoformat(text)
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def derived(record: Record, before: Record | None, pipelines: Mapping[str, Row], at: datetime) -> dict[str, str]:
    """Return the values HubSpot computes for a record as it now is."""
    values = {
        "hs_object_id": record.id,
        "hs_createdate": iso(record.created_at),
        "hs_lastmodifieddate": iso(record.updated_at),
    }
    if record.kind in {"companies", "contacts", "deals", "line_items", "products"}:
        values["createdate"] = iso(record.created_at)
    match record.kind:
        case "companies":
            if record.properties.get("domain") and not record.properties.get("website"):
                values["website"] = record.properties["domain"]
        case "contacts":
            values["lastmodifieddate"] = iso(record.updated_at)
        case "deals":
            values |= _deal(record, before, pipelines, at)
        case "tasks":
            values |= _task(record, before, at)
        case "line_items":
            values["amount"] = _net(record.properties)
    return values


def _deal(record: Record, before: Record | None, pipelines: Mapping[str, Row], at: datetime) -> dict[str, str]:
    properties = record.properties
    stage_id = properties.get("dealstage", "")
    stages = pipelines.get(properties.get("pipeline", ""), {}).get("stages", [])
    metadata: Row = next((stage["metadata"] for stage in stages if stage["id"] == stage_id), {})
    probability = str(metadata.get("probability", ""))
    closed = metadata.get("isClosed") == "true"
    won = closed and _number(probability) == 1
    amount = properties.get("amount", "")
    values = {
        "hs_deal_stage_probability": probability,
        "hs_is_closed": str(closed).lower(),
        "hs_is_closed_won": str(won).lower(),
        "hs_is_closed_lost": str(closed and not won).lower(),
        "hs_projected_amount": str(_number(amount) * _number(probability)) if amount and probability else "",
        "amount_in_home_currency": amount,
    }
    if properties.get("closedate"):
        values["days_to_close"] = str(max(0, (moment(properties["closedate"]) - record.created_at).days))
    left = before.properties.get("dealstage", "") if before else ""
    if stage_id and stage_id != left:
        values |= {"hs_v2_date_entered_current_stage": iso(at), f"hs_v2_date_entered_{stage_id}": iso(at)}
        values |= {f"hs_v2_date_exited_{left}": iso(at)} if left else {}
    return values


def _task(record: Record, before: Record | None, at: datetime) -> dict[str, str]:
    completed = record.properties.get("hs_task_status") == "COMPLETED"
    was = before is not None and before.properties.get("hs_task_status") == "COMPLETED"
    match completed, was:
        case True, False:
            return {"hs_task_completion_date": record.properties.get("hs_task_completion_date") or iso(at)}
        case False, True:
            return {"hs_task_completion_date": ""}
        case _:
            return {}


def _net(properties: Mapping[str, str]) -> str:
    price, quantity = properties.get("price"), properties.get("quantity", "1")
    if not price:
        return ""
    return str((_number(price) - _number(properties.get("discount", "0"))) * _number(quantity))


def _number(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        return Decimal(0)


def utc_offset(zone: str, at: datetime) -> tuple[str, int]:
    """Return a zone's offset as HubSpot's account answer writes it: "+02:00" and milliseconds."""
    offset = at.astimezone(ZoneInfo(zone)).utcoffset()
    seconds = int(offset.total_seconds()) if offset else 0
    sign, size = ("-" if seconds < 0 else "+"), abs(seconds) // 60
    return f"{sign}{size // 60:02}:{size % 60:02}", seconds * 1000
