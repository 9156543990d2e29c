"""Playbooks as sales ops write them: what is asked of whom, when, in the reader's language.

A step's `subject` and `body` are Jinja templates per language. Due dates are business days of the step's owner,
counted from the day the stage was entered (negotiation) or from the day of the review (negative: before it).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from connector.domain.catalogue import Texts
from connector.domain.documents import document
from connector.domain.mapping import Example, OwnerRole
from connector.domain.policy import Unhealthy

NEGOTIATION, REVIEW, SAVE = "negotiation", "business_review", "save"
"""Names of the plays, as keys hold them: they never change."""

StepKind = Literal["call", "email", "todo"]
NegotiationStage = Literal["proposed", "consult", "confront", "concretize"]


@document
class Step:
    """One task: a verb, whom it concerns, and when it is due."""

    id: str
    kind: StepKind
    role: OwnerRole = "ae"
    due: int = 1
    """Business days after the anchor; negative before it."""
    priority: Literal["high", "normal"] = "normal"
    subject: Texts
    body: Texts


@document
class Negotiation:
    """From a proposal to a signature, never all in one meeting (`playbooks/negotiation.yaml`)."""

    version: int = 1
    name: str = "negotiation"
    title: Texts
    """Name of the opportunity."""
    why: Texts
    """What its description says: why this customer, why now, on what evidence."""
    next_step: Texts
    stages: Mapping[NegotiationStage, Sequence[Step]]
    small: Step
    """The one task an intent becomes when it is too small to be an opportunity."""
    bought: Step
    """What the owner is told when billing shows that the customer bought the offer meanwhile."""
    examples: Sequence[Example] = ()


@document
class SaveReason:
    """What a person is told of one thing that is wrong, and what to do about it."""

    why: Texts
    next: Texts


@document
class Save:
    """What is asked of whom when a customer is unhealthy: help instead of a pitch (`playbooks/save.yaml`)."""

    version: int = 1
    name: str = "save"
    per_owner_week: int = 3
    """New save tasks for one person in any seven days; those with the most recurring revenue at stake come first."""
    quiet_days: int = 60
    """Days without another one on the same account after the last was closed."""
    minimum_mrr: int = 0
    """Smallest customer that gets one, in minor units of the reporting currency per month."""
    reasons: Mapping[Unhealthy, SaveReason]
    """The answers about an account's health that ask for one; another only holds back the pitch."""
    task: Step
    examples: Sequence[Example] = ()


@document
class Cadence:
    """How often accounts of a segment get a review."""

    segments: Sequence[str] = ()
    """Empty: every segment no earlier line names."""
    every_months: int = 12


@document
class BusinessReview:
    """A review before each renewal, prepared and followed up (`playbooks/business_review.yaml`)."""

    version: int = 1
    name: str = "business_review"
    before_renewal: Sequence[int] = (90, 120)
    """Window in calendar days before the renewal in which the last review of a term falls."""
    cadence: Sequence[Cadence] = ()
    horizon: int = 45
    """Reminders appear when the review is at most this many calendar days ahead."""
    minimum_mrr: int = 0
    """Smallest account that gets reviews, in minor units of the reporting currency per month."""
    steps: Sequence[Step]
    examples: Sequence[Example] = ()


@document
class Job:
    """One scheduled job: a cron line (five fields, project time zone) or an interval."""

    run: Literal["sync", "stages"] = "sync"
    cron: str | None = None
    every_minutes: int | None = None


@document
class Schedule:
    """When jobs run (`playbooks/schedule.yaml`)."""

    version: int = 1
    name: str = "schedule"
    timezone: str = "Europe/Paris"
    """IANA time zone in which `today` and cron lines are meant."""
    jobs: Mapping[str, Job]
