"""A forgotten customer is recognised by its ids, and by nobody who has not the ledger's secret."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.domain.audit import BEGINNING, SEALED, Act, AuditRecord, Deed, chained, first_broken, forgotten, seal_of
from connector.domain.customer import (
    ACCOUNT,
    Customer,
    Suppression,
    customer_from_dict,
    customer_to_dict,
    suppression_of,
    token_of,
)

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
ZOE = Customer(
    "forgotten:1",
    frozenset({"cus_Zoe0001", "17"}),
    {"hubspot:1": frozenset({"1010030000"})},
    {"hubspot:1": frozenset({"20000000013"})},
    {"stripe/subscriptions": frozenset({"sub_Zoe9"})},
    frozenset({"Zoë & Fils", 'The "Best" SARL', "zoe.example", "ana@zoe.example"}),
)


@given(st.text(min_size=1, max_size=40), st.text(min_size=1, max_size=40))
def test_only_the_same_id_of_the_same_kind_is_recognised(id: str, other: str) -> None:
    """Under the secret it was hashed with."""
    known = suppression_of(Customer("x", frozenset({id})).hashes("secret", "Ana", NOW))

    assert known.holds(ACCOUNT, id)
    assert not known.holds("subscriptions", id)
    assert known.holds(ACCOUNT, other) == (id == other)
    assert not Suppression({"else": known.tokens["secret"]}).holds(ACCOUNT, id)


def test_a_hash_does_not_show_the_id() -> None:
    """Only its length, which tells most texts apart."""
    assert "cus_Zoe0001" not in token_of("secret", ACCOUNT, "cus_Zoe0001")
    assert token_of("secret", ACCOUNT, "cus_Zoe0001").startswith("11:")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("cus_Zoe0001", {"cus_zoe0001"}),
        ('{"customer":"CUS_ZOE0001"}', {"cus_zoe0001"}),
        ("k1/account:companies:account:1010030000", {"1010030000"}),
        (json.dumps({"a": "Zoë & Fils"}), {"zo\\u00eb & fils"}),
        (json.dumps({"a": "chez ZOË & FILS."}, ensure_ascii=False), {"zoë & fils"}),
        (json.dumps('The "Best" SARL'), {'the \\"best\\" sarl'}),
        ("mail to ana@zoe.example!", {"zoe.example", "ana@zoe.example"}),
        ("cus_Zoe00011 10100300001 azoe.example sub_zoe99 17", set()),
        ("", set()),
    ],
)
def test_its_words_are_found_in_any_text(text: str, words: set[str]) -> None:
    """Whole, in any case, plain or as JSON; a short id may stand for anything and is no word."""
    assert ZOE.named_in(text) == words
    assert not ZOE.named_in(ZOE.blanked(text))


def test_a_customer_survives_being_noted() -> None:
    """What is noted as JSON is read back as it was."""
    assert customer_from_dict(json.loads(json.dumps(customer_to_dict(ZOE)))) == ZOE


def chain() -> list[AuditRecord]:
    """Six deeds, of which two are about Zoë, sealed by the sixth."""
    records: list[AuditRecord] = []

    def add(deed: Deed) -> None:
        before = records[-1].hash if records else BEGINNING
        records.append(chained(deed, len(records) + 1, before, "salt"))

    for number, account in enumerate(["a", "zoe", "b", "zoe", "c"], start=1):
        add(Deed(NOW, "connector", Act.WRITE, "run-1", f"key-{number}", account, f"crm-{number}", {"x": number}))
    for number in (2, 4):
        records[number - 1] = forgotten(records[number - 1], ZOE.id)
    seals = {str(number): seal_of(records[number - 1]) for number in (2, 4)}
    add(Deed(NOW, "Ana", Act.FORGET, "", ZOE.id, values={SEALED: seals}))
    return records


def test_a_chain_stays_whole_when_a_customer_is_forgotten() -> None:
    """Its records link on, and say nothing of the customer."""
    assert first_broken(chain()) is None
    assert "zoe" not in str(chain())


@pytest.mark.parametrize(
    ("at", "change", "broken"),
    [
        (1, {"by": "Eve"}, 2),
        (1, {"run_id": "run-9"}, 2),
        (1, {"act": Act.DROP}, 2),
        (1, {"hash": "0" * 64}, 2),
        (3, {"crm_id": "crm-4"}, 4),
        (2, {"account_id": ZOE.id, "subject": ZOE.id, "crm_id": None}, 3),
        (5, {"values": None, "salt": None}, 2),
        (5, {"values": {SEALED: {}}}, 2),
        (5, {"by": "Eve"}, 2),
    ],
)
def test_a_later_change_of_a_chain_with_a_forgotten_customer_shows(
    at: int, change: dict[str, object], broken: int
) -> None:
    """Of what is left of its records, of their seals, and of one that nobody forgot."""
    records = chain()
    records[at] = replace(records[at], **change)  # type: ignore[arg-type]

    assert first_broken(records) == broken


def test_a_chain_that_lost_the_deed_of_forgetting_is_broken() -> None:
    """Nobody vouches for what is left."""
    assert first_broken(chain()[:-1]) == 2
    assert first_broken([*chain()[:1], *chain()[2:]]) == 2
