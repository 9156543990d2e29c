"""What deciding costs at full size: usage reduced to features, and features to a ranking, each side in its own process.

Ratios are of processor time, because the machine may have other work; peak memory is that of the whole process, Python
and its libraries included.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from frames import COLUMNS, FRAMES, missing
from goals import Figure, Report
from measure_data import OFFERS, World

from connector.compute.features import METRIC_COLUMNS

MOST_RATIO, MOST_MB = 1.15, 1_000.0
MOST_GROWTH, MOST_MORE_MB = 5.5, 1.5
MOST_SECONDS, MOST_PER_ACCOUNT = 25.0, 1.15


@dataclass(frozen=True)
class Sizes:
    """How many accounts, and how many times as much is asked where growth is measured."""

    accounts: int
    more_usage: int = 5
    more_accounts: float = 5


FULL, QUICK = Sizes(100_000), Sizes(10_000, more_usage=2, more_accounts=2)


def bench_measure(sizes: Sizes) -> Iterable[Report]:
    """Features beside SQL by hand, their growth with history, and what follows them."""
    with tempfile.TemporaryDirectory() as folder:
        yield from _features(Path(folder), sizes)
    yield bench_deciding(sizes)


def bench_deciding(sizes: Sizes) -> Report:
    """What follows features: signals, offers, gates and ranking, and how it grows with the accounts."""
    with tempfile.TemporaryDirectory() as folder:
        return _decisions(Path(folder), sizes)


def _features(folder: Path, sizes: Sizes) -> Iterable[Report]:
    world = World(sizes.accounts)
    file = _made(folder, world)
    ours, sql = _child("ours", file), _child("sql", file)
    figures = [
        Figure("ours / SQL by hand", ours["processor"] / sql["processor"], "", MOST_RATIO, _seconds(ours, sql)),
        Figure("ours, peak memory", ours["peak_mb"], "MB", MOST_MB),
        Figure("SQL by hand, peak memory", sql["peak_mb"], "MB"),
    ]
    told = {"accounts": world.accounts, "usage_rows": world.usage_rows, "days": world.days}
    yield Report("measure, features", "one row per account and metric", told, figures)
    yield _beside(file, world, ours)
    file.unlink()
    yield _growth(folder, sizes, ours)


def _beside(file: Path, world: World, ours: dict[str, Any]) -> Report:
    """Data frames, for which fewer columns are worked out than ours."""
    figures, remarks = [], []
    _child("export", file)
    for library in FRAMES:
        if (why := missing(library)) is not None:
            remarks.append(why)
            continue
        side = _child(library, file)
        if side["rows"] != ours["rows"]:
            raise SystemExit(f"{library} gives {side['rows']} rows, ours {ours['rows']}")
        of = f"{side['processor']:.1f} s of the processor, {side['seconds']:.1f} s"
        figures.append(Figure(f"ours / {library}", ours["processor"] / side["processor"], "", None, of))
        figures.append(Figure(f"{library}, peak memory", side["peak_mb"], "MB"))
    file.with_suffix(".parquet").unlink()
    told = {"usage_rows": world.usage_rows, "columns_of_theirs": len(COLUMNS), "columns_of_ours": len(METRIC_COLUMNS)}
    return Report("measure, features beside data frames", "fewer columns, from Parquet", told, figures, remarks)


def _growth(folder: Path, sizes: Sizes, ours: dict[str, Any]) -> Report:
    world = World(sizes.accounts, World.days * sizes.more_usage)
    file = _made(folder, world)
    more = _child("ours", file, "1")
    file.unlink()
    goal = MOST_GROWTH * sizes.more_usage / 5
    figures = [
        Figure(
            f"{sizes.more_usage} × the rows / once", more["processor"] / ours["processor"], "", goal, _seconds(more)
        ),
        Figure("peak memory, times", more["peak_mb"] / ours["peak_mb"], "", MOST_MORE_MB, f"{more['peak_mb']:.0f} MB"),
    ]
    told = {"accounts": world.accounts, "usage_rows": world.usage_rows, "days": world.days}
    return Report("measure, features of a longer history", "does it grow with the rows alone?", told, figures)


def _decisions(folder: Path, sizes: Sizes) -> Report:
    once, more = (_decided(folder, World(n, share=0.15, whole=True)) for n in _both(sizes))
    steps = {step: once[step] for step in ("measure", "score", "choose")}
    seconds = sum(steps.values())
    grown = sum(more[step] for step in steps) / seconds
    figures = [
        Figure(
            "signals, offers, gates, ranking",
            seconds,
            "s",
            MOST_SECONDS * sizes.accounts / FULL.accounts,
            ", ".join(f"{step} {taken:.1f}" for step, taken in steps.items()),
        ),
        Figure("peak memory", once["peak_mb"], "MB", MOST_MB, f"queries {once['queries']:.1f} s more"),
        Figure(
            f"{sizes.more_accounts:g} × the accounts / linear",
            grown / sizes.more_accounts,
            "",
            MOST_PER_ACCOUNT,
            f"{seconds * grown:.1f} s, {more['peak_mb']:.0f} MB",
        ),
    ]
    told = {"accounts": sizes.accounts, "offers": OFFERS, **{name: int(once[name]) for name in ("signals", "scores")}}
    return Report("measure, decisions", "features to intents, every 'no' with its reason", told, figures)


def _both(sizes: Sizes) -> tuple[int, int]:
    return sizes.accounts, round(sizes.accounts * sizes.more_accounts)


def _decided(folder: Path, world: World) -> dict[str, Any]:
    file = _made(folder, world)
    told = _child("decide", file)
    file.unlink()
    return told


def _made(folder: Path, world: World) -> Path:
    file = folder / "warehouse.duckdb"
    _child("make", file, *map(str, (world.accounts, world.days, world.share)), "whole" if world.whole else "part")
    return file


def _child(way: str, file: Path, *more: str) -> dict[str, Any]:
    child = [sys.executable, str(Path(__file__).with_name("measure_child.py")), way, str(file), *more]
    said = subprocess.run(child, capture_output=True, text=True, check=True)  # noqa: S603 - our own command
    told: dict[str, Any] = json.loads(said.stdout)
    return told


def _seconds(*sides: dict[str, Any]) -> str:
    return " / ".join(f"{side['processor']:.1f}" for side in sides) + " s of the processor"
