"""Signals: when a customer's own behaviour says that a need exists, written as rules (`playbooks/signals.yaml`).

A rule is a condition over feature names, a curve that turns one feature into a strength, and a sentence a person can
check. Conditions are parsed once, when the document is loaded; a comparison with an unknown value is false, so a rule
never fires on what nobody measured. `compute.conditions` says the same in SQL. A number of days out of a window needs
no key of its own: features count them (`days_near_limit`, `active_days` of 28), and a bound says how many.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import field
from datetime import date
from difflib import get_close_matches
from functools import partial
from typing import Any, Literal

from connector.domain.catalogue import Catalogue, Texts
from connector.domain.documents import document
from connector.domain.errors import Problem
from connector.domain.features import ONLY_OF, PER_SEAT, Feature, Kind
from connector.domain.values import value

SignalKind = Literal["upsell", "cross_sell", "context", "help"]


@document
class Condition:
    """One comparison of a feature, or a group of conditions. Everything stated must hold."""

    feature: str | None = None
    changed_from: str | None = None
    """Another feature: the bounds are for the change from it to `feature`, as a share of it (0.1 is 10 % more)."""
    absent_for: int | None = None
    """`feature` holds a day that lies at least so many days before the last day told."""
    at_least: float | None = None
    above: float | None = None
    at_most: float | None = None
    below: float | None = None
    one_of: Sequence[str] = ()
    """The feature is one of these texts."""
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
            (self.feature is None or self._compares(features.get(self.feature), features))
            and all(part.holds(features) for part in self.all)
            and (not self.any or any(part.holds(features) for part in self.any))
            and not any(part.holds(features) for part in self.none)
        )

    def parts(self, *loc: str | int) -> Iterator[tuple[tuple[str | int, ...], Condition]]:
        """Itself and every condition in it, each with its place in the document."""
        yield loc, self
        for group in ("all", "any", "none"):
            for i, part in enumerate(getattr(self, group)):
                yield from part.parts(*loc, group, i)

    def names(self) -> Iterator[str]:
        """Every feature the condition reads."""
        for leaf in self.leaves():
            yield from (name for name in (leaf.feature, leaf.changed_from) if name is not None)

    def leaves(self) -> Iterator[Condition]:
        """Every comparison in it."""
        if self.feature is not None:
            yield self
        for part in (*self.all, *self.any, *self.none):
            yield from part.leaves()

    @property
    def is_bounded(self) -> bool:
        """Whether a number is compared."""
        return any(bound is not None for bound in (self.at_least, self.above, self.at_most, self.below))

    def _compares(self, value: Feature, features: Mapping[str, Feature]) -> bool:
        if is_unknown(value):
            return self.known is False
        return (
            self.known is not False
            and (not self.one_of or (isinstance(value, str) and value in self.one_of))
            and (self.is_true is None or value is self.is_true)
            and (self.absent_for is None or self._is_absent(value, features.get(TOLD_TO)))
            and (not self.is_bounded or self._within(self._compared(value, features)))
        )

    def _is_absent(self, last: Feature, told_to: Feature) -> bool:
        if not isinstance(last, date) or not isinstance(told_to, date) or self.absent_for is None:
            return False
        return (told_to - last).days >= self.absent_for

    def _compared(self, value: Feature, features: Mapping[str, Feature]) -> float | None:
        now = as_number(value)
        if self.changed_from is None or now is None:
            return now
        before = as_number(features.get(self.changed_from))
        return (now - before) / abs(before) if before else None

    def _within(self, number: float | None) -> bool:
        return (
            number is not None
            and (self.at_least is None or number >= self.at_least)
            and (self.above is None or number > self.above)
            and (self.at_most is None or number <= self.at_most)
            and (self.below is None or number < self.below)
        )


TOLD_TO = "told_to"
"""The last day that is told of what a rule looks at: a metric's last day of data, else today."""


def is_unknown(value: Feature) -> bool:
    """Say whether nothing is known: no value, or a number that is none."""
    return value is None or value != value  # only NaN differs from itself


def as_number(value: Feature) -> float | None:
    """A number, which a flag, a text and a day are not."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and not is_unknown(value)
    return float(value) if is_number else None  # type: ignore[arg-type] # is_number says so


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
        share = (value - self.zero_at) / (self.full_at - self.zero_at)
        if share >= 1:
            return 1.0
        return share if share > self.least else self.least


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
    per: Literal["account", "metric", "event", "offer"] = "account"
    """What is looked at: an account, each of `metrics`, each detail of `events`, or each offer it does not own."""
    metrics: Sequence[str] = ()
    events: Sequence[str] = ()
    needs: Sequence[str] = ()
    """Needs it points to; for events also that of the offer in their detail. None: it bears on every need."""
    about: str | None = None
    """Feature with the need it points to, where an account tells it; without a value it bears on every need."""
    read: Mapping[str, str] = field(default_factory=dict)
    """A name of its own → `metric.feature` of another metric, for `when`, `strength` and `evidence`."""
    when: Condition = Condition()
    strength: Curve
    weight: float
    """Log-odds it adds to a score at full strength; negative counts against."""
    dated: str | None = None
    """Feature with the day that an account's evidence is of; without it, today or the last day of usage."""
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


