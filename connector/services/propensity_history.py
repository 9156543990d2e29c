"""The customers' own history as rows to learn from: each past day as it was known then, and what was bought after.

Days go through the same steps as the daily run: measured, scored by the rules of today, then read as pairs. What has no
past (a CRM tells what stands there now) is left out with the rules that read it, and is named. Billing labels every
eligible pair; what became of proposals in the CRM changes labels as `propensity_labels` says, and never a feature.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from connector.compute import propensity_rows
from connector.compute.accounts import LIVE
from connector.compute.history import known, without_history
from connector.compute.propensity_labels import Told
from connector.compute.propensity_pairs import Pairs
from connector.compute.propensity_rows import Owned, Rows, pointed_to
from connector.domain.catalogue import Catalogue
from connector.domain.crm_facts import CRM
from connector.domain.money import FxTable
from connector.domain.outcome import TAKEN_BACK, Fate, Labels, Outcome
from connector.domain.policy import GatesPolicy
from connector.domain.propensity import HORIZON_DAYS
from connector.domain.signal import Signals
from connector.ports.billing import WarehouseReader
from connector.services.measure import Measured, measure
from connector.services.sample import sample
from connector.services.score import score

FAR = 10**7
MONTHS_OPEN = HORIZON_DAYS // 28 + 1
"""Firsts of a month whose horizon is not over may be so many."""
MOST_ROWS = 400_000
"""Rows that are learnt from; of more accounts a part is taken, the same on every day."""
Tell = Callable[[str, int], None]
Relabel = Callable[[Pairs, int], tuple[Pairs, Labels]]
"""Rows, and a day until whose end outcomes are known → rows with their labels, and where those come from."""


def billing_alone(pairs: Pairs, _until: int) -> tuple[Pairs, Labels]:
    """Leave billing's labels as they are."""
    return pairs, Labels(int((pairs.adopted >= 0).sum()))


@dataclass(frozen=True)
class Rulebook:
    """What past days are measured and scored by."""

    catalogue: Catalogue
    signals: Signals
    policy: GatesPolicy
    fx: FxTable

    def of_the_past(self, without: Container[str]) -> tuple[Signals, tuple[str, ...]]:
        """Rules that a past day can be asked, and the names of those that read what has no past."""

        def is_known(name: str) -> bool:
            return name not in without and not (name.startswith(CRM) and CRM in without)

        read = {id: {*rule.when.names(), rule.strength.of} for id, rule in self.signals.rules.items()}
        kept = {id: rule for id, rule in self.signals.rules.items() if all(map(is_known, read[id]))}
        return Signals(rules=kept), tuple(sorted(self.signals.rules.keys() - kept.keys()))

    def rows(self, rules: Signals) -> Rows:
        """Start to collect rows."""
        events = sorted({event for rule in rules.rules.values() for event in rule.events})
        names, pointed = tuple(sorted(rules.rules)), pointed_to(rules, self.catalogue)
        return Rows(self.catalogue, names, events, self.policy.base_rate, pointed=pointed)


@dataclass(frozen=True)
class Unasked:
    """What past days cannot be asked: features, each with the reason, and the rules that read them."""

    features: Mapping[str, str]
    rules: tuple[str, ...]


def unasked(warehouse: WarehouseReader, book: Rulebook, first: datetime, now: datetime) -> Unasked:
    """Name what has no past on the first of some days."""
    features = without_history(warehouse.first_read(), first, now)
    return Unasked(features, book.of_the_past(features)[1])


def month_days(now: datetime, months: int) -> list[datetime]:
    """The same hour on the first of each of the last months, oldest first."""
    made, at = [], now.replace(day=1)
    for _ in range(months):
        made.append(at)
        at = (at - timedelta(days=1)).replace(day=1)
    return made[::-1]


@dataclass(frozen=True)
class Past:
    """Every eligible pair on past days with billing's label, and what else is known of its outcome."""

    pairs: Pairs
    relabel: Relabel = billing_alone
    share: float = 1.0
    """So much of the customers was measured."""


