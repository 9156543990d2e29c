"""Usage of any size → one row per (account, metric), and events → one row per (account, event, detail).

Windows end on the last day each source has told, not on today: a late file must not look like falling usage. A count
that has no row on a day was zero that day; a gauge without a row is unknown. Only operations that give the same
numbers on DuckDB, PostgreSQL and Spark are used: no regr_slope, no ordered collect, and every division is guarded.
Days and weeks with use are bits of one number, because counting distinct days costs as much as all else together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from connector.compute.history import known
from connector.domain.catalogue import Catalogue

HELD = "held_"
NEAR = 0.9
"""Share of a ceiling from which a day counts as near it."""
MONTH = 30.44 / 28
"""Scales a 28-day sum to the average month."""
YEAR = 364
"""Whole weeks, so that weekends fall on weekends."""
DAYS, WEEKS, TOP = 56, 52, 62
"""How far back the bits of days and weeks with use reach, and the highest bit that every engine has."""
QUARTER = 12
"""Weeks that `active_weeks` is of."""
MILESTONES = tuple(float(digit * 10**power) for power in range(2, 9) for digit in (1, 5))


def gauges(catalogue: Catalogue) -> tuple[str, ...]:
    """Metrics that are a level of the day (seats, storage, people) and not a count."""
    return tuple(
        name
        for name, metric in catalogue.metrics.items()
        if metric.counts or (metric.limit and metric.limit.per == "day")
    )


def metric_features(tables: Mapping[str, Any], items: Any, catalogue: Catalogue, as_of: datetime) -> Any:
    """The Ibis expression of `MetricFeatures`; `items` are the item versions in force."""
    return usage_features(tables, held_quantities(items, catalogue), catalogue, as_of)


def usage_features(tables: Mapping[str, Any], held: Any, catalogue: Catalogue, as_of: datetime) -> Any:
    """The same beside `held_quantities`, which may have come from another engine than the usage."""
    from ibis import _

    names = gauges(catalogue)
    reduced = _reduce(_dated(tables, [*catalogue.metrics], as_of))
    limited = _limited(reduced, held, catalogue)
    near = _near(_limited(_dated(tables, names, as_of).filter(_.x < 28), held, catalogue))
    whole = limited.left_join(near, ["account_id", "metric"]).select(
        *limited.columns, days_near=_.days_near.fill_null(0), days_over=_.days_over.fill_null(0)
    )
    return _derive(whole, names).order_by("account_id", "metric")


def _dated(tables: Mapping[str, Any], metrics: Sequence[str], as_of: datetime) -> Any:
    """Usage known at a moment, with x, its days before the last day that its source has told."""
    from ibis import _

    # Read twice rather than named once: DuckDB would first write down all of what is named and used twice.
    ends = _usage(tables, ["source", "day", "metric", "known_at", "known_to"], metrics, as_of)
    usage = _usage(tables, ["account_id", "source", "metric", "day", "value", "known_at", "known_to"], metrics, as_of)
    ended = usage.join(ends.group_by("source").aggregate(source_end=_.day.max()), "source")
    return ended.select(
        "account_id", "metric", "day", "value", "source_end", x=_.source_end.delta(_.day, unit="day").cast("float64")
    )


def _usage(tables: Mapping[str, Any], columns: Sequence[str], metrics: Sequence[str], as_of: datetime) -> Any:
    import ibis
    from ibis import _

    told = known(tables["usage"].select(*columns), as_of)
    return told.filter(_.day < ibis.literal(as_of.date()), _.metric.isin(metrics))


def _limited(usage: Any, held: Any, catalogue: Catalogue) -> Any:
    joined = usage.left_join(held, "account_id")
    return joined.select(*usage.columns, limit=_ceiling(joined, catalogue))


def _near(recent: Any) -> Any:
    """Days of the last 28 with a gauge near its ceiling, and above it."""
    from ibis import _

    return recent.group_by(["account_id", "metric"]).aggregate(
        days_near=_.value.count(where=_.value >= _["limit"] * NEAR),
        days_over=_.value.count(where=_.value > _["limit"]),
    )


def in_memory(rows: Any) -> Any:
    """Rows of one engine as a table that any other can read along."""
    import ibis

    return ibis.memtable(rows)


def held_quantities(items: Any, catalogue: Catalogue) -> Any:
    """One row per account: the rank of its highest plan, and how much of each metric its items contain."""
    import ibis
    from ibis import _

    rank = ibis.cases(*[(_.offer_id == plan, at) for at, plan in enumerate(catalogue.plans)], else_=-1)
    contained = {}
    for name, metric in catalogue.metrics.items():
        if metric.limit and metric.limit.quantity_of:
            packs = ibis.cases(
                *[(_.offer_id == o, catalogue.offers[o].pack) for o in metric.limit.quantity_of], else_=1
            )
            contained[HELD + name] = (_.quantity * packs).sum(where=_.offer_id.isin([*metric.limit.quantity_of]))
    ranked = items.mutate(rank=rank) if catalogue.plans else items.mutate(rank=ibis.literal(-1))
    return ranked.group_by("account_id").aggregate(rank=_["rank"].max(), **contained)


def _ceiling(held: Any, catalogue: Catalogue) -> Any:
    """The ceiling in force of a row's metric; null where none is set or it is unlimited."""
    import ibis

    of = []
    for name, metric in catalogue.metrics.items():
        if metric.limit and metric.limit.quantity_of:
            of.append((held.metric == name, held[HELD + name].cast("float64")))
        elif metric.limit:
            plans = [(at, metric.limit.by_plan.get(plan)) for at, plan in enumerate(catalogue.plans)]
            of += [
                ((held.metric == name) & (held["rank"] == at), float(most)) for at, most in plans if most is not None
            ]
    return ibis.cases(*of, else_=ibis.null("float64")) if of else ibis.null("float64")


