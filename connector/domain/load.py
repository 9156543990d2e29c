"""What already takes a place: by it caps hold back what ranks lower."""

from __future__ import annotations

from connector.domain.values import value


@value
class Load:
    """What is already proposed or open, as the walk down the ranking reaches a candidate."""

    needs: frozenset[str] = frozenset()
    """Needs of this account that a better candidate has taken in this run."""
    account_open: int = 0
    account_week: int = 0
    owner_week: int = 0
    owner_tasks: int = 0
    open_undone: frozenset[str] = frozenset()
    """Undone runs whose proposals are counted in `account_open` until they are released."""
    week_undone: frozenset[str] = frozenset()
    owner_undone: frozenset[str] = frozenset()
    day: int = 0
    """New proposals of this day, on any account."""
