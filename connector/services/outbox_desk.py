"""What a person may do with changes that wait: look at them, let them be tried again, or give them up.

Entries move along the outbox's own legal edges, under the destination's lease, with the deed in the same transaction.
What may have landed in the CRM is no one's to move: the next delivery reads it back first. Giving up the creation of a
record gives up what waits for that record, and holds their keys: no later run makes them behind the person's back.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

from connector.domain.audit import Act, Deed
from connector.domain.errors import MendError
from connector.domain.hold import Hold
from connector.domain.outbox import OPEN, DeliveryState, OutboxEntry
from connector.ports.clock import Clock
from connector.ports.ledger import Outbox, Selection
from connector.services.lease import leased
from connector.services.memory import Memory

S = DeliveryState
Move = Literal[Act.RETRY, Act.DROP]
FROM = {Act.RETRY: frozenset({S.PARKED}), Act.DROP: frozenset({S.PENDING, S.PARKED})}
"""States from which a person may move an entry."""
STAYS = {
    S.PENDING: "it waits already: the next `sync` or `stages` sends it",
    S.SENDING: "it is on its way, or was when a run died: the next `sync` reads it back",
    S.UNKNOWN: "it may have landed: the next `sync` reads it back",
    S.DELIVERED: "the CRM has it",
    S.SUPERSEDED: "a newer plan took its place",
    S.DROPPED: "it was dropped before",
}


@dataclass(frozen=True)
class Choice:
    """What a selection comes to: what moves, what goes along with it, and what stays where it is."""

    moving: tuple[OutboxEntry, ...] = ()
    along: tuple[OutboxEntry, ...] = ()
    """Entries that wait for a record whose creation is dropped."""
    staying: tuple[OutboxEntry, ...] = ()

    @property
    def all(self) -> tuple[OutboxEntry, ...]:
        """Everything that moves."""
        return (*self.moving, *self.along)

    @property
    def held(self) -> tuple[OutboxEntry, ...]:
        """Creations among what moves; when dropped, their keys are held."""
        return tuple(entry for entry in self.all if entry.verb == "create")


def choose(outbox: Outbox, destination: str, wanted: Selection, move: Move) -> Choice:
    """Say what moving a selection would do; raise MendError when a named entry does not exist."""
    found = _found(outbox, destination, wanted)
    moving = tuple(entry for entry in found if entry.state in FROM[move])
    along = _waiting_for(outbox, destination, moving) if move is Act.DROP else ()
    return Choice(moving, along, tuple(entry for entry in found if entry.state not in FROM[move]))


def named(outbox: Outbox, destination: str, ids: Collection[str]) -> list[OutboxEntry]:
    """Find entries by their own ids, or by a record's key: then its open entry, else its newest."""
    found = outbox.select(destination, Selection(ids=tuple(ids)))
    by_id = {entry.id: entry for entry in found}
    newest: dict[str, OutboxEntry] = {}
    for entry in sorted(found, key=lambda one: one.state not in OPEN):
        newest.setdefault(entry.subject, entry)
    missing = [one for one in ids if one not in by_id and one not in newest]
    if missing:
        raise MendError(
            f"the outbox of {destination} has no entry {', '.join(missing)}",
            hint="`connector outbox list` shows the keys, `--json` also the ids of entries",
        )
    return list({entry.id: entry for entry in (by_id.get(one) or newest[one] for one in ids)}.values())


@dataclass(frozen=True)
class Desk:
    """Moves entries of one destination; `holder` names this process to others that want the lease."""

    memory: Memory
    clock: Clock
    holder: str
    destination: str

    def retry(self, chosen: Choice, by: str) -> Choice:
        """Let parked entries wait for the next delivery. Gives what came of it."""
        with leased(self.memory.leases, self.clock, self.destination, self.holder) as lease:
            choice, at = self._again(chosen, Act.RETRY), self._at()
            entries = [replace(entry.to(S.PENDING), changed_at=at) for entry in choice.moving]
            deeds = [_deed(entry, Act.RETRY, by, at, "") for entry in choice.moving]
            self.memory.outbox.commit(lease, entries, deeds=deeds)
        return choice

    def drop(self, chosen: Choice, by: str, reason: str) -> Choice:
        """Give entries up, and hold the keys of records that they would have made. Gives what came of it."""
        with leased(self.memory.leases, self.clock, self.destination, self.holder) as lease:
            choice, at = self._again(chosen, Act.DROP), self._at()
            entries = [replace(entry.to(S.DROPPED, f"{by}: {reason}"), changed_at=at) for entry in choice.all]
            holds = [Hold(one.change.key, one.change.account_id, one.run_id, by, at) for one in choice.held]
            deeds = [_deed(entry, Act.DROP, by, at, reason) for entry in choice.all]
            self.memory.outbox.commit(lease, entries, holds=holds, deeds=deeds)
        return choice

    def _again(self, chosen: Choice, move: Move) -> Choice:
        """Choose once more under the lease: a delivery may have moved some since a person looked."""
        ids = tuple(entry.id for entry in chosen.moving)
        return choose(self.memory.outbox, self.destination, Selection(ids=ids), move) if ids else Choice()

    def _at(self) -> datetime:
        return datetime.fromtimestamp(self.clock.now(), UTC)


def _found(outbox: Outbox, destination: str, wanted: Selection) -> list[OutboxEntry]:
    if wanted.ids:
        some = {entry.id for entry in named(outbox, destination, wanted.ids)}
        return [entry for entry in outbox.select(destination, replace(wanted, ids=tuple(some))) if entry.id in some]
    return outbox.select(destination, wanted if wanted.states else replace(wanted, states=tuple(OPEN)))


def _waiting_for(outbox: Outbox, destination: str, dropped: Sequence[OutboxEntry]) -> tuple[OutboxEntry, ...]:
    """Find what can never be delivered once these creations are given up: children and associations."""
    gone = {entry.id for entry in dropped}
    keys = {entry.change.key for entry in dropped if entry.verb == "create"}
    left = [one for one in outbox.entries(destination, FROM[Act.DROP]) if one.id not in gone] if keys else []
    found: list[OutboxEntry] = []
    while more := [one for one in left if _needs(one, keys)]:
        found += more
        keys |= {one.change.key for one in more if one.verb == "create"}
        ids = {one.id for one in more}
        left = [one for one in left if one.id not in ids]
    return tuple(found)


def _needs(entry: OutboxEntry, keys: Collection[str]) -> bool:
    return entry.change.key in keys or any(link.to.key in keys for link in entry.change.links)


def _deed(entry: OutboxEntry, act: Act, by: str, at: datetime, reason: str) -> Deed:
    refusal = entry.refusal
    return Deed(
        at=at,
        by=by,
        act=act,
        run_id=entry.run_id,
        subject=entry.subject,
        account_id=entry.change.account_id,
        crm_id=entry.crm_id,
        values={
            "entry": entry.id,
            "was": entry.state.value,
            "refused": {"code": refusal.code, "message": refusal.message} if refusal else None,
            "reason": reason,
        },
    )
