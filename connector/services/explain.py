"""Explains one account from a run's snapshot alone: no warehouse, no ledger, no CRM call.

The gates are asked again on what the run decided from, so every answer is shown and not only the first "no", and what
would change it is found by trying. The same run explained twice is the same text: nothing of today is read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from math import fsum
from pathlib import Path
from typing import Any

from connector.domain.asking import answers
from connector.domain.catalogue import Language, Texts
from connector.domain.cited import numbers_of
from connector.domain.errors import MendError
from connector.domain.gates import Candidate
from connector.domain.intent import Contribution
from connector.domain.occupied import Crm, OpenEpisode
from connector.domain.policy import No
from connector.domain.propensity import LEARNT, is_learnt
from connector.domain.score import logit, probability
from connector.domain.signal import Signal
from connector.services.calendar import holidays_of
from connector.services.candidates import Customers
from connector.services.explain_tables import SILENCE, VERDICTS
from connector.services.explain_words import data_to, number, why, would
from connector.services.facts import Facts, load_facts, load_of
from connector.services.lookup import find_account
from connector.services.moment import moment
from connector.services.reasons import LEAST_TERM, cited
from connector.services.score import score
from connector.services.snapshot import decisions_of, facts_of
from connector.services.texts import headline, in_language, money, percent
from connector.services.turning import changes, nearest_offers, verdict

Row = Mapping[str, Any]
PROPOSED = ("opportunity", "task")
OTHERS = f"{LEARNT}others"
OTHERS_TOLD: Texts = {
    "en": "everything else that the model weighs, each too little to name",
    "fr": "tout ce que le modèle pèse par ailleurs, trop peu pour être nommé",
}


@dataclass(frozen=True)
class Asked:
    """What somebody wants explained."""

    account: str
    offer: str | None = None
    run_id: str | None = None
    language: Language = "en"


def explain_account(folder: Path, crm: str, asked: Asked) -> dict[str, Any]:
    """Put together why a run proposed what it did; raise MendError when no account or several answer to the name."""
    facts, mine, decisions, proposed = _read(folder, crm, asked)
    billing = sorted(id for id in facts.measured.accounts if facts.crm.links.get(id, id) == mine or id == mine)
    weighed = _candidates(facts, decisions)
    facts = replace(facts, crm=_with_proposals(facts, proposed))
    _refuse_unknown(asked.offer, facts)
    shown = [one for one in weighed if asked.offer in (None, one.score.offer)]
    told = [signal for id in billing for signal in facts.measured.of(id)]
    known = facts.measured.data_to or facts.today
    scored = {one.score.offer for one in weighed}
    language = asked.language
    return {
        "account_id": mine,
        "name": facts.names.get(mine, mine),
        "run_id": facts.run_id,
        "destination": facts.destination,
        "decided_on": facts.today.isoformat(),
        "config_hash": facts.config_hash,
        "arm": context.arm.value if (context := facts.crm.contexts.get(mine)) and context.arm else None,
        "billing_accounts": billing,
        "signals": [_signal(signal, facts, language) for signal in sorted(told, key=lambda one: -abs(one.term))],
        "scores": [_score(one, decisions, facts, language) for one in shown],
        "decisions": [
            _also(row, language) for row in decisions if row["subject"] not in scored and asked.offer is None
        ],
        "nearest": [
            {
                "offer": one.candidate.score.offer,
                "label": in_language(one.candidate.offer.label, language),
                "text": would(one.change, "no", facts.rules.catalogue, language),
            }
            for one in nearest_offers(billing, scored, facts)
            if asked.offer in (None, one.candidate.score.offer)
        ],
        "data_to": known.isoformat(),
        "until": data_to(known, language),
    }


def _read(folder: Path, crm: str, asked: Asked) -> tuple[Facts, str, list[Row], list[Row]]:
    """Find the run, the account in it, what was decided about it, and what was proposed to anybody."""
    nobody = facts_of(folder, crm, asked.run_id, ())
    mine = find_account(asked.account, nobody.names, nobody.crm.links)
    ids = {mine, *(billing for billing, to in nobody.crm.links.items() if to == mine)}
    facts = load_facts(folder / nobody.run_id, ids)
    rows = decisions_of(folder, nobody.run_id)
    decisions = [row for row in rows if row["account_id"] in ids]
    proposed = [row for row in rows if row["decision"] in PROPOSED]
    return facts, mine, decisions, proposed


def _with_proposals(facts: Facts, proposed: Sequence[Row]) -> Crm:
    """Let what the run proposes stand on its accounts, as it does from then on; caps are counted with it."""
    contexts = dict(facts.crm.contexts)
    for row in proposed:
        context, offer = contexts.get(row["account_id"]), facts.rules.catalogue.offers.get(row["subject"])
        if context is None or offer is None or any(one.need == offer.need for one in context.open_episodes):
            continue
        new = OpenEpisode(offer.need or "", facts.today, row["subject"])
        contexts[context.account_id] = replace(context, open_episodes=(*context.open_episodes, new))
    return replace(facts.crm, contexts=contexts)


def _candidates(facts: Facts, decisions: Sequence[Row]) -> list[Candidate]:
    """Every offer that was considered, with what stood on account and owner when it was weighed."""
    rules, loads = facts.rules, {row["subject"]: load_of(row["load"]) for row in decisions}
    scores = score(facts.measured, rules.catalogue, rules.policy, rules.fx, facts.today, facts.card)
    customers = Customers(facts.measured, facts.crm, rules.catalogue, rules.policy, facts.today)
    weighed = customers.candidates(scores.scores)
    loaded = ((one, loads.get(one.score.offer)) for one in weighed)
    return [replace(one, load=load) for one, load in loaded if load is not None]


def _refuse_unknown(offer: str | None, facts: Facts) -> None:
    if offer is not None and offer not in facts.rules.catalogue.offers:
        known = ", ".join(sorted(facts.rules.catalogue.offers))
        raise MendError(f"the catalogue has no offer {offer!r}", hint=f"offers: {known}")


def _signal(signal: Signal, facts: Facts, language: Language) -> dict[str, Any]:
    rule = facts.rules.signals.rules[signal.id]
    return {
        "signal": signal.id,
        "account_id": signal.account_id,
        "row": signal.row,
        "needs": list(signal.needs),
        "strength": round(signal.strength, 4),
        "weight": signal.weight,
        "term": round(signal.term, 4),
        "evidence": _dated(signal.evidence, signal.data_to, language),
        "numbers": {name: _plain(value) for name, value in numbers_of(signal.evidence).items()},
        "thresholds": [_bounds(leaf) for leaf in rule.when.leaves() if leaf.feature],
        "data_to": signal.data_to.isoformat(),
    }


def _bounds(leaf: Any) -> str:
    """One comparison of a rule as a person reads it: `utilisation ≥ 90%`."""
    signs = {"at_least": "≥", "above": ">", "at_most": "≤", "below": "<"}
    bounds = [(sign, getattr(leaf, name)) for name, sign in signs.items() if getattr(leaf, name) is not None]
    told = " and ".join(f"{sign} {number(leaf.feature, bound, 'en')}" for sign, bound in bounds)
    return f"{leaf.feature} {told}".strip()


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else round(value, 4) if isinstance(value, float) else value


def _score(one: Candidate, decisions: Sequence[Row], facts: Facts, language: Language) -> dict[str, Any]:
    """One offer: what it is worth, for and against, every gate, and what would change the answer."""
    made, now = one.score, verdict(one)
    row = next(row for row in decisions if row["subject"] == made.offer)
    asked = [(name, no) for name, no in answers(one)]
    first = next((no for _, no in asked if no is not None), None)
    decision = _decision(now, first)
    reasons, against = cited(made.contributions, facts.rules.signals)
    when = moment(one, holidays_of)
    return {
        "offer": made.offer,
        "label": in_language(one.offer.label, language),
        "need": made.need,
        "quantity": made.quantity,
        "p": round(made.p, 4),
        "likelihood": percent(made.p, language),
        "value": made.value,
        "delta_mrr": money(made.delta_mrr, language) if made.delta_mrr else None,
        "decision": row["decision"],
        "detail": row["detail"],
        "verdict": in_language(VERDICTS[now], language) if decision == row["decision"] else row["decision"],
        "because": why(first, one, language) if first is not None else None,
        "base": round(made.base, 4),
        "base_likelihood": percent(one.policy.base_rate if facts.card is None else probability(made.base), language),
        "contributions": [_term(term, language) for term in _named(made.contributions)],
        "log_odds": round(logit(made.p), 4),
        "gates": [_gate(name, no, one, language) for name, no in asked],
        "would_change": [would(change, now, facts.rules.catalogue, language) for change in changes(one, facts)],
        "reasons": [headline(in_language(text, language)) for text in reasons],
        "against": [headline(in_language(text, language)) for text in against],
        "why_now": in_language(when.label, language) if when.label else None,
        "decide_by": when.on.isoformat(),
        "until": data_to(made.data_to, language),
        "data_to": made.data_to.isoformat(),
    }


def _gate(name: str, no: No | None, one: Candidate, language: Language) -> dict[str, Any]:
    told = {"reason": None, "text": None} if no is None else {"reason": no.reason.value, "text": why(no, one, language)}
    return {"gate": name, "passed": no is None, **told}


def _decision(now: str, first: No | None) -> str:
    return now if first is None else first.reason.value


def _named(contributions: Sequence[Contribution]) -> list[Contribution]:
    """Tell what a model weighs too little to name as one term, so that all terms still add up."""
    small = [one for one in contributions if is_learnt(one.name) and abs(one.term) < LEAST_TERM]
    rest = [one for one in contributions if one not in small]
    return [*rest, Contribution(OTHERS, fsum(one.term for one in small), OTHERS_TOLD)] if small else rest


def _term(term: Contribution, language: Language) -> dict[str, Any]:
    return {"name": term.name, "term": round(term.term, 4), "evidence": headline(in_language(term.evidence, language))}


def _dated(evidence: Texts, on: date, language: Language) -> str:
    """The fact, with the day its data end on, whether its rule words that or not."""
    text = in_language(evidence, language)
    if headline(text) != text:
        return text
    return f"{text}; {data_to(on, language)}" if language == "en" else f"{text} ; {data_to(on, language)}"


def _also(row: Row, language: Language) -> dict[str, Any]:
    told = {name: row[name] for name in ("subject", "decision", "detail", "p", "value")}
    heads = {head: french for head, french in SILENCE.items() if (row["detail"] or "").startswith(head)}
    for head, french in heads.items() if language == "fr" else ():
        told["detail"] = french + row["detail"].removeprefix(head)
    return told
