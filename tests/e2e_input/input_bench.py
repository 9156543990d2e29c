"""What tests of real and broken input share: the command line as people call it, a project folder, and the stand-ins.

Commands run in this process, through the same boundary as the installed `connector`; `test_cli_surface` runs the
installed one.
"""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import sys
from collections.abc import Iterable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest import mock

import requests

from connector.cli import main
from connector.sandbox.admin import hubspot_pipeline

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "tests" / "data"
LONG_AGO = "2020-01-01T00:00:00.000Z"
Row = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """What a command said, and the code it ended with."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Row:
        """The one object it printed; anything beside it is an error."""
        assert self.out.count("\n") == 1, f"{self.out}\n{self.err}"
        read: Row = json.loads(self.out)
        return read

    @property
    def only_error(self) -> Row:
        """The one error of a command that was asked for JSON."""
        (error,) = self.json["errors"]
        found: Row = error
        return found


@dataclass
class Cli:
    """The command line with an environment of its own."""

    env: dict[str, str]

    def __call__(self, *arguments: str, **changed: str | None) -> Answer:
        """Run one command. `changed`: variables for this call, without their prefix; None unsets one."""
        env = {name: value for name, value in os.environ.items() if not name.startswith("CONNECTOR_")} | self.env
        for name, value in changed.items():
            env.pop(f"CONNECTOR_{name}", None)
            if value is not None:
                env[f"CONNECTOR_{name}"] = value
        out, err, code = io.StringIO(), io.StringIO(), 0
        with (
            mock.patch.dict(os.environ, env, clear=True),
            mock.patch.object(sys, "argv", ["connector", *arguments]),
            mock.patch("connector.cli.without_pandas"),  # other tests of this process may use it
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            try:
                main()
            except SystemExit as ended:
                code = int(ended.code or 0)
        return Answer(code, out.getvalue(), err.getvalue())

    def ok(self, *arguments: str, **changed: str | None) -> Row:
        """Run a command that must succeed, and give its JSON."""
        answer = self(*arguments, "--json", **changed)
        assert answer.code == 0, answer.out + answer.err
        return answer.json

    @property
    def state(self) -> Path:
        return Path(self.env["CONNECTOR_STATE_DIR"])


@dataclass
class Home:
    """A project folder and its folder of billing files."""

    path: Path
    files: Path

    def write(self, name: str, text: str) -> Path:
        """Write a document of the project."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def edit(self, name: str, old: str, new: str) -> int:
        """Replace text that stands there once; give the line it stands on."""
        text = (self.path / name).read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{name} has {old!r} {text.count(old)} times"
        self.write(name, text.replace(old, new))
        return text[: text.index(old)].count("\n") + 1

    def billing(self, name: str, *lines: str, encoding: str = "utf-8") -> Path:
        """Write a billing file, as Excel ends its lines."""
        path = self.files / name
        path.write_bytes("".join(f"{line}\r\n" for line in lines).encode(encoding))
        return path


@dataclass(frozen=True)
class Portal:
    """The HubSpot stand-in: what a test puts there, and what it finds."""

    url: str
    token: str
    session: requests.Session = field(default_factory=requests.Session)

    def reset(self) -> None:
        """Empty the portal but for the pipeline that an admin made."""
        self.session.post(f"{self.url}/__reset").raise_for_status()
        # Many short commands within ten seconds are these tests' doing, not what they are about.
        self.session.post(f"{self.url}/__switches", json={"limits": False}).raise_for_status()
        self.load("pipelines", [hubspot_pipeline(datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z"))])
        self.load("owners", [owner("1", "ae@seller.example")])

    def load(self, kind: str, rows: Iterable[Row]) -> None:
        """Put rows there as if they had always been."""
        self.session.post(f"{self.url}/__state/{kind}", json=list(rows)).raise_for_status()

    def rows(self, kind: str) -> list[Row]:
        """Every row of a kind."""
        found: list[Row] = self.session.get(f"{self.url}/__state/{kind}").json()
        return found

    def writes(self) -> list[str]:
        """What was asked of it that is no reading, and forget the log."""
        log = self.session.get(f"{self.url}/__requests").json()
        self.session.delete(f"{self.url}/__requests")
        return [
            f"{one['method']} {one['path']}"
            for one in log
            if one["method"] != "GET" and not one["path"].endswith(("/search", "/read"))
        ]


def company(id: str, name: str, domain: str | None = None, country: str | None = None) -> Row:
    """A company of the portal, owned by the one owner."""
    given = {"name": name, "domain": domain, "country": country, "hubspot_owner_id": "1"}
    properties = {key: value for key, value in given.items() if value is not None}
    return {"id": id, "properties": properties, "createdAt": LONG_AGO, "updatedAt": LONG_AGO, "archived": False}


def owner(id: str, email: str) -> Row:
    """A person who owns companies."""
    return {"id": id, "email": email, "firstName": "Ana", "lastName": "Ruiz", "archived": False, "teams": []}


def new_home(path: Path) -> Home:
    """Copy the shipped mappings and playbooks."""
    for folder in ("mappings", "playbooks"):
        shutil.copytree(ROOT / folder, path / folder, ignore=shutil.ignore_patterns("schemas"))
    files = path / "files"
    files.mkdir()
    return Home(path, files)


def environment(home: Home, told: Mapping[str, Any], state: Path, **changed: str) -> dict[str, str]:
    """Variables that point a command at a project and at the stand-ins."""
    given = {name: value for name, value in told["env"].items() if name != "CONNECTOR_NOW"}
    return given | {
        "CONNECTOR_HOME": str(home.path),
        "CONNECTOR_STATE_DIR": str(state),
        "CONNECTOR_FILES_DIR": str(home.files),
        "CONNECTOR_CRM": "hubspot",
        **{f"CONNECTOR_{name}": value for name, value in changed.items()},
    }


def without_foreign_needs(text: str, needs: Iterable[str]) -> str:
    """A shipped CRM mapping without its rules for needs that a catalogue does not have."""
    known = set(needs)

    def kept(line: str) -> bool:
        found = re.search(r"\bneed: (\w+)\}", line)
        return found is None or found[1] in known

    return "".join(line for line in text.splitlines(keepends=True) if kept(line))


def table(cli: Cli, name: str) -> list[Row]:
    """Rows of a canonical table, as a run left them."""
    import duckdb

    with duckdb.connect(str(cli.state / "warehouse.duckdb"), read_only=True) as connection:
        found = connection.execute(f"SELECT * FROM {name}").to_arrow_table().to_pylist()
    rows: list[Row] = found
    return rows
