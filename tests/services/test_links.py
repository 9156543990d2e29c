"""Links by hand, over a real ledger: what a person says stands, and no id is stored unchecked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connector.adapters.ledger import Ledger
from connector.config.project import load_project
from connector.config.settings import shipped
from connector.domain.change import CrmRecord, RecordType
from connector.domain.errors import MendError
from connector.domain.link import AUTOMATIC, LinkDecision, LinkMethod, LinkState
from connector.domain.mapping import CrmMapping
from connector.services.links import Named, forget_link, list_links, set_link, unset_link

NOW = datetime(2026, 9, 30, tzinfo=UTC)
WHERE = "salesforce:00D1"


@pytest.fixture(scope="module")
def mapping() -> CrmMapping:
    """The shipped Salesforce mapping."""
    found = load_project(shipped(), ["stripe"], "salesforce").mapping
    assert found is not None
    return found


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """A ledger that knows three accounts, one of them merged, and three links."""
    with Ledger(f"sqlite:///{tmp_path / 'ledger.db'}") as opened:
        accounts = [
            CrmRecord(RecordType.ACCOUNT, "001A", {"Name": "Acme"}),
            CrmRecord(RecordType.ACCOUNT, "001B", {"Name": "Acme North"}),
            CrmRecord(RecordType.ACCOUNT, "001M", {"Name": "Old"}, archived=True, merged_into="001B"),
        ]
        opened.mirror.save(WHERE, RecordType.ACCOUNT, accounts)
        opened.links.settle(
            WHERE,
            [
                LinkDecision("cus_1", LinkState.LINKED, NOW, "001A", LinkMethod.DOMAIN, billing_name="ACME Inc."),
                LinkDecision("cus_2", LinkState.AMBIGUOUS, NOW, None, LinkMethod.NAME, candidates=("001A", "001B")),
                LinkDecision("cus_3", LinkState.UNMATCHED, NOW),
            ],
        )
        yield opened


def test_list(ledger: Ledger, mapping: CrmMapping) -> None:
    """Every billing account is listed with names of its CRM account and of those in question."""
    rows = list_links(ledger.links, ledger.mirror, WHERE, mapping)

    assert [row.billing_id for row in rows] == ["cus_1", "cus_2", "cus_3"]
    assert (rows[0].billing_name, rows[0].crm, rows[0].decided_by) == ("ACME Inc.", Named("001A", "Acme"), AUTOMATIC)
    assert rows[1].candidates == (Named("001A", "Acme"), Named("001B", "Acme North"))


@pytest.mark.parametrize(
    ("state", "ids"),
    [(LinkState.LINKED, ["cus_1"]), (LinkState.AMBIGUOUS, ["cus_2"]), (LinkState.UNMATCHED, ["cus_3"])],
)
def test_list_of_one_state(ledger: Ledger, mapping: CrmMapping, state: LinkState, ids: list[str]) -> None:
    """A state selects its links alone."""
    assert [row.billing_id for row in list_links(ledger.links, ledger.mirror, WHERE, mapping, state)] == ids


def test_set_outlives_a_run(ledger: Ledger, mapping: CrmMapping) -> None:
    """What a person links is stored with their name, and no automatic decision replaces it."""
    row = set_link(ledger.links, ledger.mirror, WHERE, mapping, "cus_2", "001B", " Ana ", NOW)
    ledger.links.settle(WHERE, [LinkDecision("cus_2", LinkState.UNMATCHED, NOW)])

    (stored,) = [one for one in ledger.links.all(WHERE) if one.billing_id == "cus_2"]
    assert (stored.state, stored.crm_id, stored.decided_by) == (LinkState.LINKED, "001B", "Ana")
    assert row.crm == Named("001B", "Acme North")


def test_set_follows_a_merge(ledger: Ledger, mapping: CrmMapping) -> None:
    """Linking to an account that was merged links to its survivor."""
    assert set_link(ledger.links, ledger.mirror, WHERE, mapping, "cus_3", "001M", "Ana", NOW).crm == Named(
        "001B", "Acme North"
    )


@pytest.mark.parametrize(
    ("billing", "crm", "by", "hint"),
    [
        ("cus_22", "001A", "Ana", "did you mean cus_2?"),
        ("nobody", "001A", "Ana", "connector link list"),
        ("cus_1", "acme north", "Ana", "did you mean 001B (Acme North)?"),
        ("cus_2", "zzz", "Ana", "in question: 001A (Acme), 001B (Acme North)"),
        ("cus_1", "001C", "Ana", "did you mean 001"),
        ("cus_1", "001A", "  ", "--by"),
    ],
)
def test_set_refuses(ledger: Ledger, mapping: CrmMapping, billing: str, crm: str, by: str, hint: str) -> None:
    """An id nobody knows, or nobody's name, is refused with what was probably meant, and nothing is stored."""
    before = ledger.links.all(WHERE)

    with pytest.raises(MendError) as refused:
        set_link(ledger.links, ledger.mirror, WHERE, mapping, billing, crm, by, NOW)

    assert hint in (refused.value.problem.hint or "")
    assert ledger.links.all(WHERE) == before


def test_unset(ledger: Ledger) -> None:
    """A person's word that an account belongs to none outlives a run that would link it."""
    unset_link(ledger.links, WHERE, "cus_1", "Ana", NOW)
    ledger.links.settle(WHERE, [LinkDecision("cus_1", LinkState.LINKED, NOW, "001A", LinkMethod.ID)])

    (stored,) = [one for one in ledger.links.all(WHERE) if one.billing_id == "cus_1"]
    assert (stored.state, stored.crm_id, stored.decided_by) == (LinkState.UNSET, None, "Ana")


def test_forget(ledger: Ledger) -> None:
    """A decision taken back leaves the next run free."""
    unset_link(ledger.links, WHERE, "cus_1", "Ana", NOW)

    assert forget_link(ledger.links, WHERE, "cus_1", "Ana", NOW).decided_by == "Ana"
    assert "cus_1" not in {one.billing_id for one in ledger.links.all(WHERE)}
    with pytest.raises(MendError):
        forget_link(ledger.links, WHERE, "cus_1", "Ana", NOW)
