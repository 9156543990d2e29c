"""The world has the size, the dirt and the signals it is meant to have."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date, timedelta

import pyarrow.compute as pc
import pytest

from connector.sandbox.company import Company
from connector.sandbox.company.catalogue import LIMITS, MODULES, PLANS
from connector.sandbox.company.model import AccountKind, ItemVersion, Subscription
from connector.sandbox.company.pipeline import renewal_of
from connector.sandbox.company.usage import METRICS

Usage = dict[str, dict[str, dict[date, float]]]
MODULE_METRICS = {
    "prod_mobile": "mobile_sessions",
    "prod_analytics": "dashboard_views",
    "prod_accounting_sync": "sync_runs",
    "prod_automation": "automation_runs",
    "prod_signature": "envelopes",
}


@pytest.fixture(scope="module")
def paying(company: Company) -> dict[str, Subscription]:
    """The running contracts of real customers, by account."""
    real = {one.id for one in company.accounts if one.kind in (AccountKind.CUSTOMER, AccountKind.SUBSIDIARY)}
    running = ("active", "past_due")
    return {one.account: one for one in company.subscriptions if one.account in real and one.status in running}


@pytest.fixture(scope="module")
def last_weeks(company: Company) -> Usage:
    """Use of the last 28 days by account, metric and day."""
    recent = company.usage.filter(pc.greater(company.usage["day"], company.as_of - timedelta(days=28)))
    found: Usage = defaultdict(lambda: defaultdict(dict))
    for row in recent.to_pylist():
        found[row["account_id"]][row["metric"]][row["day"]] = row["value"]
    return found


def _plan(subscription: Subscription, day: date) -> ItemVersion:
    return next(version for version in subscription.items_on(day) if version.product in PLANS)


def test_sizes(company: Company) -> None:
    """420 customers, thousands of invoices, at most a million and a half rows of use."""
    assert len(company.accounts) == 420
    assert len(company.subscriptions) >= 400
    assert 3_000 <= len(company.invoices) <= 8_000
    assert 500_000 <= company.usage.num_rows <= 1_500_000
    assert min(invoice.created for invoice in company.invoices).date() < date(2024, 5, 1)


def test_every_metric_is_described(company: Company) -> None:
    """The usage table holds the metrics that are listed with their meaning, and no others."""
    assert set(pc.unique(company.usage["metric"]).to_pylist()) == set(METRICS)


def test_every_kind_of_dirt_is_there(company: Company) -> None:
    """Duplicates, test and free accounts, missing domains, late payers, paused and ending contracts."""
    kinds = Counter(account.kind for account in company.accounts)
    statuses = Counter(one.status for one in company.subscriptions)
    running = [one for one in company.subscriptions if one.status == "active"]

    assert kinds[AccountKind.DUPLICATE] == 13
    assert kinds[AccountKind.TEST] == 6
    assert kinds[AccountKind.FREE] == 10
    assert kinds[AccountKind.SUBSIDIARY] == 19
    assert 15 <= sum(account.domain is None for account in company.accounts) <= 40
    assert min(statuses[status] for status in ("trialing", "past_due", "unpaid", "canceled")) >= 3
    assert sum(one.paused for one in running) >= 2
    assert sum(one.canceled_on is not None for one in running) >= 4
    assert {one.interval.value for one in running} == {"week", "month", "year"}
    assert len(company.disputes) >= 2


def test_overdue_invoices_exist(company: Company) -> None:
    """Some invoices are open past their due date, at accounts whose contract runs on."""
    overdue = {one.account for one in company.invoices if one.status == "open" and one.due and one.due < company.now}

    assert 3 <= len(overdue) <= 20


def test_everything_sold_once_stays_outside_subscriptions(company: Company) -> None:
    """Onboarding, training and consulting are on invoices and never on a subscription."""
    once = {"prod_onboarding", "prod_training", "prod_consulting"}
    billed = {line.product for invoice in company.invoices for line in invoice.lines}

    assert once <= billed
    assert not once & {version.product for one in company.subscriptions for version in one.versions}


def test_all_products_and_coupon_kinds_are_in_use(company: Company) -> None:
    """Every module is owned by somebody today; coupons of every duration and both forms were given."""
    owned = {v.product for one in company.subscriptions for v in one.items_on(company.as_of)}
    coupons = {applied.coupon for one in company.subscriptions for applied in one.coupons}

    assert {*MODULES, *PLANS, "prod_api_overage"} <= owned
    assert {"WELCOME20", "QUARTER25", "LAUNCH15", "LOYAL50EUR", "ANALYTICS30"} <= coupons


def test_accounts_near_their_seats(company: Company, paying: dict[str, Subscription], last_weeks: Usage) -> None:
    """About one paying account in eight used nine tenths of its seats on eight of the last 28 days."""
    near = [
        account
        for account, one in paying.items()
        if sum(
            used >= 0.9 * (_plan(one, company.as_of).quantity or 0)
            for used in last_weeks[account]["active_seats"].values()
        )
        >= 8
    ]

    assert 0.09 <= len(near) / len(paying) <= 0.18


def test_accounts_at_their_documents(company: Company, paying: dict[str, Subscription], last_weeks: Usage) -> None:
    """About one paying account in twelve is near or over the documents its plan includes."""
    near = 0
    for account, one in paying.items():
        limit = LIMITS[_plan(one, company.as_of).product].documents
        near += limit is not None and sum(last_weeks[account]["documents"].values()) >= 0.9 * limit

    assert 0.06 <= near / len(paying) <= 0.13


def test_renewals_in_sight(company: Company, paying: dict[str, Subscription]) -> None:
    """About a fifth of the paying accounts have a yearly term that ends within 120 days."""
    ends = [renewal_of(one, company.as_of) for one in paying.values()]
    soon = [end for end in ends if end is not None and end - company.as_of <= timedelta(days=120)]

    assert 0.14 <= len(soon) / len(paying) <= 0.25


def test_needs_and_bad_spells(company: Company, paying: dict[str, Subscription]) -> None:
    """A sixth or so clearly needs a module, a tenth or so goes through a bad spell."""
    today = [row for row in company.truth if row.month == date(2026, 9, 1) and row.account in paying]
    needy = {row.account for row in today if row.offer in MODULES and row.need > 0.6}

    assert 0.12 <= len(needy) / len(paying) <= 0.22
    assert 0.07 <= len({row.account for row in today if row.unhealthy}) / len(paying) <= 0.14


def test_sleeping_modules(company: Company, paying: dict[str, Subscription], last_weeks: Usage) -> None:
    """About one account in twenty pays for a module that nobody has used for four weeks."""
    long_ago = company.as_of - timedelta(days=75)
    asleep = [
        account
        for account, one in paying.items()
        if any(
            version.start < long_ago and not last_weeks[account][MODULE_METRICS[version.product]]
            for version in one.items_on(company.as_of)
            if version.product in MODULE_METRICS
        )
    ]

    assert 0.03 <= len(asleep) / len(paying) <= 0.1


def test_need_shows_in_use(company: Company, last_weeks: Usage) -> None:
    """Accounts that need a module work around its absence far more than those that do not."""
    today = [row for row in company.truth if row.month == date(2026, 9, 1) and row.offer == "prod_accounting_sync"]
    exports = {row.account: sum(last_weeks[row.account]["manual_exports"].values()) for row in today}
    needy = [exports[row.account] for row in today if row.need > 0.6]
    others = [exports[row.account] for row in today if row.need < 0.2]

    assert len(needy) >= 5
    assert sum(needy) / len(needy) > 4 * sum(others) / len(others)
