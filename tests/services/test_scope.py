"""Whom a run may write about: every key narrows, names are read as people write them, a misfit says what was meant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from connector.config.project import load_project
from connector.config.settings import shipped
from connector.domain.account import CrmAccount, Owner
from connector.domain.change import Change, Link, RecordType, Ref, Why
from connector.domain.errors import ConfigError
from connector.domain.intent import ReviewIntent
from connector.domain.link import LinkDecision, LinkMethod, LinkState
from connector.domain.occupied import Crm, CrmContext
from connector.domain.outbox import OutboxEntry, entry_of
from connector.domain.policy import Scope
from connector.domain.project import Project
from connector.services.scope import EVERYBODY, Bounds, bounds, limited, reviews_within, waiting_outside
from connector.services.world import World

RULES = load_project(shipped(), ["stripe"], "hubspot")
NOW = datetime(2026, 9, 30, tzinfo=UTC)
ANA, LUC = Owner("u1", "Ana", "ana@example.com"), Owner("u2", "Luc", "luc@example.com")
GONE = Owner("u3", "Gone", "gone@example.com", active=False)
NAMES = {"1": "Alder", "2": "Birch & Sons", "3": "Cedar", "4": "Cedar"}
OWNERS = {"1": "u1", "2": "u1", "3": "u2", "4": "u3"}
SEGMENTS: Mapping[str, Sequence[str]] = {"1": ["smb"], "2": ["smb", "enterprise"], "3": ["mid"]}


def world() -> World:
    assert RULES.mapping is not None
    return World(
        mapping=RULES.mapping,
        accounts={id: CrmAccount(id, name, owner_id=OWNERS[id]) for id, name in NAMES.items()},
        contacts={},
        owners={owner.id: owner for owner in (ANA, LUC, GONE)},
        stages=(),
        opportunities=(),
        tasks=(),
        entries={},
        links=(LinkDecision("b1", LinkState.LINKED, NOW, "1", LinkMethod.ID),),
        episodes=(),
        known={},
        survivors={"9": "1"},
    )


def rules(**scope: Sequence[str]) -> Project:
    return replace(RULES, policy=replace(RULES.policy, scope=Scope(**scope)), at=place)


def place(document: str, *loc: str | int) -> str:
    return f"{document}:{'/'.join(map(str, loc))}"


def inside(**scope: Sequence[str]) -> set[str]:
    within = bounds(rules(**scope), world(), SEGMENTS)
    return {id for id in NAMES if not within.outside(id)}


def test_without_a_scope_everybody_is_inside() -> None:
    """Nothing is limited unless a key is given."""
    assert bounds(rules(), world(), SEGMENTS) == EVERYBODY
    assert EVERYBODY.outside("whoever") == ""


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ({"accounts": ["1", " alder "]}, {"1"}),
        ({"accounts": ["9"]}, {"1"}),
        ({"accounts": ["birch  & sons", "3"]}, {"2", "3"}),
        ({"owners": ["ANA@example.com "]}, {"1", "2"}),
        ({"segments": ["smb"]}, {"1", "2"}),
        ({"segments": ["enterprise", "mid"]}, {"2", "3"}),
        ({"owners": ["ana@example.com"], "segments": ["enterprise"]}, {"2"}),
        ({"owners": ["ana@example.com", "luc@example.com"], "accounts": ["3", "1"], "segments": ["smb"]}, {"1"}),
    ],
)
def test_every_key_narrows(scope: Mapping[str, Sequence[str]], expected: set[str]) -> None:
    """An account has to fit each key; ids, merged ids and whole names are read as people write them."""
    assert inside(**scope) == expected


@pytest.mark.parametrize(
    ("scope", "at", "said", "cure"),
    [
        ({"accounts": ["Alderr"]}, "accounts/0", "no account in the CRM is called 'Alderr'", "did you mean Alder?"),
        ({"accounts": ["1", "Cedar"]}, "accounts/1", "2 accounts in the CRM are called 'Cedar'", "3, 4"),
        ({"owners": ["anna@example.com"]}, "owners/0", "number 1", "did you mean the e-mail of owner u1?"),
        ({"owners": ["gone@example.com"]}, "owners/0", "is not active", "name who has these accounts now"),
        ({"segments": ["small"]}, "segments/0", "of the segment 'small'", "known: enterprise, mid, smb"),
        ({"owners": ["luc@example.com"], "segments": ["smb"]}, "scope", "owners 1, segments 2", "fit all of them"),
    ],
)
def test_who_fits_nobody_is_told(scope: Mapping[str, Sequence[str]], at: str, said: str, cure: str) -> None:
    """Each name that fits nobody, or several, has its line and what was probably meant."""
    with pytest.raises(ConfigError) as wrong:
        bounds(rules(**scope), world(), SEGMENTS)

    (problem,) = wrong.value.problems
    assert (problem.at or "").endswith(at)
    assert said in problem.message
    assert cure in (problem.hint or "")


def test_every_misfit_is_told_at_once() -> None:
    """Three mistakes are three problems."""
    with pytest.raises(ConfigError) as wrong:
        bounds(rules(accounts=["x"], owners=["y@example.com"], segments=["z"]), world(), SEGMENTS)

    assert len(wrong.value.problems) == 3


def test_where_segments_are_not_known_nobody_is_let_in_by_one() -> None:
    """A job that does not ask billing, before any sync told it: caution, not an error."""
    within = bounds(rules(segments=["smb"]), world(), None)

    assert all("before the next `connector sync`" in within.outside(id) for id in NAMES)


def test_an_account_the_crm_does_not_have_is_outside() -> None:
    """What was deleted in the CRM gets nothing while the scope is limited; a merged account is its survivor."""
    within = bounds(rules(accounts=["1"]), world(), SEGMENTS)

    assert within.outside("77") == "the CRM has no such account"
    assert within.outside("9") == ""
    assert within.told == {"accounts": 1, "of": 4, "in_billing": 1}


def test_gates_reviews_and_waiting_entries_learn_who_is_outside() -> None:
    """The gates see the reason, a review is held once an account, what waits is held once a record."""
    within = Bounds(True, {"1": "", "2": "not one of `scope.accounts`"})
    change = Change("task:k", "update", RecordType.TASK, "k", "2", "Call Birch", "")
    link = Link("account", "companies", Ref(RecordType.ACCOUNT, id="2"))
    entries: list[OutboxEntry] = [
        entry_of(change, "hubspot:1", "r1", "sync", 0),
        entry_of(replace(change, id="task:k/link", action="associate", links=(link,)), "hubspot:1", "r1", "sync", 1),
        entry_of(replace(change, id="task:j", key="j", account_id="1"), "hubspot:1", "r1", "sync", 2),
    ]

    seen = limited(Crm({}, {id: CrmContext(id) for id in "12"}), within).contexts
    due, held = reviews_within([ReviewIntent(id, (), NOW.date(), NOW.date(), 0, None) for id in "1222"], within)
    left = waiting_outside(entries, within, ())

    assert {id: one.outside for id, one in seen.items()} == {"1": "", "2": "not one of `scope.accounts`"}
    assert [one.account_id for one in due] == ["1"]
    assert [(one.account_id, one.subject, one.reason) for one in held] == [("2", "business_review", "out_of_scope")]
    assert [(one.key, one.action, one.why) for one in left] == [("k", "held", Why.OUT_OF_SCOPE)]
    assert waiting_outside(entries, within, {"k"}) == []
