"""`whatif` says what other rules would decide, agrees with what they then do decide, and writes nothing."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

from tests.e2e.test_explain import PROPOSED, decided
from tests.e2e.world import World

POLICY, SIGNALS = "playbooks/policy.yaml", "playbooks/signals.yaml"


def digest(folder: Path) -> dict[str, str]:
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def proposals(world: World) -> set[tuple[str, str, str]]:
    found = decided(world).items()
    return {(id, offer, form) for id, some in found for offer, form in some.items() if form in PROPOSED}


def test_what_it_says_is_what_the_changed_rules_then_decide(installed: World) -> None:
    """Each proposal that appears, goes or changes its form is one that a plan under those rules makes, and no other."""
    assert installed.run("plan", "--json").code == 0
    before, state, home = proposals(installed), digest(installed.state), digest(installed.home)
    branch = installed.folder / "branch" / "playbooks"
    branch.mkdir(parents=True)
    signals = yaml.safe_load((installed.home / SIGNALS).read_text("utf-8"))
    for rule in signals["rules"].values():
        rule["weight"] = rule["weight"] * 1.6 if rule["weight"] > 0 else rule["weight"]
    (branch / "signals.yaml").write_text(yaml.safe_dump(signals, allow_unicode=True), encoding="utf-8")
    picture = installed.folder / "whatif.svg"

    changed = ("--with", str(branch.parent), "--set", f"{POLICY}:caps.per_owner_week=2")
    ran = installed.run("whatif", *changed, "--plot", str(picture), "--json")

    assert ran.code == 0, ran.err
    assert not installed.side.control.requests, "it called the CRM"
    assert (digest(installed.state), digest(installed.home)) == (state, home)
    installed.edit_yaml(POLICY, lambda policy: policy["caps"].update(per_owner_week=2))
    (installed.home / SIGNALS).write_text((branch / "signals.yaml").read_text("utf-8"), encoding="utf-8")
    assert installed.run("plan", "--json", fresh=True).code == 0
    after = proposals(installed)
    assert after != before
    assert _applied(before, ran.json["rows"]) == after
    _totals_hold(ran.json, before, after)
    _picture_holds(picture, ran.json)


def _applied(before: set[tuple[str, str, str]], rows: list[dict[str, Any]]) -> set[tuple[str, str, str]]:
    gone = {(row["account_id"], row["offer"]) for row in rows if row["kind"] in ("goes", "changes")}
    new = {
        (row["account_id"], row["offer"], row["then"]["decision"])
        for row in rows
        if row["kind"] in ("appears", "changes")
    }
    return {one for one in before if one[:2] not in gone} | new


def _totals_hold(told: dict[str, Any], before: set[tuple[str, str, str]], after: set[tuple[str, str, str]]) -> None:
    for side, proposed in (("now", before), ("then", after)):
        forms = Counter(form for _, _, form in proposed)
        totals = told["totals"][side]
        assert (totals["opportunities"], totals["tasks"]) == (forms["opportunity"], forms["task"])
        assert sum(owner[side] for owner in told["owners"]) == len(proposed)
    assert max(owner["then"] for owner in told["owners"]) <= 2


def _picture_holds(picture: Path, told: dict[str, Any]) -> None:
    """An offer a row, a bar and its count for whatever goes or appears."""
    texts = [one.text for one in ElementTree.parse(picture).iter() if one.tag.endswith("text")]
    for one in told["by_offer"]:
        assert one["label"] in texts
    counts = sorted(str(one[side]) for one in told["by_offer"] for side in ("goes", "appears") if one[side])
    assert counts
    assert sorted(text for text in texts if text and text.isdecimal()) == counts


@pytest.mark.parametrize("crm", ["hubspot"])
@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("--set", f"{POLICY}:caps.owner_week=3"), "did you mean per_owner_week?"),
        (("--set", f"{POLICY}:cap.per_owner_week=3"), "there is no 'cap'"),
        (("--set", "policy=3"), "--set playbooks/policy.yaml:caps.per_owner_week=3"),
        (("--set", f"{POLICY}:p_minimum=high"), "p_minimum"),
        (("--with", "nowhere.yaml"), "there is no nowhere.yaml"),
        ((), "name changed documents"),
        (("--set", f"{POLICY}:p_minimum=0.1", "--plot", "x.png"), "ends in .svg"),
    ],
)
def test_what_cannot_be_tried_is_refused_with_its_cure(installed: World, asked: tuple[str, ...], said: str) -> None:
    """A mistake in the branch is told as `check` tells it; exit 2."""
    assert installed.run("plan", "--json").code == 0

    ran = installed.run("whatif", *asked)

    assert ran.code == 2
    assert said in ran.err


@pytest.mark.parametrize("crm", ["hubspot"])
def test_a_mistake_in_a_changed_file_is_told_with_its_line(installed: World) -> None:
    """The line is the one in the changed file."""
    text = (installed.home / SIGNALS).read_text("utf-8").replace("feature: utilisation,", "feature: utilisatio,", 1)
    changed = installed.folder / "signals.yaml"
    changed.write_text(text, encoding="utf-8")

    ran = installed.run("whatif", "--with", str(changed))

    assert ran.code == 2
    assert "playbooks/signals.yaml:" in ran.err
    assert "did you mean utilisation?" in ran.err


@pytest.mark.parametrize("crm", ["hubspot"])
def test_the_same_rules_change_nothing_and_what_is_not_weighed_is_named(installed: World) -> None:
    """Another scope or limit is not compared here, and said so."""
    assert installed.run("plan", "--json").code == 0

    told = installed.run("whatif", "--set", f"{POLICY}:scope.segments=[mid]", "--json").json

    assert told["rows"] == []
    assert any("scope" in note for note in told["not_weighed"])
    drawn = installed.run("whatif", "--set", f"{POLICY}:holdout={{share: 0.1, salt: a}}", "--json").json
    assert drawn["rows"] == []
    assert any("holdout" in note for note in drawn["not_weighed"])
