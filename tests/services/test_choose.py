"""From scores to intents: rank, caps, one customer with several billing accounts, and every "no" with its reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from connector.domain.features import EventFeatures, Holding
from connector.domain.intent import Held
from connector.domain.money import Money
from connector.domain.occupied import Crm, CrmContext, OpenEpisode, UndoneNeed
from connector.domain.policy import Caps, Minimum
from tests.services.choosing import (
    DATA_TO,
    POLICY,
    TODAY,
    customer,
    linked,
    reasons,
    run,
    score,
    used,
)


def test_best_value_first_and_ties_by_account_and_offer() -> None:
    """Rank is by p × ΔMRR, then by id, whatever order the scores come in."""
    accounts = [customer(id) for id in "abc"]
    scores = [score("c", "mobile", 5_000), score("b", "analytics", 9_000), score("a", "mobile", 5_000)]

    one, other = run(accounts, scores, linked(*"abc")), run(accounts[::-1], scores[::-1], linked(*"abc"))

    assert [intent.account_id for intent in one.intents] == ["c-b", "c-a", "c-c"]
    assert one == other


def test_every_no_has_its_reason_and_silence_is_told_once() -> None:
    """Scored pairs that are not proposed are held one by one; an account without a score once."""
    accounts = [
        customer("a"),
        customer("b", is_test=True),
        customer("c"),
        customer("d"),
        customer("e", subscribed=False),
    ]
    scores = [
        score("a", "analytics", 9_000),
        score("a", "mobile", 5_000),
        score("b", "mobile", 1),
        score("d", "mobile", 7),
    ]
    crm = replace(linked("a", "b", "c", "e"), ambiguous=frozenset({"d"}))

    chosen = run(accounts, scores, crm)

    assert [intent.offer for intent in chosen.intents] == ["analytics"]
    assert reasons(chosen) == {
        ("c-a", "mobile"): "account_cap",
        ("b", "mobile"): "test_account",
        ("d", "mobile"): "ambiguous",
        ("c-c", "account"): "no_signal",
        ("c-e", "account"): "no_signal",
    }
    assert next(one for one in chosen.held if one.account_id == "c-e").detail == "no running subscription"
    assert all(isinstance(one, Held) and one.detail for one in chosen.held)


def test_silence_is_told_as_it_is() -> None:
    """No subscription, no usage ever, none for more than a week, or use that points to nothing."""
    accounts = [customer("a", subscribed=False), *map(customer, "bcd")]
    last = {"c": TODAY - timedelta(days=8), "d": TODAY - timedelta(days=7)}

    held = run(accounts, [], linked(*"abcd"), metrics={id: {"documents": used(id, on)} for id, on in last.items()}).held

    assert {one.account_id: one.detail for one in held} == {
        "c-a": "no running subscription",
        "c-b": "no usage was ever told",
        "c-c": "no usage since 2026-11-12",
        "c-d": "nothing it does points to an offer",
    }


def test_who_nobody_owns_takes_nobodys_place() -> None:
    """A customer without an active owner is held before the caps are asked, and the next one is proposed."""
    caps = Caps(per_account_week=1)
    scores = [score("a", "analytics", 9_000), score("b", "analytics", 5_000)]
    crm = linked("a", "b", a={"owner_active": False})

    chosen = run([customer("a"), customer("b")], scores, crm, replace(POLICY, caps=caps))

    assert [intent.account_id for intent in chosen.intents] == ["c-b"]
    assert reasons(chosen) == {("c-a", "analytics"): "no_owner"}


def test_the_day_is_the_one_where_people_work() -> None:
    """Friday evening in UTC is Saturday in Auckland: dates count from there."""
    (intent,) = run([customer("a")], [score("a", "analytics", 9_000)], linked("a"), today=date(2026, 11, 22)).intents

    assert intent.moment.on == date(2026, 12, 22)


def test_billing_accounts_of_one_customer_are_judged_together() -> None:
    """The best evidence speaks, what one of them owns is owned, and both are named."""
    owner = customer("a")
    owner = replace(owner, holdings={**owner.holdings, "mobile": Holding("mobile", 1, 4_900, 4_900, "EUR", DATA_TO)})
    scores = [score("a", "analytics", 2_000), score("b", "analytics", 8_000), score("b", "mobile", 9_000)]
    crm = Crm({"a": "c1", "b": "c1"}, {"c1": CrmContext("c1")})

    chosen = run([owner, customer("b")], scores, crm)

    (intent,) = chosen.intents
    assert (intent.account_id, intent.offer, intent.value, intent.billing_ids) == ("c1", "analytics", 8_000, ("b", "a"))
    assert reasons(chosen) == {("c1", "mobile"): "already_owned"}


@pytest.mark.parametrize(("closed_days_ago", "why"), [(None, "quote_open"), (20, "quote_open"), (10, None), (1, None)])
def test_d17_a_quote_is_open_until_it_is_closed(closed_days_ago: int | None, why: str | None) -> None:
    """D17: sent ten days ago to any billing account of the customer; what was closed since holds nothing."""
    told = [EventFeatures("b", "quote_sent", "analytics", 1, 1, TODAY - timedelta(days=10))]
    if closed_days_ago is not None:
        on = TODAY - timedelta(days=closed_days_ago)
        told.append(EventFeatures("b", "quote_closed", "analytics", 1, 1, on))
    crm = Crm({"a": "c1", "b": "c1"}, {"c1": CrmContext("c1")})

    chosen = run([customer("a"), customer("b")], [score("a", "analytics", 9_000)], crm, events={"b": told})

    assert reasons(chosen).get(("c1", "analytics")) == why


def test_d17_one_offer_per_need() -> None:
    """D17: Two offers for one need: the better one is proposed, the other told so."""
    caps = Caps(per_account=9, per_account_week=9)
    catalogue_need = [score("a", "enterprise", 9_000), score("a", "premium_support", 5_000)]
    same_need = [catalogue_need[0], replace(catalogue_need[1], need="higher_plan")]

    assert len(run([customer("a")], catalogue_need, linked("a"), replace(POLICY, caps=caps)).intents) == 2
    chosen = run([customer("a")], same_need, linked("a"), replace(POLICY, caps=caps))
    assert reasons(chosen) == {("c-a", "premium_support"): "better_offer"}


def test_d17_what_this_run_proposes_counts_for_the_rest_of_it() -> None:
    """D17: An owner's sixth proposal of the week waits, and it is the one of least value."""
    ids = "abcdef"
    scores = [score(id, "analytics", 1_000 * at) for at, id in enumerate(ids, 2)]
    crm = linked(*ids, **{id: {"owner_id": "o1"} for id in ids})

    chosen = run([customer(id) for id in ids], scores, crm)

    assert [intent.account_id for intent in chosen.intents] == ["c-f", "c-e", "c-d", "c-c", "c-b"]
    assert reasons(chosen) == {("c-a", "analytics"): "owner_cap"}


