"""Moments that the tests of the stand-in share."""

from __future__ import annotations

from datetime import UTC, datetime

NOW = int(datetime(2026, 6, 1, tzinfo=UTC).timestamp())
DAY = 86_400
