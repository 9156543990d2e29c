"""What the connector wants to happen for one account, before any CRM is involved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from connector.domain.catalogue import Kind, Lever, Texts
from connector.domain.load import Load
from connector.domain.money import Money
from connector.domain.policy import Refresh
from connector.domain.values import value

REFRESH = Refresh()


@value
class Contribution:
    """One signed term of a score, in log-odds, with the evidence a person can check in every language."""

    name: str
    term: float
    evidence: Texts


@dataclass(frozen=True)
class Moment:
    """The reason why now, with its date: a renewal, a limit about to bind; kind `none` has a date but no reason."""

    kind: str
    on: date
    label: Texts
    """Empty when there is no reason to cite."""


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
    reported: Money
    """The same in the reporting currency, at the rates of the day of the run: amounts that the CRM adds up."""
    value: int
    """p × `reported` in minor units."""
    base: float
    """The scorecard's intercept: base + Σ terms = logit p."""
    contributions: tuple[Contribution, ...]
    moment: Moment
    data_to: date
    as_task: bool = False
    terms: tuple[Texts, ...] = ()
    """What else whoever sells it has to know: one-off fees, conditions, who delivers it, what it is worth, proofs."""
    segment: str | None = None
    """Of the customer, as billing names it: by it playbooks choose their words."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """What stands side by side when contract changes are compared, as plain JSON (see `services.options`)."""


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
class SaveIntent:
    """Help a customer that is not well, instead of a pitch."""

    account_id: str
    billing_ids: tuple[str, ...]
    reasons: tuple[tuple[str, Texts, Texts], ...]
    """Reason code, why, and what to do about it, in the gates' order."""
    mrr: Money
    """What is at stake per month, in the reporting currency."""
    data_to: date

    def brief(self) -> dict[str, Any]:
        """Write it down as plain JSON: what its episode's task cites."""
        return {
            "as_task": True,
            "billing_ids": list(self.billing_ids),
            "reasons": [[code, dict(why), dict(what)] for code, why, what in self.reasons],
            "mrr": [self.mrr.minor, self.mrr.currency],
            "data_to": self.data_to.isoformat(),
        }


@dataclass(frozen=True)
class PlayIntent:
    """Begin a play of `plays.yaml` for an account, or end one that is open."""

    play: str
    account_id: str
    billing_ids: tuple[str, ...] = ()
    offer: str | None = None
    on: date | None = None
    """The day it hangs on: of the sale, the trial's end, the news."""
    until: date | None = None
    evidence: tuple[Texts, ...] = ()
    added: Money | None = None
    """What was sold, a month."""
    data_to: date | None = None
    segment: str | None = None
    ended: str | None = None
    """Why an open one is over; None: it begins, or goes on."""
    had: float | None = None
    """Units that the customer had before, where more of them were sold."""

    def brief(self) -> dict[str, Any]:
        """Write it down as plain JSON: what its tasks cite."""
        return {
            "as_task": True,
            "billing_ids": list(self.billing_ids),
            "offer": self.offer,
            "on": self.on.isoformat() if self.on else None,
            "until": self.until.isoformat() if self.until else None,
            "evidence": [dict(one) for one in self.evidence],
            "added": [self.added.minor, self.added.currency] if self.added else None,
            "had": self.had,
            "data_to": self.data_to.isoformat() if self.data_to else None,
            "segment": self.segment,
        }


@value
class Held:
    """A "no" with its reason: nothing is silently dropped."""

    account_id: str
    subject: str
    """Offer or play that was considered."""
    reason: str
    detail: str = ""
    p: float | None = None
    value: int | None = None
    load: Load | None = field(default=None, compare=False, repr=False)
    """What stood on the account and its owner when it was weighed."""


def brief_of(intent: Intent) -> dict[str, Any]:
    """Write an intent down as plain JSON: what an episode's texts cite."""
    return {
        **{name: getattr(intent, name) for name in _PLAIN},
        "billing_ids": list(intent.billing_ids),
        "delta_mrr": [intent.delta_mrr.minor, intent.delta_mrr.currency],
        "reported": [intent.reported.minor, intent.reported.currency],
        "contributions": [[c.name, c.term, dict(c.evidence)] for c in intent.contributions],
        "moment": [intent.moment.kind, intent.moment.on.isoformat(), dict(intent.moment.label)],
        "data_to": intent.data_to.isoformat(),
        **({"terms": [dict(one) for one in intent.terms]} if intent.terms else {}),
        **({"segment": intent.segment} if intent.segment else {}),
        **({"options": dict(intent.options)} if intent.options else {}),
    }


def intent_of(brief: Mapping[str, Any]) -> Intent:
    """Read what `brief_of` wrote."""
    kind, on, label = brief["moment"]
    return Intent(
        **{name: brief[name] for name in _PLAIN},
        billing_ids=tuple(brief["billing_ids"]),
        delta_mrr=Money(*brief["delta_mrr"]),
        reported=Money(*brief["reported"]),
        contributions=tuple(Contribution(name, term, evidence) for name, term, evidence in brief["contributions"]),
        moment=Moment(kind, date.fromisoformat(on), label),
        data_to=date.fromisoformat(brief["data_to"]),
        terms=tuple(brief.get("terms", ())),
        segment=brief.get("segment"),
        options=brief.get("options", {}),
    )


_PLAIN = ("play", "account_id", "need", "offer", "kind", "lever", "quantity", "p", "value", "base", "as_task")


def moved_materially(told: Intent, new: Intent, refresh: Refresh = REFRESH) -> bool:
    """Say whether texts that cite `told` must be written anew: a number moved far enough, or a reason came or went.

    Never more often than the policy says, except that a proposal is promoted to an opportunity at once.
    """
    if told.as_task and not new.as_task:
        return True
    if (new.data_to - told.data_to).days < refresh.days:
        return False
    if new.offer != told.offer or {c.name for c in new.contributions} != {c.name for c in told.contributions}:
        return True
    pairs = ((told.p, new.p), (told.delta_mrr.minor, new.delta_mrr.minor), (told.quantity, new.quantity))
    return any(abs(after - before) > refresh.share * abs(before) for before, after in pairs)
