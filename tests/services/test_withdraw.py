"""What happens to open tasks and episodes when their reason goes: closed, bought, moved back, promoted, re-linked."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from test_project import INTENT

from connector.config.project import load_project
from connector.config.settings import shipped
from connector.domain.account import CrmAccount, Owner
from connector.domain.change import CrmRecord, Desired, RecordType, Stage, StageEntry
from connector.domain.episode import Episode, EpisodeState
from connector.domain.intent import Intent, brief_of
from connector.domain.keys import task_key
from connector.domain.link import LinkDecision, LinkState
from connector.domain.play import NEGOTIATION
from connector.domain.receipt import KnownRecord, Receipt
from connector.services.project import project
from connector.services.track import relinked_episodes
from connector.services.world import World

RULES = load_project(shipped(), ["stripe"], "salesforce")
NOW = datetime(2026, 9, 30, 12, tzinfo=UTC)
LABELS: dict[str, str] = dict(RULES.mapping.opportunity.stages) if RULES.mapping else {}
STAGES = tuple(Stage(id=label, label=label) for label in LABELS.values())
KEY = "e" * 32


def key_of(stage: str, step: str, entry: int = 1) -> str:
    return task_key(KEY, NEGOTIATION, stage, entry, step)


def standing(*keys: str, status: str = "Not Started", intent: Intent = INTENT, **rest: Any) -> World:
    """A world with one episode and some of its tasks in the CRM."""
    assert RULES.mapping is not None
    known = {
        key: KnownRecord(
            key, RecordType.TASK, f"t-{key}", "a1", receipts={"Status": Receipt("Not Started", "Not Started")}
        )
        for key in keys
    }
    plain = World(
        mapping=RULES.mapping,
        accounts={"a1": CrmAccount("a1", "Acme", owner_id="u1"), "a2": CrmAccount("a2", "Acme Two", owner_id="u1")},
        contacts={},
        owners={"u1": Owner("u1", "Ana", "ana@example.com", language="en")},
        stages=STAGES,
        opportunities=(),
        tasks=tuple(CrmRecord(RecordType.TASK, f"t-{key}", {"Status": status}) for key in keys),
        entries={},
        links=(),
        episodes=(Episode(KEY, "a1", "reporting", 1, NOW, offer="analytics", brief=brief_of(intent)),),
        known=known,
    )
    return replace(plain, **rest)


def moved(*path: str) -> dict[str, Any]:
    entries = tuple(
        StageEntry("o1", LABELS[stage], datetime(2026, 10, 1 + i, 9, tzinfo=UTC)) for i, stage in enumerate(path)
    )
    fields = {"Expansion_Key__c": KEY, "StageName": LABELS[path[-1]]}
    return {"opportunities": (CrmRecord(RecordType.OPPORTUNITY, "o1", fields),), "entries": {"o1": entries}}


def cancelled(world: World, **rest: Any) -> set[str]:
    """Keys of the tasks that are to be cancelled, and how."""
    made = project((), (), {}, world, RULES, NOW, **rest).desired
    closing: list[Desired] = [one for one in made if one.close]
    assert all(one.fields["Status"].value == "Deferred" for one in closing)
    return {one.key for one in closing}


@pytest.mark.parametrize("state", [EpisodeState.WON, EpisodeState.LOST, EpisodeState.DELETED])
def test_d27_closing_cancels_the_open_tasks(state: EpisodeState) -> None:
    """What is open of an opportunity that was closed is taken back, whatever stage it came from."""
    keys = {key_of("proposed", "check_and_call"), key_of("consult", "meet")}
    here = standing(*keys)
    over = replace(here.episodes[0], state=state, closed_at=NOW)

    assert cancelled(replace(here, episodes=(over,))) == keys


@pytest.mark.parametrize("status", ["Completed", "In Progress", "Deferred"])
def test_d27_what_is_not_open_any_more_is_left_alone(status: str) -> None:
    """A task that was done, begun or put off is nobody's to cancel."""
    here = standing(key_of("consult", "meet"), status=status)
    over = replace(here.episodes[0], state=EpisodeState.LOST, closed_at=NOW)

    assert cancelled(replace(here, episodes=(over,))) == set()


