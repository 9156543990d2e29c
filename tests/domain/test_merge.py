"""The three-way merge keeps its promises for any values."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.domain.change import Cause, DesiredField, FieldSpec, FieldType, Policy, Scalar
from connector.domain.merge import HANDED_OVER, UNCHANGED, Finding, merge, merge_new
from connector.domain.normalise import fit, same
from connector.domain.receipt import Receipt

TEXT = FieldSpec("note", FieldType.TEXT)
values = st.one_of(st.none(), st.sampled_from(["a", "b", "c", " a ", ""]))
texts = st.sampled_from(["a", "b", "c"])


def after(desired: DesiredField, receipt: Receipt | None, live: Scalar, spec: FieldSpec = TEXT) -> Scalar:
    """The value that stands after the merge was delivered."""
    merged = merge(desired, receipt, live, spec)
    return merged.change.after if merged.change else live


@given(sent=texts, shown=texts, wanted=texts)
def test_untouched_shared_field_takes_our_value(sent: str, shown: str, wanted: str) -> None:
    """While a field shows what it showed after our write, ours wins."""
    receipt = Receipt(sent=sent, shown=shown)

    live = after(DesiredField(wanted, Policy.MERGE), receipt, shown)

    assert live == wanted or (wanted == sent and live == shown)


@given(sent=texts, shown=texts, live=values, wanted=values)
def test_touched_shared_field_is_handed_over(sent: str, shown: str, live: Scalar, wanted: Scalar) -> None:
    """A field that shows anything but what it showed is a person's, and is left as it is."""
    receipt = Receipt(sent=sent, shown=shown)
    if same(live, shown, TEXT) or fit(wanted, TEXT) is None:
        return

    assert merge(DesiredField(wanted, Policy.MERGE), receipt, live, TEXT) == HANDED_OVER


@given(live=values, wanted=values, shown=texts)
def test_handed_over_is_for_good(live: Scalar, wanted: Scalar, shown: str) -> None:
    """A handed-over field is never written again, even when it shows our value again."""
    receipt = Receipt(sent=shown, shown=shown, handed_over=True)

    assert merge(DesiredField(wanted, Policy.MERGE), receipt, live, TEXT).change is None


@given(sent=texts, shown=texts, policy=st.sampled_from(Policy))
def test_what_the_crm_made_of_our_value_is_not_sent_again(sent: str, shown: str, policy: Policy) -> None:
    """Same wish, same answer: nothing to write, under every policy, however the CRM rewrote it."""
    receipt = Receipt(sent=sent, shown=shown)

    assert merge(DesiredField(sent, policy), receipt, shown, TEXT) == UNCHANGED


@given(live=values, wanted=values, receipt=st.one_of(st.none(), st.builds(Receipt, texts, texts)))
def test_create_policy_never_touches_an_existing_record(live: Scalar, wanted: Scalar, receipt: Receipt | None) -> None:
    """`create` writes at creation only."""
    assert merge(DesiredField(wanted, Policy.CREATE), receipt, live, TEXT) == UNCHANGED


@given(live=values, wanted=texts, receipt=st.one_of(st.none(), st.builds(Receipt, texts, texts)))
def test_fill_writes_once_and_only_what_is_empty(live: Scalar, wanted: str, receipt: Receipt | None) -> None:
    """`fill` writes an empty field that we never wrote, and nothing else."""
    merged = merge(DesiredField(wanted, Policy.FILL), receipt, live, TEXT)

    assert (merged.finding is Finding.CHANGE) == (receipt is None and same(live, None, TEXT))


def test_fill_writes_again_what_went_with_its_field() -> None:
    """A receipt of a field that was made anew tells of nothing that was sent."""
    merged = merge(DesiredField("new", Policy.FILL), Receipt(None, None), None, TEXT)

    assert merged.change is not None


@given(live=values, wanted=texts, receipt=st.one_of(st.none(), st.builds(Receipt, texts, texts)))
def test_own_policy_restores_our_value(live: Scalar, wanted: str, receipt: Receipt | None) -> None:
    """`own` ends as ours whatever a person typed, unless the CRM itself rewrote that very value."""
    stands = receipt is not None and receipt.sent == wanted and same(live, receipt.shown, TEXT)

    assert same(after(DesiredField(wanted, Policy.OWN), receipt, live), wanted, TEXT) or stands


@given(live=texts, policy=st.sampled_from(Policy), receipt=st.one_of(st.none(), st.builds(Receipt, texts, texts)))
def test_null_never_overwrites(live: str, policy: Policy, receipt: Receipt | None) -> None:
    """Without `clear`, no value of ours leaves the field alone."""
    assert merge(DesiredField(None, policy), receipt, live, TEXT) == UNCHANGED


