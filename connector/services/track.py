"""Step `track`: what changed in the CRM since last time, into the mirror; and what that means for our episodes.

The cursor of a type moves in the transaction that stores what was seen. Reading overlaps by some minutes, because a
CRM's search may lag behind its records; storing the same record twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from connector.domain.account import Owner
from connector.domain.change import CrmRecord, RecordType, Stage
from connector.domain.episode import Episode, EpisodeState
from connector.domain.link import linked
from connector.domain.mapping import CrmMapping
from connector.domain.outbox import BLOCKING
from connector.domain.play import play_of
from connector.domain.project import Project, mapping_of
from connector.ports.crm import CrmFeed, CrmReader
from connector.ports.ledger import Mirror
from connector.services.done import Standings
from connector.services.feedback import ended_by_answers
from connector.services.memory import Memory
from connector.services.play_tasks import state_after
from connector.services.save_task import only_task_key
from connector.services.world import World, contacts_by_account, crm_accounts, outcome_of, read_names, survivors

OVERLAP = timedelta(minutes=10)
FOLLOWED = (RecordType.ACCOUNT, RecordType.CONTACT, RecordType.OPPORTUNITY)


def track(
    feed: CrmFeed,
    reader: CrmReader,
    memory: Memory,
    rules: Project,
    destination: str,
    now: datetime,
    is_quick: bool = False,
) -> World:
    """Follow the CRM's changes and give the world as it now stands. `is_quick` leaves out what seldom changes."""
    mapping = mapping_of(rules)
    names = {type: _there(reader, mapping, type) for type in FOLLOWED}
    changed_ids = {type: _follow(feed, memory.mirror, names[type], destination, type) for type in FOLLOWED}
    _follow_tasks(reader, memory, mapping, destination, is_quick)
    _follow_stages(feed, memory, mapping, destination, changed_ids[RecordType.OPPORTUNITY])
    world = look(memory, mapping, destination, feed.stages(), feed.owners())
    for news in (moved_episodes, ended_episodes, ended_mentions(rules), ended_plays(rules), ended_by_answers(rules)):
        if changed := news(world, now):
            memory.episodes.save(destination, changed)
            world = replace(world, episodes=tuple(memory.episodes.all(destination)))
    return world


def look(
    memory: Memory, mapping: CrmMapping, destination: str, stages: Sequence[Stage], owners: Sequence[Owner]
) -> World:
    """Read the world from the ledger alone, without asking the CRM."""
    accounts, under_way = memory.mirror.records(destination, RecordType.ACCOUNT), memory.outbox.entries(destination)
    return World(
        mapping=mapping,
        accounts=crm_accounts(accounts, mapping),
        contacts=contacts_by_account(memory.mirror.records(destination, RecordType.CONTACT), mapping.contact),
        owners={owner.id: owner for owner in owners},
        stages=tuple(stages),
        opportunities=tuple(memory.mirror.records(destination, RecordType.OPPORTUNITY)),
        tasks=tuple(memory.mirror.records(destination, RecordType.TASK)),
        entries=memory.mirror.stages(destination),
        links=tuple(memory.links.all(destination)),
        episodes=tuple(memory.episodes.all(destination)),
        known=memory.receipts.records(destination),
        survivors=survivors(accounts),
        holds=memory.holds.all(destination),
        waiting={
            entry.change.key: {field.name: field for field in entry.change.fields}
            for entry in under_way
            if entry.change.action == "update"
        },
        closing={
            entry.change.key: {field.name: field.after for field in entry.change.fields}
            for entry in under_way
            if entry.change.action == "close" and entry.state in BLOCKING
        },
    )


def follow_accounts(
    feed: CrmFeed, reader: CrmReader, mirror: Mirror, mapping: CrmMapping, destination: str
) -> list[CrmRecord]:
    """Read every account anew, whatever was seen of it before, and give them as they now stand."""
    names = _there(reader, mapping, RecordType.ACCOUNT)
    _follow(feed, mirror, names, destination, RecordType.ACCOUNT, is_whole=True)
    return mirror.records(destination, RecordType.ACCOUNT)


