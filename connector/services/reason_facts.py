"""The numbers behind a gate's answer, as a sentence cites them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

from connector.domain.catalogue import Language
from connector.domain.gates import Candidate, dormant_modules
from connector.services.texts import day, in_language, percent


def cited_facts(c: Candidate, language: Language) -> dict[str, Any]:
    """Everything a sentence about a candidate may cite, written as its language does."""
    health, caps, load = c.policy.health, c.policy.caps, c.load
    trend = min((a.activity_trend for a in c.accounts if a.activity_trend is not None), default=0.0)
    scores = [a.nps for a in c.accounts if a.nps is not None]
    missing = [name for name in c.offer.prerequisites if name not in c.owned] or [
        name for name in c.offer.prerequisites if name not in c.used
    ]
    theirs = [one.name for one in c.crm.opportunities if not one.renewal and one.need == c.score.need]
    unread = [one.name for one in c.crm.opportunities if not one.renewal and one.need is None]
    return {
        "overdue": max((a.days_overdue or 0 for a in c.accounts), default=0),
        "overdue_limit": round(health.overdue_days.limit),
        "disputes": sum(a.disputes for a in c.accounts),
        "ends": _day(min((a.cancel_on for a in c.accounts if a.cancel_on), default=None), language),
        "fallen": percent(-trend, language),
        "fall_limit": percent(health.falling_usage.limit, language),
        "escalated": _day(max((a.escalated_on for a in c.accounts if a.escalated_on), default=None), language),
        "nps": f"{min(scores):g}" if scores else "",
        "nps_limit": f"{health.nps.limit:g}",
        "theirs": theirs[0] if theirs else "",
        "unread": unread[0] if unread else "",
        "missing": _offers(c, missing, language),
        "country": c.country or "?",
        "segment": c.accounts[0].segment or "?",
        "currency": c.accounts[0].currency or "?",
        "plan": _offers(c, [c.accounts[0].plan] if c.accounts[0].plan else [], language) or "?",
        "plans": _offers(c, c.offer.sold_with, language),
        "open_offer": _offers(c, [c.episode.offer] if c.episode and c.episode.offer else [], language),
        "p": _small(c.score.p, language),
        "p_minimum": percent(c.policy.p_minimum, language),
        "open": load.account_open,
        "week": load.account_week,
        "owner_tasks": load.owner_tasks,
        "open_most": caps.per_account,
        "week_most": caps.per_account_week,
        "per_owner_week": caps.per_owner_week,
        "owner_open_tasks": caps.owner_open_tasks,
        "dormant": _offers(c, dormant_modules(c), language),
        **_used(c, language),
        **_closed(c, language),
    }


def _used(c: Candidate, language: Language) -> dict[str, Any]:
    """How much is used of what an offer asks to be used first."""
    wanted = c.offer.from_use
    if wanted is None:
        return {}
    told = c.metrics.get(wanted.metric)
    label = in_language(c.catalogue.metrics[wanted.metric].label, language)
    return {"use": told.level_28 if told is not None else 0, "use_of": label, "use_wanted": wanted.at_least}


def _closed(c: Candidate, language: Language) -> dict[str, str]:
    """When our last proposal for the need ended, and until when there is silence about it."""
    ended = [one for one in c.crm.closed_episodes if one.need == c.score.need]
    if not ended:
        return {"closed": "", "until": ""}
    quiet = {one: one.closed_on + timedelta(days=c.policy.cool_down_days.get(one.outcome, 0)) for one in ended}
    last = max(ended, key=lambda one: quiet[one])
    return {"closed": _day(last.closed_on, language), "until": _day(quiet[last], language)}


def _offers(c: Candidate, names: Iterable[str], language: Language) -> str:
    labels = {name: in_language(offer.label, language) for name, offer in c.catalogue.offers.items()}
    return ", ".join(labels.get(name, name) for name in names)


def _day(on: date | None, language: Language) -> str:
    return day(on, language) if on else ""


def _small(p: float, language: Language) -> str:
    """A likelihood near the least one is told to a tenth of a percent."""
    shown = f"{p * 100:.1f}"
    return f"{shown}%" if language == "en" else f"{shown.replace('.', ',')} %"
