"""Writes the one task of a save play, in the language of whoever gets it."""

from __future__ import annotations

from datetime import date

from connector.domain.change import Desired
from connector.domain.episode import Episode
from connector.domain.keys import task_key
from connector.domain.money import Money
from connector.domain.play import NEGOTIATION, SAVE
from connector.domain.workdays import add_workdays
from connector.services.calendar import country_of, holidays_of
from connector.services.desk import Desk
from connector.services.texts import in_language

NONE = "none"


def only_task_key(episode: str, need: str, small: str) -> str:
    """Key of the one task that an episode without an opportunity is; `small`: the step of a small proposal."""
    return save_task_key(episode) if need == SAVE else task_key(episode, NEGOTIATION, NONE, 1, small)


def save_task_key(episode: str) -> str:
    """Key of a save play's task: renaming its step makes no second one."""
    return task_key(episode, SAVE, NONE, 1, SAVE)


def save_task(desk: Desk, episode: Episode) -> list[Desired]:
    """The task of an open save play; nothing when the playbook is gone or nobody active would get it."""
    book, account = desk.rules.save, desk.world.accounts[episode.account_id]
    owner = desk.world.owner(book.task.role, account) if book is not None else None
    if book is None or owner is None:
        return []
    language = desk.world.language(owner)
    reasons = episode.brief["reasons"]
    names = {
        **desk.account_names(account, language),
        "reasons": [in_language(why, language) for _, why, _ in reasons],
        "next": [in_language(what, language) for _, _, what in reasons],
        "mrr": Money(*episode.brief["mrr"]),
        "data_to": date.fromisoformat(episode.brief["data_to"]),
    }
    due = add_workdays(desk.rules.day(episode.opened_at), book.task.due, holidays_of(country_of(owner)))
    return [desk.written(book.task, save_task_key(episode.key), account, owner, names, due, None, 0, SAVE)]
