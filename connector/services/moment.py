"""Why now: the renewal, the limit or the anniversary that a proposal is bound to, and so the day it closes."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from datetime import date, timedelta
from typing import Any

from connector.domain.catalogue import Language, Texts
from connector.domain.gates import Candidate
from connector.domain.intent import Moment
from connector.domain.workdays import next_workday
from connector.services.texts import day as written
from connector.services.texts import in_language

Holidays = Callable[[str | None], Container[date]]
"""Country → the days nobody works there."""


WHEN: Mapping[str, str] = {"renewal": "renewal_window", "anniversary": "anniversary"}
"""Moment → the signal that says the same: it is told once."""


def no_holidays(_country: str | None) -> Container[date]:
    """Weekends only."""
    return ()


def moment(candidate: Candidate, holidays: Holidays = no_holidays) -> Moment:
    """The nearest reason why now: the renewal, a limit about to bind, an anniversary; its day is a working day.

    Where there is none, the proposal has a day to be settled by and nothing that makes it urgent.
    """
    timing, today = candidate.policy.timing, candidate.today
    earliest, latest = today + timedelta(days=timing.earliest), today + timedelta(days=timing.latest)
    options = [(max(on, earliest), kind, label) for on, kind, label in _moments(candidate) if today <= on <= latest]
    within = today + timedelta(days=timing.when_reached)
    on, kind, label = min(options, default=(within, "none", {}), key=lambda option: option[:2])
    return Moment(kind, next_workday(on, holidays(candidate.country)), label)


_REACHED: Texts = {"en": "They are at the limit already", "fr": "Ils sont déjà à la limite"}


def _moments(candidate: Candidate) -> list[tuple[date, str, Texts]]:
    timing, today, limit = candidate.policy.timing, candidate.today, candidate.score.limit_on
    found: list[tuple[date, str, Texts]] = []
    for account in candidate.accounts:
        if not account.subscribed:
            continue
        if account.renewal_on is not None:
            review = account.renewal_on - timedelta(days=timing.review_before_renewal)
            on = review if review >= today else account.renewal_on
            found.append(
                (on, "renewal", _dated("The contract renews on", "Renouvellement du contrat le", account.renewal_on))
            )
        elif account.anniversary_on is not None:
            said = ("Their anniversary as a customer is on", "Anniversaire du contrat le")
            label = _dated(*said, account.anniversary_on)
            found.append((account.anniversary_on, "anniversary", label))
    if limit is not None and limit > today:
        found.append((limit, "limit", _dated("Limit expected on", "Limite attendue le", limit)))
    elif limit is not None:
        found.append((today + timedelta(days=timing.when_reached), "limit", _REACHED))
    return found


def moment_names(moment: Moment, language: Language) -> dict[str, Any]:
    """What texts may say of a moment; `by` is the day to decide by, where its reason does not name that day."""
    label = in_language(moment.label, language)
    return {"on": moment.on, "label": label, "by": None if written(moment.on, language) in label else moment.on}


def _dated(english: str, french: str, on: date) -> Texts:
    return {"en": f"{english} {written(on, 'en')}", "fr": f"{french} {written(on, 'fr')}"}
