"""Routes: some opportunities go to another pipeline or record type, and are followed and closed by its own stages.

The second place has the same labels in another order, so that whoever resolves a stage by the wrong list is found out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from connector.sandbox.faults import Fault
from connector.sandbox.salesforce.seed import stage
from tests.e2e.sides import Record
from tests.e2e.test_check_live import place, told
from tests.e2e.test_stages import is_begun_by, language, subjects, tasks_of
from tests.e2e.test_undo_end_to_end import newest
from tests.e2e.world import World

LABELS = {
    "salesforce": {
        "proposed": "Volume Proposed",
        "consult": "Expansion Compare Options",
        "confront": "Expansion Consult",
        "concretize": "Expansion Sign",
        "won": "Closed Won",
        "lost": "Closed Lost",
        "withdrawn": "Closed Dropped",
    },
    "hubspot": {
        "proposed": "Proposed",
        "consult": "Compare options",
        "confront": "Consult",
        "concretize": "Sign",
        "won": "Won",
        "lost": "Lost",
        "withdrawn": "Lost",
    },
}
FIELD = {"salesforce": "RecordTypeId", "hubspot": "pipeline"}


@dataclass
class Routed:
    """A world whose proposals of more seats go to a second place."""

    world: World
    place: str
    """What the record's own field holds there."""
    stages: dict[str, str]
    """Our stages → what the stage field holds there."""

    def there(self) -> list[Record]:
        field = FIELD[self.world.side.crm]
        return [one for one in self.world.side.ours("opportunity") if one[field] == self.place]

    def elsewhere(self) -> list[Record]:
        field = FIELD[self.world.side.crm]
        return [one for one in self.world.side.ours("opportunity") if one[field] != self.place]

    def routes(self, *routes: dict[str, Any]) -> None:
        """Write the routes of the mapping anew."""
        self.world.edit_yaml(
            f"mappings/{self.world.side.crm}.yaml", lambda document: document["opportunity"].update(routes=list(routes))
        )


def route(crm: str, where: str = "Volume", **when: list[str]) -> dict[str, Any]:
    key = "record_type" if crm == "salesforce" else "pipeline"
    return {"when": when, key: where, "stages": LABELS[crm]}


@pytest.fixture
def routed(installed: World) -> Routed:
    """A second place in either CRM, and a mapping that sends proposals of more seats there."""
    side = installed.side
    if side.crm == "hubspot":
        first = side.store.pipelines["deals"]["expansion"]
        rows = [{**one, "id": one["id"].replace("expansion", "volume")} for one in first["stages"]]
        side.store.put_pipeline("deals", {**first, "id": "volume", "label": "Volume", "stages": rows})
        ids = {row["label"]: row["id"] for row in rows}
        made = Routed(installed, "volume", {ours: ids[label] for ours, label in LABELS["hubspot"].items()})
    else:
        added = [stage("Volume Proposed", 5, "Omitted", 40), stage("Closed Dropped", 0, "Omitted", 41)]
        side.store.load("OpportunityStage", added)
        common = {"SobjectType": "Opportunity", "IsActive": True}
        names = {"Expansion": "All other expansion", "Volume": "Volume business"}
        side.store.load("RecordType", [{"DeveloperName": one, "Name": name, **common} for one, name in names.items()])
        ids = {row["DeveloperName"]: row["Id"] for row in side.store.dump("RecordType")}
        made = Routed(installed, ids["Volume"], LABELS["salesforce"])

        def typed(document: dict[str, Any]) -> None:
            document["opportunity"]["record_type"] = "All other expansion"
            document["opportunity"]["fields"]["RecordTypeId"] = {"value": "{{ record_type }}", "policy": "create"}

        installed.edit_yaml("mappings/salesforce.yaml", typed)
    made.routes(route(side.crm, need=["more_seats"]))
    return made


