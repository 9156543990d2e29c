"""How usual each offer is among customers like one account (industry and segment), as told by what they pay for.

A small segment says little, so its rate is drawn towards that of the whole base as if `PRIOR` more customers of the
base stood in it. The account itself is counted: it cannot tell on itself, since only offers it lacks are looked at.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import replace

from connector.domain.catalogue import Catalogue
from connector.domain.features import AccountFeatures, OfferFeatures, owned_offers

PRIOR = 20
"""Customers of the whole base that every segment is mixed with."""
Segment = tuple[str | None, str | None]


def with_peers(accounts: Mapping[str, AccountFeatures], catalogue: Catalogue) -> dict[str, AccountFeatures]:
    """Tell each paying account how usual the offers are among those of its industry and segment."""
    told = _by_segment(accounts, catalogue)
    return {
        id: replace(account, peers=told.get(_segment(account), ())) if _counts(account) else account
        for id, account in accounts.items()
    }


def _by_segment(
    accounts: Mapping[str, AccountFeatures], catalogue: Catalogue
) -> dict[Segment, tuple[OfferFeatures, ...]]:
    base: Counter[str] = Counter()
    held: dict[Segment, Counter[str]] = defaultdict(Counter)
    size: Counter[Segment] = Counter()
    for account in filter(_counts, accounts.values()):
        owned = owned_offers(account, catalogue)
        base.update(owned)
        held[_segment(account)].update(owned)
        size[_segment(account)] += 1
    modules = catalogue.offers.keys() - set(catalogue.plans)
    offers = [name for name, offer in catalogue.offers.items() if name in modules and offer.need and not offer.adds_to]
    everybody = size.total()
    return {
        segment: tuple(_told(name, held[segment][name], count, base[name] / everybody) for name in offers)
        for segment, count in size.items()
        if segment != (None, None)
    }


def _told(offer: str, held: int, of: int, usual: float) -> OfferFeatures:
    rate = (held + PRIOR * usual) / (of + PRIOR)
    return OfferFeatures(offer, rate, of, rate / usual if usual else None)


def _segment(account: AccountFeatures) -> Segment:
    return account.industry, account.segment


def _counts(account: AccountFeatures) -> bool:
    """A customer who pays; trials and test accounts adopt nothing."""
    return account.subscribed and not account.is_test and account.mrr_minor > 0
