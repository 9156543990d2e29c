"""What can be sold: offers, the needs they meet, the plan ladder, and the metrics that limits are set on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from functools import cached_property
from typing import Literal

from connector.domain.documents import document

Language = Literal["en", "fr"]
Texts = Mapping[Language, str]
Kind = Literal["upsell", "cross_sell"]
Lever = Literal["depth", "volume", "scope"]


@document
class Limit:
    """Where a metric's ceiling comes from: a number per plan, or the quantity billed of an offer."""

    per: Literal["day", "month"] = "day"
    """`day`: a gauge, each day against the ceiling. `month`: a sum over 28 days scaled to the month."""
    by_plan: Mapping[str, float | None] = field(default_factory=dict)
    """Plan offer → included quantity; null means unlimited."""
    quantity_of: Sequence[str] = ()
    """Offers whose billed quantity is the ceiling (seats, credits)."""


@document
class Metric:
    """Something the product counts per account and day."""

    label: Texts
    limit: Limit | None = None
    counts: Literal["users", "teams"] | None = None
    """Says that it counts who uses the product; an account's breadth is read from such metrics."""


@document
class Partner:
    """Who delivers an offer instead of us, and where."""

    name: str
    countries: Sequence[str] = ()
    """Countries it works in; empty: all."""
    segments: Sequence[str] = ()
    """Segments it serves; empty: all."""

    def serves(self, country: str | None, segment: str | None) -> bool:
        """Tell whether a customer is within its reach; nobody reaches the unknown, unless they reach everybody."""
        here = not self.countries or country in self.countries
        return here and (not self.segments or segment in self.segments)


@document
class Use:
    """How much a customer must use first."""

    metric: str
    at_least: float
    """Of the last 28 days: the sum of a count, the mean of a level."""


@document
class Worth:
    """What a customer gains, against what it pays: the numbers of a return on investment, and where they come from."""

    metric: str
    hours_per_unit: float = 0
    """Hours that each unit of the metric costs today."""
    share_saved: float = 1
    """Share of those hours that the offer saves."""
    hour: Mapping[str, int] = field(default_factory=dict)
    """Currency → what an hour costs, in minor units."""
    beyond_limit: Mapping[str, int] = field(default_factory=dict)
    """Currency → what each unit beyond today's limit is worth to the customer, in minor units."""
    source: Texts
    """Who says so: it is shown beside the number."""


@document
class Proof:
    """A page that shows what it was worth to others."""

    label: Texts
    url: str


@document
class Offer:
    """Something a customer can buy; its kind, lever and need are stated, never guessed."""

    label: Texts
    recurring: bool = True
    """False for set-up, training and other one-off services: they never count and never become an opportunity."""
    kind: Kind | None = None
    lever: Lever | None = None
    need: str | None = None
    """The need it meets; offers with no need are never proposed."""
    team: Texts = field(default_factory=dict)
    """For lever `scope`: the team it reaches."""
    prerequisites: Sequence[str] = ()
    """Offers that must be owned and used first."""
    used_when: str | None = None
    """Metric whose use in the last 28 days shows that this offer is used."""
    included_in: Sequence[str] = ()
    """Plans and packs that already contain it; who has it apart pays for it no longer."""
    quantity: Literal["one", "same", "seats", "tier"] = "one"
    """What to propose: one unit, the plan's seats, enough units to clear the limit, or up to a cheaper step."""
    pack: int = 1
    """How much of a metric one billed unit contains (100 envelopes a pack)."""
    adds_to: str | None = None
    """More of something held: `plan`, or an offer; it is priced as a larger quantity of that."""
    sold_with: Sequence[str] = ()
    """Plans it can be added to; empty: any."""
    list_price: Mapping[str, int] = field(default_factory=dict)
    """Currency → monthly minor units per unit, used when billing has no price list."""
    countries: Sequence[str] = ()
    """Countries it may be sold in; empty: all."""
    segments: Sequence[str] = ()
    """Segments it may be sold to; empty: all."""
    one_off: Sequence[str] = ()
    """One-off services that come with it: their price is shown apart, never ranked and never in the amount."""
    delivered_by: Literal["us", "partner"] = "us"
    """`partner`: proposed only where one of `partners` works, who is named to whoever sells it."""
    partners: Sequence[Partner] = ()
    from_use: Use | None = None
    """Proposed only from this much use on: the customer has to feel the need first."""
    worth: Worth | None = None
    proof: Sequence[Proof] = ()


