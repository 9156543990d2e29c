"""`scripts/bench`: what our way of doing it costs beside the plain way, on this machine."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping

from bench_delivery import bench_delivery
from bench_features import bench_features
from bench_pull import bench_pull
from side_by_side import Comparison, machine

BENCHES: Mapping[str, Callable[[argparse.Namespace], list[Comparison]]] = {
    "features": lambda asked: [bench_features(asked.accounts, asked.days, asked.repetitions)],
    "delivery": lambda asked: bench_delivery(asked.records, asked.repetitions),
    "pull": lambda asked: [bench_pull(asked.customers, asked.repetitions)],
}


def main() -> int:
    """Run what is asked for and print it."""
    asked = _asked()
    names = list(BENCHES) if asked.which == "all" else [asked.which]
    host = machine()
    if not asked.json:
        versions = ", ".join(f"{name} {number}" for name, number in host["versions"].items())
        _say(f"{host['cores']} cores (load {host['load']}), {host['system']}, Python {host['python']}, {versions}\n")
    found = []
    for name in names:
        for comparison in BENCHES[name](asked):
            found.append(comparison)
            if not asked.json:
                _say(comparison.as_text() + "\n")
    if asked.json:
        _say(json.dumps({"machine": host, "benchmarks": [one.as_json() for one in found]}))
    return 0


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("which", nargs="?", default="all", choices=[*BENCHES, "all"])
    parser.add_argument("--repetitions", type=int, default=3, help="of each side, beside one that is not counted")
    parser.add_argument("--accounts", type=int, default=2_000, help="features: accounts, with four metrics each")
    parser.add_argument("--days", type=int, default=180, help="features: days of usage")
    parser.add_argument("--records", type=int, default=500, help="delivery: opportunities, with a task each")
    parser.add_argument("--customers", type=int, default=200, help="pull: customers of the demo company")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of text")
    return parser.parse_args()


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
