"""A plan as a diff: what is created, updated, closed and linked, and what is held with its reason.

Accounts come in order of what is at stake; within one its opportunities before its tasks, and under each record its
key, its links and its fields. What is held is counted by reason with its best examples: among thousands of accounts
nobody looks for the few that matter. If asked for, each account is told, once, however many offers it is about.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.markup import escape

from connector.cli.output import OUT

if TYPE_CHECKING:
    from connector.domain.change import Change, FieldChange, Link, Plan

MARKS = {"create": "+", "update": "~", "close": "-", "unchanged": "=", "held": "!", "associate": "+"}
COLOURS = {
    "create": "green",
    "update": "yellow",
    "close": "red",
    "unchanged": "dim",
    "held": "magenta",
    "associate": "green",
}
CUT = 100
"""Characters of a value that are shown unless all were asked for."""
EXAMPLES, SHORT = 3, 60
"""Accounts that a reason for holding back is shown by, and characters of what is said of each."""
RECORDS = ("create", "update", "close")
CAUSES = {
    "mapping": "the mapping or a text was edited",
    "repair": "changed by somebody else, and ours",
    "undo": "taken back",
    "key": "key restored",
}
"""What is said of a field that is not written because of news."""


@dataclass(frozen=True)
class Names:
    """What people call the accounts (by id) and the plan's own records (by key)."""

    accounts: Mapping[str, str]
    records: Mapping[str, str]

    def account(self, id: str) -> str:
        """Name an account, or give its id."""
        return self.accounts.get(id, id)

    def target(self, link: Link) -> str:
        """Name what a link leads to."""
        name = self.records.get(link.to.key or "") or self.accounts.get(link.to.id or "")
        return f"{name} ({link.to.id or link.to.key})" if name else str(link.to)


def plan_summary(plan: Plan, limit: int, more: str = "connector plan") -> None:
    """Print one line for each record that is written, the first `limit` of them; `more`: what shows the others."""
    shown = [change for change in _in_order(plan.changes) if change.action in RECORDS]
    for change in shown[:limit]:
        _headline(change)
    if len(shown) > limit:
        OUT.print(f"  [dim]… and {len(shown) - limit} more; `{more}` shows them all[/]")


def plan_diff(
    plan: Plan, accounts: Mapping[str, str], unchanged: bool = False, full: bool = False, verbose: bool = False
) -> None:
    """Print everything a plan does, field by field and link by link. `full`: no value is cut.

    What it holds back is counted; `verbose`: every account of it is listed.
    """
    names = Names(accounts, {change.key: change.title for change in plan.changes if change.key})
    links: dict[str, list[Link]] = defaultdict(list)
    for change in plan.changes:
        if change.action == "associate":
            links[change.key] += change.links
    for change in _in_order(plan.changes):
        is_told = unchanged or change.key in links or change.handed_over or change.theirs
        if change.action in RECORDS or (change.action == "unchanged" and is_told):
            _headline(change)
            _details(change, links.get(change.key, ()), names, None if full else CUT)
    held = [change for change in plan.changes if change.action == "held"]
    if verbose:
        _held(held, names)
    elif held:
        _held_folded(held, names)


def left_told(plan: Plan, limit: int) -> list[str]:
    """Say in words what the plan leaves alone: what people changed, deleted or took back, and what was only found."""
    whys = {
        "deleted_in_crm": "a person deleted it; it is not made again",
        "touched_by_a_person": "a person worked on it; it is theirs to close",
        "undone": "its run was undone; nothing is written to it until it is released",
        "found_after_rebuild": "found after the ledger was rebuilt, so nobody knows whose it is; a person closes it",
    }
    told = []
    for change in _in_order(plan.changes):
        told += [
            f"{change.title}: {field.name} {_whose(field)} ({_value(field.before, CUT)})"
            for field in (*change.handed_over, *change.theirs)
        ]
        if change.action == "held" and change.key and change.why in whys:
            told.append(f"{change.title}: {whys[change.why]}")
    more = len(told) - limit
    return [*told[:limit], *([f"… and {more} more; `connector plan --verbose` shows all"] if more > 0 else [])]


def held_told(plan: Plan, accounts: Mapping[str, str]) -> list[dict[str, str]]:
    """Give all that a plan holds back, for scripts."""
    return [
        {
            "account_id": one.account_id,
            "account": accounts.get(one.account_id, ""),
            "title": one.title,
            "reason": one.why or "",
            "detail": one.reason,
        }
        for one in plan.changes
        if one.action == "held"
    ]


def edits_told(plan: Plan) -> str | None:
    """Say in one line what an edited mapping or text does to records already written."""
    edited = [
        sum(field.cause == "mapping" for field in change.fields)
        for change in plan.changes
        if any(field.cause == "mapping" for field in change.fields)
    ]
    if not edited:
        return None
    return (
        f"{sum(edited):,} fields of {len(edited):,} records already written change because the mapping or a text was"
        " edited; `existing: leave` in the mapping lets them be"
    )


