"""The truth behind the demo company: what each account needs, and how likely it was to buy, month by month.

Kept apart on purpose. History is a draw from these probabilities, so a score can later be judged against what was
really likely. Three of the drivers (a champion's strength, the budget cycle, a competitor inside the account) leave
no trace in billing, usage, events or CRM: no rule can see them. Only `truth_table` lets any of this out.

A month's hazard is spread evenly over its days; leaving competes with buying. So the probability of buying within
90 days follows exactly from the hazards, and the draw of the history uses the same ones.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from connector.sandbox.company.accounts import stream
from connector.sandbox.company.calendar import HORIZON, days_in
from connector.sandbox.company.catalogue import ENVELOPES_PER_PACK, LIMITS, MODULES, NEEDS_PRO
from connector.sandbox.company.model import Account, Company

WINDOW_DAYS = 90
OFFERS = ("seats", "prod_pro", "prod_enterprise", *MODULES, "signature_pack")
Months = NDArray[np.float64]

# How often an industry comes to need a module; the rest follows from the default.
_LIKELY = {
    ("prod_mobile", "construction"): 0.32,
    ("prod_mobile", "logistics"): 0.32,
    ("prod_mobile", "healthcare"): 0.22,
    ("prod_signature", "legal"): 0.38,
    ("prod_signature", "consulting"): 0.26,
    ("prod_signature", "accounting"): 0.26,
    ("prod_accounting_sync", "accounting"): 0.38,
    ("prod_accounting_sync", "retail"): 0.26,
    ("prod_analytics", "retail"): 0.29,
    ("prod_analytics", "manufacturing"): 0.26,
    ("prod_automation", "manufacturing"): 0.26,
    ("prod_automation", "logistics"): 0.22,
    ("prod_sms", "healthcare"): 0.26,
}
_LIKELY_ELSE = 0.085
_BASE = {"seats": -3.4, "prod_pro": -4.5, "prod_enterprise": -4.4, "signature_pack": -3.6}
_BASE_MODULE = -3.9
_SLOPE = {"seats": 5.0, "signature_pack": 5.0}


@dataclass(frozen=True, eq=False)
class Drivers:
    """What moves one account, month by month; none of it depends on what the account buys."""

    users: Months
    documents: Months
    api_calls: Months
    envelopes: Months
    champion: Months
    budget_open: Months
    competitor: Months
    unhealthy: Months
    needs: dict[str, Months] = field(default_factory=dict)

    def leaving(self, month: int) -> float:
        """The chance that the account gives notice in a month."""
        return 0.004 + 0.06 * float(self.unhealthy[month])


@dataclass(frozen=True, slots=True)
class TruthRow:
    """One account and offer at the start of a month: what was true, and what then happened."""

    account: str
    offer: str
    month: date
    need: float
    champion: float
    budget_open: bool
    competitor: bool
    unhealthy: bool
    p_adopt_90d: float
    adopted_on: date | None

    @property
    def adopted_90d(self) -> bool:
        """Whether the offer was bought within the 90 days that begin with the month."""
        return self.adopted_on is not None and self.adopted_on < self.month + timedelta(days=WINDOW_DAYS)


def truth_table(company: Company) -> pa.Table:
    """The only way out for the truth; outcomes after the cut are included, for judging predictions made at it.

    `window_closed` tells the rows whose 90 days were over at the cut.
    """
    rows = company.truth
    closed = [row.month + timedelta(days=WINDOW_DAYS) <= company.as_of for row in rows]
    return pa.table(
        {
            "account_id": pa.array([row.account for row in rows], pa.string()),
            "offer": pa.array([row.offer for row in rows], pa.string()),
            "month": pa.array([row.month for row in rows], pa.date32()),
            "need": pa.array([row.need for row in rows], pa.float64()),
            "champion": pa.array([row.champion for row in rows], pa.float64()),
            "budget_open": pa.array([row.budget_open for row in rows], pa.bool_()),
            "competitor": pa.array([row.competitor for row in rows], pa.bool_()),
            "unhealthy": pa.array([row.unhealthy for row in rows], pa.bool_()),
            "p_adopt_90d": pa.array([row.p_adopt_90d for row in rows], pa.float64()),
            "adopted_90d": pa.array([row.adopted_90d for row in rows], pa.bool_()),
            "adopted_on": pa.array([row.adopted_on for row in rows], pa.date32()),
            "window_closed": pa.array(closed, pa.bool_()),
        }
    )


def draw_drivers(seed: int, account: Account) -> Drivers:
    """Draw one account's drivers for the whole horizon."""
    rng = stream(seed, "drivers", account.number)
    users = _users(rng, account)
    maturing = 1 + float(rng.uniform(0.01, 0.04)) * (rng.random() < 0.75)
    documents = users * float(rng.lognormal(3.1, 0.5)) * np.power(maturing, np.arange(HORIZON)) * _walk(rng, 0.04)
    uses_api = rng.random() < 0.5
    api_calls = documents * float(rng.lognormal(2.5, 1.0)) * _walk(rng, 0.06) * uses_api
    return Drivers(
        users=users,
        documents=documents,
        api_calls=api_calls,
        envelopes=users * float(rng.lognormal(1.4, 0.5)) * _walk(rng, 0.05),
        champion=_persistent(rng, 0.85),
        budget_open=_budget(rng),
        competitor=(np.arange(HORIZON) >= _onset(rng, 0.2)).astype(float),
        unhealthy=_unhealthy(rng),
        needs={module: _need(rng, _LIKELY.get((module, account.industry), _LIKELY_ELSE)) for module in MODULES},
    )


