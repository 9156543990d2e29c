"""What is known of an account besides its usage: holdings, contract, invoices, satisfaction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from tiny import NOW, TODAY, TinyWarehouse, account, daily, item, moment, subscription

from connector.domain.catalogue import Catalogue, Metric, Offer
from connector.domain.features import AccountFeatures, Holding, owned_offers
from connector.domain.signal import Signals
from connector.services.measure import measure

Tiny = Callable[..., TinyWarehouse]
NO_RULES = Signals(rules={})


def facts(warehouse: TinyWarehouse, catalogue: Catalogue, now: datetime = NOW) -> AccountFeatures:
    return measure(warehouse, catalogue, NO_RULES, now).accounts["a1"]


def invoice(id: str, **more: Any) -> dict[str, Any]:
    made = {"invoice_id": id, "account_id": "a1", "status": "open", "currency": "EUR", "total_minor": 100}
    return {**made, "created_at": moment(date(2026, 10, 1)), "disputed": False, **more}


def test_recurring_revenue_is_kept_per_currency(tiny: Tiny, catalogue: Catalogue) -> None:
    """Two currencies are never added up; the larger one speaks for the account."""
    items = [item("pro", 5, mrr_minor=9_000), item("mobile", 1, mrr_minor=5_000, currency="USD")]
    found = facts(tiny(accounts=[account()], subscription_item_versions=items), catalogue)

    assert (found.mrr, found.currency, found.mrr_minor) == ({"EUR": 9_000, "USD": 5_000}, "EUR", 9_000)
    assert (found.plan, found.seats, set(found.holdings)) == ("pro", 5, {"pro", "mobile"})


def test_only_running_items_are_held(tiny: Tiny, catalogue: Catalogue) -> None:
    """Cancelled, incomplete, ended and future items are not owned; products without an offer count in MRR only."""
    items = [
        item("starter", 5),
        item("mobile", 1, status="canceled"),
        item("signature", 1, valid_to=moment(TODAY - timedelta(days=1))),
        item("analytics", 1, valid_from=moment(TODAY + timedelta(days=1))),
        item("odd", 1, offer_id=None, mrr_minor=700),
    ]
    found = facts(tiny(accounts=[account()], subscription_item_versions=items), catalogue)

    assert set(found.holdings) == {"starter"}
    assert found.mrr_minor == 10_700


def test_d9_a_yearly_contract_renews_at_its_end(tiny: Tiny, catalogue: Catalogue) -> None:
    """D9: The end of a yearly period is the renewal."""
    yearly = subscription(term_months=12, period_start=moment(date(2026, 1, 10)), period_end=moment(date(2027, 1, 10)))
    found = facts(
        tiny(accounts=[account()], subscriptions=[yearly], subscription_item_versions=[item("pro", 5)]), catalogue
    )

    assert (found.renewal_on, found.days_to_renewal, found.term_start) == (date(2027, 1, 10), 49, date(2026, 1, 10))


def test_d9_a_year_paid_by_the_month_renews_at_the_end_of_the_term(tiny: Tiny, catalogue: Catalogue) -> None:
    """D9: With monthly periods inside a twelve-month term, the term's end is counted from the start."""
    found = facts(
        tiny(
            accounts=[account()],
            subscriptions=[subscription(term_months=12)],
            subscription_item_versions=[item("pro", 5)],
        ),
        catalogue,
    )

    assert (found.term_start, found.renewal_on) == (date(2026, 1, 10), date(2027, 1, 10))


def test_d9_a_monthly_plan_has_no_renewal_but_an_anniversary(tiny: Tiny, catalogue: Catalogue) -> None:
    """D9: A plan that renews by itself every month has no contract end to talk about."""
    found = facts(
        tiny(accounts=[account()], subscriptions=[subscription()], subscription_item_versions=[item("pro", 5)]),
        catalogue,
    )

    assert (found.renewal_on, found.anniversary_on, found.days_to_anniversary) == (None, date(2027, 1, 10), 49)
    assert (found.years, found.days_since_anniversary, found.tenure_days) == (1, 316, 681)


def test_d9_a_cancelled_contract_does_not_renew(tiny: Tiny, catalogue: Catalogue) -> None:
    """D9: A scheduled end is no renewal."""
    ending = subscription(term_months=12, cancel_at=moment(date(2027, 1, 10)))
    found = facts(
        tiny(accounts=[account()], subscriptions=[ending], subscription_item_versions=[item("pro", 5)]), catalogue
    )

    assert (found.renewal_on, found.cancel_on) == (None, date(2027, 1, 10))


def test_an_invoice_paid_since_was_overdue_then(tiny: Tiny, catalogue: Catalogue) -> None:
    """Overdue is asked of the moment, not of today's status."""
    paid = invoice("i1", status="paid", due_at=moment(date(2026, 11, 1)), paid_at=moment(date(2026, 11, 20)))
    warehouse = tiny(accounts=[account()], invoices=[paid])

    assert facts(warehouse, catalogue).days_overdue is None
    assert facts(warehouse, catalogue, datetime(2026, 11, 15, 18, tzinfo=NOW.tzinfo)).days_overdue == 14


@pytest.mark.parametrize(
    ("more", "overdue"),
    [
        ({"due_at": moment(date(2026, 11, 1))}, 1),
        ({"due_at": moment(date(2026, 12, 1))}, 0),
        ({"status": "draft", "due_at": moment(date(2026, 11, 1))}, 0),
        ({"status": "void", "due_at": moment(date(2026, 11, 1))}, 0),
        ({"total_minor": -500, "due_at": moment(date(2026, 11, 1))}, 0),
        ({}, 1),
    ],
)
def test_which_invoices_are_overdue(tiny: Tiny, catalogue: Catalogue, more: dict[str, Any], overdue: int) -> None:
    """Open, due and owed by the customer; without a due date it was due when it was made."""
    found = facts(tiny(accounts=[account()], invoices=[invoice("i1", **more)]), catalogue)

    assert found.overdue_invoices == overdue


