"""Turns one desired record and what the CRM shows of it into one change."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from connector.domain.change import (
    Cause,
    Change,
    CrmRecord,
    Desired,
    FieldChange,
    FieldSpec,
    Policy,
    RecordType,
    Scalar,
    Schema,
    Why,
)
from connector.domain.intent import Held
from connector.domain.merge import Finding, is_touched, merge, merge_new
from connector.domain.normalise import same
from connector.domain.receipt import KnownRecord, Receipt, associated


@dataclass(frozen=True, slots=True)
class Seen:
    """A record as the CRM showed it, and when; `adopted` when only its key told that it is ours."""

    record: CrmRecord
    at: datetime
    adopted: bool = False


def create(one: Desired, schema: Schema, at: datetime) -> Change:
    """Plan a record that does not exist."""
    merged = (merge_new(wanted, schema.fields[name]) for name, wanted in sorted(one.fields.items()))
    fields = tuple(each.change for each in merged if each.change is not None)
    return Change(
        id=_id(one),
        action="create",
        type=one.type,
        key=one.key,
        account_id=one.account_id,
        title=one.title,
        reason=one.reason,
        fields=fields,
        links=one.links,
        value=one.value,
        read_at=at,
    )


def revise(one: Desired, known: KnownRecord | None, seen: Seen, schema: Schema) -> Change:
    """Plan what an existing record lacks, or that it is left alone."""
    if one.close and (why := _why_not_to_close(known, seen, schema)) is not None:
        return hold(one, why, seen.record.id)
    if one.only_untouched and _why_not_to_close(known, seen, schema) is not None:
        one = replace(one, fields={})
    receipts = known.receipts if known is not None else {}
    # Of a record found by its key alone, or brought back by a rebuild, nobody knows any more what we wrote.
    is_found = seen.adopted or (known is not None and not known.receipts)
    fields, handed_over, theirs, agreed = [], [], [], []
    for name, wanted in sorted(one.fields.items()):
        spec, live = schema.fields[name], seen.record.fields.get(name)
        merged = merge(wanted, receipts.get(name), live, spec)
        if merged.change is not None:
            fields.append(merged.change)
        elif merged.finding is Finding.HANDED_OVER:
            handed_over.append(FieldChange(name, live, wanted.value, wanted.policy))
        elif merged.finding is Finding.THEIRS:
            theirs.append(FieldChange(name, live, wanted.value, wanted.policy, _whose(receipts[name], live, spec)))
        elif is_found and same(live, wanted.value, spec):
            agreed.append(FieldChange(name, live, wanted.value, wanted.policy, rule=wanted.rule))
        elif is_found and wanted.policy is Policy.MERGE and wanted.value is not None:
            handed_over.append(FieldChange(name, live, wanted.value, wanted.policy, Cause.FOUND))
    return Change(
        id=_id(one),
        action="unchanged" if not fields else "close" if one.close else "update",
        type=one.type,
        key=one.key,
        account_id=one.account_id,
        title=one.title,
        reason=one.reason,
        crm_id=seen.record.id,
        fields=tuple(fields),
        value=one.value,
        read_at=seen.at,
        handed_over=tuple(handed_over),
        theirs=tuple(theirs),
        agreed=tuple(agreed),
    )


def _why_not_to_close(known: KnownRecord | None, seen: Seen, schema: Schema) -> Why | None:
    """What a person works on is theirs to close; so may be what the ledger has known only since it was rebuilt."""
    if known is None or not known.receipts:
        return Why.FOUND
    shown = seen.record.fields
    touched = [
        _whose(receipt, shown.get(name), schema.fields[name])
        for name, receipt in known.receipts.items()
        if name in schema.fields and is_touched(receipt, shown.get(name), schema.fields[name])
    ]
    if not touched:
        return None
    return Why.FOUND if set(touched) == {Cause.FOUND} else Why.PERSON


def _whose(receipt: Receipt, live: Scalar, spec: FieldSpec) -> Cause:
    """Tell a field that was found different after a rebuild, and is as it was found, from one that a person typed."""
    return Cause.FOUND if receipt.is_found and same(live, receipt.shown, spec) else Cause.NEWS


def hold(one: Desired, why: Why, crm_id: str | None) -> Change:
    """Leave a record alone, and say why."""
    return Change(
        id=_id(one),
        action="held",
        type=one.type,
        key=one.key,
        account_id=one.account_id,
        title=one.title,
        reason=one.reason,
        crm_id=crm_id,
        why=why,
        value=one.value,
    )


def closed_together(changes: Sequence[Change], desired: Iterable[Desired]) -> list[Change]:
    """Close none of the records that belong together when one of them is held: somebody works on it."""
    whole = {one.key: one for one in desired if one.together}
    kept = {whole[change.key].together for change in changes if change.action == "held" and change.key in whole}
    return [
        hold(whole[change.key], Why.PERSON, change.crm_id)
        if change.action == "close" and change.key in whole and whole[change.key].together in kept
        else change
        for change in changes
    ]


def held_change(held: Held) -> Change:
    """Show in the plan what was decided against before it."""
    return Change(
        id=f"held:{held.account_id}:{held.subject}",
        action="held",
        type=RecordType.OPPORTUNITY,
        key="",
        account_id=held.account_id,
        title=held.subject,
        reason=held.detail,
        why=held.reason,
        value=held.value or 0,
    )


def associations(one: Desired, known: KnownRecord | None, seen: Seen | None) -> list[Change]:
    """Plan the associations that have no receipt and that the CRM does not show."""
    done = known.associations if known is not None else ()
    shown = seen.record.links if seen is not None else {}
    return [
        Change(
            id=f"{_id(one)}/{link.role}:{link.name}:{link.to}",
            action="associate",
            type=one.type,
            key=one.key,
            account_id=one.account_id,
            title=one.title,
            reason=one.reason,
            crm_id=seen.record.id if seen is not None else None,
            links=(link,),
            value=one.value,
        )
        for link in one.links
        if associated(link) not in done and link.to.id not in shown.get(link.role, ())
    ]


def _id(one: Desired) -> str:
    return f"{one.type}:{one.key}"
