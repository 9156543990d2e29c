"""Who may open a session with the Salesforce stand-in, and how one ends."""

from __future__ import annotations

import time
from typing import Any

import jwt
import pytest
import requests
from salesforce_served import StandIn
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import SalesforceAuthenticationFailed, SalesforceExpiredSession

from connector.sandbox.salesforce import make_credentials

JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


def by_jwt(salesforce: StandIn, **changed: Any) -> Salesforce:
    held = salesforce.credentials
    given = {"username": held.username, "consumer_key": held.consumer_key, "privatekey": held.private_key} | changed
    return Salesforce(session=salesforce.session(), domain="sandbox.my", **given)


def asserted(salesforce: StandIn, **changed: Any) -> tuple[int, dict[str, Any]]:
    """Send an assertion whose claims differ from a good one."""
    held = salesforce.credentials
    claims = {"iss": held.consumer_key, "sub": held.username, "aud": "https://login.salesforce.com"}
    claims |= {"exp": int(time.time()) + 180} | changed
    form = {"grant_type": JWT_GRANT, "assertion": jwt.encode(claims, held.private_key, algorithm="RS256")}
    answer = requests.post(f"{salesforce.base}/services/oauth2/token", data=form, timeout=5)
    return answer.status_code, answer.json()


def test_jwt_bearer_opens_a_session(salesforce: StandIn) -> None:
    """A signed assertion of the registered app and user opens a session that can query."""
    sf = by_jwt(salesforce)

    assert sf.query("SELECT Username FROM User")["records"][0]["Username"] == salesforce.credentials.username


def test_client_credentials_open_a_session_on_my_domain_only(salesforce: StandIn) -> None:
    """Key and secret open a session on the org's own domain, not on login.salesforce.com."""
    held = salesforce.credentials
    keys = {"consumer_key": held.consumer_key, "consumer_secret": held.consumer_secret}

    assert Salesforce(session=salesforce.session(), domain="sandbox.my", **keys).limits()["DailyApiRequests"]
    answer = salesforce.session().post(
        "https://login.salesforce.com/services/oauth2/token",
        data={"grant_type": "client_credentials"},
        auth=(held.consumer_key, held.consumer_secret),
    )
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


def test_client_credentials_may_stand_in_the_body(salesforce: StandIn) -> None:
    """Key and secret are read from the form when there is no Basic header, and the answer names the instance."""
    held = salesforce.credentials
    form = {"grant_type": "client_credentials", "client_id": held.consumer_key, "client_secret": held.consumer_secret}
    answer = requests.post(f"{salesforce.base}/services/oauth2/token", data=form, timeout=5).json()

    assert answer["instance_url"] == salesforce.base
    assert answer.keys() == {"access_token", "scope", "instance_url", "id", "token_type"}


def test_wrong_secret_is_refused(salesforce: StandIn) -> None:
    """A wrong secret is invalid_client."""
    with pytest.raises(SalesforceAuthenticationFailed, match="invalid client credentials"):
        Salesforce(
            session=salesforce.session(),
            domain="sandbox.my",
            consumer_key=salesforce.credentials.consumer_key,
            consumer_secret="wrong",
        )


def test_assertion_signed_by_another_key_is_refused(salesforce: StandIn) -> None:
    """A signature that the registered public key does not verify is an invalid assertion."""
    with pytest.raises(SalesforceAuthenticationFailed, match="invalid assertion"):
        by_jwt(salesforce, privatekey=make_credentials().private_key)


@pytest.mark.parametrize(
    ("changed", "error", "description"),
    [
        ({"iss": "nobody"}, "invalid_client_id", "client identifier invalid"),
        ({"sub": "stranger@example.com"}, "invalid_grant", "user hasn't approved this consumer"),
        ({"aud": "https://example.com"}, "invalid_grant", "audience is invalid"),
        ({"exp": 1_000_000_000}, "invalid_grant", "expired authorization code"),
        ({"exp": 9_999_999_999}, "invalid_grant", "expired authorization code"),
    ],
)
def test_each_claim_is_checked(salesforce: StandIn, changed: dict[str, Any], error: str, description: str) -> None:
    """An assertion with one wrong claim is refused with the error of that claim."""
    assert asserted(salesforce, **changed) == (400, {"error": error, "error_description": description})


