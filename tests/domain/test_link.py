"""A person's word on a match outlives every run."""

from __future__ import annotations

from datetime import UTC, datetime

from connector.domain.link import LinkDecision, LinkMethod, LinkState, linked, settled

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def decision(crm_id: str | None, method: LinkMethod | None) -> LinkDecision:
    state = LinkState.LINKED if crm_id else LinkState.UNMATCHED
    return LinkDecision("billing", state, NOW, crm_id, method)


def test_a_run_replaces_what_a_run_decided() -> None:
    """Without a person, the newest decision stands."""
    new = decision("2", LinkMethod.ID)

    assert settled(decision("1", LinkMethod.NAME), new) is new


def test_a_run_never_replaces_what_a_person_decided() -> None:
    """A person's decision stands against every method."""
    persons = decision("1", LinkMethod.PERSON)

    assert all(settled(persons, decision("2", method)) is persons for method in LinkMethod if method != "person")


def test_a_person_may_change_their_mind() -> None:
    """A person's newer decision replaces a person's."""
    new = decision("2", LinkMethod.PERSON)

    assert settled(decision("1", LinkMethod.PERSON), new) is new


def test_only_linked_accounts_are_linked() -> None:
    """Unmatched and ambiguous decisions link nothing."""
    assert linked([decision(None, None)]) == {}
    assert linked([decision("1", LinkMethod.ID)]) == {"billing": "1"}
