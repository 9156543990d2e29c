"""Request limits. The short windows run on real elapsed time: a fixed clock must not keep a client waiting for ever.

Search has its own limit of five a second and is exempt from the ten-second window. The day is the portal's own.
Source: "API usage guidelines and limits", developers.hubspot.com.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from connector.sandbox.hubspot.errors import ApiError


@dataclass
class Limits:
    """Counts calls in their windows."""

    monotonic: Callable[[], float]
    recent: deque[float] = field(default_factory=deque)
    searches: deque[float] = field(default_factory=deque)
    day: date | None = None
    today: int = 0

    def count(self, path: str, switches: Mapping[str, Any], day: date) -> None:
        """Count one call on the portal's day, or raise when a window is full."""
        if not switches["limits"]:
            return
        if day != self.day:
            self.day, self.today = day, 0
        if self.today >= switches["limit_daily"]:
            raise _over("daily", "DAILY")
        is_search = path.endswith("/search")
        window, seconds, most = (
            (self.searches, 1.0, switches["limit_search"])
            if is_search
            else (self.recent, 10.0, switches["limit_ten_seconds"])
        )
        now = self.monotonic()
        while window and window[0] <= now - seconds:
            window.popleft()
        if len(window) >= most:
            raise _over_search() if is_search else _over("ten_secondly_rolling", "TEN_SECONDLY_ROLLING")
        window.append(now)
        self.today += 1

    def headers(self, path: str, switches: Mapping[str, Any], *, daily: bool) -> dict[str, str]:
        """Return the limit headers of an answer; search lacks the interval's, OAuth tokens the day's."""
        day, most = switches["limit_daily"], switches["limit_ten_seconds"]
        shown = {
            "X-HubSpot-RateLimit-Daily": str(day),
            "X-HubSpot-RateLimit-Daily-Remaining": str(max(0, day - self.today)),
        }
        interval = {
            "X-HubSpot-RateLimit-Max": str(most),
            "X-HubSpot-RateLimit-Remaining": str(max(0, most - len(self.recent))),
            "X-HubSpot-RateLimit-Interval-Milliseconds": "10000",
        }
        return (shown if daily else {}) | ({} if path.endswith("/search") else interval)


def _over(name: str, policy: str) -> ApiError:
    more = {"errorType": "RATE_LIMIT", "policyName": policy, "groupName": "publicapi:private-apps:api-calls"}
    return ApiError(429, f"You have reached your {name} limit.", more=more)


def _over_search() -> ApiError:
    return ApiError(429, "You have reached your secondly limit.", "RATE_LIMITS")
