"""`connector runs` and `connector undo` on the command line, over a real ledger."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import typer

from connector.bootstrap import open_ledger
from connector.cli.boundary import guarded
from connector.cli.runs import runs, undo
from connector.config.settings import load_settings, shipped
from connector.domain.audit import Act
from connector.domain.change import Change, Destination, FieldChange, Policy, RecordType
from connector.domain.hold import Hold
from connector.domain.outbox import DeliveryState, OutboxEntry, Refusal, entry_of
from connector.domain.run import Run, RunStatus
from connector.services.memory import Memory

NOW = datetime(2026, 9, 30, 12, tzinfo=UTC)
HERE = "hubspot:1"
Started = Callable[..., int]


def noted(memory: Memory, id: str, status: RunStatus, job: str = "sync", **summary: Any) -> None:
    """Note a run that ended, each a second after the one before."""
    began = NOW + timedelta(seconds=len(memory.runs.list()))
    memory.runs.open(Run(id, job, summary.pop("destination", HERE), NOW, began))
    if status is not RunStatus.RUNNING:
        memory.runs.close(id, status, NOW, summary)


def entry(run: str, key: str, action: Any, state: DeliveryState) -> OutboxEntry:
    """What became of one change of a run."""
    fields = (FieldChange("dealname", None, "x", Policy.CREATE),)
    change = Change(key, action, RecordType.OPPORTUNITY, key, "001A", f"Acme {key}", "", fields=fields)
    refusal = Refusal("RULE", "amount must be round", "amount", "round it") if state is DeliveryState.PARKED else None
    return replace(entry_of(change, HERE, run, "sync", 0), state=state, refusal=refusal)


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """A ledger with a run that went well, one that did not, one that only planned, and one that was undone."""
    monkeypatch.setenv("CONNECTOR_HOME", str(shipped()))
    monkeypatch.setenv("CONNECTOR_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("CONNECTOR_CRM", "hubspot")
    monkeypatch.setenv("CONNECTOR_SOURCE", "stripe")
    monkeypatch.setenv("CONNECTOR_HUBSPOT__ACCESS_TOKEN", "pat-none")
    monkeypatch.setenv("CONNECTOR_HUBSPOT__BASE_URL", "http://127.0.0.1:9")
    with open_ledger(load_settings()) as opened:
        opened.destinations.remember(Destination("hubspot", "1"))
        noted(opened, "went-well", RunStatus.SUCCESS, plan={"create": 4, "update": 2}, api_calls={"crm": 7})
        noted(opened, "undone", RunStatus.SUCCESS, plan={"create": 9})
        noted(opened, "the-undo", RunStatus.SUCCESS, "undo", undoes="undone", by="Ana Ruiz", plan={"close": 9})
        noted(opened, "the-next-undo", RunStatus.SUCCESS, "undo", undoes="went-well", by="Bo", plan={"update": 6})
        noted(opened, "half", RunStatus.PARTIAL, plan={"create": 3, "update": 1})
        noted(opened, "planned", RunStatus.PLANNED, plan={"create": 5})
        noted(opened, "alive", RunStatus.RUNNING)
        lease = opened.leases.take(HERE, "me", 0, 60)
        assert lease is not None
        entries = [
            entry("half", "k1", "create", DeliveryState.DELIVERED),
            entry("half", "k2", "update", DeliveryState.DELIVERED),
            entry("half", "k3", "create", DeliveryState.PARKED),
            entry("half", "k4", "create", DeliveryState.PENDING),
        ]
        opened.outbox.commit(lease, entries, holds=[Hold("k9", "001A", "undone", "Ana Ruiz", NOW)])
        opened.leases.release(lease)
        yield opened


@pytest.fixture
def run(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> Started:
    """Run a command on that ledger."""
    app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)
    app.command("runs")(runs)
    app.command("undo")(undo)

    def started(*args: str) -> int:
        monkeypatch.setattr("sys.argv", ["connector", *args])
        return guarded(app)

    return started


def test_the_list_says_what_each_run_did(run: Started, capsys: pytest.CaptureFixture[str]) -> None:
    """Newest first; what is in the CRM is counted, and what waits or was refused apart from it."""
    assert run("runs", "--json") == 0

    told = {row["run_id"]: row for row in json.loads(capsys.readouterr().out)["runs"]}
    assert list(told) == ["alive", "planned", "half", "the-next-undo", "the-undo", "undone", "went-well"]
    names = ("created", "updated", "closed", "parked", "waiting")
    assert [told["went-well"][name] for name in names] == [4, 2, 0, 0, 0]
    assert [told["half"][name] for name in names] == [1, 1, 0, 1, 1]
    assert [told["planned"][name] for name in names] == [0, 0, 0, 0, 0]
    assert told["went-well"]["api_calls"] == 7
    assert (told["the-undo"]["undoes"], told["undone"]["undone"]["by"]) == ("undone", "Ana Ruiz")
    # The keys of the other one are held for the run that was undone first.
    assert [told[run]["undone"]["released"] for run in ("undone", "went-well")] == [False, False]


def test_the_list_for_people_says_what_was_undone(run: Started, capsys: pytest.CaptureFixture[str]) -> None:
    """By whom and when, and whether it was released since; `--limit` takes the newest."""
    run("runs")
    before = capsys.readouterr().out
    run("undo", "undone", "--release")
    run("runs")
    after = capsys.readouterr().out
    run("runs", "--limit", "1")

    assert "Runs → hubspot:1" in before
    assert "undone by Ana Ruiz on 2026-09-30" in before
    assert "released" not in before
    assert "undone by Ana Ruiz on 2026-09-30, released" in after
    assert "half" not in capsys.readouterr().out


@pytest.fixture
def applied(memory: Memory) -> Memory:
    """A plan made by `made`, applied by `first` as far as it went, and once more by `again`."""
    noted(memory, "made", RunStatus.PLANNED, plan={"create": 5, "update": 1}, written={})
    noted(memory, "first", RunStatus.PARTIAL, "apply", applies="made", plan={"create": 5}, written={"create": 2})
    noted(memory, "again", RunStatus.SUCCESS, "apply", applies="made", plan={"create": 5}, written={})
    noted(memory, "broken", RunStatus.FAILED, "apply", applies="made")
    lease = memory.leases.take(HERE, "me", 0, 60)
    assert lease is not None
    done = [entry("made", f"m{number}", "create", DeliveryState.DELIVERED) for number in range(2)]
    memory.outbox.commit(lease, [*done, entry("made", "m3", "create", DeliveryState.PARKED)])
    return memory


@pytest.mark.usefixtures("applied")
def test_a_run_that_applied_a_plan_counts_what_it_wrote_itself(
    run: Started, capsys: pytest.CaptureFixture[str]
) -> None:
    """It names the plan; the run that made it wrote nothing and names who applied it; a second time writes nothing."""
    assert run("runs", "--json") == 0
    told = {row["run_id"]: row for row in json.loads(capsys.readouterr().out)["runs"]}
    run("runs")
    shown = capsys.readouterr().out

    names = ("created", "updated", "parked", "applies", "applied_by")
    assert [told["made"][name] for name in names] == [0, 0, 0, None, "first"]
    assert [told["first"][name] for name in names] == [2, 0, 1, "made", None]
    assert [told["again"][name] for name in names] == [0, 0, 1, "made", None]
    assert "applied by first" in shown
    assert "applies made" in shown


@pytest.mark.usefixtures("applied")
def test_one_run_that_applied_a_plan_tells_both(run: Started, capsys: pytest.CaptureFixture[str]) -> None:
    """What it wrote itself, and what of the plan is in the CRM by now."""
    run("runs", "again")
    again = " ".join(capsys.readouterr().out.split())
    run("runs", "made")
    made = " ".join(capsys.readouterr().out.split())

    assert "applies made wrote nothing in the CRM created 2 (of the plan of run made)" in again
    assert "applied by first in the CRM created 2 fates" in made


def test_several_destinations_are_told_apart(run: Started, memory: Memory, capsys: pytest.CaptureFixture[str]) -> None:
    """With runs to two places the list has a column for them."""
    noted(memory, "elsewhere", RunStatus.SUCCESS, destination="salesforce:00D")

    run("runs")

    assert "destination" in capsys.readouterr().out.splitlines()[1]


def test_one_run_is_shown_with_the_cures_of_what_is_parked(run: Started, capsys: pytest.CaptureFixture[str]) -> None:
    """What is not in the CRM is listed with the CRM's own words, what mends it, and the command that tries again."""
    assert run("runs", "half") == 0

    told = " ".join(capsys.readouterr().out.split())
    assert "in the CRM created 1, updated 1" in told
    assert "Acme k3 parked amount must be round (amount) round it" in told
    assert "Acme k4 pending" in told
    assert "connector outbox retry --run half" in told
    assert "Acme k1" not in told


