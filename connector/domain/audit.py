"""The audit trail: who did what to which CRM record, in a chain that shows any later change of it.

Decided here: what was written (field values, which may be personal data) is kept apart from the fact that it was. The
fact carries a salted digest of the values and the hash of the fact before it; erasing values leaves the chain whole,
and without the salt, which is erased with them, the digest tells nothing. Where a whole customer is forgotten, the fact
stays without saying whom it was about: its hash links on, and the deed of the forgetting vouches for what is left.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any

from connector.domain.customer import FORGOTTEN

SEALED = "sealed"
"""Where the deed of a forgetting keeps the seals of the records it changed, by their numbers."""
BEGINNING = "0" * 64
"""The hash before the first record of a destination."""


CANONICAL = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"))
"""Made once: `json.dumps` would make one for each of a delivery's records."""


class Act(StrEnum):
    """What can be done to a CRM, or to what waits for it."""

    WRITE = "write"
    APPROVE = "approve"
    APPLY = "apply"
    UNDO = "undo"
    RELEASE = "release"
    RETRY = "retry"
    DROP = "drop"
    REBUILD = "rebuild"
    RESTORE = "restore"
    ERASE = "erase"
    INSTALL = "install"
    UNINSTALL = "uninstall"
    FORGET = "forget"
    LINK = "link"


@dataclass(frozen=True)
class Deed:
    """One act of one person or job. `subject` is a record's key, an association, a run, a part of the schema, or a
    billing account whose link was decided."""

    at: datetime
    by: str
    act: Act
    run_id: str
    subject: str
    account_id: str = ""
    crm_id: str | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    """Field → {before, after}: JSON-ready; may be personal data."""


@dataclass(frozen=True)
class AuditRecord:
    """A deed in the chain of its destination; `values` is None once erased."""

    number: int
    at: datetime
    by: str
    act: Act
    run_id: str
    subject: str
    account_id: str
    crm_id: str | None
    digest: str
    hash: str
    values: Mapping[str, Any] | None
    salt: str | None


def digest_of(values: Mapping[str, Any], salt: str) -> str:
    """Digest values so that nobody without the salt can tell what they were."""
    return hmac.digest(salt.encode(), _canonical(values).encode(), "sha256").hex()


def chained(deed: Deed, number: int, before: str, salt: str) -> AuditRecord:
    """Make a deed the next link of a chain."""
    digest = digest_of(deed.values, salt)
    return AuditRecord(
        number=number,
        at=deed.at,
        by=deed.by,
        act=deed.act,
        run_id=deed.run_id,
        subject=deed.subject,
        account_id=deed.account_id,
        crm_id=deed.crm_id,
        digest=digest,
        hash=_hash(deed, number, before, digest),
        values=deed.values,
        salt=salt,
    )


def first_broken(records: Iterable[AuditRecord]) -> int | None:
    """Give the number of the first record that is not what it was, or None when the chain is whole.

    A record about a forgotten customer no longer shows what its hash was made of. It counts as whole when the deed of
    the forgetting, which is in the chain itself, sealed it as it now stands.
    """
    before, expected = BEGINNING, 1
    sealed: dict[int, str] = {}
    for record in records:
        if record.number != expected:
            return _first(sealed, expected)
        if record.account_id.startswith(FORGOTTEN) and record.act is not Act.FORGET:
            sealed[record.number] = seal_of(record)
        elif not _is_whole(record, before):
            return _first(sealed, expected)
        elif record.act is Act.FORGET:
            for number, seal in ((record.values or {}).get(SEALED) or {}).items():
                if sealed.get(int(number)) == seal:
                    del sealed[int(number)]
        before, expected = record.hash, expected + 1
    return _first(sealed)


def seal_of(record: AuditRecord) -> str:
    """Digest a record whose customer is forgotten, as it is shown from then on."""
    shown = _deed_of(record)
    return _hash(shown, record.number, record.hash, record.digest)


def forgotten(record: AuditRecord, customer: str) -> AuditRecord:
    """Take out of a record whom it was about: that something was done, by whom and when stays, and its hash."""
    return replace(record, subject=customer, account_id=customer, crm_id=None, values=None, salt=None)


def _first(sealed: Mapping[int, str], broken: int | None = None) -> int | None:
    """A record that nobody sealed is broken, and stands before any that was found later."""
    return min([*sealed, *([broken] if broken is not None else [])], default=None)


def _is_whole(record: AuditRecord, before: str) -> bool:
    if record.hash != _hash(_deed_of(record), record.number, before, record.digest):
        return False
    if record.values is None:
        return True
    return record.salt is not None and digest_of(record.values, record.salt) == record.digest


def _deed_of(record: AuditRecord) -> Deed:
    return Deed(record.at, record.by, record.act, record.run_id, record.subject, record.account_id, record.crm_id)


def _hash(deed: Deed, number: int, before: str, digest: str) -> str:
    fact = {
        "number": number,
        "before": before,
        "at": deed.at.astimezone(UTC).isoformat(),
        "by": deed.by,
        "act": deed.act.value,
        "run": deed.run_id,
        "subject": deed.subject,
        "account": deed.account_id,
        "crm_id": deed.crm_id,
        "values": digest,
    }
    return sha256(_canonical(fact).encode()).hexdigest()


def _canonical(value: Mapping[str, Any]) -> str:
    return CANONICAL.encode(value)
