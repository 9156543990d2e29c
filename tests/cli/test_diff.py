"""What a plan shows is what is then written: every link, key and value, best accounts first."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from connector.cli.diff import edits_told, held_told, left_told, plan_diff, plan_summary
from connector.domain.change import Cause, Change, FieldChange, Link, Plan, Policy, RecordType, Ref, Why

OPPORTUNITY, TASK = RecordType.OPPORTUNITY, RecordType.TASK
ACCOUNT = Link("account", "AccountId", Ref(RecordType.ACCOUNT, id="001A"))
WHAT = Link("opportunity", "WhatId", Ref(OPPORTUNITY, key="k1"))


def change(action: Any, type: RecordType, key: str, title: str, **more: Any) -> Change:
    made = {"account_id": "001A", "reason": "", **more}
    return Change(id=f"{type}:{key}:{title}", action=action, type=type, key=key, title=title, **made)


def held(account: str, title: str, why: str, reason: str) -> Change:
    return change("held", OPPORTUNITY, "", title, account_id=account, why=why, reason=reason)


def plan(*changes: Change) -> Plan:
    return Plan("r", "sync", "salesforce:00D", datetime(2026, 9, 30, tzinfo=UTC), "", "", "", changes)


def shown(capsys: pytest.CaptureFixture[str], *changes: Change, **options: bool) -> list[str]:
    plan_diff(plan(*changes), {"001A": "Acme"}, **options)
    return [line.rstrip() for line in capsys.readouterr().out.splitlines()]


def test_a_creation_shows_its_key_and_links(capsys: pytest.CaptureFixture[str]) -> None:
    """Each link is named as the CRM names it, with what it leads to: an account, or a record of the same plan."""
    lines = shown(
        capsys,
        change("create", OPPORTUNITY, "k1", "Acme – Seats", links=(ACCOUNT,)),
        change("create", TASK, "k2", "Call Acme", links=(WHAT,)),
    )

    assert lines == [
        "+ opportunity Acme – Seats",
        "      key k1",
        "      + AccountId → Acme (001A)  (link)",
        "+ task        Call Acme",
        "      key k2",
        "      + WhatId → Acme – Seats (k1)  (link)",
    ]


def test_associations_stand_under_their_record(capsys: pytest.CaptureFixture[str]) -> None:
    """A link that travels by itself is told once, under its record, also when nothing else of the record changes."""
    new = change("create", OPPORTUNITY, "k1", "Acme – Seats", links=(ACCOUNT,))
    old = change("unchanged", TASK, "k2", "Call Acme", crm_id="00T1")
    lines = shown(
        capsys,
        new,
        change("associate", OPPORTUNITY, "k1", "Acme – Seats", links=(ACCOUNT,)),
        old,
        change("associate", TASK, "k2", "Call Acme", crm_id="00T1", links=(WHAT,)),
        change("unchanged", TASK, "k3", "Left alone", crm_id="00T2"),
    )

    assert lines.count("      + AccountId → Acme (001A)  (link)") == 1
    assert lines[lines.index("= task        Call Acme") + 1 :] == [
        "      key k2, record 00T1",
        "      + WhatId → Acme – Seats (k1)  (link)",
    ]


def test_full_cuts_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """A long value is cut unless all of it was asked for."""
    made = change("create", TASK, "k", "Call", fields=(FieldChange("Body", None, "word " * 60 + "end", Policy.MERGE),))

    cut, full = "\n".join(shown(capsys, made)), "\n".join(shown(capsys, made, full=True))

    assert "…" in cut
    assert "end" not in cut
    assert "word end  (merge)" in full


def test_best_account_first_and_opportunities_before_tasks(capsys: pytest.CaptureFixture[str]) -> None:
    """Accounts come by what is at stake; a task never stands before its account's opportunity."""
    some = [
        change("create", OPPORTUNITY, "k9", "Small deal", account_id="001A", value=10),
        change("create", TASK, "k1", "Big call", account_id="001B", value=900),
        change("create", OPPORTUNITY, "k2", "Big deal", account_id="001B", value=500),
    ]

    plan_summary(plan(*some), limit=2)

    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" ", 1)[1].split(maxsplit=1)[1] for line in lines[:2]] == ["Big deal", "Big call"]
    assert "1 more" in lines[2]


def test_held_is_told_once_for_an_account(capsys: pytest.CaptureFixture[str]) -> None:
    """Offers held for one reason stand in one line under their account."""
    lines = shown(
        capsys,
        held("001A", "seats", "not_a_customer", "pays nothing"),
        held("cus_1", "seats", "unlikely", "p 3%"),
        held("001A", "mobile", "not_a_customer", "pays nothing"),
        held("001A", "pro", "unlikely", "p 2%"),
        verbose=True,
    )

    assert lines == [
        "! held        Acme",
        "      [not_a_customer] seats, mobile  pays nothing",
        "      [unlikely] pro  p 2%",
        "! held        cus_1",
        "      [unlikely] seats  p 3%",
    ]


