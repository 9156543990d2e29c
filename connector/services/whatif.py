"""What other rules would have decided: both sides from one run's facts, as of the same moment.

Only values come in (facts and rules) and a value goes out, so nothing can be written: no CRM, ledger or warehouse is
at hand. What the facts were measured with (limits, scope, mappings) is not weighed, and is named instead.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from connector.domain.intent import Held, Intent
from connector.domain.money import Money
from connector.domain.project import Project
from connector.services.calendar import holidays_of
from connector.services.choose import choose
from connector.services.facts import Facts, Rules
from connector.services.measure import believed, raised
from connector.services.score import score
from connector.services.texts import money

Kind = Literal["appears", "goes", "changes", "rank"]
KINDS: tuple[Kind, ...] = ("appears", "goes", "changes", "rank")
NOT_WEIGHED: Mapping[str, str] = {
    "scope": "playbooks/policy.yaml: `scope` is settled against the CRM; `connector plan` weighs it",
    "holdout": "playbooks/policy.yaml: `holdout` is drawn by the next run; `connector plan` weighs it",
    "metrics": "mappings/catalog.yaml: limits are measured by the next run; here they are those of the run",
    "save": "playbooks/save.yaml: whom it helps is decided by the next run; here proposals alone are compared",
    "told": "mappings and texts differ, too: they change how it is told, not what is proposed",
}


@dataclass(frozen=True)
class Said:
    """What one side says about an offer for an account."""

    decision: str
    """`opportunity`, `task`, a reason code, or `no_signal` where nothing points to it."""
    detail: str = ""
    rank: int | None = None
    """Place among all proposals of that side, best first."""
    p: float | None = None
    quantity: int | None = None
    delta_mrr: Money | None = None
    reported: Money | None = None

    @property
    def is_proposed(self) -> bool:
        return self.rank is not None


SILENT = Said("no_signal", "nothing points to it")


@dataclass(frozen=True)
class Difference:
    """One offer for one account that the two sides do not treat alike."""

    kind: Kind
    account_id: str
    offer: str
    before: Said
    after: Said


def decide_by(facts: Facts, rules: Rules) -> dict[tuple[str, str], Said]:
    """Decide everything by these rules: (account, offer) → what is said about it."""
    measured = facts.measured
    signals = raised(rules.signals, measured.features, rules.catalogue, facts.as_of)
    measured = replace(measured, signals=believed(signals, measured.feeds, facts.as_of.date()))
    scores = score(measured, rules.catalogue, rules.policy, rules.fx, facts.today, facts.card)
    chosen = choose(measured, scores, facts.crm, rules.catalogue, rules.policy, facts.as_of, holidays_of, facts.today)
    said = {(one.account_id, one.subject): _held(one) for one in chosen.held}
    return said | {(one.account_id, one.offer): _proposed(one, rank) for rank, one in enumerate(chosen.intents, 1)}


def _held(one: Held) -> Said:
    return Said(str(one.reason), one.detail, p=one.p)


def _proposed(one: Intent, rank: int) -> Said:
    form = "task" if one.as_task else "opportunity"
    return Said(form, one.moment.kind, rank, one.p, one.quantity, one.delta_mrr, one.reported)


def differences(before: Mapping[tuple[str, str], Said], after: Mapping[tuple[str, str], Said]) -> list[Difference]:
    """What appears, goes, changes in form or amount, or only in rank; the best-ranked of each first."""
    found = []
    for account, offer in sorted({*before, *after}):
        old, new = before.get((account, offer), SILENT), after.get((account, offer), SILENT)
        kind = _kind(old, new)
        if kind is not None:
            found.append(Difference(kind, account, offer, old, new))
    return sorted(
        found, key=lambda one: (KINDS.index(one.kind), one.after.rank or one.before.rank or 0, one.account_id)
    )


def _kind(old: Said, new: Said) -> Kind | None:
    if not old.is_proposed and not new.is_proposed:
        return None
    if old.is_proposed != new.is_proposed:
        return "appears" if new.is_proposed else "goes"
    if (old.decision, old.quantity, old.delta_mrr) != (new.decision, new.quantity, new.delta_mrr):
        return "changes"
    return "rank" if old.rank != new.rank else None


def whatif(facts: Facts, now: Project, then: Project) -> dict[str, Any]:
    """Compare two projects on one run's facts, as plain values to show."""
    before, after = decide_by(facts, Rules.of(now)), decide_by(facts, Rules.of(then))
    rows = differences(before, after)
    sides = {"now": before, "then": after}
    catalogue = {**then.catalogue.offers, **now.catalogue.offers}
    offers = sorted({row.offer for row in rows if row.kind in ("appears", "goes")})
    counted = Counter((row.kind, row.offer) for row in rows)
    return {
        "run_id": facts.run_id,
        "as_of": facts.as_of.isoformat(),
        "data_to": facts.measured.data_to.isoformat() if facts.measured.data_to else None,
        "counts": {kind: sum(row.kind == kind for row in rows) for kind in KINDS},
        "totals": {name: _totals(side, now.policy.reporting_currency) for name, side in sides.items()},
        "owners": _owners(facts, before, after),
        "by_offer": [
            {
                "offer": offer,
                "label": catalogue[offer].label.get("en", offer),
                "appears": counted["appears", offer],
                "goes": counted["goes", offer],
            }
            for offer in offers
        ],
        "rows": [_row(row, facts) for row in rows],
        "not_weighed": list(_not_weighed(now, then)),
    }


