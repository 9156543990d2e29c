"""What an installation does to a CRM's schema, a step at a time: one list that the plan shows and the installer walks.

Decided here: what is ours is marked where a person sees it, in the description of the thing itself. No table remembers
what was installed: a lost ledger forgets nothing, and nothing that somebody else made under our prefix is ever removed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from connector.domain.change import RecordType
from connector.domain.mapping import CrmMapping, NewField

Wanted = Mapping[RecordType, Mapping[str, NewField]]
"""The fields of ours that a CRM must have, by type."""


class Doing(StrEnum):
    """What becomes of one thing in the CRM's schema."""

    CREATE = "create"
    CHANGE = "change"
    EXISTS = "exists"
    BY_HAND = "by hand"  # ours to tell, a person's to do
    REFUSED = "refused"  # stands in our way: nothing is installed before a person has mended it
    REMOVE = "remove"
    LEAVE = "leave"  # not made by us, or in use: an uninstallation lets it be


CHANGES = frozenset({Doing.CREATE, Doing.CHANGE, Doing.REMOVE})


@dataclass(frozen=True, slots=True)
class SetupStep:
    """One thing in the CRM's schema: what it is, what becomes of it, and why."""

    doing: Doing
    what: str
    """Field, permission set, list view, property group, pipeline, … as the vendor's people say."""
    name: str
    detail: str = ""
    hint: str | None = None
    place: tuple[str, ...] = ()
    """Where the mapping asks for it; of what is removed, its id in the CRM where its name is none."""
    holds: int | None = None
    """Records that hold a value, where an uninstallation could count them."""

    def __str__(self) -> str:
        told = f"{self.what} {self.name}"
        return f"{told}: {self.detail}" if self.detail else told

    @property
    def changes(self) -> bool:
        return self.doing in CHANGES


def wanted_fields(mapping: CrmMapping) -> dict[RecordType, dict[str, NewField]]:
    """The fields of ours that the CRM must have, by type."""
    return {RecordType(section): dict(fields) for section, fields in mapping.install.items()}


def is_written(type: RecordType) -> bool:
    """Say whether the connector writes records of a type; what people note on an account it only reads."""
    return type in (RecordType.OPPORTUNITY, RecordType.TASK)


def answered_by_people(mapping: CrmMapping) -> dict[RecordType, frozenset[str]]:
    """Name our fields on records of ours in which people say what came of them: theirs to write, ours to read."""
    own = {type: set(fields) for type, fields in wanted_fields(mapping).items()}
    told = {
        RecordType.TASK: {mapping.task.answer or ""},
        RecordType.OPPORTUNITY: {rule.field for rule in mapping.opportunity.outcomes},
    }
    return {type: frozenset(names & own.get(type, set())) for type, names in told.items()}


def mark(mapping: CrmMapping) -> str:
    """The words by which a thing in the CRM's schema is known as made by this connector."""
    return f"Created by the expansion connector (namespace {mapping.namespace})."


def managed_field(mapping: CrmMapping, type: RecordType) -> str | None:
    """Name the checkbox that every record of ours carries, so that people can exclude them from automations."""
    wanted = wanted_fields(mapping).get(type, {})
    rules = mapping.opportunity.fields if type is RecordType.OPPORTUNITY else mapping.task.fields
    return next((name for name in wanted if name in rules and rules[name].value == "true"), None)


def refused(steps: Iterable[SetupStep]) -> list[SetupStep]:
    """List what stands in the way of an installation."""
    return [step for step in steps if step.doing is Doing.REFUSED]
