"""Storing what the CRM tells of a lost ledger: once, whole, and over nothing that stands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from connector.adapters.ledger import Ledger
from connector.domain.audit import Act
from connector.domain.change import Destination
from connector.domain.errors import LaterError, MendError
from connector.domain.receipt import KnownRecord, Receipt
from connector.domain.run import RunStatus
from connector.services.memory import Memory
from connector.services.rebuild import look, store
from connector.services.work import Work
from connector.testing.clock import SimulatedClock
from tests.services.test_recover import (
    DAY,
    MAPPING,
    NOW,
    OPPORTUNITY,
    RULES,
    Feed,
    account,
    key_of,
    opportunity,
    small_key,
    task,
)

WHERE = Destination("salesforce", "00D1")


@dataclass
class Bench:
    """A ledger on disk and a CRM as its feed shows it."""

    ledger: Ledger
    feed: Feed

    @property
    def work(self) -> Work:
        memory = Memory(**{part.name: getattr(self.ledger, part.name) for part in fields(Memory)})
        crm = SimpleNamespace(
            reader=SimpleNamespace(destination=lambda: WHERE),
            feed=self.feed,
            setup=SimpleNamespace(missing=lambda _: {}),
            meter=SimpleNamespace(calls=lambda: 7),
        )
        made = SimpleNamespace(
            project=RULES, mapping=MAPPING, crm=crm, memory=memory, clock=SimulatedClock(), holder="a rebuild"
        )
        return cast(Work, made)

    def rebuild(self, force: bool = False) -> None:
        store(self.work, look(self.work, NOW, force, print), NOW, force, "Ana")

    def known(self) -> dict[str, KnownRecord]:
        return self.ledger.receipts.records(WHERE.id)

    def deliver(self, *known: KnownRecord) -> None:
        """Another process delivers and remembers what it wrote."""
        lease = self.ledger.leases.take(WHERE.id, "another", 0, 1)
        assert lease is not None
        self.ledger.outbox.commit(lease, known=known)
        self.ledger.leases.release(lease)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with Ledger(f"sqlite:///{tmp_path / 'ledger.db'}") as ledger:
        yield Bench(ledger, Feed([account("a1"), opportunity(), task("t1", small_key("a1"))]))


def test_a_rebuilt_ledger_knows_where_it_writes(bench: Bench) -> None:
    """Destination, records and episodes are there, under a new life; the run and who did it are noted."""
    before = bench.ledger.destinations.epoch()

    bench.rebuild()

    assert bench.ledger.destinations.all() == [WHERE]
    assert len(bench.known()) == len(bench.ledger.episodes.all(WHERE.id)) == 2
    assert bench.ledger.destinations.epoch() != before
    (run,) = bench.ledger.runs.list()
    assert (run.job, run.status, run.summary["api_calls"]) == ("rebuild", RunStatus.SUCCESS, {"crm": 7})
    (deed,) = bench.ledger.audit.records(WHERE.id)
    assert (deed.act, deed.by, deed.run_id) == (Act.REBUILD, "Ana", run.id)


def test_a_ledger_that_learnt_records_meanwhile_is_refused(bench: Bench) -> None:
    """A sync that ran while somebody looked at the numbers wins: nothing is stored over it."""
    seen = look(bench.work, NOW, False, print)
    bench.deliver(KnownRecord(key_of(), OPPORTUNITY, "o1", "a1"))

    with pytest.raises(MendError, match="it is not lost"):
        store(bench.work, seen, NOW, False, "Ana")

    assert set(bench.known()) == {key_of()}
    assert bench.ledger.runs.list()[0].status is RunStatus.FAILED


def test_another_process_at_work_is_waited_for(bench: Bench) -> None:
    """While somebody delivers there, nothing is stored."""
    bench.ledger.leases.take(WHERE.id, "another", SimulatedClock().now(), 300)

    with pytest.raises(LaterError, match="another process is delivering"):
        bench.rebuild()

    assert bench.known() == {}


def test_a_kill_leaves_nothing_and_it_can_be_run_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dead between the new life and the one transaction that stores everything: run again, it is as if never begun."""

    def dies(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(type(bench.ledger.outbox), "commit", dies)
        with pytest.raises(KeyboardInterrupt):
            bench.rebuild()
    assert bench.known() == {}
    assert bench.ledger.episodes.all(WHERE.id) == []

    bench.rebuild()

    assert len(bench.known()) == 2


def test_force_adds_and_forgets_nothing(bench: Bench) -> None:
    """Receipts stay, a deletion noticed before stays final, and what the CRM threw away since is told."""
    receipt = Receipt("100", "100", run_id="run-1")
    gone = KnownRecord("f" * 32, OPPORTUNITY, "o9", "a1", "deleted_in_crm", NOW - DAY)
    bench.deliver(KnownRecord(key_of(), OPPORTUNITY, "o1", "a1", receipts={"Amount": receipt}), gone)
    back = opportunity("o9", fields=opportunity().fields | {"Expansion_Key__c": "f" * 32})
    bench.feed.records += [back, opportunity("o8", archived=True, fields=back.fields | {"Expansion_Key__c": "e" * 32})]

    bench.rebuild(force=True)

    known = bench.known()
    assert known[key_of()].receipts == {"Amount": receipt}
    assert known["f" * 32] == gone
    assert known["e" * 32].tombstone == "deleted_in_crm"
    assert small_key("a1") in known


def test_force_twice_stores_nothing_more(bench: Bench) -> None:
    """The second time the ledger lacks nothing."""
    bench.rebuild()
    before = bench.known()

    seen = look(bench.work, NOW, True, print)

    assert (seen.known, seen.episodes) == ((), ())
    bench.rebuild(force=True)
    assert bench.known() == before
