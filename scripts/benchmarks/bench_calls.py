"""How many calls a delivery costs, beside the fewest that carry the same records, and how long the limit makes it wait.

The floor counts full batches for each step: 200 records a call for Salesforce's Collections, 100 for HubSpot's batches
and, as ours sends them, its association batches. A job of Salesforce's Bulk API 2.0 takes any of these steps in three
calls that write (create, upload, close) and is a transport of its own. Reads are counted apart: they find what is
there before anything is written, and again after it where the answer does not show it.
"""

from __future__ import annotations

import tempfile
from math import ceil
from pathlib import Path

import ours
from crm_place import Place, place
from goals import Figure, Report
from records import desired, proposed

BATCH = {"salesforce": 200, "hubspot": 100}
CALLS_OF_A_JOB = 3
CHANGED_SHARE = 100
"""One record in so many is changed before the second run."""
WINDOW_CALLS, WINDOW_SECONDS = 190, 10.0
"""HubSpot's published limit for a private app in a Professional or Enterprise account."""


def bench_calls(crm: str, records: int) -> list[Report]:
    """Deliver everything, then what changed, then nothing."""
    with place(crm, records) as there, tempfile.TemporaryDirectory() as folder, ours.ledger(Path(folder)) as memory:
        accounts, stage = there.accounts()[:records], proposed(there.mapping, there.connect().feed.stages())
        changed = max(1, records // CHANGED_SHARE)
        there.clock.sleep(WINDOW_SECONDS)  # what was asked until here is out of the window
        wanted = {"first": 0, "changed": changed, "unchanged": changed}
        runs = {
            name: ours.run(there, memory, list(desired(there.mapping, stage, accounts, changed=count)), name)
            for name, count in wanted.items()
        }
    sizes = {"opportunities": records, "tasks": records, "changed_of_each": changed}
    calls = _calls(crm, runs["first"], runs["changed"], runs["unchanged"])
    question = "an opportunity with its association and task for every customer"
    reports = [Report(f"calls to {crm}", question, sizes, calls, _remarks(there, runs["first"]))]
    return [*reports, _wall(there, runs["first"], sizes)]


def _calls(crm: str, first: ours.Run, changed: ours.Run, unchanged: ours.Run) -> list[Figure]:
    unsent = sum(one.undelivered for one in (first, changed, unchanged))
    return [
        *_against_floor("first run", crm, first, 1.05),
        *_against_floor("1 % changed", crm, changed, 1.1),
        Figure("unchanged: writes", unchanged.delivering.writes + unchanged.delivering.job_writes, at_most=0),
        Figure("changes that were not delivered", unsent, at_most=0),
        *(
            Figure(f"{name}: reads", one.planning.reads + one.delivering.reads, of=f"{one.planning.reads:,} to plan")
            for name, one in (("first run", first), ("1 % changed", changed), ("unchanged", unchanged))
        ),
    ]


def _against_floor(name: str, crm: str, run: ours.Run, goal: float) -> list[Figure]:
    batched = {phase: count for phase, count in run.phases.items() if phase not in run.by_job}
    floors = {
        "batches": (run.delivering.writes, sum(ceil(count / BATCH[crm]) for count in batched.values())),
        "bulk jobs": (run.delivering.job_writes, CALLS_OF_A_JOB * len(run.by_job)),
    }
    return [
        Figure(f"{name}: writes / floor, {how}", made / max(floor, 1), "×", goal, f"{made:,} / {floor:,}")
        for how, (made, floor) in floors.items()
        if made or floor
    ]


def _remarks(there: Place, first: ours.Run) -> list[str]:
    if there.crm == "salesforce":
        return []
    pairs = [count for (verb, _), count in first.phases.items() if verb == "associate"]
    saved = sum(ceil(count / 100) - ceil(count / 2_000) for count in pairs)
    return [
        f"HubSpot documents 2,000 pairs for a call that associates: sent that way, it would be {saved:,} calls less"
    ]


def _wall(there: Place, run: ours.Run, sizes: dict[str, int]) -> Report:
    """Set the seconds of the first run beside the least that its calls take under the published limit."""
    seconds, changes = run.plan_seconds + run.seconds, max(1, run.phases.total())
    answering = run.planning.seconds + run.delivering.seconds
    calls = run.planning.calls.total() + run.delivering.calls.total() - run.planning.calls["search"]
    bound = (calls - 1) // WINDOW_CALLS * WINDOW_SECONDS if there.crm == "hubspot" else 0.0
    figures = [
        Figure("seconds, plan and delivery", seconds, "s"),
        Figure("  of these: waited for the limit", run.waited, "s", of="skipped"),
        Figure("  of these: the stand-in's own work", answering, "s"),
        Figure("  of these: our own work", run.worked, "s", of=f"{1000 * run.worked / changes:.2f} ms a change"),
    ]
    remarks = ["one clock for us and the stand-in: processor time of both, plus waits, which are skipped"]
    if bound:
        of = f"{calls:,} calls at {WINDOW_CALLS} in {WINDOW_SECONDS:g} s take {bound:g} s"
        figures.insert(0, Figure("wall time / lower bound", seconds / bound, "×", 1.15, of))
    else:
        why = "publishes no limit by the second" if there.crm == "salesforce" else "limit does not bind at this size"
        remarks.append(f"{there.crm}: its {why}" if there.crm == "hubspot" else f"{there.crm} {why}")
    return Report(f"wall time to {there.crm}", "the first run, under the vendor's limit", sizes, figures, remarks)
