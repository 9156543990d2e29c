"""Who is held out: drawn once at first sight, by group, kept whatever happens, and never by whoever is not eligible."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connector.adapters.ledger import Ledger
from connector.config.project import load_project
from connector.config.settings import shipped
from connector.domain.account import CrmAccount
from connector.domain.errors import ConfigError
from connector.domain.features import AccountFeatures
from connector.domain.holdout import Arm, Assignment, drawn
from connector.domain.link import LinkDecision, LinkMethod, LinkState
from connector.domain.occupied import Crm, CrmContext
from connector.domain.policy import Holdout
from connector.domain.project import Project
from connector.services.holdout import NOBODY, Drawn, by_lot, hold_out, last_of, with_arms
from connector.services.measure import Measured
from connector.services.memory import Memory
from connector.services.scope import EVERYBODY, Bounds
from connector.services.world import World
from tests.adapters.ledger.filled_ledger import fresh_file
from tests.services.choosing import customer, linked, reasons, run, score

SHIPPED = load_project(shipped(), ["stripe"], "hubspot")
NOW = datetime(2026, 9, 30, tzinfo=UTC)
LOT = Holdout(share=0.2, salt="autumn")
IDS = [f"{n:02}" for n in range(60)]


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Memory]:
    """A ledger of its own."""
    with Ledger(fresh_file(tmp_path)) as ledger:
        yield Memory(**{part.name: getattr(ledger, part.name) for part in fields(Memory)})


def rules(holdout: Holdout | None = LOT, **policy: Any) -> Project:
    return replace(SHIPPED, policy=replace(SHIPPED.policy, holdout=holdout, **policy), at=_place)


def _place(document: str, *loc: str | int) -> str:
    return f"{document}:{'/'.join(map(str, loc))}"


def world(parents: Mapping[str, str] | None = None, links: Mapping[str, str] | None = None) -> World:
    """A CRM account for each customer, `c` before its id, each its own parent unless told otherwise."""
    assert SHIPPED.mapping is not None
    links = {f"b{id}": f"c{id}" for id in IDS} if links is None else links
    accounts = {id: CrmAccount(id, id, parent_id=(parents or {}).get(id)) for id in links.values()}
    accounts |= {id: CrmAccount(id, id) for id in (parents or {}).values() if id not in accounts}
    decided = [LinkDecision(id, LinkState.LINKED, NOW, crm_id, LinkMethod.ID) for id, crm_id in links.items()]
    return World(
        mapping=SHIPPED.mapping,
        accounts=accounts,
        contacts={},
        owners={},
        stages=(),
        opportunities=(),
        tasks=(),
        entries={},
        links=tuple(decided),
        episodes=(),
        known={},
    )


def measured(*accounts: AccountFeatures, on: datetime = NOW) -> Measured:
    told = accounts or tuple(customer(f"b{id}", segment="smb") for id in IDS)
    return Measured(on, {one.account_id: one for one in told}, {}, {}, [], (), on.date())


def day(
    memory: Memory, here: World, told: Measured, project: Project | None = None, within: Bounds = EVERYBODY
) -> Drawn:
    return hold_out(memory, project or rules(), here, told, within, f"run-{told.as_of:%d}", keeps=True)


def held(made: Drawn) -> set[str]:
    return {id for id, arm in made.arms.items() if arm is Arm.HELD_OUT}


def test_without_a_holdout_nobody_is_drawn(memory: Memory) -> None:
    """Off until it is chosen: no arm, no row, no note."""
    assert day(memory, world(), measured(), rules(None)) == NOBODY
    assert memory.arms.all("autumn") == {}
    assert memory.notes.named("holdout") == {}
    assert SHIPPED.policy.holdout is None


def test_everybody_eligible_gets_the_arm_of_the_lot(memory: Memory) -> None:
    """The arm is the lot's for salt, parent and segment; what it was drawn from is kept, so it can be drawn again."""
    made = day(memory, world(), measured())

    kept = memory.arms.all("autumn")
    assert len(kept) == len(made.arms) == len(IDS)
    assert 0 < len(held(made)) < len(IDS) / 2
    for id, one in kept.items():
        assert one == Assignment(id, "autumn", f"c{id[1:]}", "smb", 0.2, made.arms[one.parent], "run-30", NOW)
        assert one.arm is drawn(one.salt, one.parent, one.stratum, one.share)


