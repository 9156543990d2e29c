"""What goes wrong ends in an exit code and a message, and neither screen nor crash file tells a secret."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
import typer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector.cli.boundary import guarded, redact
from connector.domain import errors
from connector.domain.errors import ConfigError, ConnectorError, Exit, MappingError, Problem, worst


def app_of(command: Callable[[], object]) -> typer.Typer:
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(command)
    return app


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A command line without arguments, and a state folder of its own."""
    monkeypatch.setattr("sys.argv", ["connector"])
    monkeypatch.setenv("CONNECTOR_STATE_DIR", str(tmp_path / "state"))


def ended(error: BaseException | None = None) -> int:
    def command() -> None:
        if error is not None:
            raise error

    return guarded(app_of(command))


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (None, 0),
        (RuntimeError("bug"), 1),
        (errors.IllegalTransitionError("bug"), 1),
        (ConfigError("mend"), 2),
        (errors.MappingError("mend"), 2),
        (errors.CredentialError("mend"), 2),
        (errors.SourceDataError("mend"), 2),
        (errors.PlanRefusedError("mend"), 2),
        (typer.BadParameter("mend"), 2),
        (errors.ApprovalNeededError("look"), 4),
        (errors.UnreachableError("later"), 75),
        (errors.BudgetSpentError("later"), 75),
        (KeyboardInterrupt(), 75),
        (typer.Exit(3), 3),
        (typer.Abort(), 75),
    ],
)
def test_exit_code(error: BaseException | None, code: int) -> None:
    """Every kind of end has its exit code."""
    assert ended(error) == code


def test_unknown_option(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A mistyped option is the operator's to mend."""
    monkeypatch.setattr("sys.argv", ["connector", "--nosuch"])

    assert ended() == Exit.MEND
    assert "--nosuch" in capsys.readouterr().err


def test_a_question_answered_no(capsys: pytest.CaptureFixture[str]) -> None:
    """Questions stand before the first write: whoever says no is told that nothing was done."""
    ended(typer.Abort())

    assert capsys.readouterr().err == "nothing was done\n"


def test_worst_code_wins() -> None:
    """Of several codes the first of bug, mend, approval, later, partial is the run's."""
    order = [Exit.BUG, Exit.MEND, Exit.APPROVAL, Exit.LATER, Exit.PARTIAL, Exit.OK]

    assert [worst(order[i:][::-1]) for i in range(len(order))] == order
    assert worst([]) == Exit.OK


def test_every_problem_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """Each problem is shown with its place and its cure."""
    ended(ConfigError([Problem("one", "a.yaml:1:2", "mend it"), Problem("two")]))

    assert capsys.readouterr().err == "error: a.yaml:1:2: one\n    → mend it\nerror: two\n"


def test_json(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """With --json the failure is one object on standard output."""

    def command(json: bool = typer.Option(False, "--json")) -> None:
        raise MappingError("unknown field", at="m.yaml:1:1", hint="did you mean it?")

    monkeypatch.setattr("sys.argv", ["connector", "--json"])

    code = guarded(app_of(command))

    told = json.loads(capsys.readouterr().out)
    assert (code, told["status"], told["exit_code"]) == (2, "error", 2)
    assert told["errors"] == [{"message": "unknown field", "at": "m.yaml:1:1", "hint": "did you mean it?"}]


def test_crash_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A bug's traceback goes into a file that only its owner reads, and the screen says where."""
    assert ended(RuntimeError("broken")) == Exit.BUG

    (crash,) = (tmp_path / "state").glob("crash-*.txt")
    assert "RuntimeError: broken" in crash.read_text(encoding="utf-8")
    assert stat.S_IMODE(crash.stat().st_mode) == 0o600
    shown = capsys.readouterr().err
    assert str(crash) in shown
    assert "Traceback" not in shown


def test_crash_file_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A state folder that cannot be written changes nothing about the exit code."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("CONNECTOR_STATE_DIR", str(tmp_path / "file"))

    assert ended(RuntimeError("broken")) == Exit.BUG


SECRET = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=8, max_size=40)
NAMES = ("CONNECTOR_STRIPE__API_KEY", "CONNECTOR_HUBSPOT__ACCESS_TOKEN", "CONNECTOR_SALESFORCE__CONSUMER_SECRET")


@given(first=SECRET, second=SECRET, error=st.sampled_from([RuntimeError, ConfigError]))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_secrets_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    first: str,
    second: str,
    error: type[Exception],
) -> None:
    """No secret of the environment reaches the screen or a crash file, as it is, quoted, or begun by another one."""
    for crash in tmp_path.glob("state/*"):
        crash.unlink()
    secrets = (first, second, first + second)
    for name, secret in zip(NAMES, secrets, strict=True):
        monkeypatch.setenv(name, secret)

    ended(error(f"sent {first + second} and {second!r} and ?key={quote(first, safe='')}"))

    told = "".join(capsys.readouterr()) + "".join(p.read_text(encoding="utf-8") for p in tmp_path.glob("state/*"))
    (line,) = {part.rsplit("sent ", 1)[1].split("\n")[0] for part in told.split("Error: ") if "sent " in part} or {told}
    for secret in (first, second, quote(first, safe="")):
        assert secret not in line


@pytest.mark.parametrize(
    "secret",
    [
        "sk_live_51H8abcDEF",
        "rk_test_51H8abcDEF",
        "pat-na1-1234abcd-12ab-34cd",
        "00D5g000001abcD!AQEAQ.x_y",
        "eyJhbGciOi.eyJzdWIiOi.c2lnbmF0",
        "ana.ruiz+crm@example.co.uk",
        "ana%40example.com",
        "o'neil@example.com",
        "+33 6 12 34 56 78",
        "Bearer CKzN5u-_secret",
        "client_secret=abc-123&x",
        "refresh_token=5Aep861",
        "postgresql://me:hunter2@db/ledger",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEpA\n-----END RSA PRIVATE KEY-----",
    ],
)
def test_shapes(secret: str) -> None:
    """What looks like a secret or a person's address is cut out wherever it stands."""
    core = secret.rpartition("=")[2].removesuffix("&x").removeprefix("Bearer ")
    core = {"postgresql://me:hunter2@db/ledger": "hunter2"}.get(core, core)

    assert core not in redact(f"POST /x ({secret}) failed")


def test_what_is_no_secret_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ids, dates, amounts, addresses of hosts and a key file's path are left readable."""
    monkeypatch.setenv("CONNECTOR_SALESFORCE__PRIVATE_KEY_FILE", "/etc/connector/key.pem")
    text = "0015g00000AbCdEAAV cus_Q1 2026-09-30 +12.5 http://127.0.0.1:8080/x /etc/connector/key.pem"

    assert redact(text) == text


def test_hint_is_redacted(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Place and cure are redacted like the message, in --json too."""
    error: ConnectorError = MappingError("x", at="ana@example.com", hint="ask ana@example.com")
    ended(error)

    def command(json: bool = typer.Option(False, "--json")) -> None:
        raise error

    monkeypatch.setattr("sys.argv", ["connector", "--json"])
    guarded(app_of(command))

    assert "ana@" not in "".join(capsys.readouterr())
