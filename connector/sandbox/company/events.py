"""What accounts did besides using the product: features looked at, tickets, scores given, news about them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

import numpy as np

from connector.sandbox.company.accounts import stream
from connector.sandbox.company.calendar import HORIZON, days_in, month_of, month_start
from connector.sandbox.company.catalogue import LIMITS, MODULES
from connector.sandbox.company.history import Life
from connector.sandbox.company.model import AccountKind, Dispute, InterestEvent

_GOALS = (
    "close the month in five days",
    "cut manual entry by half",
    "open two new sites",
    "answer customers within a day",
    "sign contracts without paper",
)
_LEADERS = ("new chief executive", "new head of finance", "new operations manager", "new IT manager")
_NEWS = (
    "acquires a smaller rival",
    "raises a new round",
    "opens an office abroad",
    "announces a reorganisation",
    "prepares for electronic invoicing",
    "wins a large public contract",
)
_INTEREST = (("locked_feature_click", 0.9), ("docs_read", 0.6), ("demo_watched", 0.18), ("feature_question", 0.12))


def draw_events(seed: int, lives: list[Life], disputes: list[Dispute], as_of: date) -> tuple[InterestEvent, ...]:
    """All events up to and including a day, oldest first; payments disputed are among them."""
    found = [
        event
        for life in lives
        if life.account.kind in (AccountKind.CUSTOMER, AccountKind.SUBSIDIARY)
        for event in _of_account(seed, life)
        if event.occurred_at.date() <= as_of and (life.ends_on is None or event.occurred_at.date() < life.ends_on)
    ]
    found += [InterestEvent(one.account, one.opened, "dispute_opened", one.id, "payments") for one in disputes]
    return tuple(sorted(found, key=lambda event: (event.occurred_at, event.account, event.event, event.detail)))


def _of_account(seed: int, life: Life) -> Iterator[InterestEvent]:
    """Draw every month alike, whatever is shown of it, so that a later cut only adds events."""
    rng = stream(seed, "events", life.account.number)
    for month in range(month_of(life.terms.start) + 1, HORIZON):
        yield from _interest(life, month, rng)
        yield from _limits(life, month, rng)
        yield from _support(life, month, rng)
        yield from _organisation(life, month, rng)


def _interest(life: Life, month: int, rng: np.random.Generator) -> Iterator[InterestEvent]:
    """A module that is needed and not owned is looked at; a little curiosity is always there."""
    for module in MODULES:
        need = float(life.drivers.needs[module][month])
        for kind, often in _INTEREST:
            count = int(rng.poisson(often * need**2))
            draws = [_draw_moment(rng, month) for _ in range(count)]
            if draws and not _owned_on(life, module, month_start(month)):
                for draw in draws:
                    moment = _moment_of(month, *draw)
                    feature = module.removeprefix("prod_")
                    yield _event(life, moment, kind, feature, f"https://app.northlight.example/{feature}")


def _limits(life: Life, month: int, rng: np.random.Generator) -> Iterator[InterestEvent]:
    """The product says so when a limit stops somebody."""
    day = month_start(month)
    refused, stopped, throttled = (int(count) for count in rng.poisson(2.5, 3))
    limits = LIMITS[_plan_on(life, day)]
    drivers = life.drivers
    reached = [
        ("seat_limit_reached", refused, float(drivers.users[month]) > _seats_on(life, day)),
        ("document_limit_reached", stopped, _beyond(float(drivers.documents[month]), limits.documents)),
        ("api_limit_reached", throttled, _beyond(float(drivers.api_calls[month]), limits.api_calls)),
    ]
    for kind, count, is_reached in reached:
        draws = [_draw_moment(rng, month) for _ in range(count)]
        if is_reached:
            for draw in draws:
                yield _event(life, _moment_of(month, *draw), kind, kind.removesuffix("_limit_reached"), "product log")


def _support(life: Life, month: int, rng: np.random.Generator) -> Iterator[InterestEvent]:
    """Tickets come more often in a bad spell, and some of them are escalated until it is over."""
    bad = bool(life.drivers.unhealthy[month])
    wants_more = float(life.drivers.needs["prod_premium_support"][month])
    for number in range(int(rng.poisson(0.25 + 1.3 * bad + 0.8 * wants_more))):
        moment = _moment(rng, month)
        yield _event(life, moment, "support_ticket", f"ticket {month}-{number}", "helpdesk")
    escalated, asked = rng.random() < (0.3 if bad else 0.006), rng.random() < 0.2
    moment, score_at, noise = _moment(rng, month), _moment(rng, month), float(rng.normal(0, 1.2))
    if escalated:
        detail = f"escalation {life.account.number}-{month}"
        closes = moment + timedelta(days=_days_until_well(life, month))
        yield _event(life, moment, "escalation_opened", detail, "helpdesk")
        yield _event(life, closes, "escalation_closed", detail, "helpdesk")
    if asked:
        score = round(min(10.0, max(0.0, (4.0 if bad else 8.3) + noise)))
        yield _event(life, score_at, "nps_response", str(score), "survey")


def _organisation(life: Life, month: int, rng: np.random.Generator) -> Iterator[InterestEvent]:
    """Goals told, people who change, news: rare, and the same for everybody."""
    for kind, chance, details, source in (
        ("goal_reported", 0.02, _GOALS, "customer success call"),
        ("goal_reached", 0.012, _GOALS, "customer success call"),
        ("leadership_change", 0.015, _LEADERS, "press"),
        ("news", 0.02, _NEWS, f"https://news.example/{life.account.number}"),
    ):
        happens, which, moment = rng.random() < chance, int(rng.integers(len(details))), _moment(rng, month)
        if happens:
            yield _event(life, moment, kind, details[which], source)


def _event(life: Life, moment: datetime, kind: str, detail: str, source: str) -> InterestEvent:
    return InterestEvent(life.account.id, moment, kind, detail, source)


def _moment(rng: np.random.Generator, month: int) -> datetime:
    """A moment of a working day."""
    return _moment_of(month, *_draw_moment(rng, month))


def _draw_moment(rng: np.random.Generator, month: int) -> tuple[int, int]:
    """The draws behind a moment: most moments are drawn and never told."""
    return int(rng.integers(days_in(month))), int(rng.integers(9 * 3600))


def _moment_of(month: int, days: int, seconds: int) -> datetime:
    day = month_start(month) + timedelta(days=days)
    day -= timedelta(days=max(0, day.weekday() - 4))
    return datetime.combine(day, time(7), UTC) + timedelta(seconds=seconds)


def _days_until_well(life: Life, month: int) -> int:
    ahead = 0
    while month + ahead < HORIZON - 1 and life.drivers.unhealthy[month + ahead]:
        ahead += 1
    return 12 + 30 * ahead


def _owned_on(life: Life, module: str, day: date) -> bool:
    item = life.items.get(module)
    return any(version.item == item and version.holds_on(day) for version in life.versions)


def _seats_on(life: Life, day: date) -> int:
    held = [v for v in life.versions if v.item == life.plan_item and v.holds_on(day)]
    return held[-1].quantity or 0 if held else life.seats


def _plan_on(life: Life, day: date) -> str:
    return [plan for since, plan in life.plan_history if since <= day][-1]


def _beyond(used: float, limit: int | None) -> bool:
    return limit is not None and used > limit
