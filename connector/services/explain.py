"""Explains one account from the ledger and a run's snapshot alone: no warehouse, no CRM call."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from connector.domain.change import RecordType
from connector.domain.errors import MendError
from connector.domain.link import linked
from connector.domain.mapping import CrmMapping
from connector.domain.money import Money
from connector.services import snapshot
from connector.services.lookup import find_account
from connector.services.memory import Memory
from connector.services.texts import money
from connector.services.world import crm_accounts

Row = Mapping[str, Any]


def explain_account(
    memory: Memory, mapping: CrmMapping, folder: Path, asked: str, run_id: str | None, language: str
) -> dict[str, Any]:
    """Put together what a run knew of an account; raise MendError when no account or several answer to the name."""
    taken = snapshot.load(folder, run_id)
    if taken is None:
        raise MendError(
            "no scored run to explain" + (f": {run_id}" if run_id else ""), hint="run `connector plan` first"
        )
    names, links = _world(memory, mapping, taken.run_id)
    crm_id = find_account(asked, names, links)
    billing = sorted(one for one, crm in links.items() if crm == crm_id) or [crm_id]
    decisions = [row for row in taken.rows["decisions"] if row["account_id"] in (crm_id, *billing)]
    scores = [row for row in taken.rows["scores"] if row["account_id"] in billing]
    scored = {row["offer"] for row in scores}
    return {
        "account_id": crm_id,
        "name": names.get(crm_id, crm_id),
        "run_id": taken.run_id,
        "billing_accounts": billing,
        "signals": [_signal(row, language) for row in taken.rows["signals"] if row["account_id"] in billing],
        "scores": [_score(row, decisions, language) for row in scores],
        "decisions": [dict(row) for row in decisions if row["subject"] not in scored],
    }


def _world(memory: Memory, mapping: CrmMapping, run_id: str) -> tuple[dict[str, str], dict[str, str]]:
    run = memory.runs.get(run_id)
    destination = run.destination if run else memory.destinations.all()[0].id
    records = memory.mirror.records(destination, RecordType.ACCOUNT)
    names = {id: account.name for id, account in crm_accounts(records, mapping).items()}
    return names, linked(memory.links.all(destination))


def _signal(row: Row, language: str) -> dict[str, Any]:
    return {**row, "needs": json.loads(row["needs"]), "evidence": _text(json.loads(row["evidence"]), language)}


def _score(row: Row, decisions: Sequence[Row], language: str) -> dict[str, Any]:
    decision = next((one for one in decisions if one["subject"] == row["offer"]), None)
    worth = Money(row["delta_mrr"], row["currency"]) if row["delta_mrr"] is not None else None
    return {
        **row,
        "delta_mrr": f"{money(worth, 'fr' if language == 'fr' else 'en')}/month" if worth else None,
        "decision": decision["decision"] if decision else "not considered",
        "detail": decision["detail"] if decision else "",
        "contributions": [
            {"name": name, "term": term, "evidence": _text(evidence, language)}
            for name, term, evidence in json.loads(row["contributions"])
        ],
    }


def _text(texts: Mapping[str, str], language: str) -> str:
    return texts.get(language) or texts.get("en", "")