@value
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
    offer: str | None = None
    """The offer it is about, where it looked at one."""

    @property
    def points(self) -> bool:
        """Whether it gives a reason to propose something; the others support or oppose what has one."""
        return self.kind in ("upsell", "cross_sell")

    def speaks_for(self, offer: str) -> bool:
        """Say whether it bears on an offer that meets its need: what supports one offer supports no other."""
        return self.offer in (None, offer) or self.points

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
    known: Mapping[str, Kind],
    cited: Mapping[str, Set[str]],
    at: Callable[..., str] = lambda *_: AT,
) -> list[Problem]:
    """List every name in the rules that nothing else knows, with what was probably meant, and what can never hold.

    `known` are the features; `cited` holds the names in each rule's evidence, which is a template that this package
    does not read. `at` tells where a part of the document stands.
    """
    found: list[Problem] = []
    needs = frozenset(offer.need for offer in catalogue.offers.values() if offer.need)
    for rule_id, rule in rules.rules.items():
        own = {**known, **_numbers(rule.read)}
        for loc, part in rule.when.parts("when"):
            found += _of_condition(part, own, partial(at, "rules", rule_id, *loc))
        for what, names, allowed, key in (
            ("feature", {rule.strength.of}, own.keys(), ("strength", "of")),
            ("feature", cited.get(rule_id, set()), own.keys() | WORDS, ("evidence",)),
            ("metric", set(rule.metrics), frozenset(catalogue.metrics), ("metrics",)),
            ("need", set(rule.needs), needs, ("needs",)),
        ):
            place = at("rules", rule_id, *key)
            found += [_unknown(what, name, allowed, place) for name in sorted(names - allowed)]
        for name, place in _read(rule, partial(at, "rules", rule_id)):
            if (per := ONLY_OF.get(name)) not in (None, rule.per):
                why = f"{name} is told of each {per}, and this rule looks at each {rule.per}"
                found.append(Problem(why, place, f"write `per: {per}`, or compare another feature"))
        if rule.about is not None and own.get(rule.about) != "text":
            texts = {name for name, kind in own.items() if kind == "text"}
            found.append(_unknown("text", rule.about, texts, at("rules", rule_id, "about")))
        if rule.dated is not None and own.get(rule.dated) != "day":
            days = {name for name, kind in own.items() if kind == "day"}
            found.append(_unknown("day", rule.dated, days, at("rules", rule_id, "dated")))
        for name, where in rule.read.items():
            found += _of_reading(where, catalogue, at("rules", rule_id, "read", name))
        if rule.strength.zero_at == rule.strength.full_at:
            place = at("rules", rule_id, "strength")
            found.append(Problem(f"signal {rule_id}: zero_at and full_at are the same", place, "write two numbers"))
    return found


def _numbers(names: Iterable[str]) -> dict[str, Kind]:
    return dict.fromkeys(names, "number")


def _of_reading(where: str, catalogue: Catalogue, at: str) -> Iterator[Problem]:
    metric, _, feature = where.partition(".")
    told = {name for name, per in ONLY_OF.items() if per == "metric" and name != PER_SEAT}
    if metric not in catalogue.metrics:
        yield _unknown("metric", metric, catalogue.metrics.keys(), at)
    elif feature not in told:
        yield _unknown("feature of a metric", feature, told, at)


def _read(rule: SignalRule, at: Callable[..., str]) -> Iterator[tuple[str, str]]:
    """Each feature that a rule decides by, and where it stands."""
    yield rule.strength.of, at("strength", "of")
    for loc, part in rule.when.parts("when"):
        yield from ((name, at(*loc, "feature")) for name in (part.feature, part.changed_from) if name is not None)


def _of_condition(part: Condition, known: Mapping[str, Kind], at: Callable[..., str]) -> Iterator[Problem]:
    """What is wrong with one comparison: names, kinds, and bounds that exclude each other."""
    for key, name in (("feature", part.feature), ("changed_from", part.changed_from)):
        if name is not None and name not in known:
            yield _unknown("feature", name, known.keys(), at(key))
    compared = {
        "number": part.is_bounded or part.changed_from is not None,
        "day": part.absent_for is not None,
        "text": bool(part.one_of),
        "flag": part.is_true is not None,
    }
    if part.feature is None and (any(compared.values()) or part.known is not None):
        yield Problem("a comparison without a feature", at(), "add `feature: …`")
    elif (kind := known.get(part.feature or "")) is not None:
        for wanted, is_asked in compared.items():
            if is_asked and kind != wanted:
                yield Problem(f"{part.feature} is a {kind}, compared as a {wanted}", at("feature"), COMPARED[kind])
    if part.changed_from is not None and not part.is_bounded:
        yield Problem("a change without a bound", at("changed_from"), "add `at_least: 0.1` for 10 % more")
    low = max((bound for bound in (part.at_least, part.above) if bound is not None), default=None)
    high = min((bound for bound in (part.at_most, part.below) if bound is not None), default=None)
    if low is not None and high is not None and not part._within(low) and not part._within(high) and low >= high:
        yield Problem(f"nothing lies between {low:g} and {high:g}", at("feature"), "turn the bounds round")


COMPARED: Mapping[Kind, str] = {
    "number": "write at_least, above, at_most or below",
    "day": "write absent_for: DAYS, or use a feature that counts days",
    "text": "write one_of: [one, two]",
    "flag": "write is_true: true, or false",
}
AT = "playbooks/signals.yaml"
WORDS = frozenset({"label", "offer_label", "growth_percent", "growth_year_percent", "activity_percent", "peer_percent"})
"""Words of evidence that are no features: labels in the reader's language, and shares as whole percent."""


def _unknown(what: str, name: str, allowed: Set[str], at: str) -> Problem:
    close = get_close_matches(name, sorted(allowed), n=1)
    hint = f"did you mean {close[0]}?" if close else f"known: {', '.join(sorted(allowed))}"
    return Problem(f"unknown {what} '{name}'", at, hint)
