"""`connector doctor` finds what would stop or spoil a run before anything is written, and says who mends it where."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import requests

from connector import checkup
from connector.sandbox.control import Fault
from tests.e2e.running import Ran, command
from tests.e2e.world import World

Found = Mapping[str, Mapping[str, Any]]
TOKEN = "CONNECTOR_HUBSPOT__ACCESS_TOKEN"
SCOPES = (
    "crm.objects.companies.read crm.objects.contacts.read crm.objects.contacts.write crm.objects.deals.read "
    "crm.objects.deals.write crm.objects.owners.read files"
).split()
DAYS_CALLS = {"hubspot": "limit_daily", "salesforce": "daily_api_requests"}


def looked(world: World, *options: str) -> tuple[Ran, Found]:
    """Run the doctor; give what it found, by check."""
    ran = world.run("doctor", "--json", *options)
    return ran, {one["id"]: one for one in ran.json["checks"]}


def outcomes(found: Found, outcome: str) -> set[str]:
    """Checks that came out so."""
    return {id for id, one in found.items() if one["outcome"] == outcome}


def writes(world: World) -> list[str]:
    """Requests of the last command that could have changed a record."""
    return [one["path"] for one in world.side.writes() if not one["path"].endswith("access-token-info")]


def test_a_sound_setting_is_ok_and_nothing_is_written(installed: World) -> None:
    """Exit 0, no failure, no warning but of the test's own open folders; every check says what it saw."""
    ran, found = looked(installed)

    assert ran.code == 0, ran.out
    assert outcomes(found, "fail") == set()
    assert outcomes(found, "warn") <= {"machine.files"}
    assert all(one["seen"] for one in found.values())
    assert writes(installed) == []


def test_before_install_it_says_what_comes_next(site: Any, crm: str, tmp_path: Path) -> None:
    """A CRM without our fields is no failure: the finding names install, and no state folder is made."""
    world = site.at(crm, "empty", tmp_path)
    world.state.rmdir()

    ran, found = looked(world)

    assert ran.code == 0, ran.out
    assert found["crm.install"]["outcome"] == "warn"
    assert "connector install --dry-run" in found["crm.install"]["cure"]
    assert (found["machine.ledger"]["outcome"], found["machine.warehouse"]["outcome"]) == ("skip", "skip")
    assert not world.state.exists()


def test_a_missing_permission_is_named_with_where_to_grant_it(installed: World) -> None:
    """The right to create opportunities is gone: named as the vendor names it; exit 2."""
    switches = installed.side.control.switches
    switches["object_permissions"] = {"Opportunity": ["read", "edit"]}
    switches["tokens"] = {installed.env[TOKEN]: [one for one in SCOPES if one != "crm.objects.deals.write"]}
    named, where = {
        "hubspot": ("crm.objects.deals.write", "Integrations"),
        "salesforce": ("Opportunity: Create", "Permission Sets"),
    }[installed.side.crm]

    ran, found = looked(installed)

    assert ran.code == 2
    assert found["crm.rights"]["outcome"] == "fail"
    assert found["crm.rights"]["seen"] == f"lacks {named}"
    assert where in found["crm.rights"]["where"]
    assert writes(installed) == []


def test_a_user_without_api_enabled_is_told_what_to_grant(site: Any, tmp_path: Path) -> None:
    """The login is answered and no call is: the permission is named with where it is granted, once."""
    world = site.at("salesforce", "installed", tmp_path)
    world.side.control.switches["user_permissions"] = {"PermissionsApiEnabled": False}

    ran, found = looked(world)

    assert ran.code == 2
    assert {"crm.login"} <= outcomes(found, "fail")
    assert "grant our user API Enabled" in found["crm.login"]["cure"]
    assert "Permission Sets" in found["crm.login"]["where"]


def test_a_type_that_our_user_cannot_see_is_named(site: Any, tmp_path: Path) -> None:
    """Accounts are hidden as a whole: the right is missing, and later checks still look."""
    world = site.at("salesforce", "installed", tmp_path)
    world.side.control.switches["object_permissions"] = {"Account": []}

    ran, found = looked(world)

    assert ran.code == 2
    assert found["crm.rights"]["seen"] == "lacks Account: Read, Account: Edit"
    assert found["crm.automations"]["outcome"] == "ok"


def test_a_hidden_field_is_named(site: Any, tmp_path: Path) -> None:
    """Field-level security took one field away and left another readable only."""
    world = site.at("salesforce", "installed", tmp_path)
    world.side.control.switches["hidden_fields"] = {"Opportunity": ["NextStep"]}
    world.side.control.switches["read_only_fields"] = {"Task": ["Priority"]}

    ran, found = looked(world)

    told = found["crm.fields"]
    assert ran.code == 2
    assert "opportunity.NextStep is hidden from our user" in told["seen"]
    assert "task.Priority can only be read" in told["details"]
    assert "Field Permissions" in told["where"]