def past_pairs(
    warehouse: WarehouseReader,
    book: Rulebook,
    days: Sequence[datetime],
    now: datetime,
    horizon: int = HORIZON_DAYS,
    tell: Tell = lambda *_: None,
    outcomes: Sequence[Outcome] = (),
    more: Sequence[tuple[datetime, Container[str]]] = (),
) -> Past | None:
    """Every eligible pair on each day; its outcome where the horizon is over by `now`, else unknown.

    Of very many customers a part is measured. `outcomes`: proposals that ended by `now`. `more`: later days, each with
    the accounts that are asked for.
    """
    without = without_history(warehouse.first_read(), days[0], now)
    rules, _ = book.of_the_past(without)
    rows = book.rows(rules)
    part = sample(warehouse)
    for day, only in [*((day, None) for day in days), *more]:
        tell(f"as of {day.date()}", 0)
        add_day(rows, book, measure(warehouse, book.catalogue, rules, day, tables=part.tables), only)
    if not rows.parts:
        return None
    history = owned_history(warehouse, now, part.tables)
    warehouse.let_go()
    pairs = propensity_rows.outcomes(rows.pairs().without(list(without)), history, book.catalogue, horizon)
    told = Told(outcomes, history, book.catalogue, horizon)
    return Past(open_ones_unknown(pairs, now.date(), horizon), told.labelled, part.share)


def decided_after(last: datetime, now: datetime, outcomes: Sequence[Outcome]) -> list[tuple[datetime, frozenset[str]]]:
    """Firsts of a month after a day, each with the accounts for which a proposal was decided since."""
    decided = [one for one in outcomes if one.fate is not Fate.LOST and one.fate not in TAKEN_BACK]
    days = [day for day in month_days(now, MONTHS_OPEN) if day > last]
    asked = [(day, frozenset(one.account for one in decided if one.ended > day_of(day))) for day in days]
    return [(day, accounts) for day, accounts in asked if accounts]


def add_day(rows: Rows, book: Rulebook, measured: Measured, only: Container[str] | None = None) -> None:
    """Add what was measured on a day, of some accounts or of all."""
    scores = score(measured, book.catalogue, book.policy, book.fx).scores
    accounts = [one for id, one in measured.accounts.items() if only is None or id in only]
    rows.add(measured.as_of.date(), accounts, measured.metrics, measured.events, scores)


def open_ones_unknown(pairs: Pairs, today: date, horizon: int) -> Pairs:
    """Take the outcome from rows whose horizon is not over: who has not bought yet may still."""
    closed = pairs.day + horizon <= (today - date(1970, 1, 1)).days
    return replace(pairs, adopted=np.where(closed, pairs.adopted, -1).astype(np.int8))


def owned_history(
    warehouse: WarehouseReader, now: datetime, tables: Mapping[str, Any] | None = None
) -> Mapping[str, Sequence[Owned]]:
    """What each account held and when, as billing tells it now."""
    from ibis import _

    table = known((tables or warehouse.tables())["subscription_item_versions"], now)
    held = table.filter(_.status.isin(LIVE), _.offer_id.notnull()).select(
        "account_id", "offer_id", "quantity", "valid_from", "valid_to"
    )
    made: dict[str, list[Owned]] = defaultdict(list)
    for row in warehouse.execute(held.order_by("account_id", "offer_id", "valid_from")).to_pylist():
        until = FAR if row["valid_to"] is None else day_of(row["valid_to"])
        made[row["account_id"]].append(Owned(row["offer_id"], day_of(row["valid_from"]), until, row["quantity"] or 0.0))
    return made


def day_of(moment: datetime) -> int:
    """Number a moment's day from 1970."""
    return (moment.date() - date(1970, 1, 1)).days


def thinned(pairs: Pairs, most: int = MOST_ROWS) -> Pairs:
    """Take so many accounts that no more rows are left; the share of adopters stays as it is."""
    return pairs if len(pairs) <= most else pairs.take(lot(pairs, most))


def lot(pairs: Pairs, most: int) -> NDArray[np.intp]:
    """Draw the accounts whose rows `thinned` keeps."""
    if len(pairs) <= most:
        return np.arange(len(pairs))
    return np.flatnonzero(pairs.folds(10_000, "thinned") < 10_000 * most / len(pairs))
