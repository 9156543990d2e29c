"""What the stand-in answers when it refuses: one exception, two shapes.

A whole request is refused with a list of `{message, errorCode, fields?}`; one record inside a batch with
`{statusCode, message, fields}`. The HTTP status of a request-level refusal follows from its code.

Source: REST API Developer Guide, "Status Codes and Error Responses"; SOAP API Developer Guide, "Core Data Types".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

_STATUS = {
    "INVALID_SESSION_ID": 401,
    "REQUEST_LIMIT_EXCEEDED": 403,
    "API_DISABLED_FOR_ORG": 403,
    "INSUFFICIENT_ACCESS": 403,
    "INSUFFICIENT_ACCESS_OR_READONLY": 403,
    "NOT_FOUND": 404,
    "ENTITY_IS_DELETED": 404,
    "METHOD_NOT_ALLOWED": 405,
    "EXCEEDED_MAX_SIZE_REQUEST": 413,
    "UNSUPPORTED_MEDIA_TYPE": 415,
    "NOT_IMPLEMENTED": 501,
    "SERVER_UNAVAILABLE": 503,
}


class Refusal(Exception):
    """The vendor says no, with a code, a message and the fields at fault."""

    def __init__(
        self, code: str, message: str, fields: Sequence[str] | None = None, extra: dict[str, Any] | None = None
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.fields = None if fields is None else list(fields)
        self.extra = extra or {}

    @property
    def status(self) -> int:
        return _STATUS.get(self.code, 400)

    def as_body(self) -> list[dict[str, Any]]:
        """Give the body of a refused request."""
        named = {} if self.fields is None else {"fields": self.fields}
        return [{"message": self.message, "errorCode": self.code, **named, **self.extra}]

    def as_record_error(self) -> dict[str, Any]:
        """Give the item of `errors` for one refused record of a batch."""
        return {
            "statusCode": self.code,
            "message": self.message,
            "fields": self.fields or [],
            **self.extra,
        }


def not_found() -> Refusal:
    """Say that the path leads nowhere."""
    return Refusal("NOT_FOUND", "The requested resource does not exist")


def not_implemented(what: str) -> Refusal:
    """Say that Salesforce knows this and the stand-in does not, so that nobody takes it for a vendor's error."""
    return Refusal("NOT_IMPLEMENTED", f"the stand-in does not implement {what}")
