"""Links are settled before any run, on both CRMs: read from both sides, decided by people, told in the audit trail."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.world import Site, World


@pytest.fixture
def empty(site: Site, crm: str, tmp_path: Path) -> World:
    """A CRM without anything of ours, and a connector that never ran."""
    return site.at(crm, "empty", tmp_path)


def links(world: World, *args: str) -> dict[str, dict[str, Any]]:
    """Links by billing account."""
    ran = world.run("link", "list", "--json", *args)
    assert ran.code == 0, ran.err
    return {one["billing_id"]: one for one in ran.json["links"]}


def test_links_are_settled_before_any_run(empty: World) -> None:
    """Nothing is installed and no run was made: who is who is read, decided, kept by the first sync and audited."""
    waiting = empty.run("link", "suggest", "--all", "--json")

    assert waiting.code == 0, waiting.err
    assert empty.side.writes() == []
    first, second = [one["billing_id"] for one in waiting.json["suggestions"]][:2]
    known = links(empty)
    linked = [one for one in known.values() if one["state"] == "linked"]
    assert len(linked) > len(known) // 2
    (there, taken), mine = [one["crm"]["id"] for one in linked[:2]], linked[1]["billing_id"]
    file = empty.folder / "links.csv"
    file.write_text(f"billing_id,crm_id,by,note\n{first},{there},Ana,asked them\n{mine},{there},Ana,\n", "utf-8")
    for command in (
        ("set", second, there, "--by", "Ben", "--note", "same house"),
        ("import", str(file), "--yes"),
        ("unset", second, "--by", "Ben"),
    ):
        assert empty.run("link", *command).code == 0
    trail = json.loads(empty.run("audit", "list", "--act", "link", "--json").out)["records"]
    told = [(one["by"], one["subject"], one["account_id"], one["values"]["state"]) for one in reversed(trail)]
    assert told == [
        ("Ben", second, there, "linked"),
        ("Ana", first, there, "linked"),
        ("Ana", mine, taken, "no longer linked"),
        ("Ana", mine, there, "linked"),
        ("Ben", second, there, "no longer linked"),
        ("Ben", second, second, "unset"),
    ]
    assert trail[-2]["values"]["file"] == "links.csv"
    assert empty.run("audit", "verify").code == 0
    assert empty.side.writes() == []

    assert empty.run("install", "--yes").code == 0
    empty.sync()

    after = links(empty)
    assert (after[first]["crm"]["id"], after[first]["decided_by"]) == (there, "Ana")
    assert after[second]["state"] == "unset"


def test_links_are_settled_in_a_shadow_pilot(empty: World) -> None:
    """A destination that nobody agreed to write to has links all the same, and a mapping edited since is followed."""
    empty.edit_yaml("playbooks/policy.yaml", lambda document: document.update(mode="shadow"))
    assert empty.run("sync", "--json").code == 0
    before = links(empty)
    empty.edit_yaml(f"mappings/{empty.side.crm}.yaml", lambda document: document["account"].pop("domain"))

    assert empty.run("link", "suggest", "--refresh", "--json").code == 0

    after = links(empty)
    assert sum(one["method"] == "domain" for one in before.values()) > 0
    assert sum(one["method"] == "domain" for one in after.values()) == 0


def test_what_was_decided_of_a_forgotten_customer_is_not_told(empty: World) -> None:
    """The decision stays in the chain; whom it was about, and what was said of it, goes."""
    waiting = empty.run("link", "suggest", "--all", "--json").json["suggestions"]
    mine = waiting[0]["billing_id"]
    assert empty.run("link", "unset", mine, "--by", "Ana", "--note", "went bankrupt").code == 0

    gone = empty.run("forget", mine, "--by", "Ana", "--yes", "--json")

    assert gone.code == 0, gone.err
    trail = empty.run("audit", "list", "--json").out
    assert mine not in trail
    assert "bankrupt" not in trail
    assert empty.run("audit", "verify").code == 0
