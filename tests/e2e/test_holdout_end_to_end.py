"""D36: customers that are held out get no expansion, and everything else; what stood before stands."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

from connector.adapters.ledger import Ledger
from connector.domain.holdout import Arm, Assignment, drawn
from connector.domain.link import linked
from tests.e2e.test_pilot_limits import homes, limit, plan
from tests.e2e.world import CRMS, Site, World

SHARE = 0.2
OF_THE_DAY = re.compile("week|modified|modstamp", re.IGNORECASE)
"""Fields that tell which day it is."""
Made = dict[str, set[str]]


def choose(world: World, salt: str) -> None:
    limit(world, holdout={"share": SHARE, "salt": salt})


def kept(world: World, salt: str) -> Mapping[str, Assignment]:
    """What the ledger holds, by billing account."""
    with Ledger(f"sqlite:///{world.state / 'ledger.db'}") as ledger:
        return ledger.arms.all(salt)


def lots(world: World, salt: str) -> Mapping[str, Assignment]:
    """The same by CRM account."""
    with Ledger(f"sqlite:///{world.state / 'ledger.db'}") as ledger:
        links = linked(ledger.links.all(ledger.runs.list(1)[0].destination))
        return {links[id]: one for id, one in ledger.arms.all(salt).items()}


def held_out(world: World, salt: str) -> set[str]:
    return {id for id, one in lots(world, salt).items() if one.arm is Arm.HELD_OUT}


def created(world: World) -> tuple[Made, Made]:
    """Records that a plan makes, by account: what proposes an expansion, and what does not. Cards are neither."""
    found: tuple[Made, Made] = ({}, {})
    for one in plan(world):
        if one["action"] == "create" and one["type"] in ("opportunity", "task"):
            proposes = one["type"] == "opportunity" or one["reason"].startswith(("negotiation", "propose_trial"))
            found[not proposes].setdefault(one["account_id"], set()).add(one["title"])
    return found


def a_salt_for(account: str, known: Mapping[str, Assignment], free: set[str]) -> str:
    """A salt whose lot falls on an account and leaves one of some others free, found as anybody may find it."""

    def arm(id: str, salt: str) -> Arm:
        return drawn(salt, known[id].parent, known[id].stratum, SHARE)

    return next(
        salt
        for salt in map("salt-{}".format, count())
        if arm(account, salt) is Arm.HELD_OUT and any(arm(id, salt) is Arm.PROPOSED for id in free)
    )


def lots_of(world: World) -> Mapping[str, Assignment]:
    """Draw once, to learn of what is drawn."""
    choose(world, "probe")
    world.sync()
    return lots(world, "probe")


def test_who_is_held_out_gets_no_expansion_and_its_review(again: Callable[[str], World]) -> None:
    """No opportunity, task or play that proposes; reviews, help and news as before; unchanged, nothing is written."""
    before = again("before")
    proposals, rest = created(before)
    both = sorted(set(proposals) & set(rest))
    known = lots_of(before)
    salt = a_salt_for(both[0], known, set(proposals))
    world = again("after")
    choose(world, salt)

    some, others = created(world)
    assert kept(world, salt) == {}  # a plan keeps nothing
    first = world.sync()

    held = held_out(world, salt)
    assert both[0] in held
    assert set(some)
    assert not set(some) & held
    assert {id: rest[id] for id in rest.keys() & held} == {id: others.get(id) for id in rest.keys() & held}
    assert not {id for ids in homes(world, "opportunity").values() for id in ids} & held
    reviews = {one.id for one in world.side.ours("task") if both[0] in homes(world, "task")[one.key or ""]}
    assert len(reviews) == len(rest[both[0]])
    assert first["held"]["held_out"] >= 1
    assert all(one.arm is drawn(salt, one.parent, one.stratum, SHARE) for one in kept(world, salt).values())
    world.sync()  # a document that cannot carry a key is sent again once
    quiet = world.sync()
    assert not world.side.writes()
    assert {name: quiet["plan"][name] for name in ("create", "update", "close", "associate")} == dict.fromkeys(
        ("create", "update", "close", "associate"), 0
    )


def test_it_is_explained_and_turned_off_the_next_run_proposes(again: Callable[[str], World]) -> None:
    """`explain` names it in both languages, with what would end it; off, the account gets what it would have got."""
    before = again("before")
    proposals, _ = created(before)
    best = max(proposals, key=lambda id: len(proposals[id]))
    known = lots_of(before)
    salt = a_salt_for(best, known, set(proposals))
    world = again("after")
    choose(world, salt)
    world.sync()

    told = {language: world.run("explain", best, "--language", language).out for language in ("en", "fr")}
    explained = world.run("explain", best, "--json").json
    limit(world, holdout=None)
    world.later(days=8)
    world.sync()

    assert "held out: nothing is proposed to it" in told["en"]
    assert "would be proposed" in told["en"]
    assert "if the holdout were over" in told["en"]
    assert "compte témoin" in told["fr"]
    assert "held_out" in {one["decision"] for one in explained["scores"]}
    assert explained["arm"] == "held_out"
    reached = {id for type in ("opportunity", "task") for ids in homes(world, type).values() for id in ids}
    assert best in reached
    assert "held_out" not in world.sync()["held"]
    assert held_out(world, salt)  # what was drawn stays drawn


def test_what_stood_before_stands(site: Site, crm: str, tmp_path: Path) -> None:
    """What was open when the holdout began is neither closed nor written to; its owner goes on with it."""
    probe = site.at(crm, "synced", tmp_path / "probe")
    opportunity = probe.side.ours("opportunity")[0]
    (account,) = probe.side.account_of(opportunity, "opportunity")
    known = lots_of(probe)
    salt = a_salt_for(account, known, set(known) - {account})
    world = site.at(crm, "synced", tmp_path / "world")
    (world.home / "playbooks" / "plays.yaml").unlink()  # what proposes nothing begins for everybody
    world.sync()
    choose(world, salt)
    world.later(days=9)
    before = _shown(world, account)

    world.sync()
    after = _shown(world, account)
    world.side.move(opportunity, "consult")
    world.stages()

    assert account in held_out(world, salt)
    assert after == before
    assert _shown(world, account).keys() > before.keys()


def _shown(world: World, account: str) -> dict[str, dict[str, Any]]:
    """Everything of ours on an account by key, but for its place in its owner's list of the week."""
    found = {}
    for type in ("opportunity", "task"):
        where = homes(world, type)
        for one in world.side.ours(type):
            if account in where[one.key or ""]:
                kept = {name: value for name, value in one.values.items() if not OF_THE_DAY.search(name)}
                found[one.key or ""] = kept
    return found


