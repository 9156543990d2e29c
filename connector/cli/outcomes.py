"""What a command that learns needs of the ledger: the proposals that ended, where there is a ledger."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from connector.domain.outcome import Outcome

if TYPE_CHECKING:
    from connector.config.settings import Settings
    from connector.domain.project import Project


def outcomes_so_far(chosen: Settings, project: Project, now: datetime) -> Sequence[Outcome]:
    """Read them; none before anything was installed."""
    from connector.bootstrap import open_ledger
    from connector.services.outcomes import outcomes_known

    if chosen.ledger_file is not None and not chosen.ledger_file.exists():
        return ()
    with open_ledger(chosen) as memory:
        return outcomes_known(memory, chosen.crm, project.negotiation.small.id, now)
