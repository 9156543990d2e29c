"""Step `open`: where we are going, whether we may, and whether our fields are there."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime

from connector.domain.change import Destination, RecordType
from connector.domain.errors import ApprovalNeededError, MappingError
from connector.domain.installation import wanted_fields
from connector.domain.mapping import CrmMapping
from connector.domain.run import Run
from connector.ports.crm import CrmSetup
from connector.services.memory import Memory

__all__ = ["check_installed", "open_run", "wanted_fields"]


def essential_fields(mapping: CrmMapping) -> dict[RecordType, tuple[str, ...]]:
    """Fields of ours that nothing is written without: by them a record of ours is known."""
    opportunity = mapping.opportunity
    return {
        RecordType.OPPORTUNITY: (opportunity.key, opportunity.need, opportunity.episode),
        RecordType.TASK: (mapping.task.key,) if mapping.task.key else (),
    }


def check_installed(setup: CrmSetup, mapping: CrmMapping) -> None:
    """Refuse to go on when the CRM lacks a field that our records are known by, or all of ours.

    It may also hide it from the user we run as. Of another one that is lost, the plan holds what needs it.
    """
    wanted, essential = wanted_fields(mapping), essential_fields(mapping)
    missing = {type: names for type, names in setup.missing(wanted).items() if names}
    is_lost = any(set(names) & set(essential.get(type, ())) for type, names in missing.items())
    if is_lost or (missing and all(set(missing.get(type, ())) == set(fields) for type, fields in wanted.items())):
        listed = "; ".join(f"{type}: {', '.join(names)}" for type, names in sorted(missing.items()))
        raise MappingError(
            f"the CRM lacks our fields, or hides them from this user: {listed}",
            at=f"mappings/{mapping.name}.yaml",
            hint="run `connector install`, which shows what it would create and then creates it",
        )


def open_run(memory: Memory, destination: Destination, job: str, now: datetime, agreed: bool) -> Run:
    """Note that a run began; a destination never written to must be agreed to first."""
    if destination.id not in {known.id for known in memory.destinations.all()} and not agreed:
        raise ApprovalNeededError(
            f"never wrote to {destination.id} ({destination.label}) before",
            hint="look at `connector plan` first; `connector install` or `--yes` agrees to this destination",
        )
    began = datetime.now(UTC)
    run = Run(run_name(began), job, destination.id, now, began)
    memory.runs.open(run)
    return run


def run_name(began: datetime) -> str:
    """Name a run so that names sort as runs began: the newest is found by its name."""
    return f"{began:%Y%m%dT%H%M%S}-{began.microsecond // 1000:03x}{secrets.token_hex(2)[:3]}"
