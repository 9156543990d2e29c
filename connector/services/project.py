"""Step `project`: intents and open episodes become the records that the CRM should hold.

A record is rendered when it is new or when its episode's brief was renewed, which happens only when a cited number
moved materially; in between, what was sent stands, so that nobody's task changes under their eyes every morning. What
is over (an opportunity that was closed, an offer that was bought) takes the tasks with it that nobody touched. What
nothing has spoken for on three good days is taken back whole, or told as somebody's to close.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any

from connector.domain.change import Desired, RecordType
from connector.domain.episode import SILENT_DAYS, Episode, EpisodeState
from connector.domain.intent import (
    Held,
    Intent,
    PlayIntent,
    ReviewIntent,
    SaveIntent,
    brief_of,
    intent_of,
    moved_materially,
)
from connector.domain.keys import episode_key
from connector.domain.play import PLAY_NEED, SAVE, play_of
from connector.domain.policy import Reason
from connector.domain.project import Project, mapping_of
from connector.services.briefing import briefing
from connector.services.desk import Desk
from connector.services.done import Standings
from connector.services.feedback import refused
from connector.services.options_page import options_page
from connector.services.play_tasks import play_tasks
from connector.services.review_tasks import cancelled, review_tasks
from connector.services.save_task import save_task
from connector.services.silence import Heard
from connector.services.stage_tasks import stage_tasks
from connector.services.withdraw import taken_back, withdrawn
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
    saves: Sequence[SaveIntent] = (),
    heard: Heard | None = None,
    plays: Sequence[PlayIntent] = (),
    skipped: Sequence[ReviewIntent] = (),
) -> Projected:
    """Turn today's intents and every open episode into desired records.

    `briefs`: review facts by CRM account. `owned`: offers each CRM account holds, where billing was asked. `heard`:
    whether anything still speaks for what is open, where signals were asked. `skipped`: reviews that another one came
    before.
    """
    desk, standings = Desk(world, rules, now), Standings(world)
    proposed, held = _proposed(intents, world, rules, now)
    proposed += [_saving(save, world, rules, now) for save in saves]
    proposed += [_playing(play, world, rules, now) for play in plays]
    stored = {episode.key: episode for episode in world.episodes}
    news = {episode.key for episode in proposed if stored.get(episode.key) != episode}
    named = {episode.key for episode in proposed}
    others = [e for e in world.episodes if e.state is EpisodeState.OPEN and e.key not in named]
    ended = [episode for episode in proposed if episode.state is not EpisodeState.OPEN]
    going_on = [episode for episode in (*proposed, *others) if episode.state is EpisodeState.OPEN]
    still_open = [heard.noted(episode) if heard else episode for episode in going_on]
    bought = {e.key for e in still_open if e.offer in owned.get(e.account_id, ()) or desk.told_bought(e)}
    desired: list[Desired] = []
    for place, episode in enumerate(still_open):
        if episode.account_id not in world.accounts or not episode.brief:
            continue
        gone = taken_back(episode, world, rules) if episode.is_over and episode.key not in bought else None
        if gone is None:
            made = _records(desk, episode, episode.key in bought, standings)
            desired += (desk.settled(one, episode.key in news) for one in made)
            desired += options_page(desk, episode) if episode.key not in bought else ()
            held += [_theirs_to_close(episode)] if episode.is_over and episode.key not in bought else []
        elif not gone and len(episode.silent_on) > SILENT_DAYS:
            # It never came to stand in the CRM, and what waited to be written was given up the day before.
            still_open[place] = replace(episode, state=EpisodeState.WITHDRAWN, closed_at=now)
        desired += gone or ()
    for review in reviews:
        made = review_tasks(desk, review, briefs[review.account_id], standings)
        desired += (desk.settled(one, is_news=False) for one in made)
        desired += briefing(desk, review, briefs[review.account_id], made)
    desired += (one for review in skipped for one in cancelled(desk, review, standings))
    desired += refused(world, rules)
    over = {episode.key: episode for episode in ended}
    here = replace(world, episodes=tuple(over.get(e.key, e) for e in world.episodes)) if over else world
    desired += withdrawn(here, still_open, bought, {one.key for one in desired}, rules)
    changed = tuple(episode for episode in (*still_open, *ended) if stored.get(episode.key) != episode)
    return Projected(tuple(desired), changed, tuple(held))


def _proposed(
    intents: Sequence[Intent], world: World, rules: Project, now: datetime
) -> tuple[list[Episode], list[Held]]:
    """The episodes that today's intents open or go on with, and those that nobody would get."""
    episodes, held = [], []
    for intent in intents:
        account = world.accounts[intent.account_id]
        if world.owner("ae", account) is None:
            why = "nobody active owns it"
            held.append(Held(account.id, intent.offer, Reason.NO_OWNER, why, intent.p, intent.value))
        else:
            episodes.append(_episode(intent, world, rules, now))
    return episodes, held


def _theirs_to_close(episode: Episode) -> Held:
    since = episode.silent_on[0].isoformat()
    why = f"nothing speaks for it since {since}; somebody works on it, so it is theirs to close"
    return Held(episode.account_id, episode.offer or episode.need, Reason.SIGNALS_GONE, why)


def _records(desk: Desk, episode: Episode, is_bought: bool, standings: Standings) -> list[Desired]:
    if episode.need == SAVE:
        return save_task(desk, episode)
    if play_of(episode.need):
        return play_tasks(desk, episode, standings)
    if is_bought:
        return desk.bought(episode)
    made = desk.episode(episode)
    is_opportunity = made and made[0].type is RecordType.OPPORTUNITY
    return made + stage_tasks(desk, episode, standings) if is_opportunity else made


def _saving(save: SaveIntent, world: World, rules: Project, now: datetime) -> Episode:
    """Continue the account's open save play, with a new brief once another reason came up, or open the next one."""
    brief = save.brief()
    for episode in world.episodes_of.get((save.account_id, SAVE), ()):
        if episode.state is EpisodeState.OPEN:
            told = {code for code, *_ in episode.brief.get("reasons", ())}
            has_news = bool({code for code, *_ in save.reasons} - told)
            return replace(episode, brief=brief) if has_news else episode
    return _next_episode(save.account_id, SAVE, world, rules, now, play=SAVE, brief=brief)


def _playing(play: PlayIntent, world: World, rules: Project, now: datetime) -> Episode:
    """Open the next episode of a play, or end the one that is open."""
    need = PLAY_NEED + play.play
    going = [e for e in world.episodes_of.get((play.account_id, need), ()) if e.state is EpisodeState.OPEN]
    if play.ended is not None and going:
        return replace(going[0], state=EpisodeState.WITHDRAWN, closed_at=now)
    if going:  # a rebuilt ledger does not know what it is about
        return replace(going[0], offer=play.offer, brief=play.brief())
    return _next_episode(play.account_id, need, world, rules, now, offer=play.offer, play=play.play, brief=play.brief())


def _next_episode(account_id: str, need: str, world: World, rules: Project, now: datetime, **more: Any) -> Episode:
    ordinal = 1 + max((one.ordinal for one in world.episodes_of.get((account_id, need), ())), default=0)
    key = episode_key(mapping_of(rules).namespace, account_id, need, ordinal)
    return Episode(key, account_id, need, ordinal, now, **more)


def _episode(intent: Intent, world: World, rules: Project, now: datetime) -> Episode:
    """Continue the open episode of this need, or open the next one."""
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
    brief = brief_of(intent)
    return _next_episode(
        intent.account_id, intent.need, world, rules, now, offer=intent.offer, play=intent.play, brief=brief
    )
