"""Ends a connector's process at a chosen moment of its delivery."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from connector.sandbox.control import Fault

Moment = Literal["before", "after", "answered"]


@dataclass
class Killing(Fault):
    """Kills a process when the CRM is asked for the n-th time.

    `before`: the CRM never acts on that request; `after`: it acts, and nobody is left to hear the answer; `answered`:
    the process lives on for some milliseconds, into whatever it does next.
    """

    at: int = 0
    moment: Moment = "before"
    pid: Callable[[], int] = os.getpid
    seconds: float = 0.0
    has_killed: bool = False

    def meets(self, method: str, path: str, body: bytes) -> bool:
        if self.has_killed:
            return False
        self.at -= 1
        if self.at > 0:
            return False
        self.has_killed = True
        if self.moment == "answered":
            asyncio.get_running_loop().call_later(self.seconds, os.kill, self.pid(), signal.SIGKILL)
            return False
        os.kill(self.pid(), signal.SIGKILL)
        self.cut = self.moment
        return True


def killings(rng: random.Random, requests: int, count: int) -> list[Killing]:
    """Random moments of a delivery of so many requests, every kind of moment among them."""
    kinds: list[Moment] = ["before", "after", "answered"]
    points = rng.sample(range(1, requests + 1), min(count, requests))
    return [
        Killing(at=point, moment=kinds[place % len(kinds)], seconds=rng.uniform(0, 0.05))
        for place, point in enumerate(points)
    ]
