"""Conditions, curves and freshness of signal rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.config.yamldoc import load
from connector.domain.catalogue import Catalogue
from connector.domain.crm_facts import crm_kinds
from connector.domain.features import Feature, known_features
from connector.domain.signal import Condition, Curve, SignalRule, Signals, freshness, problems

ROOT = Path(__file__).resolve().parents[2]
CATALOGUE = load(ROOT / "mappings" / "catalog.yaml", Catalogue).value


@pytest.mark.parametrize(
    ("condition", "value", "holds"),
    [
        (Condition(feature="x", at_least=0.9), 0.9, True),
        (Condition(feature="x", above=0.9), 0.9, False),
        (Condition(feature="x", at_most=3), 3, True),
        (Condition(feature="x", below=3), 3, False),
        (Condition(feature="x", at_least=1, below=2), 2, False),
        (Condition(feature="x", at_least=0), None, False),
        (Condition(feature="x", at_least=0), "text", False),
        (Condition(feature="x", one_of=["pro", "starter"]), "pro", True),
        (Condition(feature="x", one_of=["pro"]), None, False),
        (Condition(feature="x", is_true=True), True, True),
        (Condition(feature="x", is_true=False), False, True),
        (Condition(feature="x", is_true=False), None, False),
        (Condition(feature="x", is_true=True), 1, False),
        (Condition(feature="x", known=True), 0, True),
        (Condition(feature="x", known=False), None, True),
        (Condition(feature="x", known=False), 0, False),
        (Condition(feature="x"), None, False),
    ],
)
def test_a_comparison(condition: Condition, value: Feature, holds: bool) -> None:
    """Each comparison, at its edge; a comparison with an unknown value never holds."""
    assert condition.holds({"x": value}) is holds


def test_groups_combine() -> None:
    """`all`, `any` and `none` may be nested, and an empty condition holds."""
    both = Condition(all=[Condition(feature="a", at_least=1), Condition(feature="b", at_least=1)])
    either = Condition(any=[Condition(feature="a", at_least=1), Condition(feature="b", at_least=1)])
    neither = Condition(none=[Condition(feature="a", at_least=1), Condition(feature="b", at_least=1)])
    nested = Condition(all=[either, Condition(none=[both])])

    told = [[c.holds({"a": a, "b": b}) for a, b in ((0, 0), (1, 0), (1, 1))] for c in (both, either, neither, nested)]
    assert told == [[False, False, True], [False, True, True], [True, False, False], [False, True, False]]
    assert Condition().holds({})
    assert sorted(nested.names()) == ["a", "a", "b", "b"]


def test_strength_is_a_line_between_its_ends() -> None:
    """From zero to full, at least `least`, at most 1; it may run downwards; unknown gives the least."""
    up, down = Curve(of="x", zero_at=0.8, full_at=1.2, least=0.2), Curve(of="x", zero_at=0, full_at=-0.4)

    assert [up.strength({"x": x}) for x in (0.8, 1.2, 2.0, None)] == [0.2, pytest.approx(1), 1, 0.2]
    assert up.strength({"x": 1.0}) == pytest.approx(0.5)
    assert down.strength({"x": -0.2}) == pytest.approx(0.5)


def test_old_evidence_fades_and_then_is_none() -> None:
    """Half the strength after a half-life, nothing outside the window, never more than fresh."""
    rule = SignalRule(
        row="r",
        kind="upsell",
        strength=Curve(of="x", zero_at=0, full_at=1),
        weight=1,
        window_days=40,
        half_life_days=30,
        evidence={"en": ""},
    )

    assert [freshness(age, rule) for age in (-1, 0, 30, 41)] == [1, 1, 0.5, 0]


def test_unknown_names_are_listed_with_what_was_meant() -> None:
    """Every unknown feature, metric, need and word of evidence is told at once, each with the nearest known name."""
    rule = SignalRule(
        row="r",
        kind="upsell",
        per="metric",
        metrics=["documants"],
        needs=["higer_plan"],
        when=Condition(
            any=[Condition(feature="utilization", at_least=1), Condition(feature="owns.analytic", is_true=True)]
        ),
        strength=Curve(of="growht", zero_at=1, full_at=1),
        weight=1,
        evidence={"en": "not read here"},
    )
    known = known_features(CATALOGUE)

    found = problems(
        Signals(rules={"mine": rule}), CATALOGUE, known, {"mine": {"lable"}}, at=lambda *loc: "/".join(map(str, loc))
    )

    told = {(one.message, one.hint) for one in found}
    assert told == {
        ("unknown feature 'utilization'", "did you mean utilisation?"),
        ("unknown feature 'owns.analytic'", "did you mean owns.analytics?"),
        ("unknown feature 'growht'", "did you mean growth?"),
        ("unknown feature 'lable'", "did you mean label?"),
        ("unknown metric 'documants'", "did you mean documents?"),
        ("unknown need 'higer_plan'", "did you mean higher_plan?"),
        ("signal mine: zero_at and full_at are the same", "write two numbers"),
    }
    assert found[0].at == "rules/mine/when/any/0/feature"


def test_the_shipped_rules_know_every_name() -> None:
    """What we ship is free of problems, and speaks both languages."""
    rules = load(ROOT / "playbooks" / "signals.yaml", Signals).value

    assert problems(rules, CATALOGUE, {**known_features(CATALOGUE), **crm_kinds(())}, {}) == []
    assert all(set(rule.evidence) == {"en", "fr"} for rule in rules.rules.values())
    assert {"limit_reached", "usage_growth", "need_not_covered", "milestone", "renewal_window", "exploration"} <= {
        rule.row for rule in rules.rules.values()
    }
