"""What each CRM tells of our rights and of the rules on our records, and what it keeps to itself."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING

import pytest

from connector.domain.errors import BudgetSpentError, UnreachableError
from connector.domain.inspection import Rights
from connector.sandbox.control import Fault
from connector.sandbox.hubspot import credentials

if TYPE_CHECKING:
    from crm_worlds import HubspotWorld, SalesforceWorld

RUN_SCOPES = (
    "crm.objects.companies.read crm.objects.contacts.read crm.objects.contacts.write crm.objects.deals.read "
    "crm.objects.deals.write crm.objects.owners.read files"
).split()


def missing(rights: Rights, by: str = "run") -> list[str]:
    """Names of the rights that are not granted."""
    return [right.name for right in rights.needed if right.granted is False and right.needed_by == by]


def with_scopes(world: HubspotWorld, scopes: list[str]) -> None:
    """Let our token have these scopes and no others."""
    world.control.switches["tokens"] = {credentials().access_token: scopes}


def test_a_whole_user_lacks_nothing(salesforce: SalesforceWorld, hubspot: HubspotWorld) -> None:
    """With every right, none is missing, for runs and for install."""
    for world in (salesforce, hubspot):
        rights = world.crm.inspector.rights()

        assert all(right.granted for right in rights.needed)


@pytest.mark.parametrize("scope", RUN_SCOPES)
def test_each_scope_that_a_token_lacks_is_missed(hubspot: HubspotWorld, scope: str) -> None:
    """A token with all scopes of a run but one lacks that one, and those of install."""
    with_scopes(hubspot, [one for one in RUN_SCOPES if one != scope])

    rights = hubspot.crm.inspector.rights()

    assert missing(rights) == [scope]
    assert len(missing(rights, "install")) == 3


@pytest.mark.parametrize("scope", RUN_SCOPES)
def test_where_scopes_are_not_told_each_is_tried(hubspot: HubspotWorld, scope: str) -> None:
    """A service key whose scopes nobody tells: the same one is missed, by calls that change nothing."""
    with_scopes(hubspot, [one for one in RUN_SCOPES if one != scope])
    hubspot.control.switches["token_info"] = False
    hubspot.control.requests.clear()

    rights = hubspot.crm.inspector.rights()

    assert missing(rights) == [scope]
    assert {right.granted for right in rights.needed if right.needed_by == "install"} == {None}
    bodies = [one["body"] for one in hubspot.control.requests if "/batch/" in one["path"]]
    assert bodies == [{"inputs": []}] * 2


def test_scopes_beyond_our_need_are_named(hubspot: HubspotWorld) -> None:
    """Least privilege: what the token may do and we never do."""
    with_scopes(hubspot, [*RUN_SCOPES, "oauth", "crm.objects.products.write", "content"])

    assert hubspot.crm.inspector.rights().beyond == ("content", "crm.objects.products.write")


def test_an_oauth_token_tells_its_scopes_when_it_is_made(new_hubspot: Callable[..., HubspotWorld]) -> None:
    """An app that renews its token is asked for nothing more."""
    from connector.adapters.crms import hubspot
    from connector.adapters.crms.hubspot import HubspotCredentials

    world, known = new_hubspot(oauth_scopes=[one for one in RUN_SCOPES if one != "files"]), credentials()
    app = HubspotCredentials(None, known.client_id, known.client_secret, known.refresh_token)
    crm = hubspot.connect(app, world.mapping, world.clock, world.base_url)

    rights = crm.inspector.rights()

    assert missing(rights) == ["files"]
    assert not any("access-token-info" in one["path"] for one in world.control.requests)


def test_our_token_is_in_no_log_of_the_stand_in(hubspot: HubspotWorld) -> None:
    """Asking what a token may do sends it in a body, which is not logged."""
    hubspot.control.requests.clear()

    hubspot.crm.inspector.rights()

    assert any("access-token-info" in one["path"] for one in hubspot.control.requests)
    assert credentials().access_token not in str(hubspot.control.requests)


OBJECT_RIGHTS = [
    ({"Account": []}, ["Account: Read", "Account: Edit"]),
    ({"Account": ["read"]}, ["Account: Edit"]),
    ({"Note": ["read"]}, ["Note: Create"]),
    ({"ContentVersion": ["read"]}, ["ContentVersion: Create"]),
    ({"Contact": []}, ["Contact: Read"]),
    ({"Opportunity": ["read"]}, ["Opportunity: Create", "Opportunity: Edit"]),
    ({"Opportunity": []}, ["Opportunity: Read", "Opportunity: Create", "Opportunity: Edit"]),
    ({"Task": ["read", "create"]}, ["Task: Edit"]),
]


@pytest.mark.parametrize(("left", "lacking"), OBJECT_RIGHTS)
def test_object_permissions_are_those_of_our_user(
    salesforce: SalesforceWorld, left: dict[str, list[str]], lacking: list[str]
) -> None:
    """What an admin leaves of a type's permissions decides what is missing."""
    salesforce.control.switches["object_permissions"] = left

    assert missing(salesforce.crm.inspector.rights()) == lacking


