"""What a daily run does not load."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from tests.e2e.world import World

HEAVY = ("pandas", "sklearn", "lightgbm", "polars")
DAILY = f"""
import json, sys
sys.argv = ["connector", "sync", "--json"]
from connector.cli import main
try:
    main()
except SystemExit as ended:
    print(json.dumps({{"code": ended.code, "heavy": [name for name in {HEAVY!r} if name in sys.modules]}}))
"""


def test_a_daily_run_loads_no_pandas_and_no_learner(installed: World) -> None:
    """A whole run, billing to CRM, in a process of its own: none of these is loaded on the way."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CONNECTOR_")}

    ran = subprocess.run(
        [sys.executable, "-c", DAILY], env=clean | installed.environment(), capture_output=True, text=True, check=False
    )

    told = json.loads(ran.stdout.strip().splitlines()[-1])
    assert told == {"code": 0, "heavy": []}, ran.stderr[-2000:]
