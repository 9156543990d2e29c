"""Ledger rows ↔ domain values, both ways, nothing else."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import Any

import sqlalchemy as sa

from connector.adapters.ledger.bulk import JsonText
from connector.domain.audit import Act, AuditRecord
from connector.domain.change import Change, CrmRecord, Destination, Plan, RecordType, StageEntry
from connector.domain.episode import Episode, EpisodeState
from connector.domain.hold import Hold
from connector.domain.link import LinkDecision, LinkMethod, LinkState, Weighed
from connector.domain.outbox import OPEN, DeliveryState, OutboxEntry, Refusal
from connector.domain.plan_json import change_from_dict, change_to_json
from connector.domain.run import Decision, Run, RunStatus

Row = dict[str, Any]
AnyRow = sa.Row[Any]


def destination_of(row: AnyRow) -> Destination:
    return Destination(row.crm, row.org, row.label)


def run_row(run: Run) -> Row:
    return {**asdict(run), "status": run.status.value, "summary": dict(run.summary)}


def run_of(row: AnyRow) -> Run:
    return Run(**{**row._asdict(), "status": RunStatus(row.status)})


def mirror_row(destination: str, record: CrmRecord) -> Row:
    return {
        "destination": destination,
        "type": record.type.value,
        "crm_id": record.id,
        "fields": dict(record.fields),
        "links": {role: list(ids) for role, ids in record.links.items()},
        "created_at": record.created_at,
        "modified_at": record.modified_at,
        "archived": record.archived,
        "merged_into": record.merged_into,
    }


def crm_record_of(row: AnyRow) -> CrmRecord:
    return CrmRecord(
        type=RecordType(row.type),
        id=row.crm_id,
        fields=row.fields,
        links={role: tuple(ids) for role, ids in row.links.items()},
        created_at=row.created_at,
        modified_at=row.modified_at,
        archived=row.archived,
        merged_into=row.merged_into,
    )


def stage_row(destination: str, entry: StageEntry) -> Row:
    return {"destination": destination, **asdict(entry)}


def stage_of(row: AnyRow) -> StageEntry:
    return StageEntry(row.opportunity_id, row.stage, row.entered_at, row.by_us)


def link_row(destination: str, decision: LinkDecision) -> Row:
    return {
        "destination": destination,
        "billing_id": decision.billing_id,
        "state": decision.state.value,
        "crm_id": decision.crm_id,
        "method": decision.method and decision.method.value,
        "decided_by": decision.decided_by,
        "decided_at": decision.decided_at,
        "candidates": _question(decision),
        "billing_name": decision.billing_name,
    }


def _question(decision: LinkDecision) -> Any:
    """Ids alone where there is nothing more to tell, as ledgers had it before evidence was kept."""
    ids = list(decision.candidates)
    if not decision.evidence and not decision.note:
        return ids
    weighed = [[one.crm_id, one.score, list(one.agrees), list(one.differs)] for one in decision.evidence]
    return {"ids": ids, "weighed": weighed, "note": decision.note}


def link_of(row: AnyRow) -> LinkDecision:
    question = row.candidates if isinstance(row.candidates, dict) else {"ids": row.candidates}
    return LinkDecision(
        billing_id=row.billing_id,
        state=LinkState(row.state),
        decided_at=row.decided_at,
        crm_id=row.crm_id,
        method=LinkMethod(row.method) if row.method else None,
        decided_by=row.decided_by,
        candidates=tuple(question["ids"]),
        billing_name=row.billing_name,
        evidence=tuple(
            Weighed(id, score, tuple(agrees), tuple(differs))
            for id, score, agrees, differs in question.get("weighed", ())
        ),
        note=question.get("note", ""),
    )


def episode_row(destination: str, episode: Episode) -> Row:
    return {
        **asdict(episode),
        "destination": destination,
        "state": episode.state.value,
        "brief": dict(episode.brief),
        "silent_on": " ".join(day.isoformat() for day in episode.silent_on),
    }


def episode_of(row: AnyRow) -> Episode:
    named = {name: value for name, value in row._asdict().items() if name != "destination"}
    silent_on = tuple(map(date.fromisoformat, row.silent_on.split()))
    return Episode(**{**named, "state": EpisodeState(row.state), "silent_on": silent_on})


MOST_PREPARED = 20_000
"""Some 20 MB of texts: as many changes as a vendor lets us read for in one window or two."""


class ChangeTexts:
    """Changes as JSON, kept from when they are decided until their entries are stored: plan and entry hold the same.

    It is made once, and early: between the last read and the first write a vendor's limit lets no call of ours make up
    for the time.
    """

    def __init__(self) -> None:
        self._texts: dict[int, tuple[Change, str]] = {}

    def prepare(self, change: Change) -> None:
        """Write a change that a plan may come to hold; of very many the rest is left until the plan is stored."""
        if len(self._texts) < MOST_PREPARED:
            self._texts[id(change)] = change, change_to_json(change)

    def of_plan(self, plan: Plan) -> list[str]:
        """Write a plan's changes, and keep them instead of any other's."""
        ready = self._texts
        self._texts = {id(change): ready.get(id(change)) or (change, change_to_json(change)) for change in plan.changes}
        return [text for _, text in self._texts.values()]

    def take(self, change: Change) -> str:
        """Give a change's text, for the last time."""
        kept = self._texts.pop(id(change), None)
        return kept[1] if kept is not None else change_to_json(change)


