"""The `connector` command. `main` is the one boundary that turns errors into exit codes."""

from __future__ import annotations

import sys

from connector.cli.boundary import guarded


def main() -> None:
    """Run the command line; exit with the codes the README lists."""
    from connector.cli.app import app

    sys.exit(guarded(app))
