"""Warehouses of any size for `bench measure`, made in DuckDB from hashes: the same rows on every machine.

Usage lies in the order in which days arrive, as after so many daily pulls.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from connector.adapters.warehouse.duck import DuckWarehouse
from connector.config.settings import shipped
from connector.config.yamldoc import load
from connector.domain.catalogue import Catalogue, Limit, Metric, Offer
from connector.domain.pricing import Price

AS_OF = datetime(2026, 9, 30, 18, tzinfo=UTC)
PLANS = ("starter", "pro", "enterprise")
FOUR_METRICS = Catalogue(
    plans=PLANS,
    offers={name: Offer(label={"en": name}, pack=100 if name == "signature" else 1) for name in (*PLANS, "signature")},
    metrics={
        name: Metric(label={"en": name}, limit=limit)
        for name, limit in {
            "active_seats": Limit(quantity_of=PLANS),
            "storage_gb": Limit(by_plan={"starter": 10, "pro": 100, "enterprise": 1000}),
            "documents": Limit(per="month", by_plan={"starter": 500, "pro": 5000, "enterprise": None}),
            "envelopes": Limit(per="month", quantity_of=["signature"]),
        }.items()
    },
)
OFFERS = 20
"""What can be proposed in the world of `bench measure`: what we ship, and modules more."""


@dataclass(frozen=True)
class World:
    """How large a warehouse is: usage of four metrics on a share of so many days."""

    accounts: int
    days: int = 90
    share: float = 5 / 9
    whole: bool = False
    """With customers, prices, invoices and events, as a run needs them."""

    @property
    def usage_rows(self) -> int:
        return round(self.accounts * len(FOUR_METRICS.metrics) * self.days * self.share)


def make(path: Path, world: World) -> None:
    """Fill a new warehouse file."""
    warehouse = DuckWarehouse(path)
    connection = warehouse._connection  # its tables are filled from SQL, not from a billing source

    def fill(statement: str, **more: int) -> None:
        bound = {"accounts": world.accounts, "as_of": AS_OF, **more}
        connection.execute(statement, {name: value for name, value in bound.items() if f"${name}" in statement})

    told = round(world.share * 10_000)
    for day in range(world.days, 0, -30):
        fill(_USAGE, first=max(0, day - 30), last=day, told=told)
    for statement in (_ITEMS, *(_REST if world.whole else ())):
        fill(statement)
    if world.whole:
        _sell(connection, twenty_offers())
    warehouse.close()


def twenty_offers() -> Catalogue:
    """The catalogue we ship, with modules until twenty offers can be proposed."""
    catalogue = load(shipped() / "mappings" / "catalog.yaml", Catalogue).value
    offers = dict(catalogue.offers)
    proposed = sum(offer.need is not None for offer in offers.values())
    for number in range(OFFERS - proposed):
        offers[f"module_{number}"] = Offer(
            label={"en": f"Module {number}", "fr": f"Module {number}"},
            kind="cross_sell",
            lever="scope",
            need=f"need_{number}",
            list_price={"EUR": 5_000 + 100 * number},
        )
    return Catalogue(plans=catalogue.plans, offers=offers, metrics=catalogue.metrics)


def _sell(connection: Any, catalogue: Catalogue) -> None:
    for name, offer in catalogue.offers.items():
        if offer.list_price:
            spec = Price(currency="EUR", unit_amount=Decimal(offer.list_price["EUR"])).to_json()
            connection.execute(_PRICE, {"offer": name, "spec": spec})


_USAGE = """
INSERT INTO usage (account_id, source, day, metric, value, known_at, unit_stream, unit_id)
WITH days AS (SELECT unnest(range($first, $last)) AS back), metrics AS (
    SELECT unnest(['active_seats', 'storage_gb', 'documents', 'envelopes']) AS metric, unnest(range(4)) AS number
), accounts AS (SELECT unnest(range($accounts)) AS account)
SELECT printf('a%07d', account), 'bench', CAST($as_of AS DATE) - 1 - CAST(back AS INTEGER), metric,
    round((5 + hash(account, number) % 400) * (1 + (90 - back) * (hash(number, account) % 7) / 1000.0)
        * (0.7 + hash(back, account, number) % 600 / 1000.0)),
    CAST(CAST($as_of AS DATE) - CAST(back AS INTEGER) AS TIMESTAMPTZ), 'usage', 'bench'