@document
class Catalogue:
    """Offers, plan ladder and metrics (`mappings/catalog.yaml`)."""

    version: int = 1
    name: str = "catalog"
    plans: Sequence[str] = ()
    """The plan ladder, lowest first; each is an offer."""
    offers: Mapping[str, Offer]
    metrics: Mapping[str, Metric] = field(default_factory=dict)

    @cached_property
    def packs(self) -> frozenset[str]:
        """Offers that are several others in one, with a price of its own."""
        return frozenset(self._inside) - frozenset(self.plans)

    def needs_met(self, name: str) -> frozenset[str]:
        """Needs that an offer meets: a pack meets those of everything in it."""
        return self._met.get(name, frozenset())

    @cached_property
    def _met(self) -> Mapping[str, frozenset[str]]:
        parts = {name: (name, *(self.contents(name) if name in self.packs else ())) for name in self.offers}
        needs = {name: (self.offers[one].need for one in some) for name, some in parts.items()}
        return {name: frozenset(need for need in some if need) for name, some in needs.items()}

    @cached_property
    def _inside(self) -> Mapping[str, frozenset[str]]:
        packed = {pack for offer in self.offers.values() for pack in offer.included_in}
        return {pack: frozenset(n for n, offer in self.offers.items() if pack in offer.included_in) for pack in packed}

    def with_contents(self, held: frozenset[str]) -> frozenset[str]:
        """What is held, and the offers that it contains."""
        if held not in self._contained:
            self._contained[held] = held.union(*(self.contents(name) for name in held))
        return self._contained[held]

    @cached_property
    def _contained(self) -> dict[frozenset[str], frozenset[str]]:
        """Customers hold the same few offers: those are told once."""
        return {}

    def grown_by(self, name: str) -> tuple[str, ...]:
        """What is held already that an offer makes larger or takes the place of; nothing for a module."""
        added_to = self.offers[name].adds_to
        if name in self.plans or added_to == "plan":
            return tuple(self.plans)
        return (added_to,) if added_to else ()

    def partner_for(self, name: str, country: str | None, segment: str | None) -> Partner | None:
        """The first partner of an offer who serves a customer."""
        return next((one for one in self.offers[name].partners if one.serves(country, segment)), None)

    def for_need(self, need: str) -> tuple[str, ...]:
        """Offers that meet a need, in the catalogue's order."""
        return self._for_need.get(need, ())

    @cached_property
    def _for_need(self) -> Mapping[str, tuple[str, ...]]:
        needs = dict.fromkeys(offer.need for offer in self.offers.values() if offer.need is not None)
        return {need: tuple(name for name, offer in self.offers.items() if offer.need == need) for need in needs}

    def beside_plans(self, need: str) -> tuple[str, ...]:
        """Offers that meet a need and are no plans."""
        return self._beside_plans.get(need, ())

    @cached_property
    def _beside_plans(self) -> Mapping[str, tuple[str, ...]]:
        return {need: tuple(n for n in names if n not in self.plans) for need, names in self._for_need.items()}

    def counting(self, who: str) -> tuple[str, ...]:
        """Metrics that count them: users, or teams."""
        return self._counting.get(who, ())

    @cached_property
    def _counting(self) -> Mapping[str, tuple[str, ...]]:
        kinds = dict.fromkeys(metric.counts for metric in self.metrics.values() if metric.counts)
        return {who: tuple(name for name, metric in self.metrics.items() if metric.counts == who) for who in kinds}

    def plans_above(self, need: str, plan: str) -> tuple[str, ...]:
        """Plans that meet a need, above one plan, the lowest first."""
        if (need, plan) not in self._above:
            ladder = list(self.plans)
            meeting = self.for_need(need)
            self._above[need, plan] = tuple(one for one in ladder[ladder.index(plan) + 1 :] if one in meeting)
        return self._above[need, plan]

    @cached_property
    def _above(self) -> dict[tuple[str, str], tuple[str, ...]]:
        return {}

    def need_of_plan_for(self, needs: tuple[str, ...], plan: str) -> str | None:
        """The need of the lowest plan above that is sold with an offer for these needs, where this plan has none."""
        if (needs, plan) not in self._carried:
            self._carried[needs, plan] = self._carrying(needs, plan)
        return self._carried[needs, plan]

    @cached_property
    def _carried(self) -> dict[tuple[tuple[str, ...], str], str | None]:
        return {}

    def _carrying(self, needs: tuple[str, ...], plan: str) -> str | None:
        offers = [self.offers[name] for need in needs for name in self.for_need(need)]
        if not offers or any(not offer.sold_with or plan in offer.sold_with for offer in offers):
            return None
        above = self.plans[list(self.plans).index(plan) + 1 :]
        carrying = next((one for one in above if any(one in offer.sold_with for offer in offers)), None)
        return self.offers[carrying].need if carrying else None

    def contents(self, name: str) -> frozenset[str]:
        """Offers that an offer contains: a pack of several, or a plan that carries them."""
        return self._inside.get(name, frozenset())
