"""What a customer would pay more per month for an offer, to the cent.

Where billing tells prices and discounts, the change is tried on the subscription itself: the items as they are billed
before and after it, under the same discounts, rounded once. A percentage on the whole subscription falls on what is
added; one on a single item stays on that item, and falls on more of it; an amount off is spent once. What an offer
contains is paid for no longer. Where billing tells amounts only, a discount that every item enjoys is kept.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from itertools import count
from typing import Any

from connector.domain.catalogue import Catalogue, Offer
from connector.domain.features import AccountFeatures, BilledItem
from connector.domain.money import Money, round_minor
from connector.domain.pricing import Price, PricedItem, Terms, added, amount, monthly

PriceRow = Mapping[str, Any]
Fees = tuple[tuple[str, Money], ...]


@dataclass(frozen=True)
class Listed:
    """A price with the product it sells: discounts may be limited to products."""

    price: Price
    product_id: str | None = None


class Paid:
    """Answers by all that a price depends on, because many accounts pay for the same: exact arithmetic is slow."""

    MOST = 50_000
    """Answers that are kept; a book without two customers alike fills no memory with them."""

    def __init__(self) -> None:
        self._answers: dict[Hashable, Money | None] = {}
        self._fees: dict[tuple[str, str | None], Fees] = {}
        self._of: Catalogue | None = None
        self._kinds: dict[Hashable, int] = {}
        self._number = count()
        self._last: tuple[AccountFeatures | None, int] = None, -1

    def answers(self, catalogue: Catalogue) -> dict[Hashable, Money | None]:
        """What was answered so far with this catalogue."""
        self._begin(catalogue)
        return self._answers

    def fees(self, catalogue: Catalogue) -> dict[tuple[str, str | None], Fees]:
        """The one-off fees of each offer in each currency, as far as they were asked for with this catalogue."""
        self._begin(catalogue)
        return self._fees

    def _begin(self, catalogue: Catalogue) -> None:
        if self._of is not catalogue or len(self._answers) >= self.MOST:
            self._of, self._answers, self._fees = catalogue, {}, {}

    def by(self, account: AccountFeatures) -> int:
        """A number for what an account pays for: the same for two that a change costs the same."""
        if self._last[0] is not account:
            if len(self._kinds) >= self.MOST:
                self._kinds = {}
            self._last = account, self._kinds.setdefault(_pays_for(account), next(self._number))
        return self._last[1]


def _pays_for(account: AccountFeatures) -> Hashable:
    subscriptions: dict[str, int] = {}
    items = tuple(
        (
            *(subscriptions.setdefault(one.subscription_id, len(subscriptions)), one.offer, one.price_id),
            *(one.quantity, one.currency, one.mrr_minor, one.discounts),
        )
        for one in sorted(account.items, key=lambda one: one.item_id)
    )
    holdings = tuple(
        (name, one.quantity, one.mrr_minor, one.list_mrr_minor, one.currency, one.price_id)
        for name, one in account.holdings.items()
    )
    return account.currency, account.interval, account.plan, items, holdings


@dataclass(frozen=True)
class PriceList:
    """Prices by id, and by offer, currency and interval the newest that is still sold."""

    by_id: Mapping[str, Listed]
    on_sale: Mapping[tuple[str, str, str, int], Listed]
    once: Mapping[tuple[str, str], Listed] = field(default_factory=dict)
    """One-off prices by offer and currency, the newest that is still sold."""
    paid: Paid = field(default_factory=lambda: Paid(), compare=False, repr=False)

    @classmethod
    def of(cls, rows: Sequence[PriceRow]) -> PriceList:
        """Read canonical price rows."""
        by_id = {row["price_id"]: Listed(Price.from_json(row["spec"]), row.get("product_id")) for row in rows}
        oldest_first = sorted(rows, key=lambda row: (str(row["created_at"] or ""), row["price_id"]))
        on_sale = {
            (row["offer_id"], row["currency"], row["interval"] or "", row["interval_count"] or 1): by_id[
                row["price_id"]
            ]
            for row in oldest_first
            if row["active"] and row["recurring"] and row["offer_id"]
        }
        once = {
            (row["offer_id"], row["currency"]): by_id[row["price_id"]]
            for row in oldest_first
            if row["active"] and not row["recurring"] and row["offer_id"]
        }
        return cls(by_id, on_sale, once)

    def find(self, offer: str, currency: str, interval: str | None, count: int = 1) -> Listed | None:
        """The price of an offer in a currency: at the interval given, else per month, else per year."""
        for wanted, times in ((interval or "month", count), (interval or "month", 1), ("month", 1), ("year", 1)):
            if price := self.on_sale.get((offer, currency, wanted, times)):
                return price
        return None


def delta_mrr(
    name: str, quantity: int, account: AccountFeatures, catalogue: Catalogue, prices: PriceList
) -> Money | None:
    """What the customer would pay more per month; None when no price is known in its currency."""
    if account.currency is None:
        return None
    key = name, quantity, prices.paid.by(account)
    answers = prices.paid.answers(catalogue)
    if key not in answers:
        answers[key] = priced(name, quantity, account, catalogue, prices)
    return answers[key]


def priced(name: str, quantity: int, account: AccountFeatures, catalogue: Catalogue, prices: PriceList) -> Money | None:
    """Price a change for an account, whatever was said of others."""
    changed = _changed_item(name, account, catalogue)
    if changed is not None:
        bill = [one for one in account.items if one.subscription_id == changed.subscription_id]
        if all(one.price_id in prices.by_id and one.discounts is not None for one in bill):
            return _on_the_bill(name, quantity, changed, bill, catalogue, prices)
    return _by_amounts(name, quantity, account, catalogue, prices)


def one_off_fees(name: str, currency: str | None, catalogue: Catalogue, prices: PriceList) -> Fees:
    """What comes with an offer once: each service with its price, where one is known."""
    known = prices.paid.fees(catalogue)
    if (name, currency) not in known:
        known[name, currency] = tuple(_fees(name, currency, catalogue, prices))
    return known[name, currency]


def _fees(name: str, currency: str | None, catalogue: Catalogue, prices: PriceList) -> Iterator[tuple[str, Money]]:
    for service in catalogue.offers[name].one_off:
        listed = prices.once.get((service, currency or "")) or _stated(catalogue.offers[service], currency or "")
        if listed is not None:
            yield service, Money(round_minor(amount(listed.price, 1)), listed.price.currency)


def held_offer(offer: Offer, account: AccountFeatures) -> str | None:
    """The holding that an offer adds to."""
    name = account.plan if offer.adds_to == "plan" else offer.adds_to
    return name if name in account.holdings else None


def _changed_item(name: str, account: AccountFeatures, catalogue: Catalogue) -> BilledItem | None:
    """The billed item that an offer adds to or takes the place of, or else that on whose subscription it comes."""
    offer = catalogue.offers[name]
    wanted = held_offer(offer, account) if offer.adds_to is not None else account.plan
    there = [one for one in account.items if wanted in (None, one.offer)]
    return max(there, key=lambda one: (one.mrr_minor, one.quantity or 0, one.item_id), default=None)


def _on_the_bill(
    name: str,
    quantity: int,
    changed: BilledItem,
    bill: Sequence[BilledItem],
    catalogue: Catalogue,
    prices: PriceList,
) -> Money | None:
    """Try the change on the subscription's own items, prices and discounts."""
    offer, contents = catalogue.offers[name], catalogue.contents(name)
    here = next(at for at, one in enumerate(bill) if one is changed)
    before = {at: _priced(one, prices) for at, one in enumerate(bill)}
    after = {at: item for at, item in before.items() if bill[at].offer not in contents}
    more: list[PricedItem] = []
    if offer.adds_to is not None:
        was = before[here]
        after[here] = PricedItem(was.price, _exact(changed.quantity or 0) + quantity, was.product_id, was.discounts)
    else:
        now = before[here].price
        listed = prices.find(name, changed.currency, now.interval, now.interval_count)
        listed = listed or _stated(offer, changed.currency)
        if listed is None:
            return None
        more.append(PricedItem(listed.price, quantity, listed.product_id))
        if name in catalogue.plans and changed.offer in catalogue.plans:
            after.pop(here, None)
    total = added(list(before.values()), [*after.values(), *more], _terms(changed).shared)
    return Money(round_minor(total), changed.currency)