def test_the_command_tells_what_it_could_find_and_then_what_it_found(site: Site, tmp_path: Path) -> None:
    """Before it is chosen: the size; once drawn: too early; when the days are over: not yet measurable, and why."""
    world = site.at(CRMS[0], "synced", tmp_path / "w")
    offered = world.run("holdout", "--json").json
    text = world.run("holdout").out
    choose(world, "autumn")
    chosen = world.run("holdout").out
    world.sync()
    drawn_on = world.now
    early = world.run("holdout", "--json").json
    soon = world.run("holdout").out
    world.now += timedelta(days=120)
    late = world.run("holdout", "--json").json
    said = world.run("holdout").out
    limit(world, holdout=None)
    over = world.run("holdout", "--json").json

    assert offered["holdout"] is None
    assert 0 < offered["accounts"] <= 60
    assert [one["held_out"] + one["proposed"] for one in offered["offers"]] == [offered["accounts"]] * 2
    assert "too few to measure" in text
    assert "holdout: {share: 0.1" in text
    assert "the next `connector sync` draws it" in chosen
    assert (early["verdict"], early["effect"]) == ("too_early", None)
    assert early["holdout"] == {"salt": "autumn", "share": SHARE, "on": [[drawn_on.isoformat(), None]], "is_on": True}
    assert sum(one["drawn"] for one in early["arms"].values()) == len(kept(world, "autumn")) == offered["accounts"]
    assert f"from {early['first_result_on']} on" in soon
    assert all(one["accounts"] == one["drawn"] for one in late["arms"].values())
    assert late["verdict"] == "power_too_low"
    assert late["effect"]["low"] < late["effect"]["difference"] < late["effect"]["high"]
    assert "Not yet measurable: too few accounts or adoptions" in said
    assert (over["holdout"]["salt"], over["holdout"]["is_on"]) == ("autumn", True)  # no run has heard of it yet


def test_another_share_is_refused_with_its_line(site: Site, tmp_path: Path) -> None:
    """A holdout that began keeps its share: exit 2, the line, and both ways out; nothing is written."""
    world = site.at(CRMS[0], "installed", tmp_path / "w")
    choose(world, "autumn")
    world.sync()
    limit(world, holdout={"share": 0.1, "salt": "autumn"})

    ran = world.run("sync", "--json")

    assert ran.code == 2
    (told,) = ran.json["errors"]
    assert told["at"].startswith("playbooks/policy.yaml")
    assert "another salt" in told["hint"]
    assert not world.side.writes()
