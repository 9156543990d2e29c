"""Satisfaction and trust first: the questions that hold back a pitch to an unhealthy customer.

A customer is all its billing accounts: what one of them owes or fears counts for all. Unknown is not healthy, so each
question can be told to hold where there is no answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta

from connector.domain.features import AccountFeatures
from connector.domain.policy import Check, Health, No, Reason, Threshold

NPS_MEMORY_DAYS = 180
Question = Callable[[Sequence[AccountFeatures], Health, date], No | None]


def _overdue(accounts: Sequence[AccountFeatures], health: Health, _today: date) -> No | None:
    late = max((account.days_overdue or 0 for account in accounts), default=0)
    if late > health.overdue_days.limit:
        return No(Reason.UNHEALTHY_OVERDUE, f"an invoice is {late} days overdue", {"days": late})
    return _unknown(health.overdue_days, any(a.invoices for a in accounts), "no invoice was ever seen")


def _disputes(accounts: Sequence[AccountFeatures], health: Health, _today: date) -> No | None:
    disputes = sum(account.disputes for account in accounts)
    if disputes > health.disputes.limit:
        return No(Reason.UNHEALTHY_DISPUTE, f"{disputes} disputed in the last half year", {"count": disputes})
    return _unknown(health.disputes, any(a.invoices for a in accounts), "no invoice was ever seen")


def _payment(accounts: Sequence[AccountFeatures], health: Health, _today: date) -> No | None:
    if any(account.unpaid for account in accounts):
        return No(Reason.UNHEALTHY_PAYMENT, "a subscription is unpaid")
    if any(account.past_due for account in accounts):
        return No(Reason.UNHEALTHY_PAYMENT, "a subscription is past due")
    return _unknown(health.payment, any(a.subscribed for a in accounts), "no subscription is known")


def _cancellation(accounts: Sequence[AccountFeatures], health: Health, _today: date) -> No | None:
    ends = [account.cancel_on for account in accounts if account.cancel_on is not None]
    if ends:
        return No(Reason.UNHEALTHY_CANCELLATION, f"ends on {min(ends).isoformat()}", {"on": min(ends)})
    return _unknown(health.cancellation, any(a.subscribed for a in accounts), "no subscription is known")


def _falling_usage(accounts: Sequence[AccountFeatures], health: Health, _today: date) -> No | None:
    trends = [a.activity_trend for a in accounts if a.subscribed and a.activity_trend is not None]
    if trends and min(trends) <= -health.falling_usage.limit:
        detail = f"{min(trends):+.0%} against the 28 days before"
        return No(Reason.UNHEALTHY_FALLING_USAGE, detail, {"percent": round(-min(trends) * 100)})
    return _unknown(health.falling_usage, bool(trends), "no usage to compare")


def _escalation(accounts: Sequence[AccountFeatures], health: Health, today: date) -> No | None:
    since = today - timedelta(days=int(health.escalation_days.limit))
    opened = [a.escalated_on for a in accounts if a.escalated_on is not None and a.escalated_on >= since]
    if opened:
        return No(
            Reason.UNHEALTHY_ESCALATION, f"escalated on {max(opened).isoformat()}, not closed", {"on": max(opened)}
        )
    return _unknown(health.escalation_days, any(a.events is not None for a in accounts), "no stream of events")


def _nps(accounts: Sequence[AccountFeatures], health: Health, today: date) -> No | None:
    since = today - timedelta(days=NPS_MEMORY_DAYS)
    scores = [a.nps for a in accounts if a.nps is not None and a.nps_on is not None and a.nps_on >= since]
    if scores and min(scores) <= health.nps.limit:
        return No(Reason.UNHEALTHY_NPS, f"gave {min(scores):g} of 10", {"score": min(scores)})
    return _unknown(health.nps, bool(scores), "no satisfaction score in the last half year")


def _unknown(check: Check | Threshold, is_known: bool, detail: str) -> No | None:
    return No(Reason.UNKNOWN_HEALTH, detail) if not is_known and check.on_unknown == "hold" else None


QUESTIONS: Mapping[str, Question] = {
    "no_overdue_invoice": _overdue,
    "no_dispute": _disputes,
    "paying": _payment,
    "staying": _cancellation,
    "usage_holds": _falling_usage,
    "not_escalated": _escalation,
    "satisfied": _nps,
}