def moved_episodes(world: World, _now: datetime) -> list[Episode]:
    """Move the episodes of a merged account to its survivor, ended ones too: its cool-downs go on. Keys stay."""
    return [
        replace(episode, account_id=world.survivors[episode.account_id])
        for episode in world.episodes
        if episode.account_id in world.survivors
    ]


def relinked_episodes(world: World) -> list[Episode]:
    """Move the open episodes whose customer was linked to another CRM account since; keys stay."""
    links = linked(world.links)
    moved = []
    for episode in world.episodes:
        homes = {links.get(billing_id) for billing_id in episode.brief.get("billing_ids", ())}
        home = homes.pop() if len(homes) == 1 else None
        if episode.state is EpisodeState.OPEN and home in world.accounts and home and home != episode.account_id:
            moved.append(replace(episode, account_id=home))
    return moved


def ended_episodes(world: World, now: datetime) -> list[Episode]:
    """Close the open episodes whose opportunity was won, lost, taken back or deleted in the CRM."""
    field = world.mapping.opportunity.stage
    stages = {stage.id: stage for stage in world.stages}
    ended = []
    for episode in world.episodes:
        record = world.opportunity(episode.key)
        if episode.state is not EpisodeState.OPEN or record is None:
            continue
        stage = stages.get(record.fields.get(field) or "")
        if record.archived:
            state = EpisodeState.DELETED
        elif stage is None or not stage.closed:
            continue
        elif stage.won:
            state = EpisodeState.WON
        else:
            state = _closed_as(world, episode, episode.key, field, record)
        ended.append(replace(episode, state=state, closed_at=min(record.modified_at or now, now)))
    return ended


def ended_mentions(rules: Project) -> Callable[[World, datetime], list[Episode]]:
    """Close the small proposals whose one task was done (said, so we keep silent for a while) or deleted."""

    def ended(world: World, now: datetime) -> list[Episode]:
        tasks = {record.id: record for record in world.tasks}
        over = {*world.mapping.task.done, world.mapping.task.cancelled}
        found = []
        for episode in world.episodes:
            if play_of(episode.need) is not None:
                continue
            known = world.known.get(only_task_key(episode.key, episode.need, rules.negotiation.small.id))
            if episode.state is not EpisodeState.OPEN or known is None or not _is_small(episode, world):
                continue
            record = tasks.get(known.crm_id)
            if known.tombstone is not None or (record is not None and record.archived):
                found.append(replace(episode, state=EpisodeState.DELETED, closed_at=now))
            elif record is not None and record.fields.get(world.mapping.task.status) in over:
                state = _closed_as(world, episode, known.key, world.mapping.task.status, record)
                found.append(replace(episode, state=state, closed_at=now))
        return found

    return ended


def ended_plays(rules: Project) -> Callable[[World, datetime], list[Episode]]:
    """Close the plays that people ended, or whose time is up."""

    def ended(world: World, now: datetime) -> list[Episode]:
        standings, found = Standings(world), []
        for episode in world.episodes:
            name = play_of(episode.need)
            play = rules.plays.get(name or "")
            if name is None or play is None or episode.state is not EpisodeState.OPEN or not episode.brief:
                continue
            state = state_after(name, play, episode, standings, rules.day(now), rules.day)
            if state is not None:
                found.append(replace(episode, state=state, closed_at=now))
        return found

    return ended


def _closed_as(world: World, episode: Episode, key: str, field: str, record: CrmRecord) -> EpisodeState:
    """What an undone run made was taken back, whoever closed it; otherwise what shows the value that we closed it with.

    What an undone run only updated was lost if a person says so.
    """
    hold, known = world.holds.get(episode.key), world.known.get(key)
    receipt = known.receipts.get(field) if known is not None else None
    value, is_put_off = record.fields.get(field), record.fields.get(field) == world.mapping.task.cancelled
    shown = {receipt.shown if receipt is not None else None, world.closing.get(key, {}).get(field)} - {None}
    by_us = value in shown and (is_put_off or record.type is not RecordType.TASK)
    if hold is not None and known is not None:
        by_us = by_us or receipt is None or receipt.run_id == hold.run_id
    return EpisodeState.WITHDRAWN if by_us else _lost_as(world, field, record)