def _priced(one: BilledItem, prices: PriceList) -> PricedItem:
    listed = prices.by_id[one.price_id or ""]
    units = None if one.quantity is None else _exact(one.quantity)
    return PricedItem(listed.price, units, listed.product_id, _terms(one).own)


def _terms(one: BilledItem) -> Terms:
    return _read(one.discounts or "[[], []]")


@lru_cache(maxsize=10_000)
def _read(text: str) -> Terms:
    return Terms.from_json(text)


@lru_cache(maxsize=10_000)
def _exact(quantity: float) -> Fraction:
    """A quantity as billing wrote it: 1.1 is no binary fraction."""
    return Fraction(str(quantity))


def _by_amounts(
    name: str, quantity: int, account: AccountFeatures, catalogue: Catalogue, prices: PriceList
) -> Money | None:
    """Price a change where billing tells what is paid, and not which discounts made it so."""
    currency, offer = account.currency or "", catalogue.offers[name]
    if offer.adds_to is not None:
        return _more_of(offer, quantity, account, catalogue, prices)
    listed = prices.find(name, currency, account.interval) or _stated(offer, currency)
    if listed is None:
        return None
    more = monthly(listed.price, quantity) * standing_discount(account)
    replaced = {*catalogue.contents(name), *([account.plan] if name in catalogue.plans and account.plan else ())}
    more -= sum(one.mrr_minor for held, one in account.holdings.items() if held in replaced)
    return Money(round_minor(more), currency)


