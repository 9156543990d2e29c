"""What each HubSpot refusal proves, and what a person can do about it.

Decided here: a refusal of a whole batch is one record's fault unless it is about access or limits, so the batch is
halved until that record stands alone.

Source: developers.hubspot.com, "Error handling", "API usage guidelines and limits".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from connector.adapters.crms.batches import Judgement
from connector.adapters.crms.http import CallError, LostAnswerError, NotSentError, RefusedError
from connector.domain.change import Outcome, Verdict, Write

DAILY = "DAILY"
MIGRATION = "MIGRATION"
SEARCH = "SEARCH"
BURST = "TEN_SECONDLY_ROLLING"
_ONE_RECORD = frozenset({400, 404, 409, 423})
"""Statuses that one record is enough for: bad data, gone, exists, locked."""
_HINTS = {
    DAILY: "the portal's API calls of today are used up; the next run continues",
    "PROPERTY_DOESNT_EXIST": "run `connector install`",
    "READ_ONLY_VALUE": "the property cannot be written; take it out of the mapping",
    "INVALID_OPTION": "use one of the property's options, or add this one to it",
    "VALIDATION_ERROR": "a validation rule of the portal refused it; its message says why",
    "REQUIRED_FIELD": "the portal requires this property; map it in the mapping's `fields:`",
    "CONFLICTING_UNIQUE_VALUE": "another record already holds this unique value",
    "MISSING_SCOPES": "grant the token the scopes that the message names",
    "INVALID_AUTHENTICATION": "check the access token",
    "LOGIN_REFUSED": "check client id, client secret and refresh token",
    "OBJECT_NOT_FOUND": "the record was deleted in the CRM",
    "NOT_FOUND": "the record was deleted in the CRM",
    MIGRATION: "the portal is moving to another data centre; the next run continues",
}


def refusal(status: int, body: str | None, headers: Mapping[str, str]) -> CallError:
    """Read an error answer; a broken server proves nothing."""
    if status >= 500 or status == 408:
        return LostAnswerError(f"HTTP {status}")
    try:
        told = json.loads(body or "")
    except ValueError:
        told = {}
    told = told if isinstance(told, dict) else {}
    if status == 429:
        return RefusedError(429, _limit(told), str(told.get("message", "rate limit")))
    if status == 477:
        wait = headers.get("Retry-After")
        when = f"in {wait} seconds" if wait else "later"
        return RefusedError(477, MIGRATION, f"the portal moves to another data centre: come back {when}")
    code, message, field = _first_error(told)
    return RefusedError(status, code or _BY_STATUS.get(status, f"HTTP_{status}"), message, [field] if field else [])


_BY_STATUS = {401: "INVALID_AUTHENTICATION", 404: "NOT_FOUND", 423: "LOCKED"}


def _limit(told: Mapping[str, Any]) -> str:
    # The search limit names no policy; its message says "secondly", and so does that of the ten-second window.
    named = str(told.get("policyName") or told.get("message") or "").upper()
    if DAILY in named:
        return DAILY
    return SEARCH if "SECONDLY" in named and "TEN" not in named else BURST


def _first_error(told: Mapping[str, Any]) -> tuple[str, str, str | None]:
    """Give code, message and property of the first thing at fault; every part of the envelope may be missing."""
    first: Mapping[str, Any] = next(iter(told.get("errors") or ()), {})
    context: Mapping[str, Any] = {**(told.get("context") or {}), **(first.get("context") or {})}
    message = str(first.get("message") or told.get("message") or "no message")
    if not first and (listed := _listed(message)):
        return str(listed.get("error", "")), str(listed.get("message", message)), listed.get("name")
    scopes = context.get("requiredGranularScopes")
    if scopes:
        message = f"{message} {', '.join(scopes)}"
    names = context.get("propertyName") or context.get("properties") or [first.get("in")]
    return str(first.get("code") or told.get("category") or ""), message, names[0]


def _listed(message: str) -> Mapping[str, Any] | None:
    """Read the first value refused, which a message without error items carries as JSON."""
    _, found, rest = message.partition("Property values were not valid: ")
    try:
        values = json.loads(rest) if found else []
    except ValueError:
        return None
    return values[0] if values and isinstance(values[0], dict) else None


def judge(error: CallError) -> Judgement:
    """Say what a failed write call means for the records in it."""
    match error:
        case RefusedError(code=code, message=message, fields=fields):
            field = next(iter(fields), None)
            verdict = _verdict(error)
            is_shared = error.status in _ONE_RECORD and "non-unique" not in message
            return Judgement(verdict, code, message, field, _cure(code, message), is_shared=is_shared)
        case NotSentError():
            return Judgement(Verdict.RETRY, "not_sent", str(error), hint="check that api.hubapi.com can be reached")
        case LostAnswerError():
            return Judgement(Verdict.UNKNOWN, "lost_answer", str(error))
        case _:
            raise error


def _cure(code: str, message: str) -> str | None:
    # An error item without items of its own has only the category, which is the same for every rule.
    return _HINTS.get("REQUIRED_FIELD" if code == "VALIDATION_ERROR" and "required" in message.lower() else code)


def _verdict(error: RefusedError) -> Verdict:
    if error.code == DAILY or error.status in (401, 477):
        return Verdict.DEFER
    return Verdict.RETRY if error.status in (423, 429) else Verdict.REJECTED


def record_refusal(write: Write, told: Mapping[str, Any]) -> Outcome:
    """Read an item of `errors` of a partly successful batch."""
    code, message, field = _first_error(told)
    return Judgement(Verdict.REJECTED, code, message, field, _cure(code, message)).of(write)