FROM days, metrics, accounts WHERE hash(account, back, number) % 10000 < $told
ORDER BY back DESC, hash(account)
"""
_ITEMS = """
INSERT INTO subscription_item_versions BY NAME
WITH held AS (
    SELECT account, ['starter', 'pro', 'enterprise'][1 + account % 3] AS offer_id, 10.0 + account % 90 AS quantity,
    FROM range($accounts) AS t (account)
    UNION ALL SELECT account, 'signature', 3.0 FROM range($accounts) AS t (account) WHERE account % 2 = 1
)
SELECT printf('a%07d', account) AS account_id, account || '-' || offer_id AS item_id, 'bench' AS source,
    's' || account AS subscription_id, offer_id AS price_id, offer_id, quantity, 'active' AS status, 'EUR' AS currency,
    CAST(quantity * 3900 * CASE WHEN account % 8 = 1 THEN 0.9 ELSE 1 END AS BIGINT) AS mrr_minor,
    CAST(quantity * 3900 AS BIGINT) AS list_mrr_minor, CASE WHEN account % 4 = 0 THEN NULL
        WHEN account % 8 = 1 THEN '[[], [["10", null, "forever", []]]]' ELSE '[[], []]' END AS discounts,
    TIMESTAMPTZ '2025-01-01' AS valid_from, TIMESTAMPTZ '2025-01-01' AS known_at,
    'subscriptions' AS unit_stream, 's' || account AS unit_id
FROM held
"""
_PRICE = """
INSERT INTO prices BY NAME
SELECT $offer AS price_id, 'bench' AS source, $offer AS offer_id, 'EUR' AS currency, true AS recurring,
    false AS metered, 'month' AS interval, 1 AS interval_count, $spec AS spec, true AS active,
    TIMESTAMPTZ '2025-01-01' AS created_at, TIMESTAMPTZ '2025-01-01' AS known_at
"""
_REST = (
    """
INSERT INTO accounts BY NAME
SELECT printf('a%07d', account) AS account_id, 'bench' AS source, 'Customer ' || account AS name, 'FR' AS country,
    ['smb', 'mid', 'enterprise'][CAST(1 + hash(account) % 3 AS INTEGER)] AS segment,
    ['retail', 'health', 'building', 'legal'][CAST(1 + hash(account, 7) % 4 AS INTEGER)] AS industry,
    'EUR' AS currency, false AS is_test, false AS deleted, TIMESTAMPTZ '2025-01-01' AS created_at,
    TIMESTAMPTZ '2025-01-01' AS known_at
FROM range($accounts) AS t (account)
""",
    """
INSERT INTO subscriptions BY NAME
SELECT 's' || account AS subscription_id, 'bench' AS source, printf('a%07d', account) AS account_id,
    'active' AS status, 'EUR' AS currency,
    TIMESTAMPTZ '2025-01-01' - to_days(CAST(account % 365 AS INTEGER)) AS started_at,
    $as_of - to_days(10) AS period_start, $as_of + to_days(20) AS period_end,
    CASE WHEN account % 3 = 0 THEN 12 ELSE 1 END AS term_months, false AS paused, TIMESTAMPTZ '2025-01-01' AS known_at
FROM range($accounts) AS t (account)
""",
    """
INSERT INTO invoices BY NAME
SELECT 'i' || account || '-' || month AS invoice_id, 'bench' AS source, printf('a%07d', account) AS account_id,
    CASE WHEN month = 0 AND account % 25 = 0 THEN 'open' ELSE 'paid' END AS status, 'EUR' AS currency,
    39000 AS total_minor, $as_of - to_days(CAST(30 * month + 20 AS INTEGER)) AS created_at,
    $as_of - to_days(CAST(30 * month + 12 AS INTEGER)) AS due_at, false AS disputed,
    CASE WHEN month = 0 AND account % 25 = 0 THEN NULL ELSE $as_of - to_days(CAST(30 * month + 15 AS INTEGER)) END
        AS paid_at, $as_of - to_days(CAST(30 * month + 20 AS INTEGER)) AS known_at
FROM range($accounts) AS t (account), range(3) AS m (month)
""",
    """
INSERT INTO events BY NAME
SELECT printf('a%07d', account) AS account_id, 'bench' AS source, 'locked_feature_clicked' AS event,
    'module_' || (hash(account, one) % 8) AS detail, $as_of - to_days(CAST(hash(one, account) % 27 AS INTEGER))
        AS occurred_at, $as_of - to_days(CAST(hash(one, account) % 27 AS INTEGER)) AS known_at
FROM range($accounts) AS t (account), range(4) AS e (one) WHERE account % 4 <> 0
""",
)
