"""One way in to HubSpot: hubspot-api-client, with its paths, timeouts, tokens and answers in our hands.

Decided here, all through the client's `api_factory` hook: date-versioned paths, because the v3 and v4 paths that the
client knows go out of support in 2027; one connection pool per package, kept; answers read as plain JSON, because the
client's models refuse error items that lack optional parts, and give None for a success they did not expect; limits
kept by waiting before a call, and a refused call repeated only where the refusal proves that nothing was done.

Source: developers.hubspot.com, "API versioning", "API usage guidelines and limits", "Manage OAuth tokens".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from hubspot import HubSpot
from requests.utils import get_environ_proxies
from urllib3.exceptions import HTTPError

from connector.adapters.crms.http import (
    USER_AGENT,
    CallError,
    Credentials,
    LostAnswerError,
    NotSentError,
    RefusedError,
    Timeouts,
    date_of,
    for_reader,
    reading,
    what_failed,
)
from connector.adapters.crms.hubspot.errors import DAILY, MIGRATION, SEARCH, refusal
from connector.adapters.crms.pacing import Meter, Pace
from connector.domain.errors import BudgetSpentError, LaterError, MendError
from connector.ports.clock import Clock

API = "https://api.hubapi.com"
VERSION = "2026-09"
_PATHS = (
    (re.compile(r"^/crm/v[34]/(objects|associations|properties|pipelines|owners)"), rf"/crm/\1/{VERSION}"),
    (re.compile(r"^/oauth/v1/"), "/oauth/2026-03/"),
    (re.compile(r"^/files/v3/"), "/files/2026-03/"),
    (re.compile(r"^/crm-object-schemas/v3/"), "/crm-object-schemas/2026-03/"),
)
PRIVATE_APP = "/oauth/v2/private-apps/get/access-token-info"
ACCOUNT_DETAILS = f"/account-info/{VERSION}/details"
_MOST_REPEATS = 5
_MOST_WAITS_FOR_A_LOCK = 2
_LOCK_SECONDS = 2.0
_SEARCHES_A_SECOND = 4
_REFRESH_AHEAD = 60.0
Answer = dict[str, Any]


@dataclass(frozen=True)
class HubspotCredentials:
    """A bearer token (service key, private app), or an OAuth app that can get one."""

    access_token: str | None = field(default=None, repr=False)
    client_id: str | None = None
    client_secret: str | None = field(default=None, repr=False)
    refresh_token: str | None = field(default=None, repr=False)


class HubspotClient:
    """A connection to one portal."""

    def __init__(
        self,
        credentials: HubspotCredentials,
        clock: Clock,
        meter: Meter,
        base_url: str | None = None,
        ca_bundle: str | None = None,
        timeouts: Timeouts | None = None,
    ) -> None:
        self._credentials = credentials
        self._clock = clock
        self._host = (base_url or API).rstrip("/")
        self._ca_bundle = ca_bundle
        self._timeouts = timeouts or Timeouts()
        self._transports: dict[str, Any] = {}
        self._token = credentials.access_token
        self._token_ends = float("inf") if credentials.access_token else 0.0
        self._pace = Pace(clock, 100, 10.0)
        self._search_pace = Pace(clock, _SEARCHES_A_SECOND, 1.0)
        self._meter = meter
        self._repeat = reading(clock)
        self._scopes: frozenset[str] | None = None
        self.server_time: datetime | None = None
        """HubSpot's clock, as its last answer told it."""
        hubspot = HubSpot(api_factory=self._api)
        self.oauth_tokens = hubspot.oauth.tokens_api
        self.objects = hubspot.crm.objects.basic_api
        self.object_batches = hubspot.crm.objects.batch_api
        self.object_search = hubspot.crm.objects.search_api
        self.association_batches = hubspot.crm.associations.v4.batch_api
        self.properties = hubspot.crm.properties.core_api
        self.type_schemas = hubspot.crm.schemas.core_api
        self.property_groups = hubspot.crm.properties.groups_api
        self.pipelines = hubspot.crm.pipelines.pipelines_api
        self.owners = hubspot.crm.owners.owners_api

    def read(self, call: Callable[..., Any], *args: Any, **options: Any) -> Answer:
        """Read, repeating after a broken answer; raise what a reading step raises."""
        try:
            return self._repeat(self.call, call, *args, **options)
        except CallError as error:
            raise self.for_reader(error) from error

    def for_reader(self, error: CallError) -> LaterError | MendError:
        """Turn a failed call into what a reading step raises."""
        if isinstance(error, RefusedError) and error.code in (DAILY, MIGRATION):
            return BudgetSpentError(f"HubSpot: {error.message}", hint="run again later")
        return for_reader(error, self._where())

    def _where(self) -> Credentials:
        if self._credentials.access_token:
            cure = "copy the token again from the private app or service key in HubSpot's settings"
            return Credentials("HubSpot", "CONNECTOR_HUBSPOT__ACCESS_TOKEN", cure)
        cure = "let an admin connect the app again, and check client id and client secret"
        return Credentials("HubSpot", "CONNECTOR_HUBSPOT__REFRESH_TOKEN", cure)

    def call(self, call: Callable[..., Any], *args: Any, **options: Any) -> Answer:
        """Make one call of the vendor's client, waiting where it asks to. Raise `CallError`."""
        renewed = False
        for attempt in range(1, _MOST_REPEATS + 1):
            try:
                answer: Answer = call(*args, **options)
                return answer
            except RefusedError as error:
                wait = _seconds_to_wait(error, attempt)
                if error.status == 401 and self._credentials.refresh_token and not renewed:
                    renewed, self._token_ends = True, 0.0
                elif wait is None or attempt == _MOST_REPEATS:
                    raise
                else:
                    self._clock.sleep(wait)
        raise AssertionError("the last attempt returns or raises")

    def account(self) -> Answer:
        """Tell which portal this is."""
        return self.get(ACCOUNT_DETAILS)

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Answer:
        """Read a path that no package of the vendor's client knows."""
        transport, asked = self.objects.api_client, list((query or {}).items())
        headers = {"Accept": "application/json"}
        return self.read(transport.call_api, path, "GET", {}, asked, headers, auth_settings=["oauth2"])

    def request(
        self,
        method: str,
        path: str,
        query: Sequence[tuple[str, str]] = (),
        body: Any = None,
        form: Sequence[tuple[str, Any]] = (),
    ) -> Answer:
        """Make a call that no package of the vendor's client makes as we need it. Raise `CallError`.

        A form goes in parts; a read is repeated after a broken answer.
        """
        transport = self.objects.api_client
        kind = "multipart/form-data" if form else "application/json"
        options = {"auth_settings": ["oauth2"], **({"post_params": list(form)} if form else {"body": body})}
        headers = {"Accept": "application/json", **({"Content-Type": kind} if method != "GET" else {})}
        how = self._repeat if method == "GET" else _once
        answer: Answer = how(self.call, transport.call_api, path, method, {}, list(query), headers, **options)
        return answer

    def scopes(self) -> frozenset[str] | None:
        """Tell what our token may do, None where HubSpot does not say. Raise `CallError`."""
        if self._credentials.access_token is None:
            self.account()  # an OAuth token is told its scopes when it is made
            return self._scopes
        transport = self.objects.api_client
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        body = {"tokenKey": self._credentials.access_token}
        answer = self._repeat(self.call, transport.call_api, PRIVATE_APP, "POST", {}, [], headers, body=body)
        told = answer.get("scopes")
        return frozenset(map(str, told)) if isinstance(told, list) else None

    def _api(self, package: Any, name: str, _config: Mapping[str, Any]) -> Any:
        """Build an API class of the vendor's client over the one transport of its package."""
        if package.__name__ not in self._transports:
            configuration = package.Configuration()
            configuration.host = self._host
            configuration.ssl_ca_cert = self._ca_bundle
            configuration.retries = False  # repeating is decided here, by what an answer proves
            configuration.proxy = get_environ_proxies(self._host).get(urlsplit(self._host).scheme)
            transport = _transport_class(package)(configuration=configuration)
            transport.user_agent = USER_AGENT
            transport.send = self._send
            self._transports[package.__name__] = transport
        return getattr(package, name)(api_client=self._transports[package.__name__])

    def _send(
        self, transport: Any, original: Callable[..., Any], path: str, method: str, *args: Any, **options: Any
    ) -> Any:
        """Carry out what an API class asks for: the one place where a request leaves."""
        is_login = path.startswith("/oauth/")
        if not is_login:
            if (why := self._meter.why_not()) is not None:
                raise RefusedError(429, DAILY, why)
            transport.configuration.access_token = self._current_token()
            self._meter.count()
        for old, new in _PATHS:
            path = old.sub(new, path)
        options |= {
            "response_types_map": dict.fromkeys((200, 201, 202, 207), "object"),
            "_request_timeout": self._timeouts.pair(),
            "_return_http_data_only": True,
        }
        pace = self._search_pace if path.endswith("/search") else self._pace
        try:
            with nullcontext() if is_login else pace.turn():
                answer = original(path, method, *args, **options)
        except HTTPError as error:
            raise what_failed(error, urlsplit(self._host).netloc) from error
        except Exception as error:
            # Every package of the vendor's client has an ApiException class of its own.
            if not hasattr(error, "status") or not hasattr(error, "body"):
                raise
            raise self._refused(error) from error
        self._note_limits(transport.last_response.urllib3_response.headers)
        if answer is None and method == "DELETE":
            return {}
        if not isinstance(answer, dict):
            raise LostAnswerError(f"{method} {path}: a success without a readable answer")
        return answer

    def _refused(self, error: Any) -> CallError:
        if error.status == 0:  # how the vendor's client tells of a certificate that it does not trust
            return NotSentError(f"{urlsplit(self._host).netloc}: {error.reason}")
        headers = error.headers or {}
        self._note_limits(headers)
        return refusal(int(error.status), error.body, headers)

    def _note_limits(self, headers: Mapping[str, str]) -> None:
        self.server_time = date_of(headers)
        most, interval = (
            headers.get("X-HubSpot-RateLimit-Max"),
            headers.get("X-HubSpot-RateLimit-Interval-Milliseconds"),
        )
        if most and interval:
            left = headers.get("X-HubSpot-RateLimit-Remaining")
            self._pace.allow(int(most), int(interval) / 1000, int(left) if left else None)
        daily, left = headers.get("X-HubSpot-RateLimit-Daily"), headers.get("X-HubSpot-RateLimit-Daily-Remaining")
        if daily and left:
            self._meter.note(int(daily) - int(left), int(daily))

    def _current_token(self) -> str | None:
        if self._clock.now() < self._token_ends - _REFRESH_AHEAD:
            return self._token
        if self._token_ends == float("inf"):
            return self._token
        try:
            answer = self.oauth_tokens.create(
                grant_type="refresh_token",
                client_id=self._credentials.client_id,
                client_secret=self._credentials.client_secret,
                refresh_token=self._credentials.refresh_token,
            )
        except RefusedError as error:
            raise RefusedError(401, "LOGIN_REFUSED", f"the token was not renewed: {error.message}") from error
        except LostAnswerError as error:
            raise NotSentError(f"renewing the token: {error}") from error
        if not answer.get("access_token"):
            raise RefusedError(401, "LOGIN_REFUSED", "the token was not renewed: the answer holds none")
        told = answer.get("scopes")
        self._scopes = frozenset(map(str, told)) if isinstance(told, list) else None
        self._token = str(answer["access_token"])
        self._token_ends = self._clock.now() + float(answer.get("expires_in") or 0)
        return self._token


def _transport_class(package: Any) -> Any:
    class Transport(package.ApiClient):  # type: ignore[misc]
        """The package's own transport, with every call handed to `send`."""

        send: Callable[..., Any]

        def call_api(self, path: str, method: str, *args: Any, **options: Any) -> Any:
            return self.send(self, super().call_api, path, method, *args, **options)

    return Transport


def _once(call: Callable[..., Any], *args: Any, **options: Any) -> Any:
    return call(*args, **options)


def _seconds_to_wait(error: RefusedError, attempt: int) -> float | None:
    """Say how long to wait before the same call may pass, None when it will not."""
    if error.status == 423:
        # Somebody may hold one record of a hundred for long: the others are then sent without it.
        return _LOCK_SECONDS * attempt if attempt <= _MOST_WAITS_FOR_A_LOCK else None
    if error.status != 429 or error.code == DAILY:
        return None
    return (1.0 if error.code == SEARCH else 10.0) * attempt
