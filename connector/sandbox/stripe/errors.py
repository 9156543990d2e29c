"""Refusals as Stripe words them: one exception, one envelope.

An id that is unknown in the path is a 404, the same id in a parameter a 400; the code is `resource_missing` in both.

Source: https://docs.stripe.com/api/errors and https://docs.stripe.com/error-codes
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class StripeError(Exception):
    """A refusal that becomes an answer with this status."""

    status: int
    message: str
    code: str | None = None
    param: str | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def body(self) -> dict[str, Any]:
        """The error envelope; fields without a value are left out, as on the wire."""
        error = {
            "code": self.code,
            "doc_url": self.code and f"https://docs.stripe.com/error-codes#{self.code.replace('_', '-')}",
            "message": self.message,
            "param": self.param,
            "type": "invalid_request_error",
        }
        return {"error": {name: value for name, value in error.items() if value is not None}}


def no_such(noun: str, id: str, *, param: str, status: int = 404) -> StripeError:
    """Refuse an id that names nothing."""
    return StripeError(status, f"No such {noun}: '{id}'", "resource_missing", param)


def bad_param(param: str, message: str, code: str | None = None) -> StripeError:
    """Refuse a parameter's value."""
    return StripeError(400, message, code, param)
