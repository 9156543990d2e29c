"""Who the customers are on the billing side, and what the CRM side says about each, as `choose` asks for it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import assert_never

from connector.compute.history import current
from connector.compute.rows import rows_of
from connector.domain.account import BillingAccount, CrmAccount
from connector.domain.catalogue import Catalogue
from connector.domain.change import CrmRecord, RecordType, Stage
from connector.domain.episode import Episode, EpisodeState
from connector.domain.features import owned_offers
from connector.domain.hold import Hold
from connector.domain.intent import intent_of
from connector.domain.link import LinkState, linked
from connector.domain.occupied import (
    ANY_NEED,
    ClosedEpisode,
    Crm,
    CrmContext,
    OpenEpisode,
    PersonsOpportunity,
    SaveTask,
    UndoneNeed,
)
from connector.domain.play import SAVE, is_proposal
from connector.domain.policy import ClosedOutcome
from connector.ports.billing import Warehouse
from connector.services.measure import Measured
from connector.services.reviewed import reviews_held
from connector.services.world import World, accounts_of, need_of


def billing_accounts(warehouse: Warehouse) -> list[BillingAccount]:
    """Read the customers that still exist, test accounts included, by id."""
    accounts = current(warehouse.tables()["accounts"])
    found = warehouse.execute(accounts.filter(~accounts.deleted).order_by("account_id"))
    return [
        BillingAccount(
            id=row["account_id"],
            source=row["source"],
            name=row["name"] or row["account_id"],
            domain=row["domain"],
            parent_id=row["parent_id"],
            country=row["country"],
            time_zone=row["time_zone"],
            locale=row["locale"],
            segment=row["segment"],
            industry=row["industry"],
            currency=row["currency"],
            crm_id=row["crm_id"],
            is_test=row["is_test"],
            created_at=row["created_at"],
        )
        for row in rows_of(found)
    ]


def told_by_crm(world: World) -> dict[str, Mapping[str, str]]:
    """What the CRM tells of each billing account that is linked: its mapped fields, roles apart."""
    held = {id: one.facts() for id, one in reviews_held(world).items()}
    return {
        billing_id: {f: text for f, text in world.accounts[id].facts.items() if ":" not in f} | held.get(id, {})
        for billing_id, id in linked(world.links).items()
        if id in world.accounts
    }


def owned_by_customer(measured: Measured, links: Mapping[str, str], catalogue: Catalogue) -> dict[str, frozenset[str]]:
    """Which offers each CRM account holds over all its billing accounts; more of something held is no offer held."""
    found: dict[str, frozenset[str]] = {}
    for billing_id, features in measured.accounts.items():
        if billing_id in links:
            held = frozenset(o for o in owned_offers(features, catalogue) if not catalogue.offers[o].adds_to)
            found[links[billing_id]] = found.get(links[billing_id], frozenset()) | held
    return found


Day = Callable[[datetime], date]
"""The calendar day of a moment where people work."""


def crm_side(world: World, now: datetime, day: Day = datetime.date) -> Crm:
    """Put each CRM account's open work together: people's opportunities, our episodes, our tasks."""
    links = {billing: crm for billing, crm in linked(world.links).items() if crm in world.accounts}
    people = peoples_opportunities(world, now)
    open_tasks = _open_tasks(world)
    episodes: dict[str, list[Episode]] = defaultdict(list)
    for episode in world.episodes:
        episodes[episode.account_id].append(episode)
    contexts = {
        id: _context(world, world.accounts[id], people.get(id, []), episodes.get(id, []), open_tasks[id], day)
        for id in sorted(set(links.values()))
    }
    for id, told in reviews_held(world).items():
        if told.outcome == "no" and id in contexts:
            refused = ClosedEpisode(told.need or ANY_NEED, "no", told.on)
            contexts[id] = replace(contexts[id], closed_episodes=(*contexts[id].closed_episodes, refused))
    ambiguous = frozenset(d.billing_id for d in world.links if d.state is LinkState.AMBIGUOUS)
    return Crm(links, contexts, ambiguous)


def _context(
    world: World,
    account: CrmAccount,
    people: list[PersonsOpportunity],
    episodes: list[Episode],
    open_tasks: int,
    day: Day,
) -> CrmContext:
    owner, csm = world.owner("ae", account), world.owner("csm", account)
    # A customer that recovered by itself was not helped: its next trouble need not wait.
    saves = [e for e in episodes if e.need == SAVE and (e.state is not EpisodeState.WITHDRAWN or e.key in world.holds)]
    episodes = [e for e in episodes if is_proposal(e.need)]
    open_ones = [e for e in episodes if e.state is EpisodeState.OPEN]
    return CrmContext(
        account_id=account.id,
        owner_id=owner.id if owner else None,
        owner_active=owner is not None,
        country=account.country,
        opportunities=tuple(people),
        open_episodes=tuple(OpenEpisode(e.need, day(e.opened_at), e.offer, _stage(e, world)) for e in open_ones),
        closed_episodes=tuple(
            ClosedEpisode(e.need, _outcome(e), day(e.closed_at or e.opened_at), _counted_from(e, day))
            for e in episodes
            if e.state is not EpisodeState.OPEN
        ),
        undone=tuple(_undone(e, world.holds[e.key], day) for e in episodes if e.key in world.holds),
        saves=tuple(_save(e, e.key in world.holds, day) for e in saves),
        csm_id=csm.id if csm else None,
        open_tasks=open_tasks,
    )


def _counted_from(episode: Episode, day: Day) -> date | None:
    """What we took back was no proposal of its week; what a person undid keeps its place as an undone one."""
    return None if episode.state is EpisodeState.WITHDRAWN else day(episode.opened_at)


def _undone(episode: Episode, hold: Hold, day: Day) -> UndoneNeed:
    is_closed = episode.state is EpisodeState.WITHDRAWN
    proposed_on = day(episode.opened_at) if is_closed else None
    return UndoneNeed(episode.need, hold.run_id, hold.by, day(hold.at), proposed_on)


def _save(episode: Episode, is_undone: bool, day: Day) -> SaveTask:
    closed = None if episode.state is EpisodeState.OPEN else day(episode.closed_at or episode.opened_at)
    return SaveTask(day(episode.opened_at), closed, is_undone)


def _outcome(episode: Episode) -> ClosedOutcome:
    match episode.state:
        case EpisodeState.WON:
            return "won"
        case EpisodeState.LOST:
            return "lost"
        case EpisodeState.NO:
            return "no"
        case EpisodeState.NOT_USEFUL:
            return "not_useful"
        case EpisodeState.DELETED:
            return "deleted"
        case EpisodeState.WITHDRAWN | EpisodeState.OPEN:
            return "withdrawn"
        case _ as never:
            assert_never(never)


def _stage(episode: Episode, world: World) -> str | None:
    if episode.brief and intent_of(episode.brief).as_task:
        return None
    record = world.opportunity(episode.key)
    return world.our_stage(record) if record else "proposed"


def peoples_opportunities(world: World, now: datetime) -> dict[str, list[PersonsOpportunity]]:
    """Open opportunities that are not ours, by account, each with the need it works on as far as rules can tell."""
    mapping = world.mapping.opportunity
    stages = {stage.id: stage for stage in world.stages}
    found: dict[str, list[PersonsOpportunity]] = defaultdict(list)
    for record in world.opportunities:
        if record.archived or record.id in world.our_keys or _is_closed(record, mapping.stage, stages):
            continue
        need, renewal = need_of(record, mapping.people)
        touched: date = (record.modified_at or now).date()
        for account_id in accounts_of(record):
            name = record.fields.get(mapping.name) or record.id
            found[account_id].append(PersonsOpportunity(record.id, name, touched, need, renewal))
    return found


def _is_closed(record: CrmRecord, field: str, stages: dict[str, Stage]) -> bool:
    stage = stages.get(record.fields.get(field) or "")
    return stage is not None and stage.closed


def _open_tasks(world: World) -> Counter[str]:
    """Count our own open tasks by account."""
    done = set(world.mapping.task.done) | {world.mapping.task.cancelled}
    status = {record.id: record for record in world.tasks}
    counted: Counter[str] = Counter()
    for known in (one for one in world.known.values() if one.type is RecordType.TASK):
        record = status.get(known.crm_id)
        if record is not None and not record.archived and record.fields.get(world.mapping.task.status) not in done:
            counted[known.account_id] += 1
    return counted
