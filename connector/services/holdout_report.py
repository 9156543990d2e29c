"""What the holdout shows: adoption of both arms as billing tells it, the difference, and whether it may be told yet.

Decided here: an account counts for as many days from the day it was drawn, whichever arm it is in, and only when they
are over. Those that were not over when the holdout ended never count: the held out got proposals then. Who bought more
is read from billing, as for the model's labels: an offer it did not have, a higher plan, more of something. What became
of records in the CRM has no part in it.

Before a holdout is chosen, it says what one could find: with the customers of the newest run, and the share of them
that bought more in the last so many days.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np

from connector.compute.holdout import ArmTally, design_effect, detectable, effect_of, likeness, tally
from connector.compute.propensity_rows import Owned, adopted_anything
from connector.domain.account import CrmAccount
from connector.domain.catalogue import Catalogue
from connector.domain.holdout import Arm, Assignment
from connector.services.facts import Facts
from connector.services.holdout import eligible, parents_of

History = Mapping[str, Sequence[Owned]]
EPOCH = date(1970, 1, 1)
SHARES = (0.1, 0.2)
"""What is offered."""


@dataclass(frozen=True)
class Span:
    """Until when billing is known, and for how many days an account counts."""

    now: datetime
    days: int

    def until(self, ended: datetime | None) -> Span:
        """Look no further than the end of a holdout that is over."""
        return self if ended is None or ended > self.now else replace(self, now=ended)

    @property
    def today(self) -> int:
        return _number(self.now)


def results(assignments: Iterable[Assignment], history: History, catalogue: Catalogue, span: Span) -> dict[str, Any]:
    """Compare the arms of a holdout; shares are of accounts, from 0 to 1."""
    every = sorted(assignments, key=lambda one: one.billing_id)
    over = [one for one in every if _number(one.at) + span.days <= span.today]
    arms = {arm: _tallied([one for one in over if one.arm is arm], history, catalogue, span) for arm in Arm}
    effect = effect_of(arms[Arm.PROPOSED], arms[Arm.HELD_OUT])
    first = min((one.at for one in every), default=None)
    return {
        "as_of": span.now.date().isoformat(),
        "days": span.days,
        "counts": "who bought more within the days after the draw, by billing / accounts whose days are over",
        "arms": {arm.value: _told(told, [one for one in every if one.arm is arm]) for arm, told in arms.items()},
        "effect": None if effect is None else {k: v for k, v in asdict(effect).items() if k != "verdict"},
        "verdict": "too_early" if effect is None else effect.verdict,
        "first_result_on": (first + timedelta(days=span.days)).date().isoformat() if first else None,
    }


def _tallied(some: Sequence[Assignment], history: History, catalogue: Catalogue, span: Span) -> ArmTally:
    outcomes = [
        adopted_anything(history.get(one.billing_id, ()), day, day + span.days, catalogue)
        for one in some
        for day in (_number(one.at),)
    ]
    return tally(np.array(outcomes, bool), np.array([one.parent for one in some]))


def _told(arm: ArmTally, drawn: Sequence[Assignment]) -> dict[str, Any]:
    return {
        "drawn": len(drawn),
        "accounts": arm.accounts,
        "groups": arm.groups,
        "adopted": arm.adopted,
        "share": arm.share if arm.accounts else None,
    }


def offers(
    facts: Facts, accounts: Mapping[str, CrmAccount], survivors: Mapping[str, str], history: History, span: Span
) -> dict[str, Any]:
    """Say what a holdout could find among the customers of a run; `accounts`: those of the CRM, with their parents."""
    catalogue, crm = facts.rules.catalogue, facts.crm

    def is_inside(id: str) -> bool:
        return id in crm.contexts and not crm.contexts[id].outside

    customers = eligible(facts.measured, crm.links, is_inside, facts.rules.policy)
    parents = parents_of(accounts, survivors)
    pairs = [(one.account_id, parents.get(crm_id, crm_id)) for crm_id, some in customers.items() for one in some]
    day = span.today - span.days
    bought = [adopted_anything(history.get(id, ()), day, span.today, catalogue) for id, _ in pairs]
    whole = tally(np.array(bought, bool), np.array([parent for _, parent in pairs]))
    worth = design_effect(whole, likeness(whole))
    return {
        "as_of": span.now.date().isoformat(),
        "days": span.days,
        "accounts": whole.accounts,
        "groups": whole.groups,
        "base": whole.share if whole.accounts else None,
        "offers": [findable(whole.accounts, share, whole.share, worth) for share in SHARES],
    }


def findable(accounts: int, share: float, base: float, worth: float = 1.0) -> dict[str, Any]:
    """Say how many of some customers a share holds out, and the smallest rise above `base` that this could find.

    `worth`: the design effect of companies in groups. It is not enough where only more than a doubling would be found:
    then results stay "not yet measurable".
    """
    held = round(accounts * share)
    smallest = detectable(held / worth, (accounts - held) / worth, base) if base else None
    is_enough = smallest is not None and smallest <= base
    return {
        "share": share,
        "held_out": held,
        "proposed": accounts - held,
        "detectable": smallest,
        "is_enough": is_enough,
    }


def _number(moment: datetime) -> int:
    return (moment.date() - EPOCH).days
