"""Fixtures of the sources' tests, and the way to the runner of localstripe, which lives beside its own tests."""

from __future__ import annotations

import sys
from pathlib import Path

from billing_bench import bench, clock, now, write
from stripe_shop import served, shop

__all__ = ["bench", "clock", "now", "served", "shop", "write"]
# First, so that the runner is meant and not the package it runs, which must never be imported.
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "sandbox"))
