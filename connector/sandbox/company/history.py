"""Draws each account's life as a customer: contract, purchases, cuts, notice.

The life is drawn for the whole horizon and cut afterwards, so the world at one day is the beginning of the world at
a later one. Purchases are drawn from the hazards of `truth`, with the waiting time to the first one of each month.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np

from connector.sandbox.company import truth
from connector.sandbox.company.accounts import identifier, stream
from connector.sandbox.company.calendar import HORIZON, days_in, month_of, month_start, period_around
from connector.sandbox.company.catalogue import ENVELOPES_PER_PACK, LIMITS, MODULES, NEEDS_PRO, Interval
from connector.sandbox.company.model import Account, AccountKind, ItemVersion
from connector.sandbox.company.terms import Terms

LOOKAHEAD = 3
"""Months beyond the one at hand that a 90-day window reaches into."""
LAST_DRAWN_MONTH = HORIZON - LOOKAHEAD


@dataclass(eq=False)
class Life:
    """What becomes of one account over the whole horizon."""

    account: Account
    terms: Terms
    drivers: truth.Drivers
    plan: str
    seats: int
    plan_item: str = ""
    owned: dict[str, int | None] = field(default_factory=dict)
    items: dict[str, str] = field(default_factory=dict)
    had: set[str] = field(default_factory=set)
    dormant: dict[str, date] = field(default_factory=dict)
    versions: list[ItemVersion] = field(default_factory=list)
    purchases: list[tuple[str, date]] = field(default_factory=list)
    plan_history: list[tuple[date, str]] = field(default_factory=list)
    notice: date | None = None
    ends_on: date | None = None
    seats_rest_until: int = -1
    truth: list[tuple[int, str, float, float]] = field(default_factory=list)

    def set_version(self, item: str, product: str, quantity: int | None, day: date) -> None:
        """Let an item be something from a day on; a second change on a day replaces the first."""
        for place, version in enumerate(self.versions):
            if version.item == item and version.end is None:
                if version.start == day:
                    del self.versions[place]
                else:
                    self.versions[place] = ItemVersion(item, version.product, version.quantity, version.start, day)
                break
        self.versions.append(ItemVersion(item, product, quantity, day))

    def end_item(self, item: str, day: date) -> None:
        """Close an item's last version."""
        for place, version in enumerate(self.versions):
            if version.item == item and version.end is None:
                self.versions[place] = ItemVersion(item, version.product, version.quantity, version.start, day)

    def add_module(self, seed: int, product: str, quantity: int | None, day: date, dormant: bool) -> None:
        """Own a module from a day on."""
        item = identifier("si", seed, self.account.number, product)
        self.owned[product], self.items[product] = quantity, item
        self.had.add(product)
        if dormant:
            self.dormant[product] = day + timedelta(days=45)
        self.set_version(item, product, quantity, day)


def live(seed: int, account: Account, terms: Terms) -> Life:
    """Draw the life of an account that has a contract."""
    rng = stream(seed, "history", account.number)
    life = _opening(seed, account, terms, rng)
    if account.kind in (AccountKind.FREE, AccountKind.TEST, AccountKind.DUPLICATE) or not terms.converts:
        return _short_life(life, rng)
    first = month_of(terms.anchor) + 1
    for month in range(first, LAST_DRAWN_MONTH):
        if _live_through(seed, life, month, rng):
            break
    if account.deleted:
        _delete(life, rng)
    return life


def eligible(life: Life) -> list[str]:
    """The offers an account may buy: the next plan, modules it never had, more of what it has."""
    if life.terms.interval is Interval.WEEK:
        return ["seats"]
    offers = ["seats"]
    if life.plan == "prod_starter":
        offers.append("prod_pro")
    if life.plan == "prod_pro":
        offers.append("prod_enterprise")
    for module in MODULES:
        monthly_only = module == "prod_sms" and life.terms.interval is not Interval.MONTH
        if module in life.had or monthly_only or (module in NEEDS_PRO and life.plan == "prod_starter"):
            continue
        offers.append(module)
    if "prod_signature" in life.owned:
        offers.append("signature_pack")
    return offers


def _opening(seed: int, account: Account, terms: Terms, rng: np.random.Generator) -> Life:
    """The first contract: a plan that fits the first months, and perhaps some modules from the start."""
    drivers = truth.draw_drivers(seed, account)
    month = month_of(terms.start)
    users, documents = float(drivers.users[month]), float(drivers.documents[month])
    calls = float(drivers.api_calls[month])
    plan = "prod_enterprise"
    if documents < 485 and calls < 9_000 and users < 40:
        plan = "prod_starter"
    elif documents < 4_950 and calls < 190_000:
        plan = "prod_pro"
    match account.kind:
        case AccountKind.FREE:
            plan, users = "prod_free", min(users, 3.0)
        case AccountKind.TEST | AccountKind.DUPLICATE:
            plan, users = "prod_starter", min(users, 4.0)
        case _ if terms.interval is Interval.WEEK:
            plan = "prod_pro"
        case _:
            pass
    seats = max(1, math.ceil(users * float(rng.uniform(1.1, 1.5))))
    life = Life(account, terms, drivers, plan, seats, identifier("si", seed, account.number, "plan"))
    life.set_version(life.plan_item, plan, seats, terms.start)
    life.plan_history.append((terms.start, plan))
    if account.kind in (AccountKind.CUSTOMER, AccountKind.SUBSIDIARY):
        _first_modules(seed, life, month, rng)
        included = LIMITS[plan].api_calls
        grows_past = included is not None and float(drivers.api_calls.max()) > included
        by_the_call = rng.random() < (0.8 if grows_past else 0.1) and calls > 0
        if by_the_call and included is not None and terms.interval is Interval.MONTH:
            life.add_module(seed, "prod_api_overage", None, terms.start, dormant=False)
    return life


