"""How much is tried: what CI has time for, or all that `scripts/test --full` asks for."""

from __future__ import annotations

import os

FULL = os.environ.get("EXPANSION_TEST_FULL") == "1"
"""`scripts/test --full` runs these tests."""
