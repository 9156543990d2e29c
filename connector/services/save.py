"""Whom to help instead of pitching to: a save task for the unhealthy, most recurring revenue at stake first.

It asks the same questions as the gates, so whoever gets one gets no pitch in the same run; and an account that has an
open proposal of ours gets none, because its owner talks to it already. Capped by person and week, and quiet for a
while after the last one was closed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from connector.domain.catalogue import Language, Texts
from connector.domain.features import AccountFeatures
from connector.domain.health import QUESTIONS
from connector.domain.intent import Held, SaveIntent
from connector.domain.money import FxTable, Money
from connector.domain.occupied import CrmContext
from connector.domain.play import SAVE, Save
from connector.domain.policy import GatesPolicy, No, Reason
from connector.services.texts import render

WEEK = timedelta(days=7)
Customer = tuple[CrmContext, Sequence[AccountFeatures]]


def saves(
    customers: Sequence[Customer], book: Save, policy: GatesPolicy, fx: FxTable, today: date
) -> tuple[list[SaveIntent], list[Held]]:
    """Choose whom to save, and say why not the others that are unhealthy."""
    unhealthy = []
    for context, accounts in customers:
        reasons = wrong(accounts, book, policy, today)
        if reasons:
            unhealthy.append((context, _intent(context, accounts, reasons, book, policy, fx, today)))
    taken = Counter(context.csm_id for context, _ in customers for one in context.saves if one.opened_on > today - WEEK)
    chosen, held = [], []
    for context, intent in sorted(unhealthy, key=lambda one: (-one[1].mrr.minor, one[1].account_id)):
        is_going_on = any(one.closed_on is None for one in context.saves)
        no = None if is_going_on else _no(context, intent, taken[context.csm_id], book, today)
        if no is not None:
            held.append(Held(context.account_id, SAVE, no.reason, no.detail))
            continue
        chosen.append(intent)
        taken[context.csm_id] += not is_going_on
    return chosen, held


def wrong(accounts: Sequence[AccountFeatures], book: Save, policy: GatesPolicy, today: date) -> list[No]:
    """What is wrong with a running customer (all its billing accounts), as far as the playbook has words for it."""
    if not any(account.subscribed for account in accounts) or accounts[0].is_test:
        return []
    answers = (question(accounts, policy.health, today) for question in QUESTIONS.values())
    return [no for no in answers if no is not None and no.reason.value in book.reasons]


def _no(context: CrmContext, intent: SaveIntent, taken: int, book: Save, today: date) -> No | None:
    if context.outside:
        return No(Reason.OUT_OF_SCOPE, context.outside)
    if context.csm_id is None:
        return No(Reason.NO_OWNER, "nobody active would get the save task")
    if intent.mrr.minor < book.minimum_mrr:
        return No(Reason.TOO_SMALL, f"{intent.mrr.major:.0f} {intent.mrr.currency} a month at stake")
    if any(one.is_undone for one in context.saves):
        return No(Reason.UNDONE, "its save task was undone")
    if context.open_episodes:
        return No(Reason.PITCH_OPEN, f"{context.open_episodes[0].need} is proposed: its owner is in touch")
    closed = max((one.closed_on for one in context.saves if one.closed_on is not None), default=None)
    if closed is not None and closed + timedelta(days=book.quiet_days) > today:
        return No(Reason.COOL_DOWN, f"the last one was closed on {closed.isoformat()}")
    if taken >= book.per_owner_week:
        return No(Reason.SAVE_CAP, f"{taken} new save tasks for this person within seven days")
    return None


def _intent(
    context: CrmContext,
    accounts: Sequence[AccountFeatures],
    reasons: Sequence[No],
    book: Save,
    policy: GatesPolicy,
    fx: FxTable,
    today: date,
) -> SaveIntent:
    to = policy.reporting_currency
    each = (fx.convert(Money(one.mrr_minor, one.currency or to), to, today) for one in accounts)
    told = [book.reasons[no.reason.value] for no in reasons]  # type: ignore[index]
    return SaveIntent(
        context.account_id,
        tuple(account.account_id for account in accounts),
        tuple(
            (no.reason.value, _in_words(told.why, no.numbers), _in_words(told.next, no.numbers))
            for no, told in zip(reasons, told, strict=True)
        ),
        sum(each, Money(0, to)),
        max((one.data_to for one in accounts if one.data_to is not None), default=today),
    )


def _in_words(texts: Texts, numbers: Mapping[str, object]) -> Texts:
    languages: Sequence[Language] = tuple(texts)
    return {language: render(texts[language], language, numbers, "playbooks/save.yaml") for language in languages}