def limit_need(used: float, limit: int | None) -> float:
    """How much a limit presses: nothing below three quarters of it, all at 110 %."""
    if limit is None:
        return 0.0
    return min(1.0, max(0.0, (used / max(limit, 1) - 0.75) / 0.35))


def need_for(offer: str, drivers: Drivers, month: int, seats: int, packs: int) -> float:
    """How much an account needs an offer in a month, 0 to 1, given what it has."""
    month = min(month, HORIZON - 1)
    match offer:
        case "seats":
            return limit_need(float(drivers.users[month]), seats)
        case "signature_pack":
            return limit_need(float(drivers.envelopes[month]), packs * ENVELOPES_PER_PACK)
        case "prod_pro" | "prod_enterprise":
            limits = LIMITS["prod_starter" if offer == "prod_pro" else "prod_pro"]
            pressed = max(
                limit_need(float(drivers.documents[month]), limits.documents),
                limit_need(float(drivers.api_calls[month]), limits.api_calls),
            )
            if offer == "prod_enterprise":
                return pressed
            return max(pressed, *(0.75 * float(drivers.needs[module][month]) for module in NEEDS_PRO))
        case _:
            return float(drivers.needs[offer][month])


def hazard(offer: str, need: float, drivers: Drivers, month: int, renewal_near: bool) -> float:
    """The chance that an offer is bought in a month, for an account that may buy it."""
    month = min(month, HORIZON - 1)
    logit = (
        _BASE.get(offer, _BASE_MODULE)
        + _SLOPE.get(offer, 4.2) * (need - 0.5)
        + 0.7 * float(drivers.champion[month])
        + 0.9 * float(drivers.budget_open[month])
        + 0.5 * renewal_near
        - 1.2 * float(drivers.competitor[month])
        - 1.6 * float(drivers.unhealthy[month])
    )
    return 1.0 / (1.0 + math.exp(-logit))


def rate(chance: float, month: int) -> float:
    """The daily rate under which something happens within a month with a given chance."""
    return -math.log1p(-chance) / days_in(month)


def adoption_probability(month: int, buying: list[float], leaving: list[float]) -> float:
    """The chance to buy within 90 days of a month's start, before leaving; hazards are given from that month on."""
    left, staying, bought = WINDOW_DAYS, 1.0, 0.0
    for offset, (buy, leave) in enumerate(zip(buying, leaving, strict=True)):
        days = min(left, days_in(month + offset))
        buy_rate, leave_rate = rate(buy, month + offset), rate(leave, month + offset)
        total = buy_rate + leave_rate
        passing = math.exp(-total * days)
        bought += staying * (1 - passing) * buy_rate / total
        staying *= passing
        left -= days
    return bought


def _users(rng: np.random.Generator, account: Account) -> Months:
    """People who want to use the product: growing, steady or shrinking, with noise and now and then a hiring wave."""
    luck = rng.random()
    if luck < 0.36:
        growth = float(rng.uniform(0.01, 0.03))
    elif luck < 0.84:
        growth = float(rng.normal(0.001, 0.003))
    else:
        growth = -float(rng.uniform(0.006, 0.02))
    hiring = 1 + float(rng.uniform(0.1, 0.3)) * (np.arange(HORIZON) >= _onset(rng, 0.15))
    start = max(2.0, account.employees * float(rng.uniform(0.35, 0.8)))
    return start * np.power(1 + growth, np.arange(HORIZON)) * _walk(rng, 0.015) * hiring


def _walk(rng: np.random.Generator, step: float) -> Months:
    """A factor that wanders around one and is pulled back to it."""
    level, made = 0.0, []
    for shock in rng.normal(0, step, HORIZON):
        level = 0.9 * level + float(shock)
        made.append(math.exp(level))
    return np.array(made)


def _persistent(rng: np.random.Generator, memory: float) -> Months:
    """A standard normal level that remembers where it was."""
    level = float(rng.normal())
    made = []
    for shock in rng.normal(0, math.sqrt(1 - memory**2), HORIZON):
        made.append(level)
        level = memory * level + float(shock)
    return np.array(made)


def _budget(rng: np.random.Generator) -> Months:
    """Three months a year in which money is given out."""
    first = int(rng.integers(12))
    return np.array([float((month - first) % 12 < 3) for month in range(HORIZON)])


def _onset(rng: np.random.Generator, chance: float) -> int:
    """A month within the horizon at which something starts, or the horizon itself when it never does."""
    starts, month = rng.random() < chance, int(rng.integers(HORIZON))
    return month if starts else HORIZON


def _unhealthy(rng: np.random.Generator) -> Months:
    """Bad spells of a few months."""
    made = np.zeros(HORIZON)
    month = 2
    while month < HORIZON:
        if rng.random() < 0.02:
            length = int(rng.integers(4, 10))
            made[month : month + length] = 1.0
            month += length + 4
        month += 1
    return made


def _need(rng: np.random.Generator, likely: float) -> Months:
    """A need that sets in at some month and rises over half a year, on top of a low level that never goes away."""
    low, high = float(rng.uniform(0.02, 0.22)), float(rng.uniform(0.6, 0.97))
    sets_in = int(rng.integers(-12, HORIZON))
    comes = rng.random() < likely
    rise = np.clip((np.arange(HORIZON) - sets_in) / 6, 0.0, 1.0) * comes
    return np.asarray(low + (high - low) * rise)
