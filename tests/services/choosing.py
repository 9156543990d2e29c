"""Customers, scores and CRM accounts for tests of choosing, and the choice itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from connector.config.yamldoc import load
from connector.domain.catalogue import Catalogue
from connector.domain.features import AccountFeatures, EventFeatures, Holding, MetricFeatures
from connector.domain.intent import Contribution
from connector.domain.money import Money
from connector.domain.occupied import Crm, CrmContext
from connector.domain.policy import GatesPolicy
from connector.domain.score import Score
from connector.services.choose import Chosen, choose
from connector.services.measure import Measured
from connector.services.score import Scores

ROOT = Path(__file__).resolve().parents[2]
CATALOGUE = load(ROOT / "mappings" / "catalog.yaml", Catalogue).value
POLICY = load(ROOT / "playbooks" / "policy.yaml", GatesPolicy).value
NOW = datetime(2026, 11, 20, 18, tzinfo=UTC)  # a Friday
TODAY, DATA_TO = NOW.date(), date(2026, 11, 19)
NEEDS = {name: offer.need for name, offer in CATALOGUE.offers.items()}


def customer(id: str, plan: str = "pro", **more: Any) -> AccountFeatures:
    held = {plan: Holding(plan, 10, 39_000, 39_000, "EUR", date(2025, 1, 1))}
    defaults: dict[str, Any] = {"currency": "EUR", "mrr_minor": 39_000, "subscribed": True, "metrics_used": 3}
    return AccountFeatures(id, name=id, holdings=held, plan=plan, seats=10, **{**defaults, **more})


def used(account: str, last_day: date) -> MetricFeatures:
    nothing: dict[str, Any] = dict.fromkeys((field.name for field in fields(MetricFeatures)), 0)
    return MetricFeatures(**{**nothing, "account_id": account, "metric": "documents", "last_day": last_day})


def score(account: str, offer: str, value: int, p: float = 0.4, **more: Any) -> Score:
    need, reason = NEEDS[offer] or "none", Contribution("sign", 3.0, {"en": "a sign", "fr": "un signe"})
    added = Money(9_900, "EUR")
    return Score(account, offer, need, 1, p, -3.5, (reason,), added, value, DATA_TO, added, **more)


def linked(*ids: str, **contexts: Mapping[str, Any]) -> Crm:
    """Each billing account has a CRM account of its own, `c-` before its id."""
    links = {id: f"c-{id}" for id in ids}
    return Crm(links, {crm: CrmContext(crm, **contexts.get(crm.removeprefix("c-"), {})) for crm in links.values()})


def run(
    accounts: list[AccountFeatures],
    scores: list[Score],
    crm: Crm,
    policy: GatesPolicy = POLICY,
    metrics: Mapping[str, Mapping[str, MetricFeatures]] | None = None,
    events: Mapping[str, Sequence[EventFeatures]] | None = None,
    **more: Any,
) -> Chosen:
    measured = Measured(NOW, {one.account_id: one for one in accounts}, metrics or {}, events or {}, [], (), DATA_TO)
    return choose(measured, Scores(NOW, tuple(scores)), crm, CATALOGUE, policy, NOW, **more)


def reasons(chosen: Chosen) -> dict[tuple[str, str], str]:
    return {(one.account_id, one.subject): one.reason for one in chosen.held}
