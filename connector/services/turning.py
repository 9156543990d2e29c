"""What would change a decision: small changes of the world, each tried on the same rules and the same gates.

A move says what would be different (an invoice paid, a signal a little stronger, a day later) and gives the candidate
as it would then stand; whether that changes anything is for `first_no` to say, so no move knows of a gate's number.
Moves are tried alone, and where none is enough, two or three together.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from itertools import combinations
from typing import Any, Literal

from connector.compute.signals import Fired, strength_of, tried
from connector.domain.asking import answers, first_no
from connector.domain.gates import Candidate
from connector.domain.holdout import Arm
from connector.domain.load import Load
from connector.domain.near import Turn, Turns, is_fixed, turns
from connector.domain.policy import Reason
from connector.domain.signal import Signal
from connector.services.candidates import Customers
from connector.services.choose import load_on
from connector.services.evidence import Wording
from connector.services.facts import Facts
from connector.services.measure import raised
from connector.services.score import score

Verdict = Literal["opportunity", "task", "no"]
AHEAD = 400
"""Days that are looked ahead."""
SHOWN, STEPS = 3, 10
NEAR = 0.6
"""A number further off than this share of the larger is another customer's."""
Become = Callable[[Candidate], Candidate]


@dataclass(frozen=True)
class Move:
    """Something that could come to be different; `words` names its sentence, `numbers` fill it."""

    words: str
    become: Become
    numbers: Mapping[str, Any] = field(default_factory=dict)
    far: float = 0.0
    """How far off it is: a share for a number, nothing for what somebody can settle."""


@dataclass(frozen=True)
class Change:
    """Moves that together lead to another verdict."""

    moves: tuple[Move, ...]
    verdict: Verdict


def verdict(candidate: Candidate) -> Verdict:
    """What becomes of a candidate: an opportunity, a task, or nothing."""
    if first_no(candidate) is not None:
        return "no"
    least, score = candidate.policy.opportunity_min, candidate.score
    return "task" if score.p < least.p or score.value < least.value else "opportunity"


def changes(candidate: Candidate, facts: Facts) -> list[Change]:
    """The nearest ways to another verdict: single moves, else as few together as lead there."""
    now = verdict(candidate)
    moves = [move for kind in (_settled, _recovered, _numbers, _later) for move in kind(candidate, facts)]
    found = list(_tried(candidate, [(move,) for move in moves], now))
    movable = [move for move in moves if _removes_some(candidate, move)] if now == "no" and not found else []
    for together in (2, 3):
        found = found or list(_tried(candidate, combinations(movable, together), now))
    found.sort(key=lambda change: (sum(move.far for move in change.moves), [move.words for move in change.moves]))
    return _one_each(found)[:SHOWN]


@dataclass(frozen=True)
class Nearest:
    """An offer that nothing points to yet, and what would."""

    candidate: Candidate
    change: Change


def nearest_offers(billing_ids: Sequence[str], scored: Container[str], facts: Facts) -> list[Nearest]:
    """Offers that a customer would be proposed if one of its numbers were another, nearest first, one way each."""
    found: dict[str, Nearest] = {}
    for id in billing_ids:
        for signals, numbers, far in altered(id, facts):
            for one in _considered(id, billing_ids, facts, signals):
                known = found.get(one.score.offer)
                if one.score.offer in scored or (known and known.change.moves[0].far <= far):
                    continue
                weighed = replace(one, load=load_on(facts.crm, one.crm.account_id, facts.today))
                ways = ((), *((move,) for move in _later(weighed, facts))) if verdict(weighed) == "no" else ((),)
                reached = next((way for way in ways if verdict(_moved(weighed, way)) != "no"), None)
                if reached is not None:
                    moves = (Move("number", _same, numbers, far), *reached)
                    found[one.score.offer] = Nearest(weighed, Change(moves, verdict(_moved(weighed, reached))))
    return sorted(found.values(), key=lambda one: (one.change.moves[0].far, one.candidate.score.offer))[:SHOWN]


def _same(c: Candidate) -> Candidate:
    return c


def _tried(candidate: Candidate, ways: Iterable[tuple[Move, ...]], now: Verdict) -> Iterator[Change]:
    for way in ways:
        if (then := verdict(_moved(candidate, way))) != now:
            yield Change(way, then)


def _moved(candidate: Candidate, way: tuple[Move, ...]) -> Candidate:
    for move in way:
        candidate = move.become(candidate)
    return candidate


def _removes_some(candidate: Candidate, move: Move) -> bool:
    before = {name for name, no in answers(candidate) if no is not None}
    return bool(before - {name for name, no in answers(move.become(candidate)) if no is not None})


def _one_each(found: Sequence[Change]) -> list[Change]:
    """Of several ways that move the same thing, keep the nearest."""
    kept: dict[tuple[Any, ...], Change] = {}
    for change in found:
        what = tuple((move.words, str(move.numbers.get("about"))) for move in change.moves)
        kept.setdefault(what, change)
    return list(kept.values())