def test_a_record_is_made_where_its_route_leads_and_stays(routed: Routed) -> None:
    """More seats begin at the second place's entry stage, the others at the first's; an edited route moves nothing."""
    side = routed.world.side
    routed.world.sync()

    there, elsewhere = routed.there(), routed.elsewhere()
    unchanged = routed.world.sync()["delivered"]["ok"], side.writes()
    routed.routes(route(side.crm, need=["higher_plan"], kind=["upsell"]))
    edited = routed.world.sync()["delivered"]["ok"], side.writes()

    assert there
    assert elsewhere
    assert {one["stage"] for one in there} == {routed.stages["proposed"]}
    assert {one["stage"] for one in elsewhere} == {side.stages["proposed"]}
    assert unchanged == edited == (0, [])


def test_a_stage_is_the_one_of_the_records_own_place(routed: Routed) -> None:
    """The stage that is `consult` there brings the tasks of consult there, though its label is `confront` elsewhere."""
    world = routed.world
    world.sync()
    one, other = routed.there()[0], routed.elsewhere()[0]
    before = {**tasks_of(world, one), **tasks_of(world, other)}

    world.side.write("opportunity", {"stage": routed.stages["consult"]}, one.id)
    world.side.move(other, "consult")
    world.sync()

    for record in (one, other):
        new = {key: task for key, task in tasks_of(world, record).items() if key not in before}
        assert is_begun_by(new, subjects(world, "consult", language(world, record))), new
    assert world.sync()["delivered"]["ok"] == 0


def test_a_record_that_a_person_moves_elsewhere_is_followed_there(routed: Routed) -> None:
    """Moved to the first place by its owner, a record is read by that one's stages, and never moved back."""
    world, field = routed.world, FIELD[routed.world.side.crm]
    world.sync()
    one, home = routed.there()[0], routed.elsewhere()[0][field]
    before = tasks_of(world, one)

    world.side.write("opportunity", {field: home, "stage": world.side.stages["consult"]}, one.id)
    world.sync()

    new = {key: task for key, task in tasks_of(world, one).items() if key not in before}
    assert is_begun_by(new, subjects(world, "consult", language(world, one)))
    assert world.side.get("opportunity", one.id)[field] == home
    assert world.sync()["delivered"]["ok"] == 0


def test_what_is_taken_back_is_closed_where_it_is(routed: Routed) -> None:
    """Undo closes each record with its own place's stage for that, and the next run has nothing to write."""
    world = routed.world
    world.sync()

    told_back = world.run("undo", newest(world), "--yes", "--json")
    again = world.sync()

    assert told_back.code == 0, told_back.err
    assert told_back.json["left"] == []
    assert {one["stage"] for one in routed.there()} == {routed.stages["withdrawn"]}
    assert {one["stage"] for one in routed.elsewhere()} == {world.side.stages["lost"]}
    assert again["delivered"]["ok"] == 0


def test_a_place_that_is_not_there_or_not_ours_is_told(routed: Routed) -> None:
    """A misspelt place is told with the near one; Salesforce also keeps a record type from whom it is not given."""
    crm = routed.world.side.crm
    told(routed.world)
    routed.routes(route(crm, "Volumes", need=["more_seats"]))
    word, what = ("record_type", "record type") if crm == "salesforce" else ("pipeline", "pipeline")
    told(
        routed.world,
        (f"no {what} 'Volumes'", place(routed.world, f"{word}: Volumes"), "did you mean Volume?"),
    )
    if crm == "salesforce":
        routed.routes(route(crm, need=["more_seats"]))
        routed.world.side.control.switches["unavailable_record_types"] = ["Volume"]
        told(
            routed.world,
            ("no record type 'Volume'", place(routed.world, "record_type: Volume"), "permission set"),
        )


@pytest.mark.parametrize("crm", ["salesforce"], indirect=True)
def test_one_record_type_under_two_names_has_one_list_of_stages(routed: Routed) -> None:
    """The developer name here and the label there are the same place: two lists could not be told apart."""
    routed.routes(route("salesforce", "Expansion", need=["more_seats"]))

    told(
        routed.world,
        (
            "'Expansion' and 'All other expansion' are one record type",
            place(routed.world, "stages:"),
            "the same stages in both",
        ),
    )


