"""What people read: amounts, dates and shares as their language writes them, and templates that never fail silently."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.domain.errors import ConfigError
from connector.domain.money import Money
from connector.services.texts import as_html, day, in_language, lower_first, money, percent, render, short_day

NARROW, WIDE = "\u202f", "\xa0"


@pytest.mark.parametrize(
    ("amount", "english", "french"),
    [
        (Money(42000, "EUR"), "€420", f"420{WIDE}€"),
        (Money(42050, "EUR"), "€420.50", f"420,50{WIDE}€"),
        (Money(123456700, "EUR"), "€1,234,567", f"1{NARROW}234{NARROW}567{WIDE}€"),
        (Money(-42000, "EUR"), "-€420", f"-420{WIDE}€"),
        (Money(42000, "CHF"), f"CHF{WIDE}420", f"420{WIDE}CHF"),
        (Money(42000, "JPY"), "JP¥42,000", f"42{NARROW}000{WIDE}JPY"),
        (Money(1234, "KWD"), f"KWD{WIDE}1.234", f"1,234{WIDE}KWD"),
    ],
)
def test_money(amount: Money, english: str, french: str) -> None:
    """An amount has its language's marks, and decimals only when it has a part of a unit."""
    assert money(amount, "en") == english
    assert money(amount, "fr") == french


def test_money_with_cents() -> None:
    """Cents are written when asked for."""
    assert money(Money(42000, "EUR"), "fr", whole=False) == f"420,00{WIDE}€"


def test_days() -> None:
    """A day is written as its language does, with and without the year."""
    assert (day(date(2026, 11, 1), "en"), day(date(2026, 11, 1), "fr")) == ("1 November 2026", "1er novembre 2026")
    assert (short_day(date(2026, 11, 1), "en"), short_day(date(2026, 11, 1), "fr")) == ("1 Nov", "1er nov.")


@given(share=st.floats(-1, 2))
def test_percent_is_never_certain(share: float) -> None:
    """A likelihood is between 1 and 99 percent whatever the model says."""
    assert 1 <= int(percent(share, "en").rstrip("%")) <= 99


def test_percent() -> None:
    """A share is rounded to whole percent, with the language's space."""
    assert (percent(0.336, "en"), percent(0.336, "fr")) == ("34%", f"34{WIDE}%")


@given(text=st.text(max_size=200))
def test_html_holds_no_markup_of_the_text(text: str) -> None:
    """Whatever a customer's name holds, only our paragraphs and line breaks are markup."""
    shown = as_html(text).replace("<p>", "").replace("</p>", "").replace("<br>", "")

    assert "<" not in shown
    assert ">" not in shown


def test_html_paragraphs() -> None:
    """Blank lines part paragraphs, line ends become breaks, an ampersand is escaped once."""
    assert as_html("Smith & Co\nParis\n\n<b>bold</b>") == (
        "<p>Smith &amp; Co<br>Paris</p><p>&lt;b&gt;bold&lt;/b&gt;</p>"
    )


def test_lower_first() -> None:
    """A sentence goes on in lower case after a colon, an acronym keeps its capitals."""
    assert [lower_first(text) for text in ("Seats full", "API calls", "", "x")] == ["seats full", "API calls", "", "x"]


def test_render_filters() -> None:
    """A template writes values as the reader's language does."""
    template = "{{ worth | money }} {{ on | short_day }} {{ p | percent }} {{ many | number }}"
    values = {"worth": Money(42000, "EUR"), "on": date(2026, 11, 1), "p": 0.5, "many": 1234}

    assert render(template, "en", values) == "€420 1 Nov 50% 1,234"
    assert render(template, "fr", values) == f"420{WIDE}€ 1er nov. 50{WIDE}% 1{NARROW}234"


def test_unknown_name() -> None:
    """An unknown name is an error with its place and the names there are, never an empty text."""
    with pytest.raises(ConfigError) as refused:
        render("{{ acount }}", "en", {"account": 1, "offer": 2}, at="playbooks/negotiation.yaml:12:7")

    assert refused.value.problem.at == "playbooks/negotiation.yaml:12:7"
    assert "acount" in refused.value.problem.message
    assert refused.value.problem.hint == "names known here: account, offer"


@pytest.mark.parametrize("template", ["{{ p | money }}", "{{ p | short_day }}", "{{ 1 / 0 }}", "{{ none + 1 }}"])
def test_filter_on_a_wrong_value(template: str) -> None:
    """A template that misuses a value is the operator's to mend, not a bug."""
    with pytest.raises(ConfigError):
        render(template, "en", {"p": 0.5, "none": None}, at="x.yaml:1:1")


@pytest.mark.parametrize("text", ["{{ 7 * 7 }}", "{% set x = 1 %}", "{{ account.__class__ }}"])
def test_values_are_data(text: str) -> None:
    """What a customer's name contains is shown, not evaluated."""
    assert render("{{ name }}", "en", {"name": text}) == text


def test_sandbox() -> None:
    """A template cannot reach into Python, nor change what it is given."""
    for template in ("{{ ''.__class__.__mro__ }}", "{{ facts.clear() }}"):
        with pytest.raises(ConfigError):
            render(template, "en", {"facts": {"a": 1}})


def test_in_language() -> None:
    """A text that lacks the reader's language falls back to English."""
    assert in_language({"en": "Hi", "fr": "Salut"}, "fr") == "Salut"
    assert in_language({"en": "Hi"}, "fr") == "Hi"
    assert in_language({}, "fr") == ""
