"""Daily use of the product, as the vendor's own logs would count it.

Need shows in use: who needs a module works around its absence, and stops doing so once it is owned and used. A day
without use leaves no row. Draws span the whole horizon, so that a later cut only adds days.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from connector.sandbox.company.accounts import WORLD_START, stream
from connector.sandbox.company.calendar import HORIZON, month_of, month_start, working_level
from connector.sandbox.company.catalogue import ENVELOPES_PER_PACK, LIMITS
from connector.sandbox.company.history import Life
from connector.sandbox.company.model import ItemVersion

DAYS = (month_start(HORIZON) - WORLD_START).days
Days = NDArray[np.float64]
_MONTH_OF_DAY = np.array([month_of(WORLD_START + timedelta(days=day)) for day in range(DAYS)])
_SEASON = {
    "retail": (0.9, 0.85, 0.95, 1.0, 1.0, 1.0, 0.95, 0.9, 1.0, 1.05, 1.25, 1.3),
    "accounting": (1.15, 1.2, 1.3, 1.2, 1.1, 0.9, 0.8, 0.7, 0.9, 0.95, 0.95, 1.0),
    "education": (1.05, 1.05, 1.05, 1.0, 1.05, 1.0, 0.6, 0.5, 1.3, 1.2, 1.1, 0.9),
    "construction": (0.8, 0.85, 1.0, 1.1, 1.15, 1.15, 1.05, 0.8, 1.1, 1.1, 1.0, 0.75),
}
METRICS = {
    "active_seats": "gauge: people who worked with the product",
    "storage_gb": "gauge: gigabytes stored",
    "documents": "count: documents made; the plan includes so many a calendar month",
    "api_calls": "count: calls answered; the plan includes so many a calendar month",
    "api_overage": "count: calls past the plan's, where overage was bought",
    "envelopes": "count: envelopes signed with Signature; packs of a hundred a month",
    "sms_sent": "count: text messages, billed by the piece",
    "mobile_sessions": "count: sessions of the mobile app (Mobile)",
    "dashboard_views": "count: dashboards opened (Analytics)",
    "sync_runs": "count: bookings sent to accounting (Accounting sync)",
    "automation_runs": "count: steps done by rules (Automation)",
    "mobile_web_sessions": "count: the web product opened on a telephone, for want of Mobile",
    "reports_built": "count: reports put together by hand, for want of Analytics",
    "manual_exports": "count: exports for accounting by hand, for want of Accounting sync",
    "repetitive_actions": "count: the same action done again by hand, for want of Automation",
    "repetitive_minutes": "minutes: time spent on those actions",
    "manual_signatures": "count: documents sent out for signing by hand, for want of Signature",
}
"""Every metric and what its daily value means."""

OVERRUN = 1.12
"""How far past the documents of its plan an account gets by grace of the product."""


@dataclass(frozen=True, eq=False)
class Use:
    """One account's daily counts by metric, from the first day of the world; zero where nothing happened."""

    account: str
    metrics: dict[str, Days]

    def total(self, metric: str, start: date, end: date) -> int:
        """The sum from one day until before another."""
        values = self.metrics.get(metric)
        if values is None:
            return 0
        return int(values[(start - WORLD_START).days : (end - WORLD_START).days].sum())


