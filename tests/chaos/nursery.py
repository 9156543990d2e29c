"""Starts processes quickly: one process imports everything once, and forks a child for every job it is given.

It runs no threads, so that forking it is safe. Jobs come in on its standard input; it answers with lines of JSON: the
child's process id, that the child is ready (which the child says itself), and how it ended.
"""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import traceback
from pathlib import Path
from types import TracebackType
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


class Nursery:
    """The parent's end."""

    def __enter__(self) -> Nursery:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.nursery"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
        )
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=10)

    def start(self, job: Any) -> int:
        """Start a child on a job and wait until it is about to deliver; give its process id."""
        assert self._process.stdin is not None
        pickle.dump(job, self._process.stdin)
        self._process.stdin.flush()
        pid = int(self._heard("pid"))
        self._end: int | None = None
        if self._heard("ready") is None:
            raise RuntimeError(f"the child ended before it delivered: {self._end}")
        return pid

    def end(self) -> int:
        """Wait for the child's end; give its exit status, or minus the signal that killed it."""
        return self._end if self._end is not None else int(self._heard("end"))

    def _heard(self, what: str) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        told = json.loads(line)
        if what not in told and "end" in told:
            self._end = told["end"]
        return told.get(what)


def _tell(**what: Any) -> None:
    os.write(1, (json.dumps(what) + "\n").encode())


def _serve() -> None:
    from tests.chaos.child import deliver

    while True:
        try:
            job = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        told, tells = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.read(told, 1)  # its process id is told first
            try:
                deliver(job, lambda: _tell(ready=True))
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        _tell(pid=pid)
        os.write(tells, b"!")
        _, status = os.waitpid(pid, 0)
        os.close(told)
        os.close(tells)
        _tell(end=os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    _serve()