def _totals(side: Mapping[tuple[str, str], Said], currency: str) -> dict[str, Any]:
    proposed = [said for said in side.values() if said.is_proposed]
    added = sum(said.reported.minor for said in proposed if said.reported is not None)
    return {
        "opportunities": sum(said.decision == "opportunity" for said in proposed),
        "tasks": sum(said.decision == "task" for said in proposed),
        "delta_mrr": money(Money(added, currency), "en"),
        "delta_mrr_minor": added,
    }


def _owners(
    facts: Facts, before: Mapping[tuple[str, str], Said], after: Mapping[tuple[str, str], Said]
) -> list[dict[str, Any]]:
    """Tasks that each owner gets this week: every proposal that is new comes with one."""
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for place, side in enumerate((before, after)):
        for (account, offer), said in side.items():
            if said.is_proposed and not _is_open(facts, account, offer):
                context = facts.crm.contexts.get(account)
                counts[(context.owner_id if context else None) or ""][place] += 1
    named = ((facts.owners.get(id, id) or "nobody", *both) for id, both in counts.items())
    return [{"owner": name, "now": now, "then": then} for name, now, then in sorted(named)]


def _is_open(facts: Facts, account: str, offer: str) -> bool:
    context = facts.crm.contexts.get(account)
    sold = facts.rules.catalogue.offers.get(offer)
    need = sold.need if sold else None
    return context is not None and any(one.need == need for one in context.open_episodes)


def _row(row: Difference, facts: Facts) -> dict[str, Any]:
    name = facts.names.get(row.account_id, row.account_id)
    sides = {"now": _side(row.before), "then": _side(row.after)}
    return {"kind": row.kind, "account_id": row.account_id, "account": name, "offer": row.offer, **sides}


def _side(said: Said) -> dict[str, Any]:
    return {
        "decision": said.decision,
        "detail": said.detail,
        "rank": said.rank,
        "p": None if said.p is None else round(said.p, 4),
        "quantity": said.quantity,
        "delta_mrr": None if said.delta_mrr is None else money(said.delta_mrr, "en"),
    }


def _not_weighed(now: Project, then: Project) -> Iterator[str]:
    """Name what differs between the two projects and is not compared here."""
    if now.policy.scope != then.policy.scope:
        yield NOT_WEIGHED["scope"]
    if then.policy.holdout not in (None, now.policy.holdout):
        yield NOT_WEIGHED["holdout"]
    if now.catalogue.metrics != then.catalogue.metrics:
        yield NOT_WEIGHED["metrics"]
    if now.save != then.save:
        yield NOT_WEIGHED["save"]
    told = ("mapping", "negotiation", "review", "schedule", "billing")
    if any(getattr(now, name) != getattr(then, name) for name in told):
        yield NOT_WEIGHED["told"]


def by_offer_bars(told: Mapping[str, Any]) -> Sequence[tuple[str, int, int]]:
    """What goes and what appears by offer, for a picture."""
    return [(one["label"], one["goes"], one["appears"]) for one in told["by_offer"]]
