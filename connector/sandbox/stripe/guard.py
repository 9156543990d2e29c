"""Who may ask, how often, and in which version: the checks before any endpoint answers.

Checks run in Stripe's order as seen from outside: key, rate, version, permission. Rates are counted on the process's
monotonic clock, because they are about load, not about the sandbox's time. Switches:

- `require_version` (true): a request must name its `Stripe-Version`; only `API_VERSION` is spoken here, since an answer
  in another version's shape would teach readers something false.
- `rate_limit`, `endpoint_rate_limit` (none): requests a second for the account, and for each endpoint. Stripe's own
  are 25 and 25 in a sandbox, 100 and 25 live.
- `missing_permissions` (none): names such as `rak_invoice_read` that the key lacks.

Source: https://docs.stripe.com/api/authentication, https://docs.stripe.com/rate-limits, https://docs.stripe.com/keys
"""

from __future__ import annotations

import base64
import binascii
from collections import defaultdict, deque
from collections.abc import Callable

from starlette.requests import Request

from connector.sandbox.control import Control
from connector.sandbox.stripe.errors import StripeError

API_VERSION = "2026-05-27.dahlia"
API_KEY = "rk_test_standin_key_that_opens_nothing_else"
SWITCHES = {
    "require_version": True,
    "rate_limit": None,
    "endpoint_rate_limit": None,
    "missing_permissions": (),
    "inactive_prices_listed": False,
}


def credentials() -> dict[str, str]:
    """The key the stand-in takes; it opens nothing anywhere else."""
    return {"api_key": API_KEY}


class Guard:
    """Refuses what Stripe refuses before it looks at parameters."""

    def __init__(self, control: Control, tick: Callable[[], float]) -> None:
        self._control = control
        self._tick = tick
        self._account_calls: deque[float] = deque()
        self._endpoint_calls: defaultdict[str, deque[float]] = defaultdict(deque)

    def admit(self, request: Request, endpoint: str, permission: str) -> None:
        """Let a request pass, or raise its refusal."""
        self._check_key(request)
        self._check_rate(endpoint)
        self._check_version(request)
        self._check_permission(permission)

    def _check_key(self, request: Request) -> None:
        key = _key(request.headers.get("authorization", ""))
        challenge = {"WWW-Authenticate": 'Basic realm="Stripe"'}
        if key is None:
            message = (
                "You did not provide an API key. You need to provide your API key in the Authorization header, "
                "using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY')."
            )
            raise StripeError(401, message, headers=challenge)
        if key != API_KEY:
            raise StripeError(401, f"Invalid API Key provided: {_masked(key)}", headers=challenge)

    def _check_rate(self, endpoint: str) -> None:
        now = self._tick()
        limits = (
            ("global-rate", self._account_calls, self._control.switches["rate_limit"]),
            ("endpoint-rate", self._endpoint_calls[endpoint], self._control.switches["endpoint_rate_limit"]),
        )
        for reason, calls, limit in limits:
            while calls and calls[0] <= now - 1:
                calls.popleft()
            if limit is not None and len(calls) >= limit:
                raise StripeError(
                    429,
                    "Request rate limit exceeded. Learn more about rate limits here "
                    "https://docs.stripe.com/rate-limits.",
                    "rate_limit",
                    headers={"Stripe-Rate-Limited-Reason": reason},
                )
        for _, calls, _ in limits:
            calls.append(now)

    def _check_version(self, request: Request) -> None:
        version = request.headers.get("stripe-version")
        if version is None and self._control.switches["require_version"]:
            raise StripeError(400, f"This sandbox asks every request to name Stripe-Version: {API_VERSION}.")
        if version is not None and version != API_VERSION:
            raise StripeError(400, f"Invalid Stripe API version: {version}. This sandbox speaks {API_VERSION}.")

    def _check_permission(self, permission: str) -> None:
        if permission in self._control.switches["missing_permissions"] or permission.endswith("_write"):
            raise StripeError(
                403,
                f"The provided key '{_masked(API_KEY)}' does not have the required permissions for this endpoint. "
                f"Having the '{permission}' permission would allow this request to continue.",
            )


def _key(header: str) -> str | None:
    """The key in a header: as a Bearer token, or as the user name of Basic."""
    scheme, _, value = header.partition(" ")
    match scheme.lower():
        case "bearer":
            return value.strip() or None
        case "basic":
            try:
                return base64.b64decode(value, validate=True).decode().partition(":")[0] or None
            except (binascii.Error, UnicodeDecodeError):
                return None
        case _:
            return None


def _masked(key: str) -> str:
    return f"{key[:8]}{'*' * max(len(key) - 12, 0)}{key[-4:]}"