def test_clear_empties_an_untouched_field() -> None:
    """`clear: true` lets null overwrite what we wrote."""
    cleared = merge(DesiredField(None, Policy.MERGE, clear=True), Receipt("a", "a"), "a", TEXT)

    assert cleared.change is not None
    assert cleared.change.after is None


@pytest.mark.parametrize("policy", Policy)
def test_read_only_fields_are_never_sent(policy: Policy) -> None:
    """A calculated field is neither created nor updated."""
    calculated = replace(TEXT, createable=False, updateable=False)
    wanted = DesiredField("a", policy)

    assert merge_new(wanted, calculated) == UNCHANGED
    assert merge(wanted, None, None, calculated) == UNCHANGED


def test_a_persons_value_in_a_field_we_never_wrote_stays() -> None:
    """`merge` does not overwrite a value that stood there before us."""
    assert merge(DesiredField("ours", Policy.MERGE), None, "theirs", TEXT) == UNCHANGED


def test_what_is_sent_fits_the_field() -> None:
    """A value longer than the field is cut with an ellipsis, and is then unchanged."""
    short = replace(TEXT, length=5)
    merged = merge_new(DesiredField("abcdefgh", Policy.MERGE), short)
    assert merged.change is not None

    assert merged.change.after == "abcd…"
    assert merge(DesiredField("abcdefgh", Policy.MERGE), Receipt("abcd…", "abcd…"), "abcd…", short) == UNCHANGED


def test_what_a_person_took_over_is_told_on_every_run() -> None:
    """A field that is theirs and shows something else than ours is named each time, not only when it was taken."""
    receipt = Receipt(sent="a", shown="a", handed_over=True)

    assert merge(DesiredField("b", Policy.MERGE), receipt, "theirs", TEXT).finding is Finding.THEIRS
    assert merge(DesiredField("theirs", Policy.MERGE), receipt, "theirs", TEXT).finding is Finding.UNCHANGED


@pytest.mark.parametrize(
    ("sent", "live", "rule", "cause"),
    [
        ("a", "a", "r1", Cause.NEWS),  # the same rule says something new
        ("a", "a", "r2", Cause.MAPPING),  # the rule was edited
        ("b", "x", "r1", Cause.REPAIR),  # somebody else changed a field of ours
        ("a", "a", "", Cause.NEWS),  # written before rules were remembered
    ],
)
def test_a_change_says_why(sent: str, live: str, rule: str, cause: Cause) -> None:
    """News, an edited mapping and a repair are told apart."""
    receipt = Receipt(sent=sent, shown=sent, rule=rule and "r1")

    merged = merge(DesiredField("b", Policy.OWN, rule=rule), receipt, live, TEXT)

    assert merged.change is not None
    assert (merged.change.cause, merged.change.rule) == (cause, rule)


CRM_SPELLINGS = [
    (FieldSpec("f", FieldType.NUMBER), "1200.50", "1200.5"),
    (FieldSpec("f", FieldType.NUMBER), "0.10", "0.1"),
    (FieldSpec("f", FieldType.BOOL), "yes", "true"),
    (FieldSpec("f", FieldType.DATE), "2026-09-30", "2026-09-30T00:00:00.000+0000"),
    (FieldSpec("f", FieldType.DATETIME), "2026-09-30T14:00:00+02:00", "2026-09-30T12:00:00.000Z"),
    (FieldSpec("f", FieldType.MULTI_PICKLIST), "b;a", "a;b"),
    (FieldSpec("f", FieldType.TEXT, length=5), "abcdefgh", "abcd…"),
    (FieldSpec("f", FieldType.TEXT), "one\r\ntwo ", "one\ntwo"),
    (FieldSpec("f", FieldType.HTML), "<p>a<br>b &amp; c</p>", "<p>a<br/>b &amp; c</p>"),
    (FieldSpec("f", FieldType.HTML), "<p>a</p>", "<p >a</p >"),
]


@pytest.mark.parametrize(("spec", "wanted", "shown"), CRM_SPELLINGS)
@pytest.mark.parametrize("policy", list(Policy))
def test_a_value_in_the_crms_own_spelling_is_not_written_again(
    spec: FieldSpec, wanted: str, shown: str, policy: Policy
) -> None:
    """Dates, decimals, picklists, HTML and cut texts: the CRM writes them its way, and that is the same value."""
    receipt = Receipt(sent=fit(wanted, spec), shown=shown)

    assert merge(DesiredField(wanted, policy), receipt, shown, spec) == UNCHANGED
