"""What judging the past costs a large vendor: `connector backtest` over twelve months, in a process of its own.

The demo company's customers are copied under new ids until there are enough: history, usage and purchases are as
uneven as its own. Making the file is not counted.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from goals import Figure, Report

SEED, BASE, MONTHS, TOP = 1, 500, 12, 50
AS_OF = date(2026, 10, 1)
MOST_SECONDS, MOST_MB = 300.0, 1_000.0
IDS = ("account_id", "parent_id", "item_id", "subscription_id", "invoice_id")


def bench_backtest(customers: int) -> Iterable[Report]:
    """Make the warehouse and judge it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "warehouse.duckdb"
        made, cost = (_child(way, path, customers) for way in ("make", "judge"))
    told = {"customers": made["customers"], "usage rows": made["usage"], "months": MONTHS, "pairs": cost["pairs"]}
    yield Report(
        "backtest",
        f"{MONTHS} months, {cost['share']:.0%} of the customers measured",
        told,
        [
            Figure("seconds", cost["seconds"], "s", MOST_SECONDS),
            Figure("processor", cost["processor"], "s", None),
            Figure("peak memory", cost["peak_mb"], "MB", MOST_MB),
        ],
    )


def _child(way: str, path: Path, customers: int) -> dict[str, Any]:
    done = subprocess.run(  # noqa: S603 - ourselves
        [sys.executable, __file__, way, str(path), str(customers)], stdout=subprocess.PIPE, check=True
    )
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def _make(path: Path, customers: int) -> dict[str, Any]:
    from company_tables import fill

    from connector.adapters.warehouse import DuckWarehouse
    from connector.compute.tables import TABLES
    from connector.config.project import load_project
    from connector.config.settings import shipped
    from connector.sandbox.company import generate

    warehouse = DuckWarehouse(path)
    connection = warehouse._connection  # its tables are filled from SQL, not from a billing source
    company = generate(seed=SEED, as_of=AS_OF, customers=min(BASE, customers))
    fill(connection, company, load_project(shipped(), ["stripe"], None).catalogue)
    for table in TABLES:
        columns = warehouse.tables()[table].columns
        if "account_id" in columns:
            renamed = ", ".join(f"{name} || '-' || copy AS {name}" for name in IDS if name in columns)
            connection.execute(
                f"INSERT INTO {table} BY NAME SELECT * EXCLUDE (copy) REPLACE ({renamed}) "  # noqa: S608 - our own names
                f"FROM {table}, (SELECT unnest(range(1, {customers // BASE})) AS copy)"
            )
    rows = {name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in ("accounts", "usage")}  # noqa: S608
    warehouse.close()
    return {"customers": rows["accounts"], "usage": rows["usage"]}


def _judge(path: Path, _customers: int) -> dict[str, Any]:
    from planning_child import peak

    from connector.adapters.warehouse import LITTLE, DuckWarehouse
    from connector.cli import collect_seldom, without_pandas
    from connector.config.project import load_project
    from connector.config.settings import shipped
    from connector.services.backtest import Ask, backtest
    from connector.services.propensity_history import Rulebook

    collect_seldom()
    without_pandas()
    began, used = perf_counter(), process_time()
    project = load_project(shipped(), ["stripe"], None)
    book = Rulebook(project.catalogue, project.signals, project.policy, project.fx)
    warehouse = DuckWarehouse(path, memory_limit=LITTLE)
    told = backtest(warehouse, book, datetime.combine(AS_OF, datetime.min.time(), UTC), Ask(MONTHS, TOP))
    warehouse.close()
    return {
        "seconds": perf_counter() - began,
        "processor": process_time() - used,
        "peak_mb": peak(),
        "share": told["share"],
        "pairs": sum(one["rows"] for one in told["windows"]),
    }


if __name__ == "__main__":
    way, file, many = sys.argv[1:]
    sys.stdout.write(json.dumps({"make": _make, "judge": _judge}[way](Path(file), int(many))))
