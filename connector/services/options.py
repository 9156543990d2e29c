"""What stands side by side when contract changes are compared: today, what is proposed, another way to the same need.

Decided here: B is the best other offer for the need that this customer may have and that has a price; where there is
none, A on a condition that the policy grants at this moment; else nothing: an alternative is never made up. It is
worked out when the proposal is chosen and kept in its brief, so that the page is written minutes after its owner moves
the opportunity, without the warehouse.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from connector.domain.catalogue import Texts
from connector.domain.gates import GATES, Candidate
from connector.domain.intent import Moment
from connector.domain.money import Money
from connector.domain.policy import Concession
from connector.domain.score import Score
from connector.domain.white_space import ELIGIBLE
from connector.services.offer_terms import MONTH


@dataclass(frozen=True)
class Option:
    """One change of the contract."""

    offer: str
    quantity: int
    adds: Money
    """A month, before any discount."""
    percent: float = 0
    condition: Texts | None = None
    """What the customer does for the discount."""
    worth: Money | None = None
    """What it is worth to the customer a month, where the catalogue says how that is counted."""
    hours: int = 0
    source: Texts | None = None

    @property
    def costs(self) -> Money:
        """What it adds a month with the discount."""
        return Money(round(self.adds.minor * (100 - self.percent) / 100), self.adds.currency)


@dataclass(frozen=True)
class Options:
    """All that is compared."""

    pays: Money
    plan: str | None
    seats: float | None
    limits: tuple[tuple[str, float, float], ...]
    """Metric, what is used of it, and its limit."""
    a: Option
    b: Option | None


def rivals_of(candidate: Candidate, by_need: Mapping[tuple[str, str], Sequence[Score]]) -> list[Candidate]:
    """Other offers for the need of a candidate that it may have, best first."""
    found = []
    for score in by_need.get((candidate.crm.account_id, candidate.score.need), ()):
        offer = candidate.catalogue.offers.get(score.offer)
        if offer is None or score.offer == candidate.score.offer or score.delta_mrr is None:
            continue
        rival = replace(candidate, score=score, offer=offer)
        if score.delta_mrr.currency == _currency(candidate) and all(GATES[gate](rival) is None for gate in ELIGIBLE):
            found.append(rival)
    return sorted(found, key=lambda one: (-one.score.value, one.score.offer))


def options_of(candidate: Candidate, moment: Moment, rivals: Sequence[Candidate]) -> dict[str, Any]:
    """Write the options of a proposal down as plain JSON."""
    granted = [one for one in candidate.policy.concessions if _is_granted(one, candidate.score.offer, moment)]
    a = _option(candidate)
    b = _option(rivals[0]) if rivals else None
    if b is None and granted:
        b = replace(a, percent=granted[0].percent, condition=granted[0].condition)
    currency = a.adds.currency
    pays = sum(one.mrr.get(currency, one.mrr_minor if one.currency == currency else 0) for one in candidate.accounts)
    first = candidate.accounts[0]
    limits = [
        [row.metric, row.pace, row.limit]
        for row in sorted(candidate.metrics.values(), key=lambda row: -(row.utilisation or 0))
        if row.limit
    ]
    return {
        "pays": [pays, currency],
        "plan": first.plan,
        "seats": first.seats,
        "limits": limits[:3],
        **_held(candidate, currency),
        "a": _json(a),
        **({"b": _json(b)} if b is not None else {}),
    }


def read_options(told: Mapping[str, Any]) -> Options:
    """Read what `options_of` wrote."""
    return Options(
        pays=Money(*told["pays"]),
        plan=told["plan"],
        seats=told["seats"],
        limits=tuple((name, pace, limit) for name, pace, limit in told["limits"]),
        a=_read(told["a"]),
        b=_read(told["b"]) if "b" in told else None,
    )


def _held(candidate: Candidate, currency: str) -> dict[str, Any]:
    """What the customer has, and pays a month, of what the offer makes larger: billing is later held against it."""
    grown = candidate.catalogue.grown_by(candidate.score.offer)
    held = [one.holdings[name] for one in candidate.accounts for name in grown if name in one.holdings]
    if not grown:
        return {}
    minor = sum(one.mrr_minor for one in held if one.currency == currency and not one.trialing)
    return {"held": {"quantity": sum(one.quantity for one in held), "mrr": [minor, currency]}}


def _currency(candidate: Candidate) -> str:
    assert candidate.score.delta_mrr is not None  # the gates let nothing through that has no price
    return candidate.score.delta_mrr.currency


def _is_granted(one: Concession, offer: str, moment: Moment) -> bool:
    return one.when in ("always", moment.kind) and (not one.offers or offer in one.offers)


def _option(candidate: Candidate) -> Option:
    score = candidate.score
    assert score.delta_mrr is not None  # neither a candidate nor its rival lacks a price
    plain = Option(score.offer, score.quantity, score.delta_mrr)
    worth = candidate.offer.worth
    used = candidate.metrics.get(worth.metric) if worth is not None else None
    if worth is None or used is None:
        return plain
    currency = score.delta_mrr.currency
    hour, each = worth.hour.get(currency), worth.beyond_limit.get(currency)
    hours = round(used.level_28 * MONTH * worth.hours_per_unit * worth.share_saved)
    if hour and hours:
        return replace(plain, worth=Money(hours * hour, currency), hours=hours, source=worth.source)
    beyond = round(used.pace - used.limit) if used.limit is not None else 0
    if each and beyond > 0:
        return replace(plain, worth=Money(beyond * each, currency), source=worth.source)
    return plain


def _json(one: Option) -> dict[str, Any]:
    return {
        "offer": one.offer,
        "quantity": one.quantity,
        "adds": [one.adds.minor, one.adds.currency],
        **({"percent": one.percent, "condition": dict(one.condition or {})} if one.percent else {}),
        **({"worth": [one.worth.minor, one.worth.currency], "source": dict(one.source or {})} if one.worth else {}),
        **({"hours": one.hours} if one.hours else {}),
    }


def _read(told: Mapping[str, Any]) -> Option:
    return Option(
        offer=told["offer"],
        quantity=told["quantity"],
        adds=Money(*told["adds"]),
        percent=told.get("percent", 0),
        condition=told.get("condition"),
        worth=Money(*told["worth"]) if "worth" in told else None,
        hours=told.get("hours", 0),
        source=told.get("source"),
    )
