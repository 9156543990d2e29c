"""Joins commands that run jobs with the alerts: whatever happens here, the job's own end stays what it was."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from connector.cli.boundary import redact
from connector.cli.output import ERR
from connector.domain.errors import ConnectorError, Exit

if TYPE_CHECKING:
    from connector.config.settings import Settings
    from connector.domain.alert import Ended
    from connector.services.alerts import Bell
    from connector.services.work import Outcome, Work

MOST_REASONS = 3
ERROR_LINES = 6


@dataclass
class Watch:
    """Takes how a job ended."""

    crm: str
    ended: Ended | None = None

    def note(self, work: Work, outcome: Outcome, job: str) -> None:
        """Note that a run came to its end, well or not."""
        from connector.domain.alert import Ended
        from connector.domain.run import EXITS

        self.ended = Ended(
            job=job,
            crm=self.crm,
            at=datetime.now(UTC),
            exit=EXITS[outcome.run.status],
            run_id=outcome.run.id,
            destination=outcome.run.destination,
            summary=outcome.summary,
            reasons=_refusals(work, outcome),
        )

    def learnt(self, exit: Exit, told: Mapping[str, Any]) -> None:
        """Note that a model was learnt, and where the last months came out otherwise than foretold."""
        from connector.domain.alert import Ended

        months = [
            f"month from {one['day']}: {one['happened']:,} adopted, {one['low']:,.0f} to {one['high']:,.0f} foretold"
            for one in told["watched"]
        ]
        drift = ["the model drifts: the rules alone speak until it is right again", *months]
        self.ended = Ended("train", self.crm, datetime.now(UTC), exit, reasons=drift if told["adrift"] else ())


@contextmanager
def watched(chosen: Settings, job: str) -> Iterator[Watch]:
    """Tell the alerts how a job ends, also when it breaks off; the error goes on."""
    watch = Watch(chosen.crm or "")
    try:
        yield watch
    except ConnectorError as wrong:
        tell_ended(chosen, _broken(chosen, job, wrong.exit_code, redact(str(wrong))))
        raise
    except Exception as bug:
        tell_ended(chosen, _broken(chosen, job, Exit.BUG, f"a bug: {type(bug).__name__}"))
        raise
    if watch.ended is not None:
        tell_ended(chosen, watch.ended)


def tell_ended(chosen: Settings, ended: Ended) -> None:
    """Send what is new about a job; a channel that is down is named on stderr."""
    from connector.services.alerts import job_ended

    _guarded(chosen, lambda bell: job_ended(bell, ended))


def look_for_silence(chosen: Settings) -> None:
    """Send what is new about nothing having happened, and what is owed."""
    from connector.services.alerts import look_for_silence as look

    _guarded(chosen, lambda bell: look(bell, datetime.now(UTC)))


def bell_of(chosen: Settings) -> Bell:
    """Put the alerts together with the schedule, where it can be read."""
    from connector.bootstrap import open_bell, project_of
    from connector.scheduler import due_after

    bell = open_bell(chosen)
    if not bell.channels:
        return bell
    try:
        project = project_of(chosen)
    except ConnectorError:
        return bell  # what is broken is told as the failure of a job; when one was due cannot be
    return replace(bell, due_after=due_after(project.schedule, "sync", project.at))


def _guarded(chosen: Settings, send: object) -> None:
    """Nothing that goes wrong with an alert may change how a job ends."""
    try:
        bell = bell_of(chosen)
        failed: Mapping[str, str] = send(bell) if callable(send) else {}
    except Exception as wrong:
        what = redact(str(wrong)) if isinstance(wrong, ConnectorError | OSError) else type(wrong).__name__
        ERR.print(f"alerts: {what}", markup=False, soft_wrap=True)
        return
    for channel, why in failed.items():
        ERR.print(f"alerts: {channel}: {redact(why)}; it is sent with the next run", markup=False, soft_wrap=True)


def _broken(chosen: Settings, job: str, exit: Exit, error: str) -> Ended:
    from connector.domain.alert import Ended

    lines = "\n".join(error.splitlines()[:ERROR_LINES])
    return Ended(job=job, crm=chosen.crm or "", at=datetime.now(UTC), exit=exit, error=lines)


def _refusals(work: Work, outcome: Outcome) -> list[str]:
    """The CRM's codes for what it refused in a partial run, the most frequent first."""
    from connector.domain.outbox import DeliveryState
    from connector.domain.run import RunStatus
    from connector.ports.ledger import Selection

    if outcome.run.status is not RunStatus.PARTIAL:
        return []
    try:
        parked = work.memory.outbox.select(outcome.run.destination, Selection(states={DeliveryState.PARKED}))
    except Exception:  # the run is over and told; an alert without reasons is better than none
        return []
    codes = Counter(entry.refusal.code or "no code" for entry in parked if entry.refusal is not None)
    return [f"refused: {code} {count:,}" for code, count in codes.most_common(MOST_REASONS)]
