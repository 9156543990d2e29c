"""What begins today beside proposals and help: reviews first, as their days are set, then other plays.

What proposals and help leave of a person's week (`caps.per_person_week`) goes to reviews, then to plays.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from connector.domain.intent import ReviewIntent
from connector.domain.occupied import Crm
from connector.domain.project import Project
from connector.services.choose import Chosen
from connector.services.measure import Measured
from connector.services.person_week import PersonWeek
from connector.services.plays import plays_due
from connector.services.review_start import reviews_begun
from connector.services.reviews import Reviews, plan_reviews
from connector.services.scope import EVERYBODY, Bounds, inside, reviews_within
from connector.services.world import World


@dataclass(frozen=True)
class Begun:
    """Everything that is wanted of people today."""

    chosen: Chosen
    """With the plays that begin or end, and with everything that is held."""
    reviews: Reviews
    """Those whose reminders are wanted."""
    planned: tuple[ReviewIntent, ...]
    """Every review that comes up, whether it begins or not."""


def begin(
    measured: Measured, crm: Crm, chosen: Chosen, world: World, rules: Project, today: date, within: Bounds = EVERYBODY
) -> Begun:
    """Begin the reviews and plays that a person has room for this week."""
    planned = plan_reviews(measured, crm.links, chosen.intents, world, rules, today)
    ours, outside = reviews_within(planned.intents, within)
    within_reach = replace(planned, intents=ours, skipped=inside(planned.skipped, within))
    week = PersonWeek(world, rules, today)
    started = reviews_begun(within_reach, world, rules, today, week)
    plays, unbegun = plays_due(measured, crm, world, rules, today, week)
    held = (*chosen.held, *started.held, *outside, *unbegun)
    return Begun(replace(chosen, plays=tuple(plays), held=held), started.reviews, ours)
