"""What the scores would have been worth on the customers' own history, before the first task is written.

Rolling origin: each month is judged by a model whose outcomes were closed when the month began (embargo), always beside
what needs no model: popularity, the scorecard, and the model of the month before. Without a model (too early, too
few outcomes, no evidence) scores are the scorecard's, as in the daily run. Intervals resample accounts, not rows.
A model's penalties cost more to choose than it costs to fit. They are chosen on some of the accounts, by what the
month itself or an earlier one knew, and anew where there is four times the history; `train` chooses them each time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from connector.compute.propensity_blend import logit_of
from connector.compute.propensity_fit import choose_penalties, fit
from connector.compute.propensity_judge import auc, ece, log_loss
from connector.compute.propensity_pairs import Floats, Pairs
from connector.compute.propensity_predict import predict
from connector.compute.propensity_ridge import Penalties
from connector.compute.propensity_rows import popularity
from connector.domain.catalogue import Catalogue
from connector.domain.errors import MendError
from connector.domain.outcome import Outcome
from connector.domain.propensity import HORIZON_DAYS, LEAST_ADOPTIONS, Card, Evidence
from connector.ports.billing import Warehouse
from connector.services.propensity_history import (
    Relabel,
    Rulebook,
    billing_alone,
    day_of,
    lot,
    month_days,
    past_pairs,
    thinned,
    unasked,
)

LEAST_TO_JUDGE = 30
LEARNT_FROM = 60_000
AGAIN, CHOSEN_ON = 4, 15_000
"""Penalties are chosen anew on so many times the months, and on so many rows."""
AT_ONCE = 8_000
RESAMPLED, LOOKED_AT = 300, 20
TOO_FEW = "too few to judge"
RANKERS = ("model", "last model", "scorecard", "popularity")
Tell = Callable[[str, int], None]


@dataclass(frozen=True)
class Ask:
    """What to judge: so many months, so many pairs a month that the team can work."""

    months: int = 12
    top: int = 50
    horizon: int = HORIZON_DAYS


def backtest(
    warehouse: Warehouse,
    book: Rulebook,
    now: datetime,
    ask: Ask,
    tell: Tell = lambda *_: None,
    outcomes: Sequence[Outcome] = (),
) -> dict[str, Any]:
    """Judge the last months whose outcomes are known."""
    days = month_days(now - timedelta(days=ask.horizon), ask.months)
    past = past_pairs(warehouse, book, days, now, ask.horizon, tell, outcomes)
    if past is None:
        raise MendError("no billing history so far", hint="`connector plan` pulls it and writes nothing to the CRM")
    pairs = past.pairs.known()  # a month that is half told would be judged by the half that was decided
    worth = list_prices(pairs, book.catalogue, book.policy.reporting_currency)
    without = unasked(warehouse, book, days[0], now)
    return {
        "as_of": now.date().isoformat(),
        "months": ask.months,
        "top": ask.top,
        "horizon_days": ask.horizon,
        "rules_left_out": list(without.rules),
        "features_left_out": dict(without.features),
        "share": past.share,
        **judged(pairs, worth, _of_share(ask, past.share), past.relabel, day_of(now), tell),
    }


def _of_share(ask: Ask, share: float) -> Ask:
    """What the team can work of a part of the customers."""
    return replace(ask, top=max(1, round(ask.top * share)))


def list_prices(pairs: Pairs, catalogue: Catalogue, currency: str) -> Floats:
    """What each row would bring a month at the list price; more of something is priced as one of it."""
    prices = np.array([float(catalogue.offers[name].list_price.get(currency, 0)) for name in pairs.offers])
    usual = float(np.median(prices[prices > 0])) if (prices > 0).any() else 1.0
    per_seat = np.array([catalogue.offers[name].quantity == "same" for name in pairs.offers])
    seats = next((column.values for column in pairs.columns if column.name == "seats"), np.ones(len(pairs)))
    many = np.where(per_seat[pairs.offer], np.nan_to_num(seats, nan=1.0), 1.0)
    return np.asarray(np.where(prices > 0, prices, usual)[pairs.offer] * many)


def judged(
    pairs: Pairs,
    worth: Floats,
    ask: Ask,
    relabel: Relabel = billing_alone,
    last: int = 0,
    tell: Tell = lambda *_: None,
) -> dict[str, Any]:
    """Judge every day by models of earlier ones, and all days together; truth is what is known on the day `last`."""
    windows, pooled = [], []
    truth = relabel(pairs, last)[0]
    for day, test, ranked, card in _windows(pairs, truth, ask, relabel, tell):
        y = test.adopted.astype(float)
        found: dict[str, Any] = {
            "day": day.isoformat(),
            "rows": len(test),
            "positives": int(y.sum()),
            "evidence": str(card.evidence) if card else str(Evidence.PRIOR_ONLY),
            "weight": card.blend.weight if card and card.evidence is Evidence.MODEL else 0.0,
        }
        if y.sum() < LEAST_TO_JUDGE:
            windows.append(found | {"verdict": TOO_FEW})
            continue
        mine = worth[(truth.day == test.day[0]) & (truth.adopted >= 0)]
        told = {who: _figures(p, test, mine, ask.top, is_p=who != "popularity") for who, p in ranked.items()}
        windows.append(found | {"rankers": told})
        pooled.append((ranked["model"], ranked["scorecard"], y))
    together = _together(windows)
    return {"windows": windows, "together": together, "calibration": _deciles(pooled), "verdict": _verdict(together)}


def _windows(
    pairs: Pairs, truth: Pairs, ask: Ask, relabel: Relabel, tell: Tell
) -> Iterator[tuple[date, Pairs, dict[str, Floats], Card | None]]:
    before: Card | None = None
    models = _Models(ask.horizon)
    for day in np.unique(pairs.day):
        mine = np.flatnonzero((truth.day == day) & (truth.adopted >= 0))
        if not len(mine):
            continue
        as_of = date(1970, 1, 1) + timedelta(days=int(day))
        tell(f"judging {as_of}", 0)
        test = truth.take(mine)
        closed = np.flatnonzero((pairs.day <= day - ask.horizon) & (pairs.adopted >= 0))
        card = models.learnt(_labelled(pairs, closed, relabel, int(day) - 1))
        prior = np.full(len(test), 0.02) if test.prior is None else test.prior
        ranked = {"model": _scored(card, test, prior), "scorecard": prior}
        if before is not None:
            ranked["last model"] = _scored(before, test, prior)
        if len(closed):
            ranked["popularity"] = popularity(pairs, closed)[mine]
        before = card
        yield as_of, test, ranked, card


@dataclass
class _Models:
    """Learns month after month; penalties are an earlier month's until there is much more history."""

    horizon: int
    penalties: Penalties | None = None
    months: int = 0

    def learnt(self, train: Pairs) -> Card | None:
        """The card of a month; None where too few adopted."""
        if train.adopted.sum() < LEAST_ADOPTIONS:
            return None
        months = len(np.unique(train.day))
        if months >= AGAIN * self.months:
            self.penalties, self.months = choose_penalties(thinned(train, CHOSEN_ON)), months
        return fit(train, self.horizon, penalties=self.penalties)


