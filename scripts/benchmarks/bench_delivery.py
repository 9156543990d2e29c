"""Delivery: calls beside the fewest possible, wall time under a limit, other ways of doing it, and what planning costs.

Each question has its own module; this one only says in which order they are asked, and lists the goals missed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bench_calls import bench_calls
from bench_peers import bench_peers
from bench_planning import bench_planning
from goals import Report

from connector.cli import collect_seldom

CRMS = ("salesforce", "hubspot")


@dataclass(frozen=True)
class Size:
    """How much is delivered and planned."""

    opportunities: int
    killed: int
    """Opportunities of the runs that are killed half-way."""
    planned: int


FULL = Size(opportunities=10_000, killed=1_000, planned=100_000)
QUICK = Size(opportunities=250, killed=250, planned=5_000)


def bench_delivery(size: Size, repetitions: int) -> Iterator[Report]:
    """Ask every question, and tell each answer as soon as it is there."""
    collect_seldom()
    for crm in CRMS:
        yield from bench_calls(crm, size.opportunities)
    for crm in CRMS:
        yield from bench_peers(crm, size.opportunities, min(size.killed, size.opportunities))
    yield from bench_planning(size.planned, repetitions)
