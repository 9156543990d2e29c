"""How usual each offer is among customers like one account (industry and segment), as told by what they pay for.

A small segment says little, so its rate is drawn towards that of the whole base as if `PRIOR` more customers of the
base stood in it. The account itself is counted: it cannot tell on itself, since only offers it lacks are looked at.
"""

from __future__ import annotations

from collections import Counter, defaultdict

from connector.domain.catalogue import Catalogue
from connector.domain.features import OfferFeatures

PRIOR = 20
"""Customers of the whole base that every segment is mixed with."""
Segment = tuple[str | None, str | None]
"""Industry and segment of an account."""


class Peers:
    """Counts who holds what, account by account, and tells it once all are counted."""

    def __init__(self, catalogue: Catalogue) -> None:
        modules = catalogue.offers.keys() - set(catalogue.plans)
        offers = ((name, offer) for name, offer in catalogue.offers.items() if name in modules)
        self._offers = [name for name, offer in offers if offer.need and not offer.adds_to]
        self._base: Counter[str] = Counter()
        self._held: dict[Segment, Counter[str]] = defaultdict(Counter)
        self._size: Counter[Segment] = Counter()

    def count(self, segment: Segment, owned: frozenset[str]) -> None:
        """Count a customer who pays; trials and test accounts adopt nothing."""
        self._base.update(owned)
        self._held[segment].update(owned)
        self._size[segment] += 1

    def by_segment(self) -> dict[Segment, tuple[OfferFeatures, ...]]:
        """How usual each offer is in each segment that is known."""
        everybody, base = self._size.total(), self._base
        return {
            segment: tuple(_told(name, self._held[segment][name], n, base[name] / everybody) for name in self._offers)
            for segment, n in self._size.items()
            if segment != (None, None)
        }


def _told(offer: str, held: int, of: int, usual: float) -> OfferFeatures:
    rate = (held + PRIOR * usual) / (of + PRIOR)
    return OfferFeatures(offer, rate, of, rate / usual if usual else None)
