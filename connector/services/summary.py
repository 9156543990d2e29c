"""What a plan and its delivery come to, as the object that people script against."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from connector.domain.change import Cause, Plan, Why
from connector.domain.link import LinkDecision, LinkState
from connector.domain.propensity import Learnt
from connector.domain.run import Delivered, RunStatus
from connector.services.drift import held_for_schema
from connector.services.measure import Measured
from connector.services.plan import counts
from connector.services.pull import Pulled
from connector.services.work import Current, Decided

ACTIONS = ("create", "update", "close", "associate", "unchanged")
FATES = ("ok", "parked", "moved", "deferred", "unknown", "waiting")
MOST_TITLES = 5
NOBODYS = (Why.FOUND, Why.OUT_OF_SCOPE, Why.SCHEMA)
"""Why a record is held without anybody having said so."""


def of_run(
    current: Current,
    plan: Plan,
    status: RunStatus,
    delivered: Delivered | None,
    calls: int,
    decided: Decided | None = None,
) -> dict[str, Any]:
    """The object that people script against; a job that does not score leaves its middle out."""
    return {
        "run_id": current.run.id,
        "status": str(status),
        "destination": current.destination.id,
        "now": current.run.now.isoformat(),
        **(of_decisions(decided.pulled, decided.world.links, decided.mrr, decided.measured) if decided else {}),
        **(of_model(decided.learnt) if decided and decided.learnt else {}),
        "mode": current.mode,
        "scope": dict(current.within.told),
        "held": current.held,
        "schema": {"held": held_for_schema(plan.changes), "problems": [asdict(one) for one in current.gaps]},
        "approval": current.approval,
        **of_plan(plan, delivered),
        "api_calls": {"crm": calls, "source": sum(decided.pulled.api_calls.values()) if decided else 0},
        "seconds": current.seconds,
    }


def of_model(learnt: Learnt) -> dict[str, Any]:
    """Say which card lay there, whether it had a part in the scores, and why it is not the one that was promoted."""
    is_used = learnt.in_use is not None
    weight = round(learnt.card.blend.weight, 4) if is_used else 0.0
    fell_back = {"fell_back": learnt.fell_back} if learnt.fell_back else {}
    return {"model": {"hash": learnt.hash, "in_use": is_used, "weight": weight, **fell_back}}


def of_plan(plan: Plan, delivered: Delivered | None) -> dict[str, Any]:
    """Count what was planned, what is left to people, what became of the changes, and what waits."""
    actions, fates = counts(plan), delivered or Delivered()
    return {
        "left_to_people": left_to_people(plan),
        "left_as_found": left_as_found(plan),
        "out_of_scope": sum(change.why == Why.OUT_OF_SCOPE and bool(change.key) for change in plan.changes),
        "plan": {name: actions[name] for name in ACTIONS},
        "delivered": {name: getattr(fates, name) for name in FATES},
        "written": {name: fates.written[name] for name in ACTIONS if fates.written.get(name)},
        "waits": _waits(plan, fates),
    }


def of_decisions(
    pulled: Pulled, links: Iterable[LinkDecision], mrr: Mapping[str, Any], measured: Measured
) -> dict[str, Any]:
    """Count what billing told, whom it fits in the CRM, and what it says."""
    matched = Counter("unmatched" if link.state is LinkState.UNSET else str(link.state) for link in links)
    return {
        "pulled": dict(pulled.rows),
        "quarantined": dict(pulled.quarantined),
        "set_aside": list(pulled.examples),
        "warnings": [*pulled.warnings, *measured.troubles],
        "matched": {state: matched.get(state, 0) for state in ("linked", "ambiguous", "unmatched")},
        "mrr": dict(mrr),
        "signals": dict(sorted(Counter(signal.id for signal in measured.signals).items())),
    }


def kept(summary: Mapping[str, Any]) -> dict[str, Any]:
    """Give the summary as the ledger keeps it: without titles, which name customers."""
    waits = {name: value for name, value in summary["waits"].items() if name != "best"}
    return {**summary, "waits": waits}


def left_to_people(plan: Plan) -> dict[str, int]:
    """Count what a plan leaves alone because people changed, deleted or took it back."""
    held = (change for change in plan.changes if change.action == "held" and change.key)
    whys = Counter(change.why for change in held if change.why and change.why not in NOBODYS)
    fields = sum(not is_found for is_found in _left(plan))
    return ({"fields": fields} if fields else {}) | {str(why): whys[why] for why in sorted(whys)}


def left_as_found(plan: Plan) -> dict[str, int]:
    """Count what was found different after the ledger was rebuilt: it is left alone, and nobody is said to own it."""
    fields = sum(_left(plan))
    records = sum(change.why == Why.FOUND for change in plan.changes)
    return ({"fields": fields} if fields else {}) | ({"records": records} if records else {})


def _left(plan: Plan) -> list[bool]:
    """For each field that is left alone, whether it was only found."""
    return [field.cause is Cause.FOUND for change in plan.changes for field in (*change.handed_over, *change.theirs)]


def _waits(plan: Plan, delivered: Delivered) -> dict[str, Any]:
    """Tell why changes of this plan wait, and which of them are worth most."""
    if not delivered.deferred:
        return {}
    changes = {f"{plan.run_id}/{change.id}": change for change in plan.changes}
    waiting = [changes[id] for id, fate in delivered.by_entry.items() if fate == "deferred" and id in changes]
    best = sorted(waiting, key=lambda change: (-change.value, change.title))
    return {"because": delivered.because, "best": list(dict.fromkeys(change.title for change in best))[:MOST_TITLES]}