def test_system_permissions_of_our_user(salesforce: SalesforceWorld) -> None:
    """Who may not customise cannot install; who may modify everything has more than we need."""
    salesforce.control.switches["user_permissions"] = {
        "PermissionsCustomizeApplication": False,
        "PermissionsModifyAllData": True,
    }

    rights = salesforce.crm.inspector.rights()

    assert missing(rights, "install") == ["Customize Application"]
    assert rights.beyond == ("Modify All Data",)


def test_active_rules_on_what_we_write_are_listed(salesforce: SalesforceWorld) -> None:
    """Flows, workflow rules, triggers, validation and duplicate rules; inactive ones and other types' are not."""
    rules = [
        {"kind": kind, "name": f"{kind}_{state}", "active": state == "on"}
        for kind in ("flow", "trigger")
        for state in ("on", "off")
    ]
    salesforce.control.switches.update(
        automations={"Opportunity": rules, "Task": [{"kind": "workflow", "name": "old"}], "Account": rules},
        validation_rules={"Task": [{"when": {"Status": "x"}, "name": "Reason"}], "Account": [{"when": {"Name": "x"}}]},
        duplicate_rules={"Opportunity": {"match": ["Name"]}, "Contact": {"match": ["Email"]}},
    )

    found = salesforce.crm.inspector.rules()

    assert [(rule.kind, rule.name, rule.type) for rule in found.seen] == [
        ("flow", "flow on", "opportunity"),
        ("workflow", "old", "task"),
        ("trigger", "trigger_on", "opportunity"),
        ("validation rule", "Reason", "task"),
        ("duplicate rule", "Opportunity Duplicate Rule", "opportunity"),
    ]
    assert found.unseen == ()


def test_without_view_setup_every_kind_is_unseen(salesforce: SalesforceWorld) -> None:
    """Each kind comes with where an admin looks, and nothing is claimed to be absent."""
    salesforce.control.switches["view_setup"] = False

    found = salesforce.crm.inspector.rules()

    assert found.seen == ()
    assert [kind for kind, _ in found.unseen] == ["flow", "workflow", "trigger", "validation rule", "duplicate rule"]
    assert all(where.startswith("Setup") for _, where in found.unseen)


def test_workflows_are_read_page_by_page(hubspot: HubspotWorld) -> None:
    """More workflows than a page holds: those on deals and tasks are all found."""
    flows = [{"id": str(i), "name": f"w{i}", "objectTypeId": "0-3" if i % 50 == 0 else "0-1"} for i in range(250)]
    hubspot.control.switches["flows"] = [*flows, {"id": "300", "name": "t", "objectTypeId": "0-27"}]

    names = [rule.name for rule in hubspot.crm.inspector.rules().seen]

    assert names == ["w0", "w50", "w100", "w150", "w200", "t"]


def test_versions_are_told_without_a_login(new_salesforce: Callable[..., SalesforceWorld]) -> None:
    """The org lists what it answers to anybody, so a retired version is seen even though no login works."""
    world = new_salesforce(api_versions=[68, 70])

    version = world.crm.inspector.api_version()

    assert (version.used, version.offered) == ("67.0", ("68.0", "69.0", "70.0"))


def test_hubspots_version_has_an_end(hubspot: HubspotWorld) -> None:
    """A dated version is supported for eighteen months."""
    version = hubspot.crm.inspector.api_version()

    assert (version.used, version.ends) == ("2026-09", date(2028, 3, 1))


def test_the_servers_clock_is_that_of_its_last_answer(salesforce: SalesforceWorld, hubspot: HubspotWorld) -> None:
    """Both adapters read the Date header; it names its zone."""
    for world in (salesforce, hubspot):
        world.crm.reader.destination()
        told = world.crm.inspector.server_time()

        assert told is not None
        assert told.utcoffset() is not None


def test_a_spent_day_stops_every_question(salesforce: SalesforceWorld) -> None:
    """A quota that is used up is no missing right and no unseen rule."""
    salesforce.control.switches["daily_api_requests"] = 1

    for ask in (salesforce.crm.inspector.rights, salesforce.crm.inspector.rules):
        with pytest.raises(BudgetSpentError):
            ask()


def test_a_server_that_is_down_is_no_missing_right(salesforce: SalesforceWorld, hubspot: HubspotWorld) -> None:
    """5xx answers raise what passes by itself."""
    for world in (salesforce, hubspot):
        world.crm.reader.destination()
        world.control.faults.append(Fault(kind="html", times=None))

        for ask in (world.crm.inspector.rights, world.crm.inspector.rules):
            with pytest.raises(UnreachableError):
                ask()
