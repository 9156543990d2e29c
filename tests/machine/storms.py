"""Everything that can go wrong with a fifth of all calls, as the stand-ins know it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from connector.sandbox.control import Fault

SHARE = 0.2
"""Of all calls, this share is struck."""
BLINK = 0.002
"""Seconds that a call is held; long enough to be seen, short enough not to be waited for."""
ANYWHERE: tuple[dict[str, Any], ...] = (
    {"kind": "html"},
    {"kind": "status", "status": 500, "body": {"message": "internal error"}},
    {"kind": "timeout", "delay": BLINK},
    {"kind": "timeout", "delay": BLINK, "after": True},
    {"kind": "reset"},
    {"kind": "reset", "after": True},
    {"kind": "reset_in_body"},
    {"kind": "truncated"},
    {"kind": "garbled"},
    {"kind": "slow", "delay": BLINK},
    {"kind": "slow", "delay": BLINK, "after": True},
    {"kind": "cut", "after": True},
)
OF: dict[str, tuple[dict[str, Any], ...]] = {
    "hubspot": (
        {
            "kind": "status",
            "status": 429,
            "body": {"status": "error", "message": "too fast", "policyName": "TEN_SECONDLY_ROLLING"},
        },
        {"kind": "status", "status": 423, "body": {"status": "error", "message": "This record is locked"}},
        {"kind": "status", "status": 477, "body": {"status": "error"}, "headers": {"Retry-After": "60"}},
    ),
    "salesforce": (
        {
            "kind": "status",
            "status": 503,
            "path": "/services/data/",
            "body": [{"errorCode": "SERVER_UNAVAILABLE", "message": "too many requests are being served"}],
        },
        {
            "kind": "status",
            "status": 403,
            "path": "/services/data/",
            "body": [{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "TotalRequests Limit exceeded."}],
        },
    ),
}


LOST_REQUESTS = tuple(kind for kind in ANYWHERE if kind in ({"kind": "timeout", "delay": BLINK}, {"kind": "reset"}))
LOST_ANSWERS = tuple(kind for kind in ANYWHERE if kind.get("after") and kind["kind"] != "slow")


def of_every_kind(crm: str) -> Sequence[dict[str, Any]]:
    """Whatever can go wrong with a call to a CRM."""
    return ANYWHERE + OF[crm]


def storm(kinds: Sequence[dict[str, Any]], seed: int, share: float = SHARE) -> list[Fault]:
    """Faults that together strike a share of all calls, the same ones for a seed."""
    # The first that meets a call acts: each strikes its share of what those before it spared.
    rate = 1 - (1 - share) ** (1 / len(kinds))
    return [Fault(**kind, rate=rate, seed=1000 * seed + n, times=None) for n, kind in enumerate(kinds)]