def draw_use(seed: int, life: Life) -> Use:
    """Draw the daily use of an account over its life."""
    rng = stream(seed, "usage", life.account.number)
    draw = _Drawing(life, rng)
    drivers, seats = life.drivers, draw.seats()
    metrics = {"active_seats": draw.active_seats(seats)}
    documents_limit = draw.by_plan(lambda plan: LIMITS[plan].documents)
    wanted = drivers.documents[_MONTH_OF_DAY]
    metrics["documents"] = draw.count(np.minimum(wanted, documents_limit * OVERRUN))
    metrics |= draw.api_calls(draw.by_plan(lambda plan: LIMITS[plan].api_calls))
    grown = np.cumsum(metrics["documents"]) * float(rng.uniform(0.0004, 0.0016)) + float(rng.uniform(0.2, 2))
    metrics["storage_gb"] = np.round(grown * (draw.alive > 0), 2)
    metrics["envelopes"] = draw.envelopes()
    metrics["sms_sent"] = draw.count(drivers.users[_MONTH_OF_DAY] * 9, module="prod_sms")
    users = drivers.users[_MONTH_OF_DAY]
    around = draw.around_module
    metrics |= around("prod_mobile", "mobile_web_sessions", users * 14, "mobile_sessions", users * 22, 0.15)
    by_report = np.sqrt(users) * 30
    metrics |= around("prod_analytics", "reports_built", by_report, "dashboard_views", users * 9, 0.5)
    by_export = 20 + drivers.documents[_MONTH_OF_DAY] * 0.03
    metrics |= around("prod_accounting_sync", "manual_exports", by_export, "sync_runs", users * 0 + 130, 0.1)
    metrics |= around("prod_automation", "repetitive_actions", users * 25, "automation_runs", users * 30, 0.2)
    metrics["repetitive_minutes"] = np.round(metrics["repetitive_actions"] * float(rng.uniform(1.5, 6.0)))
    by_hand = drivers.envelopes[_MONTH_OF_DAY] * 0.6
    metrics |= around("prod_signature", "manual_signatures", by_hand, None, by_hand, 0.1)
    return Use(life.account.id, metrics)


def usage_table(uses: list[Use], as_of: date) -> pa.Table:
    """All use up to and including a day, ordered by account, metric and day."""
    accounts, days, metrics, values = [], [], [], []
    shown = (as_of - WORLD_START).days + 1
    for use in uses:
        for metric in sorted(use.metrics):
            daily = use.metrics[metric][:shown]
            used = np.flatnonzero(daily)
            days.append(used)
            values.append(daily[used])
            accounts.append((use.account, len(used)))
            metrics.append((metric, len(used)))
    epoch = (WORLD_START - date(1970, 1, 1)).days
    return pa.table(
        {
            "account_id": _repeated(accounts),
            "day": pa.array((np.concatenate(days) + epoch).astype(np.int32), pa.int32()).cast(pa.date32()),
            "metric": _repeated(metrics),
            "value": pa.array(np.concatenate(values), pa.float64()),
        }
    )


def _repeated(runs: list[tuple[str, int]]) -> pa.Array:
    """A text column written as runs of one value."""
    names = sorted({name for name, _ in runs})
    places = {name: place for place, name in enumerate(names)}
    indices = np.repeat([places[name] for name, _ in runs], [length for _, length in runs])
    return pa.DictionaryArray.from_arrays(pa.array(indices, pa.int32()), names).cast(pa.string())


