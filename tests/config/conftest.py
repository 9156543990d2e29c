"""The shipped project, in a folder of its own."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from config_home import Home

from connector.config.settings import shipped


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A copy of the shipped mappings and playbooks."""
    for part in ("mappings", "playbooks"):
        shutil.copytree(shipped() / part, tmp_path / part)
    return Home(tmp_path)
