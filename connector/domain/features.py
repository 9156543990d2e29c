"""What was measured about a billing account at a moment: the small side of the waist.

Usage of any size is reduced to one `MetricFeatures` per (account, metric) and one `AccountFeatures` per account;
rules, scores and gates read only these. A field is None when it is unknown, never when it is zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date
from operator import attrgetter
from typing import Literal

from connector.domain.catalogue import Catalogue
from connector.domain.values import value

Feature = float | int | str | bool | date | None
Kind = Literal["number", "text", "flag", "day"]
"""What a feature holds, as rules compare it."""
OWNS = "owns."


@value
class MetricFeatures:
    """How one account uses one metric. Windows end on `data_to`, the last day its source has told."""

    account_id: str
    metric: str
    data_to: date
    level_28: float
    """Last 28 days: the sum of a count, the mean of a gauge."""
    level_previous: float
    """The same over the 28 days before."""
    growth: float | None
    """level_28 / level_previous - 1; unknown when there was nothing before."""
    growth_year: float | None
    """level_28 against the same weeks a year ago; unknown for a younger customer."""
    surge: float | None
    """The change between the two windows in units of this account's own noise."""
    mean_90: float
    """Per day, over the last 90 days or since the first."""
    std_90: float
    slope_90: float | None
    """Change per day and day, by least squares."""
    peak_28: float
    """Highest day of the last 28."""
    last_value: float
    active_days: int
    """Days of the last 28 with any use."""
    active_days_previous: int
    first_day: date
    last_day: date
    """Last day with any use."""
    total: float
    """Everything ever counted."""
    milestone: float | None
    """Highest round total passed within the last 28 days."""
    limit: float | None = None
    """Ceiling in force; None when there is none or it is unlimited."""
    utilisation: float | None = None
    """Share of the ceiling: a gauge's peak, or the 28-day sum scaled to a month."""
    utilisation_previous: float | None = None
    days_near_limit: int = 0
    """Days of the last 28 with a gauge at 90 % of its ceiling or more."""
    days_over_limit: int = 0
    pace: float = 0.0
    """What the ceiling is compared with: the peak of a gauge, or the use of a month."""
    days_to_limit: float | None = None
    """Days until the trend reaches the ceiling; 0 when it has."""
    active_weeks: int = 0
    """Weeks of the last 12 with any use; a week is seven days that end on `data_to`, or whole weeks before."""
    streak_weeks: int = 0
    """Weeks with any use without a gap up to `data_to`; 52 at most."""
    days_idle: int = 0
    """Days without use since the last one with any."""
    active_days_year_ago: int | None = None
    """Days of the same four weeks a year ago with any use; unknown for a younger customer."""


@value
class Holding:
    """An offer an account pays for, over all its items of it."""

    offer: str
    quantity: float
    mrr_minor: int
    list_mrr_minor: int
    currency: str
    since: date
    price_id: str | None = None
    subscription_id: str | None = None
    trialing: bool = False


@value
class BilledItem:
    """One item of a subscription as it is billed: a change of what an account holds is priced from these."""

    item_id: str
    offer: str | None
    """None for a product that no rule maps."""
    price_id: str | None
    quantity: float | None
    """None when metered."""
    currency: str
    mrr_minor: int
    subscription_id: str
    discounts: str | None = None
    """JSON of `pricing.Terms`; None where the source tells amounts only."""


@dataclass(frozen=True, slots=True)
class OfferFeatures:
    """How usual an offer is among customers like one account: adoption, not likeness to those who have it."""

    offer: str
    peer_rate: float
    """Share of the account's segment that holds it, drawn towards the whole base where the segment is small."""
    peer_count: int
    """Paying customers of the segment, all of them counted."""
    peer_lift: float | None
    """The rate against that of the whole base; None where nobody holds it."""


@value
class AccountFeatures:
    """What is known of one billing account, besides its metrics."""

    account_id: str
    name: str = ""
    is_test: bool = False
    country: str | None = None
    segment: str | None = None
    industry: str | None = None
    currency: str | None = None
    """Currency of its largest recurring revenue, else the account's."""
    interval: str | None = None
    """Billing interval of its plan, e.g. `month`."""
    mrr_minor: int = 0
    """In `currency`; other currencies stand in `mrr`."""
    mrr: Mapping[str, int] = field(default_factory=dict)
    holdings: Mapping[str, Holding] = field(default_factory=dict)
    items: tuple[BilledItem, ...] = ()
    plan: str | None = None
    seats: float | None = None
    """Billed quantity of the plan."""
    owned_offers: int = 0
    trialing: bool = False
    past_due: bool = False
    unpaid: bool = False
    paused: bool = False
    cancel_on: date | None = None
    trial_ends_on: date | None = None
    """End of the trial that ends first, of those that run."""
    subscribed: bool = False
    """Has a subscription that is not over."""
    tenure_days: int | None = None
    years: int | None = None
    """Full years at the last anniversary."""
    days_since_anniversary: int | None = None
    days_to_anniversary: int | None = None
    last_anniversary_on: date | None = None
    anniversary_on: date | None = None
    """Next one."""
    term_start: date | None = None
    renewal_on: date | None = None
    """End of a commitment of six months or more that is not cancelled."""
    days_to_renewal: int | None = None
    invoices: int = 0
    overdue_invoices: int = 0
    days_overdue: int | None = None
    """Age of the oldest overdue invoice; None when none is overdue."""
    disputes: int = 0
    events: int | None = None
    """Events ever told of any account by any source; None when there is no such stream."""
    escalated_on: date | None = None
    """Last support escalation that nobody has closed."""
    nps: float | None = None
    """Last satisfaction score given, 0 to 10."""
    nps_on: date | None = None
    activity_trend: float | None = None
    """Mean growth of its metrics, each weighted by the days it was used; None without use in the window before."""
    metrics_used: int | None = None
    """Metrics with any use in the last 28 days; None when no usage was ever told."""
    users: float | None = None
    """Who used it over the last 28 days, by the metric that counts users; None without such a metric."""
    users_previous: float | None = None
    teams: float | None = None
    teams_previous: float | None = None
    modules_used: int | None = None
    """Offers it owns beside its plan, those contained in it too, whose metric was used in the last 28 days."""
    modules_owned: int | None = None
    """The same that could be seen used: offers with a metric; None when no usage was ever told."""
    first_used_on: date | None = None
    """First day with any use of any metric."""
    last_used_on: date | None = None
    days_since_use: int | None = None
    """Days from the last use of any metric to the last day that was told."""
    data_to: date | None = None
    peers: tuple[OfferFeatures, ...] = ()
    """How usual each offer is in its segment; empty where its segment is unknown."""
    crm: Mapping[str, str] = field(default_factory=dict)
    """What its CRM account tells, as the CRM wrote it (see `crm_facts`); empty where it has none."""


