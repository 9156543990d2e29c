"""Accounts, contracts and invoices → one row per account: what it holds, owes, and when its contract turns.

The tables behind this are small (a few rows per account), so Ibis only picks what was true and known at the moment;
dates of renewals and anniversaries are counted here, row by row.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import lru_cache
from operator import itemgetter
from typing import Any

from connector.compute.breadth import of_use
from connector.compute.columns import InTurn
from connector.compute.contract_days import of_anniversary, term_of
from connector.compute.history import known
from connector.compute.peers import Peers, Segment
from connector.compute.rows import rows_of
from connector.domain.catalogue import Catalogue
from connector.domain.crm_facts import told
from connector.domain.features import AccountFeatures, BilledItem, Holding, MetricFeatures, OfferFeatures

LIVE = ("trialing", "active", "past_due", "unpaid", "paused")
"""Subscription statuses under which an item is still held."""
COMMITTED_MONTHS = 6
"""A shorter term renews by itself and has no renewal to talk about."""
DISPUTE_MEMORY_DAYS = 180
ESCALATED = ("support_escalation", "escalation_opened")
SETTLED = ("escalation_closed",)
SCORED = ("nps_response",)
OF_ACCOUNT = ("account_id", "name", "is_test", "country", "segment", "industry", "currency")
OF_SUBSCRIPTION = (
    *("account_id", "subscription_id", "started_at", "cancel_at", "trial_end", "status", "paused", "term_months"),
    *("period_start", "period_end"),
)
OF_ITEM = (
    *("account_id", "item_id", "offer_id", "price_id", "subscription_id", "quantity", "currency", "status"),
    *("mrr_minor", "list_mrr_minor", "discounts", "valid_from"),
)
"""The columns that are read of many rows."""
OF_PAY = ("currency", "mrr_minor")
OF_SEVERAL = ("subscriptions", "items", "invoices", "satisfaction")
"""What is read of an account besides itself, each in the order of accounts."""
Row = Mapping[str, Any]
Part = dict[str, Any]
"""Some of the fields of `AccountFeatures`."""


def items_in_force(tables: Mapping[str, Any], as_of: datetime) -> Any:
    """Item versions that were true and known at a moment, one per item, with their price's interval."""
    import ibis
    from ibis import _

    now = ibis.literal(as_of)
    told = newest(known(tables["subscription_item_versions"], as_of), ["item_id", "valid_from"], "known_at")
    held = told.filter(_.valid_from <= now, _.valid_to.isnull() | (_.valid_to > now), _.status.isin(LIVE))
    return newest(held, ["item_id"], "valid_from")


def newest(table: Any, keys: Sequence[str], by: str) -> Any:
    """The last row of each key."""
    import ibis
    from ibis import _

    last = ibis.window(group_by=list(keys), order_by=ibis.desc(by))
    return table.mutate(place=ibis.row_number().over(last)).filter(_.place == 0).drop("place")


def prices_known(tables: Mapping[str, Any], as_of: datetime) -> Any:
    """Prices known at a moment, one row each."""
    return newest(known(tables["prices"], as_of), ["price_id"], "known_at").order_by("price_id")


def account_expressions(tables: Mapping[str, Any], as_of: datetime) -> dict[str, Any]:
    """What `account_features` reads, by name."""
    from ibis import _

    accounts = newest(known(tables["accounts"], as_of), ["account_id"], "known_at")
    subscriptions = newest(known(tables["subscriptions"], as_of), ["subscription_id"], "known_at")
    return {
        "accounts": accounts.filter(~_.deleted).order_by("account_id").select(*OF_ACCOUNT),
        "subscriptions": subscriptions.order_by("account_id", "subscription_id").select(*OF_SUBSCRIPTION),
        "items": items_in_force(tables, as_of).order_by("account_id", "item_id").select(*OF_ITEM),
        "invoices": _invoices(tables, as_of),
        "event_count": known(tables["events"], as_of).aggregate(rows=_.count()),
        "satisfaction": _satisfaction(tables, as_of),
    }


def _satisfaction(tables: Mapping[str, Any], as_of: datetime) -> Any:
    import ibis
    from ibis import _

    told = known(tables["events"], as_of).filter(_.occurred_at <= ibis.literal(as_of))
    opened, closed, asked = _.event.isin(ESCALATED), _.event.isin(SETTLED), _.event.isin(SCORED)
    by_account = told.group_by("account_id")
    return by_account.aggregate(
        escalated=_.occurred_at.max(where=opened),
        settled=_.occurred_at.max(where=closed),
        scored=_.occurred_at.max(where=asked),
        score=_.detail.argmax(_.occurred_at, where=asked),
    ).order_by("account_id")


