"""The feature expressions are one text for every engine: they compile for those that people run their usage on."""

from __future__ import annotations

from datetime import UTC, datetime

import ibis
import pytest

from connector.compute.accounts import account_expressions, items_in_force, prices_known
from connector.compute.features import event_features, metric_features
from connector.compute.tables import TABLES
from connector.domain.catalogue import Catalogue

NOW = datetime(2026, 11, 22, 18, tzinfo=UTC)


@pytest.mark.parametrize("dialect", ["duckdb", "postgres", "bigquery", "snowflake"])
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
