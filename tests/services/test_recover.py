"""What the CRM tells of a lost ledger, case by case; `tests/e2e/test_rebuild` proves it on both stand-ins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connector.config.project import load_project
from connector.config.settings import shipped
from connector.domain.change import CrmRecord, RecordType, Stage, StageEntry
from connector.domain.episode import EpisodeState
from connector.domain.keys import episode_key, task_key
from connector.domain.play import NEGOTIATION
from connector.domain.project import Project
from connector.services.recover import Recovered, recover

RULES = load_project(shipped(), ["stripe"], "salesforce")
assert RULES.mapping is not None
MAPPING = RULES.mapping
NOW = datetime(2026, 9, 30, 12, tzinfo=UTC)
DAY = timedelta(days=1)
OPPORTUNITY, TASK, ACCOUNT = RecordType.OPPORTUNITY, RecordType.TASK, RecordType.ACCOUNT
STAGES = (
    Stage("Expansion Proposed", "Expansion Proposed", in_forecast=False),
    Stage("Closed Won", "Closed Won", closed=True, won=True),
    Stage("Closed Lost", "Closed Lost", closed=True),
    Stage("Withdrawn", "Withdrawn", closed=True),
)
SMALL = RULES.negotiation.small.id


@dataclass
class Feed:
    """A CRM as its feed shows it."""

    records: list[CrmRecord] = field(default_factory=list)
    history: Mapping[str, tuple[StageEntry, ...]] = field(default_factory=dict)
    asked: list[RecordType] = field(default_factory=list)

    def changed(self, type: RecordType, names: Sequence[str], since: datetime | None) -> Iterator[CrmRecord]:
        assert since is None
        self.asked.append(type)
        for one in self.records:
            if one.type is type:
                yield replace(one, fields={name: one.fields.get(name) for name in names})

    def stages(self) -> list[Stage]:
        return list(STAGES)

    def owners(self) -> list[Any]:
        return []

    def stage_history(self, ids: Sequence[str]) -> dict[str, tuple[StageEntry, ...]]:
        return {id: self.history[id] for id in ids if id in self.history}


def account(id: str, merged_into: str | None = None) -> CrmRecord:
    return CrmRecord(ACCOUNT, id, {"Name": id}, archived=merged_into is not None, merged_into=merged_into)


def key_of(account: str = "a1", need: str = "reporting", ordinal: int = 1) -> str:
    return episode_key(MAPPING.namespace, account, need, ordinal)


def opportunity(
    id: str = "o1", key: str = "", stage: str = "Expansion Proposed", home: str | None = "a1", **rest: Any
) -> CrmRecord:
    """One of our opportunities, of the first attempt at the need `reporting` unless told otherwise."""
    values = {
        "Expansion_Key__c": key or key_of(),
        "Expansion_Need__c": "reporting",
        "Expansion_Episode__c": "1",
        "Expansion_Play__c": NEGOTIATION,
        "StageName": stage,
    }
    links = {"account": (home,)} if home else {}
    made = CrmRecord(OPPORTUNITY, id, values, links, created_at=NOW - 30 * DAY, modified_at=NOW - DAY)
    return replace(made, **rest)


def task(id: str, key: str, home: str | None = "a1", status: str = "Not Started", **rest: Any) -> CrmRecord:
    values = {"Expansion_Key__c": key, "Status": status, "Expansion_Managed__c": "true"}
    links = {"account": (home,)} if home else {}
    made = CrmRecord(TASK, id, values, links, created_at=NOW - 20 * DAY, modified_at=NOW - 2 * DAY)
    return replace(made, **rest)


def small_key(account: str, need: str = "signing", ordinal: int = 1) -> str:
    """Key of the one task of a small proposal."""
    return task_key(key_of(account, need, ordinal), NEGOTIATION, "none", 1, SMALL)


def recovered(*records: CrmRecord, rules: Project = RULES, **rest: Any) -> Recovered:
    accounts = [] if any(one.type is ACCOUNT for one in records) else [account("a1"), account("a2")]
    return recover(Feed([*accounts, *records], **rest), rules, NOW)


def test_an_opportunity_tells_its_episode() -> None:
    """Key, account, need and ordinal come from its fields, the day it was opened from its creation."""
    found = recovered(opportunity(key=key_of(ordinal=3), fields=opportunity().fields | {"Expansion_Episode__c": "3"}))

    (episode,), (known,) = found.episodes, found.known
    assert (episode.account_id, episode.need, episode.ordinal) == ("a1", "reporting", 3)
    assert (episode.state, episode.opened_at, episode.closed_at) == (EpisodeState.OPEN, NOW - 30 * DAY, None)
    assert (episode.play, episode.offer, episode.brief) == (NEGOTIATION, None, {})
    assert (known.crm_id, known.account_id, known.receipts) == ("o1", "a1", {})
    assert {one.to for one in known.associations} == {"account:a1"}


@pytest.mark.parametrize(
    ("stage", "state"),
    [("Closed Won", EpisodeState.WON), ("Closed Lost", EpisodeState.LOST), ("Qualification", EpisodeState.OPEN)],
)
def test_a_stage_tells_how_it_ended(stage: str, state: EpisodeState) -> None:
    """Won and lost are told by the stage; one that nobody knows any more is open."""
    (episode,) = recovered(opportunity(stage=stage)).episodes

    assert episode.state is state


def test_it_ended_when_it_came_into_its_stage() -> None:
    """An edit made long after the deal was lost does not begin the cool-down anew; nothing ends in the future."""
    lost_on = NOW - 100 * DAY
    history = {"o1": (StageEntry("o1", "Closed Won", lost_on - DAY), StageEntry("o1", "Closed Lost", lost_on))}
    (told,) = recovered(opportunity(stage="Closed Lost"), history=history).episodes
    (untold,) = recovered(opportunity(stage="Closed Lost", modified_at=NOW + DAY)).episodes

    assert told.closed_at == lost_on
    assert untold.closed_at == NOW


def test_a_stage_of_its_own_tells_a_withdrawal() -> None:
    """Where the mapping has another label for it than for lost."""
    stages = {**MAPPING.opportunity.stages, "withdrawn": "Withdrawn"}
    mapping = replace(MAPPING, opportunity=replace(MAPPING.opportunity, stages=stages))

    (episode,) = recovered(opportunity(stage="Withdrawn"), rules=replace(RULES, mapping=mapping)).episodes

    assert episode.state is EpisodeState.WITHDRAWN


def test_a_field_tells_the_offer() -> None:
    """A mapping that writes the offer into a field of its own gets it back."""
    rule = replace(MAPPING.opportunity.fields["Expansion_Play__c"], value="{{ offer.id }}")
    wanted = replace(MAPPING.opportunity, fields={**MAPPING.opportunity.fields, "Expansion_Offer__c": rule})
    rules = replace(RULES, mapping=replace(MAPPING, opportunity=wanted))

    (episode,) = recovered(
        opportunity(fields=opportunity().fields | {"Expansion_Offer__c": "analytics"}), rules=rules
    ).episodes

    assert episode.offer == "analytics"


def test_a_deleted_opportunity_is_told_by_its_key() -> None:
    """A CRM that shows no account of deleted records leaves the key: it was made of the account."""
    found = recovered(opportunity(key=key_of("a2"), home=None, archived=True))

    (episode,), (known,) = found.episodes, found.known
    assert (episode.account_id, episode.state, episode.closed_at) == ("a2", EpisodeState.DELETED, NOW - DAY)
    assert (known.tombstone, known.gone_at, known.account_id) == ("deleted_in_crm", NOW - DAY, "a2")


def test_wiped_fields_are_told_by_the_key_too() -> None:
    """Somebody emptied need and episode: the key still proves both."""
    wiped = opportunity().fields | {"Expansion_Need__c": None, "Expansion_Episode__c": None}

    (episode,) = recovered(
        opportunity(
            key=key_of(need="signing", ordinal=2),
            fields=wiped | {"Expansion_Key__c": key_of(need="signing", ordinal=2)},
        )
    ).episodes

    assert (episode.need, episode.ordinal) == ("signing", 2)


def test_a_key_of_another_making_is_known_and_no_more() -> None:
    """A need that nothing tells is no attempt; the record is known all the same, so that nothing doubles it."""
    wiped = opportunity().fields | {"Expansion_Need__c": None, "Expansion_Key__c": "f" * 32}

    found = recovered(opportunity(fields=wiped))

    assert (found.untold, found.episodes) == (("o1",), ())
    assert [one.key for one in found.known] == ["f" * 32]


@pytest.mark.parametrize(
    ("status", "archived", "state"),
    [
        ("Not Started", False, EpisodeState.OPEN),
        ("Completed", False, EpisodeState.LOST),
        ("Deferred", False, EpisodeState.NOT_USEFUL),
        ("Not Started", True, EpisodeState.DELETED),
    ],
)
def test_a_small_proposal_is_told_by_its_task(status: str, archived: bool, state: EpisodeState) -> None:
    """Its key is found among those of every need of the account; done is said, and deleted is deleted."""
    found = recovered(task("t1", small_key("a1", ordinal=2), status=status, archived=archived))

    (episode,) = found.episodes
    assert (episode.key, episode.need, episode.ordinal) == (key_of("a1", "signing", 2), "signing", 2)
    assert (episode.state, episode.opened_at) == (state, NOW - 20 * DAY)
    assert episode.closed_at == (None if state is EpisodeState.OPEN else NOW - 2 * DAY)


def test_keys_of_a_merged_account_live_on_at_its_survivor() -> None:
    """The key was made of the account that is gone; episode and record belong to the one that is left."""
    accounts = (account("a1"), account("gone", merged_into="a1"))

    found = recovered(*accounts, opportunity(key=key_of("gone")), task("t1", small_key("gone")))

    assert {(one.account_id, one.need) for one in found.episodes} == {("a1", "reporting"), ("a1", "signing")}
    assert {one.account_id for one in found.known} == {"a1"}


def test_a_grown_proposal_is_one_episode() -> None:
    """What was a small task first and an opportunity later tells one episode: the opportunity's."""
    (episode,) = recovered(opportunity(), task("t1", small_key("a1", "reporting"), status="Completed")).episodes

    assert (episode.key, episode.state) == (key_of(), EpisodeState.OPEN)