def _more_of(
    offer: Offer, quantity: int, account: AccountFeatures, catalogue: Catalogue, prices: PriceList
) -> Money | None:
    """More of something held is priced along its own price, tiers included."""
    held = held_offer(offer, account)
    if held is None:
        return None
    holding = account.holdings[held]
    listed = prices.by_id.get(holding.price_id or "") or _stated(catalogue.offers[held], holding.currency)
    if listed is None:
        return None
    more = monthly(listed.price, holding.quantity + quantity) - monthly(listed.price, holding.quantity)
    return Money(round_minor(more * standing_discount(account)), holding.currency)


def _stated(offer: Offer, currency: str) -> Listed | None:
    """The catalogue's own price, for billing systems without a price list."""
    if currency not in offer.list_price:
        return None
    return Listed(Price(currency=currency, unit_amount=Decimal(offer.list_price[currency])))


def standing_discount(account: AccountFeatures) -> Fraction:
    """Share of the list price that is paid, where every item of the account enjoys the same discount for good.

    A discount on one item is that item's; an amount off is spent already. Neither carries over to what is added.
    """
    paid = [(h.mrr_minor, h.list_mrr_minor) for h in account.holdings.values() if h.list_mrr_minor > 0]
    if all(mrr == listed for mrr, listed in paid):
        return Fraction(1)
    shares = [Fraction(mrr, listed) for mrr, listed in paid]
    # Amounts are whole minor units, so equal percentages differ by a rounding.
    alike = max(shares) - min(shares) <= max(Fraction(1, listed) for _, listed in paid)
    return min(Fraction(1), Fraction(sum(m for m, _ in paid), sum(li for _, li in paid))) if alike else Fraction(1)