def test_d27_moving_back_cancels_what_nobody_touched_and_asks_again() -> None:
    """From compare options back to consult: the options are not put together now, and consult begins anew."""
    later, here = key_of("confront", "options"), key_of("consult", "listen")
    back = standing(later, here, **moved("consult", "confront", "consult"))

    assert cancelled(back) == {later, here}
    asked = {one.key for one in project((), (), {}, back, RULES, NOW).desired if not one.close}
    assert key_of("consult", "listen", 2) in asked


def test_d27_moving_forward_cancels_nothing() -> None:
    """An open task of the stage before may still be done."""
    here = standing(key_of("proposed", "check_and_call"), **moved("proposed", "consult"))

    assert cancelled(here) == set()


def test_d27_re_entry_asks_only_for_what_was_not_done() -> None:
    """A step that somebody did on the first visit is not asked for again on the second."""
    here = standing(key_of("consult", "listen"), status="Completed", **moved("consult", "confront", "consult"))

    made = project((), (), {}, here, RULES, NOW).desired

    assert {one.reason for one in made if one.type is RecordType.TASK} == {"negotiation: meet"}


def test_d17_a_bought_offer_stops_the_tasks_and_tells_the_owner() -> None:
    """Billing shows the offer: open tasks go, and one task says so."""
    key = key_of("consult", "meet")
    here = standing(key, **moved("proposed", "consult"))

    made = project((), (), {}, here, RULES, NOW, {"a1": {"analytics"}}).desired

    assert {one.key for one in made if one.close} == {key}
    assert [one.title for one in made if not one.close] == ["Close the opportunity of Acme: Analytics is billed"]


def test_d17_the_owner_is_told_once_and_for_good() -> None:
    """A job that does not ask billing keeps to what was told, and brings no stage's tasks back."""
    told = key_of("bought", "bought")
    here = standing(told, **moved("proposed", "consult"))

    made = project((), (), {}, here, RULES, NOW).desired

    assert {one.key for one in made} == {told}


def test_a_small_proposal_that_grew_takes_its_mention_back() -> None:
    """Promoted to an opportunity, it asks for one call and not for two."""
    mention = key_of("none", "mention")
    here = standing(mention, intent=replace(INTENT, as_task=True))

    made = project((INTENT,), (), {}, here, RULES, NOW).desired

    assert {one.key for one in made if one.close} == {mention}
    assert {one.type for one in made if not one.close} == {RecordType.OPPORTUNITY, RecordType.TASK}


def test_an_opportunity_is_never_demoted() -> None:
    """A number that fell leaves the opportunity an opportunity."""
    later = replace(INTENT, as_task=True, p=0.08, data_to=date(2026, 10, 28))

    made = project((later,), (), {}, standing(), RULES, NOW)

    assert made.desired[0].type is RecordType.OPPORTUNITY
    assert not any(one.close for one in made.desired)


def test_d17_an_open_episode_follows_its_customers_link() -> None:
    """Re-linked by a person, the proposal goes on under its key: the other account gets no second one."""
    links = (LinkDecision("b1", LinkState.LINKED, NOW, "a2"),)

    (episode,) = relinked_episodes(standing(links=links))

    assert (episode.key, episode.account_id) == (KEY, "a2")


def test_an_episode_whose_link_is_open_stays_where_it_is() -> None:
    """Unlinked or linked as before, nothing moves."""
    same = (LinkDecision("b1", LinkState.LINKED, NOW, "a1"),)

    assert relinked_episodes(standing(links=same)) == []
    assert relinked_episodes(standing(links=())) == []
