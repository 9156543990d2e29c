"""The CRM as the mirror shows it: whose an account is, what people's opportunities are about, how episodes end."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connector.config.project import load_project
from connector.config.settings import shipped
from connector.domain.account import CrmAccount, Owner
from connector.domain.change import CrmRecord, RecordType, Stage
from connector.domain.episode import Episode, EpisodeState
from connector.domain.errors import MappingError
from connector.domain.keys import task_key
from connector.domain.link import LinkDecision, LinkState
from connector.domain.mapping import CrmMapping, OwnerRules
from connector.domain.play import NEGOTIATION
from connector.domain.receipt import KnownRecord
from connector.services.customers import crm_side
from connector.services.track import ended_episodes, ended_mentions
from connector.services.world import World, contacts_by_account, crm_accounts, need_of, read_names, survivors


def shipped_mapping(crm: str) -> CrmMapping:
    mapping = load_project(shipped(), ["stripe"], crm).mapping
    assert mapping is not None
    return mapping


RULES = load_project(shipped(), ["stripe"], "salesforce")
MAPPING = shipped_mapping("salesforce")
NOW = datetime(2026, 9, 30, 12, tzinfo=UTC)
OPEN, WON = Stage("Prospecting", "Prospecting"), Stage("Closed Won", "Closed Won", closed=True, won=True)
STAGES = (OPEN, WON, Stage("Closed Lost", "Closed Lost", closed=True))
OWNERS = {
    "u1": Owner("u1", "Ana", "ana@x.example"),
    "u2": Owner("u2", "Gone", "gone@x.example", active=False),
    "u3": Owner("u3", "Max", "max@x.example", language="fr_FR"),
}


def world(**rest: Any) -> World:
    plain = World(
        mapping=MAPPING,
        accounts={"a1": CrmAccount("a1", "Acme", owner_id="u1")},
        contacts={},
        owners=OWNERS,
        stages=STAGES,
        opportunities=(),
        tasks=(),
        entries={},
        links=(LinkDecision("b1", LinkState.LINKED, NOW, "a1"),),
        episodes=(),
        known={},
    )
    return replace(plain, **rest)


def opportunity(id: str, name: str = "", stage: str = "Prospecting", key: str | None = None, **rest: Any) -> CrmRecord:
    fields = {"Name": name, "StageName": stage, "Expansion_Key__c": key}
    return CrmRecord(RecordType.OPPORTUNITY, id, fields, {"account": ("a1",)}, modified_at=NOW, **rest)


@pytest.mark.parametrize("crm", ["salesforce", "hubspot"])
@pytest.mark.parametrize(
    ("name", "need", "renewal"),
    [
        ("Acme – Analytics", "reporting", False),
        ("Tableaux de bord pour la direction", "reporting", False),
        ("20 additional seats", "more_seats", False),
        ("Licences supplémentaires", "more_seats", False),
        ("Renewal 2026", None, True),
        ("Renouvellement 2026 et analytics", None, True),
        ("Montée en gamme", "higher_plan", False),
        ("Passage à Enterprise", "higher_plan", False),
        ("eSign for HR", "signing", False),
        ("Signature électronique", "signing", False),
        ("Application mobile", "mobile_access", False),
        ("Comptabilité analytique", "accounting", False),
        ("Automatisation des relances", "automation", False),
        ("15 utilisateurs supplémentaires", "more_seats", False),
        ("next steps", None, False),
    ],
)
def test_d17_a_persons_opportunity_tells_its_need(crm: str, name: str, need: str | None, renewal: bool) -> None:
    """D17: The shipped rules read English and French names in both CRMs; a renewal is one whatever else it says."""
    opportunities = shipped_mapping(crm).opportunity
    record = CrmRecord(RecordType.OPPORTUNITY, "1", {opportunities.name: name})

    assert need_of(record, opportunities.people) == (need, renewal)


@pytest.mark.parametrize("crm", ["salesforce", "hubspot"])
@pytest.mark.parametrize(
    "name",
    [
        "Website redesign",
        "Assigning a new contact",
        "Contract: signature of the CFO missing",
        "Signature du contrat cadre",
        "Paiement comptant",
        "Comptage des entrées",
        "Énergies renouvelables",
        "Renewable energy pilot",
        "T-Mobile framework agreement",
        "Mobile homes",
        "Mobilier de bureau",
        "Groupe immobilier",
        "Automatic payments",
        "Prélèvement automatique",
        "SEAT follow-up",
        "Déménagement du siège",
        "Sièges sociaux du groupe",
        "Licensed reseller",
        "Formation utilisateurs",
        "Slalom partnership",
        "Enterprise planning day",
        "Pro planning",
        "Account review",
        "Account of last year",
        "Psychoanalytic society",
    ],
)
def test_d17_a_word_inside_another_tells_nothing(crm: str, name: str) -> None:
    """D17: A redesign is no signature, cash is no accounting: the shipped rules read whole words."""
    opportunities = shipped_mapping(crm).opportunity
    record = CrmRecord(RecordType.OPPORTUNITY, "1", {opportunities.name: name})

    assert need_of(record, opportunities.people) == (None, False)


def test_d17_only_open_opportunities_of_people_count() -> None:
    """D17: Won, lost, deleted ones and our own are nobody's ongoing work."""
    records = (
        opportunity("o1", "Analytics"),
        opportunity("o2", "Mobile", stage="Closed Won"),
        opportunity("o3", "Mobile", archived=True),
        opportunity("o4", "Mobile", key="e" * 32),
    )

    context = crm_side(world(opportunities=records), NOW).contexts["a1"]

    assert [(one.id, one.need) for one in context.opportunities] == [("o1", "reporting")]


