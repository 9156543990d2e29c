"""What sales ops allow: when not to propose, how much, and how large (`playbooks/policy.yaml`).

Every "no" the connector says is a `Reason`; its value is what people count and grep for, so it never changes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

from connector.domain.catalogue import Texts
from connector.domain.documents import document

OnUnknown = Literal["allow", "hold"]
ClosedOutcome = Literal["won", "lost", "no", "not_useful", "withdrawn", "deleted"]


class Reason(StrEnum):
    """Why something is not proposed."""

    NO_SIGNAL = "no_signal"
    TEST_ACCOUNT = "test_account"
    UNMATCHED = "unmatched"
    AMBIGUOUS = "ambiguous"
    NOT_RECURRING = "not_recurring"
    ALREADY_OWNED = "already_owned"
    NOT_A_CUSTOMER = "not_a_customer"
    ON_TRIAL = "on_trial"
    NOT_SOLD_IN_COUNTRY = "not_sold_in_country"
    NOT_SOLD_TO_SEGMENT = "not_sold_to_segment"
    PLAN_TOO_LOW = "plan_too_low"
    PREREQUISITE_MISSING = "prerequisite_missing"
    PREREQUISITE_UNUSED = "prerequisite_unused"
    UNHEALTHY_OVERDUE = "unhealthy_overdue"
    UNHEALTHY_DISPUTE = "unhealthy_dispute"
    UNHEALTHY_PAYMENT = "unhealthy_payment"
    UNHEALTHY_CANCELLATION = "unhealthy_cancellation"
    UNHEALTHY_FALLING_USAGE = "unhealthy_falling_usage"
    UNHEALTHY_ESCALATION = "unhealthy_escalation"
    UNHEALTHY_NPS = "unhealthy_nps"
    UNKNOWN_HEALTH = "unknown_health"
    REP_WORKING = "rep_working"
    UNKNOWN_NEED_OPEN = "unknown_need_open"
    NEED_OPEN = "need_open"
    UNDONE = "undone"
    COOL_DOWN = "cool_down"
    NO_OWNER = "no_owner"
    NO_PRICE = "no_price"
    NO_GAIN = "no_gain"
    BETTER_OFFER = "better_offer"
    UNLIKELY = "unlikely"
    ACCOUNT_CAP = "account_cap"
    OWNER_CAP = "owner_cap"
    OWNER_BUSY = "owner_busy"
    DAY_CAP = "day_cap"
    OUT_OF_SCOPE = "out_of_scope"
    HELD_OUT = "held_out"
    NO_PARTNER = "no_partner"
    USE_TOO_LOW = "use_too_low"
    ADOPTION_FIRST = "adoption_first"
    QUOTE_OPEN = "quote_open"
    SAVE_OPEN = "save_open"
    SAVE_CAP = "save_cap"
    PITCH_OPEN = "pitch_open"
    TOO_SMALL = "too_small"
    SIGNALS_GONE = "signals_gone"  # of a proposal that stands: somebody works on it, so it is theirs to close
    PLAY_OPEN = "play_open"
    PLAY_CAP = "play_cap"
    TOO_LATE = "too_late"  # of a review that nobody could prepare any more
    OLD_NEWS = "old_news"


Unhealthy = Literal[
    "unhealthy_overdue",
    "unhealthy_dispute",
    "unhealthy_payment",
    "unhealthy_cancellation",
    "unhealthy_falling_usage",
    "unhealthy_escalation",
    "unhealthy_nps",
]
"""Reasons that a customer is not well."""


@dataclass(frozen=True)
class No:
    """An answer that lets something not be proposed, with the numbers behind it."""

    reason: Reason
    detail: str = ""
    numbers: Mapping[str, Any] = field(default_factory=dict, compare=False)
    """The same for texts in any language."""


@document
class Check:
    """What to do when there is no answer to a question about an account's health."""

    on_unknown: OnUnknown = "allow"


@document
class Threshold:
    """A question about an account's health with a number in it."""

    limit: float
    on_unknown: OnUnknown = "allow"


@document
class Health:
    """Who is not pitched to: satisfaction and trust come first."""

    overdue_days: Threshold = Threshold(limit=10)
    """An invoice overdue for more than so many days."""
    disputes: Threshold = Threshold(limit=0)
    """More disputed invoices than this in the last half year."""
    payment: Check = Check()
    """A subscription past due or unpaid."""
    cancellation: Check = Check()
    """A cancellation scheduled."""
    falling_usage: Threshold = Threshold(limit=0.3)
    """Usage fallen by this share or more against the 28 days before."""
    escalation_days: Threshold = Threshold(limit=30)
    """An escalation opened in the last so many days that nobody has closed."""
    nps: Threshold = Threshold(limit=4)
    """A satisfaction score of this or less in the last half year."""


@document
class Caps:
    """No flooding: how much one account, one owner, one week may get."""

    per_account: int = 2
    """Open proposals of ours on one CRM account."""
    per_account_week: int = 1
    """New proposals on one CRM account in any seven days."""
    per_owner_week: int = 5
    """New proposals for one owner in any seven days."""
    per_person_week: int = 10
    """New things of every playbook for one person in any seven days: what proposals and help may take stays free."""
    owner_open_tasks: int = 40
    """An owner with more open tasks of ours than this gets no new proposal."""
    max_new_per_day: int | None = None
    """New proposals on one day, whoever they are for; the lowest-valued wait for tomorrow."""


