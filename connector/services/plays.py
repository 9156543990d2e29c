"""Which plays of `plays.yaml` begin, and which are over: after a sale, in a trial, for a module nobody uses, on news.

One at a time for an account and play; quiet for a while after it; capped by person and week. A thing that happened
begins one play once: news is known by its day, a sale by its opportunity.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from connector.domain.catalogue import Texts
from connector.domain.episode import Episode, EpisodeState
from connector.domain.features import AccountFeatures, owned_offers, used_offers
from connector.domain.feed import is_drop_believed
from connector.domain.gates import HELD_OUT
from connector.domain.holdout import Arm
from connector.domain.intent import Held, PlayIntent, intent_of
from connector.domain.occupied import Crm, CrmContext
from connector.domain.play import PLAY_NEED, Play, Whom, is_proposal, play_of
from connector.domain.policy import Reason
from connector.domain.project import Project
from connector.domain.signal import Signal
from connector.services.adoption import is_used, units_used
from connector.services.measure import Measured
from connector.services.person_week import WEEK, PersonWeek
from connector.services.texts import day as written
from connector.services.texts import in_language
from connector.services.world import World

NOT_USED: Texts = {
    "en": "{offer}: paid for since {since}, not used in the last 28 days",
    "fr": "{offer} : facturation depuis le {since}, aucun usage au cours des 28 derniers jours",
}


@dataclass(frozen=True)
class Seen:
    """What plays look at, by account: sales of ours, and signals by billing account."""

    won: Mapping[str, Sequence[Episode]]
    signals: Mapping[str, Sequence[Signal]]
    open: Mapping[str, Sequence[Episode]]
    """Plays that are going on."""
    told: frozenset[str]
    """Metrics that usage tells of; none while it is late or short, so that no use means none."""


@dataclass(frozen=True)
class Customer:
    """One CRM account with its billing accounts, the largest first."""

    id: str
    accounts: tuple[AccountFeatures, ...]
    owned: frozenset[str]
    used: frozenset[str]
    units: Mapping[str, float]
    """Units in use, by the offer that adds to them."""

    def uses(self, offer: str | None, had: float | None) -> bool:
        """Say whether it uses what it was sold."""
        return offer is not None and is_used(offer, had, self.owned, self.used, self.units)


def plays_due(
    measured: Measured,
    crm: Crm,
    world: World,
    rules: Project,
    today: date,
    week: PersonWeek,
) -> tuple[list[PlayIntent], list[Held]]:
    """Begin what has a reason to begin, and end what has none any more; say why not the others."""
    chosen: list[PlayIntent] = []
    about: set[tuple[str, str | None]] = set()
    held: list[Held] = []
    customers, seen = _customers(measured, crm, rules), _seen(measured, world, today)
    for name, play in rules.plays.items():
        taken = _begun_lately(name, play, world, today)
        for customer in customers:
            before = world.episodes_of.get((customer.id, PLAY_NEED + name), ())
            going = next((one for one in before if one.state is EpisodeState.OPEN), None)
            if going is not None and not going.brief:
                chosen.append(_told_again(name, play, customer, seen, rules, today))
                continue
            if going is not None:
                if why := _over(going, play, customer):
                    chosen.append(PlayIntent(name, customer.id, ended=why))
                continue
            for intent in _reasons(name, play, customer, seen, rules, today):
                if intent.offer and (customer.id, intent.offer) in about:
                    break  # a play about it begins today
                no = _held_out(play, crm.contexts[customer.id], rules)
                no = no or _no(intent, play, before, seen.open.get(customer.id, ()), crm, world, taken, today)
                no = no or week.full(_person(play, customer.id, world))
                if no is None:
                    chosen.append(intent)
                    about.add((customer.id, intent.offer))
                    taken[_person(play, customer.id, world)] += 1
                    week.take(_person(play, customer.id, world))
                else:
                    held.append(Held(customer.id, name, no[0].value, no[1]))
                break
    return chosen, held


def _told_again(name: str, play: Play, customer: Customer, seen: Seen, rules: Project, today: date) -> PlayIntent:
    """Say anew what a play is about that a rebuilt ledger brought back; it is over where nothing tells any more."""
    found = next(_reasons(name, play, customer, seen, rules, today), None)
    return found or PlayIntent(name, customer.id, ended="nobody knows any more what it was about")


def _customers(measured: Measured, crm: Crm, rules: Project) -> list[Customer]:
    grouped: dict[str, list[AccountFeatures]] = defaultdict(list)
    for billing_id, features in measured.accounts.items():
        if billing_id in crm.links and not features.is_test and features.subscribed:
            grouped[crm.links[billing_id]].append(features)
    found = []
    for id, accounts in sorted(grouped.items()):
        accounts.sort(key=lambda one: (-one.mrr_minor, one.account_id))
        owned = frozenset[str]().union(*(owned_offers(one, rules.catalogue) for one in accounts))
        rows = [measured.metrics.get(one.account_id, {}) for one in accounts]
        used = frozenset[str]().union(*(used_offers(owned, row, rules.catalogue) for row in rows))
        found.append(Customer(id, tuple(accounts), owned, used, units_used(rules.catalogue, rows)))
    return found


def _seen(measured: Measured, world: World, today: date) -> Seen:
    won: dict[str, list[Episode]] = defaultdict(list)
    for one in world.episodes:
        if one.state is EpisodeState.WON and one.brief and is_proposal(one.need):
            won[one.account_id].append(one)
    signals: dict[str, list[Signal]] = defaultdict(list)
    for signal in measured.signals:
        signals[signal.account_id].append(signal)
    going: dict[str, list[Episode]] = defaultdict(list)
    for one in world.episodes:
        if one.state is EpisodeState.OPEN and play_of(one.need) is not None:
            going[one.account_id].append(one)
    is_believed = is_drop_believed(measured.feeds, today)
    told = frozenset(metric for feed in measured.feeds for metric in feed.metrics) if is_believed else frozenset()
    return Seen(won, signals, going, told)


def _reasons(
    name: str, play: Play, customer: Customer, seen: Seen, rules: Project, today: date
) -> Iterator[PlayIntent]:
    """What would begin a play for a customer, the best reason first; as far as the play is for them."""
    match play.trigger.kind:
        case "sale":
            found = _sales(name, play, customer, seen, rules, today)
        case "trial":
            found = _trials(name, play, customer, today)
        case "dormant":
            found = _dormant(name, play, customer, seen, rules, today)
        case "signal":
            found = _signals(name, play, customer, seen, rules)
    for intent in found:
        offer = rules.catalogue.offers.get(intent.offer or "")
        whom = Whom(intent.segment, offer.need if offer else None, intent.offer, offer.kind if offer else None)
        if play.when.takes(whom):
            yield intent


def _sales(name: str, play: Play, customer: Customer, seen: Seen, rules: Project, today: date) -> Iterator[PlayIntent]:
    """Opportunities of ours that were won lately, the newest first."""
    for one in sorted(seen.won.get(customer.id, ()), key=lambda e: e.closed_at or e.opened_at, reverse=True):
        told, on = intent_of(one.brief), rules.day(one.closed_at or one.opened_at)
        had = told.options.get("held", {}).get("quantity") if rules.catalogue.offers[told.offer].adds_to else None
        if today - on >= timedelta(days=play.lasts_days) or (play.stop == "used" and customer.uses(told.offer, had)):
            continue
        plain = PlayIntent(name, customer.id, _ids(customer), told.offer, on, added=told.delta_mrr, had=had)
        yield replace(plain, data_to=_to(customer), segment=_of(customer))


def _trials(name: str, play: Play, customer: Customer, today: date) -> Iterator[PlayIntent]:
    """Trials that run, with the day they end."""
    for account in customer.accounts:
        trials = sorted(one.offer for one in account.holdings.values() if one.trialing)
        ends = account.trial_ends_on
        if trials and ends is not None and today <= ends and (ends - today).days <= (play.trigger.days or 365):
            yield PlayIntent(
                name, customer.id, _ids(customer), trials[0], ends, ends, (), None, _to(customer), _of(customer)
            )


def _dormant(
    name: str, play: Play, customer: Customer, seen: Seen, rules: Project, today: date
) -> Iterator[PlayIntent]:
    """Modules that are paid for and not used, the dearest first."""
    offers = rules.catalogue.offers
    idle = [
        holding
        for account in customer.accounts
        for holding in account.holdings.values()
        if holding.offer in customer.owned - customer.used
        and offers[holding.offer].lever == "scope"
        and offers[holding.offer].used_when in seen.told
    ]
    for one in sorted(idle, key=lambda holding: (-holding.mrr_minor, holding.offer)):
        if (today - one.since).days >= play.trigger.days and not one.trialing:
            told: Texts = {
                language: NOT_USED[language].format(
                    offer=in_language(offers[one.offer].label, language), since=written(one.since, language)
                )
                for language in ("en", "fr")
            }
            yield PlayIntent(
                name, customer.id, _ids(customer), one.offer, today, None, (told,), None, _to(customer), _of(customer)
            )


def _signals(name: str, play: Play, customer: Customer, seen: Seen, rules: Project) -> Iterator[PlayIntent]:
    """What was heard of a customer, or what it looked at, the newest first."""
    heard = (one for id in _ids(customer) for one in seen.signals.get(id, ()))
    fired = [one for one in heard if one.id in play.trigger.signals]
    for one in sorted(fired, key=lambda signal: (signal.data_to, signal.strength, signal.id), reverse=True):
        offers = [o for need in one.needs for o in rules.catalogue.for_need(need) if o not in customer.owned]
        yield PlayIntent(
            name,
            customer.id,
            _ids(customer),
            offers[0] if offers else None,
            one.data_to,
            None,
            (one.evidence,),
            None,
            one.data_to,
            _of(customer),
        )


def _no(
    intent: PlayIntent,
    play: Play,
    before: Sequence[Episode],
    open_plays: Sequence[Episode],
    crm: Crm,
    world: World,
    taken: Mapping[str | None, int],
    today: date,
) -> tuple[Reason, str] | None:
    """Why a play does not begin now; None when it does."""
    context = crm.contexts[intent.account_id]
    if context.outside:
        return Reason.OUT_OF_SCOPE, context.outside
    person = _person(play, intent.account_id, world)
    if person is None:
        return Reason.NO_OWNER, "nobody active would get its tasks"
    if any(one.key in world.holds for one in before):
        return Reason.UNDONE, "its tasks were undone"
    is_news = play.trigger.kind == "signal"
    age = (today - intent.on).days if intent.on is not None else 0
    if is_news and play.trigger.days and age > play.trigger.days:
        return Reason.OLD_NEWS, f"it is {age} days old"
    if is_news and any(one.closed_on is None for one in context.saves):
        return Reason.SAVE_OPEN, "the customer is not well: help comes first"
    if is_news and intent.offer and any(one.offer == intent.offer for one in context.open_episodes):
        return Reason.PITCH_OPEN, f"{intent.offer} is proposed already"
    if intent.offer and any(one.brief.get("offer") == intent.offer for one in open_plays):
        return Reason.PLAY_OPEN, f"another play about {intent.offer} is going on"
    told = [one.brief.get("on") for one in before if play.trigger.kind != "dormant"]
    if intent.on is not None and intent.on.isoformat() in told:
        return Reason.PLAY_OPEN, "it was told of already"
    closed = max((one.closed_at.date() for one in before if one.closed_at), default=None)
    if closed is not None and closed + timedelta(days=play.quiet_days) > today and play.trigger.kind != "sale":
        return Reason.COOL_DOWN, f"the last one ended on {closed.isoformat()}"
    if taken.get(person, 0) >= play.per_owner_week:
        return Reason.PLAY_CAP, f"{taken[person]} new ones for this person within seven days"
    return None


def _held_out(play: Play, context: CrmContext, rules: Project) -> tuple[Reason, str] | None:
    is_held = rules.policy.holdout is not None and context.arm is Arm.HELD_OUT
    return (Reason.HELD_OUT, HELD_OUT) if play.proposes and is_held else None


def _over(episode: Episode, play: Play, customer: Customer) -> str:
    """Why an open play is over: what it waits for has happened. Empty while it goes on."""
    offer = episode.brief.get("offer")
    if play.stop == "used" and customer.uses(offer, episode.brief.get("had")):
        return f"{offer} is used"
    paid = {h.offer for one in customer.accounts for h in one.holdings.values() if h.mrr_minor > 0}
    if play.stop == "bought" and offer in paid:
        return f"{offer} is paid for"
    return ""


def _begun_lately(name: str, play: Play, world: World, today: date) -> Counter[str | None]:
    since = today - WEEK
    return Counter(
        _person(play, one.account_id, world)
        for one in world.episodes
        if one.need == PLAY_NEED + name and one.opened_at.date() > since
    )


def _person(play: Play, account_id: str, world: World) -> str | None:
    """Who gets its first task."""
    account = world.accounts.get(account_id)
    owner = world.owner(play.steps[0].role, account) if account is not None and play.steps else None
    return owner.id if owner is not None else None


def _ids(customer: Customer) -> tuple[str, ...]:
    return tuple(one.account_id for one in customer.accounts)


def _to(customer: Customer) -> date | None:
    return max((one.data_to for one in customer.accounts if one.data_to is not None), default=None)


def _of(customer: Customer) -> str | None:
    return customer.accounts[0].segment
