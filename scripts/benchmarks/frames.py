"""Usage reduced with data frames, as somebody would write it in polars or in pandas: the plain windows of features.sql.

A data frame has no ceilings, milestones or streaks ready, so these sides work out fewer columns than ours, and say how
many. Both are for this benchmark alone; where one is not installed, its side is left out and that is said.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from measure_data import AS_OF, FOUR_METRICS

COLUMNS = (
    *("sum_28", "rows_28", "sum_previous", "rows_previous", "peak_28", "peak_previous", "mean_90", "std_90"),
    *("first_day", "last_day", "active_days", "last_value", "total"),
)


def missing(library: str) -> str | None:
    """Say how to have a library that is not here."""
    return (
        None if find_spec(library) else f"{library} is not installed: `.venv/bin/pip install {library}` adds its side"
    )


def by_polars(file: Path) -> int:
    """Lazily, and streaming where polars can."""
    pl: Any = import_module("polars")

    usage = pl.scan_parquet(file).filter(
        pl.col("known_at") <= AS_OF, pl.col("day") < AS_OF.date(), pl.col("metric").is_in(list(FOUR_METRICS.metrics))
    )
    ended = usage.with_columns(x=(pl.col("day").max() - pl.col("day")).dt.total_days())
    value, x = pl.col("value"), pl.col("x")
    now, before, quarter = x < 28, (x >= 28) & (x < 56), x < 90
    made = ended.group_by("account_id", "metric").agg(
        sum_28=value.filter(now).sum(),
        rows_28=now.sum(),
        sum_previous=value.filter(before).sum(),
        rows_previous=before.sum(),
        peak_28=value.filter(now).max(),
        peak_previous=value.filter(before).max(),
        mean_90=value.filter(quarter).mean(),
        std_90=value.filter(quarter).std(ddof=0),
        first_day=pl.col("day").filter(value > 0).min(),
        last_day=pl.col("day").filter(value > 0).max(),
        active_days=(now & (value > 0)).sum(),
        last_value=value.sort_by("day").last(),
        total=value.sum(),
    )
    rows: int = made.sort("account_id", "metric").collect(engine="streaming").height
    return rows


def by_pandas(file: Path) -> int:
    """A column per window, then one group-by."""
    pd: Any = import_module("pandas")

    usage = pd.read_parquet(file)
    usage = usage[(usage["known_at"] <= AS_OF) & usage["metric"].isin(list(FOUR_METRICS.metrics))]
    usage["account_id"], usage["metric"] = usage["account_id"].astype("category"), usage["metric"].astype("category")
    day = pd.to_datetime(usage["day"])
    x, value = (day.max() - day).dt.days, usage["value"]
    now, before, quarter = x < 28, (x >= 28) & (x < 56), x < 90
    usage = usage[["account_id", "metric"]].assign(
        day=day,
        value=value,
        now=value.where(now),
        before=value.where(before),
        quarter=value.where(quarter),
        used=day.where(value > 0),
        active=now & (value > 0),
    )
    grouped = usage.sort_values("day").groupby(["account_id", "metric"], observed=True)
    made = grouped.agg(
        sum_28=("now", "sum"),
        rows_28=("now", "count"),
        sum_previous=("before", "sum"),
        rows_previous=("before", "count"),
        peak_28=("now", "max"),
        peak_previous=("before", "max"),
        mean_90=("quarter", "mean"),
        std_90=("quarter", "std"),
        first_day=("used", "min"),
        last_day=("used", "max"),
        active_days=("active", "sum"),
        last_value=("value", "last"),
        total=("value", "sum"),
    )
    return len(made)


FRAMES: Mapping[str, Callable[[Path], int]] = {"polars": by_polars, "pandas": by_pandas}
