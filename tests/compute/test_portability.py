"""The feature expressions are one text for every engine: they compile for those that people run their usage on."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import ibis
import pytest

from connector.adapters.warehouse.engines import NEEDED, completed
from connector.compute.accounts import account_expressions, items_in_force, prices_known
from connector.compute.features import event_features, held_quantities, metric_features, usage_features
from connector.compute.freshness import feeds, used
from connector.compute.tables import TABLES
from connector.domain.catalogue import Catalogue, Limit, Metric, Offer

NOW = datetime(2026, 11, 22, 18, tzinfo=UTC)
GOLDEN = Path(__file__).parent / "golden"
SMALL = Catalogue(
    plans=["pro"],
    offers={"pro": Offer(label={"en": "Pro"})},
    metrics={"seats": Metric(label={"en": "seats"}, limit=Limit(quantity_of=["pro"]))},
)


@pytest.mark.parametrize("dialect", ["duckdb", "postgres", "bigquery", "snowflake", "databricks"])
def test_every_expression_compiles(catalogue: Catalogue, dialect: str) -> None:
    """No operation is used that an engine lacks."""
    tables = {name: ibis.table(columns, name=name) for name, columns in TABLES.items()}
    expressions = {
        "usage": metric_features(tables, items_in_force(tables, NOW), catalogue, NOW),
        "events": event_features(tables, NOW),
        "prices": prices_known(tables, NOW),
        **account_expressions(tables, NOW),
    }

    compiled = {name: str(ibis.to_sql(expression, dialect=dialect)) for name, expression in expressions.items()}

    assert all("SELECT" in sql for sql in compiled.values())


@pytest.mark.parametrize("dialect", ["bigquery", "snowflake", "databricks"])
def test_engines_that_we_cannot_run_are_asked_what_stands_here(dialect: str) -> None:
    """What usage is asked there, over a table with the needed columns only: written out, so that a change is seen."""
    tables = {"usage": completed(ibis.table({name: TABLES["usage"][name] for name in NEEDED}, name="usage"))}
    items = ibis.table(TABLES["subscription_item_versions"], name="items")
    held = ibis.table(held_quantities(items, SMALL).schema(), name="held")
    asked = [usage_features(tables, held, SMALL, NOW), feeds(tables, NOW), used(tables, NOW.date())]

    sql = ";\n\n".join(str(ibis.to_sql(one, dialect=dialect)) for one in asked) + ";\n"

    golden = GOLDEN / f"{dialect}.sql"
    assert sql == (golden.read_text("utf-8") if golden.exists() else ""), f"write {golden.name} anew if that is meant"