@document
class Minimum:
    """Below either, a proposal is a task and not an opportunity."""

    p: float = 0.1
    value: int = 0
    """Minor units of the reporting currency per month."""


@document
class Approval:
    """How much one run may do before a person has to approve it (`connector approve RUN --by NAME`)."""

    creates: int = 500
    changes: int = 1000
    """Updates and associations."""
    closes: int = 50
    share: float = 0.5
    """Of the records we wrote before, updated or closed together; asked for from `least` of them on."""
    least: int = 50


@document
class Timing:
    """Which dates a proposal may be bound to, in calendar days from today."""

    earliest: int = 7
    latest: int = 120
    review_before_renewal: int = 60
    """The offer is put on the table this long before the renewal, so that it can be signed with it."""
    when_reached: int = 30
    """Close date of a limit that is already reached, and of a proposal with no moment of its own."""


@document
class Sizing:
    """How much to recommend."""

    headroom: float = 0.1
    """Room above the expected peak."""
    horizon_days: int = 90
    """How far the trend is followed."""
    growth_cap: float = 0.25
    """Never expect more than this share above what is used now."""
    tier_reach: float = 0.25
    """A cheaper step of a tiered price is proposed when it begins at most this share above what will be needed."""


@document
class Concession:
    """A discount on a condition: shown to whoever sells, never taken off an amount by itself."""

    percent: float
    when: Literal["renewal", "limit", "anniversary", "always"] = "always"
    """The moment that a proposal must be bound to."""
    offers: Sequence[str] = ()
    """Offers it is granted for; empty: all."""
    condition: Texts
    """What the customer does for it: `if it is signed with the renewal`."""


@document
class Refresh:
    """When what stands in the CRM untouched is written anew, because a number that it cites moved."""

    share: float = 0.1
    """By more than this share; or a reason came or went."""
    days: int = 7
    """Never twice in so many days of data."""


@document
class Scope:
    """Whom the connector may write about. Every key that is given narrows it; a key left out does not."""

    owners: Sequence[str] | None = None
    """E-mails: accounts whose proposals would be theirs (the role `ae`)."""
    segments: Sequence[str] | None = None
    """Segments as billing names them: accounts with a billing account in one of them."""
    accounts: Sequence[str] | None = None
    """CRM accounts, by id or by their whole name."""

    @property
    def is_limited(self) -> bool:
        return any(part is not None for part in (self.owners, self.segments, self.accounts))


@document
class Holdout:
    """Customers that get no proposal, drawn by lot, so that what proposals cause can be measured (`connector holdout`).

    Reviews, save tasks and adoption help go on, and what stood open before stays as it is.
    """

    share: float
    """Of the eligible customers: from 0.1 to 0.2."""
    salt: str
    """What the lot is drawn with. Kept, everybody keeps their lot; another one begins another holdout."""


@document
class GatesPolicy:
    """Every number behind a "yes" or "no" (`playbooks/policy.yaml`)."""

    version: int = 1
    name: str = "policy"
    mode: Literal["live", "shadow"] = "live"
    """`shadow` decides everything and writes nothing to the CRM."""
    scope: Scope = Scope()
    holdout: Holdout | None = None
    """Off until it is chosen; taken out again, the next run proposes to everybody."""
    reporting_currency: str = "EUR"
    base_rate: float = 0.03
    """Share of eligible (account, offer) pairs that adopt within 90 days, before any sign; a prior, not measured."""
    p_bounds: Sequence[float] = (0.01, 0.8)
    p_minimum: float = 0.05
    """Below this nothing is proposed, not even as a task."""
    through_plan: float = 0.6
    """Share of its weight with which a need points to the plan that could carry the module it asks for."""
    health: Health = Health()
    caps: Caps = Caps()
    approval: Approval = Approval()
    opportunity_min: Minimum = Minimum()
    timing: Timing = Timing()
    sizing: Sizing = Sizing()
    dormant_modules: int = 1
    """A customer with more modules that it pays for and does not use gets no new one: adoption comes first."""
    refresh: Refresh = Refresh()
    cards: Literal["none", "active", "all"] = "active"
    """Accounts that get a card, a note kept up to date: none; those with a proposal of ours open; all."""
    monday: int = 5
    """Opportunities in an account executive's Monday list, at most."""
    billed_days: int = 45
    """Days after an opportunity was won from which its owner is told that billing does not show it."""
    paying_only: bool = True
    """Accounts without recurring revenue are new business, not expansion."""
    trial: Literal["allow", "hold"] = "hold"
    on_unknown_need: Literal["hold", "allow"] = "hold"
    """A person's open opportunity whose need nobody can tell."""
    unknown_need_days: int = 30
    """It holds ours while it was touched in the last so many days."""
    quote_days: int = 45
    """A quote that a person sent holds ours for so many days, unless it was closed before."""
    concessions: Sequence[Concession] = ()
    internal: Sequence[str] = ("peers", "macro_context", "organisation_change", "exploration")
    """Signals, or rows of them, that colleagues read and that a letter to a customer never cites."""
    cool_down_days: Mapping[ClosedOutcome, int] = field(
        default_factory=lambda: {"won": 90, "lost": 180, "no": 180, "not_useful": 180, "deleted": 365, "withdrawn": 0}
    )
    """Days of silence about a need after our proposal for it closed."""