def test_a_spent_day_is_later_not_ours_to_mend(installed: World) -> None:
    """Other tools used up the day's calls: the quota says so, and the exit code is 75."""
    side = installed.side
    side.control.switches[DAYS_CALLS[side.crm]] = 100
    if side.crm == "hubspot":
        side.control.switches["daily_elsewhere"] = {installed.now.date().isoformat(): 100}
    else:
        side.store.load("api_requests", [{"count": 100}])

    ran, found = looked(installed)

    assert ran.code == 75, ran.out
    assert found["crm.quota"]["outcome"] == "fail"
    assert "none for us" in found["crm.quota"]["seen"]
    assert outcomes(found, "fail") <= {"crm.quota", "crm.login"}
    assert found["billing.stripe"]["outcome"] == "ok"


def test_few_calls_left_are_a_warning(installed: World) -> None:
    """A day of which little is left above the floor is told with what is left for us."""
    side = installed.side
    side.control.switches[DAYS_CALLS[side.crm]] = 2_000
    if side.crm == "hubspot":
        side.control.switches["daily_elsewhere"] = {installed.now.date().isoformat(): 1_730}
    else:
        side.store.calls.clear()
        side.store.load("api_requests", [{"count": 1_730}])

    ran, found = looked(installed)

    assert ran.code == 0, ran.out
    assert found["crm.quota"]["outcome"] == "warn"
    assert "for us" in found["crm.quota"]["seen"]
    assert "the last 200 are never touched" in found["crm.quota"]["details"][0]


def test_rules_that_act_on_our_records_are_named(installed: World) -> None:
    """Flows, triggers, validation and duplicate rules are listed by name where the API shows them; exit stays 0."""
    installed.side.control.switches.update(
        flows=[
            {"id": "7", "name": "Mail new deals", "objectTypeId": "0-3"},
            {"id": "8", "name": "Contacts only", "objectTypeId": "0-1"},
            {"id": "9", "name": "Switched off", "objectTypeId": "0-3", "isEnabled": False},
        ],
        automations={
            "Opportunity": [
                {"kind": "flow", "name": "Mail_new_deals"},
                {"kind": "flow", "name": "Switched_off", "active": False},
                {"kind": "trigger", "name": "DealTrigger"},
            ],
            "Contact": [{"kind": "flow", "name": "Contacts_only"}],
        },
        validation_rules={"Opportunity": [{"when": {"StageName": "x"}, "name": "Needs_reason"}]},
        duplicate_rules={"Opportunity": {"match": ["Name"], "name": "Same_name"}},
    )

    ran, found = looked(installed)

    listed = " ".join(found["crm.automations"]["details"])
    assert ran.code == 0, ran.out
    assert found["crm.automations"]["outcome"] == "warn"
    assert "Mail new deals" in listed
    assert "Contacts" not in listed
    assert "Switched" not in listed
    if installed.side.crm == "salesforce":
        assert "DealTrigger" in listed
        assert "Needs_reason" in " ".join(found["crm.validations"]["details"])
        assert "Same name" in " ".join(found["crm.duplicates"]["details"])
        assert found["crm.duplicates"]["outcome"] == "warn"


def test_rules_that_cannot_be_seen_are_an_admins_to_look_at(installed: World) -> None:
    """A user without the right to see rules is told so, with where an admin looks; it is no failure."""
    switches = installed.side.control.switches
    switches["view_setup"] = False
    switches["tokens"] = {installed.env[TOKEN]: SCOPES}

    ran, found = looked(installed)

    told = found["crm.automations"]
    assert ran.code == 0, ran.out
    assert told["outcome"] == "skip"
    assert "cannot be seen" in told["seen"]
    assert told["cure"].startswith("ask your admin")
    assert "Workflow" in told["where"] + " ".join(told["details"])


@pytest.mark.parametrize(
    ("seconds", "outcome", "code"), [(5, "ok", 0), (90, "warn", 0), (-90, "warn", 0), (900, "fail", 2)]
)
def test_a_clock_that_is_wrong_is_told(installed: World, seconds: int, outcome: str, code: int) -> None:
    """Our clock is held against the vendor's own."""
    with patch.object(checkup, "_now", lambda: datetime.now(UTC) + timedelta(seconds=seconds)):
        ran, found = looked(installed)

    assert (found["crm.clock"]["outcome"], ran.code) == (outcome, code)


def test_a_vendor_that_is_down_is_later(installed: World) -> None:
    """The CRM answers nothing but errors: 75; what depends on it is skipped, the rest is looked at."""
    installed.side.control.faults.append(Fault(path="/(crm|services|account-info)", kind="html", times=None))

    ran, found = looked(installed)

    assert ran.code == 75, ran.out
    assert found["crm.login"]["outcome"] == "fail"
    assert found["crm.rights"]["outcome"] == "skip"
    assert "CRM login" in found["crm.rights"]["seen"]
    assert found["machine.ledger"]["outcome"] == "ok"
    assert found["billing.stripe"]["outcome"] == "ok"


