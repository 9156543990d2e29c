"""Step `open`: where we are going, whether we may, and whether our fields are there."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime

from connector.domain.change import Destination
from connector.domain.errors import ApprovalNeededError, MappingError
from connector.domain.installation import wanted_fields
from connector.domain.mapping import CrmMapping
from connector.domain.run import Run
from connector.ports.crm import CrmSetup
from connector.services.memory import Memory

__all__ = ["check_installed", "open_run", "wanted_fields"]


def check_installed(setup: CrmSetup, mapping: CrmMapping) -> None:
    """Refuse to go on when the CRM lacks a field of ours, or hides it from the user we run as."""
    missing = {type: names for type, names in setup.missing(wanted_fields(mapping)).items() if names}
    if missing:
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
    run = Run(f"{began:%Y%m%dT%H%M%S}-{secrets.token_hex(3)}", job, destination.id, now, began)
    memory.runs.open(run)
    return run
