"""One side of `bench measure` in a process of its own: seconds, processor seconds and peak memory as one JSON object.

`measure_child.py make|export|ours|sql|polars|pandas|decide FILE …`. All sides read the same rows: data frames read them
from Parquet that was written from the same file.
"""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from frames import FRAMES
from measure_data import AS_OF, FOUR_METRICS, World, make, twenty_offers
from planning_child import peak

FEATURES_SQL = Path(__file__).with_name("features.sql")


def main() -> None:
    """Do the work that is asked for and tell what it took."""
    way, path, *more = sys.argv[1:]
    told = WAYS[way](Path(path), *more)
    sys.stdout.write(json.dumps({**told, "peak_mb": peak()}) + "\n")


def _make(path: Path, accounts: str, days: str, share: str, whole: str) -> dict[str, float]:
    world = World(int(accounts), int(days), float(share), whole == "whole")
    make(path, world)
    return {"file_mb": path.stat().st_size / 2**20}


def _export(path: Path) -> dict[str, float]:
    import duckdb

    to = path.with_suffix(".parquet")
    columns = "account_id, source, metric, day, value, known_at"
    with duckdb.connect(str(path), config={"threads": 2, "memory_limit": "1GB"}) as connection:
        connection.execute(f"SET TimeZone = 'UTC'; COPY (SELECT {columns} FROM usage) TO '{to}'")  # noqa: S608
    return {"file_mb": to.stat().st_size / 2**20}


def _by_frames(path: Path, library: str) -> dict[str, float]:
    return _timed(lambda: FRAMES[library](path.with_suffix(".parquet")), 1)


def _ours(path: Path, repetitions: str = "3") -> dict[str, float]:
    from connector.adapters.warehouse.duck import DuckWarehouse
    from connector.compute.accounts import items_in_force
    from connector.compute.features import metric_features

    warehouse = DuckWarehouse(path)

    def work() -> int:
        tables = warehouse.tables()
        expression = metric_features(tables, items_in_force(tables, AS_OF), FOUR_METRICS, AS_OF)
        rows: int = warehouse.execute(expression).num_rows
        return rows

    return _timed(work, int(repetitions))


def _sql(path: Path) -> dict[str, float]:
    import duckdb

    from connector.compute.features import MILESTONES

    # With DuckDB's own limit: with ours, which ours keeps within a gigabyte, this one does not end.
    connection, sql = duckdb.connect(str(path), config={"threads": 2}), FEATURES_SQL.read_text(encoding="utf-8")
    connection.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false")
    bound = {"as_of": AS_OF, "milestones": list(MILESTONES)}
    return _timed(lambda: connection.execute(sql, bound).to_arrow_table().num_rows)


def _timed(work: Callable[[], int], repetitions: int = 3) -> dict[str, float]:
    """The least of some repetitions: what else the machine does only adds."""
    seconds, processor = [], []
    for _ in range(repetitions):
        gc.collect()
        began, used = perf_counter(), process_time()
        rows = work()
        seconds.append(perf_counter() - began)
        processor.append(process_time() - used)
    return {"seconds": min(seconds), "processor": min(processor), "rows": rows}


def _decide(path: Path) -> dict[str, float]:
    """Signals, gates, offers and ranking as a run works them out; the features' queries are told apart."""
    from connector.adapters.warehouse.duck import DuckWarehouse
    from connector.cli import collect_seldom, without_pandas
    from connector.config.settings import shipped
    from connector.config.yamldoc import load
    from connector.domain.money import FxTable
    from connector.domain.occupied import Crm, CrmContext
    from connector.domain.policy import GatesPolicy
    from connector.domain.signal import Signals
    from connector.services.choose import choose
    from connector.services.measure import measure
    from connector.services.score import score

    collect_seldom()
    without_pandas()
    documents, catalogue = shipped(), twenty_offers()
    rules = load(documents / "playbooks" / "signals.yaml", Signals).value
    policy = load(documents / "playbooks" / "policy.yaml", GatesPolicy).value
    fx = load(documents / "mappings" / "fx.yaml", FxTable).value
    warehouse = Counting(DuckWarehouse(path))
    watch = _Watch()
    measured = measure(warehouse, catalogue, rules, AS_OF)
    watch.note("measure", warehouse.processor)
    warehouse.close()
    ids = list(measured.accounts)
    contexts = {f"crm-{id}": CrmContext(f"crm-{id}", f"owner-{at // 50}") for at, id in enumerate(ids)}
    crm = Crm({id: f"crm-{id}" for id in ids}, contexts)
    watch.begin()
    scores = score(measured, catalogue, policy, fx)
    watch.note("score")
    chosen = choose(measured, scores, crm, catalogue, policy, AS_OF)
    watch.note("choose")
    counted = {"accounts": len(ids), "signals": len(measured.signals), "scores": len(scores.scores)}
    return {
        **watch.told,
        **counted,
        "queries": warehouse.processor,
        "intents": len(chosen.intents),
        "held": len(chosen.held),
        "heavy": float(any(name in sys.modules for name in ("sklearn", "lightgbm", "pandas"))),
    }


class Counting:
    """A warehouse that tells how much processor time its queries took."""

    def __init__(self, warehouse: Any) -> None:
        self._warehouse, self.processor = warehouse, 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._warehouse, name)

    def execute(self, expression: Any) -> Any:
        """Run an expression."""
        began = process_time()
        rows = self._warehouse.execute(expression)
        self.processor += process_time() - began
        return rows


class _Watch:
    """Processor seconds by step."""

    def __init__(self) -> None:
        self.told: dict[str, float] = {}
        self.begin()

    def begin(self) -> None:
        self._began = process_time()

    def note(self, step: str, less: float = 0.0) -> None:
        """Count what was used since the last step, less what is told apart."""
        self.told[step] = process_time() - self._began - less
        self.begin()


WAYS: dict[str, Callable[..., dict[str, float]]] = {"make": _make, "ours": _ours, "sql": _sql, "decide": _decide}
WAYS |= {"export": _export, **{library: partial(_by_frames, library=library) for library in FRAMES}}

if __name__ == "__main__":
    main()
