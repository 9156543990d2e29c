"""A customer is taken out of the whole ledger in one transaction, on both databases; the rest stays as it was."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from filled_ledger import content, fill

from connector.adapters.ledger import Ledger
from connector.domain.audit import Act, first_broken
from connector.domain.change import CrmRecord, RecordType, StageEntry
from connector.domain.customer import Customer
from connector.domain.episode import Episode
from connector.domain.hold import Hold
from connector.domain.holdout import Arm, Assignment
from connector.domain.intent import Held
from connector.domain.link import LinkDecision, LinkState
from connector.domain.outbox import DeliveryState
from connector.domain.receipt import Associated, KnownRecord, Receipt
from connector.domain.run import Run, RunStatus
from connector.ports.ledger import PlanStatus
from connector.testing.contracts.ledger_world import HERE, NOW, change, deed, entry, plan

ACCOUNT = "0015gZoe0001"
ZOE = Customer(
    "forgotten:abc",
    frozenset({"cus_Zoe0001"}),
    {HERE: frozenset({ACCOUNT})},
    names=frozenset({"Zoë & Fils"}),
)
OTHER_PARTS = ("audit", "audit_values", "audit_heads", "leases")


def zoe_comes(ledger: Ledger) -> None:
    """Let the ledger know Zoë in every table, and others name her."""
    run = Run("run-z", "sync", HERE, NOW, NOW)
    ledger.runs.open(run)
    ledger.runs.close("run-z", RunStatus.PARTIAL, NOW, {"set_aside": ["malformed: a.csv:3: Zoë & Fils"], "n": 1})
    both = replace(plan("run-z", NOW + timedelta(hours=1)), changes=(change("z", ACCOUNT), change("k2", "b")))
    ledger.plans.save(both, PlanStatus.APPROVED)
    accounts = [CrmRecord(RecordType.ACCOUNT, ACCOUNT, {"name": "Zoë & Fils"}), _account("b", parent=ACCOUNT)]
    ledger.mirror.save(HERE, RecordType.ACCOUNT, accounts)
    ledger.mirror.save(HERE, RecordType.CONTACT, [CrmRecord(RecordType.CONTACT, "003Z", {"company": ACCOUNT})])
    links = {"account": (ACCOUNT,)}
    ledger.mirror.save(HERE, RecordType.OPPORTUNITY, [CrmRecord(RecordType.OPPORTUNITY, "006Z", {}, links)])
    ledger.mirror.save_stages(HERE, [StageEntry("006Z", "proposed", NOW, True)])
    mine = LinkDecision("cus_Zoe0001", LinkState.LINKED, NOW, ACCOUNT, billing_name="Zoë & Fils")
    doubt = LinkDecision("cus_Ann", LinkState.AMBIGUOUS, NOW, candidates=(ACCOUNT, "b"))
    ledger.links.settle(HERE, [mine, doubt])
    ledger.decisions.save(
        HERE, run, [Held("a", "x", "cap"), Held(ACCOUNT, "x", "cap"), Held("cus_Zoe0001", "y", "cap")]
    )
    mine = Assignment("cus_Zoe0001", "salt", ACCOUNT, "smb", 0.1, Arm.HELD_OUT, "run-z", NOW)
    ledger.arms.add([mine, replace(mine, billing_id="cus_Sub")])
    lease = ledger.leases.take(HERE, "me", 100.0, 60.0)
    assert lease is not None
    parked = entry("parked", "run-z", ACCOUNT).to(DeliveryState.SENDING)
    to = frozenset({Associated("account", "companies", f"account:{ACCOUNT}")})
    known = KnownRecord("z", RecordType.TASK, "00TZ", ACCOUNT, None, None, {"a": Receipt("Zoë & Fils", "x")}, to)
    ledger.outbox.commit(
        lease,
        [entry("z", "run-z", ACCOUNT), parked],
        [known],
        [Episode("z", ACCOUNT, "need", 1, NOW, brief={"name": "Zoë & Fils"})],
        [Hold("z", ACCOUNT, "run-0", "Ana", NOW)],
        [deed("z", account=ACCOUNT), deed("other", account="b"), deed(f"z/account:companies:account:{ACCOUNT}")],
    )
    ledger.leases.release(lease)


def _account(id: str, **fields: str) -> CrmRecord:
    return CrmRecord(RecordType.ACCOUNT, id, dict(fields))


@pytest.fixture
def known(url: str) -> str:
    """The URL of a ledger that holds others and Zoë."""
    fill(url)
    with Ledger(url) as ledger:
        zoe_comes(ledger)
    return url


def test_nothing_of_a_forgotten_customer_is_left(known: str) -> None:
    """No row names it, the chain is whole, and a second time finds nothing to do."""
    with Ledger(known) as ledger:
        assert {"mirror", "links", "outbox", "receipts", "plans", "audit"} <= set(ledger.forgetting.left(ZOE))
        first = ledger.forgetting.erase(ZOE, "Ana", NOW)
        ledger.forgetting.compact()
        second = ledger.forgetting.erase(ZOE, "Ana", NOW)

        assert ledger.forgetting.left(ZOE) == {}
        assert first["audit"] == 2
        assert first["arms"] == 2
        (sub,) = (one for one in ledger.arms.all("salt").values() if one.billing_id == "cus_Sub")
        assert sub.parent == ZOE.id
        assert sum(second.values()) == 0
        records = list(ledger.audit.records(HERE))
        assert first_broken(records) is None
        assert [one.act for one in records].count(Act.FORGET) == 1
        assert [one.subject for one in records if one.account_id == ZOE.id] == [ZOE.id] * 2
    assert not ZOE.named_in(json.dumps(content(known), default=str, ensure_ascii=False))


def test_others_stay_as_they_were(known: str, url: str) -> None:
    """Rows about them are the same; where they named the customer, only the name is gone."""
    before = content(known, OTHER_PARTS)
    with Ledger(known) as ledger:
        ledger.forgetting.erase(ZOE, "Ana", NOW)
        stored = ledger.plans.get("run-z")
        run = ledger.runs.get("run-z")
        doubts = {one.billing_id: one.candidates for one in ledger.links.all(HERE)}
        subsidiary = ledger.mirror.records(HERE, RecordType.ACCOUNT)

    after = content(known, OTHER_PARTS)
    assert stored is not None
    assert (stored.status, [one.key for one in stored.plan.changes]) == (PlanStatus.APPROVED, ["k2"])
    assert run is not None
    assert run.summary == {"set_aside": ["malformed: a.csv:3: (forgotten)"], "n": 1}
    assert doubts["cus_Ann"] == ("b",)
    assert subsidiary == [CrmRecord(RecordType.ACCOUNT, "b", {"parent": None})]
    kept = ("receipts", "records", "episodes", "outbox", "holds", "decisions", "stage_entries")
    named = {"z", "parked", "006Z", ACCOUNT, "cus_Zoe0001"}
    for table in kept:
        assert after[table] == [
            row for row in before[table] if not any(value in named for value in row if isinstance(value, str))
        ], table


def test_a_broken_off_forgetting_leaves_all_of_it(known: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is one transaction."""
    before = content(known)

    def dies(*_: object) -> None:
        raise RuntimeError("power cut")

    monkeypatch.setattr("connector.adapters.ledger.forgetting._blank_summaries", dies)
    with Ledger(known) as ledger, pytest.raises(RuntimeError):
        ledger.forgetting.erase(ZOE, "Ana", NOW)

    assert content(known) == before


def test_a_secret_is_made_once_and_hashes_stay(url: str) -> None:
    """Another process hashes with the same key; who asked first stays named."""
    with Ledger(url) as first:
        secret = first.suppressions.secret()
        first.suppressions.add(ZOE.hashes(secret, "Ana", NOW))
    with Ledger(url) as second:
        second.suppressions.add(ZOE.hashes(second.suppressions.secret(), "Bob", NOW))

        assert {one.by for one in second.suppressions.all()} == {"Ana"}
        assert len(second.suppressions.all()) == 2


def test_notes_are_found_by_how_their_names_begin(url: str) -> None:
    """A `%` in a name is a letter like any other."""
    with Ledger(url) as ledger:
        ledger.notes.put("a/1", {"n": 1})
        ledger.notes.put("a/1", {"n": 2})
        ledger.notes.put("a%", {})
        ledger.notes.drop("b")

        assert ledger.notes.get("a/1") == {"n": 2}
        assert ledger.notes.get("a/") is None
        assert set(ledger.notes.named("a%")) == {"a%"}