def test_an_arm_stands_whatever_happens_to_the_customer(memory: Memory) -> None:
    """Another segment, another size, another parent, a pause without revenue: a drawn customer keeps its arm."""
    first = day(memory, world(), measured())
    before = memory.arms.all("autumn")
    groups = {f"c{id}": "c00" for id in IDS[1:]}
    other = [customer(f"b{id}", segment="enterprise", mrr_minor=0 if id == "07" else 1) for id in IDS]

    later = day(memory, world(groups), measured(*other, on=NOW + timedelta(days=9)))

    assert later.arms == first.arms
    assert later.new == []
    assert memory.arms.all("autumn") == before


def test_a_new_customer_is_drawn_when_it_is_first_seen(memory: Memory) -> None:
    """It counts from its own day on; the others are as they were."""
    few = {f"b{id}": f"c{id}" for id in IDS[:40]}
    first = day(memory, world(links=few), measured(*(customer(f"b{id}") for id in IDS[:40])))
    on = NOW + timedelta(days=1)

    later = day(memory, world(), measured(*(customer(f"b{id}") for id in IDS), on=on))

    assert {one.billing_id for one in later.new} == {f"b{id}" for id in IDS[40:]}
    assert {one.at for one in later.new} == {on}
    assert {id: later.arms[id] for id in first.arms} == first.arms
    assert held(later) - held(first)


def test_companies_of_one_group_share_an_arm(memory: Memory) -> None:
    """The lot falls on the ultimate parent: subsidiaries, their subsidiaries, and billing accounts of one company."""
    parents = {"c01": "top", "c02": "c01", "c03": "top"}
    links = {"b01": "c01", "b02": "c02", "b03": "c03", "b03-eu": "c03"}
    made = day(memory, world(parents, links), measured(*map(customer, links)))

    assert len(set(made.arms.values())) == 1
    kept = memory.arms.all("autumn")
    assert {one.parent for one in kept.values()} == {"top"}
    assert set(kept) == set(links)


def test_who_joins_a_group_gets_its_arm_and_who_was_drawn_before_keeps_its_own(memory: Memory) -> None:
    """A new company of a drawn group takes the group's lot; one that was bought later stays what it was."""
    first = day(memory, world(), measured())
    out, free = min(held(first)), min(set(first.arms) - held(first))
    links = {f"b{id}": f"c{id}" for id in IDS} | {"new-1": "n1", "new-2": "n2"}
    parents = {"n1": out, "n2": free, free: out}
    everybody = [*(customer(f"b{id}") for id in IDS), customer("new-1"), customer("new-2")]

    later = day(memory, world(parents, links), measured(*everybody, on=NOW + timedelta(days=1)))

    assert later.arms[free] is Arm.PROPOSED
    assert later.arms["n1"] is later.arms["n2"] is first.arms[min((out, free))]
    assert {one.billing_id for one in later.new} == {"new-1", "new-2"}


def test_a_new_company_gets_its_groups_arm_where_the_lot_would_fall_otherwise_by_now(memory: Memory) -> None:
    """The group's segment is another since a larger company joined: the arm is the one that was drawn before."""
    first = day(memory, world(), measured())
    out = min(held(first))
    other = next(name for name in map(str, range(99)) if drawn("autumn", out, name, 0.2) is Arm.PROPOSED)
    links = {f"b{id}": f"c{id}" for id in IDS} | {"new": "n"}
    everybody = [*(customer(f"b{id}") for id in IDS), customer("new", mrr_minor=10**7, segment=other)]
    on = NOW + timedelta(days=1)

    later = day(memory, world({"n": out}, links), measured(*everybody, on=on))

    (new,) = later.new
    assert (later.arms["n"], new.arm, new.parent, new.stratum) == (Arm.HELD_OUT, Arm.HELD_OUT, out, "smb")
    assert (new.at, new.run_id) == (on, f"run-{on:%d}")


def test_the_same_customer_has_the_same_arm_in_another_crm(memory: Memory) -> None:
    """Two CRMs name it differently; what was drawn first holds in both."""
    first = day(memory, world(), measured())
    links = {f"b{id}": f"hub-{id}" for id in IDS}

    second = day(memory, world(links=links), measured(on=NOW + timedelta(days=1)))

    assert {id.removeprefix("hub-"): arm for id, arm in second.arms.items()} == {
        id.removeprefix("c"): arm for id, arm in first.arms.items()
    }
    assert second.new == []


@pytest.mark.parametrize(
    ("account", "policy", "is_drawn"),
    [
        ({}, {}, True),
        ({"is_test": True}, {}, False),
        ({"mrr_minor": 0}, {}, False),
        ({"mrr_minor": 0}, {"paying_only": False}, True),
        ({"days_overdue": 90, "overdue_invoices": 3, "nps": 0.0}, {}, True),
    ],
    ids=["a customer", "a test account", "pays nothing", "pays nothing and may", "not well today"],
)
def test_who_is_eligible(memory: Memory, account: dict[str, Any], policy: dict[str, Any], is_drawn: bool) -> None:
    """Whoever could ever be proposed something; how it is today has no part in it."""
    here = world(links={"b01": "c01"})

    made = day(memory, here, measured(customer("b01", **account)), rules(**policy))

    assert bool(made.arms) is is_drawn


