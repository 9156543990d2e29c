"""Runs the command line against a stand-in: in this process, or in one of its own that may be killed.

Three things are spared, and nothing else: billing is the same in all of these tests, so what is measured from it is
kept and measured once for a day of business (the tests of a first sync measure everything); a project whose files are
the same is read once; and a wait before a retry costs no time.
"""

from __future__ import annotations

import io
import json
import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field, replace
from functools import partial
from hashlib import sha256
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, ClassVar
from unittest.mock import patch

from connector import bootstrap
from connector.adapters.clock import SystemClock
from connector.adapters.crms.hubspot.write import HubspotWriter
from connector.adapters.crms.salesforce.write import SalesforceWriter
from connector.cli.app import app
from connector.cli.boundary import guarded
from connector.config.project import load_project
from connector.domain.project import Project
from connector.services import run as run_service
from connector.services.learnt import hash_of

LAZY = [
    *(f"connector.adapters.{part}" for part in ("ledger", "sources.files", "sources.stripe", "warehouse")),
    *("babel.dates", "holidays", "pandas", "pyarrow.parquet"),
]
"""What a run imports when it first needs it."""
PULL = "pull_and_stage"
SMALL_BATCH = 2
"""Records a call where a delivery is to have many moments."""


@dataclass(frozen=True)
class Ran:
    """How a command ended and what it said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The object a `--json` command printed last."""
        assert self.out.strip(), f"nothing printed; exit {self.code}: {self.err}"
        return json.loads(self.out.strip().splitlines()[-1])


class QuickClock(SystemClock):
    """Elapsed time in which sleeping is over at once."""

    ahead: ClassVar[float] = 0.0
    """Seconds that have passed meanwhile, where a test lets some."""

    def __init__(self) -> None:
        super().__init__()
        self._slept = 0.0

    def now(self) -> float:
        return super().now() + self._slept + self.ahead

    def sleep(self, seconds: float) -> None:
        self._slept += seconds


@dataclass
class Kept:
    """What was measured from billing, by the step and the moment it was asked for."""

    answers: dict[tuple[str, ...], Any] = field(default_factory=dict)
    spared_pull: Callable[[], Any] | None = None
    """The pull of this run, where it was answered from memory and so left the warehouse as it was."""

    def once(self, name: str, key_of: Callable[..., str]) -> Callable[..., Any]:
        """Ask a step of the run once for a key, then give the same answer."""
        step = getattr(run_service, name)

        def ask(*given: Any) -> Any:
            key = name, key_of(*given)
            if name == PULL:
                self.spared_pull = partial(step, *given) if key in self.answers else None
            if key not in self.answers:
                if name == "measure" and self.spared_pull is not None:
                    self.spared_pull()  # what is measured for the first time needs what it is measured from
                self.answers[key] = step(*given)
            return self.answers[key]

        return ask

    def steps(self) -> dict[str, Callable[..., Any]]:
        """The steps that look at billing, each answered once."""
        return {
            PULL: self.once(PULL, lambda _s, _w, now, _t: str(now)),
            "measure": self.once("measure", lambda _w, _c, _r, now, crm: f"{now} {told(crm)}"),
            "score": self.once(
                "score",
                lambda m, _c, policy, _f, today, card: (
                    f"{m.as_of} {today} {policy} {told({i: a.crm for i, a in m.accounts.items()})}"
                    f" {hash_of(card) if card else ''}"
                ),
            ),
            "tie": self.once("tie", lambda _w, _s, now: str(now)),
            "billing_accounts": self.once("billing_accounts", lambda _w: ""),
        }

    def project(self, home: Path, source: Sequence[str], crm: str | None, env: str | None = None) -> Project:
        """Read a project once while its files stay as they are."""
        files = sorted(home.rglob("*.yaml"))
        digest = sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
        key = "project", f"{digest} {source} {crm} {env}"
        if key not in self.answers:
            # What tells lines apart cannot travel to another process; the tests of messages are elsewhere.
            self.answers[key] = replace(load_project(home, source, crm, env), at=document_only)
        project: Project = self.answers[key]
        return project


def told(crm: Mapping[str, Mapping[str, str]]) -> list[tuple[str, str]]:
    """What a CRM tells of customers, where it does."""
    return sorted((id, str(sorted(facts.items()))) for id, facts in crm.items() if facts)


def document_only(document: str, *_loc: str | int) -> str:
    """Name a document without a line."""
    return document


@contextmanager
def spared(kept: Kept | None, batch: int | None = None) -> Iterator[None]:
    """Spare what is said above; `batch` makes a delivery of many small calls."""
    with ExitStack() as stack:
        stack.enter_context(patch.object(bootstrap, "SystemClock", QuickClock))
        if kept is not None:
            stack.enter_context(patch.object(bootstrap, "load_project", kept.project))
        for name, step in kept.steps().items() if kept is not None else ():
            stack.enter_context(patch.object(run_service, name, step))
        for writer in (HubspotWriter, SalesforceWriter) if batch else ():
            stack.enter_context(patch.object(writer, "batch_size", lambda *_: batch))
        yield


def command(args: tuple[str, ...], env: Mapping[str, str], kept: Kept | None, batch: int | None = None) -> Ran:
    """Run one command of the connector in this process."""
    out, err = io.StringIO(), io.StringIO()
    others = {name: value for name, value in os.environ.items() if not name.startswith("CONNECTOR_")}
    with (
        spared(kept, batch),
        patch.dict(os.environ, {**others, **env}, clear=True),
        patch.object(sys, "argv", ["connector", *args]),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        code = int(guarded(app))
    return Ran(code, out.getvalue(), err.getvalue())


class Processes:
    """Starts commands in processes of their own, quickly: a server that has imported everything forks them."""

    def __init__(self) -> None:
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload([__name__, *LAZY])

    def start(
        self,
        args: tuple[str, ...],
        env: Mapping[str, str],
        folder: Path,
        kept: Kept | None = None,
        batch: int | None = None,
    ) -> BaseProcess:
        """Start one command; what it prints goes into a folder."""
        answers = dict(kept.answers) if kept is not None else None
        process = self._context.Process(target=_child, args=(args, dict(env), folder, answers, batch), daemon=True)
        process.start()
        return process


def _child(
    args: tuple[str, ...], env: Mapping[str, str], folder: Path, answers: dict[Any, Any] | None, batch: int | None
) -> None:
    ran = command(args, env, Kept(answers) if answers is not None else None, batch)
    (folder / "out.txt").write_text(ran.out, encoding="utf-8")
    (folder / "err.txt").write_text(ran.err, encoding="utf-8")
    os._exit(ran.code)
