"""What can be seen of a CRM or a billing system without reading anybody's data: rights, versions, rules.

Names of rights and rules are the vendor's own, so that an admin finds them; everything around them is ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from connector.domain.change import RecordType

RuleKind = Literal["flow", "workflow", "trigger", "validation rule", "duplicate rule"]


@dataclass(frozen=True, slots=True)
class Right:
    """One permission, as the user or token we run as has it."""

    name: str
    """In the vendor's words: `crm.objects.deals.write`, `Opportunity: Create`."""
    why: str
    where: str
    """Where an admin grants it."""
    granted: bool | None
    """None: it cannot be known without a write."""
    needed_by: Literal["run", "install"] = "run"


@dataclass(frozen=True, slots=True)
class Rights:
    """Every right that we need, and those the credentials have beyond them."""

    needed: tuple[Right, ...]
    beyond: tuple[str, ...] = ()
    fields: str = ""
    """Where an admin lets our user see and write a single field."""


@dataclass(frozen=True, slots=True)
class ApiVersion:
    """Which version of its API we speak, and what the vendor offers."""

    used: str
    offered: tuple[str, ...] = ()
    """Oldest first; empty where the vendor does not list them."""
    ends: date | None = None
    """When the vendor stops supporting the version, where that is known."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Something an admin made that acts on, or refuses, records of a type of ours."""

    kind: RuleKind
    name: str
    type: RecordType | None
    """None where the vendor does not tell."""
    effect: str = ""
    """When it acts, as far as the vendor tells."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The active rules that our user may see, and the kinds that it may not."""

    seen: tuple[Rule, ...]
    unseen: tuple[tuple[RuleKind, str], ...] = ()
    """Kind → where an admin looks instead."""


@dataclass(frozen=True, slots=True)
class Probe:
    """One stream of a billing source: whether it can be read, and how."""

    stream: str
    seen: str
    problem: str = ""
    """Why it cannot be read; empty when it can."""
    cure: str = ""
    where: str = ""
    warning: str = ""
    """It can be read, and something about it should be known."""
