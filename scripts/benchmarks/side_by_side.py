"""Measures two ways of doing one thing in one run: alternating, so that a busy moment of the machine meets both.

What is told is a ratio of medians. Seconds depend on the machine and are there to judge the ratio by.
"""

from __future__ import annotations

import gc
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

Side = Callable[[], Mapping[str, float]]
"""Does the work once; returns what else to tell of it (rows, calls)."""


@dataclass(frozen=True)
class Comparison:
    """One benchmark's figures: seconds of each repetition and side, and what both sides were given."""

    name: str
    question: str
    sizes: Mapping[str, int]
    seconds: Mapping[str, list[float]]
    told: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Per side, what its last repetition told."""

    @property
    def ratio(self) -> float:
        """Median of the first side over median of the second: below one, ours is quicker."""
        ours, plain = (statistics.median(taken) for taken in self.seconds.values())
        return ours / plain

    def as_json(self) -> dict[str, Any]:
        """The figures for machines."""
        medians = {side: round(statistics.median(taken), 4) for side, taken in self.seconds.items()}
        return {
            "name": self.name,
            "sizes": dict(self.sizes),
            "median_seconds": medians,
            "seconds": {side: [round(one, 4) for one in taken] for side, taken in self.seconds.items()},
            "ratio": round(self.ratio, 3),
            "told": {side: dict(told) for side, told in self.told.items()},
        }

    def as_text(self) -> str:
        """The figures for people."""
        sizes = ", ".join(f"{value:,} {what.replace('_', ' ')}" for what, value in self.sizes.items())
        lines = [f"{self.name}: {self.question}", f"  {sizes}"]
        for side, taken in self.seconds.items():
            more = "".join(f", {value:g} {what.replace('_', ' ')}" for what, value in self.told.get(side, {}).items())
            spread = f"{min(taken):.2f} to {max(taken):.2f}"
            lines.append(f"  {side:<22} {statistics.median(taken):7.2f} s  (median of {len(taken)}, {spread}){more}")
        return "\n".join([*lines, f"  ours / plain           {self.ratio:7.2f}"])


def alternate(
    name: str, question: str, sizes: Mapping[str, int], sides: Mapping[str, Side], repetitions: int
) -> Comparison:
    """Run both sides in turn, each first every other time; one run of each goes before and is not counted."""
    seconds: dict[str, list[float]] = {side: [] for side in sides}
    told: dict[str, Mapping[str, float]] = {}
    for repetition in range(repetitions + 1):
        order = list(sides.items())
        for side, work in order if repetition % 2 else reversed(order):
            gc.collect()
            began = time.perf_counter()
            told[side] = work()
            if repetition:
                seconds[side].append(time.perf_counter() - began)
    return Comparison(name, question, sizes, seconds, {side: told[side] for side in sides})


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    import os

    libraries = (
        "duckdb",
        "ibis-framework",
        "pyarrow",
        "requests",
        "simple-salesforce",
        "hubspot-api-client",
        "stripe",
        "rapidfuzz",
    )
    return {
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": {name: version(name) for name in libraries},
    }
