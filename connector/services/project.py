"""Step `project`: intents and open episodes become the records that the CRM should hold.

A record is rendered when it is new or when its episode's brief was renewed, which happens only when a cited number
moved materially; in between, what was sent stands, so that nobody's task changes under their eyes every morning. What
is over (an opportunity that was closed, an offer that was bought) takes the tasks with it that nobody touched.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any

from connector.domain.change import Desired
from connector.domain.episode import Episode, EpisodeState
from connector.domain.intent import Held, Intent, ReviewIntent, brief_of, intent_of, moved_materially
from connector.domain.keys import episode_key
from connector.domain.policy import Reason
from connector.domain.project import Project
from connector.services.desk import Desk
from connector.services.withdraw import withdrawn
from connector.services.world import World


@dataclass(frozen=True)
class Projected:
    """What the CRM should hold, the episodes this opens or renews, and what could not be projected."""

    desired: tuple[Desired, ...]
    episodes: tuple[Episode, ...]
    held: tuple[Held, ...]


def project(
    intents: Sequence[Intent],
    reviews: Sequence[ReviewIntent],
    briefs: Mapping[str, Mapping[str, Any]],
    world: World,
    rules: Project,
    now: datetime,
    owned: Mapping[str, Collection[str]] = MappingProxyType({}),
) -> Projected:
    """Turn today's intents and every open episode into desired records.

    `briefs`: review facts by CRM account. `owned`: offers each CRM account holds, where billing was asked.
    """
    desk = Desk(world, rules, now)
    episodes, held = [], []
    for intent in intents:
        account = world.accounts[intent.account_id]
        if world.owner("ae", account) is None:
            held.append(
                Held(account.id, intent.offer, Reason.NO_OWNER, "nobody active owns it", intent.p, intent.value)
            )
            continue
        episodes.append(_episode(intent, world, rules, now))
    touched = {episode.key: episode for episode in episodes}
    stored = {episode.key: episode for episode in world.episodes}
    changed = {key: episode for key, episode in touched.items() if stored.get(key) != episode}
    others = [e for e in world.episodes if e.state is EpisodeState.OPEN and e.key not in touched]
    still_open = (*touched.values(), *others)
    bought = {e.key for e in still_open if e.offer in owned.get(e.account_id, ()) or desk.told_bought(e)}
    desired: list[Desired] = []
    for episode in still_open:
        if episode.account_id in world.accounts and episode.brief:
            made = desk.bought(episode) if episode.key in bought else desk.episode(episode)
            desired += (desk.settled(one, episode.key in changed) for one in made)
    for review in reviews:
        desired += (desk.settled(one, is_news=False) for one in desk.review(review, briefs[review.account_id]))
    desired += withdrawn(world, still_open, bought, {one.key for one in desired}, rules)
    return Projected(tuple(desired), tuple(changed.values()), tuple(held))


def _episode(intent: Intent, world: World, rules: Project, now: datetime) -> Episode:
    """Continue the open episode of this need, or open the next one."""
    assert rules.mapping is not None
    before = world.episodes_of.get((intent.account_id, intent.need), ())
    for episode in before:
        if episode.state is EpisodeState.OPEN:
            told = intent_of(episode.brief) if episode.brief else None
            if told is None:
                # A rebuilt ledger knows no brief: what is an opportunity in the CRM stays one.
                intent = replace(intent, as_task=intent.as_task and world.opportunity(episode.key) is None)
            else:
                # What is an opportunity by now stays one: nobody's pipeline loses a record because a number fell.
                intent = replace(intent, as_task=told.as_task and intent.as_task)
                if not moved_materially(told, intent, rules.policy.refresh):
                    return episode
            return replace(episode, offer=intent.offer, brief=brief_of(intent))
    ordinal = 1 + max((episode.ordinal for episode in before), default=0)
    key = episode_key(rules.mapping.namespace, intent.account_id, intent.need, ordinal)
    return Episode(
        key, intent.account_id, intent.need, ordinal, now, offer=intent.offer, play=intent.play, brief=brief_of(intent)
    )
