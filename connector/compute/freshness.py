"""When what is known begins, and how far usage reaches: data may end long before the day that a run speaks of."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from connector.compute.history import current, known
from connector.domain.features import AccountFeatures
from connector.domain.feed import KNOWN, Feed

UNSURE: Mapping[str, Any] = dict.fromkeys(
    ("metrics_used", "users", "teams", "modules_used", "last_used_on", "days_since_use")
)
"""Features of an account that a late or short stream makes too small."""
DATED = {"subscriptions": "started_at", "invoices": "created_at"}


def began(tables: Mapping[str, Any]) -> Any:
    """Expression: one row of `begins`, the first day of any contract or invoice."""
    import ibis
    from ibis import _

    days = [current(tables[table]).select(day=_[column].cast("date")) for table, column in DATED.items()]
    return ibis.union(*days).aggregate(begins=_.day.min())


def used(tables: Mapping[str, Any], today: date) -> Any:
    """Expression: one row of `begins`, the first day of usage, and `usage_to`, its last day until today."""
    import ibis
    from ibis import _

    days = current(tables["usage"].select("day", "known_to"))
    return days.aggregate(begins=_.day.min(), usage_to=_.day.max(where=_.day <= ibis.literal(today)))


def feeds(tables: Mapping[str, Any], as_of: datetime) -> Any:
    """Expression: rows of usage by source, metric and week, counted back from the last day that the source told."""
    import ibis
    from ibis import _

    usage = known(tables["usage"], as_of).filter(_.day < ibis.literal(as_of.date()))
    daily = usage.group_by(["source", "metric", "day"]).aggregate(rows=_.count())
    ends = daily.group_by("source").aggregate(told_to=_.day.max())
    aged = daily.join(ends, "source").mutate(x=_.told_to.delta(_.day, unit="day"))
    recent = aged.filter(_.x < 7 * KNOWN).mutate(week=(_.x.cast("float64") / 7).floor().cast("int64"))
    return (
        recent.group_by(["source", "told_to", "metric", "week"])
        .aggregate(rows=_.rows.sum())
        .order_by("source", "week", "metric")
    )


def feeds_of(rows: Iterable[Mapping[str, Any]]) -> tuple[Feed, ...]:
    """Put the weeks of each source together."""
    weeks: dict[tuple[str, date], Counter[int]] = defaultdict(Counter)
    metrics: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        weeks[row["source"], row["told_to"]][row["week"]] += row["rows"]
        metrics[row["source"]].add(row["metric"])
    found = weeks.items()
    return tuple(Feed(name, told_to, dict(counts), tuple(sorted(metrics[name]))) for (name, told_to), counts in found)


def restrained(account: AccountFeatures) -> AccountFeatures:
    """Forget every drop: where usage is not told as usual, falling and missing use are unknown, not small."""
    return replace(account, activity_trend=_rise(account), **UNSURE)


def _rise(account: AccountFeatures) -> float | None:
    trend = account.activity_trend
    return trend if trend is not None and trend >= 0 else None
