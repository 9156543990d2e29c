"""What was measured on a day → pairs of account and offer that a model reads; later billing → who adopted what.

The daily run, its training and the backtest build their rows here, so a model is never asked about anything it did
not learn from. Features are what was known on the day; what a customer bought is read from later days alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import date
from math import asinh, log1p
from typing import Any

import numpy as np
from numpy.typing import NDArray

from connector.compute.propensity_pairs import UNKNOWN, Column, Floats, Pairs, Singles, Whole, entities
from connector.domain.catalogue import Catalogue, Offer
from connector.domain.features import AccountFeatures, EventFeatures, MetricFeatures, owned_offers
from connector.domain.propensity import Kind
from connector.domain.score import Score
from connector.domain.signal import Signals

SIGNAL, USE, EVENT = "signal.", "use.", "event."
EPOCH = date(1970, 1, 1).toordinal()
BEGINNING = 20
"""Days from the start of a contract in which what is taken still belongs to the first purchase."""
TEXTS = ("plan", "segment", "industry", "country", "interval")
Number = float | None


@dataclass
class Levels:
    """Numbers for texts, the same over all days."""

    codes: dict[str, int] = field(default_factory=dict)

    def of(self, text: str) -> int:
        """Number a text."""
        return self.codes.setdefault(text, len(self.codes))


@dataclass(frozen=True)
class Owned:
    """A time during which an account held a quantity of an offer."""

    offer: str
    since: int
    until: int
    quantity: float


@dataclass
class _Part:
    """The rows of one day while they are collected; what belongs to an account is kept once."""

    numbers: list[list[Number]] = field(default_factory=list)
    texts: list[list[int]] = field(default_factory=list)
    holds: list[list[bool]] = field(default_factory=list)
    who: list[tuple[int, int]] = field(default_factory=list)
    what: list[int] = field(default_factory=list)
    signs: list[NDArray[np.float32]] = field(default_factory=list)
    seen: list[NDArray[np.float32]] = field(default_factory=list)
    prior: list[float] = field(default_factory=list)

    def arrays(self, day: date) -> dict[str, NDArray[Any]]:
        """Pack what was collected."""
        return {
            "numbers": np.array(self.numbers, np.float32),
            "texts": np.array(self.texts, np.int32),
            "holds": np.array(self.holds, bool),
            "who": np.array(self.who, np.int32),
            "what": np.array(self.what, np.int32),
            "signs": np.array(self.signs, np.float32).reshape(len(self.who), -1),
            "seen": np.array(self.seen, np.float32).reshape(len(self.who), -1),
            "prior": np.array(self.prior, np.float64),
            "day": np.full(len(self.who), day.toordinal() - EPOCH, np.int32),
        }


def _terms(score: Score | None, sign: Mapping[str, int]) -> NDArray[np.float32]:
    """What each signal adds to a score."""
    told = np.zeros(len(sign), np.float32)
    for reason in score.contributions if score else ():
        if reason.name in sign:
            told[sign[reason.name]] = reason.term
    return told


def seen_of(events: Sequence[EventFeatures], names: Sequence[str], catalogue: Catalogue, offer: str) -> Singles:
    """Count each event over 28 and over 90 days; one whose detail is an offer speaks for that offer alone."""
    counts = np.zeros((len(names), 2), np.float32)
    place = {name: at for at, name in enumerate(names)}
    for one in events:
        if one.event in place and (one.detail == offer or one.detail not in catalogue.offers):
            counts[place[one.event]] += one.count_28, one.count_90
    return np.arcsinh(counts).ravel()


def pointed_to(rules: Signals, catalogue: Catalogue) -> dict[str, frozenset[str]]:
    """By offer: what is read by the rules that point to its need, as columns' names begin."""
    made: dict[str, set[str]] = defaultdict(set)
    for id, rule in rules.rules.items():
        read = {SIGNAL + id, *(USE + name for name in rule.metrics), *(EVENT + name for name in rule.events)}
        for name, offer in catalogue.offers.items():
            if offer.need in rule.needs:
                made[name] |= read
    return {name: frozenset(read) for name, read in made.items()}


