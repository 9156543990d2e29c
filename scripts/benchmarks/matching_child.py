"""Matches so many accounts in a process of its own, and tells seconds, peak memory and quality."""

from __future__ import annotations

import gc
import json
import sys
from time import perf_counter, process_time

from planning_child import peak

from connector.testing.company_pairs import labelled
from connector.testing.matching_quality import by_exact_name, matched, quality

SEED = 4001


def main() -> None:
    """Print one JSON object: `matching_child.py ours|plain ACCOUNTS`."""
    way, size = sys.argv[1], int(sys.argv[2])
    world = labelled(SEED, size)
    gc.collect()
    inputs, began, processor = peak(), perf_counter(), process_time()
    decisions = matched(world) if way == "ours" else by_exact_name(world)
    told = {"seconds": perf_counter() - began, "processor": process_time() - processor, "peak_mb": peak()}
    found = quality(world, decisions)
    told |= {"inputs_mb": inputs, "crm": len(world.crm), "precision": found.precision, "recall": found.recall}
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
