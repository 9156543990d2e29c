"""The `connector` command. `main` is the one boundary that turns errors into exit codes."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from connector.cli.boundary import guarded


def main() -> None:
    """Run the command line; exit with the codes the README lists."""
    from connector.cli.app import app

    collect_seldom()
    if not os.environ.get("CONNECTOR_USAGE_URL"):
        without_pandas()
    sys.exit(guarded(app))


def collect_seldom() -> None:
    """Look for cycles of garbage less often.

    A plan is hundreds of thousands of frozen values that stay to the end and form no cycle: Python's default looks
    through them again and again, for a tenth of a large delivery's time.
    """
    gc.set_threshold(50_000, 50, 50)


def without_pandas() -> None:
    """Keep pandas out of this process, even where it is installed.

    Nothing of ours uses it, but pyarrow looks for it with the first list it is given and DuckDB with every value bound,
    which loads it: half a second and 60 MB. Other engines than DuckDB need it: where usage lies in one, it is let in.
    """
    if _NoPandas not in sys.meta_path:
        sys.meta_path.insert(0, _NoPandas)


class _NoPandas:
    """Says of pandas that there is none."""

    @staticmethod
    def find_spec(name: str, _path: Sequence[str] | None = None, _target: ModuleType | None = None) -> Any:
        if name == "pandas":
            raise ModuleNotFoundError("No module named 'pandas'", name=name)