def test_a_task_names_its_opportunity_by_key() -> None:
    """As a plan names it, so that nothing is linked anew; the account it shows through it was linked by nobody."""
    links = {"account": ("a1",), "opportunity": ("o1",), "contact": ("c1",)}

    found = recovered(opportunity(), task("t1", "b" * 32, links=links))

    (known,) = (one for one in found.known if one.type is TASK)
    assert {one.to for one in known.associations} == {f"opportunity:{key_of()}", "contact:c1"}


def test_a_copy_is_left_alone() -> None:
    """Of two records with one key the older is ours; a living one comes before a deleted one."""
    copy = opportunity("o0", created_at=NOW)
    found = recovered(copy, opportunity("o1"))
    again = recovered(opportunity("o1", archived=True), copy)

    assert ([one.crm_id for one in found.known], found.twins) == (["o1"], ("o0",))
    assert ([one.crm_id for one in again.known], again.twins) == (["o0"], ())


def test_the_trace_of_an_installation_is_none_of_ours() -> None:
    """The probe that proved whether tasks can carry a key was deleted at once and has nothing else of ours."""
    probe = task("t1", "f" * 32, home=None, archived=True, fields={"Expansion_Key__c": "f" * 32})

    assert recovered(probe) == Recovered()


def test_tasks_without_a_field_for_their_key_are_not_read() -> None:
    """The next run finds each by its `ref:` line; all tasks of a CRM would be read for nothing."""
    rules = replace(RULES, mapping=replace(MAPPING, task=replace(MAPPING.task, key=None)))
    feed = Feed([account("a1"), opportunity(), task("t1", small_key("a1"))])

    found = recover(feed, rules, NOW)

    assert TASK not in feed.asked
    assert [one.type for one in found.known] == [OPPORTUNITY]
