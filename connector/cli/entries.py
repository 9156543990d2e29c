"""How entries of the outbox look: a row of a table, one whole, and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.markup import escape

from connector.cli.output import OUT

if TYPE_CHECKING:
    from connector.domain.outbox import OutboxEntry

COLUMNS = ("key", "state", "since", "record", "change", "tries", "why")


def cells(entry: OutboxEntry) -> tuple[object, ...]:
    """Give a row under `COLUMNS`."""
    since = f"{entry.changed_at:%Y-%m-%d %H:%M}" if entry.changed_at else "–"
    return entry.subject, entry.state, since, entry.change.title, _what(entry), entry.attempts, _why(entry)


def _what(entry: OutboxEntry) -> str:
    to = f" → {entry.change.links[0].to}" if entry.verb == "associate" else ""
    return f"{entry.change.action} {entry.change.type}{to}"


def _why(entry: OutboxEntry) -> str:
    said = entry.refusal
    return f"{said.code}: {said.message}" if said else entry.reason or ""


def show_entry(entry: OutboxEntry) -> None:
    """Print an entry whole: what the CRM said, its cure, and the change field by field."""
    from connector.services.outbox_desk import STAYS

    OUT.print(f"[bold]{escape(entry.change.title)}[/]  {_what(entry)}")
    since = f" since {entry.changed_at:%Y-%m-%d %H:%M:%S} UTC" if entry.changed_at else ""
    state = f"{entry.state.value}{since}" + (f": {entry.reason}" if entry.reason else "")
    cure = entry.refusal.hint if entry.refusal else None
    lines = {
        "entry": entry.id,
        "state": state,
        "so": STAYS.get(entry.state, cure or "mend what the CRM complains about, then `connector outbox retry` it"),
        "the CRM says": f"{entry.refusal.code}: {entry.refusal.message}" if entry.refusal else "",
        "about field": entry.refusal.field if entry.refusal else "",
        "tried": _times(entry.attempts) + (f", last by run {entry.tried_in}" if entry.tried_in else ""),
        "planned by": f"run {entry.run_id} ({entry.job})",
        "key": entry.change.key,
        "CRM id": entry.crm_id,
        "account": entry.change.account_id,
        "vendor's job": entry.ticket,
        "reason": entry.change.reason,
    }
    for name, text in lines.items():
        if text:
            OUT.print(f"  {name:<13}{escape(str(text))}")
    for link in entry.change.links:
        OUT.print(f"      + {escape(link.name)} → {escape(str(link.to))}")
    for field in entry.change.fields:
        before = "" if entry.verb == "create" else f"{_value(field.before)} → "
        OUT.print(f"      {escape(field.name)}: {escape(before + _value(field.after))}  [dim]({field.policy})[/]")
    OUT.print()


def _times(count: int) -> str:
    return {0: "never", 1: "once"}.get(count, f"{count} times")


def _value(value: str | None) -> str:
    return "∅" if value is None else value.replace("\n", "\n          ")


def entry_json(entry: OutboxEntry, whole: bool = False) -> dict[str, Any]:
    """Give an entry as plain JSON; `whole` adds the values of its fields, which may be personal data."""
    from dataclasses import asdict

    change = entry.change
    told: dict[str, Any] = {
        "id": entry.id,
        "state": entry.state.value,
        "changed_at": entry.changed_at.isoformat() if entry.changed_at else None,
        "run": entry.run_id,
        "job": entry.job,
        "key": change.key,
        "action": change.action,
        "type": change.type.value,
        "account": change.account_id,
        "crm_id": entry.crm_id,
        "title": change.title,
        "attempts": entry.attempts,
        "tried_in": entry.tried_in,
        "ticket": entry.ticket,
        "reason": entry.reason,
        "refusal": asdict(entry.refusal) if entry.refusal else None,
    }
    if whole:
        told["because"] = change.reason
        told["fields"] = [
            {"name": one.name, "before": one.before, "after": one.after, "policy": one.policy.value}
            for one in change.fields
        ]
        told["links"] = [{"name": link.name, "to": str(link.to)} for link in change.links]
    return told