def test_d17_our_open_tasks_count_until_they_are_done() -> None:
    """D17: A task of ours counts against capacity while it is open and there."""
    known = {str(i): KnownRecord(str(i), RecordType.TASK, f"t{i}", "a1") for i in range(4)}
    tasks = (
        CrmRecord(RecordType.TASK, "t0", {"Status": "Not Started"}),
        CrmRecord(RecordType.TASK, "t1", {"Status": "Completed"}),
        CrmRecord(RecordType.TASK, "t2", {"Status": "Deferred"}),
        CrmRecord(RecordType.TASK, "t3", {"Status": "Not Started"}, archived=True),
    )

    assert crm_side(world(known=known, tasks=tasks), NOW).contexts["a1"].open_tasks == 1


def test_several_billing_accounts_share_one_crm_account_and_an_ambiguous_one_has_none() -> None:
    """Links are many to one; what is ambiguous is told apart from what is unmatched."""
    links = (
        LinkDecision("b1", LinkState.LINKED, NOW, "a1"),
        LinkDecision("b2", LinkState.LINKED, NOW, "a1"),
        LinkDecision("b3", LinkState.AMBIGUOUS, NOW, candidates=("a1", "a2")),
        LinkDecision("b4", LinkState.UNMATCHED, NOW),
        LinkDecision("b5", LinkState.LINKED, NOW, "deleted"),
    )

    side = crm_side(world(links=links), NOW)

    assert (dict(side.links), side.ambiguous) == ({"b1": "a1", "b2": "a1"}, frozenset({"b3"}))


@pytest.mark.parametrize(
    ("record", "state"),
    [
        (opportunity("o1", stage="Closed Won", key="k"), EpisodeState.WON),
        (opportunity("o1", stage="Closed Lost", key="k"), EpisodeState.LOST),
        (opportunity("o1", key="k", archived=True), EpisodeState.DELETED),
        (opportunity("o1", key="k"), None),
        (opportunity("o1", stage="Closed Won", key="another"), None),
    ],
)
def test_an_episode_ends_with_its_opportunity(record: CrmRecord, state: EpisodeState | None) -> None:
    """Won, lost or deleted in the CRM ends the episode, never later than now."""
    episode = Episode("k", "a1", "reporting", 1, NOW - timedelta(days=9))

    ended = ended_episodes(
        world(episodes=(episode,), opportunities=(replace(record, modified_at=NOW + timedelta(1)),)), NOW
    )

    assert [(one.state, one.closed_at) for one in ended] == ([(state, NOW)] if state else [])


@pytest.mark.parametrize(
    ("rules", "account", "owner"),
    [
        (OwnerRules(), CrmAccount("a1", "Acme", owner_id="u1"), "u1"),
        (OwnerRules(), CrmAccount("a1", "Acme", owner_id="u2"), None),
        (OwnerRules(default="MAX@x.example"), CrmAccount("a1", "Acme", owner_id="u2"), "u3"),
        (OwnerRules(roles={"ae": "max@x.example"}), CrmAccount("a1", "Acme", owner_id="u1"), "u3"),
        (OwnerRules(roles={"ae": "gone@x.example"}), CrmAccount("a1", "Acme", owner_id="u1"), "u1"),
        (OwnerRules(roles={"ae": "AE__c"}), CrmAccount("a1", "Acme", owner_id="u1", facts={"owner:ae": "u3"}), "u3"),
    ],
)
def test_d30_work_goes_to_the_role_then_the_owner_then_the_default(
    rules: OwnerRules, account: CrmAccount, owner: str | None
) -> None:
    """D30: Inactive people are passed over at every step."""
    found = world(mapping=replace(MAPPING, owners=rules)).owner("ae", account)

    assert (found.id if found else None) == owner


