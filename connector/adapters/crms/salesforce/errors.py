"""What each Salesforce error code proves, and what a person can do about it.

Source: SOAP API Developer Guide, "Core Data Types Used in API Calls" (StatusCode); REST API Developer Guide,
"Status Codes and Error Responses".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connector.adapters.crms.batches import Judgement
from connector.adapters.crms.http import CallError, LostAnswerError, NotSentError, RefusedError
from connector.domain.change import Outcome, Verdict, Write

QUOTA = "REQUEST_LIMIT_EXCEEDED"
EXPIRED = "INVALID_SESSION_ID"
NO_API = "API_DISABLED_FOR_ORG"
API_ENABLED = "Setup → Permission Sets → the connector's set → System Permissions → API Enabled"
"""Where our user is let in."""

_DEFER = frozenset({QUOTA, EXPIRED, "STORAGE_LIMIT_EXCEEDED", NO_API, "LOGIN_REFUSED"})
_RETRY = frozenset({"UNABLE_TO_LOCK_ROW", "QUERY_TIMEOUT", "ALL_OR_NONE_OPERATION_ROLLED_BACK", "PROCESSING_HALTED"})
_UNKNOWN = frozenset({"SERVER_UNAVAILABLE", "UNKNOWN_EXCEPTION", "REQUEST_RUNNING_TOO_LONG"})
_HINTS = {
    QUOTA: "the org's API calls of the last 24 hours are used up; the next run continues",
    EXPIRED: "the session was refused even after a new login; check the connected app and its user",
    "LOGIN_REFUSED": "check the connected app, its user and its key",
    "STORAGE_LIMIT_EXCEEDED": "free data storage in the org",
    NO_API: f"grant our user API Enabled: {API_ENABLED}; or the org's edition has no API",
    "DUPLICATES_DETECTED": "a duplicate rule blocked it; let our user bypass the rule, or merge the records",
    "DUPLICATE_VALUE": "another record already holds this unique value",
    "REQUIRED_FIELD_MISSING": "map the field in the mapping's `fields:`",
    "STRING_TOO_LONG": "shorten the template, or use a longer field",
    "INVALID_FIELD": "the field is unknown or hidden from our user; run `connector install`",
    "INVALID_FIELD_FOR_INSERT_UPDATE": "the field cannot be written by our user; take it out of the mapping",
    "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST": "use a value of the picklist, or add this one to it",
    "FIELD_CUSTOM_VALIDATION_EXCEPTION": "a validation rule of the org refused it; its message says why",
    "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY": "a trigger or flow of the org refused it; its message says why",
    "INVALID_CROSS_REFERENCE_KEY": "it refers to a record that does not exist, or that our user cannot see",
    "ENTITY_IS_DELETED": "the record was deleted in the CRM",
    "INACTIVE_OWNER_OR_USER": "the owner is inactive; set another in `owners:`",
    "INSUFFICIENT_ACCESS": "grant our user the permission",
    "INSUFFICIENT_ACCESS_OR_READONLY": "grant our user the permission",
    "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY": "grant our user access to the related record",
}


_ID = 15
"""Letters that tell an id; three more only check its case."""
_MIXED_UP = Judgement(Verdict.UNKNOWN, "unaccounted", "the answer tells of another record")


def is_crowded(code: str, message: str) -> bool:
    """Say whether only too many long calls run at once: the code is that of a spent day."""
    return code == QUOTA and "concurrent" in message.lower()


def verdict_of(code: str, message: str) -> Verdict:
    """Say what a code proves about the record it was told for."""
    # A trigger that met a lock reports its own failure and names the lock in its text.
    if code in _RETRY or "UNABLE_TO_LOCK_ROW" in message or is_crowded(code, message):
        return Verdict.RETRY
    if code in _DEFER:
        return Verdict.DEFER
    if code in _UNKNOWN:
        return Verdict.UNKNOWN
    return Verdict.REJECTED


def record_outcome(write: Write, told: Mapping[str, Any]) -> Outcome:
    """Read the answer for one record of a batch."""
    if told.get("success"):
        # Results come in the order of the records; should that ever fail, nobody takes another's answer for its own.
        if write.crm_id is not None and str(told["id"])[:_ID] != write.crm_id[:_ID]:
            return _MIXED_UP.of(write)
        return Outcome(write.entry, Verdict.OK, crm_id=told["id"], created=told.get("created", write.verb == "create"))
    error: Mapping[str, Any] = next(iter(told.get("errors") or ()), {})
    code = str(error.get("statusCode", "UNKNOWN_EXCEPTION"))
    message = f"{error.get('message', '')}{_duplicates(error.get('duplicateResult'))}"
    field = next(iter(error.get("fields") or ()), None)
    return Judgement(verdict_of(code, message), code, message, field, _HINTS.get(code)).of(write)


def _duplicates(found: Any) -> str:
    """Name the duplicate rule that matched, and the records it matched."""
    if not isinstance(found, Mapping):
        return ""
    results = found.get("matchResults") or ()
    records = [match.get("record") or {} for result in results for match in result.get("matchRecords") or ()]
    ids = ", ".join(str(record.get("Id", "a hidden record")) for record in records)
    return f" (duplicate rule {found.get('duplicateRule', 'without a name')} matches {ids or 'no record we may see'})"


def judge(error: CallError) -> Judgement:
    """Say what a failed write call means for the records in it."""
    match error:
        case RefusedError(status=status, code=code, message=message, fields=fields):
            verdict = verdict_of(code, message)
            field = next(iter(fields), None)
            shared = verdict is Verdict.REJECTED and status == 400
            return Judgement(verdict, code, message, field, _HINTS.get(code), is_shared=shared)
        case NotSentError():
            return Judgement(Verdict.RETRY, "not_sent", str(error), hint="check that the org can be reached")
        case LostAnswerError():
            return Judgement(Verdict.UNKNOWN, "lost_answer", str(error))
        case _:
            raise error


def refusal(status: int, content: Any) -> CallError:
    """Read an error answer; a broken server proves nothing."""
    first = content[0] if isinstance(content, list) and content and isinstance(content[0], Mapping) else {}
    code, message = str(first.get("errorCode", "")), str(first.get("message", ""))
    if status >= 500 or status == 408:
        return LostAnswerError(f"HTTP {status} {code}".strip())
    if status == 403 and content == "Bad_OAuth_Token":  # how the identity endpoint says 401
        return RefusedError(401, EXPIRED, "Session expired or invalid")
    return RefusedError(status, code or f"HTTP_{status}", message or "no message", first.get("fields") or ())
