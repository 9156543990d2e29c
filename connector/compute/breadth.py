"""What an account makes of all it has: how much of it is used, by how many, since when and until when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from connector.domain.catalogue import Catalogue
from connector.domain.features import MetricFeatures, used_offers

Metrics = Mapping[str, MetricFeatures]


def of_use(owned: frozenset[str], metrics: Metrics, catalogue: Catalogue) -> dict[str, Any]:
    """Fields of `AccountFeatures` that its metrics tell together; nothing where no usage was ever told."""
    if not metrics:
        return {}
    rows = [*metrics.values()]
    seen = [name for name in owned if name not in catalogue.plans and catalogue.offers[name].used_when]
    told_to, last = max([row.data_to for row in rows]), max([row.last_day for row in rows])
    users, users_previous = _counted("users", metrics, catalogue)
    teams, teams_previous = _counted("teams", metrics, catalogue)
    return {
        "activity_trend": _trend(rows),
        "metrics_used": len([row for row in rows if row.active_days > 0]),
        "users": users,
        "users_previous": users_previous,
        "teams": teams,
        "teams_previous": teams_previous,
        "modules_used": len(used_offers(seen, metrics, catalogue)),
        "modules_owned": len(seen),
        "first_used_on": min([row.first_day for row in rows]),
        "last_used_on": last,
        "days_since_use": (told_to - last).days,
        "data_to": told_to,
    }


def _trend(rows: Sequence[MetricFeatures]) -> float | None:
    """Each metric's change counts by the days it was used before, bounded at doubling: no small count decides."""
    grown = [(m.active_days_previous, min(m.growth, 1.0)) for m in rows if m.growth is not None]
    weight = sum(days for days, _ in grown)
    return sum(days * growth for days, growth in grown) / weight if weight else None


def _counted(
    who: Literal["users", "teams"], metrics: Metrics, catalogue: Catalogue
) -> tuple[float, float] | tuple[None, None]:
    """How many of them, now and before; of several metrics that count them, the largest tells."""
    counting = [metrics[name] for name in catalogue.counting(who) if name in metrics]
    return max([(one.level_28, one.level_previous) for one in counting], default=(None, None))
