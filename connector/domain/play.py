"""Playbooks as sales ops write them: what is asked of whom, when, in the reader's language.

One model for all of them. A step is a task; it is due so many business days of its owner after (before, if negative)
what its play hangs on: the stage that was entered, the review, the sale, the trial's end. It may wait for others
(`after`), even for a certain answer to them, and be for some customers only (`when`). Texts are Jinja templates per
language, with variants for whom they are meant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from connector.domain.catalogue import Kind, Language, Texts
from connector.domain.documents import document
from connector.domain.mapping import Example, OwnerRole, Profile
from connector.domain.policy import Unhealthy

NEGOTIATION, REVIEW, SAVE = "negotiation", "business_review", "save"
"""Names of the plays, as keys hold them: they never change."""
PLAY_NEED = "play:"
"""What stands before the id of a play of `plays.yaml` where an episode names its need: it meets none."""

StepKind = Literal["call", "email", "todo"]
NegotiationStage = Literal["proposed", "consult", "confront", "concretize"]
STAGES: tuple[NegotiationStage, ...] = ("proposed", "consult", "confront", "concretize")


def play_of(need: str) -> str | None:
    """Name the play of `plays.yaml` that an episode belongs to; None for a proposal or a save play."""
    return need.removeprefix(PLAY_NEED) if need.startswith(PLAY_NEED) else None


def is_proposal(need: str) -> bool:
    """Say whether an episode proposes something: it is neither help nor a follow-up."""
    return need != SAVE and not need.startswith(PLAY_NEED)


@dataclass(frozen=True)
class Whom:
    """What a playbook may tell customers and readers apart by; None where nobody knows."""

    segment: str | None = None
    need: str | None = None
    offer: str | None = None
    kind: Kind | None = None
    language: Language | None = None
    profile: Profile | None = None


@document
class Audience:
    """Whom something is for: every list that is given must name them; a list left out lets everybody in."""

    segments: Sequence[str] = ()
    needs: Sequence[str] = ()
    offers: Sequence[str] = ()
    kinds: Sequence[Kind] = ()
    languages: Sequence[Language] = ()
    """Of whoever reads it: the step's owner, or the contact of an e-mail."""
    profiles: Sequence[Profile] = ()
    """Of the contact, by their role (`contact.profiles` of the mapping)."""

    def takes(self, whom: Whom) -> bool:
        """Say whether somebody is meant; whoever is not known to be is not."""
        return all(not named or getattr(whom, part) in named for named, part in self.parts())

    def meets(self, other: Audience) -> bool:
        """Say whether somebody could be meant by both."""
        pairs = zip(self.parts(), other.parts(), strict=True)
        return all(not mine or not theirs or set(mine) & set(theirs) for (mine, _), (theirs, _) in pairs)

    def parts(self) -> tuple[tuple[Sequence[str], str], ...]:
        """Each list, with the part of `Whom` it is about."""
        return (
            (self.segments, "segment"),
            (self.needs, "need"),
            (self.offers, "offer"),
            (self.kinds, "kind"),
            (self.languages, "language"),
            (self.profiles, "profile"),
        )


@document
class Variant:
    """Other words for some: what is left out stays as it is. The first variant that takes somebody speaks."""

    when: Audience
    subject: Texts = field(default_factory=dict)
    body: Texts = field(default_factory=dict)


@document
class Email:
    """A letter ready to be pasted, in the contact's language; nobody but a person sends it."""

    subject: Texts
    body: Texts
    variants: Sequence[Variant] = ()


@document
class Step:
    """One task: a verb, whom it concerns, and when it is due."""

    id: str
    kind: StepKind
    role: OwnerRole = "ae"
    due: int = 1
    """Business days after the anchor; negative before it."""
    days: int | None = None
    """Calendar days after the anchor instead (moved to a business day): 7, 30 and 60 days after a sale."""
    priority: Literal["high", "normal"] = "normal"
    after: Sequence[str] = ()
    """Steps of the same list that have to be done first; it is due counted from the last of them."""
    answered: Sequence[str] = ()
    """Only if each step it waits for was given one of these answers; empty: whatever the answer."""
    when: Audience = Audience()
    subject: Texts
    body: Texts
    exit: Texts = field(default_factory=dict)
    """A yes-or-no question that the buyer's behaviour answers: it is done when the answer is yes."""
    variants: Sequence[Variant] = ()
    email: Email | None = None


@document
class Silent:
    """What is asked when nothing has happened for a while."""

    days: int
    """Business days since the last sign of life: a stage entered, a step of it done, the last one that was due."""
    step: Step


@document
class Silence:
    """Follow-ups and the escalation of an opportunity that does not move; after the last of them we stop."""

    stages: Sequence[NegotiationStage] = ("consult", "confront", "concretize")
    follow_ups: Sequence[Silent] = ()
    """In order; each at most once a visit to a stage."""


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
    carried: Texts
    """Subject of an open task that goes along into a later stage; names: subject, stage (it comes from)."""
    carry: int = 1
    """How many moves forward an untouched open task goes along; then it is withdrawn."""
    silence: Silence = Silence()
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
    ahead: int = 5
    """Business days before a reminder is due that it appears; what follows the review appears once it was held."""
    held_lately_days: int = 45
    """No review within so many days of one that people logged (`review_on` of the mapping's facts)."""
    minimum_mrr: int = 0
    """Smallest account that gets reviews, in minor units of the reporting currency per month."""
    steps: Sequence[Step]
    examples: Sequence[Example] = ()


TriggerKind = Literal["sale", "trial", "dormant", "signal"]


@document
class Trigger:
    """What begins a play."""

    kind: TriggerKind
    """sale: an opportunity of ours was won. trial: one runs. dormant: paid for and not used. signal: one of these."""
    signals: Sequence[str] = ()
    """Rules of `signals.yaml`, with `kind: signal`."""
    days: int = 0
    """At least so many days bought and not used (dormant), at most so many before its end (trial) or since it happened
    (signal; 0: as long as the rule hears it)."""


@document
class Play:
    """What is done about one thing that happened; one at a time for an account."""

    trigger: Trigger
    when: Audience = Audience()
    stop: Literal["used", "bought", "never"] = "never"
    """Open tasks are withdrawn once the offer is used, or is paid for."""
    ahead: int = 5
    """Business days before a task is due that it appears: nobody needs a task of two months from now."""
    lasts_days: int = 90
    """Calendar days after the anchor when it is over, whatever was done."""
    quiet_days: int = 90
    """Days without another one for the account after it ended."""
    per_owner_week: int = 3
    """New ones for one person in any seven days."""
    proposes: bool = False
    """It proposes an expansion, so that it does not begin for a customer that is held out."""
    steps: Sequence[Step]


@document
class Plays:
    """Follow-ups, trials, adoption, news: plays that are no negotiation (`playbooks/plays.yaml`)."""

    version: int = 1
    name: str = "plays"
    plays: Mapping[str, Play]
    examples: Sequence[Example] = ()


@document
class Job:
    """One scheduled job: a cron line (five fields, project time zone) or an interval."""

    run: Literal["sync", "stages", "train"] = "sync"
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
