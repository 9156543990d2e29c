"""The moment that a proposal is bound to, and so its close date."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from connector.domain.intent import Moment
from connector.services.moment import moment_names
from tests.services.choosing import (
    TODAY,
    customer,
    linked,
    run,
    score,
)


@pytest.mark.parametrize(
    ("more", "limit_on", "kind", "on", "french"),
    [
        # review 60 days before the renewal
        (
            {"renewal_on": date(2027, 2, 20)},
            None,
            "renewal",
            date(2026, 12, 22),
            "Renouvellement du contrat le 20 février 2027",
        ),
        # too late for a review before it: the renewal itself, moved off the Saturday
        (
            {"renewal_on": date(2026, 12, 12)},
            None,
            "renewal",
            date(2026, 12, 14),
            "Renouvellement du contrat le 12 décembre 2026",
        ),
        # the limit comes first
        (
            {"renewal_on": date(2027, 2, 20)},
            date(2026, 12, 9),
            "limit",
            date(2026, 12, 9),
            "Limite attendue le 9 décembre 2026",
        ),
        # tomorrow is too soon to close anything
        ({}, date(2026, 11, 21), "limit", date(2026, 11, 27), "Limite attendue le 21 novembre 2026"),
        # reached: a month to act, moved off the Sunday
        ({}, TODAY, "limit", date(2026, 12, 21), "Ils sont déjà à la limite"),
        (
            {"anniversary_on": date(2027, 1, 5)},
            None,
            "anniversary",
            date(2027, 1, 5),
            "Anniversaire du contrat le 5 janvier 2027",
        ),
        # beyond the horizon nothing binds
        ({"anniversary_on": date(2027, 9, 5)}, None, "none", date(2026, 12, 21), None),
    ],
)
def test_d19_a_proposal_is_bound_to_the_nearest_moment_on_a_working_day(
    more: dict[str, Any], limit_on: date | None, kind: str, on: date, french: str | None
) -> None:
    """D19: Renewal, limit or anniversary, whichever comes first; its date is the close date."""
    one = score("a", "analytics", 9_000, limit_on=limit_on)

    (intent,) = run([customer("a", **more)], [one], linked("a")).intents

    assert (intent.moment.kind, intent.moment.on, intent.moment.label.get("fr")) == (kind, on, french)


def test_d19_holidays_are_no_working_days() -> None:
    """D19: The close date leaves out the holidays of the customer's country."""
    account = customer("a", country="FR", anniversary_on=date(2026, 12, 25))

    def christmas(country: str | None) -> set[date]:
        return {date(2026, 12, 25)} if country == "FR" else set()

    (intent,) = run([account], [score("a", "analytics", 9_000)], linked("a"), holidays=christmas).intents

    assert intent.moment.on == date(2026, 12, 28)


@pytest.mark.parametrize(
    ("label", "by"),
    [
        ("Contract renews on 16 March 2027", None),
        ("Contract renews on 15 May 2027", date(2027, 3, 16)),
        ("The limit is reached", date(2027, 3, 16)),
    ],
)
def test_d24_a_day_is_told_once(label: str, by: date | None) -> None:
    """D24: The day to decide by is told where the reason does not name that very day."""
    told = moment_names(Moment("renewal", date(2027, 3, 16), {"en": label, "fr": label}), "en")

    assert told == {"on": date(2027, 3, 16), "label": label, "by": by}
