"""What a run that was undone had proposed: never proposed again unasked, never counted as lost."""

from __future__ import annotations

from dataclasses import replace

import pytest
from test_withdraw import KEY, LABELS, NOW, RULES, standing

from connector.domain.change import CrmRecord, RecordType, Stage
from connector.domain.episode import EpisodeState
from connector.domain.hold import Hold
from connector.domain.keys import task_key
from connector.domain.link import LinkDecision, LinkState
from connector.domain.occupied import UndoneNeed
from connector.domain.play import NEGOTIATION
from connector.domain.receipt import KnownRecord, Receipt
from connector.services.customers import crm_side
from connector.services.track import ended_episodes, ended_mentions
from connector.services.world import World

STAGES = (*(Stage(label, label) for label in LABELS.values() if "Closed" not in label),)
CLOSED = (Stage("Closed Won", "Closed Won", closed=True, won=True), Stage("Closed Lost", "Closed Lost", closed=True))
HOLD = Hold(KEY, "a1", "bad-run", "Ana", NOW)


def with_opportunity(stage: str, receipt: Receipt | None, holds: dict[str, Hold]) -> World:
    """A world whose one opportunity stands in a stage, last written as the receipt says."""
    fields = {"Expansion_Key__c": KEY, "StageName": stage}
    receipts = {"StageName": receipt} if receipt is not None else {}
    known = {KEY: KnownRecord(KEY, RecordType.OPPORTUNITY, "o1", "a1", receipts=receipts)}
    record = CrmRecord(RecordType.OPPORTUNITY, "o1", fields)
    return standing(opportunities=(record,), known=known, holds=holds, stages=(*STAGES, *CLOSED))


def written(stage: str, run: str) -> Receipt:
    return Receipt(stage, stage, run_id=run)


@pytest.mark.parametrize(
    ("stage", "receipt", "held", "state"),
    [
        ("Closed Lost", written("Closed Lost", "the-undo"), True, EpisodeState.WITHDRAWN),
        ("Closed Lost", written("Expansion Proposed", "bad-run"), True, EpisodeState.WITHDRAWN),
        ("Closed Lost", None, True, EpisodeState.WITHDRAWN),
        ("Closed Lost", written("Expansion Proposed", "an-older-run"), True, EpisodeState.LOST),
        ("Closed Lost", written("Expansion Proposed", "bad-run"), False, EpisodeState.LOST),
        ("Closed Lost", written("Closed Lost", "a-run"), False, EpisodeState.WITHDRAWN),
        ("Closed Won", written("Expansion Proposed", "bad-run"), True, EpisodeState.WON),
    ],
    ids=[
        "closed by the undo",
        "tidied up by a person",
        "stage not ours",
        "only updated by it",
        "released",
        "taken back",
        "won",
    ],
)
def test_what_was_taken_back_is_not_lost(stage: str, receipt: Receipt | None, held: bool, state: EpisodeState) -> None:
    """The undone run's own proposals end as withdrawn, whoever closes them; what a customer said stays what it was."""
    (ended,) = ended_episodes(with_opportunity(stage, receipt, {KEY: HOLD} if held else {}), NOW)

    assert ended.state is state


def test_what_we_closed_without_hearing_the_answer_is_no_loss() -> None:
    """A kill after the write left its entry on the wire: the CRM shows what it holds, so it was us; else it was not."""
    here = with_opportunity("Closed Lost", written("Expansion Proposed", "r"), {})

    for sent, state in (("Closed Lost", EpisodeState.WITHDRAWN), ("Withdrawn", EpisodeState.LOST)):
        (ended,) = ended_episodes(replace(here, closing={KEY: {"StageName": sent}}), NOW)
        assert ended.state is state


@pytest.mark.parametrize(
    ("status", "held", "state"),
    [
        ("Deferred", True, EpisodeState.WITHDRAWN),
        ("Completed", False, EpisodeState.LOST),
        ("Deferred", False, EpisodeState.WITHDRAWN),
    ],
)
def test_a_small_proposal_taken_back_is_not_lost(status: str, held: bool, state: EpisodeState) -> None:
    """Its one task was cancelled by the undo, or done by its owner."""
    key = task_key(KEY, NEGOTIATION, "none", 1, RULES.negotiation.small.id)
    world = standing(key, status=status)
    small = replace(world.episodes[0], brief={**world.episodes[0].brief, "as_task": True})
    known = {key: replace(world.known[key], receipts={"Status": Receipt(status, status, run_id="the-undo")})}
    world = replace(world, episodes=(small,), known=known, holds={KEY: HOLD} if held else {})

    (ended,) = ended_mentions(RULES)(world, NOW)

    assert ended.state is state


def test_the_crm_side_tells_which_needs_were_undone() -> None:
    """With who did it and when; one that is closed keeps the day it was proposed on, so that its place stays taken."""
    world = standing(links=(LinkDecision("b1", LinkState.LINKED, NOW, "a1"),), holds={KEY: HOLD})
    over = replace(world.episodes[0], state=EpisodeState.WITHDRAWN, closed_at=NOW)

    for episode, proposed_on in ((world.episodes[0], None), (over, over.opened_at.date())):
        context = crm_side(replace(world, episodes=(episode,)), NOW).contexts["a1"]
        assert context.undone == (UndoneNeed("reporting", "bad-run", "Ana", NOW.date(), proposed_on),)
    assert context.closed_episodes[0].opened_on is None
    assert crm_side(replace(world, holds={}), NOW).contexts["a1"].undone == ()
