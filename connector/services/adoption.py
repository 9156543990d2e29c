"""Whether what was sold is used: its own metric moves, or more units are in use than the customer had before."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from connector.domain.catalogue import Catalogue
from connector.domain.features import MetricFeatures


def units_used(catalogue: Catalogue, rows: Iterable[Mapping[str, MetricFeatures]]) -> dict[str, float]:
    """Units in use of what is sold by quantity (seats, packs), by the offer that adds to them; `rows` by account."""
    accounts, units = list(rows), {}
    for name, offer in catalogue.offers.items():
        if offer.adds_to is None:
            continue
        grown = catalogue.grown_by(name)
        counted = [m for m, one in catalogue.metrics.items() if one.limit and set(one.limit.quantity_of) & set(grown)]
        pack = max((catalogue.offers[one].pack for one in grown), default=1)
        units[name] = sum(max((row[m].pace for m in counted if m in row), default=0.0) / pack for row in accounts)
    return units


def is_used(
    offer: str, had: float | None, owned: Collection[str], used: Collection[str], units: Mapping[str, float]
) -> bool:
    """Say whether an offer that was sold is used; `had`: units before the sale of one that adds to them."""
    if offer in units:
        return had is not None and units[offer] > had
    return offer in owned and offer in used
