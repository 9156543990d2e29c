"""Plan files are private and survive."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from connector.domain.errors import SourceDataError
from connector.services.plan_file import read_plan, write_plan
from tests.services.delivery_world import World, opportunity


def test_a_plan_file_is_for_its_owner_only(tmp_path: Path) -> None:
    """A plan reads back as written, from a file of mode 0600, even where another stood."""
    world = World(tmp_path)
    plan = world.plan([opportunity(1)])
    path = tmp_path / "plan.json"
    path.write_text("older")
    path.chmod(0o644)

    write_plan(path, plan)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_plan(path) == plan


def test_a_missing_plan_file_is_named(tmp_path: Path) -> None:
    """The error names the file and how to make one."""
    with pytest.raises(SourceDataError, match=r"none\.json: the plan cannot be read"):
        read_plan(tmp_path / "none.json")
