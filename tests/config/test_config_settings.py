"""Settings come from the environment; a wrong one is named, its value never shown."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector.bootstrap import business_now
from connector.config.project import load_project
from connector.config.settings import load_settings, shipped, unknown_variables
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
    assert loaded.now == datetime(2026, 9, 30, 12)  # noqa: DTZ001 no offset was given
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


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CONNECTOR_STRIPE__BASE_URL", "ftp://stripe.example"),
        ("CONNECTOR_HUBSPOT__BASE_URL", "api.hubapi.com"),
        ("CONNECTOR_SALESFORCE__BASE_URL", "https:///services"),
        ("CONNECTOR_SALESFORCE__BASE_URL", "https://host:port"),
        ("CONNECTOR_STRIPE__API_KEY", "rk_test_1\nrk_test_2"),
        ("CONNECTOR_HUBSPOT__ACCESS_TOKEN", "pat-é"),
        ("CONNECTOR_STRIPE__METER_CALLS", "-1"),
        ("CONNECTOR_CA_BUNDLE", "/nowhere/ca.pem"),
    ],
)
def test_unusable_value(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """A value that no call could use is refused before the first one, and not shown."""
    monkeypatch.setenv(name, value)

    with pytest.raises(ConfigError) as refused:
        load_settings()

    assert str(refused.value).startswith(f"environment: {name}: ")
    assert value not in str(refused.value)


def test_a_day_is_its_last_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """A day alone means the same as a variable and as `--as-of`: its last second where the project's people work."""
    monkeypatch.setenv("CONNECTOR_NOW", "2026-09-30")

    loaded = load_settings()

    project = load_project(shipped(), ["stripe"], None)
    assert business_now(loaded, project) == datetime(2026, 9, 30, 21, 59, 59, tzinfo=UTC)
    assert business_now(loaded, project, "2026-09-30") == business_now(loaded, project)
    assert project.day(business_now(loaded, project)) == date(2026, 9, 30)


def test_unknown_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """A misspelt variable is named with what was meant; known ones and the tests' own are not."""
    monkeypatch.setenv("CONNECTOR_STRIP__API_KEY", "x")
    monkeypatch.setenv("CONNECTOR_STRIPE__API_KEY", "x")
    monkeypatch.setenv("connector_crm", "hubspot")
    monkeypatch.setenv("CONNECTOR_TEST_DATA", "/data")

    [problem] = unknown_variables()

    assert problem.message == "CONNECTOR_STRIP__API_KEY is no setting"
    assert problem.hint == "did you mean CONNECTOR_STRIPE__API_KEY?"


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
