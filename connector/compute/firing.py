"""Which rules fire on whom: what `signals.tried` looks at and `signals.strength_of` answers, for everybody at once.

What rules need is made ready once and not once an account, and a case is put together only where a rule fires: of some
sixty questions an account is asked, five are answered yes. Most of the others fail on one number of the account or the
metric itself, and are done with before what is known of it is put together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property, reduce
from operator import or_
from typing import NamedTuple

from connector.compute.columns import KeptMetrics
from connector.compute.signals import FROM_USAGE, OF_OFFERS, Fired, read_of, readings, together
from connector.domain.catalogue import Catalogue
from connector.domain.compiled import Bounds, Test, bounds, compiled, necessary, on_row
from connector.domain.crm_facts import crm_view
from connector.domain.features import (
    OWNS,
    AccountFeatures,
    EventFeatures,
    Feature,
    Features,
    MetricFeatures,
    OfferFeatures,
    event_view,
    feature_names,
    metric_view,
    named,
    offer_view,
    owned_offers,
)
from connector.domain.signal import TOLD_TO, SignalRule, Signals, freshness

View = Mapping[str, Feature]
MOST_KINDS = 10_000
"""Kinds of customers whose questions are kept: beyond that they begin anew, so that no base fills the memory."""


def fired(rules: Signals, features: Features, catalogue: Catalogue, today: date) -> Iterator[Fired]:
    """Try every rule on every account with a running subscription, in the order of accounts, then of the document."""
    firing = Firing(rules, catalogue, today)
    for account_id in sorted(features.accounts):
        metrics, events = features.metrics.get(account_id, {}), features.events.get(account_id, ())
        yield from firing.of(features.accounts[account_id], metrics, events)


class Firing:
    """All rules, made ready to be tried on one account after the other."""

    def __init__(self, rules: Signals, catalogue: Catalogue, today: date) -> None:
        self._known = known = _Known(catalogue, today)
        asked = [_QUESTIONS[rule.per](rule_id, rule, known) for rule_id, rule in rules.rules.items()]
        self._questions, self._screen = _Questions(asked), _Screen(asked)

    def of(
        self,
        account: AccountFeatures,
        metrics: Mapping[str, MetricFeatures],
        events: Sequence[EventFeatures],
        marks: int | None = None,
    ) -> Iterator[Fired]:
        """Give what fires on an account with a running subscription, in the order of the document.

        `marks` is what `screened` told of its metrics, where all accounts were looked at together.
        """
        if account.subscribed:
            customer = _Customer(account, metrics, events, self._known)
            marks = self.marks_of(metrics) if marks is None else marks
            for question in self._questions.worth_asking(customer, marks):
                yield from question.ask(customer)

    def marks_of(self, metrics: Mapping[str, MetricFeatures]) -> int:
        """Mark an account with what its metrics pass of what rules ask of them."""
        return self._screen.mark(metrics)

    def screened(self, kept: KeptMetrics) -> Mapping[str, int]:
        """Mark each account that has metrics as `marks_of` does: all at once, column by column."""
        return kept.marked(self._screen.tests)


@dataclass
class _Known:
    """What many accounts share."""

    catalogue: Catalogue
    today: date
    owns: dict[frozenset[str], View] = field(default_factory=dict)

    def owning(self, owned: frozenset[str]) -> View:
        """Whether each offer is owned, by the names rules use."""
        if owned not in self.owns:
            self.owns[owned] = {OWNS + offer: offer in owned for offer in self.catalogue.offers}
        return self.owns[owned]

    @cached_property
    def silent_crm(self) -> View:
        return crm_view({})


class _Told(NamedTuple):
    """Which things are told of a customer at all."""

    events: frozenset[str]
    marks: int
    """What its metrics pass of what rules ask of them."""
    by_crm: bool
    by_peers: bool


class _Customer:
    """One account, and what its rules look at; each view is made when the first rule asks for it."""

    __slots__ = ("_features", "_of_metrics", "account", "events", "known", "metrics", "owned")

    def __init__(
        self,
        account: AccountFeatures,
        metrics: Mapping[str, MetricFeatures],
        events: Sequence[EventFeatures],
        known: _Known,
    ) -> None:
        self.account, self.metrics, self.events, self.known = account, metrics, events, known
        self.owned = owned_offers(account, known.catalogue)
        self._features: View | None = None
        self._of_metrics: dict[str, View] = {}

    @property
    def features(self) -> View:
        """What is known of the account itself."""
        if self._features is None:
            known, crm = self.known, self.account.crm
            told = crm_view(crm) if crm else known.silent_crm
            self._features = {**named(self.account), **known.owning(self.owned), **told, TOLD_TO: known.today}
        return self._features

    def using(self, used: MetricFeatures) -> View:
        """What is known of one of its metrics, and of itself."""
        if used.metric not in self._of_metrics:
            of_metric = metric_view(used, self.account)
            self._of_metrics[used.metric] = {**self.features, **of_metric, TOLD_TO: used.data_to}
        return self._of_metrics[used.metric]


class _Question:
    """A rule, and how it is asked."""

    def __init__(self, rule_id: str, rule: SignalRule, known: _Known) -> None:
        self.rule_id, self.rule, self.known = rule_id, rule, known
        self.needs, self._reads = tuple(rule.needs), readings(rule)
        self._holds: Test = compiled(rule.when)
        self._fresh: dict[date, float] = {}
        self.marks = 0
        """An account has to bear all of them."""

    def of_metrics(self) -> Iterable[tuple[Sequence[str], Sequence[Bounds]]]:
        """What one of some metrics must pass for the rule to fire."""
        return ()

    def concerns(self, told: _Told) -> bool:
        """Say whether the rule may fire on a customer of whom these things are told."""
        return told.marks & self.marks == self.marks

    def ask(self, customer: _Customer) -> Iterable[Fired]:
        """Give the cases of an account that the rule fires on."""
        raise NotImplementedError

    def _case(
        self,
        customer: _Customer,
        view: View,
        data_to: date,
        needs: tuple[str, ...],
        metric: str | None = None,
        offer: str | None = None,
    ) -> list[Fired]:
        """What the rule holds for, unless it is too old."""
        if not (fresh := self._freshness(data_to)):
            return []
        account, strength = customer.account.account_id, self.rule.strength.strength(view) * fresh
        return [Fired(self.rule_id, self.rule, account, needs, strength, data_to, view, metric, offer)]

    def _freshness(self, data_to: date) -> float:
        if data_to not in self._fresh:
            self._fresh[data_to] = freshness((self.known.today - data_to).days, self.rule)
        return self._fresh[data_to]

    def _read(self, customer: _Customer) -> View:
        features = customer.features
        return {**features, **read_of(self._reads, customer.metrics)} if self._reads else features


class _Questions:
    """All rules; customers of whom the same kinds of things are told are asked the same of them."""

    def __init__(self, questions: Sequence[_Question]) -> None:
        self._all = questions
        self._worth: dict[_Told, list[_Question]] = {}

    def worth_asking(self, customer: _Customer, marks: int) -> list[_Question]:
        """The rules that may fire on a customer, in their order."""
        account, events = customer.account, frozenset([one.event for one in customer.events])
        told = _Told(events, marks, bool(account.crm), bool(account.peers))
        if told not in self._worth:
            if len(self._worth) >= MOST_KINDS:
                self._worth.clear()
            self._worth[told] = [one for one in self._all if one.concerns(told)]
        return self._worth[told]


class _Screen:
    """What rules ask of single metrics, each test with a bit of its own: an account is marked with those it passes."""

    def __init__(self, questions: Sequence[_Question]) -> None:
        self._of: dict[str, list[tuple[int, Callable[[MetricFeatures], bool]]]] = defaultdict(list)
        self.tests: list[tuple[int, Sequence[str], Sequence[Bounds]]] = []
        for question in questions:
            for metrics, asked in question.of_metrics():
                mark = 1 << len(self.tests)
                question.marks |= mark
                self.tests.append((mark, metrics, asked))
                for metric in metrics:
                    self._of[metric].append((mark, on_row(asked)))

    def mark(self, metrics: Mapping[str, MetricFeatures]) -> int:
        """Mark one account by its metrics."""
        asked = ((mark, test(used)) for name, used in metrics.items() for mark, test in self._of.get(name, ()))
        return reduce(or_, (mark for mark, passes in asked if passes), 0)


class _OfAccount(_Question):
    def __init__(self, rule_id: str, rule: SignalRule, known: _Known) -> None:
        super().__init__(rule_id, rule, known)
        self._is_of_usage = bool({*rule.when.names(), rule.strength.of} & FROM_USAGE)
        self._may_fire_on = on_row(bounds(rule.when, feature_names(AccountFeatures) - rule.read.keys()))
        self._first = [compiled(part) for part in necessary(rule.when, rule.read.keys())]
        of_crm = [compiled(part) for part in necessary(rule.when, known.silent_crm.keys() - rule.read.keys())]
        self._needs_crm = not all(test(known.silent_crm) for test in of_crm)

    def of_metrics(self) -> Iterable[tuple[Sequence[str], Sequence[Bounds]]]:
        read = {name: (metric, feature) for name, metric, feature in self._reads}
        for one in bounds(self.rule.when, read.keys()):
            metric, feature = read[one.feature]
            if feature in feature_names(MetricFeatures):
                yield (metric,), [Bounds(feature, one.within)]

    def concerns(self, told: _Told) -> bool:
        return super().concerns(told) and (told.by_crm or not self._needs_crm)

    def ask(self, customer: _Customer) -> Iterable[Fired]:
        if not self._may_fire_on(customer.account):
            return ()
        if self._first:
            read = read_of(self._reads, customer.metrics)
            if not all(test(read) for test in self._first):
                return ()
        told: Feature = customer.account.data_to if self._is_of_usage else self.known.today
        if self.rule.dated:
            told = customer.features.get(self.rule.dated)
        view = self._read(customer)
        if not isinstance(told, date) or not self._holds(view):
            return ()
        return self._case(customer, view, told, self.needs)


class _OfMetric(_Question):
    def __init__(self, rule_id: str, rule: SignalRule, known: _Known) -> None:
        super().__init__(rule_id, rule, known)
        self._bounds = bounds(rule.when, feature_names(MetricFeatures))
        self._may_fire_on = on_row(self._bounds)

    def of_metrics(self) -> Iterable[tuple[Sequence[str], Sequence[Bounds]]]:
        yield self.rule.metrics, self._bounds

    def ask(self, customer: _Customer) -> Iterable[Fired]:
        found: list[Fired] = []
        for name in self.rule.metrics:
            used = customer.metrics.get(name)
            if used is not None and self._may_fire_on(used):
                view = self._seen(used, customer) if self.rule.read else customer.using(used)
                if self._holds(view):
                    found += self._case(customer, view, used.data_to, self.needs, metric=name)
        return found

    def _seen(self, used: MetricFeatures, customer: _Customer) -> View:
        return {**self._read(customer), **metric_view(used, customer.account), TOLD_TO: used.data_to}


class _OfOffer(_Question):
    """Looks at each offer that is not owned; customers of one segment share what is told of it."""

    def __init__(self, rule_id: str, rule: SignalRule, known: _Known) -> None:
        super().__init__(rule_id, rule, known)
        of_offer = frozenset(offer_view(OfferFeatures("", 0.0, 0, None)))
        self._first = [compiled(part) for part in necessary(rule.when, of_offer)]
        self._usual: dict[int, tuple[Sequence[OfferFeatures], list[tuple[OfferFeatures, str]]]] = {}

    def concerns(self, told: _Told) -> bool:
        return told.by_peers

    def ask(self, customer: _Customer) -> Iterable[Fired]:
        found: list[Fired] = []
        for one, need in self._worth_asking(customer.account.peers):
            if one.offer not in customer.owned:
                view = {**self._read(customer), **offer_view(one)}
                if self._holds(view):
                    found += self._case(customer, view, self.known.today, (need,), offer=one.offer)
        return found

    def _worth_asking(self, peers: Sequence[OfferFeatures]) -> list[tuple[OfferFeatures, str]]:
        """Offers that meet a need and what the rule asks of the offer alone."""
        # By identity, because a segment's accounts hold the one tuple; it is kept, so that its id is not given again.
        if id(peers) not in self._usual:
            offers = self.known.catalogue.offers
            held = [one for one in peers if all(test(offer_view(one)) for test in self._first)]
            worth = [(one, need) for one in held if (need := offers[one.offer].need) is not None]
            self._usual[id(peers)] = peers, worth
        return self._usual[id(peers)][1]


class _OfEvent(_Question):
    def concerns(self, told: _Told) -> bool:
        return not told.events.isdisjoint(self.rule.events)

    def ask(self, customer: _Customer) -> Iterable[Fired]:
        found: list[Fired] = []
        for row in together(self.rule, customer.events):
            offer = self.known.catalogue.offers.get(row.detail)
            is_of_offer = offer is not None and offer.need is not None and row.detail not in customer.owned
            if not self.needs and not is_of_offer and self.rule.kind in OF_OFFERS:
                continue
            needs = self.needs or ((offer.need,) if offer and offer.need and is_of_offer else ())
            view = {**self._read(customer), **event_view(row)}
            if self._holds(view):
                found += self._case(customer, view, row.last_on, needs, offer=row.detail)
        return found


_QUESTIONS = {"account": _OfAccount, "metric": _OfMetric, "offer": _OfOffer, "event": _OfEvent}
