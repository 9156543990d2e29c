"""Signals → scores: how likely each pointed-to offer is, and what it is worth, per billing account."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from operator import attrgetter

from connector.compute.added import PriceList
from connector.compute.propensity_daily import misfit, with_card
from connector.compute.scores import score_account
from connector.domain.catalogue import Catalogue
from connector.domain.money import FxTable
from connector.domain.policy import GatesPolicy
from connector.domain.propensity import Card
from connector.domain.score import Score
from connector.domain.uncollected import uncollected
from connector.services.measure import Measured


@dataclass(frozen=True)
class Scores:
    """One score per (billing account, offer) that some signal points to, best value first."""

    as_of: datetime
    scores: tuple[Score, ...]


@uncollected()
def score(
    measured: Measured,
    catalogue: Catalogue,
    policy: GatesPolicy,
    fx: FxTable,
    today: date | None = None,
    card: Card | None = None,
) -> Scores:
    """Score every account on the prices known at the moment it was measured; `today` is its day, else that in UTC.

    Without a card, or with one of another catalogue, the scorecard alone speaks.
    """
    prices, today = PriceList.of(measured.prices), today or measured.as_of.date()
    made: list[Score] = []
    for account_id, some in groupby(measured.signals, key=attrgetter("account_id")):
        found = list(some)
        account, metrics = measured.accounts[account_id], measured.metrics.get(account_id, {})
        made += score_account(account, metrics, found, catalogue, prices, policy, fx, today)
    if card is not None and misfit(card, catalogue) is None:
        read = measured.accounts, measured.metrics, measured.events
        made = list(with_card(made, measured.as_of.date(), *read, catalogue, policy, card))
    made.sort(key=attrgetter("account_id", "offer"))
    made.sort(key=attrgetter("value"), reverse=True)
    return Scores(measured.as_of, tuple(made))
