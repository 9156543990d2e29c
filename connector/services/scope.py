"""Whom a run may write about: the policy's `scope`, settled against the CRM and billing as they stand.

Every key narrows: an account is inside when its owner, one of its segments and itself are all named, as far as such
a key is given. What is outside is left exactly as it is, so a pilot that shrinks closes and withdraws nothing. A name
that fits nobody, or several accounts, is an error: a pilot that misses an account is judged by the wrong numbers.

It stands in the policy and not in a CRM's mapping because sales ops decide it, beside the other limits, and because the
same people and companies are meant in a sandbox and in production.
"""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from connector.domain.account import Owner
from connector.domain.change import Change, Why
from connector.domain.errors import ConfigError, Problem
from connector.domain.features import AccountFeatures
from connector.domain.hold import UNDO
from connector.domain.intent import Held, ReviewIntent
from connector.domain.link import linked
from connector.domain.occupied import Crm
from connector.domain.outbox import OutboxEntry
from connector.domain.play import REVIEW
from connector.domain.policy import Reason, Scope
from connector.domain.project import Project
from connector.services.world import World

POLICY = "playbooks/policy.yaml"
SHOWN = 5
Segments = Mapping[str, Collection[str]]
"""CRM account → the segments of its billing accounts."""


@dataclass(frozen=True)
class Bounds:
    """Which CRM accounts are inside; everybody, unless the scope is limited."""

    is_limited: bool = False
    whys: Mapping[str, str] = field(default_factory=dict)
    """CRM account → why it is outside; empty for one that is inside."""
    survivors: Mapping[str, str] = field(default_factory=dict)
    told: Mapping[str, int] = field(default_factory=dict)
    """How many accounts are inside, of how many, and how many of them billing knows."""

    def outside(self, account_id: str) -> str:
        """Say why nothing may be written about an account, or nothing (an empty text) when it may be."""
        if not self.is_limited:
            return ""
        return self.whys.get(self.survivors.get(account_id, account_id), "the CRM has no such account")


EVERYBODY = Bounds()


def bounds(rules: Project, world: World, segments: Segments | None) -> Bounds:
    """Settle the scope, or raise ConfigError with everything in it that fits nobody.

    `segments` is None where billing was not asked lately: then whoever would be let in by one stays outside.
    """
    scope = rules.policy.scope
    if not scope.is_limited:
        return EVERYBODY
    problems = [*owner_problems(rules, tuple(world.owners.values())), *_misnamed(rules, world, segments)]
    if problems:
        raise ConfigError(problems)
    named = None if scope.accounts is None else {id for one in scope.accounts for id in _called(one, world)}
    whys = {id: _why(id, scope, named, world, segments) for id in world.accounts}
    inside = {id for id, why in whys.items() if not why}
    if not inside and segments is not None:
        raise ConfigError([_nobody(rules, world, segments)])
    known = set(linked(world.links).values())
    told = {"accounts": len(inside), "of": len(whys), "in_billing": len(inside & known)}
    return Bounds(True, whys, world.survivors, told)


def owner_problems(rules: Project, owners: Sequence[Owner]) -> Iterator[Problem]:
    """Point at every owner of the scope whom the CRM does not know, or who is not active; never by e-mail."""
    by_email = {owner.email.casefold(): owner for owner in owners if owner.email}
    for i, email in enumerate(rules.policy.scope.owners or ()):
        at, owner = rules.at(POLICY, "scope", "owners", i), by_email.get(email.strip().casefold())
        if owner is None:
            near = difflib.get_close_matches(email.strip().casefold(), list(by_email), 1)
            meant = f"did you mean the e-mail of owner {by_email[near[0]].id}?" if near else "look it up in the CRM"
            yield Problem(f"no owner in the CRM has the e-mail of `scope.owners`, number {i + 1}", at, meant)
        elif not owner.active:
            yield Problem(f"owner {owner.id} of `scope.owners` is not active", at, "name who has these accounts now")


def segments_of(accounts: Mapping[str, AccountFeatures], links: Mapping[str, str]) -> dict[str, list[str]]:
    """Map each CRM account → the segments of its billing accounts."""
    found: dict[str, set[str]] = defaultdict(set)
    for billing_id, features in accounts.items():
        if billing_id in links and features.segment:
            found[links[billing_id]].add(features.segment)
    return {id: sorted(some) for id, some in sorted(found.items())}


def limited(crm: Crm, within: Bounds) -> Crm:
    """Tell the gates which accounts are outside."""
    contexts = {id: replace(one, outside=within.outside(id)) for id, one in crm.contexts.items()}
    return replace(crm, contexts=contexts)


