"""A simulation decides on recorded data, writes nothing, and gives nobody more than the cap."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.world import World


def test_a_simulation_keeps_the_cap_and_writes_nothing(installed: World, tmp_path: Path) -> None:
    """Two weeks of decisions: somebody gets something, nobody more than the cap, and the CRM hears of nothing."""
    installed.sync(fresh=True)  # it decides on the warehouse itself
    installed.side.control.requests.clear()
    plot = tmp_path / "noise.html"

    told = installed.run("simulate", "--from", "2026-09-01", "--days", "14", "--plot", str(plot), "--json").json

    assert told["people"]
    assert 0 < told["most_proposals_in_a_week"] <= told["cap"]
    assert not installed.side.writes()
    assert "<svg" in plot.read_text("utf-8")
