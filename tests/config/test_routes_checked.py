"""What `connector check` says of routes: unknown words, places and stages that clash, conditions that take nothing."""

from __future__ import annotations

import pytest
from config_home import Home

from connector.config.project import load_project
from connector.domain.errors import ConfigError, Problem

STAGES = "{proposed: New, consult: Ask, confront: Weigh, concretize: Sign, won: Won, lost: Lost, withdrawn: Lost}"
SEATS = f"{{when: {{need: [more_seats]}}, pipeline: Volume, stages: {STAGES}}}"


def problems_of(home: Home, crm: str) -> list[Problem]:
    try:
        load_project(home.folder, ["stripe"], crm)
    except ConfigError as wrong:
        return list(wrong.problems)
    return []


def with_routes(home: Home, crm: str, *routes: str) -> list[Problem]:
    lines = "".join(f"    - {route}\n" for route in routes)
    home.change(f"mappings/{crm}.yaml", "  people:\n", f"  routes:\n{lines}  people:\n")
    return problems_of(home, crm)


def place_of(home: Home, crm: str, word: str) -> str:
    """`file:line:column` of the first place of a text."""
    document = f"mappings/{crm}.yaml"
    text = (home.folder / document).read_text("utf-8")
    at = text.index(word)
    return f"{document}:{text.count(chr(10), 0, at) + 1}:{at - text.rfind(chr(10), 0, at)}"


def test_sound_routes_have_nothing_to_tell(home: Home) -> None:
    """Two routes into one pipeline with the same stages, and one into the default's, are fine."""
    shipped = "proposed: Proposed, consult: Consult, confront: Compare options, concretize: Sign"
    stages = f"{{{shipped}, won: Won, lost: Lost, withdrawn: Lost}}"
    same = f"{{when: {{offer: [analytics]}}, pipeline: Expansion, stages: {stages}}}"

    assert with_routes(home, "hubspot", SEATS, SEATS.replace("more_seats", "signing_volume"), same) == []


@pytest.mark.parametrize(
    ("old", "new", "word", "message", "cure"),
    [
        ("more_seats", "more_seat", "more_seat]", "unknown need 'more_seat'", "did you mean more_seats?"),
        ("need: [more_seats]", "offer: [seets]", "seets", "unknown offer 'seets'", "did you mean seats?"),
        ("need: [more_seats]", "offer: [training]", "training", "unknown offer 'training'", "known:"),
        ("need: [more_seats]", "kind: [upsel]", "upsel]", "upsel", "upsell"),
        ("need: [more_seats]", "segment: [smb]", "segment", "unknown key 'segment'", "known keys: kind, need, offer"),
        ("{need: [more_seats]}", "{}", "when: {}", "takes every opportunity", "add need, offer or kind"),
        (
            "[more_seats]",
            "[more_seats], kind: [cross_sell]",
            "when: {need: [more_seats], kind: [cross",
            "no offer",
            "take one away",
        ),
        (", lost: Lost,", ",", "stages: {proposed: New", "stages without a label: lost", "for each"),
        ("confront: Weigh", "confront: Ask", "confront: Ask", "consult and confront are one stage", "of its own"),
        ("pipeline: Volume, ", "", "{when: {need", "leads to no pipeline", "add `pipeline: …`"),
        ("pipeline: Volume", "record_type: Volume", "record_type: V", "no record_type of its own", "`pipeline: …`"),
        ("pipeline: Volume", "pipeline: Expansion", "proposed: New", "has two lists of stages", "the same stages"),
    ],
)
def test_a_mistake_in_a_route_is_told_where_it_stands(
    home: Home, old: str, new: str, word: str, message: str, cure: str
) -> None:
    """Line and column lead to it, and the cure says what to write."""
    (told,) = with_routes(home, "hubspot", SEATS.replace(old, new))

    assert (message in told.message, told.at) == (True, place_of(home, "hubspot", word)), told
    assert cure in (told.hint or ""), told


@pytest.mark.parametrize("second", ["need: [more_seats]", "offer: [seats], kind: [upsell]"])
def test_a_route_that_is_never_reached_is_told(home: Home, second: str) -> None:
    """The same conditions again, or narrower ones after wider ones, take nothing; the narrower one first is fine."""
    later = f"{{when: {{{second}}}, pipeline: Later, stages: {STAGES}}}"
    (told,) = with_routes(home, "hubspot", SEATS, later)

    assert "routes above take all" in told.message
    line = place_of(home, "hubspot", "pipeline: Later").split(":")[1]
    assert (told.at or "").split(":")[1] == line


def test_a_route_asks_for_the_place_of_all_others(home: Home) -> None:
    """Without a pipeline at the top level, a record of the default could not be told from one of a route."""
    home.change("mappings/hubspot.yaml", "  pipeline: Expansion\n", "")

    (told,) = with_routes(home, "hubspot", SEATS)

    assert "without a pipeline for everything else" in told.message
    assert told.at == place_of(home, "hubspot", "routes:\n    - {when")


@pytest.mark.parametrize("policy", ["merge", "fill"])
def test_a_place_is_written_once(home: Home, policy: str) -> None:
    """Any policy but `create` would move what people moved; a rule that writes something else leads nowhere."""
    rule = "pipeline: {value: '{{ pipeline }}', policy: create}"
    home.change("mappings/hubspot.yaml", rule, rule.replace("create", policy))
    (moved,) = with_routes(home, "hubspot", SEATS)
    moved_at = place_of(home, "hubspot", f"policy: {policy}}}\n    dealstage")
    home.change("mappings/hubspot.yaml", rule.replace("create", policy), "pipeline: {value: fixed, policy: create}")
    (fixed,) = problems_of(home, "hubspot")

    assert ("would move records of people" in moved.message, moved.at) == (True, moved_at), moved
    assert "not written with the pipeline of its route" in fixed.message
    assert fixed.at == place_of(home, "hubspot", "value: fixed")


def test_a_record_type_needs_its_rule(home: Home) -> None:
    """An org without record types lacks the field, so no shipped rule names it: the line to add is told."""
    routes = SEATS.replace("pipeline: Volume", "record_type: Volume")
    home.change("mappings/salesforce.yaml", "  record_type_field:", "  record_type: Other\n  record_type_field:")
    (told,) = with_routes(home, "salesforce", routes)
    rule = "RecordTypeId: {value: '{{ record_type }}', policy: create}"
    home.change("mappings/salesforce.yaml", "    NextStep: {", f"    {rule}\n    NextStep: {{")

    assert "no rule writes it" in told.message
    assert f"add `{rule}`" in (told.hint or "")
    assert problems_of(home, "salesforce") == []
