"""Calls Stripe's API: one session whose transport owns timeouts and rates, and one place that decides what to retry.

Plain JSON over `requests`, because the vendor's SDK neither retries a 429 nor hands out plain dicts. The version is
pinned in every request, so that answers keep the shape this adapter was written for.

Source: Stripe documentation, "Rate limits", "API keys", "Pagination", "Error handling".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt
from tenacity.wait import wait_base, wait_random_exponential

from connector.domain.errors import ConfigError, CredentialError, SourceDataError, UnreachableError
from connector.ports.clock import Clock

VERSION = "2026-05-27.dahlia"
PAGE = 100
Params = Mapping[str, str | int | Sequence[str]]


@dataclass(frozen=True)
class Limits:
    """How hard Stripe may be asked; both rates are calls per second."""

    account_rate: float = 20
    endpoint_rate: float = 20
    attempts: int = 6
    connect_seconds: float = 10
    read_seconds: float = 60
    meter_calls: int = 2_000
    """Calls for meter usage per pull; the next pull goes on where this one stopped."""


class NotFoundError(SourceDataError):
    """Stripe has no such object, or no such list."""


class RefusedError(SourceDataError):
    """Stripe refused the request; `param` is the parameter it minds, as far as that can be told."""

    param: str | None = None


class _AgainError(Exception):
    """An answer worth asking for again."""

    def __init__(self, why: str, after: float | None = None) -> None:
        super().__init__(why)
        self.after = after


class Bucket:
    """Lets `rate` calls a second pass, and makes the others wait."""

    def __init__(self, rate: float, clock: Clock) -> None:
        self._rate = rate
        self._clock = clock
        self._tokens = rate
        self._filled_at = clock.now()

    def take(self) -> None:
        """Wait for a token."""
        now = self._clock.now()
        self._tokens = min(self._rate, self._tokens + (now - self._filled_at) * self._rate)
        self._filled_at = now
        if self._tokens < 1:
            wait = (1 - self._tokens) / self._rate
            self._clock.sleep(wait)
            self._tokens += wait * self._rate
            self._filled_at = now + wait
        self._tokens -= 1


class _Transport(HTTPAdapter):
    """Gives every request its timeouts and its turn."""

    def __init__(self, limits: Limits, clock: Clock) -> None:
        super().__init__()
        self._limits = limits
        self._clock = clock
        self._account = Bucket(limits.account_rate, clock)
        self._endpoints: dict[str, Bucket] = {}

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        # Ids in the path do not make another endpoint: Stripe counts by operation.
        path = re.sub(r"/[a-z]+_\w+", "/{id}", (request.path_url or "").partition("?")[0])
        self._account.take()
        self._endpoints.setdefault(path, Bucket(self._limits.endpoint_rate, self._clock)).take()
        options["timeout"] = (self._limits.connect_seconds, self._limits.read_seconds)
        return super().send(request, *args, **options)


class StripeClient:
    """Reads one Stripe account."""

    def __init__(
        self,
        api_key: str,
        clock: Clock,
        base_url: str = "https://api.stripe.com",
        ca_bundle: Path | None = None,
        limits: Limits | None = None,
        allow_secret_key: bool = False,
    ) -> None:
        if api_key.startswith("sk_live_") and not allow_secret_key:
            raise ConfigError(
                "the Stripe key is a live secret key, which can do anything",
                at="CONNECTOR_STRIPE__API_KEY",
                hint="make a restricted key with read permissions only, or set CONNECTOR_STRIPE__ALLOW_SECRET_KEY=true",
            )
        self.limits = limits or Limits()
        self.calls = 0
        self.is_known = False
        """Whether Stripe has taken the key: it told of an object, or of a permission that it lacks."""
        self._base_url = base_url.rstrip("/")
        self._clock = clock
        self._session = requests.Session()
        self._session.mount(self._base_url, _Transport(self.limits, clock))
        self._session.headers.update({"Authorization": f"Bearer {api_key}", "Stripe-Version": VERSION})
        # The environment may name proxies, but never other credentials (.netrc would replace the key).
        self._session.auth = _keep
        if ca_bundle is not None:
            self._session.verify = str(ca_bundle)

    def get(self, path: str, params: Params | None = None) -> dict[str, Any]:
        """Read one object or one page of a list."""
        retrying = Retrying(
            retry=retry_if_exception_type(_AgainError),
            stop=stop_after_attempt(self.limits.attempts),
            wait=_Wait(),
            sleep=self._clock.sleep,
            reraise=True,
        )
        try:
            return retrying(self._once, path, params or {})
        except _AgainError as gave_up:
            raise UnreachableError(
                f"Stripe did not answer {path} after {self.limits.attempts} attempts: {gave_up}",
                at=self._base_url,
                hint="try again later; if it persists, see status.stripe.com, the proxy and CONNECTOR_CA_BUNDLE",
            ) from None

    def pages(self, path: str, params: Params, after: str | None = None) -> Iterator[tuple[list[dict[str, Any]], bool]]:
        """Yield the pages of a list, each with whether another follows."""
        asked: dict[str, str | int | Sequence[str]] = {**params, "limit": PAGE}
        while True:
            if after is not None:
                asked["starting_after"] = after
            answer = self.get(path, asked)
            rows, more = answer["data"], bool(answer.get("has_more")) and bool(answer["data"])
            yield rows, more
            if not more:
                return
            after = rows[-1]["id"]

    def _once(self, path: str, params: Params) -> dict[str, Any]:
        self.calls += 1
        try:
            answer = self._session.get(self._base_url + path, params=_query(params))
        except requests.exceptions.SSLError:
            raise UnreachableError(
                "the certificate of Stripe's host cannot be verified",
                at=self._base_url,
                hint="set CONNECTOR_CA_BUNDLE to the authority's certificates (PEM)",
            ) from None
        except (requests.ConnectionError, requests.Timeout) as failed:
            raise _AgainError(type(failed).__name__) from None
        self.is_known = self.is_known or answer.ok or answer.status_code == 403
        if answer.status_code == 429 or answer.status_code >= 500 or answer.status_code == 409:
            raise _AgainError(f"HTTP {answer.status_code}", _seconds(answer.headers.get("Retry-After")))
        if answer.status_code >= 400:
            raise _refusal(answer, path)
        try:
            read = answer.json()
        except requests.JSONDecodeError:
            raise _AgainError("an answer that is no JSON") from None
        if not isinstance(read, dict):
            raise SourceDataError(f"{path} answered no object", at=self._base_url, hint="check the base URL")
        return read


class _Wait(wait_base):
    """Exponential with full jitter, and never less than the server asked for."""

    _backoff = wait_random_exponential(multiplier=0.5, max=30)

    def __call__(self, retry_state: RetryCallState) -> float:
        outcome = retry_state.outcome
        failure = outcome.exception() if outcome is not None else None
        asked = failure.after if isinstance(failure, _AgainError) and failure.after is not None else 0.0
        return max(asked, self._backoff(retry_state))


def _keep(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _seconds(header: str | None) -> float | None:
    return float(header) if header is not None and header.isdigit() else None


def _query(params: Params) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for name, value in params.items():
        if isinstance(value, str | int):
            pairs.append((name, str(value)))
        else:
            pairs.extend((f"{name}[]", one) for one in value)
    return pairs


def _refusal(answer: requests.Response, path: str) -> Exception:
    try:
        error = answer.json()["error"]
        message = str(error["message"])
    except (ValueError, KeyError, TypeError):
        error, message = {}, answer.reason
    match answer.status_code:
        case 401:
            return CredentialError(
                "Stripe refused the API key",
                at="CONNECTOR_STRIPE__API_KEY",
                hint="copy the restricted key (rk_…) again from the Stripe dashboard, Developers, API keys",
            )
        case 403:
            permission = next(iter(re.findall(r"rak_\w+", message)), "read permission")
            return CredentialError(
                f"the Stripe key may not read {path} (it lacks {permission})",
                at="CONNECTOR_STRIPE__API_KEY",
                hint=f"edit the restricted key in the Stripe dashboard and grant {permission}",
            )
        case 404:
            return NotFoundError(f"Stripe has no {path}")
        case status:
            refused = RefusedError(f"Stripe refused {path} (HTTP {status}): {message}", at=path)
            asked = ("expand", "types")
            refused.param = next((name for name in asked if name in f"{error.get('param')} {message}"), None)
            return refused