def test_refused_credentials_do_not_hide_the_rest(installed: World) -> None:
    """A wrong token is one failure with its variable; what needs no login is looked at all the same."""
    wrong = {TOKEN: "pat-na1-wrong", "CONNECTOR_SALESFORCE__CONSUMER_KEY": "3MVG9wrong"}
    world = World(**{**vars(installed), "env": {**installed.env, **wrong}})

    ran, found = looked(world)

    assert ran.code == 2
    assert outcomes(found, "fail") == {"crm.login"}
    assert "CONNECTOR_" in found["crm.login"]["where"]
    assert {"machine.disk", "config", "billing.stripe"} <= outcomes(found, "ok")
    assert "wrong" not in ran.out


def test_a_retired_api_version_is_told_even_though_nothing_else_answers(site: Any, tmp_path: Path) -> None:
    """The org offers only newer versions: the check names both, and the cure."""
    world = site.at("salesforce", "installed", tmp_path)
    world.side.control.switches["api_versions"] = [70, 75]

    ran, found = looked(world)

    assert ran.code == 2
    assert found["crm.version"]["seen"] == "67.0 is not among 70.0 … 75.0"
    assert "newer connector" in found["crm.version"]["cure"]


def test_a_mistake_in_a_playbook_does_not_stop_the_crms_checks(installed: World) -> None:
    """The project does not load; the CRM is looked at with its own mapping alone."""
    installed.kept = None
    (installed.home / "playbooks" / "policy.yaml").write_text("version: 1\nname: policy\nnonsense: 1\n", "utf-8")

    ran, found = looked(installed)

    assert ran.code == 2
    assert outcomes(found, "fail") == {"config"}
    assert "playbooks/policy.yaml:3" in found["config"]["where"] + str(found["config"]["details"])
    assert found["crm.rights"]["outcome"] == "ok"


def test_a_project_that_is_not_there_is_told_once(installed: World, tmp_path: Path) -> None:
    """No mappings at all: one failure with `init` as its cure; what reads a document waits, the rest is looked at."""
    world = World(**{**vars(installed), "home": tmp_path / "nowhere", "kept": None})

    ran, found = looked(world)

    assert ran.code == 2
    assert outcomes(found, "fail") == {"config"}
    assert "connector init" in found["config"]["cure"]
    assert {"billing.stripe", "crm.settings", "machine.schedule"} <= outcomes(found, "skip")
    assert found["machine.ledger"]["outcome"] == "ok"


def test_settings_that_were_not_loaded_are_told_so(installed: World) -> None:
    """No CRM is named and a .env lies there: the cure is the line that loads it."""
    (installed.home / ".env").write_text("CONNECTOR_CRM=hubspot\n", "utf-8")
    env = {name: value for name, value in installed.environment().items() if name != "CONNECTOR_CRM"}

    ran = command(("doctor", "--json"), env, None)

    found = {one["id"]: one for one in ran.json["checks"]}
    assert ran.code == 2
    assert outcomes(found, "fail") == {"settings"}
    assert ". ./.env" in found["settings"]["cure"]


def test_a_stripe_key_that_lacks_a_permission_is_told_which(installed: World, site: Any) -> None:
    """A restricted key lacks two permissions: both are named, with the place in the dashboard."""
    url = installed.env["CONNECTOR_STRIPE__BASE_URL"]
    requests.post(f"{url}/__switches", json={"missing_permissions": ["rak_invoice_read", "rak_event_read"]}, timeout=9)
    try:
        ran, found = looked(installed)
    finally:
        requests.post(f"{url}/__switches", json={"missing_permissions": []}, timeout=9)

    told = found["billing.stripe"]
    assert ran.code == 2
    assert told["seen"] == "cannot read invoices, events"
    assert "rak_invoice_read" in told["details"][0]
    assert "rak_event_read" in told["details"][1]
    assert "dashboard" in told["where"]


def test_one_broken_check_does_not_stop_the_others(installed: World) -> None:
    """A bug inside a check is its finding, without its message; the other checks are made."""

    def broken(_self: object) -> None:
        raise RuntimeError(f"secret {installed.env[TOKEN]}")

    with patch("connector.services.doctor_machine.Machine._disk", broken):
        ran, found = looked(installed)

    assert ran.code == 2
    assert found["machine.disk"]["outcome"] == "fail"
    assert "RuntimeError in test_doctor.py" in found["machine.disk"]["seen"]
    assert found["machine.schedule"]["outcome"] == "ok"
    assert installed.env[TOKEN] not in ran.out


def test_people_read_the_cure_under_each_finding(installed: World) -> None:
    """On a terminal each line has its outcome, and what is wrong its cure and place."""
    installed.side.control.switches["object_permissions"] = {"Opportunity": ["read"]}
    installed.side.control.switches["tokens"] = {installed.env[TOKEN]: SCOPES[:3]}

    ran = installed.run("doctor")

    assert ran.code == 2
    assert "fail  Permissions" in ran.out
    assert "→ grant" in ran.out
    assert ran.out.rstrip().splitlines()[-1].count("fail") == 1
