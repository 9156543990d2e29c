"""`run --once`: every job runs, whatever became of the one before, and the worst of them is the exit code."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from connector.cli import jobs
from connector.cli.app import app
from connector.cli.boundary import guarded
from connector.config.project import load_project
from connector.config.settings import shipped
from connector.domain.alert import Ended
from connector.domain.change import Plan
from connector.domain.errors import Exit, UnreachableError
from connector.domain.run import Run, RunStatus
from connector.services.alerts import summary_of
from connector.services.work import Outcome, Request

NOW = datetime(2026, 9, 30, tzinfo=UTC)
ROOT = Path(__file__).resolve().parents[2]


def outcome(job: str, status: RunStatus) -> Outcome:
    plan = Plan("r-1", job, "hubspot:1", NOW, "", "", "", ())
    return Outcome(Run("r-1", job, "hubspot:1", NOW, NOW, status), plan, {"delivered": {}})


def raising(error: Exception) -> Callable[[], Outcome]:
    def ends() -> Outcome:
        raise error

    return ends


@pytest.mark.parametrize(
    ("sync", "stages", "code", "told"),
    [
        (lambda: outcome("sync", RunStatus.SUCCESS), RunStatus.SUCCESS, Exit.OK, "sync: run r-1 success"),
        (lambda: outcome("sync", RunStatus.SUCCESS), RunStatus.PARTIAL, Exit.PARTIAL, "stages: run r-1 partial"),
        (
            lambda: outcome("sync", RunStatus.WAITING),
            RunStatus.SUCCESS,
            Exit.APPROVAL,
            "approve it with `connector approve r-1 --by NAME`",
        ),
        (raising(UnreachableError("no answer")), RunStatus.PARTIAL, Exit.LATER, "stages: run r-1 partial"),
        (raising(RuntimeError("odd")), RunStatus.SUCCESS, Exit.BUG, "stages: run r-1 success"),
    ],
)
def test_the_worst_job_decides(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    sync: Callable[[], Outcome],
    stages: RunStatus,
    code: Exit,
    told: str,
) -> None:
    """Each job is told with its run; one that fails stops no other, and the exit code is the worst of them."""

    def run_job(_work: object, request: Request) -> Outcome:
        return outcome("stages", stages) if request.job == "stages" else sync()

    @contextmanager
    def open_work(_settings: object, actor: str) -> Iterator[SimpleNamespace]:
        assert actor.startswith("job ")
        yield SimpleNamespace(project=load_project(shipped(), ["stripe"], "hubspot"))

    monkeypatch.setattr("sys.argv", ["connector", "run", "--once", "--crm", "hubspot"])
    monkeypatch.setenv("CONNECTOR_HOME", str(ROOT))
    monkeypatch.setenv("CONNECTOR_STATE_DIR", str(tmp_path))
    monkeypatch.setattr("connector.services.run.run_job", run_job)
    monkeypatch.setattr("connector.bootstrap.open_work", open_work)

    assert guarded(app) == code
    assert told in capsys.readouterr().out


@pytest.mark.parametrize(
    ("adrift", "code", "said"),
    [(False, Exit.OK, "train: card abc: model, weight 0.80"), (True, Exit.PARTIAL, "otherwise than foretold")],
)
def test_learning_is_a_job_that_ends_as_partial_when_the_model_drifts(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    adrift: bool,
    code: Exit,
    said: str,
) -> None:
    """A job `train` learns and opens no CRM; two months out of band are told to whoever asked for alerts."""
    month = {"day": "2026-05-01", "happened": 3, "low": 10.2, "high": 20.6}
    told = {
        "hash": "abc",
        "evidence": "model",
        "weight": 0.8,
        "in_use": not adrift,
        "adrift": adrift,
        "watched": [month],
    }
    rung: list[Ended] = []
    monkeypatch.setattr("connector.cli.jobs.train_once", lambda _chosen: told)
    monkeypatch.setattr("connector.cli.alerting.tell_ended", lambda _chosen, ended: rung.append(ended))
    monkeypatch.setenv("CONNECTOR_STATE_DIR", str(tmp_path))

    assert jobs._run("train", "hubspot") == code

    assert said in capsys.readouterr().out
    (ended,) = rung
    body = summary_of(ended, "Europe/Paris").body
    assert ("month from 2026-05-01: 3 adopted, 10 to 21 foretold" in body) == adrift
    assert ("connector propensity train" in body) == adrift
