"""Facts of the ledger contract about several processes at one ledger, each over connections of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from typing import TypeVar

from connector.domain.audit import first_broken
from connector.domain.change import RecordType
from connector.domain.errors import LaterError
from connector.domain.link import LinkDecision, LinkMethod, LinkState
from connector.domain.receipt import KnownRecord, Receipt
from connector.ports.ledger import Lease
from connector.services.memory import Memory
from connector.testing.contracts.ledger_world import HERE, NOW, Opens, deed, entry, leased

RIVALS = 4
Given = TypeVar("Given")


def at_once(opens: Opens, act: Callable[[Memory, int], Given], rivals: int = RIVALS) -> list[Given]:
    """Let several act at the same moment, each with a ledger of its own."""
    gate = Barrier(rivals)
    memories = [opens() for _ in range(rivals)]

    def started(number: int) -> Given:
        gate.wait(30)
        return act(memories[number], number)

    with ThreadPoolExecutor(rivals) as pool:
        return list(pool.map(started, range(rivals)))


def _take(moment: float, memory: Memory, number: int) -> Lease | None:
    return memory.leases.take(HERE, f"p{number}", moment, 60.0)


class RivalContract:
    """What holds when several act at once."""

    def test_of_several_that_take_a_lease_one_wins(self, opens: Opens) -> None:
        """A new destination, a free lease and a lapsed one: each time exactly one holder."""
        for moment in (0.0, 100.0, 200.0):
            take = partial(_take, moment)

            assert len([lease for lease in at_once(opens, take) if lease is not None]) == 1

    def test_writers_of_one_chain_leave_it_whole(self, opens: Opens, memory: Memory) -> None:
        """Notes written at once get numbers of their own, and each hangs on the one before."""

        def notes(own: Memory, number: int) -> None:
            for turn in range(10):
                own.audit.note(HERE, [deed(f"{number}-{turn}-a"), deed(f"{number}-{turn}-b")])

        at_once(opens, notes)

        records = list(memory.audit.records(HERE))
        assert len({record.subject for record in records}) == RIVALS * 20
        assert first_broken(records) is None

    def test_the_overtaken_and_the_new_holder_do_not_mix(self, opens: Opens, memory: Memory) -> None:
        """Of two who believe to hold the lease only the later one's entries are stored."""
        first = leased(memory)
        second = memory.leases.take(HERE, "you", 61.0, 60.0)
        assert second is not None

        def delivers(own: Memory, number: int) -> bool:
            try:
                own.outbox.commit(
                    (first, second)[number], [entry(f"{number}-{i}") for i in range(50)], deeds=[deed(str(number))]
                )
            except LaterError:
                return False
            return True

        assert at_once(opens, delivers, 2) == [False, True]
        assert {one.subject[0] for one in memory.outbox.entries(HERE)} == {"1"}
        assert [one.subject for one in memory.audit.records(HERE)] == ["1"]

    def test_a_run_never_overwrites_a_person_who_decides_at_that_moment(self, opens: Opens, memory: Memory) -> None:
        """Whoever comes first, the person's link stands."""
        persons = [LinkDecision(f"b{i}", LinkState.LINKED, NOW, "1", LinkMethod.PERSON, "Ana") for i in range(40)]
        runs = [LinkDecision(one.billing_id, LinkState.UNMATCHED, NOW) for one in persons]

        def decides(own: Memory, number: int) -> None:
            decisions: Sequence[LinkDecision] = (persons, runs)[number]
            for decision in decisions:
                own.links.settle(HERE, [decision])

        at_once(opens, decides, 2)

        assert {one.decided_by for one in memory.links.all(HERE)} == {"Ana"}

    def test_a_reader_sees_one_moment(self, opens: Opens, memory: Memory) -> None:
        """Records and their receipts are read as one commit left them, never half of the next."""
        lease = leased(memory)

        def known(turn: int) -> list[KnownRecord]:
            receipts = {"a": Receipt(str(turn), None)}
            return [KnownRecord(f"k{i}", RecordType.TASK, str(turn), "a", receipts=receipts) for i in range(20)]

        memory.outbox.commit(lease, known=known(0))

        def writes_or_reads(own: Memory, number: int) -> list[set[str | None]]:
            seen: list[set[str | None]] = []
            for turn in range(20):
                if number == 0:
                    own.outbox.commit(lease, known=known(turn))
                else:
                    records = own.receipts.records(HERE).values()
                    sent = {one.receipts["a"].sent for one in records}
                    seen.append(sent.union(one.crm_id for one in records))
            return seen

        _, seen = at_once(opens, writes_or_reads, 2)

        assert {len(moments) for moments in seen} == {1}
