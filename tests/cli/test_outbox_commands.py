"""`connector outbox` on the command line, over a real ledger; the CRM is never asked."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from getpass import getuser
from pathlib import Path
from typing import Any

import pytest

from connector.bootstrap import open_ledger
from connector.cli.app import app
from connector.cli.boundary import guarded
from connector.config.settings import load_settings, shipped
from connector.domain.change import Change, Destination, FieldChange, Link, Policy, RecordType, Ref
from connector.domain.outbox import DeliveryState, OutboxEntry, Refusal, entry_of

WHERE = "hubspot:77"
AT = datetime(2026, 9, 30, 12, tzinfo=UTC)
KEY, TASK = "a" * 32, "b" * 32
RULE = Refusal("VALIDATION_ERROR", "Budget is required for [closing] deals", "hs_budget", "fill in the budget")
Run = Callable[..., int]
S = DeliveryState


def entry(key: str, state: DeliveryState, run: str = "run-1", **rest: Any) -> OutboxEntry:
    """An entry about an opportunity of an account of its own."""
    change = Change(
        id=f"opportunity:{key}",
        action="create",
        type=RecordType.OPPORTUNITY,
        key=key,
        account_id="101",
        title="Acme: Analytics",
        reason="80 reports by hand",
        fields=(FieldChange("dealname", None, "Analytics for Acme", Policy.CREATE),),
    )
    made = entry_of(replace(change, **rest.pop("change", {})), WHERE, run, "sync", 0)
    return replace(made, state=state, changed_at=AT, **rest)


PARKED = entry(KEY, S.PARKED, refusal=RULE, attempts=2, tried_in="run-2")
ENTRIES = (
    PARKED,
    entry(
        TASK,
        S.PENDING,
        change={
            "id": f"task:{TASK}",
            "type": RecordType.TASK,
            "links": (Link("opportunity", "deals", Ref(RecordType.OPPORTUNITY, key=KEY)),),
        },
    ),
    entry("c" * 32, S.UNKNOWN, change={"account_id": "102"}),
    entry("d" * 32, S.DELIVERED, crm_id="9001"),
)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Run the command on a ledger whose outbox holds one entry of each fate."""
    monkeypatch.setenv("CONNECTOR_HOME", str(shipped()))
    monkeypatch.setenv("CONNECTOR_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("CONNECTOR_CRM", "hubspot")
    monkeypatch.setenv("CONNECTOR_HUBSPOT__ACCESS_TOKEN", "pat-na1-nobody")
    monkeypatch.setenv("CONNECTOR_HUBSPOT__BASE_URL", "http://127.0.0.1:9")
    with open_ledger(load_settings()) as memory:
        memory.destinations.remember(Destination("hubspot", "77"))
        lease = memory.leases.take(WHERE, "a test", 0, 1)
        assert lease is not None
        memory.outbox.commit(lease, ENTRIES)
        memory.leases.release(lease)

    def started(*args: str) -> int:
        monkeypatch.setattr("sys.argv", ["connector", "outbox", *args])
        return guarded(app)

    return started


def states() -> dict[str, DeliveryState]:
    with open_ledger(load_settings()) as memory:
        return {one.change.key[0]: one.state for one in memory.outbox.entries(WHERE, tuple(DeliveryState))}


def told(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_list_shows_what_is_open(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """What is done is not listed unless its state is asked for; the CRM's own words are."""
    assert run("list") == 0
    shown = capsys.readouterr().out
    assert KEY in shown
    assert "VALIDATION_ERROR: Budget" in shown
    assert "[closing]" in shown
    assert "d" * 32 not in shown

    assert run("list", "--state", "delivered", "--state", "parked", "--json") == 0
    assert {one["key"] for one in told(capsys)["entries"]} == {KEY, "d" * 32}


def test_list_filters_and_limits(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """Filters meet; a day means all of it; what is cut off is said."""
    day = ("--since", "2026-09-30", "--until", "2026-09-30")
    assert run("list", "--code", "VALIDATION_ERROR", "--account", "101", "--run", "run-1", *day, "--json") == 0
    answer = told(capsys)
    assert [one["id"] for one in answer["entries"]] == [PARKED.id]
    assert answer["entries"][0]["refusal"]["hint"] == "fill in the budget"

    assert run("list", "--limit", "2", "--json") == 0
    answer = told(capsys)
    assert (len(answer["entries"]), answer["more"]) == (2, True)
    assert run("list", "--until", "2026-09-29", "--json") == 0
    assert told(capsys)["entries"] == []


def test_show_gives_the_refusal_and_the_change(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """Message, field and cure of the CRM; attempts, when and whose; and the change field by field."""
    assert run("show", PARKED.id) == 0
    shown = capsys.readouterr().out
    for part in (
        "VALIDATION_ERROR: Budget is required for [closing] deals",
        "hs_budget",
        "fill in the budget",
        "2 times, last by run run-2",
        "run run-1 (sync)",
        "2026-09-30 12:00:00",
        "dealname: Analytics for Acme",
    ):
        assert part in shown

    assert run("show", TASK, "--json") == 0
    (one,) = told(capsys)["entries"]
    assert one["links"] == [{"name": "deals", "to": f"opportunity:{KEY}"}]
    assert one["fields"][0]["after"] == "Analytics for Acme"


def test_retry_says_when_it_goes_out(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """Named by id or filter, what is parked waits again; the person is told for what, and noted."""
    assert run("retry", "--code", "VALIDATION_ERROR", "--yes") == 0
    shown = capsys.readouterr().out
    assert "1 entry retried: the next `sync` or `stages` sends what is still wanted." in shown
    assert states() == {"a": S.PENDING, "b": S.PENDING, "c": S.UNKNOWN, "d": S.DELIVERED}
    with open_ledger(load_settings()) as memory:
        (deed,) = memory.audit.records(WHERE)
    assert (deed.by, deed.act) == (getuser(), "retry")


def test_drop_says_what_goes_along_and_what_is_held(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """The task that waits for a dropped opportunity is dropped too, and how the holds are lifted is said."""
    assert run("drop", KEY, "--by", "Ana", "--reason", "the customer said no", "--yes") == 0
    shown = capsys.readouterr().out
    assert "with them goes what waits for those records: 1 entry" in shown
    assert "`connector undo run-1 --release`" in shown
    assert states() == {"a": S.DROPPED, "b": S.DROPPED, "c": S.UNKNOWN, "d": S.DELIVERED}
    with open_ledger(load_settings()) as memory:
        assert set(memory.holds.all(WHERE)) == {KEY, TASK}


def test_drop_as_json(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """Scripts get the same in one object, and are not asked."""
    assert run("drop", "--all", "--by", "Ana", "--reason", "a fresh start", "--yes", "--json") == 0

    answer = told(capsys)
    assert len(answer["dropped"]) == 2
    assert answer["held"] == [KEY, TASK]
    assert list(answer["left"].values()) == ["unknown"]


def test_no_is_no(run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Asked and refused, nothing moves."""
    monkeypatch.setattr("typer.confirm", _refuse)

    assert run("drop", KEY, "--by", "Ana", "--reason", "no") == 75
    assert states()["a"] is S.PARKED


def _refuse(*_: object, **__: object) -> None:
    import typer

    raise typer.Abort


def test_another_process_at_work_ends_with_75(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """While somebody delivers, the command says so politely and moves nothing."""
    import time

    with open_ledger(load_settings()) as memory:
        memory.leases.take(WHERE, "another", time.time(), 300)

    assert run("retry", KEY, "--yes") == 75
    assert "another process is delivering to hubspot:77" in capsys.readouterr().err
    assert states()["a"] is S.PARKED


@pytest.mark.parametrize(
    ("args", "cure"),
    [
        (("retry",), "--all means everything"),
        (("drop", "--by", "Ana", "--reason", "x"), "--all means everything"),
        (("drop", KEY, "--by", "Ana"), "--reason"),
        (("drop", KEY, "--by", " ", "--reason", "x"), "--by"),
        (("retry", "c" * 32, "--yes"), "the next `sync` reads it back"),
        (("drop", "c" * 32, "--by", "Ana", "--reason", "x", "--yes"), "the next `sync` reads it back"),
        (("retry", "nobody", "--yes"), "connector outbox list"),
        (("show", "nobody"), "connector outbox list"),
        (("list", "--state", "lost"), "pending, sending"),
        (("list", "--since", "yesterday"), "2026-09-30"),
        (("list", "--destination", "hubspot:78"), "one of hubspot:77"),
        (("list", "--crm", "salesforce"), "connector install"),
    ],
)
def test_refuses(run: Run, capsys: pytest.CaptureFixture[str], args: tuple[str, ...], cure: str) -> None:
    """What leads nowhere ends with exit code 2 and its cure, and moves nothing."""
    before = states()

    assert run(*args) == 2
    assert cure in capsys.readouterr().err
    assert states() == before


def test_a_filter_that_nothing_meets_is_no_failure(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing to retry is fine for a script that retries whatever there is."""
    assert run("retry", "--code", "ANOTHER", "--json") == 0
    assert told(capsys)["retried"] == []
