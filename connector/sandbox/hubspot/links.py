"""Associations between records, and the table of types HubSpot defines for them.

Every type belongs to one direction and has its inverse; both are stored, so either side can be asked. A labelled
type (primary company, parent company) always stands beside the unlabelled one.
Source: "Associations v4", association type ids, developers.hubspot.com.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True)
class LinkType:
    """One direction of an association type HubSpot defines."""

    id: int
    inverse: int
    from_kind: str
    to_kind: str
    label: str | None = None
    only_one: bool = False  # a record has one of these at most: setting it moves it


def _both(a: str, b: str, there: int, back: int, labels: tuple[str, str] | None = None) -> tuple[LinkType, LinkType]:
    to, fro = labels or (None, None)
    primary = to == "Primary"
    return LinkType(there, back, a, b, to, primary), LinkType(back, there, b, a, fro)


_TABLE = (
    *_both("deals", "contacts", 3, 4),
    *_both("deals", "companies", 341, 342),
    *_both("deals", "companies", 5, 6, ("Primary", "Primary")),
    *_both("deals", "line_items", 19, 20),
    *_both("deals", "tasks", 215, 216),
    *_both("contacts", "companies", 279, 280),
    *_both("contacts", "companies", 1, 2, ("Primary", "Primary")),
    *_both("tasks", "contacts", 204, 203),
    *_both("tasks", "companies", 192, 191),
    *_both("notes", "contacts", 202, 201),
    *_both("notes", "companies", 190, 189),
    *_both("notes", "deals", 214, 213),
    *_both("companies", "companies", 13, 14, ("Child Company", "Parent Company")),
    LinkType(450, 450, "companies", "companies"),
)
LINK_TYPES = {one.id: one for one in _TABLE}
DEFAULT_TYPE = {(one.from_kind, one.to_kind): one.id for one in _TABLE if one.label is None}

End = tuple[str, str]  # kind, record id


@dataclass
class Links:
    """Which records are associated, by which types."""

    _types: dict[tuple[End, str], dict[str, set[int]]] = field(default_factory=lambda: defaultdict(dict))

    def of(self, end: End, to_kind: str) -> dict[str, set[int]]:
        """Return the ids of a kind that a record is associated with, and the types."""
        return self._types.get((end, to_kind), {})

    def ends(self, end: End) -> list[End]:
        """Return everything that a record is associated with."""
        return [(to_kind, other) for one, to_kind in list(self._types) if one == end for other in self.of(one, to_kind)]

    def add(self, end: End, to: End, type_id: int) -> None:
        """Add one type and the unlabelled one, and their inverses on the other side."""
        kind = LINK_TYPES[type_id]
        if LINK_TYPES[kind.inverse].only_one:
            self.add(to, end, kind.inverse)
            return
        if kind.only_one:
            for other, types in self.of(end, to[0]).items():
                types.discard(type_id)
                self.of((to[0], other), end[0]).get(end[1], set()).discard(kind.inverse)
        for one in (kind, LINK_TYPES[DEFAULT_TYPE[end[0], to[0]]]):
            self._types[end, to[0]].setdefault(to[1], set()).add(one.id)
            self._types[to, end[0]].setdefault(end[1], set()).add(one.inverse)

    def remove(self, end: End, to: End) -> None:
        """Take every association between two records away."""
        self.of(end, to[0]).pop(to[1], None)
        self.of(to, end[0]).pop(end[1], None)

    def move(self, loser: End, survivor: End) -> None:
        """Give a merged record's associations to the record it was merged into."""
        for to_kind in {kind for end, kind in self._types if end == loser}:
            for other, types in list(self.of(loser, to_kind).items()):
                self.remove(loser, (to_kind, other))
                for type_id in types if (to_kind, other) != survivor else ():
                    self.add(survivor, (to_kind, other), type_id)

    def rows(self) -> Iterator[tuple[End, End, int]]:
        """Yield every stored direction of every association, ordered."""
        for (end, to_kind), others in sorted(self._types.items()):
            for other, types in sorted(others.items()):
                for type_id in sorted(types):
                    yield end, (to_kind, other), type_id


def shown_types(type_ids: Iterable[int]) -> list[dict[str, str | int | None]]:
    """Return association types as answers list them."""
    return [
        {"category": "HUBSPOT_DEFINED", "typeId": type_id, "label": LINK_TYPES[type_id].label}
        for type_id in sorted(type_ids)
    ]