@dataclass
class Rows:
    """Pairs of several days, collected; `offers` are those with a need, `signals` and `events` what is told of each."""

    catalogue: Catalogue
    signals: Sequence[str]
    events: Sequence[str]
    base_rate: float
    offers: tuple[str, ...] = ()
    texts: dict[str, Levels] = field(default_factory=lambda: {name: Levels() for name in TEXTS})
    accounts: Levels = field(default_factory=Levels)
    parts: list[dict[str, NDArray[Any]]] = field(default_factory=list)
    names: tuple[str, ...] = ()
    pointed: Mapping[str, Set[str]] = field(default_factory=dict)
    """By offer, as `pointed_to` tells it."""

    def __post_init__(self) -> None:
        self.offers = tuple(name for name, offer in self.catalogue.offers.items() if offer.need and offer.recurring)

    def add(
        self,
        day: date,
        accounts: Iterable[AccountFeatures],
        metrics: Mapping[str, Mapping[str, MetricFeatures]],
        events: Mapping[str, Sequence[EventFeatures]],
        scores: Iterable[Score],
        every: bool = True,
    ) -> None:
        """Add the pairs of a day: every eligible one, or only those that were scored."""
        scored: dict[str, dict[str, Score]] = defaultdict(dict)
        for one in scores:
            scored[one.account_id][one.offer] = one
        part = _Part()
        sign = {name: at for at, name in enumerate(self.signals)}
        for account in accounts:
            mine, owned = scored.get(account.account_id, {}), owned_offers(account, self.catalogue)
            wanted = [
                (at, mine.get(name))
                for at, name in enumerate(self.offers)
                if name in mine or (every and eligible(name, account, owned, self.catalogue))
            ]
            if not wanted:
                continue
            # Read once: where they are kept in columns, each asking makes its rows anew.
            id = account.account_id
            using, doing = dict(metrics.get(id, {})), events.get(id, ())
            row = dict(numbers_of(account, using, doing, self.catalogue, day))
            self.names = self.names or tuple(row)
            part.numbers.append(list(row.values()))
            part.texts.append([self.texts[name].of(getattr(account, name) or "") for name in TEXTS])
            part.holds.append([name in owned for name in self.catalogue.offers])
            for offer, score in wanted:
                part.who.append((self.accounts.of(id), len(part.numbers) - 1))
                part.what.append(offer)
                part.signs.append(_terms(score, sign))
                part.seen.append(seen_of(doing, self.events, self.catalogue, self.offers[offer]))
                part.prior.append(self.base_rate if score is None else score.p)
        if part.who:
            self.parts.append(part.arrays(day))

    def pairs(self) -> Pairs:
        """Everything that was added, without outcomes. It goes out of here: twice it would take most of the memory."""
        shifts = np.cumsum([0, *(len(part["numbers"]) for part in self.parts[:-1])])
        at = np.concatenate([part["who"][:, 1] + shift for part, shift in zip(self.parts, shifts, strict=True)])
        joined = {name: self._taken(name) for name in ("who", "what", "signs", "seen", "prior", "day")}
        numbers, texts, holds = (self._taken(name) for name in ("numbers", "texts", "holds"))
        self.parts.clear()
        account = joined["who"][:, 0]
        entity, _, _ = entities(account, joined["day"])
        held = np.zeros((int(entity.max()) + 1, holds.shape[1]), bool)
        held[entity] = holds[at]
        kind: Kind = "number"
        columns = [Column(name, kind, numbers[at, n]) for n, name in enumerate(self.names)]
        columns += [
            Column(name, "category", texts[at, n], tuple(self.texts[name].codes)) for n, name in enumerate(TEXTS)
        ]
        columns += [Column(SIGNAL + name, kind, joined["signs"][:, n]) for n, name in enumerate(self.signals)]
        windows = [f"{EVENT}{name}.{days}" for name in self.events for days in (28, 90)]
        columns += [Column(name, kind, joined["seen"][:, n]) for n, name in enumerate(windows)]
        return Pairs(
            accounts=tuple(self.accounts.codes),
            offers=self.offers,
            account=account,
            offer=joined["what"],
            day=joined["day"],
            adopted=np.full(len(account), UNKNOWN, np.int8),
            columns=tuple(columns),
            entity=entity,
            holds=held,
            holdings=tuple(self.catalogue.offers),
            prior=joined["prior"],
            is_dated=True,
            pointed={offer: _read(columns, begins) for offer, begins in self.pointed.items()},
        )

    def _taken(self, name: str) -> NDArray[Any]:
        return np.concatenate([part.pop(name) for part in self.parts])


def _read(columns: Sequence[Column], begins: Set[str]) -> frozenset[str]:
    """Names of the columns that tell one of some things, or a figure of it."""
    names = (column.name for column in columns)
    return frozenset(name for name in names if name in begins or name.rpartition(".")[0] in begins)


def eligible(name: str, account: AccountFeatures, owned: frozenset[str], catalogue: Catalogue) -> bool:
    """Tell whether an offer could be sold to an account at all."""
    if account.is_test or not account.subscribed or account.plan is None:
        return False
    offer = catalogue.offers[name]
    if name in catalogue.plans:
        return list(catalogue.plans).index(name) > list(catalogue.plans).index(account.plan)
    if name in owned or (offer.sold_with and account.plan not in offer.sold_with):
        return False
    return all(one in owned for one in offer.prerequisites)