class _Drawing:
    """One account's random stream with the curves that every metric of it shares."""

    def __init__(self, life: Life, rng: np.random.Generator) -> None:
        self.life = life
        self.rng = rng
        self.alive = _alive(life)
        season = _SEASON.get(life.account.industry)
        self.level = _weights(life.account.country) * _health(life) * self.alive
        if season is not None:
            months = [(WORLD_START.month - 1 + month) % 12 for month in range(HORIZON)]
            self.level = self.level * np.array(season)[months][_MONTH_OF_DAY]

    def count(self, monthly: Days, module: str | None = None) -> Days:
        """Counts whose monthly amount is given; of a module, only while it is owned and awake."""
        noise = np.exp(self.rng.normal(0, 0.12, DAYS))
        mean = monthly * self.level / 21.0 * noise
        if module is not None:
            mean = mean * self._in_use(module)
        return self.rng.poisson(np.maximum(mean, 0)).astype(np.float64)

    def around_module(
        self, module: str, around: str, monthly: Days, inside: str | None, used: Days, remains: float
    ) -> dict[str, Days]:
        """Use around a missing module while it is needed, and use of the module once it is owned."""
        need = self.life.drivers.needs[module][_MONTH_OF_DAY]
        made = {around: self.count(monthly * need**1.5 * np.where(self._in_use(module) > 0, remains, 1.0))}
        if inside is not None:
            made[inside] = self.count(used, module)
        return made

    def seats(self) -> Days:
        """Seats bought, day by day."""
        return self._steps([(v.start, float(v.quantity or 0)) for v in self._item("plan")])

    def by_plan(self, limit: Callable[[str], int | None]) -> Days:
        """A limit of the plan in force, day by day; infinite where there is none."""
        steps = [(day, limit(plan)) for day, plan in self.life.plan_history]
        return self._steps([(day, np.inf if most is None else float(most)) for day, most in steps])

    def active_seats(self, seats: Days) -> Days:
        """People at work, at most as many as there are seats; some products look away for a few more."""
        presence = np.minimum(1.0, 0.04 + 0.95 * np.minimum(self.level / np.maximum(self.alive, 1e-9), 1.05))
        noise = np.exp(self.rng.normal(0, 0.02, DAYS))
        wanted = self.life.drivers.users[_MONTH_OF_DAY] * presence * noise * (self.alive > 0)
        grace = 1.0 + 0.06 * (self.rng.random() < 0.3)
        return np.asarray(np.floor(np.minimum(wanted, seats * grace) + 0.5) * (self.alive > 0))

    def api_calls(self, included: Days) -> dict[str, Days]:
        """Calls stop at the plan's limit, unless overage was bought: then they go on and are counted apart."""
        wanted = self.count(self.life.drivers.api_calls[_MONTH_OF_DAY])
        before = np.cumsum(wanted)
        month_begins = np.concatenate([[0], np.flatnonzero(np.diff(_MONTH_OF_DAY)) + 1])
        at_start = np.concatenate([[0.0], before])[month_begins]
        over = np.clip(before - at_start[_MONTH_OF_DAY] - included, 0.0, wanted)
        if "prod_api_overage" in self.life.items:
            return {"api_calls": wanted, "api_overage": over}
        return {"api_calls": wanted - over}

    def envelopes(self) -> Days:
        """Envelopes signed with the module; use beyond the packs bought is let through by a tenth."""
        packs = self._steps([(v.start, float(v.quantity or 0)) for v in self._item("prod_signature")])
        most = packs * ENVELOPES_PER_PACK * 1.1
        return self.count(np.minimum(self.life.drivers.envelopes[_MONTH_OF_DAY], most), "prod_signature")

    def _in_use(self, module: str) -> Days:
        """One on the days on which a module is owned and not asleep, falling off when it goes to sleep."""
        owned = np.zeros(DAYS)
        for version in self.life.versions:
            if version.item == self.life.items.get(module):
                owned[_place(version.start) : _place(version.end)] = 1.0
        sleeps = self.life.dormant.get(module)
        if sleeps is not None:
            owned[_place(sleeps) :] = 0.0
        return owned

    def _item(self, product: str) -> list[ItemVersion]:
        item = self.life.plan_item if product == "plan" else self.life.items.get(product)
        return sorted((v for v in self.life.versions if v.item == item), key=lambda version: version.start)

    def _steps(self, steps: list[tuple[date, float]]) -> Days:
        made = np.zeros(DAYS)
        for day, value in steps:
            made[_place(day) :] = value
        return made


def _place(day: date | None) -> int:
    return DAYS if day is None else max(0, min(DAYS, (day - WORLD_START).days))


@lru_cache
def _weights(country: str) -> Days:
    return np.array([working_level(country, WORLD_START + timedelta(days=day)) for day in range(DAYS)])


def _alive(life: Life) -> Days:
    """Rises over the first weeks, falls after notice, nothing outside the contract."""
    since = np.arange(DAYS) - _place(life.terms.start)
    level = np.where(since >= 0, 1 - np.exp(-(since + 4) / 12.0), 0.0)
    if life.notice is not None:
        after = np.arange(DAYS) - _place(life.notice)
        level = level * np.where(after > 0, np.maximum(0.25, np.exp(-after / 45.0)), 1.0)
    level[_place(life.ends_on) :] = 0.0
    return np.asarray(level)


def _health(life: Life) -> Days:
    """Use falls by half through a bad spell and comes back after it, a month behind."""
    target: list[float] = (1 - 0.5 * life.drivers.unhealthy)[_MONTH_OF_DAY].tolist()
    level, made = 1.0, []
    for wanted in target:
        level += (wanted - level) / 30
        made.append(level)
    return np.array(made)
