"""What people answer on the first task of a proposal: it ends the proposal, and its opportunity is taken back.

That holds while it is still `proposed`, outside the forecast: nobody has made it theirs yet. From `consult` on it is
its owner's to close, and the reason stands in the CRM's own field (`opportunity.outcomes`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime

from connector.domain.change import Desired, DesiredField, Policy, RecordType
from connector.domain.episode import Episode, EpisodeState
from connector.domain.keys import task_key
from connector.domain.play import NEGOTIATION, is_proposal
from connector.domain.project import Project, mapping_of
from connector.domain.routing import stage_in
from connector.services.done import Standings
from connector.services.world import World

REFUSED = {EpisodeState.NOT_USEFUL: "it was not useful", EpisodeState.NO: "the customer declined"}


def ended_by_answers(rules: Project) -> Callable[[World, datetime], list[Episode]]:
    """Close the proposals whose first task was answered with a no, of the customer or of whoever got it."""

    def ended(world: World, now: datetime) -> list[Episode]:
        standings, found = Standings(world), []
        for episode in world.episodes if world.mapping.task.answer else ():
            if episode.state is not EpisodeState.OPEN or not is_proposal(episode.need):
                continue
            state = next(_refusals(episode, world, rules, standings), None)
            if state is not None:
                found.append(replace(episode, state=state, closed_at=now))
        return found

    return ended


def refused(world: World, rules: Project) -> list[Desired]:
    """Desire the end of the opportunities whose proposal was refused and that nobody has touched."""
    mapping, made = mapping_of(rules), []
    field = mapping.opportunity.stage
    for episode in world.episodes:
        record, known = world.opportunity(episode.key), world.known.get(episode.key)
        if episode.state not in REFUSED or record is None or record.archived or known is None or known.tombstone:
            continue
        stage = stage_in(world.route_of(record), "withdrawn", world.stages)
        if stage is None or world.our_stage(record) != "proposed" or episode.account_id not in world.accounts:
            continue
        at = rules.at(f"mappings/{mapping.name}.yaml", "opportunity", "stages", "withdrawn")
        made.append(
            Desired(
                RecordType.OPPORTUNITY,
                episode.key,
                episode.account_id,
                record.fields.get(mapping.opportunity.name) or episode.key,
                REFUSED[episode.state],
                {field: DesiredField(stage.id, Policy.MERGE, at=at)},
                close=True,
            )
        )
    return made


def _refusals(episode: Episode, world: World, rules: Project, standings: Standings) -> Iterator[EpisodeState]:
    record = world.opportunity(episode.key)
    if record is None or world.our_stage(record) != "proposed":
        return
    for entry in range(1, 1 + max(1, world.entries_into(record, "proposed"))):
        for step in rules.negotiation.stages.get("proposed", ()):
            stood = standings.of(task_key(episode.key, NEGOTIATION, "proposed", entry, step.id))
            answer = (stood.answer or "") if stood is not None and stood.standing in ("done", "put_off") else ""
            if answer.startswith("not_useful"):
                yield EpisodeState.NOT_USEFUL
            elif answer == "declined":
                yield EpisodeState.NO
