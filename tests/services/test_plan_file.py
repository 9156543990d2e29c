"""Plan files are private and survive."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from connector.domain.change import Change, FieldChange, Plan, Policy, RecordType
from connector.domain.episode import Episode
from connector.domain.errors import SourceDataError
from connector.services.plan_file import read_plan, write_plan
from tests.services.delivery_world import NOW, World, opportunity


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


def test_a_redacted_plan_shows_no_value_and_cannot_be_applied(tmp_path: Path) -> None:
    """What is shared says which fields of which records change, and nothing that a customer typed."""
    path = tmp_path / "plan.json"
    change = Change(
        "opportunity:k",
        "update",
        RecordType.OPPORTUNITY,
        "k",
        "001A",
        "Call Jo Lee of Acme",
        "47 of 50 seats used",
        fields=(FieldChange("Amount", "secret-before", "secret-after", Policy.MERGE),),
        agreed=(FieldChange("Name", "secret-name", "secret-name", Policy.MERGE),),
    )
    episode = Episode("k", "001A", "seats", 1, NOW, brief={"contact": "Jo Lee"})
    write_plan(path, Plan("r", "sync", "d", NOW, "", "", "", (change,), episodes=(episode,)), redact=True)

    text = path.read_text(encoding="utf-8")

    assert "Amount" in text
    assert not any(word in text for word in ("secret", "Jo Lee", "Acme", "seats"))
    with pytest.raises(SourceDataError, match="a redacted plan cannot be applied"):
        read_plan(path)
