"""How our tasks stand in the CRM: open, done, put off or thrown away, and what whoever did one answered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Literal

from connector.domain.change import CrmRecord
from connector.domain.receipt import KnownRecord
from connector.services.world import World, due_field, told_fields

Standing = Literal["open", "begun", "done", "put_off", "gone"]
"""begun: a person works on it, by its status or by an edit of theirs."""


@dataclass(frozen=True)
class Stood:
    """How one task stands."""

    standing: Standing
    at: datetime | None = None
    """When it was last changed in the CRM."""
    answer: str | None = None
    """As playbooks name it."""
    due: date | None = None
    """The day that we told."""

    @property
    def is_over(self) -> bool:
        """Done, or thrown away: nothing has to wait for it."""
        return self.standing in ("done", "gone")


class Standings:
    """Looks tasks up by their keys."""

    def __init__(self, world: World) -> None:
        self.world, self.task = world, world.mapping.task
        self.answers = {shown: answer for answer, shown in self.task.answers.items()}

    def of(self, key: str) -> Stood | None:
        """How the task of a key stands; None for one that never was."""
        known = self.world.known.get(key)
        if known is None:
            return None
        record = self._records.get(known.crm_id)
        due = self._due(known)
        if known.tombstone is not None or (record is not None and record.archived):
            return Stood("gone", known.gone_at, due=due)
        if record is None:
            return Stood("open", due=due)
        status = record.fields.get(self.task.status)
        answer = self.answers.get(record.fields.get(self.task.answer or "") or "")
        if status in self.task.done:
            return Stood("done", record.modified_at, answer, due)
        if status == self.task.cancelled:
            return Stood("put_off", record.modified_at, answer, due)
        is_begun = status != self.task.open or answer is not None or self._is_edited(known, record)
        return Stood("begun" if is_begun else "open", record.modified_at, answer, due)

    @cached_property
    def _records(self) -> dict[str, CrmRecord]:
        return {record.id: record for record in self.world.tasks}

    @cached_property
    def _told(self) -> list[str]:
        return told_fields(self.world.mapping)

    @cached_property
    def _due_field(self) -> str | None:
        return due_field(self.world.mapping)

    def _is_edited(self, known: KnownRecord, record: CrmRecord) -> bool:
        for name in self._told:
            receipt = known.receipts.get(name)
            if receipt is None or name not in record.fields:
                continue
            if receipt.handed_over or record.fields[name] != receipt.shown:
                return True
        return False

    def _due(self, known: KnownRecord) -> date | None:
        receipt = known.receipts.get(self._due_field or "")
        try:
            return date.fromisoformat((receipt.sent or "")[:10]) if receipt is not None else None
        except ValueError:
            return None
