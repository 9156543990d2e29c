"""Writes the tasks of an open play, each shortly before it is due, in the language of whoever gets it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from connector.domain.account import CrmAccount
from connector.domain.catalogue import Language
from connector.domain.change import Desired
from connector.domain.episode import Episode, EpisodeState
from connector.domain.keys import task_key
from connector.domain.money import Money
from connector.domain.play import Play, Step, Whom, play_of
from connector.domain.workdays import add_workdays, next_workday, workdays_between
from connector.services.calendar import country_of, holidays_of
from connector.services.desk import Desk
from connector.services.done import Standings
from connector.services.people import language_of, profile_of
from connector.services.texts import in_language
from connector.services.wording import letter

Day = Callable[[datetime], date]
NONE, LATE = "none", 10
"""A step that lies this many business days back was missed: it is not asked for any more."""


def play_tasks(desk: Desk, episode: Episode, standings: Standings) -> list[Desired]:
    """The tasks of a play that are due or soon will be; none when it is gone from the playbooks."""
    name = play_of(episode.need) or ""
    play, account = desk.rules.plays.get(name), desk.world.accounts[episode.account_id]
    if play is None:
        return []
    return list(_tasks(desk, name, play, episode, account, standings))


def play_task_key(episode: str, play: str, step: str) -> str:
    """Key of a task of a play."""
    return task_key(episode, play, NONE, 1, step)


def play_task_keys(episode: str, need: str, plays: Mapping[str, Play]) -> list[str]:
    """Keys of every task that a play may ask for; none for an episode of something else."""
    name = play_of(need)
    play = plays.get(name or "")
    return [play_task_key(episode, name or "", step.id) for step in play.steps] if play is not None else []


def anchor(play: Play, episode: Episode, day: Day) -> date:
    """The day that a play's steps hang on: of the sale or the trial's end; of its beginning, where it was news."""
    told: str = episode.brief["on"]
    return date.fromisoformat(told) if play.trigger.kind in ("sale", "trial") else day(episode.opened_at)


def state_after(
    name: str, play: Play, episode: Episode, standings: Standings, today: date, day: Day
) -> EpisodeState | None:
    """How an open play ended by what people did: an answer that it was not useful, all done, or its time is up."""
    stood = [standings.of(play_task_key(episode.key, name, step.id)) for step in play.steps]
    if any(one is not None and (one.answer or "").startswith("not_useful") for one in stood):
        return EpisodeState.NOT_USEFUL
    if (today - anchor(play, episode, day)).days > play.lasts_days:
        return EpisodeState.WITHDRAWN
    first = [one for one, step in zip(stood, play.steps, strict=True) if one is not None and not step.after]
    return EpisodeState.DELETED if first and all(one.standing == "gone" for one in first) else None


def _tasks(
    desk: Desk, name: str, play: Play, episode: Episode, account: CrmAccount, standings: Standings
) -> Iterator[Desired]:
    for step in play.steps:
        owner = desk.world.owner(step.role, account)
        language = desk.world.language(owner)
        names = _names(desk, episode, account, language)
        whom = replace(
            _whom(desk, episode), language=language, profile=profile_of(names["contact"], desk.mapping.contact)
        )
        if owner is None or not step.when.takes(whom):
            continue
        key = play_task_key(episode.key, name, step.id)
        known = standings.of(key)
        due = known.due if known is not None and known.due else _due(desk, name, play, step, episode, standings)
        if due is None:
            continue
        text = ""
        if step.email is not None and names.get("contact"):
            spoken = language_of(names["contact"], account, language)
            outside = {**_names(desk, episode, account, spoken), "owner": owner.name}
            text = letter(step.email, replace(whom, language=spoken), language, spoken, outside, None)
        yield desk.written(step, key, account, owner, names, due, None, 0, name, whom, text)


def _due(desk: Desk, name: str, play: Play, step: Step, episode: Episode, standings: Standings) -> date | None:
    """The day a step is due, once it is near and nothing is waited for; None before that, and long after."""
    since = anchor(play, episode, desk.day)
    for other in step.after:
        stood = standings.of(play_task_key(episode.key, name, other))
        if stood is None or not stood.is_over or (step.answered and stood.answer not in step.answered):
            return None
        since = max(since, desk.day(stood.at) if stood.at else desk.today)
    owner = desk.world.owner(step.role, desk.world.accounts[episode.account_id])
    free = holidays_of(country_of(owner))
    due = desk.due(step, since, owner)
    if add_workdays(due, -play.ahead, free) > desk.today or workdays_between(due, desk.today, free) > LATE:
        return None
    if due < desk.today and not step.after and any(_follows(desk, play, other, since, due) for other in play.steps):
        return None
    return max(due, next_workday(desk.today, free))


def _follows(desk: Desk, play: Play, other: Step, since: date, missed: date) -> bool:
    """Say whether a later step is there already: what was missed before it is not asked for beside it."""
    due = desk.due(other, since, None)
    return not other.after and due > missed and add_workdays(due, -play.ahead) <= desk.today


def _whom(desk: Desk, episode: Episode) -> Whom:
    offer = desk.rules.catalogue.offers.get(episode.brief.get("offer") or "")
    need, kind = (offer.need, offer.kind) if offer is not None else (None, None)
    return Whom(episode.brief.get("segment"), need, episode.brief.get("offer"), kind)


def _names(desk: Desk, episode: Episode, account: CrmAccount, language: Language) -> dict[str, Any]:
    brief, offers = episode.brief, desk.rules.catalogue.offers
    offer = offers.get(brief.get("offer") or "")
    on = date.fromisoformat(brief["on"])
    links = [f"{in_language(one.label, language)}: {one.url}" for one in offer.proof] if offer else []
    return {
        **desk.account_names(account, language),
        "offer": {
            "id": brief.get("offer") or "",
            "label": in_language(offer.label, language) if offer else "",
            "kind": offer.kind if offer else "",
            "lever": offer.lever if offer else "",
            "team": in_language(offer.team, language) if offer else "",
            "quantity": 1,
        },
        "evidence": [in_language(one, language) for one in brief.get("evidence", ())],
        "avoid": desk.avoid.lines(account.id, offer.need or "" if offer else "", language),
        "on": on,
        "until": date.fromisoformat(brief["until"]) if brief.get("until") else on,
        "days": (desk.today - on).days,
        "added": Money(*brief["added"]) if brief.get("added") else Money(0, desk.rules.policy.reporting_currency),
        "links": links,
        "data_to": date.fromisoformat(brief["data_to"]) if brief.get("data_to") else desk.today,
        "opportunity": in_language(desk.mapping.opportunity.called, language),
    }
