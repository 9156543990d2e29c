"""The customers' own history as rows to learn from: each past day as it was known then, and what was bought after.

Days go through the same steps as the daily run: measured, scored by the rules of today, then read as pairs. Rules on
CRM fields are left out, because a CRM does not tell what stood there then. Outcomes come from billing alone: a record
that was withdrawn or undone in the CRM changes no label.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import numpy as np

from connector.compute.accounts import LIVE
from connector.compute.history import known
from connector.compute.propensity_pairs import Pairs
from connector.compute.propensity_rows import Owned, Rows, outcomes
from connector.domain.catalogue import Catalogue
from connector.domain.crm_facts import CRM
from connector.domain.money import FxTable
from connector.domain.policy import GatesPolicy
from connector.domain.propensity import HORIZON_DAYS
from connector.domain.signal import Signals
from connector.ports.billing import Warehouse
from connector.services.measure import Measured, measure
from connector.services.score import score

FAR = 10**7
MOST_ROWS = 400_000
"""Rows that are learnt from; of more accounts a part is taken, the same on every day."""
Tell = Callable[[str, int], None]


@dataclass(frozen=True)
class Rulebook:
    """What past days are measured and scored by."""

    catalogue: Catalogue
    signals: Signals
    policy: GatesPolicy
    fx: FxTable

    def of_the_past(self) -> tuple[Signals, tuple[str, ...]]:
        """Rules that a past day can be asked, and the names of those that it cannot."""
        today_only = {
            id for id, rule in self.signals.rules.items() if any(name.startswith(CRM) for name in rule.when.names())
        }
        kept = {id: rule for id, rule in self.signals.rules.items() if id not in today_only}
        return Signals(rules=kept), tuple(sorted(today_only))

    def rows(self) -> Rows:
        """Start to collect rows."""
        return Rows(self.catalogue, tuple(sorted(self.signals.rules)), self.policy.base_rate)


def month_days(now: datetime, months: int) -> list[datetime]:
    """The same hour on the first of each of the last months, oldest first."""
    made, at = [], now.replace(day=1)
    for _ in range(months):
        made.append(at)
        at = (at - timedelta(days=1)).replace(day=1)
    return made[::-1]


def past_pairs(
    warehouse: Warehouse,
    book: Rulebook,
    days: Sequence[datetime],
    now: datetime,
    horizon: int = HORIZON_DAYS,
    tell: Tell = lambda *_: None,
) -> Pairs | None:
    """Every eligible pair on each day; its outcome where the horizon is over by `now`, else unknown."""
    rules, _ = book.of_the_past()
    rows = book.rows()
    for day in days:
        tell(f"as of {day.date()}", 0)
        add_day(rows, book, measure(warehouse, book.catalogue, rules, day))
    if not rows.parts:
        return None
    pairs = outcomes(rows.pairs(), owned_history(warehouse, now), book.catalogue, horizon)
    return open_ones_unknown(pairs, now.date(), horizon)


def add_day(rows: Rows, book: Rulebook, measured: Measured) -> None:
    """Add what was measured on a day."""
    scores = score(measured, book.catalogue, book.policy, book.fx).scores
    rows.add(measured.as_of.date(), measured.accounts.values(), measured.metrics, measured.events, scores)


def open_ones_unknown(pairs: Pairs, today: date, horizon: int) -> Pairs:
    """Take the outcome from rows whose horizon is not over: who has not bought yet may still."""
    closed = pairs.day + horizon <= (today - date(1970, 1, 1)).days
    return replace(pairs, adopted=np.where(closed, pairs.adopted, -1).astype(np.int8))


def owned_history(warehouse: Warehouse, now: datetime) -> Mapping[str, Sequence[Owned]]:
    """What each account held and when, as billing tells it now."""
    from ibis import _

    table = known(warehouse.tables()["subscription_item_versions"], now)
    held = table.filter(_.status.isin(LIVE), _.offer_id.notnull()).select(
        "account_id", "offer_id", "quantity", "valid_from", "valid_to"
    )
    made: dict[str, list[Owned]] = defaultdict(list)
    for row in warehouse.execute(held.order_by("account_id", "offer_id", "valid_from")).to_pylist():
        until = FAR if row["valid_to"] is None else _day(row["valid_to"])
        made[row["account_id"]].append(Owned(row["offer_id"], _day(row["valid_from"]), until, row["quantity"] or 0.0))
    return made


def _day(moment: datetime) -> int:
    return (moment.date() - date(1970, 1, 1)).days


def thinned(pairs: Pairs, most: int = MOST_ROWS) -> Pairs:
    """Take so many accounts that no more rows are left; the share of adopters stays as it is."""
    if len(pairs) <= most:
        return pairs
    return pairs.take(np.flatnonzero(pairs.folds(10_000, "thinned") < 10_000 * most / len(pairs)))