def test_one_run_as_json_has_every_change(run: Started, capsys: pytest.CaptureFixture[str]) -> None:
    """Each with its fate; values are left to `audit` and the plan."""
    assert run("runs", "half", "--json") == 0

    told = json.loads(capsys.readouterr().out)
    assert {one["key"]: one["state"] for one in told["changes"]} == {
        "k1": "delivered",
        "k2": "delivered",
        "k3": "parked",
        "k4": "pending",
    }
    assert told["fates"] == {"delivered": 2, "parked": 1, "pending": 1}
    assert told["changes"][2]["cure"] == "round it"


@pytest.mark.parametrize(
    ("args", "code", "cure"),
    [
        (("runs", "nobody"), 2, "`connector runs` lists them"),
        (("undo", "nobody"), 2, "`connector runs` lists them"),
        (("undo", "the-undo"), 2, "--release"),
        (("undo", "nobody", "--release"), 2, "`connector runs` lists them"),
        (("undo", "half"), 75, "127.0.0.1"),
    ],
)
def test_refuses(run: Started, capsys: pytest.CaptureFixture[str], args: tuple[str, ...], code: int, cure: str) -> None:
    """What leads nowhere ends with its exit code and its cure, also when the CRM does not answer."""
    assert run(*args) == code
    assert cure in capsys.readouterr().err


def test_release_is_counted_recorded_and_done_once(
    run: Started, memory: Memory, capsys: pytest.CaptureFixture[str]
) -> None:
    """A dry run only counts; the release names who did it; the second time nothing is held."""
    outs = []
    for args in (("--dry-run",), ("--by", "Bo"), ()):
        assert run("undo", "undone", "--release", *args) == 0
        outs.append(capsys.readouterr().out)

    assert [out.split()[0] for out in outs] == ["1", "Released", "Nothing"]
    assert [(one.act, one.by, one.subject) for one in memory.audit.records(HERE)] == [(Act.RELEASE, "Bo", "undone")]


def test_a_user_without_a_name_says_who_decides(
    run: Started, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A container's user often has no login: the cure is `--by`."""

    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found: 10001")

    monkeypatch.setattr("getpass.getuser", nameless)

    assert run("undo", "undone", "--release") == 2
    assert "--by NAME" in capsys.readouterr().err