def test_d17_what_was_proposed_this_week_counts() -> None:
    """D17: Four of an owner's proposals opened on Monday leave room for one; those of last week leave room for all."""
    ids = "ab"
    scores = [score("a", "analytics", 2_000), score("b", "analytics", 3_000)]
    monday, before = TODAY - timedelta(days=4), TODAY - timedelta(days=8)

    def held(opened: date) -> dict[tuple[str, str], str]:
        crm = linked(*ids, a={"owner_id": "o1"}, b={"owner_id": "o1"})
        busy = tuple(OpenEpisode(f"need{i}", opened) for i in range(4))
        contexts = {**crm.contexts, "c-z": CrmContext("c-z", owner_id="o1", open_episodes=busy)}
        return reasons(run([customer(id) for id in ids], scores, replace(crm, contexts=contexts)))

    assert held(monday) == {("c-a", "analytics"): "owner_cap"}
    assert held(before) == {}


@pytest.mark.parametrize(
    ("days", "caps", "why"),
    [
        (1, Caps(per_account=9, per_account_week=1), "account_cap"),
        (6, Caps(per_account=9, per_account_week=1), "account_cap"),
        (7, Caps(per_account=9, per_account_week=1), None),
        (90, Caps(per_account=1, per_account_week=1), "account_cap"),
        (90, Caps(per_account=2, per_account_week=1), None),
        (6, Caps(per_account=9, per_account_week=9, per_owner_week=1), "owner_cap"),
        (7, Caps(per_account=9, per_account_week=9, per_owner_week=1), None),
    ],
)
def test_nothing_is_proposed_in_the_place_of_what_was_undone(days: int, caps: Caps, why: str | None) -> None:
    """Until it is released it counts where it counted before: on its account, in its week, for its owner."""
    proposed = TODAY - timedelta(days=days)
    undone = UndoneNeed("reporting", "bad-run", "Ana", TODAY, proposed)
    crm, policy = linked("a", a={"undone": (undone,), "owner_id": "o1"}), replace(POLICY, caps=caps)
    released = linked("a", a={"owner_id": "o1"})

    chosen = run([customer("a")], [score("a", "mobile", 5_000)], crm, policy)

    assert reasons(chosen) == ({("c-a", "mobile"): why} if why else {})
    assert all("`connector undo bad-run --release` frees its place" in one.detail for one in chosen.held)
    assert run([customer("a")], [score("a", "mobile", 5_000)], released, policy).intents


