"""Two connectors that deliver to one destination: one at a time, and nothing twice."""

from __future__ import annotations

import json
from collections import Counter

from connector.adapters.clock import SystemClock
from connector.adapters.ledger import Ledger
from connector.sandbox.control import Fault
from tests.e2e.running import SMALL_BATCH, Processes
from tests.e2e.world import World


def test_of_two_syncs_at_once_one_waits_or_is_told_to_come_back(installed: World, processes: Processes) -> None:
    """While one delivers the other ends with 75 or follows it; every key stands once, and the next sync writes none."""
    folders = [installed.folder / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
    # Writes take a moment, so that both are there at the same time.
    installed.side.control.faults.append(
        Fault(method="POST|PATCH", path="batch/upsert|composite", times=99, delay=0.05)
    )
    env = installed.environment()
    running = [
        processes.start(
            ("sync", "--json"),
            {**env, "CONNECTOR_WAREHOUSE_URL": str(folder / "warehouse.duckdb")},
            folder,
            installed.kept,
            SMALL_BATCH,
        )
        for folder in folders
    ]
    for process in running:
        process.join(120)
    codes = [process.exitcode for process in running]
    installed.side.control.faults.clear()

    told = [json.loads((folder / "out.txt").read_text("utf-8")) for folder in folders]
    installed.sync()
    after = installed.sync()
    keys = Counter(one.key for type in ("opportunity", "task") for one in installed.side.ours(type))
    assert 0 in codes, told
    assert set(codes) <= {0, 3, 75}, told
    assert set(keys.values()) == {1}
    documents = sum(len(installed.side.store.dump(installed.side.kinds[type])) for type in ("note", "file"))
    assert after["plan"]["unchanged"] == len(keys) + documents > documents
    assert not installed.side.writes()


def test_while_another_delivers_a_sync_is_told_to_come_back(installed: World) -> None:
    """The lease of a process that may be alive holds: exit 75, a message that says where to, and nothing written."""
    with Ledger(f"sqlite:///{installed.state / 'ledger.db'}") as ledger:
        destination = ledger.destinations.all()[0].id
        lease = ledger.leases.take(destination, "elsewhere|1|1", SystemClock().now(), 300)
        assert lease is not None
        ran = installed.run("sync", "--json")
        ledger.leases.release(lease)

    assert ran.code == 75, ran.out
    assert destination in ran.out
    assert not installed.side.writes()
    assert installed.sync()["delivered"]["ok"] > 0
