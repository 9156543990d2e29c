"""What a run is made of, what is asked of it, what it decided, and what it tells at the end: the values of `run.py`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from connector.domain.account import BillingAccount
from connector.domain.change import Destination, Plan
from connector.domain.errors import Problem
from connector.domain.intent import Intent
from connector.domain.mapping import CrmMapping
from connector.domain.occupied import Crm as CrmSide
from connector.domain.project import Project
from connector.domain.propensity import Learnt
from connector.domain.run import Run
from connector.ports.billing import BillingSource, Warehouse
from connector.ports.clock import Clock
from connector.ports.crm import Crm
from connector.services.begin import Begun
from connector.services.choose import Chosen
from connector.services.learnt import FILE, load_learnt, runnable
from connector.services.measure import Measured
from connector.services.memory import Memory
from connector.services.pull import Pulled
from connector.services.scope import EVERYBODY, Bounds
from connector.services.score import Scores
from connector.services.settle import Delivering
from connector.services.shadow import as_if_installed, is_shadow
from connector.services.world import World

Tell = Callable[..., None]


@dataclass(frozen=True)
class Work:
    """What a run is made of; `bootstrap` puts it together."""

    project: Project
    mapping: CrmMapping
    crm: Crm
    memory: Memory
    clock: Clock
    sources: Callable[[], Sequence[BillingSource]]
    warehouse: Callable[[], AbstractContextManager[Warehouse]]
    snapshots: Path
    holder: str
    """Names this process to others that want to deliver to the same destination."""
    actor: str = "connector"
    """Names the person or service in the audit trail."""

    @property
    def is_shadow(self) -> bool:
        return is_shadow(self.project)

    def learnt(self) -> Learnt | None:
        """Read what was learnt from outcomes; None: the scorecard speaks alone."""
        learnt = load_learnt(self.snapshots.parent / FILE)
        return runnable(learnt) if learnt is not None else None

    def looking(self) -> Work:
        """In shadow mode, see the CRM as it will be once our fields and stages are made."""
        return replace(self, crm=as_if_installed(self.crm, self.mapping)) if self.is_shadow else self

    def delivering(self) -> Delivering:
        """Give what carries a plan out."""
        return Delivering(
            self.crm,
            self.memory,
            self.clock,
            self.holder,
            self.project.hash,
            self.mapping.api_budget,
            self.actor,
        )


@dataclass(frozen=True)
class Request:
    """What is asked of a run."""

    now: datetime
    job: str = "sync"
    plan_only: bool = False
    agree: bool = False
    """Write to a destination that was never written to before, without asking."""
    patience: float = 0
    """Seconds to wait while another process delivers to the same CRM; a scheduled job must not lose its day."""
    tell: Tell = lambda *_: None


@dataclass
class Current:
    """A run while it runs: its identity and what it has to tell at the end."""

    run: Run
    destination: Destination
    seconds: dict[str, float] = field(default_factory=dict)
    held: dict[str, int] = field(default_factory=dict)
    approval: list[str] = field(default_factory=list)
    """In what the plan does more than a run may do unasked."""
    within: Bounds = EVERYBODY
    """Whom the run may write about."""
    mode: str = "live"
    gaps: Sequence[Problem] = ()
    """What the CRM's schema lost since the mapping was written: what needs it is held, the rest goes on."""

    @contextmanager
    def step(self, name: str, tell: Tell) -> Iterator[None]:
        """Time a step and say that it runs."""
        tell(name)
        began = time.monotonic()
        try:
            yield
        finally:
            self.seconds[name] = round(time.monotonic() - began, 3)


@dataclass(frozen=True)
class Outcome:
    """How a run ended: its plan, what was delivered, and the summary people script against."""

    run: Run
    plan: Plan
    summary: Mapping[str, Any]
    intents: tuple[Intent, ...] = ()
    accounts: Mapping[str, str] = field(default_factory=dict)
    """CRM account id → name, for what people read."""


@dataclass(frozen=True)
class Decided:
    """Everything up to the intents."""

    world: World
    pulled: Pulled
    measured: Measured
    scores: Scores
    crm: CrmSide
    begun: Begun
    mrr: Mapping[str, Any]
    accounts: Sequence[BillingAccount]
    learnt: Learnt | None = None
    """What had a part in the scores beside the rules."""

    @property
    def chosen(self) -> Chosen:
        """What is proposed to whom, and why not the rest."""
        return self.begun.chosen