@value
class EventFeatures:
    """How often an event with one detail occurred at an account."""

    account_id: str
    event: str
    detail: str
    count_28: int
    count_90: int
    last_on: date
    link: str | None = None
    """Where the last of them can be read, or who told it."""


@dataclass(frozen=True)
class Features:
    """Everything that was measured at a moment: what rules look at."""

    accounts: Mapping[str, AccountFeatures]
    metrics: Mapping[str, Mapping[str, MetricFeatures]]
    """By account, then metric."""
    events: Mapping[str, Sequence[EventFeatures]]


_HIDDEN = frozenset({"account_id", "mrr", "holdings", "items", "events", "offer", "peers", "crm"})
PER_SEAT = "per_seat_28"
"""Last 28 days of a metric for each billed seat."""


def account_view(account: AccountFeatures, owned: Iterable[str], catalogue: Catalogue) -> dict[str, Feature]:
    """An account's features by the names rules use, with what it owns."""
    held = frozenset(owned)
    return named(account) | {OWNS + offer: offer in held for offer in catalogue.offers}


def metric_view(row: MetricFeatures, account: AccountFeatures) -> dict[str, Feature]:
    """A metric's features by the names rules use."""
    return named(row) | {PER_SEAT: row.level_28 / account.seats if account.seats else None}


def event_view(row: EventFeatures) -> dict[str, Feature]:
    """An event's features by the names rules use."""
    return named(row)


def offer_view(row: OfferFeatures) -> dict[str, Feature]:
    """An offer's features by the names rules use."""
    return named(row)


def named(row: AccountFeatures | MetricFeatures | EventFeatures | OfferFeatures) -> dict[str, Feature]:
    """Its own features by the names rules use."""
    return dict(zip(_NAMES[type(row)], _VALUES[type(row)](row), strict=True))


def feature_names(kind: type[AccountFeatures] | type[MetricFeatures]) -> frozenset[str]:
    """The names of `named`."""
    return frozenset(_NAMES[kind])


_NAMES = {
    kind: tuple(f.name for f in fields(kind) if f.name not in _HIDDEN)
    for kind in (AccountFeatures, MetricFeatures, EventFeatures, OfferFeatures)
}

_VALUES = {kind: attrgetter(*names) for kind, names in _NAMES.items()}


def known_features(catalogue: Catalogue) -> dict[str, Kind]:
    """Every name a rule's condition may use, with what it holds."""
    named = {
        f.name: _KINDS[str(f.type).removesuffix(" | None")]
        for kind in _NAMES
        for f in fields(kind)
        if f.name in _NAMES[kind]
    }
    return named | {PER_SEAT: "number"} | {OWNS + offer: "flag" for offer in catalogue.offers}


ONLY_OF: Mapping[str, str] = {
    f.name: per
    for per, kind in (("metric", MetricFeatures), ("event", EventFeatures), ("offer", OfferFeatures))
    for f in fields(kind)
    if f.name not in _NAMES[AccountFeatures] and f.name in _NAMES[kind]
} | {PER_SEAT: "metric"}
"""Features that only a metric, an event or an offer has, not every account: a rule has to look at each of those."""
_KINDS: Mapping[str, Kind] = {"float": "number", "int": "number", "str": "text", "bool": "flag", "date": "day"}


def owned_offers(account: AccountFeatures, catalogue: Catalogue) -> frozenset[str]:
    """Offers an account holds itself, and those its holdings contain."""
    return catalogue.with_contents(frozenset(account.holdings))


def used_offers(owned: Iterable[str], metrics: Mapping[str, MetricFeatures], catalogue: Catalogue) -> frozenset[str]:
    """Owned offers whose metric was used in the last 28 days; an offer without a metric counts as used."""
    offers, unused = catalogue.offers, set()
    for name in owned:
        offer = offers.get(name)
        metric = offer.used_when if offer else None
        told = metrics.get(metric) if metric is not None else None
        if metric is not None and (told is None or told.active_days <= 0):
            unused.add(name)
    return frozenset(owned) - unused if unused else frozenset(owned)
