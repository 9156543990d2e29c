"""The Monday list: at most five opportunities an account executive, best first, a reason each, in a field of ours.

Decided here: the list is made once a week and then stands, so that nobody's list changes under their eyes: the first
run of a week (on a Monday, where one runs) ranks by expected value, later ones leave it. A list view or a saved view
shows what has the field filled, in its order. It costs a write for each record that comes or goes, a week.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from connector.domain.change import Desired, DesiredField, Policy, RecordType
from connector.services.desk import Desk

LONGEST = 255
RULE = "monday"


def monday(desk: Desk, desired: Iterable[Desired]) -> tuple[Desired, ...]:
    """Put this week's place and reason on the opportunities of the list, and clear them on the others."""
    made, field = tuple(desired), desk.mapping.opportunity.week
    if field is None:
        return made
    year, week, _ = desk.today.isocalendar()
    this_week = f"{year}-W{week:02}"
    places: dict[str, str | None] = {}
    wanted = DesiredField(
        None, Policy.OWN, clear=True, at=desk.rules.at(desk.document, "opportunity", "week"), rule=RULE
    )
    for mine in _by_owner(desk, made).values():
        sent = {one.key: _sent(desk, one.key, field) for one in mine}
        stands = any((text or "").startswith(this_week) for text in sent.values())
        new = _ranked(mine, this_week, desk.rules.policy.monday)
        places |= {key: text if (text or "").startswith(this_week) else None for key, text in sent.items()}
        places |= {} if stands else new
    return tuple(
        replace(one, fields={**one.fields, field: replace(wanted, value=places[one.key])})
        if one.key in places and one.type is RecordType.OPPORTUNITY
        else one
        for one in made
    )


def _by_owner(desk: Desk, desired: Sequence[Desired]) -> dict[str, list[Desired]]:
    """Open opportunities of ours by whose list they may be in."""
    found: dict[str, list[Desired]] = defaultdict(list)
    for one in desired:
        account = desk.world.accounts.get(one.account_id)
        if one.type is not RecordType.OPPORTUNITY or one.close or account is None:
            continue
        known = desk.world.known.get(one.key)
        owner = desk.world.owner("ae", account)
        if owner is not None and (known is None or known.tombstone is None):
            found[owner.id].append(one)
    return found


def _ranked(mine: Sequence[Desired], week: str, most: int) -> dict[str, str | None]:
    best = sorted(mine, key=lambda one: (-one.value, one.key))[:most]
    return {one.key: f"{week} {place}. {one.reason}"[:LONGEST] for place, one in enumerate(best, 1)}


def _sent(desk: Desk, key: str, field: str) -> str | None:
    """What the field says, or will once what waits is delivered."""
    waiting = desk.world.waiting.get(key, {}).get(field)
    if waiting is not None:
        return waiting.after
    known = desk.world.known.get(key)
    receipt = known.receipts.get(field) if known is not None else None
    return receipt.sent if receipt is not None else None
