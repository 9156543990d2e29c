"""A process that dies at a chosen commit or call, for delivery tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from connector.services.session import Means


class Killed(BaseException):
    """The process ends here."""


class Mortal:
    """Passes calls on until the n-th, then dies before or after it, and stays dead."""

    def __init__(self, lives: int, dies_after: bool) -> None:
        self.lives = lives
        self.dies_after = dies_after

    def wrap(self, part: Any, names: Sequence[str]) -> Any:
        mortal = self

        class Part:
            def __getattr__(self, name: str) -> Any:
                method = getattr(part, name)
                return mortal.call(method) if name in names else method

        return Part()

    def call(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def called(*args: Any, **kwargs: Any) -> Any:
            self.lives -= 1
            if self.lives < 0 or (self.lives == 0 and not self.dies_after):
                raise Killed
            result = method(*args, **kwargs)
            if self.lives == 0:
                raise Killed
            return result

        return called

    def means(self, means: Means) -> Means:
        return replace(
            means,
            outbox=self.wrap(means.outbox, ["commit"]),
            leases=self.wrap(means.leases, ["take", "renew", "release"]),
            writer=self.wrap(means.writer, ["write"]),
        )
