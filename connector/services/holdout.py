"""Who is held out: drawn at first sight, before anything is scored, and kept for good.

Eligible is who could be proposed something at all: a customer that the CRM knows, that pays something recurring, and
that the policy's scope lets in. Its health or what it uses has no part in it: those change, and an arm does not. The
lot falls on the ultimate parent in the CRM, because companies of one group talk to each other; a company that joins a
group later keeps what it had. Arms are kept by billing account, so that they are the same in every CRM.

A run that only plans, or works in shadow, draws and keeps nothing: the same salt gives the same arms. What is kept is
what was drawn, from what, by which run and when, so that it can be proven and outcomes be counted from that day on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from connector.domain.account import CrmAccount
from connector.domain.errors import ConfigError
from connector.domain.features import AccountFeatures
from connector.domain.holdout import Arm, Assignment, drawn, earliest
from connector.domain.link import linked
from connector.domain.occupied import Crm
from connector.domain.policy import GatesPolicy, Holdout
from connector.domain.project import Project
from connector.ports.ledger_notes import Notes
from connector.services.match import ultimate_parents
from connector.services.measure import Measured
from connector.services.memory import Memory
from connector.services.scope import EVERYBODY, POLICY, Bounds
from connector.services.world import World

NOTE = "holdout/"
"""Begins the name of the note that tells when a holdout was on; its salt follows."""


@dataclass(frozen=True)
class Drawn:
    """Arms by CRM account, and what was drawn in this run."""

    arms: Mapping[str, Arm]
    new: Sequence[Assignment] = ()


NOBODY = Drawn({})


def hold_out(
    memory: Memory, rules: Project, world: World, measured: Measured, within: Bounds, run_id: str, keeps: bool
) -> Drawn:
    """Draw for whoever is eligible for the first time; everybody else has an arm already. `keeps`: store it."""
    holdout = rules.policy.holdout
    if keeps:
        note_times(memory.notes, holdout, measured.as_of)
    if holdout is None:
        return NOBODY
    standing = memory.arms.all(holdout.salt)
    refuse_another_share(standing, holdout, rules)
    made = draw(standing, holdout, _customers(rules, world, measured, within), world, run_id, measured.as_of)
    if keeps:
        memory.arms.add(made.new)
    return made


def by_lot(rules: Project, world: World, measured: Measured) -> Drawn:
    """Draw for everybody as if nothing had been drawn before."""
    holdout = rules.policy.holdout
    if holdout is None:
        return NOBODY
    return draw({}, holdout, _customers(rules, world, measured, EVERYBODY), world, "", measured.as_of)


def _customers(
    rules: Project, world: World, measured: Measured, within: Bounds
) -> Mapping[str, Sequence[AccountFeatures]]:
    def is_inside(id: str) -> bool:
        return id in world.accounts and not within.outside(id)

    return eligible(measured, linked(world.links), is_inside, rules.policy)


def with_arms(crm: Crm, made: Drawn) -> Crm:
    """Tell the gates each account's arm."""
    if not made.arms:
        return crm
    return replace(crm, contexts={id: replace(one, arm=made.arms.get(id)) for id, one in crm.contexts.items()})


def eligible(
    measured: Measured, links: Mapping[str, str], is_inside: Callable[[str], bool], policy: GatesPolicy
) -> dict[str, Sequence[AccountFeatures]]:
    """Map CRM account → its billing accounts that could be proposed something, the largest first."""
    found: dict[str, list[AccountFeatures]] = defaultdict(list)
    for billing_id, crm_id in links.items():
        account = measured.accounts.get(billing_id)
        if account is None or account.is_test or not is_inside(crm_id):
            continue
        if account.mrr_minor > 0 or not policy.paying_only:
            found[crm_id].append(account)
    return {id: sorted(some, key=lambda one: (-one.mrr_minor, one.account_id)) for id, some in found.items()}


