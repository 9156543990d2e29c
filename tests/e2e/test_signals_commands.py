"""`connector signals`: the rules, one tried on an account, and what all would have said last quarter."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from tests.e2e.world import World


@pytest.fixture(params=["hubspot"])
def crm(request: pytest.FixtureRequest) -> str:
    """Signals are read from billing alone: one CRM stands for both."""
    return str(request.param)


def test_coverage_tells_what_fired_how_often_and_on_whom(synced: World) -> None:
    """Thirteen weeks, each as known then, with names, reasons and a plot that shows every rule; nothing is written."""
    plot = synced.folder / "coverage.svg"
    before = len(synced.side.writes())

    told = synced.run("signals", "coverage", "--json", "--plot", str(plot)).json

    by_rule = {one["rule"]: one for one in told["rules"]}
    seats = by_rule["seats_near_limit"]
    assert len(told["days"]) == len(seats["accounts_by_day"]) == 13
    assert 0 < seats["accounts_now"] == seats["accounts_by_day"][-1] <= seats["accounts_ever"] == len(seats["on"])
    assert len(set(seats["accounts_by_day"])) > 1, "past weeks are measured anew, not repeated"
    assert any("days_near_limit at least 5" in why["reason"] for why in seats["silent_because"])
    assert sum(one["accounts_ever"] > 0 for one in told["rules"]) > 15
    drawn = ElementTree.parse(plot).getroot()
    assert set(by_rule) <= {text.text for text in drawn.iter("{http://www.w3.org/2000/svg}text")}
    assert len(synced.side.writes()) == before


def test_a_rule_says_why_it_fires_and_why_it_does_not(synced: World) -> None:
    """Each part of the condition that fails is told with its value and threshold; what fires is told in its words."""
    told = synced.run("signals", "test", "seats_near_limit", "--json").json

    fires = [case for case in told["cases"] if case["fires"]]
    silent = [case for case in told["cases"] if not case["fires"]]
    assert fires
    assert all("seats in use at the peak" in case["evidence"] and not case["misses"] for case in fires)
    assert all(case["misses"] for case in silent)
    of_use = [miss for case in silent for miss in case["misses"] if miss["feature"] == "utilisation"]
    assert of_use
    assert all(miss["found"] is None or miss["found"] < 0.9 for miss in of_use)

    one = synced.run("signals", "test", "seats_near_limit", "--account", silent[0]["account_id"])
    assert one.code == 0
    assert silent[0]["misses"][0]["wanted"] in one.out


def test_what_nobody_knows_is_told_with_the_cure(synced: World) -> None:
    """A rule's or an account's name that leads nowhere ends with exit 2 and what was probably meant."""
    rule = synced.run("signals", "test", "seats_near_limt")
    account = synced.run("signals", "test", "seats_near_limit", "--account", "nobody at all")

    assert (rule.code, account.code) == (2, 2)
    assert "did you mean seats_near_limit?" in rule.err
    assert "no billing account is called" in account.err


def test_rules_are_listed_as_people_say_them(synced: World) -> None:
    """The list needs no data, and says each condition in words."""
    told = synced.run("signals", "list", "--json").json["rules"]

    seats = next(one for one in told if one["rule"] == "seats_near_limit")
    assert seats["when"] == "limit at least 3 and utilisation at least 0.9 and days_near_limit at least 5"


def test_d11_what_a_colleague_writes_on_an_account_is_cited_by_the_next_run(synced: World) -> None:
    """D11: type and day are read from mapped account fields, stand in the reasons of the next run, and settle."""
    mapping = synced.home / "mappings" / "hubspot.yaml"
    text = mapping.read_text("utf-8")
    for field, other in (("expansion_reported", "expansion_interests"), ("expansion_reported_on", "expansion_drivers")):
        assert f": {field}\n" in text
        text = text.replace(f": {field}\n", f": {other}\n")
    mapping.write_text(text, "utf-8")
    (account,) = synced.side.account_of(synced.side.ours("opportunity")[0], "opportunity")
    synced.side.write("account", {"expansion_interests": "opens in Spain", "expansion_drivers": "2026-09-20"}, account)

    assert synced.run("sync", "--json").code == 0

    cases = synced.run("signals", "test", "told_by_a_colleague", "--json").json["cases"]
    words = "opens in Spain (told by a colleague, 20 Sept 2026)"
    assert {case["evidence"] for case in cases if case["fires"]} == {words}
    signals = synced.run("explain", account, "--json").json["signals"]
    assert f"{words}; data to 20 September 2026" in {one["evidence"] for one in signals}
    again = synced.run("sync", "--json").json
    assert sum(again["written"].values()) == 0