def test_unknown_grant_is_refused(salesforce: StandIn) -> None:
    """A grant type the service does not have is unsupported."""
    answer = requests.post(f"{salesforce.base}/services/oauth2/token", data={"grant_type": "magic"}, timeout=5)

    assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_grant_type")


def test_what_is_no_login_is_refused(salesforce: StandIn) -> None:
    """A GET, an assertion that is none, a broken Basic header, and userinfo without a token are refused."""
    url = f"{salesforce.base}/services/oauth2/token"
    basic = {"Authorization": "Basic !"}
    answers = [
        requests.get(url, timeout=5),
        requests.post(url, data={"grant_type": JWT_GRANT, "assertion": "x"}, timeout=5),
        requests.post(url, data={"grant_type": "client_credentials"}, headers=basic, timeout=5),
        requests.get(f"{salesforce.base}/services/oauth2/userinfo", timeout=5),
    ]

    assert [one.status_code for one in answers] == [400, 400, 400, 403]
    assert [one.json()["error"] for one in answers[:3]] == ["invalid_request", "invalid_grant", "invalid_client"]


def test_user_who_is_gone_opens_no_session(salesforce: StandIn) -> None:
    """An app whose user is not in the org has nobody to be."""
    salesforce.org.load("User", [{"Id": salesforce.org.user_id, "Username": "renamed@example.com"}])

    assert asserted(salesforce)[1]["error_description"] == "user hasn't approved this consumer"


def test_inactive_user_opens_no_session(salesforce: StandIn) -> None:
    """A user who was switched off is refused at login."""
    salesforce.org.load("User", [{"Id": salesforce.org.user_id, "IsActive": False}])

    assert asserted(salesforce)[1]["error"] == "inactive_user"


def test_another_app_is_registered_by_switch(salesforce: StandIn) -> None:
    """An app named in the switch `connected_apps` logs in with its own key pair."""
    other = make_credentials(salesforce.credentials.username)
    salesforce.control.switches["connected_apps"] = [vars(other)]

    sf = by_jwt(salesforce, consumer_key=other.consumer_key, privatekey=other.private_key)

    assert sf.limits()


def test_session_ends_after_its_lifetime(salesforce: StandIn) -> None:
    """A token lapses by the stand-in's clock, and is answered 401 INVALID_SESSION_ID."""
    salesforce.control.switches["token_seconds"] = 60
    sf = by_jwt(salesforce)
    salesforce.control.clock.advance(61)

    with pytest.raises(SalesforceExpiredSession) as caught:
        Salesforce(
            session_id=sf.session_id, instance="sandbox.my.salesforce.com", session=salesforce.session()
        ).limits()
    assert caught.value.content[0]["errorCode"] == "INVALID_SESSION_ID"


def test_client_logs_in_again_after_all_sessions_are_revoked(salesforce: StandIn) -> None:
    """A new `session_epoch` ends every session; the client logs in once more and goes on."""
    sf = by_jwt(salesforce)
    before = sf.session_id
    requests.post(f"{salesforce.base}/__switches", json={"session_epoch": 1}, timeout=5)

    sf.limits()

    assert sf.session_id != before


def test_userinfo_names_user_and_org(salesforce: StandIn) -> None:
    """The token's user and organisation are told under their ids."""
    answer = salesforce.http.get(f"{salesforce.base}/services/oauth2/userinfo").json()

    assert (answer["organization_id"], answer["user_id"]) == (salesforce.org.id, salesforce.org.user_id)


def test_secrets_do_not_reach_the_request_log(salesforce: StandIn) -> None:
    """Neither the secret nor the token is kept in the request log."""
    by_jwt(salesforce)
    salesforce.call("GET", "limits")

    log = requests.get(f"{salesforce.base}/__requests", timeout=5).text
    assert salesforce.credentials.consumer_secret not in log
    assert str(salesforce.http.headers["Authorization"]) not in log
    assert "assertion" not in log
