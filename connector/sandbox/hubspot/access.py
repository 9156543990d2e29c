"""Who may call: bearer tokens, their scopes, and OAuth tokens that expire.

Source: "Manage OAuth tokens", "Scopes" and "Error handling", developers.hubspot.com.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from starlette.responses import JSONResponse, Response

from connector.sandbox.hubspot.catalogue import TYPES
from connector.sandbox.hubspot.errors import ApiError
from connector.sandbox.hubspot.records import iso

Row = dict[str, Any]
PORTAL_ID, APP_ID, USER_ID = 4_242_424, 4_000_001, 9_001
EXPIRES_IN = 1_800
_READS = ("/batch/read", "/search")


@dataclass(frozen=True)
class Credentials:
    """What a client needs to get in: an access token, or an OAuth app that can get one."""

    access_token: str = "sandbox-hubspot-access-token"  # noqa: S105 - opens nothing but this stand-in
    client_id: str = "sandbox-hubspot-client"
    client_secret: str = "sandbox-hubspot-client-secret"  # noqa: S105 - the same
    refresh_token: str = "sandbox-hubspot-refresh-token"  # noqa: S105 - the same
    portal_id: int = PORTAL_ID


def credentials() -> Credentials:
    """Return what the stand-in accepts from the start."""
    return Credentials()


@dataclass(frozen=True)
class Token:
    """One OAuth access token."""

    expires_at: datetime
    scopes: tuple[str, ...] | None


@dataclass
class Access:
    """The OAuth tokens the stand-in has given."""

    issued: dict[str, Token] = field(default_factory=dict)

    def check(self, header: str, method: str, path: str, switches: Mapping[str, Any], now: datetime) -> None:
        """Raise unless a request carries a token that is alive and allows it."""
        scheme, _, token = header.partition(" ")
        scopes = self._scopes(token, switches, now) if scheme.lower() == "bearer" else _refuse()
        if switches.get("creator_lost_access"):
            message = "The user who created this app does not have access to the account any more."
            raise ApiError(403, message, "USER_DOES_NOT_HAVE_PERMISSIONS")
        alternatives = needed_scopes(method, path)
        if scopes is not None and alternatives and not set(alternatives) & set(scopes):
            raise _missing_scopes(alternatives)

    def _scopes(self, token: str, switches: Mapping[str, Any], now: datetime) -> Sequence[str] | None:
        named: Mapping[str, Sequence[str] | None] = switches.get("tokens", {})
        if token in named:
            return named[token]
        if token == credentials().access_token:
            return None
        issued = self.issued.get(token)
        if issued is None:
            return _refuse()
        if issued.expires_at <= now:
            ago = int((now - issued.expires_at).total_seconds())
            message = f"The OAuth token used to make this call expired {ago} second(s) ago."
            context = {"expire time": [iso(issued.expires_at)]}
            raise ApiError(401, message, "EXPIRED_AUTHENTICATION", context=context)
        return issued.scopes

    def exchange(self, form: Mapping[str, str], switches: Mapping[str, Any], now: datetime) -> Response:
        """Answer a token request: a refresh token or an authorisation code for a new access token."""
        known = credentials()
        if (form.get("client_id"), form.get("client_secret")) != (known.client_id, known.client_secret):
            return _oauth_error("invalid_client", "BAD_CLIENT_ID", "missing or unknown client id or secret")
        grant = form.get("grant_type")
        if grant not in {"refresh_token", "authorization_code"}:
            return _oauth_error("unsupported_grant_type", "BAD_GRANT_TYPE", f"unknown grant type: {grant}")
        if grant == "refresh_token" and form.get("refresh_token") != known.refresh_token:
            return _oauth_error("invalid_grant", "BAD_REFRESH_TOKEN", "missing or invalid refresh token")
        if grant == "authorization_code" and not form.get("code"):
            return _oauth_error("invalid_grant", "BAD_AUTH_CODE", "missing or unknown auth code")
        scopes = switches.get("oauth_scopes")
        token = f"sandbox-hubspot-oauth-{secrets.token_hex(8)}"
        self.issued[token] = Token(now + timedelta(seconds=EXPIRES_IN), None if scopes is None else tuple(scopes))
        answer = {
            "token_type": "bearer",
            "token_use": "access_token",
            "refresh_token": known.refresh_token,
            "access_token": token,
            "hub_id": PORTAL_ID,
            "scopes": list(scopes if scopes is not None else every_scope()),
            "expires_in": EXPIRES_IN,
        }
        return JSONResponse(answer)

    def private_app(self, token: str, switches: Mapping[str, Any]) -> Row:
        """Say what the token of a private app may do; OAuth tokens are not known here."""
        if not switches["token_info"]:
            raise ApiError(404, "resource not found")
        named: Mapping[str, Sequence[str] | None] = switches.get("tokens", {})
        if token not in named and token != credentials().access_token:
            _refuse()
        scopes = named.get(token)
        return {
            "userId": USER_ID,
            "hubId": PORTAL_ID,
            "appId": APP_ID,
            "scopes": list(scopes if scopes is not None else every_scope()),
        }

    def introspect(self, form: Mapping[str, str], now: datetime) -> Response:
        """Say whether an access or refresh token is alive and what it may do."""
        known, token = credentials(), form.get("token", "")
        if token == known.refresh_token:
            return JSONResponse(_about(token, "refresh_token", every_scope()))
        issued = self.issued.get(token)
        if issued is None or issued.expires_at <= now:
            return JSONResponse({"active": False})
        scopes = list(issued.scopes if issued.scopes is not None else every_scope())
        seconds = int((issued.expires_at - now).total_seconds())
        alive = {"expires_in": seconds, "is_private_distribution": False}
        signed = {"signed_access_token": _signed(scopes, issued.expires_at)}
        return JSONResponse(_about(token, "access_token", scopes) | alive | signed)


def _about(token: str, use: str, scopes: Sequence[str]) -> Row:
    return {
        "token": token,
        "token_type": "bearer",
        "token_use": use,
        "active": True,
        "app_id": APP_ID,
        "client_id": credentials().client_id,
        "hub_id": PORTAL_ID,
        "user_id": USER_ID,
        "scopes": list(scopes),
    }


def _signed(scopes: Sequence[str], expires_at: datetime) -> Row:
    """Return the part of an introspection that HubSpot signs; here nothing is signed."""
    return {
        "appId": APP_ID,
        "expiresAt": int(expires_at.timestamp() * 1000),
        "hubId": PORTAL_ID,
        "hublet": "eu1",
        "installingUserId": USER_ID,
        "isPrivateDistribution": False,
        "isServiceAccount": False,
        "isUserLevel": False,
        "newSignature": "",
        "scopes": " ".join(scopes),
        "scopeToScopeGroupPks": "",
        "signature": "",
        "trialScopes": "",
        "trialScopeToScopeGroupPks": "",
        "userId": USER_ID,
    }


def _refuse() -> Sequence[str] | None:
    message = (
        "Authentication credentials not found. This API supports OAuth 2.0 authentication and you can find more "
        "details at https://developers.hubspot.com/docs/methods/auth/oauth-overview"
    )
    raise ApiError(401, message, "INVALID_AUTHENTICATION")


def _missing_scopes(alternatives: Sequence[str]) -> ApiError:
    page = "https://developers.hubspot.com/scopes"
    message = "This app hasn't been granted all required scopes to make this call."
    detail = {
        "message": "One or more of the following scopes are required.",
        "context": {"requiredGranularScopes": list(alternatives)},
    }
    message = f"{message} Read more about required scopes here: {page}."
    return ApiError(403, message, "MISSING_SCOPES", errors=[detail], links={"scopes": page})


def _oauth_error(error: str, status: str, description: str) -> Response:
    body = {"error": error, "error_description": description, "status": status, "message": description}
    return JSONResponse(body, 400)


def needed_scopes(method: str, path: str) -> tuple[str, ...]:
    """Return the scopes of which one is needed for a call (in the v3/v4 form of its path)."""
    match path.split("/")[1:]:
        case ["files", *_]:
            return ("files",)
        case ["automation", *_]:
            return ("automation",)
        case ["crm", _, "owners", *_]:
            return ("crm.objects.owners.read",)
        case ["crm-object-schemas", _, "schemas", named, *_]:
            scope = next((kind.scope for kind in TYPES if kind.answers_to(named)), named)
            return (f"crm.schemas.{scope}.read",)
        case ["crm", _, ("properties" | "pipelines") as family, named, *_]:
            scope = next((kind.scope for kind in TYPES if kind.answers_to(named)), named)
            reading = method == "GET" or path.endswith(_READS)
            if family == "properties" and not reading:
                return (f"crm.schemas.{scope}.write",)
            change = "read" if reading else "write"
            return (f"crm.objects.{scope}.{change}", f"crm.schemas.{scope}.{change}")
        case ["crm", _, "objects" | "associations", named, *_]:
            scope = next((kind.scope for kind in TYPES if kind.answers_to(named)), named)
            change = "read" if method == "GET" or path.endswith(_READS) else "write"
            return (f"crm.objects.{scope}.{change}",)
        case _:
            return ()


def every_scope() -> list[str]:
    """Return all scopes the stand-in knows."""
    kinds = sorted({kind.scope for kind in TYPES})
    objects = [
        f"crm.{family}.{kind}.{change}"
        for family in ("objects", "schemas")
        for kind in kinds
        for change in ("read", "write")
    ]
    return [*objects, "automation", "crm.objects.owners.read", "files", "oauth"]
