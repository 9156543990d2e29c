"""Monthly recurring revenue, computed twice and tied.

`ours` sums the item versions that everything above reads. Each source computes the same from its raw rows by code of
its own, and says by reason what we leave out of it. What then remains is rounding of single items, or a mistake.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import ibis

from connector.compute.history import current
from connector.compute.rows import rows_of
from connector.ports.billing import BillingSource, WarehouseReader

ROUNDING = "rounding"
UNEXPLAINED = "unexplained"


@dataclass(frozen=True)
class MrrTie:
    """MRR per currency in minor units: as the raw rows say, as we count it, and why they differ."""

    source: Mapping[str, int]
    ours: Mapping[str, int]
    difference: Mapping[str, int] = field(default_factory=dict)
    """Source less ours, where that is not zero."""
    why: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Reason → currency → minor units of the difference."""
    unmapped: Mapping[str, int] = field(default_factory=dict)
    """Counted in ours, but sold as products that no mapping rule names."""

    @property
    def ties(self) -> bool:
        """Tell whether every difference has its reason."""
        return UNEXPLAINED not in self.why


def ours(tables: Mapping[str, Any], as_of: datetime) -> Any:
    """Expression: currency, `mrr_minor`, `unmapped_minor` and number of paying items at `as_of`."""
    accounts = current(tables["accounts"])
    counted = accounts.filter(~accounts.is_test & ~accounts.deleted)
    versions = current(tables["subscription_item_versions"])
    at = ibis.literal(as_of, type="timestamp('UTC')")
    valid = versions.filter(
        (versions.valid_from <= at)
        & (versions.valid_to.isnull() | (versions.valid_to > at))
        & (versions.mrr_minor != 0)
    ).semi_join(counted, ["source", "account_id"])
    return valid.group_by("currency").aggregate(
        mrr_minor=valid.mrr_minor.sum(),
        unmapped_minor=valid.mrr_minor.sum(where=valid.offer_id.isnull()).fill_null(0),
        items=valid.count(),
    )


def tie(warehouse: WarehouseReader, sources: Sequence[BillingSource], as_of: datetime) -> MrrTie:
    """Compute both and explain the difference."""
    rows = list(rows_of(warehouse.execute(ours(warehouse.tables(), as_of))))
    counted = {row["currency"]: int(row["mrr_minor"]) for row in rows}
    items = {row["currency"]: int(row["items"]) for row in rows}
    told: dict[str, int] = defaultdict(int)
    why: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for source in sources:
        raw = source.recurring(warehouse.raw(source.name), as_of)
        for currency, amount in raw.total.items():
            told[currency] += amount
        for reason, amounts in raw.left_out.items():
            for currency, amount in amounts.items():
                why[reason][currency] += amount
    difference = {one: told.get(one, 0) - counted.get(one, 0) for one in sorted({*told, *counted})}
    for currency, gap in difference.items():
        rest = gap - sum(amounts.get(currency, 0) for amounts in why.values())
        if rest:
            # Each item is rounded by itself: half a minor unit each at most, and one for each rounded total.
            allowed = items.get(currency, 0) // 2 + len(why) + 1
            why[ROUNDING if abs(rest) <= allowed else UNEXPLAINED][currency] = rest
    return MrrTie(
        source=dict(told),
        ours=counted,
        difference={currency: gap for currency, gap in difference.items() if gap},
        why={
            reason: {one: amount for one, amount in amounts.items() if amount}
            for reason, amounts in why.items()
            if any(amounts.values())
        },
        unmapped={row["currency"]: int(row["unmapped_minor"]) for row in rows if row["unmapped_minor"]},
    )