def reviews_within(reviews: Iterable[ReviewIntent], within: Bounds) -> tuple[tuple[ReviewIntent, ...], list[Held]]:
    """Part the reviews that may be planned from those of accounts outside, which are held."""
    some = list(reviews)
    outside = {one.account_id: why for one in some if (why := within.outside(one.account_id))}
    return inside(some, within), [Held(id, REVIEW, Reason.OUT_OF_SCOPE, why) for id, why in outside.items()]


def inside(reviews: Iterable[ReviewIntent], within: Bounds) -> tuple[ReviewIntent, ...]:
    """Keep the reviews of accounts inside."""
    return tuple(review for review in reviews if not within.outside(review.account_id))


def waiting_outside(waiting: Iterable[OutboxEntry], within: Bounds, planned: Collection[str]) -> list[Change]:
    """Hold what an earlier plan still has to send about accounts outside; `planned`: keys that are held already."""
    held = {}
    for entry in waiting:
        why, change = within.outside(entry.change.account_id), entry.change
        if why and change.key and change.key not in planned and entry.job != UNDO:
            held[change.key] = Change(
                id=f"{change.type}:{change.key}",
                action="held",
                type=change.type,
                key=change.key,
                account_id=change.account_id,
                title=change.title,
                reason=why,
                why=Why.OUT_OF_SCOPE,
                value=change.value,
            )
    return list(held.values())


def _why(id: str, scope: Scope, named: Collection[str] | None, world: World, segments: Segments | None) -> str:
    if named is not None and id not in named:
        return "not one of `scope.accounts`"
    if scope.owners is not None:
        owner = world.owner("ae", world.accounts[id])
        if owner is None or owner.email.casefold() not in {email.strip().casefold() for email in scope.owners}:
            return "its owner is not one of `scope.owners`"
    if scope.segments is None:
        return ""
    if segments is None:
        return "its segment is not known before the next `connector sync`"
    return "" if set(segments.get(id, ())) & set(scope.segments) else "its segment is not one of `scope.segments`"


def _misnamed(rules: Project, world: World, segments: Segments | None) -> Iterator[Problem]:
    scope = rules.policy.scope
    for i, name in enumerate(scope.accounts or ()):
        found, at = _called(name, world), rules.at(POLICY, "scope", "accounts", i)
        if not found:
            known = [*(account.name for account in world.accounts.values()), *world.accounts]
            yield Problem(f"no account in the CRM is called {name!r}, or has that id", at, _meant(name, known))
        elif len(found) > 1:
            ids = ", ".join(sorted(found)[:SHOWN])
            yield Problem(f"{len(found)} accounts in the CRM are called {name!r}", at, f"write the id instead: {ids}")
    if segments is None:
        return
    known = sorted({one for some in segments.values() for one in some})
    for i, segment in enumerate(scope.segments or ()):
        if segment not in known:
            at = rules.at(POLICY, "scope", "segments", i)
            yield Problem(f"no customer in billing is of the segment {segment!r}", at, _meant(segment, known))


def _called(name: str, world: World) -> list[str]:
    """Accounts with that id, that id before a merge, or that name."""
    id = name.strip()
    id = world.survivors.get(id, id)
    if id in world.accounts:
        return [id]
    wanted = _plain(name)
    return [id for id, account in world.accounts.items() if _plain(account.name) == wanted]


def _nobody(rules: Project, world: World, segments: Segments) -> Problem:
    """Say which keys of the scope fit whom, when nobody fits all of them."""
    scope = rules.policy.scope
    fitting = {}
    for key in ("owners", "segments", "accounts"):
        if getattr(scope, key) is not None:
            alone = replace(Scope(), **{key: getattr(scope, key)})
            named = None if alone.accounts is None else {id for one in alone.accounts for id in _called(one, world)}
            fitting[key] = sum(not _why(id, alone, named, world, segments) for id in world.accounts)
    told = ", ".join(f"{key} {count}" for key, count in fitting.items())
    hint = "every key narrows: an account has to fit all of them" if len(fitting) > 1 else "nobody fits it today"
    return Problem(f"the scope lets no account in (alone each would let in: {told})", rules.at(POLICY, "scope"), hint)


def _plain(name: str) -> str:
    return " ".join(name.split()).casefold()


def _meant(name: str, known: Iterable[str]) -> str:
    by_plain = {_plain(one): one for one in known if one}
    near = difflib.get_close_matches(_plain(name), list(by_plain), 1)
    if near:
        return f"did you mean {by_plain[near[0]]}?"
    some = sorted(by_plain.values())[:SHOWN]
    more = f" and {len(by_plain) - SHOWN} more" if len(by_plain) > SHOWN else ""
    return f"known: {', '.join(some)}{more}" if some else "none is known"
