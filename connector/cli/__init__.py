"""The `connector` command. `main` is the one boundary that turns errors into exit codes."""

from __future__ import annotations

import gc
import sys

from connector.cli.boundary import guarded


def main() -> None:
    """Run the command line; exit with the codes the README lists."""
    from connector.cli.app import app

    collect_seldom()
    sys.exit(guarded(app))


def collect_seldom() -> None:
    """Look for cycles of garbage less often.

    A plan is hundreds of thousands of frozen values that stay to the end and form no cycle: Python's default looks
    through them again and again, for a tenth of a large delivery's time.
    """
    gc.set_threshold(50_000, 50, 50)
