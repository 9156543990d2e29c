"""The same delivery by a plain client loop and by drt-core: same stand-in, same limit, and what a kill leaves behind.

Every side is a process of its own and gets a stand-in of its own. It is killed when half of its write calls are done,
before the last of them is answered, and run again to its end; then the stand-in's records are counted by name.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import drt_peer
from bench_calls import BATCH
from crm_place import Answered, Place, place
from goals import Figure, Report
from records import on_the_wire, opportunity_values, proposed

RUNS_WITHIN_SECONDS = 3600
KILLED = -9
SKIPPED = "one clock for each side and its stand-in: processor time of both, plus waits, which are skipped"


@dataclass(frozen=True)
class Job:
    """One side's command against one stand-in, and where it runs."""

    command: Sequence[str]
    folder: Path
    environment: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Peer:
    """One side: how to set it up, how many write calls it needs for so many opportunities, and what it can do."""

    name: str
    set_up: Callable[[Place, Path, int], Job]
    writes: Callable[[int], int]
    kinds: int = 2
    """Records for each opportunity: itself, and its task."""
    links: bool = True
    """It associates what it writes."""


def bench_peers(crm: str, records: int, killed: int) -> list[Report]:
    """Compare what every side can deliver: all of it with a plain loop, deals alone with drt-core."""
    loop = Peer("client loop", _own("loop", crm), lambda count: 2 * count)
    steps = 2 if crm == "salesforce" else 4
    ours = Peer("ours", _own("ours", crm), lambda count: steps * -(-count // BATCH[crm]))
    question = "opportunities with association and task, delivered by each side"
    reports = [_compared(f"{crm}: ours and a plain loop", question, crm, [ours, loop], records, killed)]
    if crm == "hubspot":
        reports.append(_with_drt(records, killed))
    return reports


def _with_drt(records: int, killed: int) -> Report:
    name, question = "hubspot: ours and drt-core", "deals alone, delivered by each side"
    trouble = drt_peer.install()
    if trouble is not None:
        return Report(name, question, {"opportunities": records}, [], [f"left out: {trouble}"])
    ours = Peer("ours, deals alone", _own("ours", "hubspot", "--no-tasks"), lambda count: 2 * -(-count // 100), 1)
    peers = [
        Peer("drt-core, unique property", _drt("expansion_key"), lambda count: count, 1, links=False),
        Peer("drt-core, deal's name", _drt("dealname"), lambda count: count, 1, links=False),
    ]
    report = _compared(name, question, "hubspot", [ours, *peers], records, killed)
    remarks = (
        SKIPPED,
        f"{drt_peer.RELEASE}: its HubSpot destination writes no tasks and no associations; ours associates each deal",
        "drt-core runs at its quickest: no pacing of its own, refused calls repeated after a second",
    )
    return Report(report.name, report.question, report.sizes, report.figures, remarks)


def _compared(name: str, question: str, crm: str, peers: Sequence[Peer], records: int, killed: int) -> Report:
    figures: list[Figure] = []
    for peer in peers:
        with _prepared(crm, peer, records) as (there, job):
            done = _finished(there, job)
            figures += _wrong(there, peer, records, "after its run")
        calls = done.calls.total() - done.calls["login"]
        of = f"{calls / records:.3f} an opportunity, {done.calls['refused']:,} refused for the limit"
        figures += [
            Figure(f"{peer.name}: calls", calls, of=of),
            Figure(f"{peer.name}: seconds", done.span, "s", of="first call to last answer"),
        ]
        figures += _after_a_kill(crm, peer, killed)
    sizes = {"opportunities": records, "opportunities_of_the_killed_run": killed}
    return Report(name, question, sizes, figures, [SKIPPED])


def _after_a_kill(crm: str, peer: Peer, records: int) -> list[Figure]:
    with _prepared(crm, peer, records) as (there, job):
        running = _started(job)
        there.kill(running.pid, peer.writes(records) // 2)
        running.communicate(timeout=RUNS_WITHIN_SECONDS)
        if running.returncode != KILLED:
            raise SystemExit(f"{peer.name} ended with {running.returncode} before it was killed")
        _finished(there, job)
        doubled = Figure(f"{peer.name}: doubled after a kill", there.found().doubles, at_most=_goal(peer))
        return [doubled, *_wrong(there, peer, records, "after a kill")]


def _wrong(there: Place, peer: Peer, records: int, when: str) -> list[Figure]:
    """Tell what is missing, when something is."""
    found = there.found()
    missing = {
        f"{peer.name}: missing {when}": records * peer.kinds - found.records,
        f"{peer.name}: without association {when}": found.unlinked if peer.links else 0,
    }
    return [Figure(name, count, at_most=_goal(peer)) for name, count in missing.items() if count]


def _goal(peer: Peer) -> float | None:
    """Ours loses and doubles nothing; what others do is told as it is."""
    return 0 if peer.name.startswith("ours") else None


@contextmanager
def _prepared(crm: str, peer: Peer, records: int) -> Iterator[tuple[Place, Job]]:
    with place(crm, records) as there, tempfile.TemporaryDirectory() as folder:
        yield there, peer.set_up(there, Path(folder), records)


def _finished(there: Place, job: Job) -> Answered:
    there.forget()
    output, errors = (running := _started(job)).communicate(timeout=RUNS_WITHIN_SECONDS)
    # drt-core ends with 1 when single rows failed, which is for its figures to show; a crash prints to stderr alone.
    if running.returncode and not output.strip():
        raise SystemExit(f"{job.command[0]} ended with {running.returncode}:\n{errors}")
    return there.answered()


def _started(job: Job) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603 - our own command
        job.command,
        cwd=job.folder,
        env=job.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _own(side: str, crm: str, *options: str) -> Callable[[Place, Path, int], Job]:
    def set_up(there: Place, folder: Path, records: int) -> Job:
        script = str(Path(__file__).with_name("side.py"))
        where = str(there.folder), str(folder / "state")
        return Job((sys.executable, script, side, crm, *where, "--records", str(records), *options), folder)

    return set_up


def _drt(id_property: str) -> Callable[[Place, Path, int], Job]:
    def set_up(there: Place, folder: Path, records: int) -> Job:
        stage = proposed(there.mapping, there.connect().feed.stages())
        # By name, as its documentation shows it, there is no unique property in the row.
        key = there.mapping.opportunity.key
        rows = [
            {
                **on_the_wire(there.mapping, opportunity_values(there.mapping, stage, number)),
                **({key: f"key {number}"} if id_property == key else {}),
            }
            for number in range(records)
        ]
        project = folder / "project"
        drt_peer.project(project, rows, id_property)
        return Job(drt_peer.command(), project, drt_peer.environment(there, project))

    return set_up
