"""What the connector wants to happen for one account, before any CRM is involved."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from connector.domain.catalogue import Kind, Lever, Texts
from connector.domain.money import Money


@dataclass(frozen=True)
class Contribution:
    """One signed term of a score, in log-odds, with the evidence a person can check in every language."""

    name: str
    term: float
    evidence: Texts


@dataclass(frozen=True)
class Moment:
    """The reason why now, with its date: a renewal, a review, a limit about to bind."""

    kind: str
    on: date
    label: Texts


@dataclass(frozen=True)
class Intent:
    """Propose an offer to an account. `as_task` when it is too small to be an opportunity."""

    play: str
    account_id: str
    billing_ids: tuple[str, ...]
    need: str
    offer: str
    kind: Kind
    lever: Lever
    quantity: int
    p: float
    delta_mrr: Money
    """What the customer would pay more per month, in the account's own currency."""
    value: int
    """p × ΔMRR in minor units of the reporting currency."""
    base: float
    """The scorecard's intercept: base + Σ terms = logit p."""
    contributions: tuple[Contribution, ...]
    moment: Moment
    data_to: date
    as_task: bool = False


@dataclass(frozen=True)
class ReviewIntent:
    """Hold a business review with an account, before its contract renews."""

    account_id: str
    billing_ids: tuple[str, ...]
    on: date
    term_start: date
    ordinal: int
    renewal_on: date | None
    announce: tuple[str, ...] = ()
    """Offers to announce (not sell) in the review."""


@dataclass(frozen=True)
class Held:
    """A "no" with its reason: nothing is silently dropped."""

    account_id: str
    subject: str
    """Offer or play that was considered."""
    reason: str
    detail: str = ""
    p: float | None = None
    value: int | None = None
