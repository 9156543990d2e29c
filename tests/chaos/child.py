"""A connector's process that may be killed: plans and delivers, and ends itself where it is told to."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from unittest.mock import patch

from urllib3.connectionpool import HTTPConnectionPool

from connector.adapters.ledger import this_process
from connector.domain.change import Desired
from connector.ports.crm import Crm
from tests.e2e.running import QuickClock
from tests.machine.life import Life
from tests.machine.place import Login

RUN = 50
"""Number of the child's run: later than those before it, earlier than those after."""


@dataclass
class Far:
    """A CRM reached over the network by a process that has nothing else of it."""

    login: Login
    org: str

    def __post_init__(self) -> None:
        self.clock = QuickClock()

    def connect(self) -> Crm:
        return self.login.connect(self.clock)


@dataclass(frozen=True)
class Job:
    """What a process is to deliver, and when it dies."""

    login: Login
    org: str
    url: str
    desired: Sequence[Desired]
    dies_at: int | None = None
    """It is killed just before its n-th moment: a commit of the outbox or a write; None: never by itself."""
    every_request: bool = False
    """Every request to the CRM and every move of the lease is a moment, too."""


def deliver(job: Job, ready: Callable[[], None]) -> None:
    """Plan and deliver; `ready` is called in between."""
    life = Life(Far(job.login, job.org), job.url, RUN, this_process())
    plan = life.plan(job.desired)
    ready()
    with moments(life, Moments(job.dies_at), job.every_request):
        life.apply(plan)


class Moments:
    """Counts moments, and kills this process before one of them as nothing else would: at once, without a word."""

    def __init__(self, dies_at: int | None) -> None:
        self._left = dies_at

    def pass_through(self, act: Callable[..., Any]) -> Callable[..., Any]:
        """Count a moment before every call."""

        def acted(*args: Any, **options: Any) -> Any:
            if self._left is not None:
                self._left -= 1
                if self._left <= 0:
                    os.kill(os.getpid(), signal.SIGKILL)
            return act(*args, **options)

        return acted


@contextmanager
def moments(life: Life, count: Moments, every_request: bool) -> Iterator[None]:
    """Make moments of what a delivery does; that which follows the last one is a moment of its own."""
    crm, memory = life.crm, life.memory
    outbox, leases = memory.outbox, memory.leases
    with patch.object(outbox, "commit", count.pass_through(outbox.commit)):
        if not every_request:
            life.crm = replace(crm, writer=Passing(crm.writer, count))
            yield
            return
        send = count.pass_through(HTTPConnectionPool.urlopen)
        with (
            patch.object(HTTPConnectionPool, "urlopen", lambda *args, **options: send(*args, **options)),
            patch.object(leases, "renew", count.pass_through(leases.renew)),
            patch.object(leases, "release", count.pass_through(leases.release)),
        ):
            yield


class Passing:
    """A writer whose every write is a moment: before it, and after it."""

    def __init__(self, writer: Any, count: Moments) -> None:
        self.batch_size = writer.batch_size
        self._write = count.pass_through(writer.write)
        self._after = count.pass_through(lambda: None)

    def write(self, batch: Any) -> Any:
        answers = self._write(batch)
        self._after()
        return answers
