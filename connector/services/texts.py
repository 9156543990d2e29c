"""Renders what people read: Jinja templates in a sandbox, numbers and dates the way their language writes them.

An unknown name is an error, never an empty string; a known one without a value is written as nothing. Values are data:
what a customer's name contains is never evaluated, and `html` escapes it before a CRM shows it as rich text. What a
template may say is the closed list of `domain/expressions.py`: `check` refuses anything else before a text is rendered,
and so does this sandbox.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any

from babel.dates import format_date
from babel.numbers import format_currency, format_decimal, format_percent, get_currency_symbol
from jinja2 import StrictUndefined, TemplateError
from jinja2.exceptions import SecurityError
from jinja2.meta import find_undeclared_variables
from jinja2.sandbox import ImmutableSandboxedEnvironment

from connector.domain.catalogue import Language, Texts
from connector.domain.errors import ConfigError
from connector.domain.expressions import FILTERS, LONGEST_TEXT, LOOP, PARTS, TESTS
from connector.domain.money import Money, exponent

LOCALES: Mapping[Language, str] = {"en": "en_GB", "fr": "fr_FR"}
_NO_BREAK = re.compile(r" (?=[:;?!%»])|(?<=«) ")
"""Spaces that French sets before these marks and after the opening quote."""


def in_language(texts: Texts, language: Language) -> str:
    """Pick the text of a language, English where it is missing."""
    return texts.get(language) or texts.get("en") or next(iter(texts.values()), "")


def render(template: str, language: Language, context: Mapping[str, Any], at: str | None = None) -> str:
    """Render one template; raise ConfigError with its place when it names what is not there."""
    try:
        return typeset(_bounded(_compiled(template, language).generate(context), at).strip(), language)
    except TemplateError as wrong:
        known = ", ".join(sorted(context))
        raise ConfigError(f"template: {wrong.message}", at=at, hint=f"names known here: {known}") from None
    except (TypeError, ValueError, AttributeError, ArithmeticError, AssertionError) as wrong:
        # What a template does with a value of another kind, such as `p | money`, is the template's mistake, not a bug.
        hint = "check that each filter is given what it can write: money an amount, day a date"
        raise ConfigError(f"template: {wrong}", at=at, hint=hint) from None


def _bounded(parts: Iterable[str], at: str | None) -> str:
    """Put a text together, and stop where it is longer than any field."""
    made, size = [], 0
    for part in parts:
        made.append(part)
        size += len(part)
        if size > LONGEST_TEXT:
            raise ConfigError(f"template: makes more than {LONGEST_TEXT:,} characters", at=at, hint="shorten it")
    return "".join(made)


@lru_cache(maxsize=1024)
def _compiled(template: str, language: Language) -> Any:
    return _environment(language).from_string(template)


@lru_cache(maxsize=1024)
def names_in(template: str, language: Language) -> frozenset[str]:
    """Names that a template uses, so that nothing else has to be made ready for it."""
    try:
        return frozenset(find_undeclared_variables(_environment(language).parse(template)))
    except TemplateError:
        return frozenset()  # rendering it tells what is wrong


_PARTS = frozenset({part for parts in PARTS.values() for part in parts} | set(LOOP))


class _Sandbox(ImmutableSandboxedEnvironment):
    """Jinja's sandbox, made smaller: no calls, no attribute that is not listed, no repetition of texts."""

    intercepted_binops = frozenset({"*", "%", "**"})

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        return attr in _PARTS and not callable(value) and super().is_safe_attribute(obj, attr, value)

    def is_safe_callable(self, obj: Any) -> bool:  # noqa: ARG002 - whatever it is
        return False

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if operator == "**" or not all(isinstance(one, int | float | Decimal) for one in (left, right)):
            raise SecurityError(f"{operator} is for numbers, and ** for none")
        return super().call_binop(context, operator, left, right)


@lru_cache(maxsize=8)
def _environment(language: Language) -> ImmutableSandboxedEnvironment:
    environment = _Sandbox(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=_shown)
    ours: dict[str, Callable[..., Any]] = {
        "money": lambda value, whole=True: money(value, language, whole),
        "day": lambda value: day(value, language),
        "short_day": lambda value: short_day(value, language),
        "number": lambda value: number(value, language),
        "percent": lambda value: percent(value, language),
        "html": as_html,
        "lower_first": lower_first,
        "headline": headline,
        "clause": clause,
        "replace": _replaced,
        "truncate": cut,
    }
    environment.filters = {name: ours.get(name) or environment.filters[name] for name in FILTERS}
    environment.tests = {name: test for name, test in environment.tests.items() if name in TESTS}
    environment.globals.clear()
    return environment