def test_outside_the_scope_nobody_is_drawn_until_it_lets_them_in(memory: Memory) -> None:
    """A pilot draws among its own accounts alone."""
    links = {"b01": "c01", "b02": "c02"}
    told = measured(customer("b01"), customer("b02"))

    narrow = day(memory, world(links=links), told, within=Bounds(True, {"c01": "", "c02": "not one of them"}))
    wide = day(memory, world(links=links), told)

    assert set(narrow.arms) == {"c01"}
    assert set(wide.arms) == {"c01", "c02"}


def test_a_run_that_only_plans_draws_the_same_and_keeps_nothing(memory: Memory) -> None:
    """No row, no note; and what the next run keeps is what was shown."""
    shown = hold_out(memory, rules(), world(), measured(), EVERYBODY, "plan", keeps=False)

    assert memory.arms.all("autumn") == {}
    assert memory.notes.named("holdout") == {}
    assert day(memory, world(), measured()).arms == shown.arms == by_lot(rules(), world(), measured()).arms
    assert by_lot(rules(None), world(), measured()) == NOBODY


def test_another_share_of_a_holdout_that_began_is_refused(memory: Memory) -> None:
    """Its place in the file, what it was drawn with, and both ways out; another salt draws anew."""
    first = day(memory, world(), measured())

    with pytest.raises(ConfigError) as wrong:
        day(memory, world(), measured(), rules(Holdout(share=0.1, salt="autumn")))
    anew = day(memory, world(), measured(), rules(Holdout(share=0.1, salt="winter")))

    (problem,) = wrong.value.problems
    assert problem.at == "playbooks/policy.yaml:holdout/share"
    assert "0.2" in problem.message
    assert "another salt" in (problem.hint or "")
    assert held(anew) != held(first)


def test_when_it_was_on_is_noted(memory: Memory) -> None:
    """On, on, off, on again, another one: each beginning and end once; the newest is told when none is chosen."""
    winter = rules(Holdout(share=0.2, salt="winter"))
    for n, project in enumerate((rules(), rules(), rules(None), rules(None), rules(), winter)):
        day(memory, world(), measured(on=NOW + timedelta(days=n)), project)

    days = [(NOW + timedelta(days=n)).isoformat() for n in range(6)]
    told = last_of(memory.notes, LOT)
    assert told is not None
    assert told.times == [[days[0], days[2]], [days[4], days[5]]]
    assert not told.is_on
    newest = last_of(memory.notes, None)
    assert newest is not None
    assert (newest.salt, newest.is_on) == ("winter", True)
    begun = last_of(memory.notes, Holdout(share=0.1, salt="spring"))
    assert begun is not None
    assert begun.is_on


def test_the_gates_hold_what_nothing_else_holds() -> None:
    """Whoever is held out takes nobody's place; another reason comes first; turned off, it is free."""
    accounts = [customer("a"), customer("b"), customer("c")]
    scores = [score("a", "analytics", 900), score("a", "automation", 10, p=0.01), score("b", "analytics", 800)]
    crm = with_arms(linked("a", "b", "c", a={"owner_id": "o"}, b={"owner_id": "o"}), Drawn({"c-a": Arm.HELD_OUT}))
    policy = rules(caps=replace(SHIPPED.policy.caps, per_owner_week=1)).policy

    on, off = run(accounts, scores, crm, policy), run(accounts, scores, crm, replace(policy, holdout=None))

    assert [one.account_id for one in on.intents] == ["c-b"]
    assert reasons(on)["c-a", "analytics"] == "held_out"
    assert reasons(on)["c-a", "automation"] == "use_too_low"
    assert [one.account_id for one in off.intents] == ["c-a"]
    assert reasons(off)["c-b", "analytics"] == "owner_cap"


def test_an_arm_reaches_the_gates_only_where_one_was_drawn() -> None:
    """Without a holdout the CRM's side is the same object; with one each context knows its arm."""
    side = Crm({}, {"1": CrmContext("1"), "2": CrmContext("2")})

    told = with_arms(side, Drawn({"1": Arm.HELD_OUT}))

    assert with_arms(side, NOBODY) is side
    assert {id: one.arm for id, one in told.contexts.items()} == {"1": Arm.HELD_OUT, "2": None}