def test_what_is_held_back_is_counted_by_reason(capsys: pytest.CaptureFixture[str]) -> None:
    """Five thousand accounts take two lines for each reason, with the best examples; the last says how to see all."""
    many = [held(f"cus_{n:04}", offer, "unlikely", "p 3%") for n in range(5000) for offer in ("seats", "[pro]")]
    dear = replace(held("001A", "mobile", "owner_cap", "5 new for this owner within seven days"), value=900)

    lines = shown(capsys, *many, replace(many[-1], value=50), dear)

    assert lines == [
        "! held back   5,001 accounts",
        "      [unlikely] 5,000 accounts, 10,001 proposals",
        "        cus_4999 ([pro]: p 3%); cus_0000 ([pro]: p 3%); cus_0001 ([pro]: p 3%) …",
        "      [owner_cap] 1 account",
        "        Acme (mobile: 5 new for this owner within seven days)",
        "      `connector plan --verbose` lists each account; `connector explain ACCOUNT` tells more of one",
    ]
    assert held_told(plan(dear), {"001A": "Acme"}) == [
        {
            "account_id": "001A",
            "account": "Acme",
            "title": "mobile",
            "reason": "owner_cap",
            "detail": "5 new for this owner within seven days",
        }
    ]


def test_what_a_person_took_over_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """A field that is theirs is named under its record, also when nothing of the record is written."""
    lines = shown(
        capsys,
        change(
            "unchanged",
            OPPORTUNITY,
            "k1",
            "Acme – Seats",
            crm_id="006A",
            handed_over=(FieldChange("Amount", "9000", "12000", Policy.MERGE),),
        ),
        change(
            "unchanged",
            TASK,
            "k2",
            "Call Acme",
            crm_id="00TA",
            theirs=(FieldChange("Subject", "Ring them", "Call Acme", Policy.MERGE),),
        ),
    )

    assert "      Amount: 9000 is a person's; ours would be 12000  (merge)" in lines
    assert "      Subject: Ring them is a person's; ours would be Call Acme  (merge)" in lines


def test_what_was_found_after_a_rebuild_is_nobodys(capsys: pytest.CaptureFixture[str]) -> None:
    """A field whose writer nobody knows any more is told as found, not as a person's; so is a record to close."""
    found = FieldChange("Amount", "9000", "12000", Policy.MERGE, Cause.FOUND)
    adopted = change("unchanged", OPPORTUNITY, "k1", "Acme – Seats", crm_id="006A", handed_over=(found,))
    standing = change("held", OPPORTUNITY, "k2", "Beta – Seats", crm_id="006B", why=Why.FOUND)
    lines = shown(capsys, adopted)

    told = "was found different after a rebuild; left alone"
    assert f"      Amount: 9000 {told}; ours would be 12000  (merge)" in lines
    assert left_told(plan(adopted, standing), 9) == [
        f"Acme – Seats: Amount {told} (9000)",
        "Beta – Seats: found after the ledger was rebuilt, so nobody knows whose it is; a person closes it",
    ]


def test_a_field_says_why_it_is_written_when_it_is_no_news(capsys: pytest.CaptureFixture[str]) -> None:
    """An edited mapping and a repaired field of ours are told beside the policy."""
    fields = (
        FieldChange("Subject", "a", "b", Policy.MERGE, Cause.MAPPING),
        FieldChange("Expansion_Score__c", "1", "2", Policy.OWN, Cause.REPAIR),
        FieldChange("Amount", "1", "2", Policy.MERGE),
    )

    lines = shown(capsys, change("update", TASK, "k1", "Call Acme", crm_id="00TA", fields=fields))

    assert lines[-3:] == [
        "      Subject: a → b  (merge; the mapping or a text was edited)",
        "      Expansion_Score__c: 1 → 2  (own; changed by somebody else, and ours)",
        "      Amount: 1 → 2  (merge)",
    ]


def test_the_reach_of_an_edited_mapping_is_told_in_one_line() -> None:
    """How many fields of how many written records change because somebody edited the mapping."""
    edited = FieldChange("Subject", "a", "b", Policy.MERGE, Cause.MAPPING)
    news = FieldChange("Amount", "1", "2", Policy.MERGE)

    told = edits_told(plan(*(change("update", TASK, key, key, fields=(edited, news)) for key in ("k1", "k2"))))

    assert told is not None
    assert told.startswith("2 fields of 2 records already written change")
    assert edits_told(plan(change("update", TASK, "k", "k", fields=(news,)))) is None
