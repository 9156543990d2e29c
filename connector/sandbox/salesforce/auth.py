"""OAuth 2.0 token endpoint and the sessions it opens.

JWT bearer: the assertion is checked as the service does (RS256 against the app's certificate, `iss` the consumer
key, `sub` an active user, `aud` a login host, `exp` at most three minutes ahead). Its expiry is read against real
time, since real clients stamp it; sessions live by the stand-in's clock, so that a test can let them lapse.

Switches: `token_seconds` (lifetime), `session_epoch` (any new value ends every session opened before),
`connected_apps` (a list of `{consumer_key, consumer_secret, username, public_key}` beside the built-in one).

Source: Salesforce Help, "OAuth 2.0 JWT Bearer Flow", "OAuth 2.0 Client Credentials Flow", "OAuth Error Codes".
"""

from __future__ import annotations

import base64
import binascii
import re
import secrets
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import jwt
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from connector.sandbox.control import Row
from connector.sandbox.salesforce.errors import Refusal
from connector.sandbox.salesforce.org import Org

_AUDIENCE = re.compile(r"https://(login|test|[\w-]+(\.(sandbox|scratch|develop))?\.my)\.salesforce\.com")
_JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_LONGEST_ASSERTION = 180 + 60  # three minutes, and the minute of clock skew the service forgives


@dataclass(frozen=True)
class Session:
    """One access token: whose it is, how long it holds, and under which epoch it was opened."""

    user_id: str
    expires: datetime
    epoch: Any


class Denied(Exception):
    """The token endpoint says no."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(f"{error}: {description}")
        self.body = {"error": error, "error_description": description}


class Sessions:
    """Opens and checks sessions of one org."""

    def __init__(self, org: Org) -> None:
        self._org = org
        self._open: dict[str, Session] = {}

    async def token(self, request: Request) -> Response:
        """Answer `POST /services/oauth2/token`."""
        if request.method != "POST":
            return JSONResponse({"error": "invalid_request", "error_description": "must use HTTP POST"}, 400)
        form = {name: values[-1] for name, values in parse_qs((await request.body()).decode()).items()}
        try:
            match form.get("grant_type"):
                case "client_credentials":
                    user = self._by_client_credentials(request, form)
                case grant if grant == _JWT_GRANT:
                    user = self._by_assertion(form.get("assertion", ""))
                case _:
                    raise Denied("unsupported_grant_type", "grant type not supported")
        except Denied as denied:
            return JSONResponse(denied.body, 400)
        return JSONResponse(self._opened(user, _instance_url(request)))

    async def userinfo(self, request: Request) -> Response:
        """Answer `GET /services/oauth2/userinfo`: who the token is, and in which org."""
        try:
            user = self._org.get("User", self.user_of(request)) or {}
        except Refusal:
            return Response("Bad_OAuth_Token", 403, media_type="text/plain")
        instance_url = _instance_url(request)
        return JSONResponse(
            {
                "sub": f"{instance_url}/id/{self._org.id}/{user['Id']}",
                "user_id": user["Id"],
                "organization_id": self._org.id,
                "preferred_username": user["Username"],
                "name": user["Name"],
                "email": user["Email"],
                "active": user["IsActive"],
                "user_type": user["UserType"].upper(),
                "language": user["LanguageLocaleKey"],
                "locale": user["LocaleSidKey"],
                "zoneinfo": user["TimeZoneSidKey"],
            }
        )

    def user_of(self, request: Request) -> str:
        """Say whose session a request carries, or refuse it."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        session = self._open.get(token) if scheme.lower() in ("bearer", "oauth") else None
        now = self._org.control.clock.now()
        if session is None or session.expires <= now or session.epoch != self._epoch():
            raise Refusal("INVALID_SESSION_ID", "Session expired or invalid")
        return session.user_id

    def _opened(self, user: Row, instance_url: str) -> Row:
        token = f"{self._org.id[:15]}!{secrets.token_urlsafe(72)}"
        now = self._org.control.clock.now()
        lifetime = timedelta(seconds=self._org.switch("token_seconds", 7200))
        self._open[token] = Session(user["Id"], now + lifetime, self._epoch())
        return {
            "access_token": token,
            "scope": "api",
            "instance_url": instance_url,
            "id": f"{instance_url}/id/{self._org.id}/{user['Id']}",
            "token_type": "Bearer",
        }

    def _epoch(self) -> Any:
        return self._org.switch("session_epoch", 0)

    def _by_client_credentials(self, request: Request, form: dict[str, str]) -> Row:
        if request.headers.get("x-orig-host", "") in ("login.salesforce.com", "test.salesforce.com"):
            raise Denied("invalid_grant", "request not supported on this domain")
        key, secret = _basic(request) or (form.get("client_id", ""), form.get("client_secret", ""))
        app = self._app(key)
        if not secrets.compare_digest(secret.encode(), app["consumer_secret"].encode()):
            raise Denied("invalid_client", "invalid client credentials")
        return self._user(app["username"], "no client credentials user enabled")

    def _by_assertion(self, assertion: str) -> Row:
        try:
            claims = jwt.decode(assertion, options={"verify_signature": False})
        except jwt.PyJWTError:
            raise Denied("invalid_grant", "invalid assertion") from None
        app = self._app(str(claims.get("iss", "")))
        try:
            # Audience and expiry are checked below: the service takes exp as a string, and several audiences.
            jwt.decode(
                assertion, app["public_key"], algorithms=["RS256"], options={"verify_aud": False, "verify_exp": False}
            )
            expires = float(claims["exp"])
        except (jwt.PyJWTError, KeyError, TypeError, ValueError):
            raise Denied("invalid_grant", "invalid assertion") from None
        if not _AUDIENCE.fullmatch(str(claims.get("aud"))):
            raise Denied("invalid_grant", "audience is invalid")
        if not time.time() < expires <= time.time() + _LONGEST_ASSERTION:
            raise Denied("invalid_grant", "expired authorization code")
        if claims.get("sub") != app["username"]:
            raise Denied("invalid_grant", "user hasn't approved this consumer")
        return self._user(app["username"], "user hasn't approved this consumer")

    def _app(self, consumer_key: str) -> dict[str, str]:
        built_in = vars(self._org.credentials)
        for app in [built_in, *self._org.switch("connected_apps", [])]:
            if app["consumer_key"] == consumer_key:
                return dict(app)
        raise Denied("invalid_client_id", "client identifier invalid")

    def _user(self, username: str, otherwise: str) -> Row:
        user = next((row for row in self._org.rows("User") if row["Username"] == username), None)
        if user is None:
            raise Denied("invalid_grant", otherwise)
        if not user["IsActive"]:
            raise Denied("inactive_user", "user is inactive")
        return user


def _basic(request: Request) -> tuple[str, str] | None:
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        key, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise Denied("invalid_client", "invalid client credentials") from None
    return key, secret


def _instance_url(request: Request) -> str:
    """Name the org's own host: My Domain for callers that say which host they meant, else where they called."""
    if "x-orig-host" in request.headers:
        return "https://sandbox.my.salesforce.com"
    return str(request.base_url).rstrip("/")
