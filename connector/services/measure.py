"""Tables → features → signals, as known at a moment.

Everything is computable for any past moment: a fact that became known later changes nothing measured before.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from connector.compute.accounts import account_expressions, account_features, items_in_force, prices_known
from connector.compute.features import event_features, metric_features
from connector.compute.signals import Fired, fired
from connector.domain.catalogue import Catalogue, Language
from connector.domain.features import AccountFeatures, EventFeatures, Feature, MetricFeatures
from connector.domain.signal import AT, Signal, Signals
from connector.ports.billing import Warehouse
from connector.services.texts import in_language, render


@dataclass(frozen=True)
class Measured:
    """Everything known about the accounts at a moment, and the signals it raises."""

    as_of: datetime
    accounts: Mapping[str, AccountFeatures]
    metrics: Mapping[str, Mapping[str, MetricFeatures]]
    """By account, then metric."""
    events: Mapping[str, Sequence[EventFeatures]]
    prices: Sequence[Mapping[str, Any]]
    """Canonical price rows known at the moment."""
    signals: tuple[Signal, ...]
    data_to: date | None
    """Last day any usage source has told."""

    def of(self, account_id: str) -> tuple[Signal, ...]:
        """The signals of one account."""
        return tuple(signal for signal in self.signals if signal.account_id == account_id)


def measure(warehouse: Warehouse, catalogue: Catalogue, rules: Signals, as_of: datetime) -> Measured:
    """Measure every account and try every rule on it."""
    tables = warehouse.tables()
    usage = _rows(warehouse, metric_features(tables, items_in_force(tables, as_of), catalogue, as_of))
    metrics: dict[str, dict[str, MetricFeatures]] = defaultdict(dict)
    for row in usage:
        metrics[row["account_id"]][row["metric"]] = MetricFeatures(**row)
    events: dict[str, list[EventFeatures]] = defaultdict(list)
    for row in _rows(warehouse, event_features(tables, as_of)):
        events[row["account_id"]].append(EventFeatures(**row))
    prices = _rows(warehouse, prices_known(tables, as_of))
    facts = {name: _rows(warehouse, expression) for name, expression in account_expressions(tables, as_of).items()}
    intervals = {row["price_id"]: row["interval"] for row in prices if row["interval"]}
    accounts = account_features(facts, intervals, metrics, catalogue, as_of)
    return Measured(
        as_of=as_of,
        accounts=accounts,
        metrics=dict(metrics),
        events=dict(events),
        prices=prices,
        signals=raised(rules, accounts, metrics, events, catalogue, as_of),
        data_to=max((row["data_to"] for row in usage), default=None),
    )


def raised(
    rules: Signals,
    accounts: Mapping[str, AccountFeatures],
    metrics: Mapping[str, Mapping[str, MetricFeatures]],
    events: Mapping[str, Sequence[EventFeatures]],
    catalogue: Catalogue,
    as_of: datetime,
) -> tuple[Signal, ...]:
    """Try every rule on what was measured, and word what fires."""
    cases = fired(rules, accounts, metrics, events, catalogue, as_of.date())
    return tuple(signal_of(case, catalogue) for case in cases)


PERCENT = {"growth_percent": "growth", "growth_year_percent": "growth_year", "activity_percent": "activity_trend"}
"""Shares that evidence cites as whole percent, by the word it uses."""


def _rows(warehouse: Warehouse, expression: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = warehouse.execute(expression).to_pylist()
    return rows


def signal_of(case: Fired, catalogue: Catalogue) -> Signal:
    """Word a rule that fired, in every language it has."""
    languages: Mapping[Language, str] = case.rule.evidence
    read = {*case.rule.when.names(), case.rule.strength.of}
    return Signal(
        id=case.rule_id,
        row=case.rule.row,
        kind=case.rule.kind,
        account_id=case.account_id,
        needs=case.needs,
        strength=case.strength,
        weight=case.rule.weight,
        evidence={
            language: render(text, language, _context(case, catalogue, language), AT)
            for language, text in languages.items()
        },
        data_to=case.data_to,
        metric=case.metric,
        numbers={name: case.features.get(name) for name in sorted(read)},
    )


def _context(case: Fired, catalogue: Catalogue, language: Language) -> dict[str, Feature]:
    """Features as people cite them: whole numbers where they are large, labels in the reader's language."""
    cited = {name: _citable(value) for name, value in case.features.items()}
    for word, name in PERCENT.items():
        share = case.features.get(name)
        cited[word] = abs(round(share * 100)) if isinstance(share, float) else None
    cited["label"] = in_language(catalogue.metrics[case.metric].label, language) if case.metric else ""
    offer = catalogue.offers.get(case.offer or "")
    return {**cited, "offer_label": in_language(offer.label, language) if offer else ""}


def _citable(value: Feature) -> Feature:
    if not isinstance(value, float):
        return value
    return round(value) if value >= 100 or value == round(value) else round(value, 1)
