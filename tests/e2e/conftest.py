"""The served company, and worlds of it put back to a known moment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.running import Processes
from tests.e2e.world import CRMS, Site, World, served


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Billing and both CRMs, served for the session."""
    with served(tmp_path_factory.mktemp("site")) as made:
        yield made


@pytest.fixture(scope="session")
def processes() -> Processes:
    """Starts processes that may be killed."""
    return Processes()


@pytest.fixture(params=CRMS)
def crm(request: pytest.FixtureRequest) -> str:
    """Each CRM in turn."""
    return str(request.param)


@pytest.fixture
def installed(site: Site, crm: str, tmp_path: Path) -> World:
    """A CRM with our fields and nothing of ours in it."""
    return site.at(crm, "installed", tmp_path)


@pytest.fixture
def synced(site: Site, crm: str, tmp_path: Path) -> World:
    """A CRM after a first delivery."""
    return site.at(crm, "synced", tmp_path)


@pytest.fixture
def again(site: Site, crm: str, tmp_path: Path) -> Callable[[str], World]:
    """The same moment once more, in a folder of its own: `again("kill 3")`."""
    return lambda name: site.at(crm, "installed", tmp_path / name)
