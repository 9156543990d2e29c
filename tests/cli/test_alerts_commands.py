"""Alerts reach real receivers on this machine, and nothing about them changes how a job ends."""

from __future__ import annotations

import json
import os
import shutil
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from connector.cli.app import app
from connector.cli.boundary import guarded
from connector.config.project import load_alerts
from connector.config.settings import shipped
from connector.domain.errors import ConfigError, UnreachableError
from connector.services import run as run_service

Run = Callable[..., int]


class Webhook(ThreadingHTTPServer):
    """Takes apprise's JSON messages."""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []
        self.status = 200
        super().__init__(("127.0.0.1", 0), _Hook)

    @property
    def address(self) -> str:
        return f"json://127.0.0.1:{self.server_address[1]}/a-secret-path-9z"


class _Hook(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Webhook)
        self.server.heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


class Mailbox(socketserver.ThreadingTCPServer):
    """Speaks just enough SMTP to take a mail."""

    def __init__(self) -> None:
        self.mails: list[str] = []
        super().__init__(("127.0.0.1", 0), _Smtp)


class _Smtp(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        assert isinstance(self.server, Mailbox)
        self._say("220 here")
        while line := self.rfile.readline().decode():
            match line[:4].upper():
                case "DATA":
                    self._say("354 go on")
                    self.server.mails.append("".join(iter(lambda: self.rfile.readline().decode(), ".\r\n")))
                    self._say("250 taken")
                case "QUIT":
                    self._say("221 bye")
                    return
                case _:
                    self._say("250 fine")

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


@contextmanager
def served(server: Any) -> Iterator[Any]:
    """Serve until the block ends."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def hook() -> Iterator[Webhook]:
    """A webhook on this machine."""
    with served(Webhook()) as server:
        yield server


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one channel, and no other setting of this machine."""
    for name in [name for name in os.environ if name.startswith("CONNECTOR_")]:
        monkeypatch.delenv(name)
    for name in ("mappings", "playbooks"):
        shutil.copytree(shipped() / name, tmp_path / name)
    (tmp_path / "playbooks/alerts.yaml").write_text("channels: [ops]\nnothing_since: 36h\n", encoding="utf-8")
    monkeypatch.setenv("CONNECTOR_HOME", str(tmp_path))
    monkeypatch.setenv("CONNECTOR_CRM", "hubspot")
    monkeypatch.setenv("CONNECTOR_HUBSPOT__ACCESS_TOKEN", "pat-na1-00000000-none")
    monkeypatch.setenv("CONNECTOR_STRIPE__API_KEY", "rk_test_none")
    return tmp_path


@pytest.fixture
def connector(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command."""

    def run(*words: str) -> int:
        monkeypatch.setattr("sys.argv", ["connector", *words])
        return int(guarded(app))

    return run


def test_a_test_message_arrives(
    hook: Webhook,
    home: Path,
    connector: Run,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """By the channel's address, which is shown nowhere."""
    monkeypatch.setenv("CONNECTOR_ALERTS__OPS", hook.address)

    assert connector("alerts", "test", "--json") == 0

    shown = capsys.readouterr()
    assert json.loads(shown.out)["channels"] == {"ops": "sent"}
    assert [one["title"] for one in hook.heard] == ["connector: test of the alert channel"]
    assert "a-secret-path-9z" not in shown.out + shown.err


def test_a_mail_arrives(home: Path, connector: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Apprise speaks SMTP for us."""
    with served(Mailbox()) as box:
        port = box.server_address[1]
        monkeypatch.setenv("CONNECTOR_ALERTS__OPS", f"mailto://127.0.0.1:{port}?from=c@example.com&to=ops@example.com")

        assert connector("alerts", "test") == 0

    [mail] = box.mails
    assert "Subject: connector: test of the alert channel" in mail


def test_a_channel_that_refuses_is_said_with_its_variable(
    hook: Webhook,
    home: Path,
    connector: Run,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Exit 75: nothing is wrong here. An address that is none is ours to mend: exit 2."""
    hook.status = 500
    monkeypatch.setenv("CONNECTOR_ALERTS__OPS", hook.address)
    refused = connector("alerts", "test")
    monkeypatch.setenv("CONNECTOR_ALERTS__OPS", "no address at all")
    wrong = connector("alerts", "test")

    shown = capsys.readouterr()
    assert (refused, wrong) == (75, 2)
    assert "CONNECTOR_ALERTS__OPS" in shown.out
    assert "a-secret-path-9z" not in shown.out + shown.err
    assert "no address at all" not in shown.out + shown.err


@pytest.mark.parametrize(
    ("words", "said"), [((), "has no address"), (("--channel", "nobody"), "no such alert channel")]
)
def test_a_channel_that_is_not_there_is_an_error(
    home: Path,
    connector: Run,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    said: str,
) -> None:
    """With what to write where."""
    if words:
        monkeypatch.setenv("CONNECTOR_ALERTS__OPS", "json://127.0.0.1:9")

    assert connector("alerts", "test", *words) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("command", [("sync",), ("run", "--once")])
def test_a_night_that_fails_is_told_once(
    hook: Webhook, home: Path, connector: Run, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    """By the scheduled service and by `sync`, over restarts; what is broken may be the project itself."""
    monkeypatch.setenv("CONNECTOR_ALERTS__OPS", hook.address)
    policy = home / "playbooks/policy.yaml"
    policy.write_text(policy.read_text("utf-8") + "oops: [\n", encoding="utf-8")
    codes = [connector(*command) for _ in range(3)]

    assert codes == [2, 2, 2]
    assert [one["title"] for one in hook.heard] == ["connector: sync to hubspot failed (exit 2)"]


def test_a_channel_that_is_down_changes_no_exit_code(
    hook: Webhook,
    home: Path,
    connector: Run,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It is named, and gets its message with the next run."""
    monkeypatch.setenv("CONNECTOR_ALERTS__OPS", hook.address)
    monkeypatch.setattr(run_service, "open_current", _fails(ConfigError("no such field", at="mappings/hubspot.yaml:3")))
    hook.status = 503
    first = connector("sync")
    told = capsys.readouterr().err
    owed = connector("alerts", "status", "--json"), json.loads(capsys.readouterr().out)["owed"]
    hook.status, hook.heard = 200, []
    monkeypatch.setattr(run_service, "open_current", _fails(UnreachableError("no answer")))
    second = connector("sync")

    assert (first, second) == (2, 75)
    assert "alerts: ops: the channel ops did not take the message; it is sent with the next run" in told
    assert owed == (0, {"ops": 1})
    [late] = hook.heard
    assert late["title"] == "connector: sync to hubspot failed (exit 2)"
    assert "mappings/hubspot.yaml:3: no such field" in late["message"]
    assert late["message"].startswith("(written ")


def test_a_message_holds_no_secret_and_no_address_of_a_person(
    hook: Webhook, home: Path, connector: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the error says."""
    monkeypatch.setenv("CONNECTOR_ALERTS__OPS", hook.address)
    error = ConfigError("key rk_test_none of ana@example.com, +33 6 12 34 56 78", hint="pat-na1-00000000-none")
    monkeypatch.setattr(run_service, "open_current", _fails(error))

    assert connector("sync") == 2
    [told] = hook.heard
    assert "key *** of ***@***, ***" in told["message"]
    assert "pat-na1" not in json.dumps(told)


def test_broken_alerts_fail_no_run(
    home: Path, connector: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The run's own error stands; the alerts' is named beside it."""
    monkeypatch.setattr(run_service, "open_current", _fails(UnreachableError("no answer")))

    assert connector("sync") == 75
    shown = capsys.readouterr().err
    assert "alerts: CONNECTOR_ALERTS__OPS: the alert channel ops has no address" in shown
    assert "no answer" in shown


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("nothing_since: soon\n", "playbooks/alerts.yaml:1:1", "no span of time"),
        ("channels: [Ops Team]\n", "playbooks/alerts.yaml:1:12", "no name of a channel"),
        ("channels: [ops, ops]\n", "playbooks/alerts.yaml:1:17", "stands twice"),
        ("on_faillure: true\n", "playbooks/alerts.yaml:1:1", "unknown key"),
        ("on_failure: perhaps\n", "playbooks/alerts.yaml:1:1", "on_failure"),
    ],
)
def test_a_mistake_in_the_alerts_has_its_place(home: Path, text: str, place: str, said: str) -> None:
    """With what was probably meant."""
    (home / "playbooks/alerts.yaml").write_text(text, encoding="utf-8")

    with pytest.raises(ConfigError) as refused:
        load_alerts(home)

    [problem] = refused.value.problems
    assert problem.at == place
    assert said in problem.message
    assert problem.hint or said == "on_failure"


def _fails(error: Exception) -> Callable[..., None]:
    def fails(*_: object) -> None:
        raise error

    return fails
