"""`ledger rebuild`: begins a new ledger with what the CRM tells of our records, after the old one was lost.

Everything is stored in one transaction under the destination's lease, so a kill leaves either nothing or all of it.
Records come back without receipts: what stands in their fields is left alone as if a person had typed it (and told as
found, for nobody knows), save in fields of our own namespace. The ledger begins a new life, so that plans made before
are refused. A ledger that knows records already is refused unless a merge is asked for, which adds what it lacks and
forgets nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from connector.domain.audit import Act, Deed
from connector.domain.change import Destination, RecordType
from connector.domain.episode import Episode
from connector.domain.errors import MendError
from connector.domain.receipt import KnownRecord
from connector.domain.run import RunStatus
from connector.services.lease import leased
from connector.services.memory import Memory
from connector.services.opening import check_installed, open_run
from connector.services.recover import Recovered, recover
from connector.services.spare import feed_without_forgotten, spared_by
from connector.services.work import Tell, Work

JOB = "rebuild"


@dataclass(frozen=True)
class Rebuilding:
    """What a rebuild would store: what the CRM tells, less what the ledger knows."""

    destination: Destination
    found: Recovered
    known: tuple[KnownRecord, ...]
    episodes: tuple[Episode, ...]

    @property
    def counts(self) -> dict[str, Any]:
        """Count what is stored, as people script against it."""
        types = Counter((one.type, "deleted" if one.tombstone else "alive") for one in self.known)
        return {
            "opportunities": {fate: types[RecordType.OPPORTUNITY, fate] for fate in ("alive", "deleted")},
            "tasks": {fate: types[RecordType.TASK, fate] for fate in ("alive", "deleted")},
            "episodes": dict(sorted(Counter(one.state.value for one in self.episodes).items())),
            "twins": len(self.found.twins),
            "untold": len(self.found.untold),
        }


def look(work: Work, now: datetime, force: bool, tell: Tell) -> Rebuilding:
    """Read the CRM and say what a rebuild would store; nothing is written."""
    destination = work.crm.reader.destination()
    _refuse_known(work.memory, destination.id, force)
    check_installed(work.crm.setup, work.mapping)  # a key that is hidden from us would look like none
    tell("reading our records in the CRM")
    feed = feed_without_forgotten(work.crm.feed, destination.id, spared_by(work.memory.suppressions))
    return _less_what_is_known(work.memory, destination, recover(feed, work.project, now))


def store(work: Work, seen: Rebuilding, now: datetime, force: bool, by: str) -> Rebuilding:
    """Store it, unless the ledger came to know records meanwhile. Gives what was stored."""
    memory, destination = work.memory, seen.destination
    run = open_run(memory, destination, JOB, now, agreed=True)
    try:
        memory.destinations.remember(destination)
        with leased(memory.leases, work.clock, destination.id, work.holder) as lease:
            _refuse_known(memory, destination.id, force)
            made = _less_what_is_known(memory, destination, seen.found)
            # First the new life: a kill in between refuses a plan too many, never one too few.
            memory.destinations.renew_epoch()
            at = datetime.fromtimestamp(work.clock.now(), UTC)
            deed = Deed(at, by, Act.REBUILD, run.id, destination.id, values=made.counts)
            memory.outbox.commit(lease, known=made.known, episodes=made.episodes, deeds=[deed])
    except BaseException:
        memory.runs.close(run.id, RunStatus.FAILED, datetime.now(UTC), {})
        raise
    summary = {"run_id": run.id, **made.counts, "api_calls": {"crm": work.crm.meter.calls()}}
    memory.runs.close(run.id, RunStatus.SUCCESS, datetime.now(UTC), summary)
    return made


def _refuse_known(memory: Memory, destination: str, force: bool) -> None:
    known = memory.receipts.records(destination)
    if known and not force:
        raise MendError(
            f"the ledger knows {len(known):,} records of {destination} already: it is not lost",
            hint="--force adds what it lacks, and forgets nothing",
        )


def _less_what_is_known(memory: Memory, destination: Destination, found: Recovered) -> Rebuilding:
    standing = memory.receipts.records(destination.id)
    begun = {episode.key for episode in memory.episodes.all(destination.id)}
    known = (_added(one, standing, found.twins) for one in found.known)
    return Rebuilding(
        destination,
        found,
        tuple(one for one in known if one is not None),
        tuple(episode for episode in found.episodes if episode.key not in begun),
    )


def _added(one: KnownRecord, standing: Mapping[str, KnownRecord], twins: Collection[str]) -> KnownRecord | None:
    """What a record adds to what stands; None when that is nothing, or when what stands is gone or another's copy."""
    before = standing.get(one.key)
    if before is None:
        return one
    if before.tombstone is not None or before.crm_id in twins:
        return None
    merged = replace(one, account_id=before.account_id or one.account_id)
    is_joined_anew = set(one.associations) - set(before.associations)
    is_news = one.tombstone is not None or one.crm_id != before.crm_id or is_joined_anew
    return merged if is_news else None
