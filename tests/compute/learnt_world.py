"""A card learnt on an invented base: who has many seats adopts, and a rule that speaks tells a little."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

import numpy as np

from connector.compute.propensity_challenge import challenge
from connector.compute.propensity_fit import fit
from connector.compute.propensity_pairs import Pairs
from connector.compute.propensity_rows import EPOCH, Rows
from connector.domain.catalogue import Catalogue
from connector.domain.features import AccountFeatures, Holding
from connector.domain.intent import Contribution
from connector.domain.propensity import Card, Learnt
from connector.domain.score import Score
from connector.services.learnt import hash_of

DAY = date(2026, 6, 1)


def account_of(id: str, seats: float, plan: str) -> AccountFeatures:
    """A subscribed account in good order."""
    held = Holding(plan, seats, 100, 100, "EUR", DAY)
    return AccountFeatures(id, plan=plan, seats=seats, subscribed=True, holdings={plan: held}, tenure_days=400)


def score_of(id: str, offer: str, signals: Sequence[str], p: float = 0.1) -> Score:
    """A score of which each signal takes its part."""
    told = tuple(Contribution(name, 0.7, {"en": f"{name} speaks"}) for name in signals)
    return Score(id, offer, "need", 1, p, -3.0, told, None, 0, DAY)


def pairs_of_company(catalogue: Catalogue, signals: Sequence[str], accounts: int = 400, strength: float = 3.0) -> Pairs:
    """Pairs of an invented company on one day, with what was adopted."""
    rng, plan = np.random.default_rng(5), catalogue.plans[0]
    seats = np.exp(rng.normal(3.0, 1.0, accounts)).round() + 1
    people = [account_of(f"a{at:04d}", float(one), plan) for at, one in enumerate(seats)]
    rows = Rows(catalogue, tuple(signals), ("seat_limit_reached",), 0.03)
    scores = [score_of(one.account_id, rows.offers[0], signals[:1]) for one in people[::3]]
    rows.add(DAY - timedelta(days=200), people, {}, {}, scores)
    pairs = rows.pairs()
    many = np.log(np.array([people[at].seats or 1 for at in pairs.account])) - 3.0
    adopted = rng.random(len(pairs)) < 1 / (1 + np.exp(2.0 - strength * many))
    return replace(pairs, adopted=adopted.astype(np.int8))


def card_of_company(catalogue: Catalogue, signals: Sequence[str]) -> Card:
    """A card with evidence."""
    return fit(pairs_of_company(catalogue, signals))


def card_with_trees(catalogue: Catalogue, signals: Sequence[str], accounts: int = 200) -> Card:
    """A card that trees won: over eight months, who is large and new or, more seldom, small and old adopts."""
    rng, plan = np.random.default_rng(6), catalogue.plans[0]
    rows = Rows(catalogue, tuple(signals), ("seat_limit_reached",), 0.03)
    size, age = {}, {}
    for month in range(8):
        day = DAY - timedelta(days=30 * (11 - month))
        seats, tenure = np.exp(rng.normal(3.0, 1.0, accounts)).round() + 1, rng.integers(30, 800, accounts)
        people = [
            replace(account_of(f"a{at:04d}", float(seats[at]), plan), tenure_days=int(tenure[at]))
            for at in range(accounts)
        ]
        rows.add(day, people, {}, {}, [score_of(one.account_id, rows.offers[0], signals[:1]) for one in people[::3]])
        for one in people:
            at = rows.accounts.of(one.account_id), day.toordinal() - EPOCH
            size[at], age[at] = one.seats or 1, one.tenure_days or 0
    pairs = rows.pairs()
    at = list(zip(pairs.account.tolist(), pairs.day.tolist(), strict=True))
    is_large, is_old = (np.array([of[one] > least for one in at]) for of, least in ((size, 20), (age, 400)))
    chance = np.where(is_large == is_old, 0.03, np.where(is_large, 0.5, 0.3))
    adopted = rng.random(len(pairs)) < chance
    return fit(replace(pairs, adopted=adopted.astype(np.int8)), challenge=challenge)


def learnt_of(card: Card) -> Learnt:
    """A card as the state folder keeps it."""
    return Learnt(card, hash_of(card), DAY.isoformat(), {"segment": "billing tells an account as it is now"})