# What somebody can settle -------------------------------------------------------------------------------------------


def _settled(c: Candidate, _facts: Facts) -> Iterator[Move]:
    """What people can put right, on the account's bills, in the CRM, or in what it owns."""
    late = max((account.days_overdue or 0 for account in c.accounts), default=0)
    if late or any(account.past_due or account.unpaid for account in c.accounts):
        paid = {"days_overdue": None, "overdue_invoices": 0, "past_due": False, "unpaid": False}
        yield Move("paid", _accounts(**paid), {"days": late})
    if any(account.disputes for account in c.accounts):
        yield Move("disputes_over", _accounts(disputes=0))
    if any(account.cancel_on for account in c.accounts):
        yield Move("stays", _accounts(cancel_on=None))
    if any(account.escalated_on for account in c.accounts):
        yield Move("escalation_closed", _accounts(escalated_on=None))
    if any(account.nps is not None for account in c.accounts):
        better = {"nps": 10.0, "nps_on": c.today}
        yield Move("better_score", _accounts(**better), {"limit": c.policy.health.nps.limit})
    if any(account.trialing for account in c.accounts):
        yield Move("trial_converts", _accounts(trialing=False, mrr_minor=1), far=0.5)
    if c.load.owner_tasks > c.policy.caps.owner_open_tasks:
        become = _load(owner_tasks=c.policy.caps.owner_open_tasks)
        yield Move("tasks_done", become, {"limit": c.policy.caps.owner_open_tasks, "now": c.load.owner_tasks})
    if c.load.account_open >= c.policy.caps.per_account:
        yield Move("ours_closed", _load(account_open=c.policy.caps.per_account - 1), {"now": c.load.account_open}, 0.2)
    if not c.crm.owner_active:
        yield Move("owner_given", _crm(owner_active=True))
    if c.link != "linked":
        yield Move("linked", lambda one: replace(one, link="linked", crm=replace(one.crm, owner_active=True)))
    if c.crm.outside:
        yield Move("in_scope", _crm(outside=""))
    if c.policy.holdout is not None and c.crm.arm is Arm.HELD_OUT:
        yield Move("holdout_over", _crm(arm=None))
    if any(one.need == c.score.need for one in c.crm.undone):
        yield Move("released", _crm(undone=()))
    for theirs in c.crm.opportunities:
        rest = tuple(one for one in c.crm.opportunities if one.id != theirs.id)
        yield Move("their_deal_closed", _crm(opportunities=rest), {"name": theirs.name})
    missing = [name for name in c.offer.prerequisites if name not in c.owned or name not in c.used]
    if missing:
        extra = frozenset(missing)
        own = [name for name in missing if name not in c.owned]
        words = "prerequisite_owned" if own else "prerequisite_used"
        become = _owning(extra)
        yield Move(words, become, {"offers": own or missing}, far=0.5)
    if c.offer.sold_with and not c.owned.intersection(c.offer.sold_with):
        yield Move("on_plan", _owning(frozenset(c.offer.sold_with[:1])), {"offers": [c.offer.sold_with[0]]}, far=0.6)


def _accounts(**values: Any) -> Become:
    return lambda c: replace(c, accounts=tuple(replace(account, **values) for account in c.accounts))


def _crm(**values: Any) -> Become:
    return lambda c: replace(c, crm=replace(c.crm, **values))


def _load(**values: Any) -> Become:
    return lambda c: replace(c, load=replace(c.load, **values))


def _owning(extra: frozenset[str]) -> Become:
    return lambda c: replace(c, owned=c.owned | extra, used=c.used | extra)


# Time ---------------------------------------------------------------------------------------------------------------


def _later(c: Candidate, facts: Facts) -> Iterator[Move]:
    """The first day on which waiting alone takes an answer away, if nothing else changes."""
    before = {no.reason for _, no in answers(c) if no is not None}
    mine, owner = c.crm.account_id, c.crm.owner_id
    contexts = facts.crm.contexts.items()
    crm = replace(facts.crm, contexts={id: one for id, one in contexts if id == mine or one.owner_id == owner})
    for days in range(1, AHEAD):
        on = facts.today + timedelta(days=days)
        load = load_on(crm, c.crm.account_id, on)
        then = {no.reason for _, no in answers(_on(c, on, load)) if no is not None}
        if gone := before - then:
            over = min(gone, key=list(Reason).index)
            yield Move("later", _at(on, load), {"on": on, "over": over}, days / AHEAD)
            before = then
        if not before:
            return


def _at(on: date, load: Load) -> Become:
    return lambda c: _on(c, on, load)


def _on(c: Candidate, on: date, load: Load) -> Candidate:
    return replace(c, today=on, load=replace(load, needs=c.load.needs))


# Signals ------------------------------------------------------------------------------------------------------------