def outbox_row(entry: OutboxEntry, change: str) -> Row:
    """Give the whole row; `change` is what it carries, as JSON."""
    return moved_row(entry) | {
        "destination": entry.destination,
        "run_id": entry.run_id,
        "job": entry.job,
        "subject": entry.subject,
        "sequence": entry.order,
        "change": JsonText(change),
        "account_id": entry.change.account_id,
    }


def moved_row(entry: OutboxEntry) -> Row:
    """The columns that tell where an entry stands: all but what it carries."""
    return {
        "id": entry.id,
        "state": entry.state.value,
        "attempts": entry.attempts,
        "tried_in": entry.tried_in,
        "crm_id": entry.crm_id,
        "reason": entry.reason,
        "refusal": asdict(entry.refusal) if entry.refusal else None,
        "ticket": entry.ticket,
        "changed_at": entry.changed_at,
        "code": entry.refusal.code if entry.refusal else "",
        "is_open": entry.state in OPEN,
    }


def entry_of_row(row: AnyRow) -> OutboxEntry:
    return OutboxEntry(
        id=row.id,
        destination=row.destination,
        run_id=row.run_id,
        job=row.job,
        subject=row.subject,
        change=change_from_dict(row.change),
        order=row.sequence,
        state=DeliveryState(row.state),
        attempts=row.attempts,
        tried_in=row.tried_in,
        crm_id=row.crm_id,
        reason=row.reason,
        refusal=Refusal(**row.refusal) if row.refusal else None,
        ticket=row.ticket,
        changed_at=row.changed_at,
    )


def hold_row(destination: str, hold: Hold) -> Row:
    return {"destination": destination, **asdict(hold)}


def hold_of(row: AnyRow) -> Hold:
    return Hold(row.key, row.account_id, row.run_id, row.by, row.at)


def audit_row(destination: str, record: AuditRecord) -> Row:
    return {
        "destination": destination,
        "number": record.number,
        "at": record.at,
        "by": record.by,
        "act": record.act.value,
        "run_id": record.run_id,
        "subject": record.subject,
        "account_id": record.account_id,
        "crm_id": record.crm_id,
        "digest": record.digest,
        "hash": record.hash,
    }


def audit_of(row: AnyRow) -> AuditRecord:
    return AuditRecord(
        number=row.number,
        at=row.at,
        by=row.by,
        act=Act(row.act),
        run_id=row.run_id,
        subject=row.subject,
        account_id=row.account_id,
        crm_id=row.crm_id,
        digest=row.digest,
        hash=row.hash,
        values=row.content,
        salt=row.salt,
    )


def decision_of(row: AnyRow) -> Decision:
    return Decision(
        account_id=row.account_id,
        subject=row.subject,
        reason=row.reason,
        detail=row.detail,
        since_run=row.since_run,
        since=row.since,
        p=row.p,
        value=row.value,
    )
