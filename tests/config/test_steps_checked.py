"""Steps that nobody would ever get, and texts that cite what no field holds, are told before they are missed."""

from __future__ import annotations

from config_home import Home
from test_seeded_mistakes import problems_of

TALKS, SF = "playbooks/negotiation.yaml", "mappings/salesforce.yaml"


def test_a_step_that_waits_for_one_that_others_get_never_comes(home: Home) -> None:
    """Who gets `meet` does not get `listen`, for which it waits."""
    home.change(TALKS, "    - id: listen\n", "    - id: listen\n      when: {segments: [smb]}\n")
    at = home.change(TALKS, "      after: [listen]\n", "      after: [listen]\n      when: {segments: [enterprise]}\n")

    (told,) = problems_of(home)

    assert told.message == "step meet never comes: whoever gets it does not get listen"
    assert (told.at or "").startswith(at)
    assert "same people" in (told.hint or "")


def test_a_text_that_cites_what_no_field_holds_is_told_at_the_word(home: Home) -> None:
    """Each place that cites the deciders is named, with the line to add to the mapping."""
    home.change(SF, "    deciders: Expansion_Deciders__c\n", "")

    found = problems_of(home)

    assert {one.message for one in found} == {"no field of the CRM holds deciders"}
    assert {one.hint for one in found} == {f"name it in {SF} under `account.facts`: `deciders: FIELD`"}
    lines = (home.folder / TALKS).read_text("utf-8").splitlines()
    for one in found:
        _, line, column = (one.at or "").split(":")
        assert lines[int(line) - 1][int(column) - 1 :].startswith("deciders")


def test_a_step_may_wait_for_what_the_same_people_get(home: Home) -> None:
    """One that everybody gets may be waited for by some."""
    home.change(TALKS, "      after: [listen]\n", "      after: [listen]\n      when: {segments: [enterprise]}\n")

    assert problems_of(home) == []
