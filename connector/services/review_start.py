"""Which of the planned reviews go on or begin today: with their first reminder, shortly before it is due.

Decided here: a review that nobody was told of in time is not asked about afterwards, so that a first run, or one after
a long break, begins only what can still be prepared. What begins counts among a person's new things of the week; where
more would begin than the week holds, the accounts that pay most come first, and the others wait for as long as they can
still be prepared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from connector.domain.account import Owner
from connector.domain.intent import Held, ReviewIntent
from connector.domain.keys import task_key
from connector.domain.play import REVIEW, Step, Whom
from connector.domain.policy import Reason
from connector.domain.project import Project
from connector.domain.workdays import add_workdays
from connector.services.calendar import country_of, holidays_of
from connector.services.person_week import WEEK, PersonWeek
from connector.services.review_tasks import key_of_review
from connector.services.reviews import Reviews
from connector.services.world import World


@dataclass(frozen=True)
class Started:
    """The reviews whose reminders are wanted, and those that wait or came too late."""

    reviews: Reviews
    held: tuple[Held, ...] = ()


def reviews_begun(planned: Reviews, world: World, rules: Project, today: date, week: PersonWeek) -> Started:
    """Part the planned reviews, and note in `week` those that began within seven days."""
    made = {one.id: rules.day(one.created_at) for one in world.tasks if one.created_at is not None}
    going: list[ReviewIntent] = []
    held: list[Held] = []
    fresh: list[tuple[int, ReviewIntent, str]] = []
    for review in planned.intents:
        facts = planned.briefs[review.account_id]
        found = first_of(review, facts, world, rules)
        if found is None:
            continue  # nobody active would get a reminder, or none is meant for them
        step, owner = found
        key = task_key(key_of_review(world, rules, review), REVIEW, "none", 1, step.id)
        due = _due(step, review.on, owner)
        shown = add_workdays(due, -rules.review.ahead, holidays_of(country_of(owner)))
        if key in world.known:
            going.append(review)
            # Where the CRM's clock says something impossible, it came as late as it could.
            came = made.get(world.known[key].crm_id, due)
            if today - WEEK < (came if shown <= came <= today else due):
                week.take(owner.id)
        elif due < today:
            why = f"the first task of its review would have been due on {due.isoformat()}"
            held += [Held(review.account_id, REVIEW, Reason.TOO_LATE, why)] if review.on >= today else []
        elif shown <= today:
            pays = rules.fx.convert(facts["mrr"], rules.policy.reporting_currency, today)
            fresh.append((pays.minor, review, owner.id))
    for _, review, person in sorted(fresh, key=lambda one: (-one[0], one[1].account_id, one[1].ordinal)):
        if no := week.full(person):
            held.append(Held(review.account_id, REVIEW, *no))
            continue
        week.take(person)
        going.append(review)
    return Started(replace(planned, intents=tuple(going)), tuple(held))


def first_of(review: ReviewIntent, facts: Mapping[str, Any], world: World, rules: Project) -> tuple[Step, Owner] | None:
    """The reminder that a review begins with, and whoever gets it; None where it has none."""
    account = world.accounts[review.account_id]
    some: list[tuple[date, Step, Owner]] = []
    for step in rules.review.steps:
        owner = world.owner(step.role, account)
        whom = Whom(segment=facts.get("segment"), language=world.language(owner))
        if owner is not None and not step.after and step.when.takes(whom):
            some.append((_due(step, review.on, owner), step, owner))
    best = min(some, key=lambda one: one[0], default=None)
    return (best[1], best[2]) if best is not None else None


def _due(step: Step, on: date, owner: Owner) -> date:
    free = holidays_of(country_of(owner))
    return add_workdays(on, step.due, free) if step.days is None else on + timedelta(days=step.days)