def _first_modules(seed: int, life: Life, month: int, rng: np.random.Generator) -> None:
    for module in MODULES:
        wants = 0.55 * float(life.drivers.needs[module][month]) ** 2
        luck, sleeps = float(rng.random()), float(rng.random()) < 0.15
        if module in eligible(life) and luck < wants:
            packs = _packs(life, month, 1.2) if module == "prod_signature" else _quantity(module)
            life.add_module(seed, module, packs, life.terms.start, sleeps)


def _short_life(life: Life, rng: np.random.Generator) -> Life:
    """Contracts without a story: free and test ones stay, trials that do not convert and duplicates end."""
    match life.account.kind:
        case AccountKind.DUPLICATE:
            _end(life, life.terms.start + timedelta(days=int(rng.integers(40, 150))))
        case AccountKind.FREE | AccountKind.TEST:
            pass
        case _ if life.terms.trial_end is not None:
            life.notice = life.ends_on = life.terms.trial_end
        case _:
            pass
    return life


def _delete(life: Life, rng: np.random.Generator) -> None:
    """Somebody deleted the customer, which ends its contract on that day."""
    day = life.terms.anchor + timedelta(days=int(rng.integers(90, 190)))
    life.versions = [version for version in life.versions if version.start < day]
    life.notice = life.ends_on = min(day, life.ends_on or day)


def _end(life: Life, notice: date) -> None:
    """Give notice on a day: the contract runs until its period is over."""
    life.notice = notice
    life.ends_on = period_around(life.terms.anchor, life.terms.interval, notice)[1]


def _live_through(seed: int, life: Life, month: int, rng: np.random.Generator) -> bool:
    """Draw one month; say whether the account gave notice in it."""
    start = month_start(month)
    leaving = [life.drivers.leaving(month + ahead) for ahead in range(LOOKAHEAD + 1)]
    leaves_after = rng.exponential() / truth.rate(leaving[0], month)
    changes: list[tuple[date, str, bool]] = []
    for offer in eligible(life):
        packs = life.owned.get("prod_signature") or 1
        buying = []
        for ahead in range(LOOKAHEAD + 1):
            need = truth.need_for(offer, life.drivers, month + ahead, life.seats, packs)
            if offer == "seats" and month + ahead <= life.seats_rest_until:
                need = 0.0
            if ahead == 0:
                need_now = need
            near = life.terms.renewal_near(month + ahead)
            buying.append(truth.hazard(offer, need, life.drivers, month + ahead, near))
        probability = truth.adoption_probability(month, buying, leaving)
        life.truth.append((month, offer, need_now, probability))
        buys_after = rng.exponential() / truth.rate(buying[0], month)
        sleeps = bool(rng.random() < 0.15)
        if buys_after < min(leaves_after, days_in(month)):
            changes.append((start + timedelta(days=int(buys_after)), offer, sleeps))
    for day, offer, sleeps in sorted(changes):
        _buy(seed, life, offer, day, sleeps, rng)
    if leaves_after < days_in(month):
        _end(life, start + timedelta(days=int(leaves_after)))
        return True
    _cut_back(life, month, {offer for _, offer, _ in changes}, rng)
    return False


def _buy(seed: int, life: Life, offer: str, day: date, sleeps: bool, rng: np.random.Generator) -> None:
    life.purchases.append((offer, day))
    month = month_of(day)
    match offer:
        case "seats":
            wanted = float(life.drivers.users[month]) * float(rng.uniform(1.12, 1.3))
            life.seats = max(life.seats + max(1, life.seats // 20), math.ceil(wanted))
            life.set_version(life.plan_item, life.plan, life.seats, day)
        case "prod_pro" | "prod_enterprise":
            life.plan = offer
            life.plan_history.append((day, offer))
            life.set_version(life.plan_item, offer, life.seats, day)
        case "signature_pack":
            packs = max((life.owned["prod_signature"] or 1) + 1, _packs(life, month, 1.25))
            life.owned["prod_signature"] = packs
            life.set_version(life.items["prod_signature"], "prod_signature", packs, day)
        case "prod_signature":
            life.add_module(seed, offer, _packs(life, month, 1.15), day, sleeps)
        case _:
            life.add_module(seed, offer, _quantity(offer), day, sleeps)


def _cut_back(life: Life, month: int, bought: set[str], rng: np.random.Generator) -> None:
    """At a renewal seats that nobody uses are given back, and a module that sleeps may be dropped."""
    renewal = life.terms.renewal_in(month)
    seats_luck, drops = float(rng.random()), rng.random(len(MODULES))
    if renewal is None or bought or renewal == month_start(month):
        return
    users = float(life.drivers.users[month])
    yearly = life.terms.interval is Interval.YEAR
    if users < 0.68 * life.seats and life.seats > 5 and (yearly or seats_luck < 0.12):
        life.seats = max(3, math.ceil(users * 1.2))
        life.set_version(life.plan_item, life.plan, life.seats, renewal)
        life.seats_rest_until = month + LOOKAHEAD
    for module, luck in zip(MODULES, drops, strict=True):
        sleeps = module in life.dormant and life.dormant[module] < renewal
        chance = (0.3 if yearly else 0.03) if sleeps else (0.02 if yearly else 0.002)
        if module in life.owned and module != "prod_signature" and luck < chance:
            life.end_item(life.items[module], renewal)
            del life.owned[module]


def _packs(life: Life, month: int, room: float) -> int:
    return max(1, math.ceil(float(life.drivers.envelopes[month]) * room / ENVELOPES_PER_PACK))


def _quantity(product: str) -> int | None:
    """Flat modules are bought once; a metered one has no quantity."""
    return None if product == "prod_sms" else 1
