"""Show 3: noise before it is sent: nobody would get more than the week's cap, and the plot shows it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.world import Site, World


@pytest.fixture
def world(site: Site, tmp_path: Path) -> World:
    """A CRM that was followed once."""
    return site.at("salesforce", "synced", tmp_path)


def test_nobody_gets_more_than_the_cap_in_any_week(world: World, tmp_path: Path) -> None:
    """A quarter of recorded data: begun things stay within the cap, every week is drawn, and nothing is written."""
    before = sorted((one.id, str(one.values)) for one in world.side.all("task"))
    picture = tmp_path / "calendar.svg"
    assert world.run("plan", "--json", fresh=True).code in (0, 4), "billing is pulled into this world's own warehouse"

    ran = world.run("simulate", "--from", "2026-07-01", "--days", "91", "--plot", str(picture), "--json")

    assert ran.code == 0, ran.err
    told = ran.json
    assert told["people"]
    assert max(one["most_begun_in_seven_days"] for one in told["people"]) <= told["cap"]
    assert sum(sum(one["tasks_by_week"]) for one in told["people"]) > 10
    assert len(told["weeks"]) == 14
    assert sum(sum(one["begun_by_week"]) for one in told["people"]) > 50
    drawn = picture.read_text("utf-8")
    assert all(one["owner"] in drawn for one in told["people"])
    assert not world.side.writes()
    assert sorted((one.id, str(one.values)) for one in world.side.all("task")) == before


def test_a_day_that_is_none_is_told(world: World) -> None:
    """What is no day is refused with how to write one."""
    ran = world.run("simulate", "--from", "tomorrow")

    assert ran.code == 2
    assert "write it like 2026-08-24" in ran.err