def cut(text: str, most: int = 255) -> str:
    """Cut a text between words, and show that it was cut."""
    text = str(text)
    if len(text) <= most:
        return text
    whole = text[: most - 1]
    words, _, _ = whole.rpartition(" ")
    # A cut at a word may not cost more than a third: some names have no spaces.
    return (words if len(words) * 3 >= most * 2 else whole).rstrip(" \u00a0,;:–-(«“") + "…"


def _shown(value: Any) -> Any:
    """What has no value is written as nothing, never as `None`."""
    return "" if value is None else value


def _replaced(text: str, old: str, new: str) -> str:
    """Put one text in place of another; one after the other they would grow without end."""
    made = str(text).replace(str(old), str(new)) if old else str(text)
    if len(made) > LONGEST_TEXT:
        raise ValueError(f"replace makes more than {LONGEST_TEXT:,} characters")
    return made


def typeset(text: str, language: Language) -> str:
    """Keep French marks with the word before them: people type plain spaces, and no line may end there."""
    return _NO_BREAK.sub("\u00a0", text) if language == "fr" else text


def money(value: Money, language: Language, whole: bool = True) -> str:
    """Write an amount: `€420` or `420 €`; cents only when asked for or when there are any."""
    major = value.major
    pattern_digits = exponent(value.currency)
    if whole and major == major.to_integral_value():
        pattern_digits = 0
    rounded = round(major, pattern_digits)
    return format_currency(
        rounded,
        value.currency,
        locale=LOCALES[language],
        currency_digits=False,
        format=_pattern(language, pattern_digits, value.currency),
    )


def _pattern(language: Language, digits: int, currency: str) -> str:
    number = "#,##0" + ("." + "0" * digits if digits else "")
    if language == "fr":
        return f"{number}\xa0¤"
    # A symbol that ends in a letter (CHF) keeps its distance from the digits.
    gap = "\xa0" if get_currency_symbol(currency, locale=LOCALES[language])[-1:].isalpha() else ""
    return f"¤{gap}{number}"


@lru_cache(maxsize=4096)
def day(value: date, language: Language) -> str:
    """Write a day with its year: `21 November 2026`, `21 novembre 2026`."""
    return _first(format_date(value, "d MMMM y", locale=LOCALES[language]), value, language)


@lru_cache(maxsize=4096)
def short_day(value: date, language: Language) -> str:
    """Write a day without its year: `21 Nov`, `21 nov.`."""
    return _first(format_date(value, "d MMM", locale=LOCALES[language]), value, language)


def _first(text: str, value: date, language: Language) -> str:
    """French counts the first of a month: `1er mai`."""
    return "1er" + text[1:] if language == "fr" and value.day == 1 else text


def number(value: float | Decimal, language: Language) -> str:
    """Write a number with its language's marks: `1,250.5`, `1 250,5`."""
    return str(format_decimal(value, locale=LOCALES[language]))


def percent(value: float | Decimal, language: Language) -> str:
    """Write a share as whole percent, never 0 or 100: a model is never certain."""
    bounded = min(max(round(float(value) * 100), 1), 99)
    return format_percent(bounded / 100, locale=LOCALES[language])


def headline(text: str) -> str:
    """The fact alone: what stands before the first semicolon, where the date of the data follows."""
    return text.split(";", maxsplit=1)[0].strip()


def clause(text: str) -> str:
    """The gist of a fact: what stands before its first comma or bracket, enough for a subject."""
    return re.split(r",\s|\s\(|;", text, maxsplit=1)[0].strip()


def lower_first(text: str) -> str:
    """Start a text in lower case, so that it reads on after a colon; an acronym keeps its capitals."""
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]


def as_html(text: str) -> str:
    """Turn plain text into safe paragraphs: what HubSpot stores for rich text, with nothing of ours executable."""
    paragraphs = [part for part in html.escape(text.strip(), quote=False).split("\n\n") if part.strip()]
    return "".join(f"<p>{'<br>'.join(line.strip() for line in part.splitlines())}</p>" for part in paragraphs)
