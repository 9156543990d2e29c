"""What the CRM would get for one account, record by record and field by field, before and after.

The whole run is decided as `plan` decides it, because caps and ranks of one account depend on the others; the same
`project` and `plan` steps render and compare. Nothing is written: the CRM gets nothing, and the ledger no run, plan or
decision. As in every run, what billing and the CRM told is kept.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from connector.domain.change import Change, Desired, DesiredField, Policy, Scalar, Schema
from connector.domain.errors import ConfigError, MendError
from connector.domain.link import LinkDecision, LinkState, linked
from connector.domain.run import Run
from connector.ports.crm import CrmReader
from connector.services.check_live import shape_gaps
from connector.services.lookup import find_account
from connector.services.opening import check_installed
from connector.services.plan import make_plan
from connector.services.run import decide, desired_of, plan_context
from connector.services.work import Current, Request, Work

STANDS = {
    Policy.CREATE: "set on new records only",
    Policy.FILL: "set once, if empty",
    Policy.MERGE: "as it is",
    Policy.OWN: "as it is",
}
"""Why a field of an existing record is not written."""


@dataclass(frozen=True)
class Field:
    """One field of a record: what it shows, what it would show, and which rule says so."""

    name: str
    before: Scalar
    after: Scalar
    policy: str
    at: str | None
    verdict: str
    """`write`, or why it stays: a person's, set on new records only, lost, as it is."""


@dataclass(frozen=True)
class Record:
    """One record as a plan would leave it."""

    action: str
    type: str
    title: str
    reason: str
    why: str | None
    crm_id: str | None
    key: str
    fields: tuple[Field, ...]
    links: tuple[str, ...]


@dataclass(frozen=True)
class Preview:
    """Everything one account would get, and what it would not, with the reasons."""

    account_id: str
    name: str
    records: tuple[Record, ...]
    held: tuple[Mapping[str, Any], ...]
    gaps: tuple[str, ...]


def preview(work: Work, request: Request, asked: str) -> Preview:
    """Decide and render as `plan` does, and show one account; raise MendError when none or several answer to it."""
    destination = work.crm.reader.destination()
    check_installed(work.crm.setup, work.mapping)
    gaps = shape_gaps(work.project, work.mapping, work.crm)
    if any(gap.stops for gap in gaps):
        raise ConfigError([gap.problem for gap in gaps])
    run = Run(f"preview-{secrets.token_hex(3)}", request.job, destination.id, request.now, datetime.now(UTC))
    current = Current(run, destination)
    decided = decide(work, request, current)
    names = {id: account.name for id, account in decided.world.accounts.items()}
    _refuse_unlinked(asked, decided.world.links)
    account_id = find_account(asked, names, linked(decided.world.links))
    made, held = desired_of(work, request, decided)
    mine = [one for one in made.desired if one.account_id == account_id]
    context = plan_context(work, request, current, decided.world, made)
    refused = [one for one in held if one.account_id in (account_id, *_billing_of(decided.world.links, account_id))]
    plan = make_plan(mine, (), work.crm.reader, decided.world.known, context)
    return Preview(
        account_id,
        names.get(account_id, account_id),
        tuple(_records(plan.changes, mine, work.crm.reader)),
        tuple({"subject": one.subject, "reason": str(one.reason), "detail": one.detail} for one in refused),
        tuple(str(gap.problem) for gap in gaps),
    )


def _refuse_unlinked(asked: str, links: Sequence[LinkDecision]) -> None:
    """A billing account that leads to no CRM account gets nothing: say why."""
    for link in links:
        if link.billing_id == asked and link.state is not LinkState.LINKED:
            cure = f"settle it: `connector link set {asked} CRM --by NAME`"
            raise MendError(f"billing account {asked} is {link.state}: nothing is proposed to it", hint=cure)


def _billing_of(links: Sequence[LinkDecision], account_id: str) -> list[str]:
    return [billing for billing, crm in linked(links).items() if crm == account_id]


def _records(changes: Sequence[Change], desired: Sequence[Desired], reader: CrmReader) -> list[Record]:
    wanted = {one.key: one for one in desired}
    links: dict[str, list[str]] = {}
    for change in changes:
        told = [f"{link.name} → {link.to}" for link in change.links]
        links.setdefault(change.key, []).extend(told)
    return [
        Record(
            change.action,
            change.type.value,
            change.title,
            change.reason,
            change.why,
            change.crm_id,
            change.key,
            tuple(_fields(change, wanted[change.key].fields, reader.schema(change.type))),
            tuple(dict.fromkeys(links[change.key])),
        )
        for change in changes
        if change.action != "associate" and change.key in wanted
    ]


def _fields(change: Change, wanted: Mapping[str, DesiredField], schema: Schema) -> list[Field]:
    """Every field that a rule asks for, in the mapping's order, with what becomes of it."""
    written = {field.name: field for field in change.fields}
    theirs = {field.name: field for field in (*change.handed_over, *change.theirs)}
    made = []
    for name, rule in wanted.items():
        place = (str(rule.policy), rule.at)
        if name in written:
            made.append(Field(name, written[name].before, written[name].after, *place, "write"))
        elif name in theirs:
            made.append(Field(name, theirs[name].before, theirs[name].before, *place, "a person's"))
        elif name not in schema.fields:
            made.append(Field(name, None, rule.value, *place, "the CRM has no such field"))
        elif change.action == "held":
            made.append(Field(name, None, rule.value, *place, f"held: {change.why}"))
        elif change.action == "create":
            made.append(Field(name, None, None, *place, "empty"))
        else:
            before = rule.value if rule.policy in (Policy.OWN, Policy.MERGE) else None
            made.append(Field(name, before, rule.value, *place, STANDS[rule.policy]))
    return made
