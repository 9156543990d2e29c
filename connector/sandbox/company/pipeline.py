"""What the sales team does in the CRM without the connector: opportunities won, lost and open, and some tasks.

Among the open ones are renewals, names that tell nothing, and the needs that a rep already works on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

import numpy as np

from connector.sandbox.company.accounts import stream
from connector.sandbox.company.calendar import month_of, period_around
from connector.sandbox.company.catalogue import PRODUCTS, Interval
from connector.sandbox.company.contracts import cut
from connector.sandbox.company.history import Life
from connector.sandbox.company.model import Contact, CrmAccount, Owner, PersonsOpportunity, PersonsTask, Subscription

RENEWAL_SIGHT = timedelta(days=120)
_LABELS = {
    "seats": {"en": "additional seats", "fr": "licences supplémentaires"},
    "prod_pro": {"en": "Upgrade to Pro", "fr": "Passage à Pro"},
    "prod_enterprise": {"en": "Upgrade to Enterprise", "fr": "Passage à Enterprise"},
    "signature_pack": {"en": "more envelopes", "fr": "enveloppes supplémentaires"},
}
_RENEWAL = {"en": "Renewal", "fr": "Renouvellement"}
_UNCLEAR = ("follow-up September", "next steps", "projet T4", "to be defined", "discussion with Sophie", "budget 2027")
_WORKED = {"prod_analytics": 3, "seats": 3, "prod_signature": 2, "prod_mobile": 1, "prod_pro": 1}
"""How many of the accounts that need an offer most have a rep working on it already."""
_TASKS = {
    "en": ("Call about the invoice", "Send the order form", "Prepare the quarterly review", "Check the integration"),
    "fr": (
        "Appeler au sujet de la facture",
        "Envoyer le bon de commande",
        "Préparer la revue",
        "Vérifier l'intégration",
    ),
}


@dataclass(frozen=True)
class Desk:
    """What is needed to make up the team's own work."""

    seed: int
    as_of: date
    accounts: list[CrmAccount]
    contacts: list[Contact]
    lives: dict[str, Life]
    owners: tuple[Owner, ...]

    def locale(self, account: CrmAccount) -> str:
        return next(owner.locale for owner in self.owners if owner.key == account.owner)

    def contact(self, account: CrmAccount) -> str | None:
        return next((one.key for one in self.contacts if one.account == account.key), None)

    def life(self, account: CrmAccount) -> Life | None:
        return next((self.lives[one] for one in account.billing if one in self.lives), None)

    def currency(self, account: CrmAccount) -> str:
        life = self.life(account)
        return "eur" if life is None else life.account.currency

    def moment(self, day: date, hour: int = 10) -> datetime:
        return datetime.combine(day, time(hour), UTC)


def opportunities_of(desk: Desk) -> list[PersonsOpportunity]:
    """Every opportunity that people made, each account's together."""
    working = _needs_worked_on(desk)
    made: list[PersonsOpportunity] = []
    for place, account in enumerate(desk.accounts):
        rng = stream(desk.seed, "opps", place)
        drafts = [*_past(desk, account, rng), *_open(desk, account, rng), *working.get(account.key, ())]
        made.extend(_numbered(account, drafts))
    return made


def _numbered(account: CrmAccount, drafts: list[PersonsOpportunity]) -> Iterator[PersonsOpportunity]:
    for number, draft in enumerate(drafts):
        yield replace(draft, key=f"{account.key}-o{number}")


def _draft(
    desk: Desk,
    account: CrmAccount,
    title: str,
    stage: str,
    kind: str,
    opened: date,
    closes: date,
    *,
    touched: date | None = None,
    amount: int | None = None,
    need: str | None = None,
) -> PersonsOpportunity:
    """An opportunity without its key; one that is over was last touched when it was closed."""
    last = touched or (closes if stage in ("won", "lost") else opened)
    return PersonsOpportunity(
        key="",
        account=account.key,
        name=f"{account.name} – {title}"[:120],
        stage=stage,
        kind=kind,
        amount=amount,
        currency=desk.currency(account),
        owner=account.owner,
        created=desk.moment(max(opened, account.created.date() + timedelta(days=1))),
        touched=desk.moment(min(last, desk.as_of), 15),
        closes=closes,
        contact=desk.contact(account),
        need=need,
    )


