"""Billing's labels and the outcomes of proposals → labels: what a decision in the CRM adds, and what it never may.

A row asks: does the account adopt the offer within the horizon after its day? Billing answers for every eligible pair,
proposed or not; a label from proposals alone would only know whom the connector chose. An outcome changes rows in whose
window it falls:
- won: adopted on the day it was won, unless billing shows the purchase between the proposal and a horizon after the
  win: then billing's day stands, so that one purchase never counts twice. Sold and not billed, it is not for sale
  again: later rows of that pair are no labels.
- no need, or not useful: not adopted, known from that day on, before the window is over; a purchase that billing shows
  in the window is one all the same. So that the decided rows of open windows are not all zeros, won ones are known
  from their day on, too.
- lost for price, timing, a competitor: nothing that billing does not tell when the window is over. It may still buy.
- undone: rows whose window touches the time that the proposal stood are no labels, whatever billing shows.
- withdrawn: the same, but for a purchase that came first: it silenced what spoke for the proposal, not the reverse.
An outcome counts from the day it ended on, as `until` says: a model of a past day sees what was known then.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from connector.compute.propensity_pairs import Pairs
from connector.compute.propensity_rows import Owned, has_adopted
from connector.domain.catalogue import Catalogue, Offer
from connector.domain.outcome import REFUSED, TAKEN_BACK, Fate, Labels, Outcome

UNKNOWN = -1
SOLD = "sold"


@dataclass(frozen=True)
class Label:
    """The label of one row: 1, 0 or -1, and what stands behind it (a fate, or `sold`) beside billing."""

    adopted: int
    behind: str = ""


@dataclass(frozen=True)
class Told:
    """What the CRM and billing tell of accounts, to label rows by."""

    outcomes: Sequence[Outcome]
    history: Mapping[str, Sequence[Owned]]
    catalogue: Catalogue
    horizon: int

    def labelled(self, pairs: Pairs, until: int) -> tuple[Pairs, Labels]:
        """Set labels by the outcomes that ended no later than a day; nothing else of the rows changes."""
        adopted, behind, left_out = pairs.adopted.copy(), Counter[str](), Counter[str]()
        early = not_billed = 0
        for row, outcomes in self._concerned(pairs, until):
            day, known = int(pairs.day[row]), int(pairs.adopted[row])
            purchases = self._purchases(pairs, row, until)
            is_bought = known == 1 or (known == UNKNOWN and purchases.between(day, day + self.horizon))
            made = label(day, day + self.horizon, known, is_bought, outcomes, purchases)
            adopted[row] = made.adopted
            if made.adopted == UNKNOWN:
                left_out[made.behind] += 1
                continue
            early += known == UNKNOWN
            if made.behind:
                behind[made.behind] += 1
                not_billed += made.adopted == 1 and not is_bought
        del left_out[""]
        by_billing = int((adopted != UNKNOWN).sum()) - behind.total()
        told = Labels(by_billing, dict(sorted(behind.items())), early, not_billed, dict(sorted(left_out.items())))
        return replace(pairs, adopted=adopted), told

    def _purchases(self, pairs: Pairs, row: int, until: int) -> Purchases:
        owned = self.history.get(pairs.accounts[pairs.account[row]], ())
        return Purchases(pairs.offers[pairs.offer[row]], owned, self.catalogue, until)

    def _concerned(self, pairs: Pairs, until: int) -> Iterable[tuple[int, list[Outcome]]]:
        """Rows of the accounts and offers that something ended for, with what did, oldest first."""
        accounts = {name: at for at, name in enumerate(pairs.accounts)}
        offers = {name: at for at, name in enumerate(pairs.offers)}
        found: dict[int, list[Outcome]] = defaultdict(list)
        for one in sorted(self.outcomes, key=lambda one: (one.ended, one.proposed, one.fate)):
            if one.ended <= until and one.account in accounts and one.offer in offers:
                found[accounts[one.account] * len(offers) + offers[one.offer]].append(one)
        key = pairs.account.astype(np.int64) * len(offers) + pairs.offer
        rows = np.flatnonzero(np.isin(key, np.array(sorted(found), np.int64)))
        return ((int(row), found[int(key[row])]) for row in rows)


@dataclass(frozen=True)
class Purchases:
    """What billing shows until a day of an account and an offer."""

    name: str
    owned: Sequence[Owned]
    catalogue: Catalogue
    until: int

    @property
    def offer(self) -> Offer:
        return self.catalogue.offers[self.name]

    def between(self, day: int, end: int) -> bool:
        """Whether it was adopted after a day, and no later than another."""
        return has_adopted(self.name, self.offer, self.owned, day, min(end, self.until), self.catalogue)


def label(day: int, end: int, known: int, is_bought: bool, outcomes: Sequence[Outcome], purchases: Purchases) -> Label:
    """Label the row of a day. `known`: billing's label, -1 in an open window; `is_bought`: in the window so far."""
    for one in outcomes:
        is_touched = one.fate in TAKEN_BACK and day < one.ended and end >= one.proposed
        if is_touched and (one.fate is Fate.UNDONE or not purchases.between(day, min(end, one.ended))):
            return Label(UNKNOWN, one.fate.value)
    decided = [one for one in outcomes if one.fate not in TAKEN_BACK and day < one.ended <= end]
    unbilled = [
        one for one in outcomes if one.fate is Fate.WON and not purchases.between(one.proposed, one.ended + end - day)
    ]
    if any(one in decided for one in unbilled):
        return Label(1, Fate.WON.value)
    if not is_bought and purchases.offer.adds_to is None and any(one.ended <= day for one in unbilled):
        return Label(UNKNOWN, SOLD)
    fates = {one.fate for one in decided}
    if is_bought and (known == 1 or fates & {Fate.WON, *REFUSED}):
        return Label(1, Fate.WON.value if Fate.WON in fates else "")
    refusals = [one.fate.value for one in decided if one.fate in REFUSED]
    if refusals:
        return Label(0, refusals[-1])
    return Label(known, Fate.LOST.value if known == 0 and Fate.LOST in fates else "")
