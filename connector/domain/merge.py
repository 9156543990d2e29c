"""The three-way merge of one field: what we want, what we last sent and saw, what the CRM shows now.

Nobody touched a field while it still shows what it showed right after our write. Once a person has changed a `merge`
field it is theirs for good, even if they change it back: the hand-over is remembered. Null never overwrites a value
unless the mapping says `clear`. Fields that the CRM computes or lets us not write are never sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from connector.domain.change import Cause, DesiredField, FieldChange, FieldSpec, Policy, Scalar
from connector.domain.normalise import fit, same
from connector.domain.receipt import Receipt


class Finding(StrEnum):
    """What the merge decided for one field."""

    CHANGE = "change"
    UNCHANGED = "unchanged"
    HANDED_OVER = "handed_over"  # it was ours until a person changed it: remember that
    THEIRS = "theirs"  # it was handed over before, and shows something else than we would write


@dataclass(frozen=True, slots=True)
class Merged:
    """The decision for one field; `change` is set when it is to be written."""

    finding: Finding
    change: FieldChange | None = None


UNCHANGED = Merged(Finding.UNCHANGED)
HANDED_OVER = Merged(Finding.HANDED_OVER)
THEIRS = Merged(Finding.THEIRS)


def is_touched(receipt: Receipt, live: Scalar, spec: FieldSpec) -> bool:
    """A person (or the CRM's own automation) changed the field since we wrote it."""
    return receipt.handed_over or not same(live, receipt.shown, spec)


def merge_new(desired: DesiredField, spec: FieldSpec) -> Merged:
    """Decide a field of a record that does not exist yet."""
    after = fit(desired.value, spec)
    if after is None or not spec.createable:
        return UNCHANGED
    return Merged(Finding.CHANGE, FieldChange(spec.name, None, after, desired.policy, rule=desired.rule))


def merge(desired: DesiredField, receipt: Receipt | None, live: Scalar, spec: FieldSpec) -> Merged:
    """Decide a field of a record that exists."""
    after = fit(desired.value, spec)
    if not spec.updateable or (after is None and not desired.clear):
        return UNCHANGED
    cause = _cause(desired, receipt, after, spec)
    write = Merged(Finding.CHANGE, FieldChange(spec.name, live, after, desired.policy, cause, desired.rule))
    is_empty = same(live, None, spec)
    match desired.policy:
        case Policy.CREATE:
            return UNCHANGED
        case Policy.OWN:
            return UNCHANGED if _stands(receipt, after, live, spec) else write
        case Policy.FILL:
            # What is remembered of a field that was made anew since says nothing (see services/remade.py).
            is_unsent = receipt is None or (receipt.sent is None and not receipt.handed_over)
            return write if is_empty and is_unsent and after is not None else UNCHANGED
        case Policy.MERGE:
            return _merge_shared(write, receipt, is_empty, spec)
        case _:
            assert_never(desired.policy)


def _merge_shared(write: Merged, receipt: Receipt | None, is_empty: bool, spec: FieldSpec) -> Merged:
    assert write.change is not None
    live, after = write.change.before, write.change.after
    if receipt is None:
        # We never wrote it. What stands there is somebody's; only an empty field is ours to begin with.
        if same(live, after, spec):
            return UNCHANGED
        return write if is_empty else UNCHANGED
    if receipt.handed_over:
        return UNCHANGED if same(live, after, spec) else THEIRS
    if is_touched(receipt, live, spec):
        return HANDED_OVER
    return UNCHANGED if _stands(receipt, after, live, spec) else write


def _cause(desired: DesiredField, receipt: Receipt | None, after: Scalar, spec: FieldSpec) -> Cause:
    if receipt is None:
        return Cause.NEWS
    if receipt.rule and desired.rule and receipt.rule != desired.rule:
        return Cause.MAPPING
    return Cause.REPAIR if same(receipt.sent, after, spec) else Cause.NEWS


def _stands(receipt: Receipt | None, after: Scalar, live: Scalar, spec: FieldSpec) -> bool:
    """The CRM shows what we want, or what it made of exactly that when we sent it."""
    if same(live, after, spec):
        return True
    return receipt is not None and same(receipt.sent, after, spec) and same(live, receipt.shown, spec)