def numbers_of(
    account: AccountFeatures,
    metrics: Mapping[str, MetricFeatures],
    events: Sequence[EventFeatures],
    catalogue: Catalogue,
    day: date,
) -> Iterator[tuple[str, Number]]:
    """Tell an account in numbers: what it pays, how it stands, when it bought, how it uses each metric, what it did."""
    seats = account.seats or 1.0
    for name in ("seats", "mrr_minor", "owned_offers", "tenure_days", "days_to_renewal", "nps", "activity_trend"):
        yield name, getattr(account, name)
    # Late contracts, disputes and notices are left out: billing tells that they are, not since when.
    yield "is_late", float(account.overdue_invoices > 0)
    yield "is_escalated", float(account.escalated_on is not None)
    yield from _changes(account, day)
    for name in catalogue.metrics:
        metric = metrics.get(name)
        yield f"{USE}{name}.per_seat", 0.0 if metric is None else asinh(metric.level_28 / seats)
        yield f"{USE}{name}.growth", None if metric is None or metric.growth is None else min(metric.growth, 5.0)
        if catalogue.metrics[name].limit is not None:
            yield (
                f"{USE}{name}.of_limit",
                None if metric is None or metric.utilisation is None else min(metric.utilisation, 2.0),
            )
            yield f"{USE}{name}.near_limit", 0.0 if metric is None else metric.days_near_limit / 28
            yield f"{USE}{name}.over_limit", 0.0 if metric is None else metric.days_over_limit / 28
    yield "events_90", asinh(sum(one.count_90 for one in events))


def _changes(account: AccountFeatures, day: date) -> Iterator[tuple[str, Number]]:
    """How long ago what it holds last changed, as billing told by that day; the first purchase is no change."""
    ages = {name: (day - held.since).days for name, held in account.holdings.items()}
    later = [age for age in ages.values() if account.tenure_days is not None and account.tenure_days - age > BEGINNING]
    yield "changed_ago", log1p(max(0, min(later))) if later else None
    yield "changes_365", float(sum(age <= 365 for age in later))
    yield "plan_changed_ago", log1p(max(0, ages[account.plan])) if account.plan in ages else None


def outcomes(pairs: Pairs, history: Mapping[str, Sequence[Owned]], catalogue: Catalogue, horizon: int) -> Pairs:
    """Set who adopted what within the horizon after each row's day, as billing later told."""
    adopted = np.zeros(len(pairs), np.int8)
    order = np.argsort(pairs.account, kind="stable")
    ends = np.searchsorted(pairs.account[order], np.arange(len(pairs.accounts) + 1))
    for at, name in enumerate(pairs.accounts):
        owned = history.get(name, ())
        if not owned:
            continue
        for row in order[ends[at] : ends[at + 1]]:
            offer, day = pairs.offers[pairs.offer[row]], int(pairs.day[row])
            adopted[row] = has_adopted(offer, catalogue.offers[offer], owned, day, day + horizon, catalogue)
    return replace(pairs, adopted=adopted)


def has_adopted(name: str, offer: Offer, owned: Sequence[Owned], day: int, end: int, catalogue: Catalogue) -> bool:
    if offer.adds_to is None:
        return any(one.offer == name and day < one.since <= end for one in owned)
    grown = catalogue.plans if offer.adds_to == "plan" else (offer.adds_to,)
    before = sum(one.quantity for one in owned if one.offer in grown and one.since <= day < one.until)
    starts = {one.since for one in owned if one.offer in grown and day < one.since <= end}
    return before > 0 and any(
        sum(one.quantity for one in owned if one.offer in grown and one.since <= start < one.until) > before
        for start in starts
    )


def adopted_anything(owned: Sequence[Owned], day: int, end: int, catalogue: Catalogue) -> bool:
    """Tell whether an account took what it did not have on a day: an offer, a higher plan, or more of something."""
    plans, held = list(catalogue.plans), {one.offer for one in owned if one.since <= day < one.until}
    highest = max((plans.index(name) for name in held if name in plans), default=-1)
    return any(
        has_adopted(name, offer, owned, day, end, catalogue)
        for name, offer in catalogue.offers.items()
        if offer.need and offer.recurring and (plans.index(name) > highest if name in plans else name not in held)
    )


def popularity(pairs: Pairs, train: NDArray[Any]) -> Floats:
    """Share of adoptions of each row's offer among rows that are learnt from."""
    counts: Whole = np.bincount(pairs.offer[train], minlength=len(pairs.offers)).astype(np.int32)
    adopted = np.bincount(pairs.offer[train], pairs.adopted[train] == 1, len(pairs.offers))
    return np.asarray(((adopted + 0.5) / (counts + 1))[pairs.offer])