def _invoices(tables: Mapping[str, Any], as_of: datetime) -> Any:
    import ibis
    from ibis import _

    now = ibis.literal(as_of)
    issued = newest(known(tables["invoices"], as_of), ["invoice_id"], "known_at").filter(
        _.created_at <= now, _.status.isin(["open", "paid", "uncollectible"])
    )
    # An invoice paid since was still open then. Without a due date it was to be charged when it was made.
    unpaid = (_.paid_at.isnull() & (_.status == "open")) | (_.paid_at > now)
    due = _.due_at.fill_null(_.created_at)
    recent = _.created_at > ibis.literal(as_of - timedelta(days=DISPUTE_MEMORY_DAYS))
    by_account = issued.group_by("account_id")
    return by_account.aggregate(
        invoices=_.count(),
        overdue=_.count(where=unpaid & (due < now) & (_.total_minor > 0)),
        oldest_due=due.min(where=unpaid & (due < now) & (_.total_minor > 0)),
        disputes=_.count(where=_.disputed & recent),
    ).order_by("account_id")


def account_features(
    tables: Mapping[str, Any],
    intervals: Mapping[str, str],
    metrics_of: Callable[[str], Mapping[str, MetricFeatures]],
    catalogue: Catalogue,
    as_of: datetime,
) -> Iterator[AccountFeatures]:
    """Put together one row per account, in their order, of the tables that `account_expressions` gave.

    `intervals` tells each price's billing interval.
    """
    (counted,) = rows_of(tables["event_count"])
    events, today, usual = counted["rows"] or None, as_of.date(), _usual(tables, catalogue)
    subscriptions, billed, invoices, satisfaction = (_in_turn(tables[name]) for name in OF_SEVERAL)
    for row in rows_of(tables["accounts"]):
        account = row["account_id"]
        items = billed.of(account)
        held = _of_holdings(items, row["currency"], intervals, catalogue)
        counts = bool(items) and not row["is_test"] and held["mrr_minor"] > 0
        yield AccountFeatures(
            account_id=account,
            name=row["name"] or "",
            is_test=row["is_test"],
            country=row["country"],
            segment=row["segment"],
            industry=row["industry"],
            events=events,
            peers=usual.get((row["industry"], row["segment"]), ()) if counts else (),
            **held,
            **_of_contract(subscriptions.of(account), items, held["mrr_minor"], today),
            **_of_invoices(invoices.of(account), today),
            **_of_satisfaction(satisfaction.of(account)),
            **of_use(_owned(held, catalogue), metrics_of(account), catalogue),
        )


def _usual(tables: Mapping[str, Any], catalogue: Catalogue) -> Mapping[Segment, tuple[OfferFeatures, ...]]:
    """How usual each offer is in each segment: all who pay are counted before anybody is put together."""
    peers, billed = Peers(catalogue), _in_turn(tables["items"].select(["account_id", "offer_id", *OF_PAY]))
    for row in rows_of(tables["accounts"].select(["account_id", "is_test", "industry", "segment"])):
        items, paid = billed.of(row["account_id"]), Counter[str]()
        for item in items:
            paid[item["currency"]] += item["mrr_minor"]
        if max(paid.values(), default=0) > 0 and not row["is_test"]:
            held = frozenset(item["offer_id"] for item in items if item["offer_id"] in catalogue.offers)
            peers.count((row["industry"], row["segment"]), catalogue.with_contents(held))
    return peers.by_segment()


def _in_turn(table: Any) -> InTurn[Row]:
    return InTurn(rows_of(table), itemgetter("account_id"))


def _owned(holdings: Part, catalogue: Catalogue) -> frozenset[str]:
    return catalogue.with_contents(frozenset(holdings["holdings"]))


def _of_holdings(
    items: Sequence[Row], currency: str | None, intervals: Mapping[str, str], catalogue: Catalogue
) -> Part:
    mrr: dict[str, int] = defaultdict(int)
    holdings: dict[str, Holding] = {}
    for row in items:
        mrr[row["currency"]] += row["mrr_minor"]
        if row["offer_id"] in catalogue.offers:
            holdings[row["offer_id"]] = _merge(holdings.get(row["offer_id"]), _holding(row))
    plans = [plan for plan in catalogue.plans if plan in holdings]
    plan = plans[-1] if plans else None
    main = max(sorted(mrr), key=lambda currency: mrr[currency], default=currency)
    price_id = holdings[plan].price_id if plan else None
    return {
        "currency": main,
        "mrr_minor": mrr.get(main or "", 0),
        "mrr": _alike(tuple(mrr.items())),
        "holdings": holdings,
        "items": tuple(map(_billed, items)),
        "owned_offers": len(holdings),
        "plan": plan,
        "seats": holdings[plan].quantity if plan else None,
        "interval": intervals.get(price_id) if price_id else None,
    }


@lru_cache(maxsize=10_000)
def _alike(mrr: tuple[tuple[str, int], ...]) -> Mapping[str, int]:
    """Many customers pay the same."""
    return dict(mrr)


