"""What planning costs a record as the number of records grows: it must stay flat, in time and within memory."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from goals import Figure, Report

WORLDS = {"new": "none is in the CRM yet", "known": "all are, one in a hundred changed"}
FLAT, MOST_MB = 1.2, 500.0
AT_LEAST = 1_000


def bench_planning(most: int, repetitions: int) -> list[Report]:
    """Plan at three sizes, the small ones several times and taken by their median."""
    sizes = sorted({AT_LEAST, max(AT_LEAST, most // 10), max(AT_LEAST, most)})
    return [_bench(world, sizes, repetitions) for world in WORLDS]


def _bench(world: str, sizes: list[int], repetitions: int) -> Report:
    figures, cost = [], {}
    for size in sizes:
        runs = [_planned(world, size) for _ in range(repetitions if size < sizes[-1] else 1)]
        cost[size] = statistics.median(run["seconds"] for run in runs) / size
        figures.append(Figure(f"{size:,} records: microseconds a record", 1e6 * cost[size], "µs"))
        peak = max(run["peak_mb"] for run in runs)
    of = f"{runs[-1]['inputs_mb']:.0f} MB of it before planning began"
    figures += [
        Figure(f"a record at {sizes[-1]:,} / at {sizes[0]:,}", cost[sizes[-1]] / cost[sizes[0]], "×", FLAT),
        Figure(f"peak memory at {sizes[-1]:,} records", peak, "MB", MOST_MB, of),
    ]
    question = f"desired records compared with the CRM's ({WORLDS[world]})"
    remark = "processor time, a new process each; half opportunities, half tasks; the time of the reader is left out"
    return Report(f"planning, {world} records", question, {"records": sizes[-1]}, figures, [remark])


def _planned(world: str, size: int) -> dict[str, Any]:
    child = [sys.executable, str(Path(__file__).with_name("planning_child.py")), world, str(size)]
    said = subprocess.run(child, capture_output=True, text=True, check=True)  # noqa: S603 - our own command
    told: dict[str, Any] = json.loads(said.stdout)
    return told
