"""`scripts/bench`: what our way of doing it costs beside the plain way, on this machine."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from bench_backtest import bench_backtest
from bench_check import bench_check
from bench_decisions import bench_decisions
from bench_delivery import FULL, QUICK, Size, bench_delivery
from bench_features import bench_features
from bench_matching import bench_matching
from bench_measure import FULL as MEASURED
from bench_measure import QUICK as GLANCED
from bench_measure import Sizes, bench_deciding, bench_measure
from bench_propensity import FULL as SCORED
from bench_propensity import QUICK as SCORED_QUICKLY
from bench_propensity import bench_propensity
from bench_pull import bench_pull
from goals import Report
from side_by_side import Comparison, machine

BENCHES: Mapping[str, Callable[[argparse.Namespace], Iterable[Comparison | Report]]] = {
    "backtest": lambda asked: bench_backtest(2_000 if asked.quick else 100_000),
    "check": lambda _asked: [bench_check()],
    "deciding": lambda asked: [bench_deciding(_deciding(asked))],
    "features": lambda asked: [bench_features(asked.accounts, asked.days, asked.repetitions)],
    "decisions": lambda asked: bench_decisions(
        [int(one) for one in asked.seeds.split(",")], 200 if asked.quick else 2_000
    ),
    "delivery": lambda asked: bench_delivery(_size(asked), asked.repetitions),
    "matching": lambda asked: bench_matching(asked.matched),
    "measure": lambda asked: bench_measure(GLANCED if asked.quick else MEASURED),
    "propensity": lambda asked: bench_propensity(SCORED_QUICKLY if asked.quick else SCORED),
    "pull": lambda asked: [bench_pull(asked.customers, asked.repetitions)],
}
PARTS = {"deciding"}
"""What another tells, too: this one of `measure`."""


def main() -> int:
    """Run what is asked for and print it."""
    asked = _asked()
    names = [name for name in BENCHES if name not in PARTS] if asked.which == "all" else [asked.which]
    host = machine()
    if not asked.json:
        versions = ", ".join(f"{name} {number}" for name, number in host["versions"].items())
        _say(f"{host['cores']} cores (load {host['load']}), {host['system']}, Python {host['python']}, {versions}\n")
    found: list[Comparison | Report] = []
    for name in names:
        for answer in BENCHES[name](asked):
            found.append(answer)
            if not asked.json:
                _say(answer.as_text() + "\n")
    missed = [goal for one in found if isinstance(one, Report) for goal in one.missed()]
    if asked.json:
        _say(json.dumps({"machine": host, "benchmarks": [one.as_json() for one in found], "missed": missed}))
    elif missed:
        _say("goals missed:\n" + "\n".join(f"  {goal}" for goal in missed))
    return 0


def _size(asked: argparse.Namespace) -> Size:
    size = QUICK if asked.quick else FULL
    return replace(
        size,
        opportunities=asked.records or size.opportunities,
        planned=asked.planned or size.planned,
    )


def _deciding(asked: argparse.Namespace) -> Sizes:
    sizes = GLANCED if asked.quick else MEASURED
    return replace(sizes, more_accounts=asked.times or sizes.more_accounts)


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("which", nargs="?", default="all", choices=[*BENCHES, "all"])
    parser.add_argument("--repetitions", type=int, default=3, help="of each side, beside one that is not counted")
    parser.add_argument("--accounts", type=int, default=2_000, help="features: accounts, with four metrics each")
    parser.add_argument(
        "--times", type=float, help=f"deciding: so many times the accounts ({MEASURED.more_accounts:g})"
    )
    parser.add_argument("--days", type=int, default=180, help="features: days of usage")
    parser.add_argument("--records", type=int, help=f"delivery: opportunities, a task each ({FULL.opportunities:,})")
    parser.add_argument("--planned", type=int, help=f"delivery: the most records that are planned ({FULL.planned:,})")
    parser.add_argument("--quick", action="store_true", help="a small look, where it takes minutes")
    parser.add_argument("--customers", type=int, default=200, help="pull: customers of the demo company")
    parser.add_argument("--matched", type=int, default=100_000, help="matching: accounts on each side")
    parser.add_argument("--seeds", default="11,12,13,14,15", help="decisions: the worlds to judge on")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of text")
    return parser.parse_args()


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
