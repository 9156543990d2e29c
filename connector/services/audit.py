"""What a person asks of the audit trail: look, prove that it is whole, take it along, erase what it tells of somebody.

The chain is walked a page at a time and never held whole, however long it has grown.
"""

from __future__ import annotations

import csv
import json
import os
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Literal, assert_never

from connector.domain.audit import BEGINNING, Act, AuditRecord, Deed, first_broken
from connector.domain.cells import cell
from connector.domain.errors import MendError
from connector.ports.ledger import Audit

OWNER_ONLY = 0o600
Format = Literal["csv", "jsonl"]
GONE = (
    "what they told is in an export or a backup from before, and `connector outbox list --state delivered` tells what"
    " was written; `connector ledger restore FILE` goes on from a backup"
)
ANY_TIME = datetime.min.replace(tzinfo=UTC)
FACT = ("number", "at", "by", "act", "run_id", "subject", "account_id", "crm_id", "digest", "hash")


@dataclass(frozen=True)
class Wanted:
    """Which records; every part that is given has to be met."""

    act: Act | None = None
    run_id: str | None = None
    account_id: str | None = None
    by: str | None = None
    subject: str | None = None
    """A record's key (its associations are meant too), or one association."""
    since: datetime | None = None
    until: datetime | None = None

    def takes(self, record: AuditRecord) -> bool:
        """Say whether a record meets what the ledger itself does not select by."""
        return (
            self.act in (None, record.act)
            and self.account_id in (None, record.account_id)
            and self.by in (None, record.by)
            and (self.subject is None or f"{record.subject}/".startswith(f"{self.subject}/"))
        )


@dataclass(frozen=True)
class Proof:
    """A chain that is whole: how long it is, and the hash that it ends with."""

    records: int
    hash: str


def matching(audit: Audit, destination: str, wanted: Wanted) -> Iterator[AuditRecord]:
    """Yield the records that are wanted, oldest first."""
    some = audit.records(destination, wanted.since, wanted.until, wanted.run_id)
    return (record for record in some if wanted.takes(record))


def newest(audit: Audit, destination: str, wanted: Wanted, limit: int) -> list[AuditRecord]:
    """List the newest records that are wanted, newest first."""
    return list(reversed(deque(matching(audit, destination, wanted), maxlen=limit)))


def verify(audit: Audit, destination: str) -> Proof:
    """Walk the whole chain; raise MendError that names the first record that is not what it was.

    Its end is kept apart from it, and so is what was delivered: by them a chain is found out that was cut short.
    """
    ended = audit.head(destination)
    hashes: dict[int, str] = {0: BEGINNING}
    first: AuditRecord | None = None
    last = Proof(0, BEGINNING)

    def passing() -> Iterator[AuditRecord]:
        nonlocal first, last
        for record in audit.records(destination):
            first, last = first or record, Proof(record.number, record.hash)
            if record.number == ended[0]:
                hashes[record.number] = record.hash
            yield record

    broken = first_broken(passing())
    if broken is None and last.records > audit.head(destination)[0]:
        broken = audit.head(destination)[0] + 1  # whoever wrote that did not write its end
    if broken is None and hashes.get(ended[0], ended[1]) != ended[1]:
        broken = ended[0]  # made anew, to hang together
    if broken is not None:
        raise MendError(
            f"the audit trail of {destination} is broken at record {broken}: it, or one before it, was changed or"
            " removed",
            hint="records up to there are as they were written; compare with an export or a backup from before",
        )
    if last.records < ended[0]:
        raise MendError(
            f"the audit trail of {destination} ends at record {last.records} and had {ended[0]}: records"
            f" {last.records + 1} to {ended[0]} were removed",
            hint=GONE,
        )
    _refuse_unexplained(audit, destination)
    _refuse_untold(audit, destination, first)
    return last


def _refuse_unexplained(audit: Audit, destination: str) -> None:
    """Values may only be gone where somebody erased them."""
    erased = {record.subject for record in audit.records(destination) if record.act in (Act.ERASE, Act.FORGET)}
    unexplained = next(
        (one for one in audit.records(destination) if one.values is None and one.account_id not in erased), None
    )
    if unexplained is not None:
        raise MendError(
            f"the values of record {unexplained.number} of the audit trail of {destination} are gone, and nobody erased"
            " them",
            hint="what was done is as it was written; what was written with it is in an export or a backup from before",
        )


def _refuse_untold(audit: Audit, destination: str, first: AuditRecord | None) -> None:
    """Every delivery since the trail began is in it; a whole chain that lacks one was cut, its kept end with it."""
    untold = audit.untold(destination, first.at if first is not None else ANY_TIME)
    if not untold:
        return
    (run, subject), count = untold[0], len(untold)
    told = "one delivery" if count == 1 else f"{count:,} deliveries"
    raise MendError(
        f"the audit trail of {destination} lacks {told}, the first of {subject} by run {run}: records were removed from"
        " its end",
        hint=GONE if first is not None else f"{GONE}; a ledger of before there was a trail has none until its next run",
    )


def as_json(record: AuditRecord, with_values: bool = True) -> dict[str, Any]:
    """Give a record as plain JSON; its salt goes with its values, which prove nothing without it."""
    told = {name: getattr(record, name) for name in FACT} | {"at": record.at.isoformat(), "act": record.act.value}
    return told | ({"values": record.values, "salt": record.salt} if with_values else {})


def export(audit: Audit, destination: str, wanted: Wanted, path: Path, format: Format, with_values: bool = True) -> int:
    """Write the wanted records to a file that only its owner may read; an older one is replaced whole. Count them."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        with os.fdopen(
            os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY), "w", encoding="utf-8", newline=""
        ) as file:
            write = _writer(file, format, with_values)
            count = 0
            for record in matching(audit, destination, wanted):
                write(as_json(record, with_values))
                count += 1
        fresh.replace(path)
    except OSError as error:
        raise MendError(f"the export cannot be written: {error.strerror}", at=str(path)) from error
    finally:
        fresh.unlink(missing_ok=True)
    return count


def _writer(file: IO[str], format: Format, with_values: bool) -> Callable[[dict[str, Any]], object]:
    match format:
        case "jsonl":
            return lambda told: file.write(json.dumps(told, ensure_ascii=False) + "\n")
        case "csv":
            columns = [*FACT, *(("values", "salt") if with_values else ())]
            table = csv.DictWriter(file, columns, lineterminator="\n")
            table.writeheader()
            return lambda told: table.writerow(
                {
                    name: json.dumps(value, ensure_ascii=False) if name == "values" else cell(value)
                    for name, value in told.items()
                }
            )
        case _:
            assert_never(format)


def told_of(audit: Audit, destination: str, account_id: str) -> int:
    """Count the records that still hold values about an account."""
    some = matching(audit, destination, Wanted(account_id=account_id))
    return sum(record.values is not None for record in some)


def erase(audit: Audit, destination: str, account_id: str, by: str, at: datetime) -> int:
    """Erase what the trail tells of an account, and note who did; the chain stays whole. Count the records."""
    erased = audit.erase(destination, account_id)
    # Noted after it was done: a process that dies in between leaves nothing behind but to erase once more.
    deed = Deed(at, by, Act.ERASE, run_id="", subject=account_id, values={"records": erased})
    audit.note(destination, [deed])
    return erased
