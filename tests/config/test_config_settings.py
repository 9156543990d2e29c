"""Settings come from the environment; a wrong one is named, its value never shown."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector.config.settings import load_settings
from connector.domain.errors import ConfigError

SECRETS = (
    "CONNECTOR_STRIPE__API_KEY",
    "CONNECTOR_SALESFORCE__CONSUMER_KEY",
    "CONNECTOR_SALESFORCE__CONSUMER_SECRET",
    "CONNECTOR_HUBSPOT__ACCESS_TOKEN",
    "CONNECTOR_HUBSPOT__CLIENT_SECRET",
    "CONNECTOR_HUBSPOT__REFRESH_TOKEN",
)


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the machine the tests run on."""
    for name in [name for name in os.environ if name.startswith("CONNECTOR_")]:
        monkeypatch.delenv(name)


def test_defaults(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without any variable the project is here and its state in `.connector`."""
    monkeypatch.chdir(tmp_path)

    loaded = load_settings()

    assert (loaded.home, loaded.state) == (tmp_path, tmp_path / ".connector")
    assert loaded.ledger == f"sqlite:///{tmp_path}/.connector/ledger.db"
    assert loaded.source == ("stripe",)


def test_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists are separated by commas, nested names by `__`, and a moment without a zone is UTC."""
    monkeypatch.setenv("CONNECTOR_SOURCE", " stripe, files ,")
    monkeypatch.setenv("CONNECTOR_NOW", "2026-09-30T12:00:00")
    monkeypatch.setenv("CONNECTOR_STRIPE__BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("CONNECTOR_WAREHOUSE_URL", "duckdb:////tmp/w.duckdb")

    loaded = load_settings()

    assert loaded.source == ("stripe", "files")
    assert loaded.now == datetime(2026, 9, 30, 12, tzinfo=UTC)
    assert loaded.stripe.base_url == "http://127.0.0.1:9"
    assert loaded.warehouse == "/tmp/w.duckdb"


@pytest.mark.parametrize("name", ["CONNECTOR_NOW", "CONNECTOR_CRM", "CONNECTOR_STRIPE__API_KEY"])
def test_empty_is_not_set(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A variable that is set but empty counts as not set."""
    before = load_settings()
    monkeypatch.setenv(name, "")

    assert load_settings() == before


@pytest.mark.parametrize(
    "name",
    [
        "CONNECTOR_CRM",
        "CONNECTOR_NOW",
        "CONNECTOR_LOG",
        "CONNECTOR_STRIPE__METER_CALLS",
        "CONNECTOR_STRIPE__ALLOW_SECRET_KEY",
        "CONNECTOR_SALESFORCE__AUTH",
        "CONNECTOR_STRIPE",
        "CONNECTOR_HUBSPOT",
    ],
)
def test_bad_value(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A bad value is the operator's to mend: its variable is named, what it holds is not shown."""
    monkeypatch.setenv(name, "rk_live_pasted_in_the_wrong_place")

    with pytest.raises(ConfigError) as refused:
        load_settings()

    assert name in str(refused.value)
    assert "pasted" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_every_bad_value_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two bad variables are told together."""
    monkeypatch.setenv("CONNECTOR_CRM", "dynamics")
    monkeypatch.setenv("CONNECTOR_LOG", "loud")

    with pytest.raises(ConfigError) as refused:
        load_settings()

    assert len(refused.value.problems) == 2


@given(secret=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=12, max_size=40))
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_secrets_are_never_shown(monkeypatch: pytest.MonkeyPatch, secret: str) -> None:
    """No secret appears in what settings print as, a database's password neither."""
    for name in SECRETS:
        monkeypatch.setenv(name, secret)
    monkeypatch.setenv("CONNECTOR_LEDGER_URL", f"postgresql+psycopg://me:{secret}@db/ledger")

    loaded = load_settings()

    key = loaded.stripe.api_key
    assert key is not None
    assert key.get_secret_value() == secret
    shown = f"{loaded} {loaded!r} {loaded.hubspot} {loaded.salesforce!r}"
    assert secret not in shown
