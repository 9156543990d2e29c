"""Request limits. The short windows run on real elapsed time: a fixed clock must not keep a client waiting for ever.

The ten-second window is an app's, search's second and the day are the account's. Search is exempt from the former.
An app installed through OAuth has a window of its own size and no part in the day, which is the portal's own.
Source: "API usage guidelines and limits", developers.hubspot.com.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from connector.sandbox.hubspot.errors import ApiError


@dataclass(frozen=True)
class Caller:
    """Whose calls are counted together: an app, known by its access token."""

    token: str
    through_oauth: bool


@dataclass
class Limits:
    """Counts calls in their windows."""

    monotonic: Callable[[], float]
    recent: dict[str, deque[float]] = field(default_factory=lambda: defaultdict(deque))
    searches: deque[float] = field(default_factory=deque)
    day: date | None = None
    today: int = 0

    def count(self, path: str, caller: Caller, switches: Mapping[str, Any], day: date) -> None:
        """Count one call on the portal's day, or raise when a window is full."""
        if not switches["limits"]:
            return
        if not caller.through_oauth and self.left(switches, day) <= 0:
            raise _over("daily", "DAILY")
        is_search = path.endswith("/search")
        window, seconds, most = (
            (self.searches, 1.0, switches["limit_search"])
            if is_search
            else (self.recent[caller.token], 10.0, _most(caller, switches))
        )
        now = self.monotonic()
        while window and window[0] <= now - seconds:
            window.popleft()
        if len(window) >= most:
            raise _over_search() if is_search else _over("ten_secondly_rolling", "TEN_SECONDLY_ROLLING")
        window.append(now)
        self.today += not caller.through_oauth

    def headers(self, path: str, caller: Caller, switches: Mapping[str, Any], day: date) -> dict[str, str]:
        """Return the limit headers of an answer; search lacks the interval's, OAuth tokens the day's."""
        most = _most(caller, switches)
        daily = {
            "X-HubSpot-RateLimit-Daily": str(switches["limit_daily"]),
            "X-HubSpot-RateLimit-Daily-Remaining": str(max(0, self.left(switches, day))),
        }
        interval = {
            "X-HubSpot-RateLimit-Max": str(most),
            "X-HubSpot-RateLimit-Remaining": str(max(0, most - len(self.recent[caller.token]))),
            "X-HubSpot-RateLimit-Interval-Milliseconds": "10000",
        }
        return ({} if caller.through_oauth else daily) | ({} if path.endswith("/search") else interval)

    def left(self, switches: Mapping[str, Any], day: date) -> int:
        """Return the calls left to the account on a day; another day starts anew."""
        if day != self.day:
            self.day, self.today = day, 0
        elsewhere: int = switches["daily_elsewhere"].get(day.isoformat(), 0)
        left: int = switches["limit_daily"] - self.today - elsewhere
        return left


def _most(caller: Caller, switches: Mapping[str, Any]) -> int:
    most: int = switches["limit_oauth" if caller.through_oauth else "limit_ten_seconds"]
    return most


def _over(name: str, policy: str) -> ApiError:
    more = {"errorType": "RATE_LIMIT", "policyName": policy, "groupName": "publicapi:private-apps:api-calls"}
    return ApiError(429, f"You have reached your {name} limit.", more=more)


def _over_search() -> ApiError:
    return ApiError(429, "You have reached your secondly limit.", "RATE_LIMITS")
