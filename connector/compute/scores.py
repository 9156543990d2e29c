"""Signals → scores: which offer meets a need, how much of it, what it adds per month, and how likely it is.

A need names what a customer lacks, not what to sell: the lowest plan that clears the limit, as many seats as the
trend will ask for, a larger pack. What a customer pays extra is priced on its own price list, currency and interval;
discounts that every item of it enjoys for good are kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from math import ceil
from typing import Any

from connector.domain.catalogue import Catalogue, Offer
from connector.domain.features import AccountFeatures, MetricFeatures
from connector.domain.intent import Contribution
from connector.domain.money import FxTable, Money, round_minor
from connector.domain.policy import GatesPolicy, Sizing
from connector.domain.pricing import Price, monthly
from connector.domain.score import Card, Score, scorecard
from connector.domain.signal import Signal

PriceRow = Mapping[str, Any]
FORESEEABLE_DAYS = 365
"""A trend is not followed further than this."""


@dataclass(frozen=True)
class PriceList:
    """Prices by id, and by offer, currency and interval the newest that is still sold."""

    by_id: Mapping[str, Price]
    on_sale: Mapping[tuple[str, str, str], Price]

    @classmethod
    def of(cls, rows: Sequence[PriceRow]) -> PriceList:
        """Read canonical price rows."""
        by_id = {row["price_id"]: Price.from_json(row["spec"]) for row in rows}
        oldest_first = sorted(rows, key=lambda row: (str(row["created_at"] or ""), row["price_id"]))
        on_sale = {
            (row["offer_id"], row["currency"], row["interval"] or ""): by_id[row["price_id"]]
            for row in oldest_first
            if row["active"] and row["recurring"] and row["offer_id"] and (row["interval_count"] or 1) == 1
        }
        return cls(by_id, on_sale)

    def find(self, offer: str, currency: str, interval: str | None) -> Price | None:
        """The price of an offer in a currency: at the interval given, else per month, else per year."""
        for wanted in (interval or "month", "month", "year"):
            if price := self.on_sale.get((offer, currency, wanted)):
                return price
        return None


@dataclass(frozen=True)
class Recommended:
    """An offer, how much of it, and what it adds per month."""

    quantity: int
    delta_mrr: Money | None
    limit_on: date | None


def score_account(
    account: AccountFeatures,
    metrics: Mapping[str, MetricFeatures],
    signals: Sequence[Signal],
    catalogue: Catalogue,
    prices: PriceList,
    policy: GatesPolicy,
    fx: FxTable,
    today: date,
) -> Iterator[Score]:
    """Score every offer that some signal of the account points to."""
    context = [signal for signal in signals if not signal.needs]
    signals = [*signals, *through_plan(signals, account, catalogue, policy)]
    for need in dict.fromkeys(need for signal in signals if signal.kind != "context" for need in signal.needs):
        pointing = [signal for signal in signals if need in signal.needs]
        read = [metrics[signal.metric] for signal in pointing if signal.metric is not None]
        pressed = [metric for metric in dict.fromkeys(read) if metric.limit is not None]
        for name in offers_for(need, account, pressed, catalogue):
            card = weigh([*pointing, *bearing(context, pointing)], policy)
            made = recommend(name, account, pressed, catalogue, prices, policy.sizing, today)
            yield _score(account, name, need, card, made, pointing, policy, fx, today)


def through_plan(
    signals: Sequence[Signal], account: AccountFeatures, catalogue: Catalogue, policy: GatesPolicy
) -> Iterator[Signal]:
    """Let a need for a module that the plan cannot carry point to the plan that can."""
    if account.plan is None:
        return
    above = catalogue.plans[list(catalogue.plans).index(account.plan) + 1 :]
    for signal in signals:
        offers = [catalogue.offers[name] for need in signal.needs for name in catalogue.for_need(need)]
        if not offers or any(not offer.sold_with or account.plan in offer.sold_with for offer in offers):
            continue
        carrying = next((plan for plan in above if any(plan in offer.sold_with for offer in offers)), None)
        need = catalogue.offers[carrying].need if carrying else None
        if need is not None:
            yield replace(signal, needs=(need,), weight=signal.weight * policy.through_plan)


def bearing(context: Sequence[Signal], pointing: Sequence[Signal]) -> Iterator[Signal]:
    """Keep the context that concerns a need: what is said of a metric only where that metric points to the need."""
    metrics = {signal.metric for signal in pointing}
    return (signal for signal in context if signal.metric is None or signal.metric in metrics)


def weigh(signals: Sequence[Signal], policy: GatesPolicy) -> Card:
    """Add up what each signal says; the same rule on two metrics counts once, at its strongest."""
    strongest: dict[str, Signal] = {}
    for signal in sorted(signals, key=lambda one: (-abs(one.term), one.metric or "", str(one.evidence))):
        strongest.setdefault(signal.id, signal)
    terms = [Contribution(signal.id, signal.term, signal.evidence) for signal in strongest.values()]
    return scorecard(policy.base_rate, terms, policy.p_bounds)


def offers_for(
    need: str, account: AccountFeatures, pressed: Sequence[MetricFeatures], catalogue: Catalogue
) -> tuple[str, ...]:
    """Offers that meet a need: of the plans only the lowest above the current one that clears every limit met."""
    names = catalogue.for_need(need)
    plans = [name for name in names if name in catalogue.plans]
    others = tuple(name for name in names if name not in catalogue.plans)
    if not plans or account.plan is None:
        return others
    ladder = list(catalogue.plans)
    above = [plan for plan in ladder[ladder.index(account.plan) + 1 :] if plan in plans]
    clearing = [plan for plan in above if all(_clears(plan, metric, catalogue) for metric in pressed)]
    best = clearing[:1] or above[-1:]
    return (*best, *others)


def _clears(plan: str, metric: MetricFeatures, catalogue: Catalogue) -> bool:
    described = catalogue.metrics.get(metric.metric)
    if described is None or described.limit is None or plan not in described.limit.by_plan:
        return True
    ceiling = described.limit.by_plan[plan]
    return ceiling is None or ceiling > metric.pace


def recommend(
    name: str,
    account: AccountFeatures,
    pressed: Sequence[MetricFeatures],
    catalogue: Catalogue,
    prices: PriceList,
    sizing: Sizing,
    today: date,
) -> Recommended:
    """How much of an offer to propose, and what it adds per month."""
    offer = catalogue.offers[name]
    quantity = _quantity(offer, account, pressed, catalogue, sizing)
    waits = [(metric.data_to, metric.days_to_limit) for metric in pressed]
    dates = [told + timedelta(days=ceil(days)) for told, days in waits if days is not None and days < FORESEEABLE_DAYS]
    return Recommended(
        quantity=quantity,
        delta_mrr=delta_mrr(name, quantity, account, catalogue, prices),
        limit_on=max(min(dates), today) if dates else None,
    )


def _quantity(
    offer: Offer, account: AccountFeatures, pressed: Sequence[MetricFeatures], catalogue: Catalogue, sizing: Sizing
) -> int:
    match offer.quantity:
        case "one":
            return 1
        case "same":
            return max(1, ceil(account.seats or 1))
        case "seats":
            held = _held(offer, account)
            pack = catalogue.offers[held].pack if held else 1
            owned = account.holdings[held].quantity if held else 0.0
            wanted = max((expected(metric, sizing) for metric in pressed), default=0.0)
            # Rounded first: 50 × 1.1 is a hair above 55, which is no 56th seat.
            return max(1, ceil(round(wanted * (1 + sizing.headroom) / pack - owned, 6)))


def expected(metric: MetricFeatures, sizing: Sizing) -> float:
    """What will be used at the horizon: today's use plus its trend, bounded; a season is no trend."""
    growth = 0.0
    if metric.growth_year is not None:
        growth = metric.growth_year * sizing.horizon_days / 365
    elif metric.mean_90 > 0 and metric.slope_90 is not None:
        growth = metric.slope_90 * sizing.horizon_days / metric.mean_90
    return metric.pace * (1 + min(max(growth, 0.0), sizing.growth_cap))


