"""What an account makes of all it has: how much of it is used, by how many, since when and until when."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from connector.domain.catalogue import Catalogue
from connector.domain.features import MetricFeatures, used_offers

Metrics = Mapping[str, MetricFeatures]


def of_use(owned: frozenset[str], metrics: Metrics, catalogue: Catalogue) -> dict[str, Any]:
    """Fields of `AccountFeatures` that its metrics tell together; nothing where no usage was ever told."""
    if not metrics:
        return {}
    seen = {name for name in owned.difference(catalogue.plans) if catalogue.offers[name].used_when}
    told_to = max(m.data_to for m in metrics.values())
    last = max(m.last_day for m in metrics.values())
    users, users_previous = _counted("users", metrics, catalogue)
    teams, teams_previous = _counted("teams", metrics, catalogue)
    return {
        "activity_trend": _trend(metrics),
        "metrics_used": sum(m.active_days > 0 for m in metrics.values()),
        "users": users,
        "users_previous": users_previous,
        "teams": teams,
        "teams_previous": teams_previous,
        "modules_used": len(used_offers(seen, metrics, catalogue)),
        "modules_owned": len(seen),
        "first_used_on": min(m.first_day for m in metrics.values()),
        "last_used_on": last,
        "days_since_use": (told_to - last).days,
        "data_to": told_to,
    }


def _trend(metrics: Metrics) -> float | None:
    """Each metric's change counts by the days it was used before, bounded at doubling: no small count decides."""
    grown = [(m.active_days_previous, min(m.growth, 1.0)) for m in metrics.values() if m.growth is not None]
    weight = sum(days for days, _ in grown)
    return sum(days * growth for days, growth in grown) / weight if weight else None


def _counted(
    who: Literal["users", "teams"], metrics: Metrics, catalogue: Catalogue
) -> tuple[float, float] | tuple[None, None]:
    """How many of them, now and before; of several metrics that count them, the largest tells."""
    levels = [
        (metrics[name].level_28, metrics[name].level_previous)
        for name, metric in catalogue.metrics.items()
        if metric.counts == who and name in metrics
    ]
    return max(levels, default=(None, None))
