"""Values that mean the same are the same, whatever a CRM does to their spelling."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.domain.change import FieldSpec, FieldType, Scalar
from connector.domain.html import canonical_html, cut_html
from connector.domain.normalise import fit, same


def spec(type: FieldType, length: int | None = None) -> FieldSpec:
    return FieldSpec("field", type, length=length)


@pytest.mark.parametrize(
    ("type", "left", "right"),
    [
        (FieldType.NUMBER, "12.50", "12.5"),
        (FieldType.NUMBER, "1E+3", "1000.0"),
        (FieldType.NUMBER, "-0.00", "0"),
        (FieldType.BOOL, "True", "true"),
        (FieldType.BOOL, "0", "false"),
        (FieldType.DATE, "2026-05-01", "2026-05-01T00:00:00Z"),
        (FieldType.DATETIME, "2024-11-07T07:00:00.000+0000", "2024-11-07T08:00:00+01:00"),
        (FieldType.DATETIME, "2024-11-07T07:00:00", "2024-11-07T07:00:00Z"),
        (FieldType.MULTI_PICKLIST, "b; a;b", "a;b"),
        (FieldType.TEXT, "one\r\ntwo  \n", "one\ntwo"),
        (FieldType.TEXT, "   ", None),
        (FieldType.PICKLIST, "Consult ", "Consult"),
        (FieldType.HTML, "<p>a  b<br/>&eacute;</p>", "<P>a b<br>é</P>\n"),
        (FieldType.HTML, "<a href='x' class=y>z</a>", '<a class="y" href="x">z</a>'),
        (FieldType.HTML, "<ul>\n <li>one</li>\n <li>two</li>\n</ul>", "<ul><li>one</li><li>two</li></ul>"),
    ],
)
def test_the_same(type: FieldType, left: Scalar, right: Scalar) -> None:
    """These pairs are one value."""
    assert same(left, right, spec(type))


@pytest.mark.parametrize(
    ("type", "left", "right"),
    [
        (FieldType.NUMBER, "12.5", "12.51"),
        (FieldType.DATE, "2026-05-01", "2026-05-02"),
        (FieldType.DATETIME, "2024-11-07T07:00:00Z", "2024-11-07T07:00:01Z"),
        (FieldType.TEXT, "one two", "one  two"),
        (FieldType.HTML, "<p>a b</p>", "<p>ab</p>"),
        (FieldType.HTML, "<b>a</b>", "<i>a</i>"),
        (FieldType.HTML, '<a href="x">z</a>', '<a href="y">z</a>'),
    ],
)
def test_not_the_same(type: FieldType, left: Scalar, right: Scalar) -> None:
    """These pairs differ for a reader."""
    assert not same(left, right, spec(type))


@given(value=st.one_of(st.none(), st.text()), type=st.sampled_from(FieldType), length=st.integers(1, 30))
def test_fitting_twice_changes_nothing(value: Scalar, type: FieldType, length: int) -> None:
    """What fits is left as it is, for every type and any text."""
    once = fit(value, spec(type, length))

    assert fit(once, spec(type, length)) == once


@given(value=st.text(min_size=1), length=st.integers(1, 20))
def test_text_is_cut_to_the_field(value: str, length: int) -> None:
    """No text is longer than its field, counted in characters."""
    assert len(fit(value, spec(FieldType.TEXT, length)) or "") <= length


@given(words=st.lists(st.sampled_from(["<p>", "</p>", "<b>", "</b>", "<br>", "a & b", "text ", "<li>x</li>"])))
def test_canonical_html_is_stable(words: list[str]) -> None:
    """Spelling HTML canonically twice gives the same."""
    once = canonical_html("".join(words))

    assert canonical_html(once) == once


@given(
    words=st.lists(st.sampled_from(["<p>", "</p>", "<b>", "</b>", "<br>", "a & b", "text ", "<li>x</li>"])),
    length=st.integers(1, 60),
)
def test_cut_html_fits_and_closes_what_it_opens(words: list[str], length: int) -> None:
    """Cut HTML is no longer than allowed and closes every tag it opened."""
    cut = cut_html("".join(words), length, "…")

    assert len(cut) <= length
    assert cut.count("<p>") == cut.count("</p>")
    assert cut.count("<b>") == cut.count("</b>")


def test_a_number_too_large_to_write_out_is_left_alone() -> None:
    """`1e999999` does not become a million digits."""
    assert fit("1e999999", spec(FieldType.NUMBER)) == "1e999999"