def _billed(row: Row) -> BilledItem:
    return BilledItem(
        item_id=row["item_id"],
        offer=row["offer_id"],
        price_id=row["price_id"],
        quantity=row["quantity"],
        currency=row["currency"],
        mrr_minor=row["mrr_minor"],
        subscription_id=row["subscription_id"],
        discounts=row["discounts"],
    )


def _holding(row: Row) -> Holding:
    return Holding(
        offer=row["offer_id"],
        quantity=row["quantity"] or 0.0,
        mrr_minor=row["mrr_minor"],
        list_mrr_minor=row["list_mrr_minor"],
        currency=row["currency"],
        since=row["valid_from"].date(),
        price_id=row["price_id"],
        subscription_id=row["subscription_id"],
        trialing=row["status"] == "trialing",
    )


def _merge(one: Holding | None, other: Holding) -> Holding:
    """Two items of one offer: quantities add up, the larger one's price and subscription stand for both."""
    if one is None:
        return other
    larger = max(one, other, key=lambda holding: (holding.mrr_minor, holding.quantity))
    same = one.currency == other.currency
    return replace(
        larger,
        quantity=one.quantity + other.quantity,
        mrr_minor=one.mrr_minor + other.mrr_minor if same else larger.mrr_minor,
        list_mrr_minor=one.list_mrr_minor + other.list_mrr_minor if same else larger.list_mrr_minor,
        since=min(one.since, other.since),
        trialing=one.trialing and other.trialing,
    )


def _of_contract(subscriptions: Sequence[Row], items: Sequence[Row], mrr_minor: int, today: date) -> Part:
    statuses, billed = {row["status"] for row in items}, {row["subscription_id"] for row in items}
    live = [row for row in subscriptions if row["subscription_id"] in billed]
    started = [row["started_at"].date() for row in live if row["started_at"]]
    ends = [row["cancel_at"].date() for row in live if row["cancel_at"]]
    trials = [row["trial_end"].date() for row in live if row["trial_end"] and row["status"] == "trialing"]
    term_start, renewal_on = _term(live, items, today)
    return {
        "subscribed": bool(items),
        "trialing": "trialing" in statuses and mrr_minor == 0,
        "past_due": "past_due" in statuses,
        "unpaid": "unpaid" in statuses,
        "paused": any(row["paused"] for row in live) or "paused" in statuses,
        "cancel_on": min(ends, default=None),
        "trial_ends_on": min(trials, default=None),
        "term_start": term_start,
        "renewal_on": renewal_on,
        "days_to_renewal": (renewal_on - today).days if renewal_on else None,
        **(of_anniversary(min(started), today) if started else {}),
    }


def _term(live: Sequence[Row], items: Sequence[Row], today: date) -> tuple[date | None, date | None]:
    """Start and end of the largest committed contract's term; nothing for plans that renew month by month."""
    worth: dict[str, int] = defaultdict(int)
    for item in items:
        worth[item["subscription_id"]] += item["mrr_minor"]
    committed = [
        row
        for row in live
        if (row["term_months"] or 0) >= COMMITTED_MONTHS and not row["cancel_at"] and row["started_at"]
    ]
    if not committed:
        return None, None
    largest = max(committed, key=lambda row: (worth[row["subscription_id"]], row["subscription_id"]))
    months, start, end = largest["term_months"], largest["period_start"], largest["period_end"]
    if start and end and end.date() > today and (end - start).days >= 28 * COMMITTED_MONTHS:
        return start.date(), end.date()
    return term_of(largest["started_at"].date(), months, today)


def with_crm(base: AccountFeatures, facts: Mapping[str, str], today: date) -> AccountFeatures:
    """Add what the CRM tells. Its contract date is a renewal where billing knows of no committed term."""
    ends = told("contract_on", facts)
    made = replace(base, crm=dict(facts))
    is_open = base.subscribed and base.renewal_on is None and base.cancel_on is None
    if not isinstance(ends, date) or ends < today or not is_open:
        return made
    return replace(made, renewal_on=ends, days_to_renewal=(ends - today).days)


def _of_invoices(rows: Sequence[Row], today: date) -> Part:
    if not rows:
        return {}
    (row,) = rows
    oldest = row["oldest_due"]
    return {
        "invoices": row["invoices"],
        "overdue_invoices": row["overdue"],
        "days_overdue": (today - oldest.date()).days if oldest else None,
        "disputes": row["disputes"],
    }


def _of_satisfaction(rows: Sequence[Row]) -> Part:
    if not rows:
        return {}
    (row,) = rows
    escalated, settled = row["escalated"], row["settled"]
    still_open = escalated is not None and (settled is None or settled < escalated)
    try:
        score = float(row["score"]) if row["score"] else None
    except ValueError:
        score = None
    return {
        "escalated_on": escalated.date() if still_open else None,
        "nps": score,
        "nps_on": row["scored"].date() if score is not None else None,
    }
