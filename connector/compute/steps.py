"""The cheaper step of a tiered price, proposed instead of just enough units when it begins not far above them.

A customer that needs 92 of something may be served best with 100, where a unit costs less. What that adds per month is
worked out like any other quantity; where it adds nothing, no proposal is made of it.
"""

from __future__ import annotations

from fractions import Fraction

from connector.compute.added import PriceList, held_offer
from connector.domain.catalogue import Offer
from connector.domain.features import AccountFeatures
from connector.domain.money import Money, round_minor
from connector.domain.policy import Sizing
from connector.domain.pricing import Price, Tier
from connector.domain.score import Step


def cheaper_step(
    offer: Offer, needed: int, account: AccountFeatures, prices: PriceList, sizing: Sizing
) -> tuple[int, Step | None]:
    """Units to add so that the next cheaper step is reached, and that step; 0 where there is none within reach.

    `needed`: units to add without it.
    """
    held = held_offer(offer, account)
    listed = prices.by_id.get(account.holdings[held].price_id or "") if held is not None else None
    if held is None or listed is None:
        return 0, None
    owned = account.holdings[held].quantity
    reached = listed.price.cheaper_step(owned + needed)
    if reached is None or reached[0] > (owned + needed) * (1 + sizing.tier_reach):
        return 0, None
    units, before, step = reached
    return round(units - owned), Step(units, _a_month(step, listed.price), _a_month(before, listed.price))


def _a_month(tier: Tier, price: Price) -> Money:
    return Money(round_minor(Fraction(tier.unit_amount) * price.per_month), price.currency)
