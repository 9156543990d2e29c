"""What the holdout shows: each account for so many days from its own draw, labelled by billing; what it could find."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from connector.compute.holdout import detectable
from connector.compute.propensity_rows import Owned, adopted_anything
from connector.domain.account import CrmAccount
from connector.domain.holdout import Arm, Assignment
from connector.domain.occupied import Crm, CrmContext
from connector.services.facts import Facts, Rules
from connector.services.holdout_report import EPOCH, Span, findable, offers, results
from connector.services.measure import Measured
from connector.services.propensity_history import FAR
from tests.services.choosing import CATALOGUE, POLICY, customer

NOW = datetime(2026, 9, 30, tzinfo=UTC)
DAY = (date(2026, 6, 1) - EPOCH).days
AT = datetime(2026, 6, 1, tzinfo=UTC)
PRO = Owned("pro", DAY - 400, FAR, 10)


def bought(*owned: Owned) -> bool:
    return adopted_anything(owned, DAY, DAY + 90, CATALOGUE)


@pytest.mark.parametrize(
    ("owned", "is_more"),
    [
        ((PRO,), False),
        ((PRO, Owned("analytics", DAY + 90, FAR, 1)), True),
        ((PRO, Owned("analytics", DAY + 91, FAR, 1)), False),
        ((PRO, Owned("analytics", DAY, FAR, 1)), False),
        ((PRO, Owned("analytics", DAY - 9, DAY + 30, 1), Owned("analytics", DAY + 30, FAR, 1)), False),
        ((Owned("pro", DAY - 400, DAY + 30, 10), Owned("pro", DAY + 30, FAR, 12)), True),
        ((Owned("pro", DAY - 400, DAY + 30, 10), Owned("pro", DAY + 30, FAR, 10)), False),
        ((Owned("pro", DAY - 400, DAY + 30, 10), Owned("enterprise", DAY + 30, FAR, 10)), True),
        ((Owned("pro", DAY - 400, DAY + 30, 10), Owned("starter", DAY + 30, FAR, 10)), False),
        ((PRO, Owned("training", DAY + 5, FAR, 1)), False),
        ((), False),
    ],
    ids=[
        "nothing new",
        "a module on the last day",
        "a day too late",
        "on the day of the draw",
        "a renewed one",
        "more seats",
        "as many seats anew",
        "a higher plan",
        "a lower plan",
        "a one-off service",
        "nothing at all",
    ],
)
def test_who_bought_more(owned: tuple[Owned, ...], is_more: bool) -> None:
    """An offer it did not have, a higher plan or more of something, within the days after the draw."""
    assert bought(*owned) is is_more


def assigned(id: str, arm: Arm, at: datetime = AT, parent: str | None = None) -> Assignment:
    return Assignment(id, "s", parent or id, "", 0.2, arm, "run", at)


def told(assignments: list[Assignment], adopters: set[str], **more: Any) -> dict[str, Any]:
    history = {one.billing_id: [PRO] for one in assignments}
    history |= {id: [PRO, Owned("analytics", DAY + 30, FAR, 1)] for id in adopters}
    return results(assignments, history, CATALOGUE, replace(Span(NOW, 90), **more))


def arms(held_out: int, proposed: int) -> list[Assignment]:
    return [assigned(f"h{n}", Arm.HELD_OUT) for n in range(held_out)] + [
        assigned(f"p{n}", Arm.PROPOSED) for n in range(proposed)
    ]


def test_arms_are_compared_as_they_were_drawn() -> None:
    """Both arms with their denominators, the difference with its interval, and the verdict."""
    adopters = {f"h{n}" for n in range(40)} | {f"p{n}" for n in range(320)}

    made = told(arms(400, 1600), adopters)

    assert made["arms"]["held_out"] == {"drawn": 400, "accounts": 400, "groups": 400, "adopted": 40, "share": 0.1}
    assert made["arms"]["proposed"] == {"drawn": 1600, "accounts": 1600, "groups": 1600, "adopted": 320, "share": 0.2}
    assert made["effect"]["difference"] == pytest.approx(0.1)
    assert 0 < made["effect"]["low"] < 0.1 < made["effect"]["high"]
    assert made["verdict"] == "measured"


def test_only_accounts_whose_days_are_over_count() -> None:
    """Who was drawn later waits, whether it bought or not; with another span more are over."""
    late = [replace(one, billing_id=f"late-{one.billing_id}", at=AT + timedelta(days=60)) for one in arms(10, 10)]

    made = told([*arms(20, 20), *late], {"late-h1", "late-p1", "p1"})
    longer = told([*arms(20, 20), *late], {"p1"}, days=40)

    assert (made["arms"]["held_out"]["drawn"], made["arms"]["held_out"]["accounts"]) == (30, 20)
    assert made["arms"]["held_out"]["adopted"] == 0
    assert longer["arms"]["held_out"]["accounts"] == 30


def test_before_the_first_days_are_over_the_day_is_told() -> None:
    """Too early: nothing is compared, and from when on something may be."""
    young = [replace(one, at=NOW - timedelta(days=10)) for one in arms(5, 5)]

    made = told(young, set())

    assert (made["verdict"], made["effect"]) == ("too_early", None)
    assert made["arms"]["held_out"]["share"] is None
    assert made["first_result_on"] == "2026-12-19"


def test_days_after_the_end_of_a_holdout_do_not_count() -> None:
    """Over: nobody is looked at beyond its end; whose days were not over by then never counts."""
    ended, span = AT + timedelta(days=95), Span(NOW, 90)
    late = [replace(one, at=AT + timedelta(days=20)) for one in arms(5, 5)]

    assert span.until(None) == span.until(NOW + timedelta(days=1)) == span
    assert span.until(ended) == Span(ended, 90)
    assert told(late, set())["arms"]["held_out"]["accounts"] == 5
    assert told(late, set(), now=ended)["arms"]["held_out"]["accounts"] == 0


def test_companies_of_a_group_are_counted_as_one_group() -> None:
    """Four companies that do the same are no four witnesses: the interval is about twice as wide."""
    alone = arms(400, 1600)
    grouped = [replace(one, parent=f"{one.billing_id[0]}{int(one.billing_id[1:]) // 4}") for one in alone]
    adopters = {f"h{n}" for n in range(40)} | {f"p{n}" for n in range(160)}

    one, other = told(alone, adopters), told(grouped, adopters)

    assert other["arms"]["held_out"]["groups"] == 100
    assert other["effect"]["difference"] == one["effect"]["difference"]
    wide, narrow = (made["effect"]["high"] - made["effect"]["low"] for made in (other, one))
    assert wide / narrow == pytest.approx(2, rel=0.05)


def facts(count: int, outside: int = 0) -> Facts:
    """Customers `b0…` linked to `c0…`; the last ones lie outside the scope."""
    accounts = {f"b{n}": customer(f"b{n}") for n in range(count)}
    contexts = {f"c{n}": CrmContext(f"c{n}", outside="out" if n >= count - outside else "") for n in range(count)}
    rules = Rules(CATALOGUE, None, POLICY, None)  # type: ignore[arg-type]
    measured = Measured(NOW, accounts, {}, {}, [], (), NOW.date())
    crm = Crm({id: f"c{id[1:]}" for id in accounts}, contexts)
    return Facts("r", "hubspot:1", "", NOW, NOW.date(), rules, measured, crm, {}, {})


def test_what_a_holdout_could_find_is_told_for_the_customers_there_are() -> None:
    """Eligible customers only, what they bought in the last days, and the smallest rise for each share on offer."""
    day = (NOW.date() - EPOCH).days
    history = {f"b{n}": [Owned("pro", 0, FAR, 10), Owned("analytics", day - 30, FAR, 1)] for n in range(50)}
    here = {f"c{n}": CrmAccount(f"c{n}", "x", parent_id="c900" if n == 901 else None) for n in range(1010)}

    made = offers(facts(1010, outside=10), here, {}, history, Span(NOW, 90))

    assert (made["accounts"], made["groups"], made["base"]) == (1000, 999, 0.05)
    first, second = made["offers"]
    assert (first["share"], first["held_out"], first["proposed"]) == (0.1, 100, 900)
    assert first["detectable"] == pytest.approx(detectable(100, 900, 0.05), rel=0.02)
    assert second["detectable"] < first["detectable"]
    assert (first["is_enough"], second["is_enough"]) == (False, False)
    assert findable(3000, 0.2, 0.05)["is_enough"]


def test_without_adoption_nothing_can_be_said() -> None:
    """No base, no smallest rise; nobody eligible, no base."""
    none = findable(1000, 0.1, 0.0)
    assert (none["detectable"], none["is_enough"]) == (None, False)
    nobody = offers(facts(0), {}, {}, {}, Span(NOW, 90))
    assert (nobody["accounts"], nobody["base"]) == (0, None)
