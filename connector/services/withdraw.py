"""Takes back what lost its reason, as long as nobody touched it.

A task loses it when the opportunity was closed, when it went back to an earlier stage, when it went on twice (once its
open tasks go along, see `stage_tasks`), when a silence was broken, when a small proposal became an opportunity, and
when the customer bought the offer. A whole episode loses it when nothing has spoken for it for some
good days (see `silence`): all its records are closed, or none when a person worked on one. What a person edited or did
stays; the plan says so.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from connector.domain.change import CrmRecord, Desired, DesiredField, Policy, RecordType
from connector.domain.episode import Episode, EpisodeState
from connector.domain.intent import intent_of
from connector.domain.keys import task_key
from connector.domain.mapping import TaskMap
from connector.domain.play import NEGOTIATION, SAVE, STAGES, is_proposal, play_of
from connector.domain.project import Project, mapping_of
from connector.domain.receipt import KnownRecord
from connector.services.play_tasks import play_task_key
from connector.services.save_task import save_task_key
from connector.services.world import World

NONE = "none"


def withdrawn(
    world: World, open_now: Sequence[Episode], bought: Collection[str], wanted: Collection[str], rules: Project
) -> list[Desired]:
    """Desire the cancellation of every open task of ours that nothing asks for any more.

    `bought`: keys of the open episodes whose offer the customer holds. `wanted`: keys of tasks still asked for.
    """
    mapping = mapping_of(rules)
    live = {record.id for record in world.tasks if record.fields.get(mapping.task.status) == mapping.task.open}
    current = {episode.key: episode for episode in open_now}
    made = []
    for episode in world.episodes:
        is_live = episode.key in current and episode.key not in bought
        if is_live and _is_unsure(current[episode.key], wanted, world):
            continue
        for key, step in _past_keys(current.get(episode.key, episode), is_live, world, rules):
            known = world.known.get(key)
            if known is None or known.tombstone or known.crm_id not in live or key in wanted:
                continue
            name = world.accounts[episode.account_id].name if episode.account_id in world.accounts else ""
            field = DesiredField(mapping.task.cancelled, Policy.MERGE, at=f"mappings/{mapping.name}.yaml")
            made.append(
                Desired(
                    RecordType.TASK,
                    key,
                    episode.account_id,
                    f"{name}: {step}",
                    _why(current.get(episode.key, episode), episode.key in bought),
                    {mapping.task.status: field},
                    close=True,
                )
            )
    return made


def taken_back(episode: Episode, world: World, rules: Project) -> list[Desired] | None:
    """Desire that every record of an episode is closed; None when somebody was seen to work on one."""
    mapping = mapping_of(rules)
    field, name = f"mappings/{mapping.name}.yaml", world.accounts[episode.account_id].name
    tasks = {record.id: record for record in world.tasks}
    why = f"nothing speaks for it any more: silent on {', '.join(day.isoformat() for day in episode.silent_on)}"

    def closed(type: RecordType, key: str, title: str, name: str, value: str) -> Desired:
        status = {name: DesiredField(value, Policy.MERGE, at=field)}
        return Desired(type, key, episode.account_id, title, why, status, close=True, together=episode.key)

    made = []
    for key, step in _past_keys(episode, False, world, rules):
        known = world.known.get(key)
        if known is None:
            continue
        if known.tombstone is not None or _is_worked_on(known, tasks.get(known.crm_id), mapping.task):
            return None
        made.append(closed(RecordType.TASK, key, f"{name}: {step}", mapping.task.status, mapping.task.cancelled))
    known, record = world.known.get(episode.key), world.opportunity(episode.key)
    if known is None:
        return made
    if known.tombstone is not None or (record is not None and _was_moved(record, known, world)):
        return None
    title = (record.fields.get(mapping.opportunity.name) if record is not None else None) or name
    gone = world.stage("withdrawn", world.route_of(record)).id
    return [closed(RecordType.OPPORTUNITY, episode.key, title, mapping.opportunity.stage, gone), *made]


def _is_worked_on(known: KnownRecord, task: CrmRecord | None, mapping: TaskMap) -> bool:
    """Say whether a task was begun, done, put off or thrown away by somebody else than us."""
    if task is None:
        return False
    receipt, status = known.receipts.get(mapping.status), task.fields.get(mapping.status)
    return task.archived or (status != mapping.open and (receipt is None or receipt.shown != status))


def _was_moved(record: CrmRecord, known: KnownRecord, world: World) -> bool:
    """Say whether somebody took an opportunity out of the stage it began in, even if they put it back."""
    receipt = known.receipts.get(world.mapping.opportunity.stage)
    begun = {world.stage("proposed", world.route_of(record)).id, receipt.shown if receipt is not None else None}
    entered = [entry.stage for entry in world.entries.get(record.id, ())]
    return bool({*entered, record.fields.get(world.mapping.opportunity.stage)} - begun)


def _why(episode: Episode, is_bought: bool) -> str:
    """Say what took a task's reason away."""
    if is_bought:
        return "the customer bought it"
    match episode.state:
        case EpisodeState.DELETED:
            return "its opportunity or task was deleted in the CRM"
        case EpisodeState.WON | EpisodeState.LOST | EpisodeState.NO | EpisodeState.NOT_USEFUL:
            return "its opportunity was closed in the CRM"
        case EpisodeState.WITHDRAWN:
            return "its proposal was taken back"
        case EpisodeState.OPEN:
            return "its stage is over, somebody moved, or the proposal grew"


def _past_keys(episode: Episode, is_live: bool, world: World, rules: Project) -> Iterator[tuple[str, str]]:
    """Keys of an episode's tasks that are over, with their steps: all of them when it is not live any more."""
    if not episode.brief and is_proposal(episode.need):
        return
    if episode.need == SAVE:
        if not is_live:
            yield save_task_key(episode.key), SAVE
        return
    if (name := play_of(episode.need)) is not None:
        for step in rules.plays[name].steps if name in rules.plays and not is_live else ():
            yield play_task_key(episode.key, name, step.id), step.id
        return
    book = rules.negotiation
    if not is_live or not intent_of(episode.brief).as_task:
        yield task_key(episode.key, NEGOTIATION, NONE, 1, book.small.id), book.small.id
    if episode.state is not EpisodeState.OPEN:
        yield task_key(episode.key, NEGOTIATION, book.bought.id, 1, book.bought.id), book.bought.id
    yield from stage_task_keys(episode.key, world, rules)


def stage_task_keys(episode: str, world: World, rules: Project) -> Iterator[tuple[str, str]]:
    """Keys of every task that the stages of an opportunity ever asked for, with their steps."""
    book, record = rules.negotiation, world.opportunity(episode)
    silent = [one.step for one in book.silence.follow_ups]
    for stage in STAGES:
        for entry in range(1, 1 + max(1, world.entries_into(record, stage))):
            for step in (*book.stages.get(stage, ()), *silent):
                yield task_key(episode, NEGOTIATION, stage, entry, step.id), step.id


def _is_unsure(episode: Episode, wanted: Collection[str], world: World) -> bool:
    """Where nobody can tell what is asked for, nothing is taken back: a stage that was renamed, an owner who left."""
    if not is_proposal(episode.need) or not episode.brief or intent_of(episode.brief).as_task:
        return False
    record = world.opportunity(episode.key)
    return episode.key not in wanted or (record is not None and world.our_stage(record) is None)
