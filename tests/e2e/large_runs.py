"""Runs of hundreds of records through the real mechanism: real adapters, ledger and command, records made up here."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from unittest.mock import patch

from connector import bootstrap
from connector.config.settings import load_settings
from connector.domain.change import Desired, DesiredField, Link, Policy, RecordType, Ref, Scalar
from connector.domain.run import Run
from connector.services.opening import open_run
from connector.services.plan import PlanContext, make_plan
from connector.services.settle import apply_plan
from connector.services.summary import of_plan
from connector.services.work import Work
from tests.e2e.running import spared
from tests.e2e.world import World

OPPORTUNITY, ACCOUNT = RecordType.OPPORTUNITY, RecordType.ACCOUNT


@contextmanager
def working(world: World) -> Iterator[Work]:
    """The connector as a command puts it together."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("CONNECTOR_")}
    with (
        spared(world.kept),
        patch.dict(os.environ, {**others, **world.environment()}, clear=True),
        bootstrap.open_work(load_settings()) as work,
    ):
        yield work


def opportunities(world: World, work: Work, count: int) -> list[Desired]:
    """So many opportunities over the company's accounts, as the mapping shows them."""
    crm, mapping = work.crm, work.mapping.opportunity
    stage = next(one for one in crm.feed.stages() if one.label == mapping.stages["proposed"])
    accounts = [one.id for one in world.side.all("account") if not one.gone]
    day = "2026-12-11" if world.side.crm == "salesforce" else "2026-12-11T12:00:00Z"
    made = []
    for number in range(count):
        account = accounts[number % len(accounts)]
        values = {mapping.stage: stage.id, mapping.name: f"Opportunity {number}", mapping.close_date: day}
        values |= {mapping.pipeline_field: stage.pipeline} if mapping.pipeline_field else {}
        fields = {name: DesiredField(value, Policy.CREATE) for name, value in values.items()}
        link = Link("account", mapping.links["account"], Ref(ACCOUNT, id=account))
        made.append(Desired(OPPORTUNITY, f"{number:032x}", account, f"Opportunity {number}", "", fields, (link,)))
    return made


def showing(desired: Sequence[Desired], values: Mapping[str, Scalar]) -> list[Desired]:
    """The same records with other values in fields that people may change."""
    fields = {name: DesiredField(value, Policy.MERGE, clear=True) for name, value in values.items()}
    return [replace(one, fields={**one.fields, **fields}) for one in desired]


def run(world: World, work: Work, desired: Sequence[Desired]) -> Run:
    """A run that delivers what is desired."""
    world.side.minutes_later(10)
    destination = work.crm.reader.destination()
    opened = open_run(work.memory, destination, "sync", world.now, agreed=True)
    context = PlanContext(
        run_id=opened.id,
        job="sync",
        destination=destination.id,
        now=world.now,
        config_hash=work.project.hash,
        ledger_epoch=work.memory.destinations.epoch(),
        clock=work.clock,
        batch_size=work.crm.writer.batch_size,
        holds=work.memory.holds.all(destination.id),
    )
    plan = make_plan(desired, [], work.crm.reader, work.memory.receipts.records(destination.id), context)
    delivered = apply_plan(plan, work.delivering())
    work.memory.runs.close(opened.id, delivered.status, world.now, of_plan(plan, delivered))
    ended = work.memory.runs.get(opened.id)
    assert ended is not None
    return ended
