"""Puts the demo company together, step by step; frozen: the tests pin a hash of what it makes.

A later issue is judged on this world, so a change of what it contains needs a generator with a new name beside it.
"""

from __future__ import annotations

import hashlib
from datetime import date

from connector.sandbox.company.accounts import make_accounts
from connector.sandbox.company.calendar import month_of, month_start
from connector.sandbox.company.contracts import cut
from connector.sandbox.company.crm import crm_world
from connector.sandbox.company.events import draw_events
from connector.sandbox.company.history import Life, live
from connector.sandbox.company.invoices import invoices_of, manual_invoices
from connector.sandbox.company.model import (
    Account,
    AccountKind,
    Company,
    Dispute,
    Invoice,
    Subscription,
    moment_of_cut,
)
from connector.sandbox.company.payments import disputes_of, settle
from connector.sandbox.company.terms import draw_terms
from connector.sandbox.company.truth import TruthRow
from connector.sandbox.company.usage import Use, draw_use, usage_table

EARLIEST, LATEST = date(2025, 10, 1), date(2026, 12, 31)
"""The days at which the world can be cut: a year and a half of history before, 90 days of outcomes after."""


def generate(seed: int = 7, as_of: date = date(2026, 9, 30), customers: int = 420) -> Company:
    """Make the demo company as it stands at the end of a day; the same arguments make the same company."""
    if not EARLIEST <= as_of <= LATEST:
        raise ValueError(f"as_of {as_of} is outside the demo's world: choose a day from {EARLIEST} to {LATEST}")
    if customers < 40:
        raise ValueError(f"{customers} customers are too few for every kind of them: choose 40 or more")
    everybody = make_accounts(seed, customers)
    lives = _lives(seed, as_of, everybody)
    uses = {life.account.id: draw_use(seed, life) for life in lives}
    subscriptions: list[Subscription] = []
    invoices: list[Invoice] = []
    disputes: list[Dispute] = []
    for life in lives:
        subscription = cut(seed, life, as_of)
        if subscription is None:
            continue
        subscriptions.append(subscription)
        billed, disputed = _billing(seed, life, subscription, uses[life.account.id], as_of)
        invoices.extend(billed)
        disputes.extend(disputed)
    accounts = tuple(one for one in everybody if one.created.date() <= as_of and not one.deleted)
    shown = [life for life in lives if not life.account.deleted]
    return Company(
        seed=seed,
        as_of=as_of,
        accounts=accounts,
        subscriptions=tuple(subscriptions),
        invoices=tuple(invoices),
        disputes=tuple(disputes),
        usage=usage_table([uses[life.account.id] for life in shown], as_of),
        events=draw_events(seed, shown, disputes, as_of),
        crm=crm_world(seed, accounts, shown, as_of),
        truth=tuple(row for life in shown for row in _truth(life, as_of)),
    )


def fingerprint(company: Company) -> dict[str, str]:
    """A hash of each part of the company, to see that it is still the same world."""
    usage = company.usage
    columns = [usage[name].combine_chunks().dictionary_encode() for name in ("account_id", "metric")]
    numbers = [usage["day"].cast("int32").to_numpy(), usage["value"].to_numpy()]
    return {
        "billing": _digest(company.accounts, company.subscriptions, company.invoices, company.disputes),
        "usage": _digest(
            *(column.dictionary.to_pylist() for column in columns),
            *(column.indices.to_numpy().tobytes() for column in columns),
            *(column.tobytes() for column in numbers),
        ),
        "events": _digest(company.events),
        "crm": _digest(company.crm),
        "truth": _digest(company.truth),
    }


def _digest(*parts: object) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part if isinstance(part, bytes) else repr(part).encode())
    return digest.hexdigest()[:16]


def _lives(seed: int, as_of: date, accounts: list[Account]) -> list[Life]:
    """The lives of all accounts with a contract by a day; half of the duplicates never had one."""
    weekly = [a for a in accounts if _suits_weekly(a)][:3]
    return [
        live(seed, account, draw_terms(seed, account, account in weekly))
        for account in accounts
        if account.created.date() <= as_of and not (account.kind is AccountKind.DUPLICATE and account.number % 2)
    ]


def _suits_weekly(account: Account) -> bool:
    early = account.created.date() < date(2026, 1, 1)
    return account.kind is AccountKind.CUSTOMER and account.segment == "smb" and early and not account.deleted


def _billing(
    seed: int, life: Life, subscription: Subscription, use: Use, as_of: date
) -> tuple[list[Invoice], list[Dispute]]:
    account, now = life.account, moment_of_cut(as_of)
    unhealthy = bool(life.drivers.unhealthy[month_of(as_of)])
    billed = invoices_of(seed, account, subscription, use, as_of)
    paid = settle(seed, account.number, subscription, billed, unhealthy, now)
    by_hand = []
    if account.kind in (AccountKind.CUSTOMER, AccountKind.SUBSIDIARY):
        end = min(subscription.ends_on or as_of, as_of)
        by_hand = [one for one in manual_invoices(seed, account, subscription.start, end) if one.created <= now]
    return paid + by_hand, disputes_of(seed, account.number, paid, unhealthy, now)


def _truth(life: Life, as_of: date) -> list[TruthRow]:
    """The rows of the months that had begun by the cut; what happened after it stays in, for judging."""
    made = []
    for month, offer, need, probability in life.truth:
        start = month_start(month)
        if start > as_of:
            break
        bought = (day for bought_offer, day in life.purchases if bought_offer == offer and day >= start)
        made.append(
            TruthRow(
                account=life.account.id,
                offer=offer,
                month=start,
                need=round(need, 6),
                champion=round(float(life.drivers.champion[month]), 6),
                budget_open=bool(life.drivers.budget_open[month]),
                competitor=bool(life.drivers.competitor[month]),
                unhealthy=bool(life.drivers.unhealthy[month]),
                p_adopt_90d=round(probability, 9),
                adopted_on=next(bought, None),
            )
        )
    return made
