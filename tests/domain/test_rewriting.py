"""What a CRM shows after a write: its own spelling of what was sent, or an edit that somebody made meanwhile."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from connector.domain.change import FieldSpec, FieldType, Scalar
from connector.domain.normalise import fit, same
from connector.domain.rewriting import is_made_of

WORDS = st.text(
    st.characters(codec="utf-8", exclude_characters="<>&\x00", exclude_categories=("Cc", "Cs")), max_size=60
)
NUMBERS = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=4)
VALUES = {
    FieldType.NUMBER: NUMBERS.map(str),
    FieldType.BOOL: st.sampled_from(["true", "false"]),
    FieldType.DATE: st.dates().map(str),
    FieldType.DATETIME: st.datetimes().map(lambda at: at.isoformat(timespec="seconds")),
    FieldType.PICKLIST: st.sampled_from(["Proposed", "Consult", "Closed Won"]),
    FieldType.MULTI_PICKLIST: st.sampled_from(["a;b", "b", "c;d"]),
    FieldType.REFERENCE: st.sampled_from(["005000000000001AAA", "005000000000002AAA", "12", "123"]),
    FieldType.TEXT: WORDS,
    FieldType.HTML: WORDS,
    FieldType.FILE: WORDS,
}


def spec(type: FieldType, length: int | None = 255) -> FieldSpec:
    return FieldSpec("field", type, length=length)


@pytest.mark.parametrize(
    ("type", "sent", "shown"),
    [
        (FieldType.NUMBER, "12.345", "12.35"),
        (FieldType.NUMBER, "12.345", "12.34"),
        (FieldType.NUMBER, "1.999", "2.00"),
        (FieldType.NUMBER, "1188.5", "1189"),
        (FieldType.REFERENCE, "005000000000001", "005000000000001AAA"),
        (FieldType.PICKLIST, "closed won", "Closed Won"),
        (FieldType.TEXT, "  Call Acme\r\nnow ", "Call Acme\nnow"),
        (FieldType.TEXT, "seats full", "SEATS FULL"),
        (FieldType.TEXT, "R&D seats", "R&amp;D seats"),
        (FieldType.TEXT, "<b>47</b> of 50", "47 of 50"),
        (FieldType.TEXT, "é" * 200, "é" * 127),
        (FieldType.HTML, '<p style="x">47 of 50</p><p>now</p>', "47 of 50<br><br>now"),
    ],
)
def test_these_are_the_crms_own_doing(type: FieldType, sent: str, shown: str) -> None:
    """Rounding, a longer id, trimming, case, entities, stripped tags, and cutting what is too long in bytes."""
    assert is_made_of(shown, sent, spec(type))


@pytest.mark.parametrize(
    ("type", "sent", "shown"),
    [
        (FieldType.NUMBER, "1188", "1189"),
        (FieldType.NUMBER, "1188.50", "1200"),
        (FieldType.NUMBER, "1188.50", "1188.55"),
        (FieldType.NUMBER, "100", None),
        (FieldType.DATE, "2026-05-01", "2026-05-02"),
        (FieldType.BOOL, "true", "false"),
        (FieldType.PICKLIST, "Proposed", "Consult"),
        (FieldType.REFERENCE, "005000000000001AAA", "005000000000002AAA"),
        (FieldType.REFERENCE, "12", "123"),
        (FieldType.TEXT, "Call Acme", "Call Acme, Bob answers"),
        (FieldType.TEXT, "Call Acme: 47 of 50 seats", "Call Acme"),
        (FieldType.TEXT, "é" * 200, "éé"),
        (FieldType.TEXT, "Call Acme", None),
        (FieldType.TEXT, "Call Acme", "…"),
        (FieldType.TEXT, None, "call Bob"),
        (FieldType.HTML, "<p>47 of 50</p>", "<p>48 of 50</p>"),
    ],
)
def test_these_are_somebodys(type: FieldType, sent: Scalar, shown: Scalar) -> None:
    """Another value, a word more or less, an emptied or a filled field."""
    assert not is_made_of(shown, sent, spec(type))


@given(data=st.data(), type=st.sampled_from(FieldType))
def test_what_means_the_same_is_the_crms(data: st.DataObject, type: FieldType) -> None:
    """However two spellings of one value differ, nobody edited it."""
    value = data.draw(VALUES[type])

    assert is_made_of(fit(value, spec(type)), value, spec(type, None))
    assert is_made_of(f" {value} ", value, spec(type))


@given(
    data=st.data(),
    type=st.sampled_from([type for type in FieldType if type not in (FieldType.TEXT, FieldType.HTML)]),
)
def test_what_no_crm_rewrites_is_a_persons(data: st.DataObject, type: FieldType) -> None:
    """In a field that is no text another value is an edit, whatever the two are; only a number may be rounded."""
    sent, shown = data.draw(VALUES[type]), data.draw(st.one_of(st.none(), VALUES[type]))
    assume(not same(sent, shown, spec(type)))
    assume(type is not FieldType.NUMBER or shown is None or abs(Decimal(shown) - Decimal(sent)) >= 1)

    assert not is_made_of(shown, sent, spec(type))


@given(sent=WORDS, added=WORDS.filter(str.strip), at=st.integers(0, 60))
def test_a_word_that_was_put_in_is_a_persons(sent: str, added: str, at: int) -> None:
    """No CRM adds to a text."""
    assert not is_made_of(sent[:at] + added + sent[at:], sent, spec(FieldType.TEXT, None))


@given(sent=st.one_of(st.none(), st.text()), shown=st.one_of(st.none(), st.text()), type=st.sampled_from(FieldType))
def test_any_two_values_are_answered(sent: Scalar, shown: Scalar, type: FieldType) -> None:
    """Rubbish is answered, too; nothing made of something is an edit."""
    answer = is_made_of(shown, sent, spec(type))

    assert answer or not same(shown, sent, spec(type))
