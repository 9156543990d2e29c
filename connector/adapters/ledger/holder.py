"""Names this process so that another on the same machine can tell whether it still lives.

A lease outlives a killed process by minutes. Where the holder ran on this very machine (same boot, same process
namespace), its process id and start time prove its death, and the next run need not wait.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path

PROC = Path("/proc")
SEPARATOR = "|"


def this_process() -> str:
    """Name this process: machine, process id, start time."""
    pid = os.getpid()
    return SEPARATOR.join((_machine(), str(pid), _started(pid) or "?"))


def is_dead(holder: str) -> bool:
    """The named process provably runs no more; False for one of another machine, or where nothing proves it."""
    machine, _, process = holder.partition(SEPARATOR)
    pid, _, started = process.partition(SEPARATOR)
    if machine != _machine() or not pid.isdigit() or not _has_proc():
        return False
    return _started(int(pid)) != started


def _machine() -> str:
    return f"{socket.gethostname()}/{_read('sys/kernel/random/boot_id') or '?'}/{_namespace()}"


def _namespace() -> str:
    try:
        return os.readlink(PROC / "self/ns/pid")
    except OSError:
        return "?"


def _has_proc() -> bool:
    return _started(os.getpid()) is not None


def _started(pid: int) -> str | None:
    """When a process started, in clock ticks since boot; None if it does not run."""
    stat = _read(f"{pid}/stat")
    if stat is None:
        return None
    # The second field is the command in parentheses and may hold anything; the third is the state, Z for a zombie.
    after = stat.rpartition(")")[2].split()
    return None if after[0] in "ZX" else after[19]


def _read(name: str) -> str | None:
    try:
        return (PROC / name).read_text().strip()
    except OSError:
        return None
