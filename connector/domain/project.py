"""A whole configuration as one value: what every step after `open` works from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

from connector.domain.billing import FilesMapping, StripeMapping
from connector.domain.catalogue import Catalogue
from connector.domain.errors import ConfigError
from connector.domain.mapping import CrmMapping
from connector.domain.money import FxTable
from connector.domain.play import BusinessReview, Negotiation, Play, Plays, Save, Schedule
from connector.domain.policy import GatesPolicy
from connector.domain.signal import Signals

BillingMapping = StripeMapping | FilesMapping
At = Callable[..., str]


def _nowhere(document: str, *_loc: str | int) -> str:
    return document


@dataclass(frozen=True)
class Project:
    """Every document, checked against each other. `at` gives `file:line:column` of a part, for messages."""

    catalogue: Catalogue
    signals: Signals
    policy: GatesPolicy
    negotiation: Negotiation
    review: BusinessReview
    schedule: Schedule
    save: Save | None = None
    """None: nobody is asked to help the unhealthy; they are only not pitched to."""
    followups: Plays | None = None
    """What follows a sale, a trial, a module that nobody uses, or news."""
    fx: FxTable = field(default_factory=FxTable)
    mapping: CrmMapping | None = None
    billing: Mapping[str, BillingMapping] = field(default_factory=dict)
    hash: str = ""
    """Changes when any document changes; a plan made under another one is refused."""
    at: At = _nowhere

    @property
    def plays(self) -> Mapping[str, Play]:
        """Plays of `plays.yaml` by id."""
        return self.followups.plays if self.followups is not None else {}

    def day(self, now: datetime) -> date:
        """The calendar day of a moment where the project's people work."""
        return now.astimezone(ZoneInfo(self.schedule.timezone)).date()


def mapping_of(project: Project) -> CrmMapping:
    """The CRM's mapping; raise ConfigError when no CRM was named."""
    if project.mapping is None:
        raise ConfigError("no CRM named", at="environment", hint="export CONNECTOR_CRM=salesforce or hubspot")
    return project.mapping