def draw(
    standing: Mapping[str, Assignment],
    holdout: Holdout,
    customers: Mapping[str, Sequence[AccountFeatures]],
    world: World,
    run_id: str,
    at: datetime,
) -> Drawn:
    """Give every customer the arm that it has, else that of its group, else the one that the lot gives."""
    parents = parents_of(world.accounts, world.survivors)
    mine: dict[str, list[Assignment]] = defaultdict(list)
    group: dict[str, list[Assignment]] = defaultdict(list)
    for billing_id, crm_id in linked(world.links).items():
        if billing_id in standing and crm_id in parents:
            mine[crm_id].append(standing[billing_id])
            group[parents[crm_id]].append(standing[billing_id])
    strata = _strata(customers, parents)
    arms = {crm_id: first.arm for crm_id, some in mine.items() if (first := earliest(some)) is not None}
    new: list[Assignment] = []
    for crm_id, accounts in sorted(customers.items()):
        parent = parents[crm_id]
        like = earliest(mine[crm_id]) or earliest(group[parent])
        if like is None:
            arm = drawn(holdout.salt, parent, strata[parent], holdout.share)
            like = Assignment("", holdout.salt, parent, strata[parent], holdout.share, arm, run_id, at)
        arms[crm_id] = like.arm
        unseen = (one.account_id for one in accounts if one.account_id not in standing)
        new += (replace(like, billing_id=id, run_id=run_id, at=at) for id in unseen)
    return Drawn(arms, new)


def parents_of(accounts: Mapping[str, CrmAccount], survivors: Mapping[str, str]) -> dict[str, str]:
    """Map CRM account → its ultimate parent. `survivors`: merged account → the one that is left."""
    ids = {id: id for id in accounts} | {gone: to for gone, to in survivors.items() if to in accounts}
    return ultimate_parents(accounts, ids)


def _strata(customers: Mapping[str, Sequence[AccountFeatures]], parents: Mapping[str, str]) -> dict[str, str]:
    """Map ultimate parent → the segment of its largest billing account."""
    largest: dict[str, AccountFeatures] = {}
    for crm_id, (first, *_) in customers.items():
        rivals = (first, largest.get(parents[crm_id], first))
        largest[parents[crm_id]] = min(rivals, key=lambda one: (-one.mrr_minor, one.account_id))
    return {parent: one.segment or "" for parent, one in largest.items()}


def refuse_another_share(standing: Mapping[str, Assignment], holdout: Holdout, rules: Project) -> None:
    """Raise ConfigError when arms were drawn with another share: both together would be no lot any more."""
    others = sorted({one.share for one in standing.values()} - {holdout.share})
    if others:
        raise ConfigError(
            f"the holdout {holdout.salt!r} was drawn with share {others[0]:g}",
            at=rules.at(POLICY, "holdout", "share"),
            hint=f"write {others[0]:g} again, or another salt: then everybody is drawn anew, and counted from that day",
        )


# When it was on -----------------------------------------------------------------------------------------------------


def note_times(notes: Notes, holdout: Holdout | None, now: datetime) -> None:
    """Note when a holdout begins, and when the one before it is over; an unchanged policy notes nothing."""
    for name, told in notes.named(NOTE).items():
        begun, ended = told["times"][-1]
        if ended is None and (holdout is None or name != NOTE + holdout.salt):
            notes.put(name, {"times": [*told["times"][:-1], [begun, now.isoformat()]]})
    if holdout is None:
        return
    before = list((notes.get(NOTE + holdout.salt) or {"times": []})["times"])
    if not before or before[-1][1] is not None:
        notes.put(NOTE + holdout.salt, {"times": [*before, [now.isoformat(), None]]})


@dataclass(frozen=True)
class Times:
    """When a holdout was on: pairs of moments, the last without an end while it is."""

    salt: str
    times: Sequence[Sequence[str | None]] = ()

    @property
    def is_on(self) -> bool:
        return not self.times or self.times[-1][1] is None

    @property
    def ended(self) -> datetime | None:
        """When everybody began to be proposed to again."""
        until = self.times[-1][1] if self.times else None
        return datetime.fromisoformat(until) if until is not None else None


def last_of(notes: Notes, chosen: Holdout | None) -> Times | None:
    """Give the holdout that is chosen, else the one that was on last."""
    every = [Times(name.removeprefix(NOTE), told["times"]) for name, told in notes.named(NOTE).items()]
    if chosen is not None:
        return next((one for one in every if one.salt == chosen.salt), Times(chosen.salt))
    return max(every, key=lambda one: str(one.times[-1][0]), default=None)
