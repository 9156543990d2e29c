"""The default company, generated once for all its tests, and Stripe's document to hold its objects against."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from connector.sandbox.company import Company, generate, stripe_rows

sys.path.append(str(Path(__file__).parent.parent / "stripe"))
from stripe_document import Document


@pytest.fixture(scope="session")
def company() -> Company:
    return generate()


@pytest.fixture(scope="session")
def stripe_objects(company: Company) -> dict[str, list[dict[str, Any]]]:
    return stripe_rows(company)


@pytest.fixture(scope="session")
def document(evidence: Path) -> Document:
    return Document(evidence)