def test_an_undone_proposal_that_is_no_reason_is_not_named() -> None:
    """A week that is full without it says nothing of an undo of long ago: to release that would free nothing."""
    undone = UndoneNeed("reporting", "bad-run", "Ana", TODAY, TODAY - timedelta(days=30))
    ours = OpenEpisode("signing", TODAY - timedelta(days=1))
    caps = Caps(per_account=9, per_account_week=1)

    crm = linked("a", a={"undone": (undone,), "open_episodes": (ours,)})
    (held,) = run([customer("a")], [score("a", "mobile", 5_000)], crm, replace(POLICY, caps=caps)).held

    assert held.detail == "1 new on this account within seven days"


def test_d17_an_open_proposal_is_refreshed_and_takes_no_new_room() -> None:
    """D17: Our own open need goes on beside one new proposal."""
    ours = OpenEpisode("reporting", TODAY - timedelta(days=40), "analytics", "consult")
    scores = [score("a", "analytics", 9_000), score("a", "mobile", 5_000)]

    chosen = run([customer("a")], scores, linked("a", a={"open_episodes": (ours,)}))

    assert [intent.offer for intent in chosen.intents] == ["analytics", "mobile"]


@pytest.mark.parametrize(("p", "value", "as_task"), [(0.15, 1_500, False), (0.14, 9_000, True), (0.5, 1_499, True)])
def test_d19_too_small_for_an_opportunity_is_a_task(p: float, value: int, as_task: bool) -> None:
    """D19: Below the smallest probability or value a proposal is a task."""
    policy = replace(POLICY, opportunity_min=Minimum(p=0.15, value=1_500))

    (intent,) = run([customer("a")], [score("a", "analytics", value, p)], linked("a"), policy).intents

    assert intent.as_task is as_task


def test_d2_an_intent_says_its_lever_and_carries_its_whole_score() -> None:
    """D2: Kind, lever, quantity, money, evidence and the date of the data travel with the intent."""
    (intent,) = run([customer("a")], [score("a", "analytics", 9_000)], linked("a")).intents

    assert (intent.kind, intent.lever, intent.need, intent.play) == ("cross_sell", "scope", "reporting", "negotiation")
    assert (intent.quantity, intent.delta_mrr, intent.data_to) == (1, Money(9_900, "EUR"), DATA_TO)
    assert (intent.p, intent.base, intent.contributions[0].evidence["fr"]) == (0.4, -3.5, "un signe")


def test_beyond_the_days_number_the_lowest_valued_wait_for_tomorrow() -> None:
    """`max_new_per_day` counts what was opened today and what this run adds; what is open already goes on."""
    accounts = [customer(id) for id in "abcde"]
    scores = [score(id, "analytics", value) for id, value in zip("abcde", (9, 8, 7, 6, 5), strict=True)]
    opened = OpenEpisode("reporting", TODAY, "analytics")
    crm = linked(*"abcde", e={"open_episodes": (opened,)})
    policy = replace(POLICY, caps=replace(POLICY.caps, max_new_per_day=3))

    chosen = run(accounts, scores, crm, policy)

    assert [intent.account_id for intent in chosen.intents] == ["c-a", "c-b", "c-e"]
    assert reasons(chosen) == {("c-c", "analytics"): "day_cap", ("c-d", "analytics"): "day_cap"}


def test_yesterdays_proposals_leave_todays_number_alone() -> None:
    """Tomorrow the ones that waited are let in; without a number there is no limit, and 0 opens nothing."""
    accounts = [customer(id) for id in "abc"]
    scores = [score(id, "analytics", value) for id, value in zip("abc", (9, 8, 7), strict=True)]
    opened = OpenEpisode("reporting", TODAY - timedelta(days=1), "analytics")
    crm = linked(*"abc", a={"open_episodes": (opened,)})

    def let_in(most: int | None) -> list[str]:
        policy = replace(POLICY, caps=replace(POLICY.caps, max_new_per_day=most))
        return [intent.account_id for intent in run(accounts, scores, crm, policy).intents]

    assert let_in(1) == ["c-a", "c-b"]
    assert let_in(0) == ["c-a"]
    assert let_in(None) == ["c-a", "c-b", "c-c"]
