"""Usage that lies in the user's own PostgreSQL leads to the same plan as usage that was pulled."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from postgres import with_usage

from connector.compute.tables import TABLES
from tests.e2e.world import World

pytestmark = pytest.mark.parametrize("crm", ["hubspot"])


def planned(world: World, **env: str) -> list[dict[str, Any]]:
    """The changes that a plan would make, everything measured anew; without the moment at which the CRM was read."""
    file, world.env = world.folder / "plan.json", {**world.env, **env}
    ran = world.run("plan", "--out", str(file), "--json", fresh=True)
    assert ran.code == 0, ran.err
    changes: list[dict[str, Any]] = json.loads(file.read_text("utf-8"))["changes"]
    return [{name: value for name, value in change.items() if name != "read_at"} for change in changes]


def usage_of(world: World) -> pa.Table:
    """The usage that a world has pulled."""
    (file,) = world.state.glob("*.duckdb")
    with duckdb.connect(str(file), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        columns = ", ".join(TABLES["usage"])
        return connection.execute(f"SELECT {columns} FROM usage").to_arrow_table()


def test_usage_in_postgresql_plans_the_same(again: Callable[[str], World]) -> None:
    """The same changes, to the word; and it is that table which is read: without its rows other things are planned."""
    here = again("here")
    expected = planned(here)
    usage = usage_of(here)
    told, empty = (f"{with_usage(rows)}&table=facts.usage" for rows in (usage, usage.slice(0, 0)))

    assert planned(again("there"), CONNECTOR_USAGE_URL=told) == expected
    assert planned(again("nowhere"), CONNECTOR_USAGE_URL=empty) != expected
    assert usage.num_rows > 10_000
