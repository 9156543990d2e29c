"""One side of a comparison in a process of its own, so that it can be killed: `side.py ours|loop CRM FOLDER STATE …`.

The folder is the stand-in's; the state is where our ledger lies, which outlives a kill.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import ours
from crm_place import Place, reach
from plain_loops import PLAIN, Pair, Pairs
from records import desired, on_the_wire, opportunity_values, proposed, task_values


@dataclass(frozen=True)
class Order:
    """What one side is asked to deliver."""

    place: Place
    state: Path
    records: int
    with_tasks: bool


def main() -> None:
    """Deliver, and print what there is to tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("side", choices=["ours", "loop"])
    parser.add_argument("crm", choices=list(PLAIN))
    parser.add_argument("folder", type=Path)
    parser.add_argument("state", type=Path)
    parser.add_argument("--records", type=int, required=True)
    parser.add_argument("--no-tasks", action="store_true")
    asked = parser.parse_args()
    order = Order(reach(asked.crm, asked.folder), asked.state, asked.records, not asked.no_tasks)
    told = deliver(order) if asked.side == "ours" else loop(order)
    sys.stdout.write(json.dumps(told) + "\n")


def deliver(order: Order) -> dict[str, float]:
    """Plan and deliver, as a run that begins anew and knows what its ledger holds."""
    place = order.place
    stage = proposed(place.mapping, place.connect().feed.stages())
    wanted = list(desired(place.mapping, stage, place.accounts()[: order.records], with_tasks=order.with_tasks))
    with ours.ledger(order.state) as memory:
        done = ours.run(place, memory, wanted, f"run-{int(place.clock.now() * 1000)}")
    return {"delivered": done.delivered, "undelivered": done.undelivered}


def loop(order: Order) -> dict[str, float]:
    """Make everything, one call a record."""
    place = order.place
    place.clock.take_over()
    stage = proposed(place.mapping, place.connect().feed.stages())
    pairs = [
        (
            account,
            on_the_wire(place.mapping, opportunity_values(place.mapping, stage, number)),
            task_values(place.crm, number) if order.with_tasks else None,
        )
        for number, account in enumerate(place.accounts()[: order.records])
    ]
    PLAIN[place.crm](place.told, _ticking(place, pairs))
    return {"delivered": len(pairs) * (1 + order.with_tasks), "undelivered": 0}


def _ticking(place: Place, pairs: Pairs) -> Iterator[Pair]:
    """Tell the clock of the loop's work, which the loop does not look at by itself."""
    for pair in pairs:
        place.clock.monotonic()
        yield pair


if __name__ == "__main__":
    main()
