"""When an account is due a business review: on its segment's cadence, the last one 90 to 120 days before renewal.

Dates hang on the term of the largest recurring contract; an account whose plan simply goes on from month to month
is anchored to its anniversary. Ordinals count back from the term's end, so that a review keeps its key all term long.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from connector.domain.features import AccountFeatures
from connector.domain.intent import Intent, ReviewIntent
from connector.domain.money import Money
from connector.domain.play import BusinessReview
from connector.domain.project import Project
from connector.domain.workdays import next_workday
from connector.services.brief import brief_facts
from connector.services.calendar import country_of, holidays_of
from connector.services.measure import Measured
from connector.services.moment import WHEN
from connector.services.reviewed import Reviewed, reviews_held
from connector.services.world import World

FOLLOWED = 30
"""Days after a review in which what follows from its outcome is still asked for."""


@dataclass(frozen=True)
class Reviews:
    """The reviews that are due, and what their reminders cite, by CRM account."""

    intents: tuple[ReviewIntent, ...]
    briefs: Mapping[str, Mapping[str, Any]]
    skipped: tuple[ReviewIntent, ...] = ()
    """Those that another one came before: people logged it in the CRM."""


def plan_reviews(
    measured: Measured, links: Mapping[str, str], intents: Sequence[Intent], world: World, rules: Project, today: date
) -> Reviews:
    """Find the reviews within the horizon, for accounts of some size that are customers today."""
    announced: dict[str, list[Intent]] = defaultdict(list)
    for intent in intents:
        announced[intent.account_id].append(intent)
    found, skipped = [], []
    briefs: dict[str, Mapping[str, Any]] = {}
    held = reviews_held(world)
    for crm_id, accounts in sorted(_by_crm_account(measured, links).items()):
        paid = [account for account in accounts if account.currency and account.mrr_minor]
        account = world.accounts.get(crm_id)
        if account is None or not paid or any(one.cancel_on for one in accounts):
            continue
        largest = max(paid, key=lambda one: (_worth([one], rules, today).minor, one.account_id))
        if _worth(paid, rules, today).minor < rules.review.minimum_mrr:
            continue
        free = holidays_of(country_of(world.owner("csm", account)), account.country)
        for on, ordinal, start in _dates(largest, rules.review):
            day = next_workday(on, free)
            if -FOLLOWED <= (day - today).days <= _horizon(rules.review):
                ids = tuple(sorted(one.account_id for one in accounts))
                chosen = announced.get(crm_id, [])
                offers = tuple(intent.offer for intent in chosen)
                review = ReviewIntent(crm_id, ids, day, start, ordinal, largest.renewal_on, offers)
                if _was_held(review, held.get(crm_id), rules.review, today):
                    skipped.append(review)
                    continue
                found.append(review)
                if crm_id not in briefs:
                    pays = _pays(paid, rules, today)
                    ordered = [largest, *(one for one in accounts if one is not largest)]
                    page = brief_facts(pays, ordered, measured, chosen, rules.catalogue)
                    briefs[crm_id] = {**_brief(pays, largest, ids, measured), "page": page}
    return Reviews(tuple(found), briefs, tuple(skipped))


def _horizon(book: BusinessReview) -> int:
    """Calendar days ahead in which a review has to be known so that its first reminder appears in time."""
    lead = max((-step.due for step in book.steps if step.days is None), default=0)
    return (book.ahead + max(lead, 0)) * 7 // 5 + 3 * 7  # three weeks of holidays at most


def _was_held(review: ReviewIntent, held: Reviewed | None, book: BusinessReview, today: date) -> bool:
    """Whether people have logged a review shortly before this one; one on its day or after it is this one."""
    if held is None or held.on > today:
        return False
    return timedelta(0) < review.on - held.on <= timedelta(days=book.held_lately_days)


def _by_crm_account(measured: Measured, links: Mapping[str, str]) -> dict[str, list[AccountFeatures]]:
    grouped: dict[str, list[AccountFeatures]] = defaultdict(list)
    for billing_id, features in measured.accounts.items():
        if billing_id in links and not features.is_test:
            grouped[links[billing_id]].append(features)
    return grouped


def _worth(accounts: Sequence[AccountFeatures], rules: Project, today: date) -> Money:
    """What some billing accounts pay a month together, in the reporting currency."""
    to = rules.policy.reporting_currency
    each = (rules.fx.convert(Money(one.mrr_minor, one.currency or to), to, today) for one in accounts)
    return sum(each, Money(0, to))


def _pays(accounts: Sequence[AccountFeatures], rules: Project, today: date) -> Money:
    """The same in the customer's own currency, where there is one."""
    currencies = {one.currency for one in accounts}
    if len(currencies) > 1:
        return _worth(accounts, rules, today)
    return Money(sum(one.mrr_minor for one in accounts), currencies.pop() or "")


def _dates(account: AccountFeatures, book: BusinessReview) -> Iterator[tuple[date, int, date]]:
    """Review days of the current term, latest first, each with its ordinal (0 = the one before the renewal)."""
    end = account.renewal_on or account.anniversary_on
    if end is None:
        return
    start = account.term_start or end - timedelta(days=365)
    step = timedelta(days=round(_every(account, book) * 30.44))
    middle = sum(book.before_renewal) // max(len(book.before_renewal), 1)
    on, ordinal = end - timedelta(days=middle), 0
    while on > start:
        yield on, ordinal, start
        on, ordinal = on - step, ordinal + 1


def _every(account: AccountFeatures, book: BusinessReview) -> int:
    for cadence in book.cadence:
        if not cadence.segments or (account.segment or "") in cadence.segments:
            return cadence.every_months
    return 12


def _brief(pays: Money, largest: AccountFeatures, ids: Sequence[str], measured: Measured) -> dict[str, Any]:
    signals = sorted(
        (one for one in measured.signals if one.account_id in ids and one.id != WHEN["renewal"]),
        key=lambda s: (-abs(s.term), s.id),
    )
    return {
        "mrr": pays,
        "evidence": [signal.evidence for signal in signals[:4]],
        "data_to": largest.data_to or measured.as_of.date(),
        "segment": largest.segment,
    }
