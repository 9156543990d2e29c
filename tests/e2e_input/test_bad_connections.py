"""Keys that are refused and hosts that do not answer: whose fault it is decides the exit code."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from input_bench import Answer, Cli, Home, Portal, environment

from connector.adapters.clock import SystemClock


@pytest.fixture
def cli(home: Home, stand_ins: dict[str, Any], tmp_path: Path) -> Cli:
    """Billing from Stripe alone."""
    return Cli(environment(home, stand_ins, tmp_path / "state", SOURCE="stripe"))


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that commands wanted to wait; nobody waits them."""
    asked: list[float] = []
    monkeypatch.setattr(SystemClock, "sleep", lambda _self, seconds: asked.append(seconds))
    return asked


@pytest.fixture(scope="module")
def nowhere() -> Iterator[str]:
    """A host that refuses connections: the port is taken and nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


REFUSED = [
    ("hubspot", "HUBSPOT__ACCESS_TOKEN", "pat-na1-wrong", "HubSpot refused the credentials", "copy the token again"),
    ("salesforce", "SALESFORCE__CONSUMER_KEY", "3MVG9wrong", "Salesforce refused the credentials", "certificate"),
    (
        "hubspot",
        "STRIPE__API_KEY",
        "rk_test_wrong",
        "Stripe refused the API key",
        "copy the restricted key (rk_…) again",
    ),
]


@pytest.mark.parametrize(("crm", "variable", "value", "message", "cure"), REFUSED)
def test_a_refused_key_is_the_operators_to_mend(
    cli: Cli, portal: Portal, waits: list[float], crm: str, variable: str, value: str, message: str, cure: str
) -> None:
    """Exit 2 with the variable that holds the key; it is not tried again, and its value is not shown."""
    cli.ok("install", "--yes")
    waits.clear()

    answer = cli("plan", "--crm", crm, "--json", **{variable: value})

    error = answer.only_error
    assert answer.code == 2
    assert f"CONNECTOR_{variable}" in error["at"]
    assert message in error["message"]
    assert cure in error["hint"]
    assert value not in answer.out
    assert waits == []


def test_a_private_key_that_is_none_is_the_operators_to_mend(cli: Cli, tmp_path: Path) -> None:
    """A file that holds no key is told as such."""
    path = tmp_path / "no.pem"
    path.write_text("no key")

    answer = cli("plan", "--crm", "salesforce", "--json", SALESFORCE__PRIVATE_KEY_FILE=str(path))

    assert answer.code == 2
    assert "the private key cannot be used" in answer.only_error["message"]
    assert "PRIVATE_KEY_FILE" in answer.only_error["at"]


UNREACHABLE = [("hubspot", "HUBSPOT"), ("salesforce", "SALESFORCE"), ("hubspot", "STRIPE")]


@pytest.mark.parametrize(("crm", "vendor"), UNREACHABLE)
def test_a_host_that_does_not_answer_is_for_later(
    cli: Cli, portal: Portal, waits: list[float], nowhere: str, crm: str, vendor: str
) -> None:
    """Exit 75 after a few attempts, within a minute of waiting, with the host and where to look."""
    cli.ok("install", "--yes")
    waits.clear()

    answer = cli("plan", "--crm", crm, "--json", **{f"{vendor}__BASE_URL": nowhere})

    error = answer.only_error
    assert (answer.code, answer.json["exit_code"]) == (75, 75)
    assert nowhere.removeprefix("http://") in f"{error['message']} {error['at']}"
    assert error["hint"]
    assert 2 <= len(waits) <= 6
    assert sum(waits) < 60


def test_a_host_that_breaks_off_is_for_later(
    cli: Cli, portal: Portal, waits: list[float], stand_ins: dict[str, Any]
) -> None:
    """Answers of 503 are asked for again, and in the end the run is put off; a host that recovers is not noticed."""
    cli.ok("install", "--yes")
    url = stand_ins["stripe"]["base_url"]
    fault = {"path": "/v1/customers", "status": 503, "body": {}}

    portal.session.post(f"{url}/__faults", json={**fault, "times": 2}).raise_for_status()
    recovered = cli("plan", "--json")
    portal.session.post(f"{url}/__faults", json={**fault, "times": 50}).raise_for_status()
    broken: Answer = cli("sync", "--json")
    portal.session.delete(f"{url}/__faults").raise_for_status()

    assert recovered.code == 0
    assert broken.code == 75
    assert "Stripe did not answer /v1/customers after 6 attempts: HTTP 503" in broken.only_error["message"]