def _in_order(changes: Iterable[Change]) -> list[Change]:
    from connector.services.batches import TYPES

    some = list(changes)
    best: dict[str, int] = defaultdict(int)
    for change in some:
        best[change.account_id] = max(best[change.account_id], change.value)
    return sorted(
        some, key=lambda one: (-best[one.account_id], one.account_id, TYPES.index(one.type), -one.value, one.key)
    )


def _headline(change: Change) -> None:
    why = f"  [{escape(change.why)}]" if change.why else ""
    reason = f"  [dim]{escape(change.reason)}[/]" if change.reason else ""
    marked = f"[{COLOURS[change.action]}]{MARKS[change.action]} {change.type:<12}{escape(change.title)}[/]"
    OUT.print(marked + escape(why) + reason)


def _details(change: Change, associated: Sequence[Link], names: Names, size: int | None) -> None:
    OUT.print(f"      [dim]key {escape(change.key)}{f', record {escape(change.crm_id)}' if change.crm_id else ''}[/]")
    for link in dict.fromkeys((*change.links, *associated)):
        OUT.print(f"      + {escape(link.name)} → {escape(names.target(link))}  [dim](link)[/]")
    for field in (*change.handed_over, *change.theirs):
        shown, ours = _value(field.before, size), _value(field.after, size)
        told = f"{field.name}: {shown} {_whose(field)}; ours would be {ours}"
        OUT.print(f"      {escape(told)}  [dim]({field.policy})[/]")
    for field in change.fields:
        before = "" if change.action == "create" else f"{_value(field.before, size)} → "
        why = f"{field.policy}; {CAUSES[field.cause]}" if field.cause in CAUSES else str(field.policy)
        OUT.print(f"      {escape(field.name)}: {escape(before + _value(field.after, size))}  [dim]({why})[/]")


def _whose(field: FieldChange) -> str:
    """A field that is left alone is a person's, unless all that is known is that it was found so."""
    return "was found different after a rebuild; left alone" if field.cause == "found" else "is a person's"


def _held(changes: Iterable[Change], names: Names) -> None:
    by_account: dict[str, dict[str, dict[str, list[str]]]] = defaultdict(lambda: defaultdict(lambda: defaultdict(list)))
    for change in changes:
        by_account[change.account_id][change.why or ""][change.reason].append(change.title)
    for account, reasons in sorted(by_account.items(), key=lambda one: names.account(one[0]).casefold()):
        OUT.print(f"[magenta]! held        {escape(names.account(account))}[/]")
        for why, details in reasons.items():
            for detail, titles in details.items():
                told = f"  [dim]{escape(detail)}[/]" if detail else ""
                OUT.print(f"      {escape(f'[{why}]')} {escape(', '.join(titles))}{told}")


def _held_folded(changes: Sequence[Change], names: Names) -> None:
    by_reason: dict[str, list[Change]] = defaultdict(list)
    for change in changes:
        by_reason[change.why or ""].append(change)
    everybody = len({change.account_id for change in changes})
    OUT.print(f"[magenta]! held back   {everybody:,} {'account' if everybody == 1 else 'accounts'}[/]")
    counted = {why: len({one.account_id for one in some}) for why, some in by_reason.items()}
    for why in sorted(by_reason, key=lambda why: (-counted[why], why)):
        some = by_reason[why]
        more = f", {len(some):,} proposals" if len(some) > counted[why] else ""
        OUT.print(f"      {escape(f'[{why}]')} {counted[why]:,} {'account' if counted[why] == 1 else 'accounts'}{more}")
        OUT.print(f"        [dim]{escape(_examples(some, names))}{' …' if counted[why] > EXAMPLES else ''}[/]")
    OUT.print("      `connector plan --verbose` lists each account; `connector explain ACCOUNT` tells more of one")


def _examples(changes: Iterable[Change], names: Names) -> str:
    """Name the accounts with most at stake, each with one of its proposals."""
    best: dict[str, Change] = {}
    for one in sorted(changes, key=lambda one: (-one.value, names.account(one.account_id).casefold(), one.title)):
        best.setdefault(one.account_id, one)
    shown = [best[id] for id in list(best)[:EXAMPLES]]
    return "; ".join(
        f"{names.account(one.account_id)} ({one.title}{f': {_value(one.reason, SHORT)}' if one.reason else ''})"
        for one in shown
    )


def _value(value: str | None, size: int | None) -> str:
    if value is None:
        return "∅"
    if size is None:
        return value.replace("\n", "\n          ")
    flat = " ".join(value.split())
    return flat if len(flat) <= size else flat[: size - 1] + "…"