def test_a_stage_that_a_route_lacks_is_told_at_the_route(routed: Routed) -> None:
    """The stage is looked for in the route's own place, and the entry stage must be outside the forecast there."""
    crm = routed.world.side.crm
    wrong = route(crm, need=["more_seats"])
    consult = "Expansion Consult" if crm == "salesforce" else "Consult"
    wrong["stages"] = {**wrong["stages"], "proposed": consult, "confront": "Nowhere"}
    routed.routes(wrong)

    told(
        routed.world,
        (f"stage {consult!r} counts in the forecast", f"mappings/{crm}.yaml:", "outside the forecast"),
        ("no stage 'Nowhere'", place(routed.world, "confront: Nowhere"), "known:"),
    )


@pytest.mark.parametrize("crm", ["salesforce"], indirect=True)
def test_a_stage_that_a_record_type_does_not_offer_is_told(routed: Routed) -> None:
    """Each route is held against its own sales process, with what that offers; so does an installation."""
    side = routed.world.side
    every = list(dict.fromkeys([*side.stages.values(), *LABELS["salesforce"].values()]))
    side.control.switches["sales_processes"] = {
        "Expansion": [one for one in every if one != "Expansion Sign"],
        "Volume": [one for one in every if one != "Closed Dropped"],
    }

    told(
        routed.world,
        (
            "record type 'Volume' does not offer stage 'Closed Dropped'",
            place(routed.world, "withdrawn: Closed Dropped"),
            "it offers Closed Won, Closed Lost, Expansion Proposed",
        ),
        (
            "record type 'All other expansion' does not offer stage 'Expansion Sign'",
            place(routed.world, "concretize: Expansion Sign"),
            "add 'Expansion Sign' to its sales process",
        ),
    )
    steps = routed.world.run("install", "--dry-run", "--json", fresh=True).json["steps"]
    by_hand = {one["name"]: one["detail"] for one in steps if one["doing"] == "by hand"}
    assert by_hand == {
        "Volume": "does not offer Closed Dropped",
        "All other expansion": "does not offer Expansion Sign",
    }


@pytest.mark.parametrize("crm", ["salesforce"], indirect=True)
def test_an_org_that_tells_no_sales_process_is_believed_to_offer_every_stage(routed: Routed) -> None:
    """Where our user may not ask, stages are held against those of the org, as without record types."""
    routed.world.side.control.switches["sales_processes"] = {"Volume": ["Closed Won"]}
    refusal = [{"errorCode": "INSUFFICIENT_ACCESS", "message": "not for this user"}]
    routed.world.side.control.faults.append(Fault(path="/ui-api/", status=403, body=refusal, times=None))

    told(routed.world)


def test_install_names_the_place_that_somebody_has_to_make(routed: Routed) -> None:
    """It makes no pipeline and no record type for a route: it says which stages the admin gives it, and where."""
    side = routed.world.side
    what = "record type" if side.crm == "salesforce" else "pipeline"
    there = routed.world.run("install", "--dry-run", "--json").json
    if side.crm == "salesforce":
        side.store.take("RecordType", routed.place)
    else:
        side.store.drop_pipeline("deals", routed.place)

    gone = routed.world.run("install", "--dry-run", "--json", fresh=True).json

    assert [one for one in there["steps"] if one["doing"] == "by hand"] == []
    (step,) = [one for one in gone["steps"] if one["doing"] == "by hand"]
    assert (step["what"], step["name"]) == (what, "Volume")
    assert LABELS[side.crm]["proposed"] in step["detail"] + step["hint"]


def test_a_shadow_run_needs_no_place_to_be_there(routed: Routed) -> None:
    """Before an admin has made the second place, or any, a shadow run proposes as if they stood there."""
    world = routed.world
    if world.side.crm == "salesforce":
        for row in world.side.store.dump("RecordType"):
            world.side.store.take("RecordType", row["Id"])
    else:
        world.side.store.drop_pipeline("deals", routed.place)
    world.edit_yaml("playbooks/policy.yaml", lambda policy: policy.update(mode="shadow"))

    shadow = world.run("sync", "--json", fresh=True)

    assert (shadow.code, world.side.writes()) == (0, []), shadow.err
    assert shadow.json["plan"]["create"] > 0
