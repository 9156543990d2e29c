"""The stand-ins of one test session, empty for each test, and a project folder with the shipped documents."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from input_bench import Cli, Home, Portal, environment, new_home

from connector.sandbox.serve import World, sandbox

# The runner of localstripe lives beside its own tests; first, so that it is meant and not the package it runs.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "sandbox"))


@pytest.fixture(scope="session")
def stand_ins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Stripe, Salesforce and HubSpot with what a new account has, and the `env` that reaches them."""
    with sandbox(World(seed=None), tmp_path_factory.mktemp("stand-ins")) as told:
        yield told


@pytest.fixture
def portal(stand_ins: dict[str, Any]) -> Portal:
    """HubSpot, empty."""
    made = Portal(stand_ins["hubspot"]["base_url"], stand_ins["hubspot"]["access_token"])
    made.reset()
    return made


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A project folder with the shipped documents."""
    return new_home(tmp_path / "project")


@pytest.fixture
def cli(home: Home, stand_ins: dict[str, Any], tmp_path: Path) -> Cli:
    """The command line on that project, with billing from files alone, into HubSpot."""
    return Cli(environment(home, stand_ins, tmp_path / "state", SOURCE="files"))