def _recovered(c: Candidate, facts: Facts) -> Iterator[Move]:
    """Use back where it was 28 days before: what spoke against it then falls silent, too."""
    falling = min((account.activity_trend or 0.0 for account in c.accounts), default=0.0)
    if falling >= 0:
        return
    level = {one.account_id: replace(one, activity_trend=max(one.activity_trend or 0.0, 0.0)) for one in c.accounts}
    rules, measured = facts.rules, facts.measured
    signals = raised(rules.signals, replace(measured.features, accounts=level), rules.catalogue, facts.as_of)
    ids = [account.account_id for account in c.accounts]
    own = tuple(one for one in signals if one.account_id == c.score.account_id)
    rescored = _of_offer(_considered(c.score.account_id, ids, facts, own), c)
    if rescored is not None:
        accounts = tuple(level[id] for id in ids)
        become = lambda one: replace(one, accounts=accounts, score=rescored.score)  # noqa: E731 - a move's other half
        yield Move("use_recovers", become, {"trend": falling}, -falling)


def _numbers(c: Candidate, facts: Facts) -> Iterator[Move]:
    """Each number of a rule that would make it speak, fall silent, or speak louder; with the score that follows."""
    ids = [account.account_id for account in c.accounts]
    for signals, numbers, far in altered(c.score.account_id, facts):
        rescored = _of_offer(_considered(c.score.account_id, ids, facts, signals), c)
        if rescored is not None and rescored.score != c.score:
            yield Move("number", _with_score(rescored), numbers, far)


def altered(id: str, facts: Facts) -> Iterator[tuple[tuple[Signal, ...], Mapping[str, Any], float]]:
    """A billing account's signals as they would be with a number otherwise, which number that is, and how far off."""
    day, rules, measured = facts.as_of.date(), facts.rules, facts.measured
    own, read = measured.of(id), (measured.metrics.get(id, {}), measured.events.get(id, ()))
    for case in tried(rules.signals, measured.accounts[id], *read, rules.catalogue, day):
        rest, wording = [one for one in own if not _is_of(one, case)], Wording(case.rule, rules.catalogue)
        for way in (way for way in _ways(case, day) if max(turn.distance for turn in way) <= NEAR):
            moved = replace(case, features={**case.features, **{turn.feature: turn.then for turn in way}})
            strength = strength_of(moved, day)
            new = [] if strength is None else [wording.signal(replace(moved, strength=strength))]
            about = [(turn.feature, case.metric or case.offer) for turn in way]
            numbers = {"turns": way, "metric": case.metric, "offer": case.offer, "about": about, "row": case.rule.row}
            yield (*rest, *new), numbers, sum(turn.distance for turn in way)


def _ways(case: Fired, day: date) -> Iterator[Turns]:
    """Numbers that turn the rule's answer, and those that make it speak louder."""
    speaks = strength_of(case, day) is not None
    for way in turns(case.rule.when, case.features):
        yield way
        if not speaks:
            moved = {turn.feature: turn for turn in way}
            yield from (tuple((moved | {one.feature: one}).values()) for one in _louder(case, moved))
    if speaks:
        yield from ((one,) for one in _louder(case, {}))


def _louder(case: Fired, moved: Mapping[str, Turn]) -> Iterator[Turn]:
    """Ten steps from where the rule's curve stands to where it is full."""
    curve = case.rule.strength
    now = case.features.get(curve.of)
    if is_fixed(curve.of) or isinstance(now, bool) or not isinstance(now, int | float):
        return
    start = moved[curve.of].then if curve.of in moved else now
    for step in range(1, STEPS + 1):
        then = start + (curve.full_at - start) * step / STEPS
        if (curve.full_at - curve.zero_at) * (then - start) > 0:
            yield Turn(curve.of, now, round(then) if isinstance(now, int) else then)


def _is_of(signal: Signal, case: Fired) -> bool:
    is_same = (signal.id, signal.metric, signal.needs) == (case.rule_id, case.metric, case.needs)
    return is_same and signal.offer in (None, case.offer)


def _of_offer(found: Iterable[Candidate], c: Candidate) -> Candidate | None:
    return next((one for one in found if one.score.offer == c.score.offer), None)


def _considered(id: str, group: Sequence[str], facts: Facts, signals: Sequence[Signal]) -> list[Candidate]:
    """Every offer that a customer's signals point to, when those of one billing account are these."""
    rules, measured = facts.rules, facts.measured
    alone = {one: measured.accounts[one] for one in group}
    others = tuple(one for one in measured.signals if one.account_id != id and one.account_id in alone)
    less = replace(measured, accounts=alone, signals=(*signals, *others))
    scores = score(less, rules.catalogue, rules.policy, rules.fx, facts.today, facts.card)
    return Customers(less, facts.crm, rules.catalogue, rules.policy, facts.today).candidates(scores.scores)


def _with_score(rescored: Candidate) -> Become:
    return lambda c: replace(c, score=rescored.score)
