"""Steps `pull` and `stage`: pages from every source into raw landing, and from there into the canonical tables.

Each page lands with its cursor, so an interrupted pull goes on where it stopped; staging starts only after a source
is pulled whole, because a subscription is read together with its customer, its prices and its invoices.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from connector.compute.freshness import began, used
from connector.compute.quarantine import examples
from connector.compute.rows import rows_of
from connector.domain.billing import QuarantineReason
from connector.ports.billing import BillingSource, Landed, Warehouse

EXAMPLES = 3
FRESH = timedelta(days=7)
"""How far usage may lag behind the run before people are told: exports are made weekly at the least."""
Progress = Callable[[str, int], None]
"""Told what is going on and how many rows it took so far."""


@dataclass(frozen=True)
class Pulled:
    """What came in."""

    rows: Mapping[str, int] = field(default_factory=dict)
    """Canonical rows per table, as the warehouse now holds them from these sources."""
    quarantined: Mapping[str, int] = field(default_factory=dict)
    """Rows set aside per reason, as the warehouse now holds them."""
    examples: Sequence[str] = ()
    """A few of them of each reason: where they stand, what is wrong and what mends it."""
    warnings: Sequence[str] = ()
    api_calls: Mapping[str, int] = field(default_factory=dict)
    """Calls per source."""
    changed: Mapping[str, int] = field(default_factory=dict)
    """Canonical rows written by this pull, per table; empty when nothing is new."""


def quiet(_what: str, _rows: int) -> None:
    """Report no progress."""


def pull_and_stage(
    sources: Sequence[BillingSource], warehouse: Warehouse, now: datetime, progress: Progress = quiet
) -> Pulled:
    """Bring every source up to date."""
    changed: Counter[str] = Counter()
    warnings: list[str] = []
    # Customers first: usage and events of one system may belong to the accounts of another.
    for source in sorted(sources, key=lambda source: not {"accounts", "customers"} & set(source.streams())):
        for landed in (*_pull(source, warehouse, now, progress), warehouse.stage(source, now)):
            changed.update(landed.rows)
            warnings.extend(landed.warnings)
    held, reasons = warehouse.counts()
    return Pulled(
        rows=held,
        quarantined=reasons,
        examples=_examples(warehouse) if reasons else (),
        warnings=tuple(dict.fromkeys([*warnings, *_reach(sources, warehouse, now, reasons)])),
        api_calls={source.name: source.calls() for source in sources},
        changed=dict(changed),
    )


def _examples(warehouse: Warehouse) -> tuple[str, ...]:
    rows = rows_of(warehouse.execute(examples(warehouse.tables(), EXAMPLES)))
    told = [(row["reason"], row["row"], row["detail"].removeprefix(f"{row['row']}: ")) for row in rows]
    return tuple(f"{reason}: {place}: {detail}" for reason, place, detail in told)


def _reach(
    sources: Sequence[BillingSource], warehouse: Warehouse, now: datetime, reasons: Mapping[str, int]
) -> list[str]:
    """What to say when the data is not of the time that the run speaks of."""
    today = now.date()
    tables = warehouse.tables()
    (billed,), (told,) = (list(rows_of(warehouse.execute(one))) for one in (began(tables), used(tables, today)))
    begins = min((day for day in (billed["begins"], told["begins"]) if day is not None), default=None)
    usage_to = told["usage_to"]
    if begins is None and QuarantineReason.FUTURE_DATE in reasons:
        return [f"the data begins after {today}, the run's day"]
    if begins is not None and begins > today:
        return [f"the data begins {begins}, after {today}, the run's day"]
    if usage_to is None:
        return ["no usage was told"] if any("usage" in source.streams() for source in sources) else []
    if today - usage_to > FRESH:
        days = (today - usage_to).days
        return [f"usage ends {usage_to}, {days} days before {today}: signals speak of then, not of now"]
    return []


def _pull(source: BillingSource, warehouse: Warehouse, now: datetime, progress: Progress) -> list[Landed]:
    landed = []
    for stream in source.streams():
        rows = 0
        cursor = warehouse.cursor(source.name, stream)
        for page in source.pages(warehouse.raw(source.name), stream, cursor, now):
            landed.append(warehouse.land(source, page, now))
            rows += len(page.rows) if page.usage is None else page.usage.rows.num_rows
            progress(f"{source.name} {stream}", rows)
    return landed