def _lost_as(world: World, field: str, record: CrmRecord) -> EpisodeState:
    """Tell why: an opportunity by the mapping's rules; a task that was put off instead of done was not useful."""
    if record.type is RecordType.OPPORTUNITY:
        return outcome_of(record, world.mapping.opportunity.outcomes)
    task = world.mapping.task
    answers = {shown: answer for answer, shown in task.answers.items()}
    answer = answers.get(record.fields.get(task.answer or "") or "", "")
    if answer == "declined":
        return EpisodeState.NO
    is_put_off = record.fields.get(field) == task.cancelled
    return EpisodeState.NOT_USEFUL if is_put_off or answer.startswith("not_useful") else EpisodeState.LOST


def _is_small(episode: Episode, world: World) -> bool:
    """Its brief says that it is one task only; where a rebuilt ledger has no brief, the CRM has no opportunity."""
    return bool(episode.brief.get("as_task")) if episode.brief else world.opportunity(episode.key) is None


def _there(reader: CrmReader, mapping: CrmMapping, type: RecordType) -> list[str]:
    """Name the fields to read that the CRM still has: what a run cannot do without was looked for when it opened."""
    return [name for name in read_names(mapping, type) if name in reader.schema(type).fields]


def _follow(
    feed: CrmFeed,
    mirror: Mirror,
    names: Sequence[str],
    destination: str,
    type: RecordType,
    is_whole: bool = False,
) -> frozenset[str]:
    """Store what changed of a type, or all of it, and give the ids of that."""
    since = mirror.cursor(destination, type)
    records = list(feed.changed(type, names, since - OVERLAP if since and not is_whole else None))
    newest = max((record.modified_at for record in records if record.modified_at), default=since)
    mirror.save(destination, type, records, max(newest, since) if newest and since else newest)
    return frozenset(record.id for record in records)


def _follow_tasks(reader: CrmReader, memory: Memory, mapping: CrmMapping, destination: str, is_quick: bool) -> None:
    """Look at our own tasks only: a CRM holds many more, and none of them concerns us. A quick look skips done ones."""
    over = {*mapping.task.done, mapping.task.cancelled}
    past = {
        record.id
        for record in memory.mirror.records(destination, RecordType.TASK)
        if record.archived or record.fields.get(mapping.task.status) in over
    }
    ours = [
        known.crm_id
        for known in memory.receipts.records(destination).values()
        if known.type is RecordType.TASK and known.tombstone is None and not (is_quick and known.crm_id in past)
    ]
    if not ours:
        return
    found = reader.read(RecordType.TASK, ours, read_names(mapping, RecordType.TASK), links=False)
    gone = [CrmRecord(RecordType.TASK, id, {}, archived=True) for id in ours if id not in found]
    memory.mirror.save(destination, RecordType.TASK, [*found.values(), *gone])


def _follow_stages(
    feed: CrmFeed, memory: Memory, mapping: CrmMapping, destination: str, moved: Collection[str]
) -> None:
    """Read the stage history of our own opportunities, so that no stage passed through in between is missed.

    Only of those that moved: the last entry that is stored tells the stage they were in.
    """
    stored = memory.mirror.stages(destination)
    field = mapping.opportunity.stage
    ours = [
        record.id
        for record in memory.mirror.records(destination, RecordType.OPPORTUNITY)
        if record.fields.get(mapping.opportunity.key) and not record.archived
        if record.id in moved or record.id not in stored or stored[record.id][-1].stage != record.fields.get(field)
    ]
    if ours:
        history = feed.stage_history(ours)
        memory.mirror.save_stages(destination, [entry for entries in history.values() for entry in entries])
