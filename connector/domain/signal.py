"""Signals: when a customer's own behaviour says that a need exists, written as rules (`playbooks/signals.yaml`).

A rule is a condition over feature names, a curve that turns one feature into a strength, and a sentence a person can
check. Conditions are parsed once, when the document is loaded; a comparison with an unknown value is false, so a rule
never fires on what nobody measured.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import date
from difflib import get_close_matches
from typing import Any, Literal

from connector.domain.catalogue import Catalogue, Texts
from connector.domain.documents import document
from connector.domain.errors import Problem
from connector.domain.features import Feature

SignalKind = Literal["upsell", "cross_sell", "context", "help"]


@document
class Condition:
    """One comparison of a feature, or a group of conditions. Everything stated must hold."""

    feature: str | None = None
    at_least: float | None = None
    above: float | None = None
    at_most: float | None = None
    below: float | None = None
    one_of: Sequence[str] = ()
    is_true: bool | None = None
    """true: the feature is true; false: it is known and false."""
    known: bool | None = None
    """true: the feature has a value; false: it has none."""
    all: Sequence[Condition] = ()
    any: Sequence[Condition] = ()
    none: Sequence[Condition] = ()

    def holds(self, features: Mapping[str, Feature]) -> bool:
        """Say whether the condition is met; a comparison with an unknown value is not."""
        return (
            (self.feature is None or self._compares(features.get(self.feature)))
            and all(part.holds(features) for part in self.all)
            and (not self.any or any(part.holds(features) for part in self.any))
            and not any(part.holds(features) for part in self.none)
        )

    def names(self) -> Iterator[str]:
        """Every feature the condition reads."""
        yield from (leaf.feature for leaf in self.leaves() if leaf.feature is not None)

    def leaves(self) -> Iterator[Condition]:
        """Every comparison in it."""
        if self.feature is not None:
            yield self
        for part in (*self.all, *self.any, *self.none):
            yield from part.leaves()

    def _compares(self, value: Feature) -> bool:
        if value is None:
            return self.known is False
        if self.known is False or (self.one_of and str(value) not in self.one_of):
            return False
        if self.is_true is not None and value is not self.is_true:
            return False
        return self._within(value)

    def _within(self, value: Feature) -> bool:
        if self.at_least is None and self.above is None and self.at_most is None and self.below is None:
            return True
        if not isinstance(value, int | float):
            return False
        return (
            (self.at_least is None or value >= self.at_least)
            and (self.above is None or value > self.above)
            and (self.at_most is None or value <= self.at_most)
            and (self.below is None or value < self.below)
        )


@document
class Curve:
    """A straight line from one feature to a strength between `least` and 1."""

    of: str
    zero_at: float
    """Where the line starts; may lie above `full_at` when less is stronger."""
    full_at: float
    least: float = 0.1

    def strength(self, features: Mapping[str, Feature]) -> float:
        """Strength of a signal whose condition holds."""
        value = features.get(self.of)
        if not isinstance(value, int | float):
            return self.least
        return min(1.0, max(self.least, (value - self.zero_at) / (self.full_at - self.zero_at)))


@document
class SignalExample:
    """Features of a customer, and whether the rule must fire on them; `connector check` runs it."""

    given: Mapping[str, Any]
    fires: bool = True
    says: Texts = field(default_factory=dict)
    """What its evidence must say; `…` stands for anything."""


@document
class SignalRule:
    """When to raise a signal, how strongly, what it says, and which needs it points to."""

    row: str
    """Kind of sign, e.g. `usage growth` or `limit reached`; rules of one row are reported together."""
    kind: SignalKind
    per: Literal["account", "metric", "event"] = "account"
    """What is looked at: an account, each of `metrics`, or each detail of `events`."""
    metrics: Sequence[str] = ()
    events: Sequence[str] = ()
    needs: Sequence[str] = ()
    """Needs it points to; for events also that of the offer in their detail. None: it bears on every need."""
    when: Condition = Condition()
    strength: Curve
    weight: float
    """Log-odds it adds to a score at full strength; negative counts against."""
    window_days: int = 28
    """Older evidence is no signal."""
    half_life_days: float = 30
    """Its strength halves with each so many days of age."""
    evidence: Texts
    """A template per language that cites the numbers and their date."""
    examples: Sequence[SignalExample] = ()


@document
class Signals:
    """All signal rules by id (`playbooks/signals.yaml`)."""

    version: int = 1
    name: str = "signals"
    rules: Mapping[str, SignalRule]


@dataclass(frozen=True)
class Signal:
    """A rule that fired for an account, with the evidence a person can check."""

    id: str
    row: str
    kind: SignalKind
    account_id: str
    needs: tuple[str, ...]
    """Empty: it bears on every need of the account."""
    strength: float
    """0..1, freshness included."""
    weight: float
    evidence: Texts
    data_to: date
    metric: str | None = None
    numbers: Mapping[str, Feature] = field(default_factory=dict)
    """The features that the rule read."""

    @property
    def term(self) -> float:
        """What it adds to a score, in log-odds."""
        return self.weight * self.strength


def freshness(age_days: int, rule: SignalRule) -> float:
    """Share of a signal's strength that is left at an age; 0 outside the rule's window."""
    if age_days > rule.window_days:
        return 0.0
    return float(0.5 ** (max(0, age_days) / rule.half_life_days))


def problems(
    rules: Signals,
    catalogue: Catalogue,
    known: frozenset[str],
    cited: Mapping[str, Set[str]],
    at: Callable[..., str] = lambda *_: AT,
) -> list[Problem]:
    """List every name in the rules that nothing else knows, with what was probably meant.

    `known` are the features; `cited` holds the names in each rule's evidence, which is a template that this package
    does not read. `at` tells where a part of the document stands.
    """
    found = []
    needs = frozenset(offer.need for offer in catalogue.offers.values() if offer.need)
    for rule_id, rule in rules.rules.items():
        for what, names, allowed in (
            ("feature", {*rule.when.names(), rule.strength.of}, known),
            ("feature", cited.get(rule_id, set()), known | WORDS),
            ("metric", set(rule.metrics), frozenset(catalogue.metrics)),
            ("need", set(rule.needs), needs),
        ):
            found += [_unknown(what, name, allowed, at("rules", rule_id)) for name in sorted(names - allowed)]
        if rule.strength.zero_at == rule.strength.full_at:
            place = at("rules", rule_id, "strength")
            found.append(Problem(f"signal {rule_id}: zero_at and full_at are the same", place, "write two numbers"))
    return found


AT = "playbooks/signals.yaml"
WORDS = frozenset({"label", "offer_label", "growth_percent", "growth_year_percent", "activity_percent"})
"""Words of evidence that are no features: labels in the reader's language, and shares as whole percent."""


def _unknown(what: str, name: str, allowed: frozenset[str], at: str) -> Problem:
    close = get_close_matches(name, sorted(allowed), n=1)
    hint = f"did you mean {close[0]}?" if close else f"known: {', '.join(sorted(allowed))}"
    return Problem(f"unknown {what} '{name}'", at, hint)
