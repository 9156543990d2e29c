"""Who may ask, in which version, how often."""

from __future__ import annotations

import pytest
import requests

from connector.sandbox.stripe import API_VERSION, credentials

KEY = credentials()["api_key"]
VERSION = {"Stripe-Version": API_VERSION}


def ask(sandbox, headers: dict[str, str], **more) -> requests.Response:
    return requests.get(f"{sandbox.url}/v1/customers", headers=headers, **more)


def test_bearer_and_basic_open_it(sandbox) -> None:
    """The key opens it as a Bearer token and as the user name of Basic."""
    assert ask(sandbox, {**VERSION, "Authorization": f"Bearer {KEY}"}).status_code == 200
    assert ask(sandbox, VERSION, auth=(KEY, "")).status_code == 200


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ({}, "did not provide an API key"),
        ({"Authorization": "Bearer "}, "did not provide an API key"),
        ({"Authorization": "Basic !!"}, "did not provide an API key"),
        ({"Authorization": "Bearer rk_test_somebody_elses_key"}, "Invalid API Key provided: rk_test_"),
    ],
)
def test_other_keys_do_not(sandbox, header: dict[str, str], said: str) -> None:
    """No key or a wrong one is a 401 in Stripe's envelope, which never repeats the key."""
    answer = ask(sandbox, {**VERSION, **header})

    assert answer.status_code == 401
    assert answer.json()["error"]["type"] == "invalid_request_error"
    assert said in answer.json()["error"]["message"]
    assert "somebody_elses" not in answer.text
    assert answer.headers["WWW-Authenticate"].startswith("Basic")


def test_the_version_must_be_named(sandbox) -> None:
    """A request without Stripe-Version is refused unless the switch is off; another version is always refused."""
    key = {"Authorization": f"Bearer {KEY}"}

    assert ask(sandbox, key).status_code == 400
    assert ask(sandbox, {**key, "Stripe-Version": "2024-06-20"}).status_code == 400

    sandbox.control.switches["require_version"] = False

    assert ask(sandbox, key).status_code == 200
    assert ask(sandbox, {**key, "Stripe-Version": "2024-06-20"}).status_code == 400


def test_a_missing_permission_is_named(sandbox) -> None:
    """A permission the key lacks is a 403 that names it, for its endpoints only."""
    sandbox.control.switches["missing_permissions"] = ["rak_invoice_read"]

    refused = sandbox.get("/v1/invoices")

    assert refused.status_code == 403
    assert "'rak_invoice_read' permission" in refused.json()["error"]["message"]
    assert KEY not in refused.text
    assert sandbox.get("/v1/customers").status_code == 200


def test_nothing_can_be_written(shop) -> None:
    """The key is restricted to reading: any write is a 403 and changes nothing."""
    before = shop.get("/v1/customers").json()

    assert shop.session.post(f"{shop.url}/v1/customers", data={"name": "New"}).status_code == 403
    assert shop.session.delete(f"{shop.url}/v1/customers/cus_acme").status_code == 403
    assert shop.get("/v1/customers").json() == before


def test_unknown_addresses_are_told(sandbox) -> None:
    """An address that does not exist is a 404 in Stripe's envelope."""
    answer = sandbox.get("/v1/customer")

    assert answer.status_code == 404
    assert "Unrecognized request URL" in answer.json()["error"]["message"]


def test_every_answer_has_its_own_request_id(sandbox) -> None:
    """Answers and refusals carry a Request-Id that no other answer has, and the version they speak."""
    answers = [sandbox.get("/v1/customers"), sandbox.get("/v1/customers"), sandbox.get("/v1/customers", limit=0)]

    assert len({answer.headers["Request-Id"] for answer in answers}) == 3
    assert {answer.headers["Stripe-Version"] for answer in answers} == {API_VERSION}


def test_the_account_limit_is_per_second(sandbox) -> None:
    """Over the account's limit any endpoint is a 429 with its reason, until a second has passed."""
    sandbox.control.switches["rate_limit"] = 2
    statuses = [sandbox.get(path).status_code for path in ("/v1/customers", "/v1/prices")]

    refused = sandbox.get("/v1/invoices")
    sandbox.ticks.now += 1.0
    later = sandbox.get("/v1/invoices")

    assert statuses == [200, 200]
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "rate_limit")
    assert refused.headers["Stripe-Rate-Limited-Reason"] == "global-rate"
    assert later.status_code == 200


def test_each_endpoint_has_a_limit_of_its_own(shop) -> None:
    """One endpoint over its limit leaves others open; ids of one endpoint count together."""
    shop.control.switches["endpoint_rate_limit"] = 1
    assert shop.get("/v1/customers/cus_acme").status_code == 200

    refused = shop.get("/v1/customers/cus_beta")

    assert refused.status_code == 429
    assert refused.headers["Stripe-Rate-Limited-Reason"] == "endpoint-rate"
    assert shop.get("/v1/customers").status_code == 200


def test_the_log_never_holds_the_key(sandbox) -> None:
    """The log of requests tells what was asked and leaves the credential out."""
    sandbox.get("/v1/customers", limit=3)

    logged = requests.get(f"{sandbox.url}/__requests").text

    assert "limit=3" in logged
    assert KEY not in logged
