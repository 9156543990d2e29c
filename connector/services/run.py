"""The main job, read from top to bottom: billing → signals → scores → intents → records → plan → CRM.

`Work` holds what a run is made of; each step is a function of its own file. Nothing below here reads a clock for
business time: `now` is fixed once, when the run opens.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime

from connector.compute.mrr import tie
from connector.domain.account import BillingAccount
from connector.domain.change import Plan
from connector.domain.errors import ConfigError
from connector.domain.intent import Held
from connector.domain.link import linked
from connector.domain.run import Delivered, RunStatus
from connector.ports.ledger import PlanStatus
from connector.services import snapshot
from connector.services.batches import no_jobs
from connector.services.begin import begin
from connector.services.billed import billed
from connector.services.calendar import holidays_of
from connector.services.cards import Told as Known
from connector.services.cards import cards
from connector.services.check_live import shape_gaps
from connector.services.choose import choose
from connector.services.customers import billing_accounts, crm_side, owned_by_customer, told_by_crm
from connector.services.desk import Desk
from connector.services.drift import held_for_schema
from connector.services.facts import Told, save_facts
from connector.services.holdout import hold_out, with_arms
from connector.services.keys import keys_of
from connector.services.learnt import keep_beside
from connector.services.match import match
from connector.services.measure import measure
from connector.services.monday import monday
from connector.services.opening import check_installed, open_run
from connector.services.plan import PlanContext, make_plan
from connector.services.project import Projected, project
from connector.services.pull import pull_and_stage
from connector.services.remade import follow_fields, remade_fields
from connector.services.scope import (
    bounds,
    limited,
    segments_of,
    waiting_outside,
)
from connector.services.score import score
from connector.services.settle import apply_plan, too_much
from connector.services.shadow import with_earlier
from connector.services.silence import hear
from connector.services.spare import feed_without_forgotten, spared_by, without_forgotten
from connector.services.summary import kept, of_run
from connector.services.track import relinked_episodes, track
from connector.services.work import Current, Decided, Outcome, Request, Work
from connector.services.world import World

STAGES = "stages"
"""The job that follows stage moves and scores nothing: it tells only a part of what is wanted."""


def sync(work: Work, request: Request) -> Outcome:
    """Pull, decide and deliver; or only plan."""
    work = work.looking()
    current = open_current(work, request)
    try:
        decided = decide(work, request, current)
        with current.step("plan", request.tell):
            plan = planned(work, request, current, decided)
        status, delivered = carry_out(work, request, current, plan, decided.world)
        return close(work, current, plan, decided, status, delivered)
    except BaseException:
        fail(work, current)
        raise


def decide(work: Work, request: Request, current: Current) -> Decided:
    """Pull billing, follow the CRM, and choose what to propose to whom."""
    rules, now, today = work.project, request.now, work.project.day(request.now)
    with current.step("track", request.tell):
        world = _followed(work, current)
    with work.warehouse() as warehouse:
        sources = without_forgotten(work.sources(), spared_by(work.memory.suppressions))
        with current.step("pull", request.tell):
            pulled = pull_and_stage(sources, warehouse, now, request.tell)
        with current.step("measure", request.tell):
            accounts = billing_accounts(warehouse)
            world = _matched(work, request, current, world, accounts)
            measured = measure(warehouse, rules.catalogue, rules.signals, now, told_by_crm(world))
            current.within = bounds(rules, world, segments_of(measured.accounts, linked(world.links)))
            keeps = not request.plan_only and not work.is_shadow
            held_out = hold_out(work.memory, rules, world, measured, current.within, current.run.id, keeps)
        with current.step("score", request.tell):
            learnt = work.learnt()
            card = learnt.in_use if learnt is not None else None
            scores = score(measured, rules.catalogue, rules.policy, rules.fx, today, card)
            mrr = asdict(tie(warehouse, sources, now))
    with current.step("choose", request.tell):
        side = with_arms(limited(crm_side(world, now, rules.day), current.within), held_out)
        if work.is_shadow:
            side = with_earlier(side, work.memory.plans, current.destination.id, world.episodes, now, rules.day)
        chosen = choose(
            measured, scores, side, rules.catalogue, rules.policy, now, holidays_of, today, rules.save, rules.fx
        )
        begun = begin(measured, side, chosen, world, rules, today, current.within)
    return Decided(world, pulled, measured, scores, side, begun, mrr, accounts, learnt)


def _matched(work: Work, request: Request, current: Current, world: World, accounts: Sequence[BillingAccount]) -> World:
    """Find out who is who; what the CRM tells of a customer may then speak for it."""
    decisions = match(accounts, list(world.accounts.values()), world.links, world.survivors, request.now)
    work.memory.links.settle(current.destination.id, decisions)
    world = replace(world, links=tuple(work.memory.links.all(current.destination.id)))
    return _relinked(work, request, current, world)


def _relinked(work: Work, request: Request, current: Current, world: World) -> World:
    """Let open episodes follow their customer to another CRM account; planning alone stores nothing."""
    moved = relinked_episodes(world)
    if moved and not request.plan_only and not work.is_shadow:
        work.memory.episodes.save(current.destination.id, moved)
    by_key = {episode.key: episode for episode in moved}
    return replace(world, episodes=tuple(by_key.get(episode.key, episode) for episode in world.episodes))


def _followed(work: Work, current: Current, is_quick: bool = False) -> World:
    crm, at = work.crm, current.destination.id
    feed = feed_without_forgotten(crm.feed, at, spared_by(work.memory.suppressions))
    world = track(feed, crm.reader, work.memory, work.project, at, current.run.now, is_quick)
    follow_fields(work.memory, crm.reader, work.mapping, at, current.run.id)
    return world


def planned(work: Work, request: Request, current: Current, decided: Decided) -> Plan:
    """Turn intents and reviews into records, and records into a plan."""
    world, chosen = decided.world, decided.chosen
    made, held = desired_of(work, request, decided)
    snapshot.save(work.snapshots, current.run.id, decided.measured, decided.scores, chosen, held)
    _keep_facts(work, request, current, decided)
    segments = segments_of(decided.measured.accounts, linked(world.links))
    snapshot.save_segments(work.snapshots, current.run.id, current.destination.id, segments)
    work.memory.decisions.save(current.destination.id, current.run, held)
    current.held = dict(sorted(Counter(str(one.reason) for one in held).items()))
    return _plan(work, request, current, world, made, held)


def _keep_facts(work: Work, request: Request, current: Current, decided: Decided) -> None:
    """Keep what was decided from, so that it can be explained, and asked again under other rules."""
    names = {id: account.name for id, account in decided.world.accounts.items()}
    owners = {id: owner.name for id, owner in decided.world.owners.items()}
    told = Told(work.project.day(request.now), names, owners)
    to = work.snapshots / current.run.id
    if decided.learnt is not None:
        keep_beside(work.snapshots.parent, to, decided.learnt)
    save_facts(
        to, current.run.id, current.destination.id, work.project, decided.measured, decided.crm, told, decided.learnt
    )


def desired_of(work: Work, request: Request, decided: Decided) -> tuple[Projected, list[Held]]:
    """Turn intents and reviews into the records that the CRM should hold; also what is held, and why."""
    rules, world, chosen = work.project, decided.world, decided.chosen
    links, reviews = linked(world.links), decided.begun.reviews
    owned = owned_by_customer(decided.measured, links, rules.catalogue)
    heard = hear(world.episodes, decided.measured, decided.scores, links, rules, rules.day(request.now))
    made = project(
        chosen.intents,
        reviews.intents,
        reviews.briefs,
        world,
        rules,
        request.now,
        owned,
        chosen.saves,
        heard,
        chosen.plays,
        reviews.skipped,
    )
    known = Known(decided.measured, links, chosen.white_space, chosen.intents, decided.begun.planned)
    desk = Desk(world, rules, request.now)
    notes = (*cards(desk, known), *billed(desk, decided.measured, links))
    made = replace(made, desired=(*monday(desk, made.desired), *notes))
    return made, [*chosen.held, *made.held]


def plan_context(work: Work, request: Request, current: Current, world: World, made: Projected) -> PlanContext:
    """Say what a plan of this run is made under."""
    left = work.memory.outbox.entries(current.destination.id) if current.within.is_limited else ()
    return PlanContext(
        run_id=current.run.id,
        job=request.job,
        destination=current.destination.id,
        now=request.now,
        config_hash=work.project.hash,
        ledger_epoch=work.memory.destinations.epoch(),
        clock=work.clock,
        batch_size=work.crm.writer.batch_size,
        job_size=work.crm.bulk.size if work.crm.bulk else no_jobs,
        holds=world.holds,
        whole=request.job != STAGES,
        outside=current.within.outside,
        waiting=waiting_outside(left, current.within, {one.key for one in made.desired}),
        keys=keys_of(world),
        remade=remade_fields(work.memory, work.mapping, current.destination.id),
        decided=work.memory.outbox.prepare,
    )


def _plan(work: Work, request: Request, current: Current, world: World, made: Projected, held: Sequence[Held]) -> Plan:
    context = plan_context(work, request, current, world, made)
    return make_plan(made.desired, held, work.crm.reader, world.known, context, made.episodes)


def carry_out(
    work: Work, request: Request, current: Current, plan: Plan, world: World
) -> tuple[RunStatus, Delivered | None]:
    """Deliver a plan, unless only a plan was asked for or a person has to approve it first."""
    standing = sum(record.tombstone is None for record in world.known.values())
    current.approval = too_much(plan, work.project.policy.approval, standing)
    if work.is_shadow and not request.plan_only:
        if request.job != STAGES:
            work.memory.plans.save(plan, PlanStatus.SHADOW)
        return RunStatus.SHADOW, None
    if request.plan_only or current.approval:
        work.memory.plans.save(plan)
        return (RunStatus.PLANNED if request.plan_only else RunStatus.WAITING), None
    with current.step("deliver", request.tell):
        delivered = apply_plan(plan, work.delivering(), request.patience)
    is_short = bool(current.gaps or held_for_schema(plan.changes)) and delivered.status is RunStatus.SUCCESS
    return (RunStatus.PARTIAL if is_short else delivered.status), delivered


def stages(work: Work, request: Request) -> Outcome:
    """Follow stage moves only: the tasks of a stage are in the CRM minutes after its owner moved the opportunity."""
    work = work.looking()
    current = open_current(work, request)
    try:
        with current.step("track", request.tell):
            world = _followed(work, current, is_quick=True)
            current.within = bounds(work.project, world, snapshot.load_segments(work.snapshots, current.destination.id))
        with current.step("plan", request.tell):
            made = project((), (), {}, world, work.project, request.now)
            plan = _plan(work, request, current, world, made, made.held)
        status, delivered = carry_out(work, request, current, plan, world)
    except BaseException:
        fail(work, current)
        raise
    told = of_run(current, plan, status, delivered, work.crm.meter.calls())
    work.memory.runs.close(current.run.id, status, datetime.now(UTC), kept(told))
    return Outcome(replace(current.run, status=status), plan, told)


def run_job(work: Work, request: Request) -> Outcome:
    """Run a scheduled job by its kind."""
    return stages(work, request) if request.job == STAGES else sync(work, request)


def open_current(work: Work, request: Request) -> Current:
    """Say where we are going, refuse to go there unprepared, and note that a run began."""
    with_time: dict[str, float] = {}
    began = time.monotonic()
    destination = work.crm.reader.destination()
    check_installed(work.crm.setup, work.mapping)
    gaps = shape_gaps(work.project, work.mapping, work.crm)
    if any(gap.stops for gap in gaps):
        raise ConfigError([gap.problem for gap in gaps])
    writes_nothing = request.plan_only or work.is_shadow
    run = open_run(work.memory, destination, request.job, request.now, request.agree or writes_nothing)
    with_time["open"] = round(time.monotonic() - began, 3)
    return Current(run, destination, with_time, mode=work.project.policy.mode, gaps=[gap.problem for gap in gaps])


def fail(work: Work, current: Current) -> None:
    """Note that a run broke off; the calls it made count against our share of the day."""
    told = {"api_calls": {"crm": work.crm.meter.calls()}}
    work.memory.runs.close(current.run.id, RunStatus.FAILED, datetime.now(UTC), told)


def close(
    work: Work, current: Current, plan: Plan, decided: Decided, status: RunStatus, delivered: Delivered | None
) -> Outcome:
    """Note how the run ended and give its summary."""
    told = of_run(current, plan, status, delivered, work.crm.meter.calls(), decided)
    work.memory.runs.close(current.run.id, status, datetime.now(UTC), kept(told))
    names = {id: account.name for id, account in decided.world.accounts.items()}
    return Outcome(replace(current.run, status=status), plan, told, decided.chosen.intents, names)
