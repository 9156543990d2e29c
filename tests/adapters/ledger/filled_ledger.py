"""A ledger with something in every table, and ways to look at it and to change it past the connector."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import sqlalchemy as sa

from connector.adapters.ledger import Ledger
from connector.adapters.ledger.database import Database
from connector.adapters.ledger.schema import METADATA
from connector.domain.change import CrmRecord, Destination, RecordType, StageEntry
from connector.domain.customer import Suppressed
from connector.domain.episode import Episode
from connector.domain.hold import Hold
from connector.domain.holdout import Arm, Assignment
from connector.domain.intent import Held
from connector.domain.link import LinkDecision, LinkState
from connector.domain.outbox import DeliveryState
from connector.domain.receipt import Associated, KnownRecord, Receipt
from connector.domain.run import Run
from connector.testing.contracts.ledger_world import HERE, NOW, deed, entry, plan


def fresh_file(folder: Path) -> str:
    """Make a file that holds an empty ledger of the newest revision, and give its URL; quicker than opening one."""
    file = folder / "ledger.db"
    file.write_bytes(_template())
    return f"sqlite:///{file}"


@cache
def _template() -> bytes:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "ledger.db"
        Ledger(f"sqlite:///{file}").close()
        return file.read_bytes()


def fill(url: str) -> None:
    """Put something into every table."""
    with Ledger(url) as ledger:
        ledger.destinations.remember(Destination("hubspot", "1", "Portal"))
        ledger.destinations.epoch()
        ledger.runs.open(Run("run-1", "sync", HERE, NOW, NOW))
        ledger.plans.save(plan("run-1"))
        ledger.mirror.save(HERE, RecordType.TASK, [CrmRecord(RecordType.TASK, "9", {"a": "é"})], cursor=NOW)
        ledger.mirror.save_stages(HERE, [StageEntry("006", "proposed", NOW, True)])
        ledger.links.settle(HERE, [LinkDecision("b", LinkState.UNMATCHED, NOW)])
        ledger.decisions.save(HERE, Run("run-1", "sync", HERE, NOW, NOW), [Held("a", "x", "cap")])
        lease = ledger.leases.take(HERE, "me", 0.0, 60.0)
        assert lease is not None
        done = entry("k").to(DeliveryState.SENDING).delivered("00T1")
        account = frozenset({Associated("account", "companies", "account:1")})
        known = KnownRecord("k", RecordType.TASK, "00T1", "account", None, None, {"a": Receipt("1", "1")}, account)
        ledger.outbox.commit(
            lease,
            [done, entry("waits")],
            [known],
            [Episode("k", "account", "need", 1, NOW)],
            [Hold("h", "account", "run-0", "Ana", NOW)],
            [deed("1"), deed("2", account="b"), deed("3")],
        )
        ledger.audit.erase(HERE, "b")
        ledger.arms.add([Assignment("b", "salt", "1", "smb", 0.1, Arm.HELD_OUT, "run-1", NOW)])
        ledger.notes.put("a note", {"of": "é"})
        ledger.suppressions.add([Suppressed("3:abc", "secret", "forgotten:1", "Ana", NOW)])
        ledger.leases.release(lease)


def by_hand(url: str, *statements: str) -> None:
    """Change a ledger past the connector."""
    database = Database(url, migrate=False)
    with database.write() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))
    database.close()


def content(url: str, without: Collection[str] = ()) -> dict[str, list[tuple[object, ...]]]:
    """Read every row of every table."""
    database = Database(url, migrate=False)
    with database.read() as connection:
        found = {
            table.name: [tuple(row) for row in connection.execute(sa.select(table).order_by(*table.primary_key))]
            for table in METADATA.sorted_tables
            if table.name not in without
        }
    database.close()
    return found