def test_the_language_is_the_owners_own() -> None:
    """As mapped, else as the CRM says, else the mapping's default."""
    mapped = replace(MAPPING, owners=OwnerRules(languages={"ana@x.example": "fr"}))

    assert world(mapping=mapped).language(OWNERS["u1"]) == "fr"
    assert world().language(OWNERS["u3"]) == "fr"
    assert world().language(OWNERS["u1"]) == "en"


def test_a_missing_stage_says_which_there_are() -> None:
    """A stage label that no pipeline has is told with those it has."""
    with pytest.raises(MappingError, match=r"Expansion Proposed.*\n.*Closed Lost, Closed Won, Prospecting"):
        world().stage("proposed")


def test_merges_are_followed_to_the_last_survivor() -> None:
    """A merged into B merged into C is C; a circle, which no CRM should have, ends."""

    def merged(id: str, into: str | None) -> CrmRecord:
        return CrmRecord(RecordType.ACCOUNT, id, {}, merged_into=into, archived=into is not None)

    assert survivors([merged("a", "b"), merged("b", "c"), merged("c", None)]) == {"a": "c", "b": "c"}
    assert set(survivors([merged("a", "b"), merged("b", "a")])) == {"a", "b"}


def test_archived_accounts_and_contacts_are_not_there() -> None:
    """What was deleted in the CRM is neither matched nor called."""
    gone = CrmRecord(RecordType.ACCOUNT, "a2", {"Name": "Old"}, archived=True)
    called = CrmRecord(
        RecordType.CONTACT, "c1", {"LastName": "Ray", "AccountId": "a1", "LastActivityDate": "2026-09-01"}
    )
    left = replace(called, id="c2", archived=True)

    assert crm_accounts([gone], MAPPING) == {}
    assert [one.name for one in contacts_by_account([called, left], MAPPING.contact)["a1"]] == ["Ray"]


@pytest.mark.parametrize(
    ("told", "state"),
    [
        ("They have no need for it", EpisodeState.NO),
        ("Pas utile pour eux", EpisodeState.NOT_USEFUL),
        ("lost to a rival", EpisodeState.LOST),
        (None, EpisodeState.LOST),
    ],
)
def test_d17_a_lost_opportunity_tells_why(told: str | None, state: EpisodeState) -> None:
    """D17: the first rule of `outcomes` that matches wins; each outcome has a cool-down of its own."""
    closed = opportunity("o1", stage="Closed Lost", key="k")
    lost = replace(closed, fields=closed.fields | {"closed_lost_reason": told})
    rules = replace(MAPPING.opportunity, outcomes=shipped_mapping("hubspot").opportunity.outcomes)
    mapping = replace(MAPPING, opportunity=rules)
    here = world(episodes=(Episode("k", "a1", "reporting", 1, NOW),), opportunities=(lost,), mapping=mapping)

    (ended,) = ended_episodes(here, NOW)

    assert ended.state == state
    assert "closed_lost_reason" in read_names(mapping, RecordType.OPPORTUNITY)


@pytest.mark.parametrize(
    ("status", "archived", "tombstone", "state"),
    [
        ("Deferred", False, None, EpisodeState.NOT_USEFUL),
        ("Completed", False, None, EpisodeState.LOST),
        ("Not Started", True, None, EpisodeState.DELETED),
        ("Not Started", False, "deleted_in_crm", EpisodeState.DELETED),
        ("Not Started", False, None, None),
    ],
)
def test_d17_a_small_proposal_ends_with_its_task(
    status: str, archived: bool, tombstone: str | None, state: EpisodeState | None
) -> None:
    """D17: A mention that was made, or thrown away, is over: its need cools down instead of staying taken for ever."""
    key = task_key("k", NEGOTIATION, "none", 1, RULES.negotiation.small.id)
    episode = Episode("k", "a1", "reporting", 1, NOW - timedelta(days=9), brief={"as_task": True})
    task = CrmRecord(RecordType.TASK, "t1", {"Status": status}, archived=archived)
    known = {key: KnownRecord(key, RecordType.TASK, "t1", "a1", tombstone=tombstone)}

    ended = ended_mentions(RULES)(world(episodes=(episode,), tasks=(task,), known=known), NOW)

    assert [one.state for one in ended] == ([state] if state else [])
