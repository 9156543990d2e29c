"""Learns a card from billing history, and watches on outcomes whether its like was right in the last months.

Each month's first is measured as it was known then; whoever bought within the horizon is an adopter. Months whose
horizon is not over are left out, and so is what was owned or could not be sold; of those months only what was decided
in the CRM is learnt from. A month is watched by regressions on what was known when it began, the CRM's outcomes too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from connector.compute.propensity_challenge import challenge
from connector.compute.propensity_fit import fit
from connector.compute.propensity_pairs import Floats, Pairs
from connector.compute.propensity_predict import predict
from connector.domain.errors import MendError
from connector.domain.outcome import Outcome
from connector.domain.propensity import HORIZON_DAYS, LEAST_ADOPTIONS, Cohort, Evidence, Learnt
from connector.ports.billing import Warehouse
from connector.services.learnt import hash_of
from connector.services.propensity_history import (
    Relabel,
    Rulebook,
    billing_alone,
    decided_after,
    month_days,
    past_pairs,
    thinned,
    unasked,
)

WATCHED, WATCHED_ROWS = 3, 60_000
INTERVAL = 1.96
Tell = Callable[[str, int], None]


def train(
    warehouse: Warehouse,
    book: Rulebook,
    now: datetime,
    months: int,
    tell: Tell = lambda *_: None,
    outcomes: Sequence[Outcome] = (),
) -> Learnt:
    """Learn from the last months whose outcomes are known."""
    days = month_days(now - timedelta(days=HORIZON_DAYS), months)
    more = decided_after(days[-1], now, outcomes)
    past = past_pairs(warehouse, book, days, now, HORIZON_DAYS, tell, outcomes, more)
    if past is None:
        raise MendError("no billing history so far", hint="`connector plan` pulls it and writes nothing to the CRM")
    without = unasked(warehouse, book, days[0], now)
    return learn(past.pairs, now.date(), dict(without.features), without.rules, tell, past.relabel)


def learn(
    pairs: Pairs,
    today: date,
    left_out: dict[str, str],
    rules_left_out: tuple[str, ...],
    tell: Tell = lambda *_: None,
    relabel: Relabel = billing_alone,
) -> Learnt:
    """Fit a card on every row whose label is known, and look back at the last cohorts."""
    last = (today - date(1970, 1, 1)).days
    labelled, labels = relabel(pairs, last)
    tell("learning", 0)
    card = fit(thinned(labelled.known()), challenge=challenge)
    tell("looking back", 0)
    seen = tuple(cohorts(pairs.known(), HORIZON_DAYS, relabel, last)) if card.evidence is Evidence.MODEL else ()
    return Learnt(card, hash_of(card), today.isoformat(), left_out, rules_left_out, seen, labels)


def cohorts(
    closed: Pairs, horizon: int = HORIZON_DAYS, relabel: Relabel = billing_alone, last: int = 0
) -> Iterator[Cohort]:
    """The last months beside what a model of outcomes closed before each foretold; a month without one is left out.

    `closed`: rows whose horizon is over by the day `last`.
    """
    for day in np.unique(closed.day)[-WATCHED:]:
        before = relabel(closed.take(np.flatnonzero(closed.day <= day - horizon)), int(day) - 1)[0].known()
        if int(before.adopted.sum()) < LEAST_ADOPTIONS:
            continue
        card = fit(thinned(before, WATCHED_ROWS), horizon)
        if card.evidence is not Evidence.MODEL:
            continue
        test = relabel(closed.take(np.flatnonzero(closed.day == day)), last)[0].known()
        yield cohort(int(day), predict(card, test).p, test.adopted)


def cohort(day: int, p: Floats, adopted: NDArray[np.int8]) -> Cohort:
    """Set a month's outcomes beside what was foretold, within what chance would do."""
    foretold, spread = float(p.sum()), INTERVAL * sqrt(float((p * (1 - p)).sum())) + 0.5
    return Cohort(
        day=(date(1970, 1, 1) + timedelta(days=day)).isoformat(),
        rows=len(p),
        happened=int(adopted.sum()),
        predicted=round(foretold, 3),
        low=round(max(0.0, foretold - spread), 3),
        high=round(foretold + spread, 3),
    )
