"""The README's Compose file and systemd unit: whole, consistent with the image, and known to those who read them."""

from __future__ import annotations

import re
import shutil
import subprocess
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest
import yaml

from connector.config.settings import Settings, unknown_variables

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
SERVICE_KEYS = {
    *("image", "env_file", "environment", "volumes", "read_only", "cap_drop", "security_opt"),
    *("depends_on", "restart", "stop_grace_period", "healthcheck"),
}
"""Keys of a service by the Compose specification, as far as the file uses them."""


def block(kind: str, first: str) -> str:
    """The README's block that begins with a line."""
    return next(text for text in re.findall(rf"```{kind}\n(.*?)```", README, re.S) if text.startswith(first))


@pytest.fixture
def compose() -> Any:
    return yaml.safe_load(block("yaml", "# compose.yaml"))


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    file = tmp_path / "connector.service"
    file.write_text(block("ini", "# /etc/systemd/system/connector.service"), encoding="utf-8")
    return file


def test_compose_is_of_the_specifications_form(compose: Any) -> None:
    """Every key is one of the specification's; every named volume and every dependency is declared."""
    services = compose["services"]
    named = {
        volume.split(":")[0]
        for service in services.values()
        for volume in service["volumes"]
        if not volume.startswith((".", "/"))
    }

    assert set(compose) == {"services", "volumes"}
    assert all(set(service) <= SERVICE_KEYS for service in services.values())
    assert named == set(compose["volumes"])
    for service in services.values():
        for other, condition in service.get("depends_on", {}).items():
            assert condition == {"condition": "service_healthy"}
            assert "test" in services[other]["healthcheck"]


def test_compose_and_image_agree(compose: Any) -> None:
    """The root is read-only, the state is the image's volume, the project lies where the image looks."""
    connector = compose["services"]["connector"]

    assert connector["read_only"] is True
    assert "state:/state" in connector["volumes"]
    assert ".:/project:ro" in connector["volumes"]
    assert 'VOLUME ["/state"]' in DOCKERFILE
    assert "CONNECTOR_HOME=/project" in DOCKERFILE


def test_compose_names_settings_that_exist_and_pins_what_it_pulls(
    compose: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every variable is a setting, the ledger's address leads to the other service, no password stands in the file."""
    services = compose["services"]
    given = services["connector"]["environment"]
    for name, value in given.items():
        monkeypatch.setenv(name, value.replace("${LEDGER_PASSWORD:?set it in .env}", "secret"))
    user, database = (services["ledger"]["environment"][f"POSTGRES_{part}"] for part in ("USER", "DB"))

    assert [one for one in unknown_variables() if one.message.split()[0] in given] == []
    assert Settings().ledger == f"postgresql://{user}:secret@ledger/{database}"
    assert re.fullmatch(r"postgres:\d+\.\d+", services["ledger"]["image"])
    assert services["ledger"]["environment"]["POSTGRES_PASSWORD"].startswith("${")


def test_the_unit_runs_what_is_installed_and_leaves_what_needs_mending(unit: Path) -> None:
    """It starts `connector run` from the checkout's environment, keeps its state, and does not loop on exit 2."""
    read = ConfigParser(strict=True, interpolation=None)
    read.optionxform = str  # type: ignore[assignment, method-assign]
    read.read(unit)
    service = read["Service"]
    given = dict(pair.split("=", 1) for pair in service["Environment"].split())

    assert read.sections() == ["Unit", "Service", "Install"]
    assert service["ExecStart"] == "/opt/connector/.venv/bin/connector run"
    assert given["CONNECTOR_STATE_DIR"] == f"/var/lib/{service['StateDirectory']}"
    assert given["CONNECTOR_HOME"] == service["WorkingDirectory"]
    assert (service["RestartPreventExitStatus"], service["Restart"]) == ("2", "on-failure")


def test_systemd_finds_nothing_wrong_with_the_unit(unit: Path) -> None:
    """`systemd-analyze verify` is silent, with a program in the place of ours."""
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("no systemd-analyze on this machine")
    text = unit.read_text(encoding="utf-8").replace("/opt/connector/.venv/bin/connector", "/bin/true")
    unit.write_text(text, encoding="utf-8")

    done = subprocess.run([analyze, "verify", unit], capture_output=True, text=True, check=False)

    assert [line for line in done.stderr.splitlines() if unit.name in line] == []
