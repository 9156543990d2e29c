"""D17, Part 9: what people answer ends a proposal, takes its records back and keeps us quiet about the need."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from test_project import INTENT, LABELS, NOW, RULES, opened, world
from test_stage_tasks import KEY, MORNING, Pipeline, begun, key_of

from connector.domain.account import CrmAccount
from connector.domain.change import CrmRecord, RecordType
from connector.domain.episode import EpisodeState
from connector.domain.keys import task_key
from connector.domain.link import LinkDecision, LinkState
from connector.domain.occupied import ANY_NEED
from connector.domain.play import NEGOTIATION
from connector.domain.receipt import KnownRecord, Receipt
from connector.services.customers import crm_side, told_by_crm
from connector.services.feedback import ended_by_answers
from connector.services.project import project
from connector.services.track import ended_mentions


def answered(deal: Pipeline, answer: str, status: str = "Completed") -> EpisodeState | None:
    """How the episode stands after its first task was answered."""
    task = deal.tasks[key_of("proposed", "check_and_call")]
    task |= {"Status": status, "Expansion_Answer__c": answer}
    ended = ended_by_answers(RULES)(deal.world(), deal.now)
    return ended[0].state if ended else None


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ("not_useful_wrong_need", EpisodeState.NOT_USEFUL),
        ("not_useful_bad_time", EpisodeState.NOT_USEFUL),
        ("declined", EpisodeState.NO),
        ("interested", None),
        ("", None),
    ],
)
def test_d17_an_answer_ends_the_proposal(answer: str, state: EpisodeState | None) -> None:
    """D17: `not useful because…` and a customer's no end it, each with its own cool-down; interest does not."""
    assert answered(begun(), answer) is state


def test_d17_an_answer_counts_on_a_task_that_was_put_off_and_not_on_an_open_one() -> None:
    """D17: Who defers it with a reason has answered; who only picked a value is not done yet."""
    assert answered(begun(), "not_useful_known", "Deferred") is EpisodeState.NOT_USEFUL
    assert answered(begun(), "not_useful_known", "Not Started") is None


def test_d17_from_consult_on_it_is_its_owners_to_close() -> None:
    """D17: What somebody made theirs is not ended by an answer to an older task."""
    assert answered(begun("consult"), "not_useful_known") is None


def test_d17_the_opportunity_of_a_refused_proposal_is_taken_back() -> None:
    """D17: Its stage becomes the withdrawn one, as long as nobody touched it; its open tasks go with it."""
    deal = begun()
    here = deal.world()
    stage = {"StageName": Receipt(LABELS["proposed"], LABELS["proposed"])}
    known = {**here.known, KEY: KnownRecord(KEY, RecordType.OPPORTUNITY, "o1", "a1", receipts=stage)}
    over = replace(here.episodes[0], state=EpisodeState.NOT_USEFUL, closed_at=MORNING)

    made = project((), (), {}, replace(here, episodes=(over,), known=known), RULES, MORNING).desired

    closing = {one.type: {name: field.value for name, field in one.fields.items()} for one in made if one.close}
    assert closing == {
        RecordType.OPPORTUNITY: {"StageName": LABELS["withdrawn"]},
        RecordType.TASK: {"Status": "Deferred"},
    }


@pytest.mark.parametrize(
    ("answer", "state"),
    [("declined", EpisodeState.NO), ("not_useful_wrong_data", EpisodeState.NOT_USEFUL), ("", EpisodeState.LOST)],
)
def test_d17_the_one_task_of_a_small_proposal_says_why(answer: str, state: EpisodeState) -> None:
    """D17: Done with a reason it is a no, or was not useful; without one it was said."""
    key = task_key("e" * 32, NEGOTIATION, "none", 1, "mention")
    small = opened(replace(INTENT, as_task=True))
    known = {key: KnownRecord(key, RecordType.TASK, "t1", "a1")}
    task = {"Status": "Completed", "Expansion_Answer__c": answer}
    here = world(episodes=(small,), known=known, tasks=(CrmRecord(RecordType.TASK, "t1", task, modified_at=NOW),))

    (ended,) = ended_mentions(RULES)(here, NOW)

    assert ended.state is state


LINK = (LinkDecision("b1", LinkState.LINKED, NOW, "a1"),)


@pytest.mark.parametrize("need", ["", "reporting"])
def test_d26_a_no_in_the_review_keeps_us_quiet(need: str) -> None:
    """D26: `no` on the account is a cool-down from its day: for the need that was noted, else for every one."""
    facts = {"review_outcome": "no", "review_on": "2026-09-20"} | ({"review_need": need} if need else {})
    here = world(accounts={"a1": CrmAccount("a1", "Acme", owner_id="u1", facts=facts)}, links=LINK)

    (closed,) = crm_side(here, NOW).contexts["a1"].closed_episodes

    assert (closed.need, closed.outcome, closed.closed_on) == (need or ANY_NEED, "no", date(2026, 9, 20))


def test_d26_the_answer_to_the_reviews_task_is_what_rules_read() -> None:
    """D26: Whoever answers the task need not type it on the account: the next run reads it, with its day."""
    task = {"Status": "Completed", "Expansion_Answer__c": "meeting_agreed"}
    here = world(
        known={"k": KnownRecord("k", RecordType.TASK, "t1", "a1")},
        tasks=(CrmRecord(RecordType.TASK, "t1", task, modified_at=NOW),),
        links=LINK,
    )

    assert told_by_crm(here)["b1"] == {"review_outcome": "meeting_agreed", "review_on": "2026-09-30"}