def _reduce(usage: Any) -> Any:
    """Aggregate once; every window is a condition on x, the days before the end."""
    from ibis import _

    now, before, quarter = _.x < 28, (_.x >= 28) & (_.x < 56), _.x < 90
    year_ago = (_.x >= YEAR) & (_.x < YEAR + 28)
    used = _.value > 0
    return usage.group_by(["account_id", "metric"]).aggregate(
        data_to=_.source_end.max(),
        sum_28=_.value.sum(where=now).fill_null(0.0),
        rows_28=_.value.count(where=now),
        sum_previous=_.value.sum(where=before).fill_null(0.0),
        rows_previous=_.value.count(where=before),
        day_bits=_bit(usage.x).bit_or(where=used & (_.x < DAYS)).fill_null(0),
        week_bits=_bit((usage.x / 7).floor()).bit_or(where=used & (_.x < 7 * WEEKS)).fill_null(0),
        peak_28=_.value.max(where=now).fill_null(0.0),
        peak_previous=_.value.max(where=before).fill_null(0.0),
        sum_year_ago=_.value.sum(where=year_ago).fill_null(0.0),
        rows_year_ago=_.value.count(where=year_ago),
        used_year_ago=_.value.count(where=year_ago & used),
        peak_year_ago=_.value.max(where=year_ago).fill_null(0.0),
        rows_90=_.value.count(where=quarter),
        value_90=_.value.mean(where=quarter).fill_null(0.0),
        variance_90=_.value.var(where=quarter, how="pop").fill_null(0.0),
        x_90=_.x.mean(where=quarter).fill_null(0.0),
        spread_90=_.x.var(where=quarter, how="pop").fill_null(0.0),
        together_90=_.x.cov(_.value, where=quarter, how="pop").fill_null(0.0),
        first_day=_.day.min(where=used),
        last_day=_.day.max(where=used),
        last_value=_.value.argmax(_.day),
        total=_.value.sum(),
    )


