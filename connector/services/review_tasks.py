"""Writes the reminders around one business review: before it, and after it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from connector.domain.account import Owner
from connector.domain.change import Desired, DesiredField, Policy, RecordType
from connector.domain.intent import ReviewIntent
from connector.domain.keys import review_key, task_key
from connector.domain.play import REVIEW, Whom
from connector.domain.project import Project
from connector.domain.workdays import add_workdays
from connector.services.calendar import country_of, holidays_of
from connector.services.desk import Desk
from connector.services.done import Standings
from connector.services.texts import in_language
from connector.services.world import World


def review_tasks(desk: Desk, review: ReviewIntent, facts: Mapping[str, Any], standings: Standings) -> list[Desired]:
    """The steps of a review that are still to come, each once what it waits for is done."""
    account, made = desk.world.accounts[review.account_id], []
    key = key_of_review(desk.world, desk.rules, review)
    for step in desk.rules.review.steps:
        owner, own = desk.world.owner(step.role, account), task_key(key, REVIEW, "none", 1, step.id)
        language = desk.world.language(owner)
        whom = Whom(segment=facts.get("segment"), language=language)
        if owner is None or not step.when.takes(whom):
            continue
        before = [standings.of(task_key(key, REVIEW, "none", 1, other)) for other in step.after]
        waits = any(
            one is None or not one.is_over or (step.answered and one.answer not in step.answered) for one in before
        )
        done = [desk.day(one.at) for one in before if one is not None and one.at is not None]
        due = desk.due(step, max((review.on, *done)), owner)
        is_there = own in desk.world.known
        if due < desk.today or (not is_there and (waits or _shown_from(desk, due, review, owner) > desk.today)):
            continue
        names = {
            **desk.account_names(account, language),
            "review_on": review.on,
            "renewal_on": review.renewal_on,
            "announce": [in_language(desk.rules.catalogue.offers[o].label, language) for o in review.announce],
            "evidence": [in_language(text, language) for text in facts["evidence"]],
            "avoid": desk.avoid.lines(account.id, "", language),
            "mrr": facts["mrr"],
            "data_to": facts["data_to"],
        }
        made.append(desk.written(step, own, account, owner, names, due, None, 0, REVIEW, whom))
    return made


def _shown_from(desk: Desk, due: date, review: ReviewIntent, owner: Owner) -> date:
    """The day a reminder appears: shortly before it is due, and never before a review that it asks about."""
    shown = add_workdays(due, -desk.rules.review.ahead, holidays_of(country_of(owner)))
    return max(shown, review.on) if due > review.on else shown


def cancelled(desk: Desk, review: ReviewIntent, standings: Standings) -> list[Desired]:
    """Take the reminders of a review back that another one, logged by people, came before; touched ones stay."""
    key, made = key_of_review(desk.world, desk.rules, review), []
    for step in desk.rules.review.steps:
        own = task_key(key, REVIEW, "none", 1, step.id)
        stood = standings.of(own)
        if stood is not None and stood.standing == "open":
            field = DesiredField(desk.mapping.task.cancelled, Policy.MERGE, at=desk.document)
            title = f"{desk.world.accounts[review.account_id].name}: {step.id}"
            fields = {desk.mapping.task.status: field}
            why = "a review was just held"
            made.append(Desired(RecordType.TASK, own, review.account_id, title, why, fields, close=True))
    return made


def key_of_review(world: World, rules: Project, review: ReviewIntent) -> str:
    """A review keeps the key it got before its account was merged into another."""
    merged = sorted(loser for loser, into in world.survivors.items() if into == review.account_id)
    keys = [
        review_key(world.mapping.namespace, id, review.term_start, review.ordinal)
        for id in (review.account_id, *merged)
    ]
    steps = [step.id for step in rules.review.steps]
    told = (key for key in keys if any(task_key(key, REVIEW, "none", 1, one) in world.known for one in steps))
    return next(told, keys[0])
