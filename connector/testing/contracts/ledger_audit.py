"""Facts of the ledger contract about the audit trail and about erasing what it tells."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from connector.domain.audit import BEGINNING, Act, Deed, first_broken
from connector.domain.change import RecordType
from connector.domain.episode import Episode
from connector.domain.link import LinkDecision, LinkMethod, LinkState
from connector.domain.outbox import DeliveryState
from connector.domain.receipt import KnownRecord, Receipt
from connector.ports.ledger import PlanStatus
from connector.services.memory import Memory
from connector.testing.contracts.ledger_world import HERE, NOW, THERE, change, deed, entry, leased, plan

SECRET = "Zoë Secret"
TIMES = (NOW, NOW - timedelta(seconds=1), NOW)


class AuditContract:
    """Who did what, in a chain that shows any later change."""

    def test_deeds_become_links_of_one_chain(self, memory: Memory) -> None:
        """Deeds of a delivery and deeds noted alone follow each other without a gap, with what they tell."""
        memory.outbox.commit(leased(memory), deeds=[deed("1"), deed("2")])
        memory.audit.note(HERE, [Deed(NOW, "Ana Ruiz", Act.APPROVE, "run-2", "run-2")])

        records = list(memory.audit.records(HERE))
        assert [(one.number, one.by, one.act, one.subject) for one in records] == [
            (1, "connector", Act.WRITE, "1"),
            (2, "connector", Act.WRITE, "2"),
            (3, "Ana Ruiz", Act.APPROVE, "run-2"),
        ]
        assert records[0].values == deed("1").values
        assert (records[0].at, records[0].account_id, records[0].crm_id) == (NOW, "account", "00T1")
        assert first_broken(records) is None

    def test_a_decision_about_a_link_enters_the_chain(self, memory: Memory) -> None:
        """Settled or forgotten, with the deed that tells it; its destination is seen although nobody agreed to it."""
        decision = LinkDecision("b", LinkState.LINKED, NOW, "1", LinkMethod.PERSON, "Ana Ruiz")
        memory.links.settle(HERE, [decision], [Deed(NOW, "Ana Ruiz", Act.LINK, "", "b", "1", "1")])
        memory.links.forget(HERE, ["b"], [Deed(NOW, "Ben", Act.LINK, "", "b", "1", "1")])

        assert [one.by for one in memory.audit.records(HERE)] == ["Ana Ruiz", "Ben"]
        assert first_broken(memory.audit.records(HERE)) is None
        assert memory.links.all(HERE) == []
        assert memory.destinations.seen() == [HERE]

    def test_each_destination_has_its_own_chain(self, memory: Memory) -> None:
        """Both chains begin at one and are whole."""
        memory.audit.note(HERE, [deed("1"), deed("2")])
        memory.audit.note(THERE, [deed("3")])

        assert [one.subject for one in memory.audit.records(HERE)] == ["1", "2"]
        assert [one.number for one in memory.audit.records(THERE)] == [1]
        assert first_broken(memory.audit.records(THERE)) is None

    def test_a_long_chain_is_read_whole(self, memory: Memory) -> None:
        """Thousands of deeds come in their order, page by page, and hang together."""
        memory.audit.note(HERE, [deed(str(number)) for number in range(2500)])

        records = list(memory.audit.records(HERE))
        assert [one.subject for one in records] == [str(number) for number in range(2500)]
        assert first_broken(records) is None

    def test_the_end_of_a_chain_is_kept(self, memory: Memory) -> None:
        """Each chain's last number and hash are told, before there is one as its beginning."""
        before = memory.audit.head(HERE)
        memory.audit.note(HERE, [deed("1"), deed("2")])
        memory.audit.note(THERE, [deed("3")])

        assert before == (0, BEGINNING)
        assert memory.audit.head(HERE) == (2, list(memory.audit.records(HERE))[-1].hash)
        assert memory.audit.head(THERE)[0] == 1

    def test_what_was_delivered_and_is_in_no_record_is_told(self, memory: Memory) -> None:
        """Of the same destination, since a moment, and only what the CRM accepted."""
        sent = {key: replace(entry(key), changed_at=NOW).to(DeliveryState.SENDING) for key in ("told", "old", "new")}
        done = [replace(one, changed_at=at).delivered("00T1") for one, at in zip(sent.values(), TIMES, strict=True)]
        memory.outbox.commit(leased(memory), [*done, entry("waits")], deeds=[deed("told", run=done[0].run_id)])
        memory.audit.note(THERE, [deed("new", run=done[2].run_id)])

        assert memory.audit.untold(HERE, NOW) == [(done[2].run_id, "new")]
        assert memory.audit.untold(THERE, NOW) == []

    def test_parts_of_the_chain_are_found(self, memory: Memory) -> None:
        """By period, both ends included, and by run."""
        memory.audit.note(HERE, [deed(str(n), run=f"run-{n % 2}", at=NOW + timedelta(hours=n)) for n in range(4)])

        since, until = NOW + timedelta(hours=1), NOW + timedelta(hours=2)
        assert [one.subject for one in memory.audit.records(HERE, since, until)] == ["1", "2"]
        assert [one.subject for one in memory.audit.records(HERE, run_id="run-1")] == ["1", "3"]
        assert [one.subject for one in memory.audit.records(HERE, since=since, run_id="run-0")] == ["2"]

    def test_erased_values_are_gone_and_the_chain_stands(self, memory: Memory) -> None:
        """Values and salts of one account go, its acts stay; other accounts keep theirs."""
        memory.audit.note(HERE, [deed("1", account="a"), deed("2", account="b"), deed("3", account="a")])
        memory.audit.note(THERE, [deed("4", account="a")])

        assert memory.audit.erase(HERE, "a") == 2

        records = list(memory.audit.records(HERE))
        assert [(one.subject, one.values, one.salt is None) for one in records] == [
            ("1", None, True),
            ("2", deed("2").values, False),
            ("3", None, True),
        ]
        assert first_broken(records) is None
        assert next(memory.audit.records(THERE)).values is not None
        assert memory.audit.erase(HERE, "a") == 0

    def test_erasing_empties_what_was_delivered_and_old_plans(self, memory: Memory) -> None:
        """Closed entries and plans that are over keep their shape and lose the account's values."""
        told = replace(change("k", "a", SECRET, SECRET), title=SECRET, reason=SECRET)
        told = replace(told, agreed=told.fields, handed_over=told.fields, theirs=told.fields)
        episode = Episode("e", "a", "need", 1, NOW, brief={"name": SECRET})
        done = replace(entry(), change=told).to(DeliveryState.SENDING).delivered("00T1")
        memory.outbox.commit(leased(memory), [done, entry("other", account="b")])
        memory.plans.save(replace(plan("old"), changes=(told, change("o", "b")), episodes=(episode,)))
        memory.plans.save(replace(plan("run-1"), changes=(told,)), PlanStatus.APPLIED)

        memory.audit.erase(HERE, "a")

        [kept] = memory.outbox.entries(HERE, {DeliveryState.DELIVERED})
        plans = memory.plans.list(HERE, tuple(PlanStatus))
        assert SECRET not in repr((kept, plans))
        assert [(field.name, field.rule) for field in kept.change.fields] == [("subject", "r1")]
        assert [one.after for one in plans[0].plan.changes[0].fields] == [None]
        assert {len(one.plan.changes) for one in plans} == {1, 2}
        assert "Call" in repr([one.plan.changes for one in plans if one.plan.run_id == "old"])
        assert memory.outbox.entries(HERE) == [entry("other", account="b")]

    def test_erasing_leaves_what_delivery_needs(self, memory: Memory) -> None:
        """Open entries, a waiting plan and receipts are as before: the next run compares with them."""
        receipt = Receipt(SECRET, SECRET, run_id="run-1")
        known = KnownRecord("k", RecordType.TASK, "00T1", "a", receipts={"subject": receipt})
        waiting = entry("k2", account="a")
        memory.outbox.commit(leased(memory), [waiting], [known])
        memory.plans.save(plan("run-2", account="a"))

        memory.audit.erase(HERE, "a")

        stored = memory.plans.get("run-2")
        assert stored is not None
        assert stored.plan == plan("run-2", account="a")
        assert memory.outbox.entries(HERE) == [waiting]
        assert memory.receipts.records(HERE) == {"k": known}
