"""What the mapping meets in the data: fields that are empty for many, accounts that match none or several, products
that nothing maps. These are notes, not mistakes: the numbers say whether they matter.

Read from what was pulled and followed last, so that looking costs no call; a CRM that was never followed is read once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from connector.compute.history import current
from connector.compute.rows import rows_of
from connector.domain.account import BillingAccount, CrmAccount
from connector.domain.change import CrmRecord, RecordType
from connector.domain.errors import Problem
from connector.domain.link import LinkState
from connector.domain.project import Project
from connector.ports.billing import Warehouse
from connector.services.customers import billing_accounts
from connector.services.match import match
from connector.services.work import Work
from connector.services.world import crm_accounts, read_names, survivors

WORTH_TELLING = 0.2
"""A field that is empty for a smaller share than this is as fields are."""
MOST = 5


def data_notes(work: Work) -> list[Problem]:
    """Look at what was pulled from billing, and at the CRM's accounts."""
    with work.warehouse() as warehouse:
        customers = [one for one in billing_accounts(warehouse) if not one.is_test]
        unknown = _unmapped(warehouse)
    if not customers:
        return [
            Problem(
                "nothing was pulled from billing yet",
                hint="`connector link suggest` reads it and writes nothing; then look again",
            )
        ]
    records = _records(work)
    accounts = list(crm_accounts(records, work.mapping).values())
    return [
        *_matching(work, customers, accounts, records),
        *_products(work.project, unknown),
        *_empty_in_billing(customers),
        *_empty_in_crm(work, accounts),
    ]


def _records(work: Work) -> list[CrmRecord]:
    destination = work.crm.reader.destination().id
    known = list(work.memory.mirror.records(destination, RecordType.ACCOUNT))
    if known:
        return known
    there = work.crm.reader.schema(RecordType.ACCOUNT).fields
    names = [name for name in read_names(work.mapping, RecordType.ACCOUNT) if name in there]
    return list(work.crm.feed.changed(RecordType.ACCOUNT, names, None))


def _matching(
    work: Work, customers: Sequence[BillingAccount], accounts: Sequence[CrmAccount], records: Sequence[CrmRecord]
) -> Iterator[Problem]:
    standing = work.memory.links.all(work.crm.reader.destination().id)
    decisions = match(customers, accounts, standing, survivors(records), datetime.now(UTC))
    states = Counter(decision.state for decision in decisions)
    if none := states[LinkState.UNMATCHED]:
        shown = f"{_share(none, len(customers))} of {len(customers):,} billing accounts match no CRM account"
        cure = "map `account.billing_id` or `account.domain`, or settle them with `connector link set`"
        yield Problem(f"{shown}: nothing is proposed to them", hint=cure)
    if several := states[LinkState.AMBIGUOUS]:
        shown = f"{_share(several, len(customers))} of {len(customers):,} billing accounts match several CRM accounts"
        yield Problem(f"{shown}: they are held", hint="see `connector link list --state ambiguous`")


def _unmapped(warehouse: Warehouse) -> list[Mapping[str, Any]]:
    """Products that somebody pays for and no rule names, by the subscriptions that hold them."""
    prices = current(warehouse.tables()["prices"])
    items = current(warehouse.tables()["subscription_item_versions"])
    wanted = prices.filter(prices.recurring).select("price_id", "product_id", "product_name")
    named = {row["price_id"]: row for row in rows_of(warehouse.execute(wanted))}
    live = items.filter(items.valid_to.isnull() & items.offer_id.isnull())
    used = rows_of(warehouse.execute(live.select("price_id", "subscription_id", "source")))
    return [{**row, **named.get(row["price_id"], {})} for row in used]


def _products(project: Project, unknown: Sequence[Mapping[str, Any]]) -> Iterator[Problem]:
    held = Counter((row["source"], row.get("product_id") or "?", row.get("product_name") or "") for row in unknown)
    for (source, product, name), count in held.most_common(MOST):
        shown = f"{source}: product {product}" + (f" ({name})" if name else "") + f", in {count:,} subscriptions"
        document = f"mappings/billing/{source}.yaml"
        cure = f"add `- {{offer: …, product: {product}}}` under `offers` there; until then nothing is concluded from it"
        yield Problem(f"{shown}, is no offer of the catalogue", project.at(document, "offers"), cure)


def _empty_in_billing(customers: Sequence[BillingAccount]) -> Iterator[Problem]:
    for name in ("domain", "country", "segment", "industry"):
        empty = sum(not getattr(one, name) for one in customers)
        if empty > WORTH_TELLING * len(customers):
            shown = f"billing tells no {name} for {_share(empty, len(customers))} of {len(customers):,} accounts"
            yield Problem(shown, hint=f"map it in mappings/billing/, or do without what asks for a {name}")


def _empty_in_crm(work: Work, accounts: Sequence[CrmAccount]) -> Iterator[Problem]:
    """Fields of the mapping that tell nothing for many accounts. Facts start empty: that is what tasks ask for."""
    mapped = work.mapping.account
    fields = {"domain": mapped.domain, "billing_id": mapped.billing_id, "country": mapped.country}
    shown_as = {"owner_id": mapped.owner, **fields, "language": mapped.language}
    document = f"mappings/{work.mapping.name}.yaml"
    for part, name in shown_as.items():
        empty = sum(not getattr(account, part) for account in accounts)
        if name and empty > WORTH_TELLING * len(accounts):
            at = work.project.at(document, "account", part.removesuffix("_id") if part == "owner_id" else part)
            shown = f"{name} is empty for {_share(empty, len(accounts))} of {len(accounts):,} CRM accounts"
            yield Problem(shown, at, "map another field, or fill it in the CRM")


def _share(some: int, of: int) -> str:
    return f"{some:,} ({round(100 * some / of)} %)"
