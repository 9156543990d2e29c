"""The support file of `connector doctor --bundle` tells what helps, and no secret and nobody's name."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

from tests.e2e.test_doctor import looked
from tests.e2e.test_secrets import secrets
from tests.e2e.world import World

PLANTED = "Zebulon Quatermain"
"""A name that stands nowhere else."""


def plant(world: World) -> list[str]:
    """Put a name, an address and a key wherever a support file might take something from; give what was planted."""
    address, key = "zebulon@quatermain.example", "pat-eu1-0000-planted-secret"
    comment = f"\n# ask {PLANTED}, {address}, {key}\n"
    world.edit_yaml(f"mappings/{world.side.crm}.yaml", lambda doc: doc["owners"].update(default=address))
    for name in (f"mappings/{world.side.crm}.yaml", "playbooks/policy.yaml"):
        file = world.home / name
        file.write_text(file.read_text("utf-8") + comment, "utf-8")
    crash = world.state / "crash-20260930T053000-1.txt"
    crash.write_text(
        f'Traceback (most recent call last):\n  File "/home/zebulon/connector/services/run.py", line 3, in run\n'
        f"    boom({PLANTED!r})\nValueError: {PLANTED} <{address}> {key}\n",
        "utf-8",
    )
    named = [{"when": {"StageName": "zz"}, "name": "Rule", "message": f"Call {PLANTED} at {address}"}]
    world.side.control.switches.update(
        validation_rules={"Opportunity": named},
        automations={"Opportunity": [{"kind": "flow", "name": PLANTED}]},
        flows=[{"id": "1", "name": f"Mail {PLANTED}", "objectTypeId": "0-3"}],
    )
    return [PLANTED, "Zebulon", "Quatermain", "zebulon", address, key]


def read_all(file: Path) -> str:
    """Everything in a zip, names included."""
    with zipfile.ZipFile(file) as opened:
        return "\n".join(f"{name}\n{opened.read(name).decode('utf-8')}" for name in opened.namelist())


def test_the_support_file_holds_no_secret_and_nobodys_name(synced: World) -> None:
    """Keys, addresses and names stand in YAML, crashes, rules, CRM and ledger, and not in the file."""
    synced.kept = None
    planted = plant(synced)
    people = [owner.email for owner in synced.company.crm.owners]
    names = {contact.email for contact in synced.company.crm.contacts if contact.email}
    accounts = {account.name for account in synced.company.crm.accounts}
    file = synced.folder / "support.zip"

    ran, found = looked(synced, "--bundle", str(file))
    text = read_all(file)

    assert ran.code == 2, "the planted key is to be taken out of the documents"
    assert {id for id, one in found.items() if one["outcome"] == "fail"} == {"config"}
    assert file.stat().st_mode & 0o777 == 0o600
    assert [one for one in {*planted, *people, *names, *accounts, *secrets(synced)} if one in text] == []
    assert str(synced.folder) not in text
    assert str(Path.home()) not in text


def test_the_support_file_tells_what_helps(synced: World) -> None:
    """Findings, versions, documents with their lines, field names, the last run's numbers and where it broke."""
    plant(synced)
    file = synced.folder / "support.zip"

    looked(synced, "--bundle", str(file))
    with zipfile.ZipFile(file) as opened:
        part: Callable[[str], str] = lambda name: opened.read(name).decode("utf-8")  # noqa: E731
        findings = {one["id"]: one["outcome"] for one in json.loads(part("doctor.json"))["checks"]}
        runs, schema = json.loads(part("runs.json")), json.loads(part("schema.json"))
        mapping, crashes = part(f"project/mappings/{synced.side.crm}.yaml"), part("crashes.txt")
        versions = json.loads(part("versions.json"))

    assert findings["crm.login"] == "ok"
    assert runs[0]["numbers"]["delivered"]["ok"] > 0
    assert any(field["unique"] for field in schema["opportunity"].values())
    written = (synced.home / f"mappings/{synced.side.crm}.yaml").read_text("utf-8")
    assert [line.split(":")[0] for line in mapping.splitlines() if line[:1].isalpha()] == [
        line.split(":")[0] for line in written.splitlines() if line[:1].isalpha()
    ]
    assert "connector/services/run.py:3 run" in crashes
    assert "ValueError" in crashes
    assert versions["libraries"]["duckdb"]


def test_a_support_file_is_never_overwritten(installed: World) -> None:
    """A file that exists is left alone: exit 2 with the cure."""
    file = installed.folder / "support.zip"
    file.write_text("mine", "utf-8")

    ran = installed.run("doctor", "--bundle", str(file))
    lost = installed.run("doctor", "--bundle", str(installed.folder / "no" / "support.zip"))

    assert (ran.code, lost.code) == (2, 2)
    assert "the file exists" in ran.err
    assert "there is no such folder" in lost.err
    assert (ran.out, lost.out) == ("", "")
    assert file.read_text("utf-8") == "mine"


def test_settings_that_cannot_be_read_are_the_one_finding(installed: World) -> None:
    """A value that is no address: exit 2 and its variable; a support file can still be written."""
    world = World(**{**vars(installed), "env": {**installed.env, "CONNECTOR_STRIPE__BASE_URL": "nowhere"}})
    file = installed.folder / "support.zip"

    ran, found = looked(world, "--bundle", str(file))

    assert ran.code == 2
    assert set(found) == {"settings"}
    assert "CONNECTOR_STRIPE__BASE_URL" in found["settings"]["seen"]
    assert "doctor.json" in zipfile.ZipFile(file).namelist()
