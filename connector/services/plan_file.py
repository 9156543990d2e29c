"""Plans as files. They hold customers' field values, so only their owner may read them."""

from __future__ import annotations

import os
from pathlib import Path

from connector.domain.change import Plan
from connector.domain.errors import SourceDataError
from connector.domain.plan_json import plan_from_json, plan_to_json, redacted_to_json

OWNER_ONLY = 0o600


def write_plan(path: Path, plan: Plan, redact: bool = False) -> None:
    """Write a plan to a file that only its owner may read; an older one there is replaced whole.

    `redact` leaves out every value: such a file can be shared, and cannot be applied.
    """
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY), "w", encoding="utf-8") as file:
        file.write(redacted_to_json(plan) if redact else plan_to_json(plan, indent=1))
    fresh.replace(path)


def read_plan(path: Path) -> Plan:
    """Read a plan from a file."""
    try:
        return plan_from_json(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise SourceDataError("this is no plan", at=str(path), hint="`connector plan --out` writes one") from error
    except OSError as error:
        raise SourceDataError(
            f"the plan cannot be read: {error.strerror}", at=str(path), hint="`connector plan` writes one"
        ) from error
