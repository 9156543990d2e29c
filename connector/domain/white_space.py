"""White space: for each customer and offer whether it is owned, in the pipeline, a gap, or not for this customer.

Whether an offer is for a customer at all depends on who it is and what it has and uses; health, caps and timing only
decide whether now. Customers alike in that share their answer, so a large book is told in seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from connector.domain.catalogue import Catalogue
from connector.domain.gates import GATES, Candidate, short_use
from connector.domain.policy import No

ELIGIBLE = ("sold_here", "delivered_here", "plan_carries_it", "prerequisites", "used_enough")
"""Gates that say whether an offer is for a customer, whatever the day."""


class Space(StrEnum):
    """How an offer stands with a customer."""

    OWNED = "owned"
    PIPELINE = "pipeline"
    GAP = "gap"
    NOT_ELIGIBLE = "not_eligible"


@dataclass(frozen=True)
class Cell:
    """One offer of one customer; what is in the pipeline is named, and why something is not for it."""

    space: Space
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.space}: {self.detail}" if self.detail else self.space.value

    @classmethod
    def read(cls, text: str) -> Cell:
        """Read what `str` wrote."""
        space, _, detail = text.partition(": ")
        return cls(Space(space), detail)


def sellable(catalogue: Catalogue) -> tuple[str, ...]:
    """Offers that can be missing: more of something held is a quantity, and what meets no need is never proposed."""
    return tuple(
        name for name, offer in catalogue.offers.items() if offer.recurring and offer.need and offer.adds_to is None
    )


@dataclass
class WhiteSpace:
    """Fills in the grid, customer by customer."""

    catalogue: Catalogue
    _sellable: tuple[str, ...] = ()
    _wanting: tuple[str, ...] = ()
    """Those that want something used first."""
    _known: dict[tuple[object, ...], No | None] = field(default_factory=dict)
    _alike: dict[tuple[object, ...], Mapping[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._sellable = sellable(self.catalogue)
        self._wanting = tuple(name for name in self._sellable if self.catalogue.offers[name].from_use)

    def texts(self, customer: Candidate) -> Mapping[str, str]:
        """Tell how each offer stands, as text; customers of whom the same is told share it."""
        if customer.crm.open_episodes or customer.crm.opportunities:
            return self._texts(customer)
        key = (
            *self._who(customer),
            *(short_use(self.catalogue.offers[name], customer.metrics) for name in self._wanting),
        )
        if key not in self._alike:
            self._alike[key] = self._texts(customer)
        return self._alike[key]

    def _texts(self, customer: Candidate) -> Mapping[str, str]:
        return {offer: str(cell) for offer, cell in self.row(customer).items()}

    def row(self, customer: Candidate) -> dict[str, Cell]:
        """Tell how each offer stands with a customer, which is given with any score."""
        owned = _owned(customer.owned, self.catalogue)
        return {name: Cell(Space.OWNED) if name in owned else self._cell(name, customer) for name in self._sellable}

    def _cell(self, name: str, customer: Candidate) -> Cell:
        crm = customer.crm
        if (crm.open_episodes or crm.opportunities) and (told := _in_pipeline(self.catalogue, name, customer)):
            return Cell(Space.PIPELINE, told)
        no = self._eligible(name, customer)
        return Cell(Space.GAP) if no is None else Cell(Space.NOT_ELIGIBLE, f"{no.reason}, {no.detail}")

    def _eligible(self, name: str, customer: Candidate) -> No | None:
        offer = self.catalogue.offers[name]
        key = (name, *self._who(customer), short_use(self.catalogue.offers[name], customer.metrics))
        if key not in self._known:
            one = replace(customer, offer=offer, score=replace(customer.score, offer=name, need=offer.need or ""))
            answers = (GATES[gate](one) for gate in ELIGIBLE)
            self._known[key] = next((no for no in answers if no is not None), None)
        return self._known[key]

    def _who(self, customer: Candidate) -> tuple[object, ...]:
        """What the gates look at, whichever the offer."""
        first = customer.accounts[0]
        return customer.owned, customer.used, customer.country, first.segment, first.plan


def _owned(owned: frozenset[str], catalogue: Catalogue) -> frozenset[str]:
    """What is held, and the plans below the one held."""
    plans = list(catalogue.plans)
    held = [plans.index(name) for name in owned if name in plans]
    return owned | frozenset(plans[: max(held, default=0)])


def _in_pipeline(catalogue: Catalogue, name: str, customer: Candidate) -> str:
    """Name what is open for an offer: ours for the offer itself, a person's for its need."""
    needs = catalogue.needs_met(name)
    for ours in customer.crm.open_episodes:
        if ours.offer == name or (ours.offer is None and ours.need in needs):
            return f"ours, {ours.stage or 'a task'} since {ours.opened_on.isoformat()}"
    return next((one.name for one in customer.crm.opportunities if not one.renewal and one.need in needs), "")


Grid = Mapping[str, Mapping[str, Cell]]
"""CRM account → offer → how it stands."""


def counts(grid: Grid) -> dict[str, dict[str, int]]:
    """Count the customers of each state, by offer."""
    made: dict[str, dict[str, int]] = {}
    for row in grid.values():
        for offer, cell in row.items():
            made.setdefault(offer, {space.value: 0 for space in Space})[cell.space.value] += 1
    return made