def _held(offer: Offer, account: AccountFeatures) -> str | None:
    """The holding that an offer adds to."""
    name = account.plan if offer.adds_to == "plan" else offer.adds_to
    return name if name in account.holdings else None


def delta_mrr(
    name: str, quantity: int, account: AccountFeatures, catalogue: Catalogue, prices: PriceList
) -> Money | None:
    """What the customer would pay more per month; None when no price is known in its currency."""
    currency, offer = account.currency, catalogue.offers[name]
    if currency is None:
        return None
    if offer.adds_to is not None:
        return _more_of(offer, quantity, account, catalogue, prices)
    price = prices.find(name, currency, account.interval) or _listed(offer, currency)
    if price is None:
        return None
    added = monthly(price, quantity) * standing_discount(account)
    if name in catalogue.plans and account.plan is not None:
        added -= account.holdings[account.plan].mrr_minor
    return Money(round_minor(added), currency)


def _more_of(
    offer: Offer, quantity: int, account: AccountFeatures, catalogue: Catalogue, prices: PriceList
) -> Money | None:
    """More of something held is priced along its own price, tiers included."""
    held = _held(offer, account)
    if held is None:
        return None
    holding = account.holdings[held]
    price = prices.by_id.get(holding.price_id or "") or _listed(catalogue.offers[held], holding.currency)
    if price is None:
        return None
    added = monthly(price, holding.quantity + quantity) - monthly(price, holding.quantity)
    return Money(round_minor(added * standing_discount(account)), holding.currency)


def _listed(offer: Offer, currency: str) -> Price | None:
    """The catalogue's own price, for billing systems without a price list."""
    if currency not in offer.list_price:
        return None
    return Price(currency=currency, unit_amount=Decimal(offer.list_price[currency]))


def standing_discount(account: AccountFeatures) -> Fraction:
    """Share of the list price that is paid, where every item of the account enjoys the same discount for good.

    A discount on one item is that item's; an amount off is spent already. Neither carries over to what is added.
    """
    paid = [(h.mrr_minor, h.list_mrr_minor) for h in account.holdings.values() if h.list_mrr_minor > 0]
    if not paid:
        return Fraction(1)
    shares = [Fraction(mrr, listed) for mrr, listed in paid]
    # Amounts are whole minor units, so equal percentages differ by a rounding.
    alike = max(shares) - min(shares) <= max(Fraction(1, listed) for _, listed in paid)
    return min(Fraction(1), Fraction(sum(m for m, _ in paid), sum(li for _, li in paid))) if alike else Fraction(1)


def _score(
    account: AccountFeatures,
    name: str,
    need: str,
    card: Card,
    made: Recommended,
    pointing: Sequence[Signal],
    policy: GatesPolicy,
    fx: FxTable,
    today: date,
) -> Score:
    added = made.delta_mrr
    reported = None if added is None else fx.convert(added, policy.reporting_currency, today)
    return Score(
        account_id=account.account_id,
        offer=name,
        need=need,
        quantity=made.quantity,
        p=card.p,
        base=card.base,
        contributions=card.contributions,
        delta_mrr=added,
        reported=reported,
        value=0 if reported is None else round_minor(Fraction(card.p) * reported.minor),
        data_to=max(signal.data_to for signal in pointing),
        limit_on=made.limit_on,
        signals=tuple(dict.fromkeys(signal.id for signal in pointing)),
    )