def _labelled(pairs: Pairs, closed: NDArray[np.intp], relabel: Relabel, until: int) -> Pairs:
    """Rows to learn from, with the labels of a day; features, most of the memory, are copied of no others."""
    labels = relabel(replace(pairs, columns=()).take(closed), until)[0]
    known = np.flatnonzero(labels.adopted >= 0)
    kept = known[lot(labels.take(known), LEARNT_FROM)]
    return replace(pairs.take(closed[kept]), adopted=labels.adopted[kept])


def _scored(card: Card | None, test: Pairs, prior: Floats) -> Floats:
    """Score rows in pieces: the terms of each take more memory than the row itself."""
    if card is None or card.evidence is not Evidence.MODEL:
        return prior
    pieces = np.array_split(np.arange(len(test)), len(test) // AT_ONCE + 1)
    return np.concatenate([predict(card, test.take(rows)).p for rows in pieces])


def _figures(p: Floats, test: Pairs, worth: Floats, top: int, is_p: bool) -> dict[str, Any]:
    y = test.adopted.astype(float)
    tenth = max(1, len(y) // 10)
    rate, first = float(y.mean()), _first(p, tenth)
    found = auc(p, y, test.account)
    chosen = _first(p, top)
    low, high = _resampled(p, y, test, top)
    told = {
        "precision": float((chosen * y).sum() / min(top, len(y))),
        "precision_low": low,
        "precision_high": high,
        "lift_10": float((first * y).sum() / tenth / rate),
        "value_captured": float((chosen * y * worth).sum() / max(1.0, (y * worth).sum())),
        "auc": found.value if found else None,
        "auc_low": found.low if found else None,
        "auc_high": found.high if found else None,
    }
    if is_p:
        logit = logit_of(p)
        told |= {"log_loss": log_loss(logit, y), "ece": ece(logit, y)}
    return told


def _first(p: Floats, top: int) -> Floats:
    """How much of each row is among the first: of a tie at the edge each takes its part."""
    top = min(top, len(p))
    edge = np.partition(p, len(p) - top)[len(p) - top]
    above, tied = p > edge, p == edge
    return np.asarray(above + tied * ((top - above.sum()) / tied.sum()))


def _resampled(p: Floats, y: Floats, test: Pairs, top: int) -> tuple[float, float]:
    """95 % of what the precision would have been with other accounts of the same kind."""
    rng = np.random.default_rng(0)
    tie = rng.random(len(p))
    order = np.lexsort((tie, -p))[: top * LOOKED_AT]
    account, adopted = test.account[order], y[order]
    place = np.unique(account, return_inverse=True)[1]
    made = []
    for _ in range(RESAMPLED):
        weight = rng.poisson(1.0, int(place.max()) + 1)[place]
        within = np.minimum(np.cumsum(weight), top)
        taken = np.diff(within, prepend=0)
        made.append(float((taken * adopted).sum() / max(1, taken.sum())))
    low, high = np.quantile(made, (0.025, 0.975))
    return float(low), float(high)


def _together(windows: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """Means over the months that could be judged and in which there was a model."""
    told = [one["rankers"] for one in windows if "rankers" in one and {"model", "popularity"} <= one["rankers"].keys()]
    made = {}
    for who in RANKERS:
        rows = [one[who] for one in told if who in one]
        names = sorted({name for row in rows for name, value in row.items() if value is not None})
        if rows:
            made[who] = {
                name: float(np.mean([row[name] for row in rows if row.get(name) is not None])) for name in names
            }
    return made


def _deciles(pooled: Sequence[tuple[Floats, Floats, Floats]]) -> dict[str, list[dict[str, float]]]:
    """By tenths of what was predicted: how much was, and how much happened."""
    if not pooled:
        return {}
    y = np.concatenate([one[2] for one in pooled])
    made = {}
    for at, who in enumerate(("model", "scorecard")):
        p = np.concatenate([one[at] for one in pooled])
        parts = np.array_split(np.argsort(p, kind="stable"), 10)
        made[who] = [
            {"predicted": float(p[rows].mean()), "happened": float(y[rows].mean()), "rows": len(rows)} for rows in parts
        ]
    return made


def _verdict(together: Mapping[str, Mapping[str, float]]) -> str:
    if "model" not in together:
        return f"{TOO_FEW}: no month has {LEAST_TO_JUDGE} adoptions and a model before it"
    ours, rules = together["model"]["precision"], together["scorecard"]["precision"]
    popular = together.get("popularity", {}).get("precision", 0.0)
    beside = f"ranked by the rules alone {rules:.0%}, by popularity {popular:.0%}"
    return f"of the pairs worked each month {ours:.0%} would have adopted; {beside}"