def _past(desk: Desk, account: CrmAccount, rng: np.random.Generator) -> Iterator[PersonsOpportunity]:
    """First deals, purchases that a person had worked on, and some that came to nothing."""
    life = desk.life(account)
    if life is None:
        return
    luck, loses, when = rng.random(), rng.random() < 0.12, int(rng.integers(60, 500))
    amount = int(rng.integers(6, 240)) * 10_000
    start = life.terms.anchor
    if luck < 0.5 and start <= desk.as_of and not account.key.endswith("-b"):
        opened = start - timedelta(days=40)
        yield _draft(desk, account, "New business", "won", "new", opened, start, amount=amount)
    for offer, day in life.purchases:
        if rng.random() < 0.4 and day <= desk.as_of:
            opened = day - timedelta(days=int(rng.integers(10, 70)))
            title = _title(offer, desk.locale(account))
            yield _draft(desk, account, title, "won", "expansion", opened, day, amount=amount // 4, need=offer)
    closes = desk.as_of - timedelta(days=when)
    if loses and closes > account.created.date():
        title = _title("prod_automation" if luck < 0.5 else "prod_mobile", desk.locale(account))
        opened = closes - timedelta(days=35)
        yield _draft(desk, account, title, "lost", "expansion", opened, closes, amount=amount // 4)


def _open(desk: Desk, account: CrmAccount, rng: np.random.Generator) -> Iterator[PersonsOpportunity]:
    """Renewals in sight, talks nobody can read from their name, and new business with prospects."""
    renews, unclear, which, ago = (
        rng.random() < 0.45,
        rng.random() < 0.03,
        int(rng.integers(6)),
        int(rng.integers(3, 75)),
    )
    life, today = desk.life(account), desk.as_of
    opened = today - timedelta(days=ago)
    if not account.billing:
        closes = today + timedelta(days=ago + 10)
        yield _draft(desk, account, "New business", "discovery", "new", opened, closes, amount=ago * 50_000)
        return
    subscription = cut(desk.seed, life, today) if life else None
    ends = renewal_of(subscription, today)
    if renews and ends is not None and ends - today <= RENEWAL_SIGHT:
        title = f"{_RENEWAL[desk.locale(account)]} {ends.year}"
        yield _draft(desk, account, title, "proposal", "renewal", opened, ends)
    if unclear and subscription is not None and subscription.status == "active":
        closes = today + timedelta(days=45)
        yield _draft(desk, account, _UNCLEAR[which], "discovery", "expansion", opened, closes, amount=300_000)


def renewal_of(subscription: Subscription | None, today: date) -> date | None:
    """The day on which the running yearly term ends; a contract that was cancelled has none."""
    if subscription is None or subscription.interval is not Interval.YEAR or subscription.canceled_on:
        return None
    if subscription.status not in ("active", "past_due"):
        return None
    anchor = subscription.trial_end or subscription.start
    return period_around(anchor, subscription.interval, today)[1]


def _needs_worked_on(desk: Desk) -> dict[str, list[PersonsOpportunity]]:
    """The accounts that need an offer most, where a rep found that out alone: clear matches in good health."""
    month = month_of(desk.as_of)
    made: dict[str, list[PersonsOpportunity]] = {}
    twins = {account.key for account in desk.accounts if account.key.endswith("-b")}
    twins |= {key.removesuffix("-b") for key in twins}
    by_billing = {one: account for account in desk.accounts if account.key not in twins for one in account.billing}
    well = [
        life
        for life in desk.lives.values()
        if life.account.id in by_billing
        and (life.notice is None or life.notice > desk.as_of)
        and not life.drivers.unhealthy[month]
    ]
    for offer, count in _WORKED.items():
        needy = sorted(
            (-need, life.account.number, life.account.id)
            for life in well
            for at, needed, need, _ in life.truth
            if at == month and needed == offer and need >= 0.5
        )
        for place, (_, _, billing) in enumerate(needy[1 : 1 + count]):
            account = by_billing[billing]
            made.setdefault(account.key, []).append(_worked_on(desk, account, offer, place))
    return made


def _worked_on(desk: Desk, account: CrmAccount, offer: str, place: int) -> PersonsOpportunity:
    title = _title(offer, desk.locale(account))
    opened = desk.as_of - timedelta(days=12 + 9 * place)
    return _draft(
        desk,
        account,
        f"20 {title}" if offer == "seats" else title,
        ("discovery", "proposal", "negotiation")[place % 3],
        "expansion",
        opened,
        desk.as_of + timedelta(days=30 + 15 * place),
        touched=opened + timedelta(days=5),
        amount=180_000,
        need=offer,
    )


def _title(offer: str, locale: str) -> str:
    return _LABELS[offer][locale] if offer in _LABELS else PRODUCTS[offer].name


def tasks_of(desk: Desk) -> list[PersonsTask]:
    """Things people mean to do or have done, at one account in eight."""
    made = []
    for place, account in enumerate(desk.accounts):
        rng = stream(desk.seed, "tasks", place)
        has_one, which, ago, done = (
            rng.random() < 0.12,
            int(rng.integers(4)),
            int(rng.integers(1, 60)),
            rng.random() < 0.6,
        )
        if has_one:
            created = desk.as_of - timedelta(days=ago)
            made.append(
                PersonsTask(
                    key=f"{account.key}-t0",
                    account=account.key,
                    subject=_TASKS[desk.locale(account)][which],
                    due=created + timedelta(days=14),
                    done=bool(done),
                    owner=account.owner,
                    created=desk.moment(created),
                    contact=desk.contact(account),
                )
            )
    return made