def test_a_dispute_is_remembered_for_half_a_year(tiny: Tiny, catalogue: Catalogue) -> None:
    """An old dispute no longer counts."""
    old = invoice("i1", disputed=True, status="paid", created_at=moment(date(2026, 1, 1)))
    new = invoice("i2", disputed=True, status="paid")
    found = facts(tiny(accounts=[account()], invoices=[old, new]), catalogue)

    assert (found.disputes, found.invoices) == (1, 2)


def test_an_escalation_counts_until_it_is_closed(tiny: Tiny, catalogue: Catalogue) -> None:
    """Opened on the 10th and closed on the 15th: open on the 12th, not on the 22nd; the last score given is kept."""
    told = [
        ("escalation_opened", 10, "x"),
        ("escalation_closed", 15, "x"),
        ("nps_response", 3, "9"),
        ("nps_response", 9, "4"),
    ]
    events = [
        {"account_id": "a1", "event": event, "detail": detail, "occurred_at": moment(date(2026, 11, day))}
        for event, day, detail in told
    ]
    warehouse = tiny(accounts=[account()], events=events)

    now, then = facts(warehouse, catalogue), facts(warehouse, catalogue, moment(date(2026, 11, 12)))

    assert (now.escalated_on, then.escalated_on) == (None, date(2026, 11, 10))
    assert (now.nps, now.nps_on) == (4, date(2026, 11, 9))


def test_activity_weighs_metrics_by_the_days_they_were_used(tiny: Tiny, catalogue: Catalogue) -> None:
    """A metric used daily that halves outweighs one used on a single day that doubles."""
    usage = daily("documents", [10] * 32 + [5] * 28) + daily(
        "sms_sent", [1] + [0] * 10 + [1] + [0] * 30 + [2] + [0] * 17
    )
    found = facts(tiny(accounts=[account()], usage=usage), catalogue)

    assert found.activity_trend == pytest.approx((28 * -0.5 + 1 * 1.0) / 29)
    assert found.metrics_used == 2


def test_unknown_is_not_zero(tiny: Tiny, catalogue: Catalogue) -> None:
    """Without usage, events and subscriptions the features that need them are unknown."""
    found = facts(tiny(accounts=[account()]), catalogue)

    assert (found.activity_trend, found.metrics_used, found.events, found.renewal_on) == (None, None, None, None)
    assert (found.subscribed, found.plan, found.days_overdue) == (False, None, None)


def test_deleted_accounts_are_gone(tiny: Tiny, catalogue: Catalogue) -> None:
    """A deleted customer is measured no more."""
    warehouse = tiny(accounts=[account(), account("gone", deleted=True)])

    assert set(measure(warehouse, catalogue, NO_RULES, NOW).accounts) == {"a1"}


def test_a_plan_owns_what_it_contains() -> None:
    """An offer that is included in a held plan is owned."""
    offers = {"top": Offer(label={}), "extra": Offer(label={}, included_in=["top"]), "other": Offer(label={})}
    held = AccountFeatures("a1", holdings={"top": Holding("top", 1, 1, 1, "EUR", TODAY)})

    assert owned_offers(held, Catalogue(offers=offers)) == {"top", "extra"}


def test_breadth_is_users_teams_and_modules(tiny: Tiny, catalogue: Catalogue) -> None:
    """Users and teams come from the metrics that count them; a module owned and not used is owned."""
    metrics = {**catalogue.metrics, "teams_signing": Metric(label={"en": "teams"}, counts="teams")}
    more = replace(catalogue, metrics=metrics)
    modules = [name for name, offer in catalogue.offers.items() if offer.used_when and name not in catalogue.plans]
    used = str(catalogue.offers[modules[0]].used_when)
    items = [item("starter", 5), *(item(name, 1) for name in modules)]
    usage = [
        *daily("active_seats", [20] * 28 + [30] * 28),
        *daily("teams_signing", [2] * 28 + [3] * 28),
        *daily(used, [0] * 40 + [4] * 10 + [0] * 6),
    ]

    found = facts(tiny(accounts=[account()], subscription_item_versions=items, usage=usage), more)

    assert (found.users, found.users_previous, found.teams, found.teams_previous) == (30, 20, 3, 2)
    in_use = [name for name in modules if catalogue.offers[name].used_when == used]
    assert (found.modules_used, found.modules_owned) == (len(in_use), len(modules))
    assert len(in_use) < len(modules)


def test_first_and_last_use_are_of_any_metric(tiny: Tiny, catalogue: Catalogue) -> None:
    """The first day of the metric used first and the last day of the one used last, while the source tells on."""
    yesterday = TODAY - timedelta(days=1)
    usage = [*daily("documents", [1] * 95 + [0] * 5), *daily("active_seats", [2] * 9, until=yesterday - timedelta(98))]

    found = facts(tiny(accounts=[account()], usage=usage), catalogue)

    assert found.first_used_on == yesterday - timedelta(days=106)
    assert (found.last_used_on, found.days_since_use) == (yesterday - timedelta(days=5), 5)
    silent = facts(tiny(accounts=[account()]), catalogue)
    assert (silent.first_used_on, silent.days_since_use, silent.users, silent.modules_owned) == (None, None, None, None)