def _bit(place: Any) -> Any:
    """A number with one bit set, the highest for the first place."""
    import ibis

    # Shifted to the right, because engines differ in how they take a small number shifted to the left.
    return ibis.literal(1 << TOP) >> ibis.least(place, TOP).cast("int32")


def _bits_set(bits: Any, first: int, last: int) -> Any:
    """How many places are set, from one to before another; no engine's own function."""
    ones = [(bits & (1 << (TOP - place))) // (1 << (TOP - place)) for place in range(first, last)]
    return sum(ones[1:], ones[0])


def _bits_in_a_row(bits: Any, most: int) -> Any:
    """How many places are set without a gap, from the first on."""
    import ibis

    runs = [ibis.ifelse(bits >= (1 << (TOP + 1)) - (1 << (TOP - place)), 1, 0) for place in range(most)]
    return sum(runs[1:], runs[0])


def _derive(reduced: Any, gauge_names: tuple[str, ...]) -> Any:
    import ibis
    from ibis import _

    unknown = ibis.null("float64")
    # Two whole windows must lie behind the first use, or a new customer's start would pass for growth.
    ripe, old = _.age >= 56, _.age >= YEAR + 28
    derived = _with_trend(_zero_filled(_levels(reduced, gauge_names))).mutate(
        growth=ibis.ifelse(ripe, _.level_28 / _.level_previous.nullif(0.0) - 1, unknown),
        growth_year=ibis.ifelse(old, _.level_28 / _.level_year_ago.nullif(0.0) - 1, unknown),
        surge=ibis.ifelse(ripe, (_.level_28 - _.level_previous) / _.noise.nullif(0.0), unknown),
        utilisation=_.pace / _["limit"].nullif(0.0),
        utilisation_previous=_.pace_previous / _["limit"].nullif(0.0),
        active_days=_bits_set(_.day_bits, 0, 28),
        active_days_previous=_bits_set(_.day_bits, 28, DAYS),
        active_weeks=_bits_set(_.week_bits, 0, QUARTER),
        streak_weeks=_bits_in_a_row(_.week_bits, WEEKS),
        days_idle=_.data_to.delta(_.last_day, unit="day"),
        active_days_year_ago=ibis.ifelse(old, ibis.least(_.used_year_ago, 28), ibis.null("int64")),
        days_near_limit=ibis.ifelse(_.gauge, _.days_near, 0),
        days_over_limit=ibis.ifelse(_.gauge, _.days_over, 0),
        days_to_limit=ibis.cases(
            (_.pace >= _["limit"], 0.0),
            (_.rise > 0, (_["limit"] - _.pace) / _.rise.nullif(0.0)),
            else_=unknown,
        ),
        milestone=ibis.cases(
            *[((_.total >= m) & (_.total - _.sum_28 < m) & ~_.gauge, m) for m in reversed(MILESTONES)],
            else_=unknown,
        ),
    )
    return derived.select(*METRIC_COLUMNS)


def _levels(reduced: Any, gauge_names: tuple[str, ...]) -> Any:
    """A gauge is averaged and peaks; a count is summed, and scaled to a month where it meets a ceiling."""
    import ibis
    from ibis import _

    gauge = _.metric.isin(gauge_names) if gauge_names else ibis.literal(False)
    aged = reduced.filter(_.first_day.notnull()).mutate(gauge=gauge, age=_.data_to.delta(_.first_day, unit="day") + 1)
    return aged.mutate(
        n=ibis.ifelse(_.gauge, _.rows_90, ibis.greatest(ibis.least(_.age, 90), _.rows_90)).cast("float64"),
        level_28=ibis.ifelse(_.gauge, _.sum_28 / _.rows_28.nullif(0), _.sum_28).fill_null(0.0),
        level_previous=ibis.ifelse(_.gauge, _.sum_previous / _.rows_previous.nullif(0), _.sum_previous).fill_null(0.0),
        level_year_ago=ibis.ifelse(_.gauge, _.sum_year_ago / _.rows_year_ago.nullif(0), _.sum_year_ago),
        pace=ibis.ifelse(_.gauge, _.peak_28, _.sum_28 * MONTH),
        pace_previous=ibis.ifelse(_.gauge, _.peak_previous, _.sum_previous * MONTH),
        pace_year_ago=ibis.ifelse(_.gauge, _.peak_year_ago, _.sum_year_ago * MONTH),
    )


def _with_trend(filled: Any) -> Any:
    """The daily rise of the pace, and the noise that a change of level is held against."""
    import ibis
    from ibis import _

    # Where last year is known it tells the trend from the season: the smaller rise is believed.
    lately = _.slope_90 * ibis.ifelse(_.gauge, 1.0, MONTH * 28)
    in_a_year = (_.pace - _.pace_year_ago) / YEAR
    return filled.mutate(
        rise=ibis.ifelse((_.age >= YEAR + 28) & (in_a_year < lately), in_a_year, lately),
        noise=ibis.ifelse(
            _.gauge,
            _.std_90 * (1.0 / _.rows_28.nullif(0) + 1.0 / _.rows_previous.nullif(0)).sqrt(),
            _.std_90 * ibis.literal(56.0).sqrt(),
        ),
    )


def _zero_filled(counted: Any) -> Any:
    """Mean, deviation and slope over n days, where the n - rows days without a row of a count were zero."""
    import ibis
    from ibis import _

    missing = counted.mutate(share=_.rows_90 / _.n.nullif(0.0))
    grid = missing.mutate(
        mean_90=(_.value_90 * _.share).fill_null(0.0),
        x_mean=ibis.ifelse(_.gauge, _.x_90, (_.n - 1) / 2),
        x_spread=ibis.ifelse(_.gauge, _.spread_90, (_.n * _.n - 1) / 12),
    )
    product = (_.together_90 + _.x_90 * _.value_90) * _.share - _.x_mean * _.mean_90
    variance = (_.variance_90 + _.value_90 * _.value_90 * (1 - _.share)) * _.share
    return grid.mutate(
        std_90=ibis.greatest(variance, 0.0).sqrt().fill_null(0.0),
        # x counts backwards, so a rising metric has a negative product.
        slope_90=-product / _.x_spread.nullif(0.0),
    )


METRIC_COLUMNS = (
    *("account_id", "metric", "data_to", "level_28", "level_previous", "growth", "growth_year", "surge"),
    *("mean_90", "std_90", "slope_90", "peak_28", "last_value", "active_days", "active_days_previous"),
    *("first_day", "last_day", "total", "milestone", "limit", "utilisation", "utilisation_previous"),
    *("days_near_limit", "days_over_limit", "pace", "days_to_limit"),
    *("active_weeks", "streak_weeks", "days_idle", "active_days_year_ago"),
)


def event_features(tables: Mapping[str, Any], as_of: datetime) -> Any:
    """The Ibis expression of `EventFeatures`."""
    import ibis
    from ibis import _

    events = known(tables["events"], as_of).filter(_.occurred_at <= ibis.literal(as_of))
    today = as_of.date()
    aged = events.mutate(day=_.occurred_at.date(), detail=_.detail.fill_null(""))
    return (
        aged.group_by(["account_id", "event", "detail"])
        .aggregate(
            count_28=_.day.count(where=_.day > ibis.literal(_days_before(today, 28))),
            count_90=_.day.count(where=_.day > ibis.literal(_days_before(today, 90))),
            last_on=_.day.max(),
            link=_.link.argmax(_.occurred_at),
        )
        .order_by("account_id", "event", "detail")
    )


def _days_before(day: date, days: int) -> date:
    return date.fromordinal(day.toordinal() - days)
