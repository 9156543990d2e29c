"""Takes our own tasks back that have lost their reason, as long as nobody touched them.

That is so when the opportunity was closed, when it went back to an earlier stage, when a small proposal became an
opportunity, and when the customer bought the offer. Moving forward cancels nothing: what is open may still be done.
What a person edited or did stays; the plan says so.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from connector.domain.change import Desired, DesiredField, Policy, RecordType
from connector.domain.episode import Episode, EpisodeState
from connector.domain.intent import intent_of
from connector.domain.keys import task_key
from connector.domain.play import NEGOTIATION, SAVE
from connector.domain.project import Project, mapping_of
from connector.services.save_task import save_task_key
from connector.services.world import STAGES, World

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
            return "its opportunity went back, or the proposal grew"


def _past_keys(episode: Episode, is_live: bool, world: World, rules: Project) -> Iterator[tuple[str, str]]:
    """Keys of an episode's tasks that are over, with their steps: all of them when it is not live any more."""
    if not episode.brief:
        return
    if episode.need == SAVE:
        if not is_live:
            yield save_task_key(episode.key), SAVE
        return
    book = rules.negotiation
    if not is_live or not intent_of(episode.brief).as_task:
        yield task_key(episode.key, NEGOTIATION, NONE, 1, book.small.id), book.small.id
    if episode.state is not EpisodeState.OPEN:
        yield task_key(episode.key, NEGOTIATION, book.bought.id, 1, book.bought.id), book.bought.id
    record = world.opportunity(episode.key)
    here = world.our_stage(record) if record else None
    for place, stage in enumerate(STAGES):
        went_back = here is not None and place > STAGES.index(here)
        if is_live and not went_back:
            continue
        for entry in range(1, 1 + max(1, world.entries_into(record, stage))):
            for step in book.stages.get(stage, ()):
                yield task_key(episode.key, NEGOTIATION, stage, entry, step.id), step.id
