"""Values on the wire and the `ref:` line."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.adapters.crms.hubspot import translate as hubspot
from connector.adapters.crms.salesforce import translate as salesforce
from connector.adapters.crms.values import number_text, with_reference, without_reference
from connector.domain.change import FieldSpec, FieldType

KEY = "0123456789abcdef" * 2
VALUES = {
    FieldType.TEXT: st.text(min_size=1),
    FieldType.NUMBER: st.integers(-(10**9), 10**9).map(lambda cents: number_text(Decimal(cents) / 100)),
    FieldType.BOOL: st.sampled_from(["true", "false"]),
    FieldType.DATE: st.dates().map(lambda one: one.isoformat()),
    FieldType.DATETIME: st.datetimes().map(lambda one: f"{one.replace(microsecond=0).isoformat()}Z"),
    FieldType.MULTI_PICKLIST: st.sets(st.sampled_from(["A", "B", "C"]), min_size=1).map(
        lambda some: ";".join(sorted(some))
    ),
}


@pytest.mark.parametrize("vendor", [salesforce, hubspot])
@pytest.mark.parametrize("type", VALUES)
@given(data=st.data())
def test_a_canonical_value_survives_the_wire(vendor: object, type: FieldType, data: st.DataObject) -> None:
    """What is written in canonical text is read as the same text."""
    value = data.draw(VALUES[type])
    spec = FieldSpec("x", type)

    assert vendor.from_wire(spec, vendor.to_wire(spec, value)) == value  # type: ignore[attr-defined]


@pytest.mark.parametrize("vendor", [salesforce, hubspot])
@pytest.mark.parametrize(
    ("type", "value"), [(FieldType.NUMBER, "many"), (FieldType.DATE, "soon"), (FieldType.DATETIME, "x")]
)
def test_a_value_of_another_type_is_no_value(vendor: object, type: FieldType, value: str) -> None:
    """A value that the field cannot hold is refused before it is sent."""
    with pytest.raises(ValueError, match=value):
        vendor.to_wire(FieldSpec("x", type), value)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("told", "canonical"),
    [("2026-12-01", "2026-12-01"), ("1796083200000", "2026-12-01"), ("2026-12-01T00:00:00Z", "2026-12-01")],
)
def test_hubspot_writes_one_day_in_three_ways(told: str, canonical: str) -> None:
    """A day is read from ISO text, a midnight or milliseconds alike."""
    assert hubspot.from_wire(FieldSpec("x", FieldType.DATE), told) == canonical


@given(body=st.text(alphabet=st.characters(exclude_categories=["Cs"])).map(str.strip))
def test_the_reference_line_comes_off_as_it_went_on(body: str) -> None:
    """A body is read as it was written, and the key with it; written again it has one line."""
    once = with_reference(body or None, KEY, None)

    assert without_reference(once) == (body or None, KEY)
    assert with_reference(once, KEY, None) == once


def test_a_long_body_makes_room_for_its_reference() -> None:
    """The line is never cut off: the text before it is."""
    plain = with_reference("x" * 500, KEY, 100)
    rich = with_reference(f"<p>{'x' * 500}</p>", KEY, 120, paragraph=True)

    assert len(plain) == 100
    assert without_reference(plain)[1] == KEY
    assert len(rich) <= 120
    assert without_reference(rich)[1] == KEY
    assert str(without_reference(rich)[0]).endswith("…</p>")


def test_a_reference_in_the_middle_is_a_person_s_text() -> None:
    """Only the last line is ours."""
    assert without_reference(f"ref: {KEY}\nand more") == (f"ref: {KEY}\nand more", None)
