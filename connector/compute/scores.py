"""Signals → scores: which offer meets a need, how much of it, what it adds per month, and how likely it is.

A need names what a customer lacks, not what to sell: the lowest plan that clears the limit, as many seats as the
trend will ask for, a larger pack; `added` tells what that comes to.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from functools import lru_cache
from math import ceil

from connector.compute.added import PriceList, delta_mrr, held_offer, one_off_fees
from connector.compute.steps import cheaper_step
from connector.domain.catalogue import Catalogue, Offer
from connector.domain.features import AccountFeatures, MetricFeatures
from connector.domain.intent import Contribution
from connector.domain.money import FxTable, Money, share_of
from connector.domain.policy import GatesPolicy, Sizing
from connector.domain.score import Card, Score, Step, scorecard
from connector.domain.signal import Signal
from connector.domain.values import value

LEAST_OF_A_PACK = 2
"""Parts that something must point to before a pack is proposed instead of one of them."""
FORESEEABLE_DAYS = 365
"""A trend is not followed further than this."""
Terms = dict[int, Contribution]
"""What each signal of an account adds to a score, by its identity."""
Met = defaultdict[str, list[Signal]]
"""The signals of an account that bear on each need."""


@value
class Recommended:
    """An offer, how much of it, and what it adds per month."""

    quantity: int
    delta_mrr: Money | None
    limit_on: date | None
    one_off: tuple[tuple[str, Money], ...] = ()
    step: Step | None = None


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
    context, met, terms = [signal for signal in signals if not signal.needs], Met(list), Terms()
    for signal in (*signals, *through_plan(signals, account, catalogue, policy)):
        for need in dict.fromkeys(signal.needs):
            met[need].append(signal)
    for need, some in met.items():
        if not any(signal.points for signal in some):
            continue
        read = dict.fromkeys(signal.metric for signal in some if signal.metric is not None)
        pressed = [used for name in read if (used := metrics[name]).limit is not None]
        for name in offers_for(need, account, pressed, catalogue):
            heard = [signal for signal in some if signal.speaks_for(name)]
            card = weigh([*heard, *bearing(context, heard)], policy, terms)
            made = recommend(name, account, pressed, catalogue, prices, policy.sizing, today)
            if made.quantity > 0:
                yield _score(account, name, need, card, made, heard, policy, fx, today)
    for name in sorted(catalogue.packs):
        wanted = _wanted_of(name, account, met, catalogue)
        need_of_pack = catalogue.offers[name].need
        if need_of_pack is None or len(wanted) < LEAST_OF_A_PACK:
            continue
        # A pack sells no more easily than the part of it that is wanted least.
        cards = [weigh([*pointing, *bearing(context, pointing)], policy, terms) for pointing in wanted]
        made = recommend(name, account, [], catalogue, prices, policy.sizing, today)
        pointing = [signal for some in wanted for signal in some]
        yield _score(
            account, name, need_of_pack, min(cards, key=lambda card: card.p), made, pointing, policy, fx, today
        )


def _wanted_of(pack: str, account: AccountFeatures, met: Met, catalogue: Catalogue) -> list[list[Signal]]:
    """What points to each part of a pack that is not held yet, with what supports that part."""
    inside = [name for name in sorted(catalogue.contents(pack)) if name not in account.holdings]
    found = ([one for one in met.get(catalogue.offers[name].need or "", ()) if one.speaks_for(name)] for name in inside)
    return [some for some in found if any(one.points for one in some)]


def through_plan(
    signals: Sequence[Signal], account: AccountFeatures, catalogue: Catalogue, policy: GatesPolicy
) -> Iterator[Signal]:
    """Let a need for a module that the plan cannot carry point to the plan that can; what only supports, does not."""
    if account.plan is None:
        return
    for signal in signals:
        if signal.points and (need := catalogue.need_of_plan_for(signal.needs, account.plan)) is not None:
            yield replace(signal, needs=(need,), weight=signal.weight * policy.through_plan)


def bearing(context: Sequence[Signal], pointing: Sequence[Signal]) -> Iterator[Signal]:
    """Keep the context that concerns a need: what is said of a metric only where that metric points to the need."""
    metrics = {signal.metric for signal in pointing}
    return (signal for signal in context if signal.metric is None or signal.metric in metrics)


def weigh(signals: Sequence[Signal], policy: GatesPolicy, terms: Terms | None = None) -> Card:
    """Add up what each signal says; the same rule on two metrics counts once, at its strongest.

    `terms` is kept by whoever weighs the same signals for several offers.
    """
    strongest: dict[str, Signal] = {}
    for signal in signals:
        other = strongest.setdefault(signal.id, signal)
        if other is not signal and _rank(signal) < _rank(other):
            strongest[signal.id] = signal
    known = {} if terms is None else terms
    return scorecard(policy.base_rate, [_term(signal, known) for signal in strongest.values()], policy.p_bounds)


def _term(signal: Signal, known: Terms) -> Contribution:
    # By identity: a signal has no hash, and whoever keeps the terms keeps the signals.
    if id(signal) not in known:
        known[id(signal)] = Contribution(signal.id, signal.term, signal.evidence)
    return known[id(signal)]


def _rank(signal: Signal) -> tuple[float, str, str]:
    """The strongest first; where two are alike, what they say decides."""
    return -abs(signal.term), signal.metric or "", str(signal.evidence)


def offers_for(
    need: str, account: AccountFeatures, pressed: Sequence[MetricFeatures], catalogue: Catalogue
) -> tuple[str, ...]:
    """Offers that meet a need: of the plans only the lowest above the current one that clears every limit met."""
    others = catalogue.beside_plans(need)
    if len(others) == len(catalogue.for_need(need)) or account.plan is None:
        return others
    above = catalogue.plans_above(need, account.plan)
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
    """How much of an offer to propose, and what it adds per month; nothing of a step that is out of reach."""
    offer, step = catalogue.offers[name], None
    quantity = _quantity(offer, account, pressed, catalogue, sizing)
    if offer.quantity == "tier":
        quantity, step = cheaper_step(offer, quantity, account, prices, sizing)
    waits = [(metric.data_to, metric.days_to_limit) for metric in pressed]
    dates = [told + timedelta(days=ceil(days)) for told, days in waits if days is not None and days < FORESEEABLE_DAYS]
    return Recommended(
        quantity=quantity,
        delta_mrr=delta_mrr(name, quantity, account, catalogue, prices),
        limit_on=max(min(dates), today) if dates else None,
        one_off=one_off_fees(name, account.currency, catalogue, prices),
        step=step,
    )


def _quantity(
    offer: Offer, account: AccountFeatures, pressed: Sequence[MetricFeatures], catalogue: Catalogue, sizing: Sizing
) -> int:
    match offer.quantity:
        case "one":
            return 1
        case "same":
            return max(1, ceil(account.seats or 1))
        case "seats" | "tier":
            held = held_offer(offer, account)
            pack = catalogue.offers[held].pack if held else 1
            owned = account.holdings[held].quantity if held else 0.0
            wanted = max([expected(metric, sizing) for metric in pressed], default=0.0)
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
        value=0 if reported is None else share_of(card.p, reported.minor),
        data_to=max([signal.data_to for signal in pointing]),
        limit_on=made.limit_on,
        signals=_each_once(tuple([signal.id for signal in pointing])),
        one_off=made.one_off,
        step=made.step,
    )


@lru_cache(maxsize=10_000)
def _each_once(ids: tuple[str, ...]) -> tuple[str, ...]:
    """Many customers have the same signals, and every score keeps their names."""
    return tuple(dict.fromkeys(ids))
