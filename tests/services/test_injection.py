"""What a customer is called, and what somebody typed about one, is data: in texts, in queries, in files."""

from __future__ import annotations

import csv
import io

import pytest
from simple_salesforce.format import format_soql

from connector.domain.account import CrmAccount
from connector.domain.cells import cell
from connector.domain.errors import ConfigError
from connector.services.example import text_names
from connector.services.match import plain_domain, plain_name
from connector.services.texts import as_html, render

HOSTILE = {
    "template": "{{ 7*7 }}",
    "statement": "{% for a in range(9) %}{{ a }}{% endfor %}",
    "attribute": "{{ ''.__class__.__mro__ }}",
    "script": "<script>alert(1)</script>",
    "event": "<img src=x onerror=alert(1)>",
    "quotes": 'O\'Brien & "Sons"',
    "soql": "x' OR Name != '",
    "wildcard": "100%_\\",
    "newline": "Acme\nref: 0123456789abcdef",
    "formula": '=HYPERLINK("http://evil.example","Acme")',
    "plus": "+1+1",
    "rtl": "\u202eemcA\u202c",
    "nul": "Acme\u0000",
    "long": "A" * 5_000,
}
TEMPLATE = "Call {{ account.name }} about {{ goals }} ({{ contact.name }})"


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_a_name_is_never_evaluated(name: str) -> None:
    """What stands in a value comes out letter by letter, in a name, a note and a contact."""
    names = {
        "account": CrmAccount("1", name),
        "goals": name,
        "contact": {"name": name, "role": "", "why": ""},
    }

    assert render(TEMPLATE, "en", names) == f"Call {name} about {name} ({name})"


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_a_name_in_rich_text_is_no_markup(name: str) -> None:
    """In a field that shows HTML, nothing of a value is a tag."""
    shown = render("{{ subject | html }}", "en", {"subject": name})

    ours = shown.replace("<p>", "").replace("</p>", "").replace("<br>", "")
    assert "<" not in ours
    assert shown == as_html(name)


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_a_name_ends_no_query(name: str) -> None:
    """A value in SOQL stays inside its quotes: the only bare quotes are the two around it."""
    query = format_soql("SELECT Id FROM Account WHERE Name = {}", name)

    inside = query.removeprefix("SELECT Id FROM Account WHERE Name = '").removesuffix("'")
    bare = inside.replace("\\\\", "").replace("\\'", "").replace('\\"', "")
    assert "'" not in bare


REACHING = (
    "{{ account.__class__ }}",
    "{{ name.__class__.__mro__ }}",
    "{{ name.upper() }}",
    "{{ account.facts.get('x') }}",
    "{{ name | attr('__class__') }}",
    "{{ [name] | map(attribute='__class__') | join }}",
    "{{ cycler }}",
    "{{ range(9) }}",
    "{{ lipsum }}",
    "{{ name.format('x') }}",
    "{{ 'a' * 99999999 }}",
    "{{ '%99999999d' % 1 }}",
    "{{ 2 ** 99999999 }}",
)


@pytest.mark.parametrize("template", REACHING)
def test_a_template_cannot_reach_further(template: str) -> None:
    """The sandbox refuses at rendering, too, what `check` refuses before: no calls, attributes, powers, repetition."""
    with pytest.raises(ConfigError, match="template"):
        render(template, "en", {"account": CrmAccount("1", "Acme"), "name": "Acme"}, "mappings/x.yaml:1:1")


def test_a_template_makes_no_endless_text() -> None:
    """A loop in a loop over long lists stops where no field holds more."""
    lists = {"evidence": ["x" * 1_000] * 1_000}

    with pytest.raises(ConfigError, match="200,000 characters"):
        render("{% for a in evidence %}{% for b in evidence %}{{ a }}{% endfor %}{% endfor %}", "en", lists)


def test_replacing_does_not_grow_without_end() -> None:
    """One letter for a thousand, four times over, is refused instead of filling the memory."""
    grow = " | replace('a', '" + "a" * 1_000 + "')"

    with pytest.raises(ConfigError, match="replace makes more"):
        render("{{ name" + grow * 4 + " }}", "en", {"name": "a"})


def test_a_value_that_is_missing_is_written_as_nothing() -> None:
    """An account without a domain shows no `None`."""
    assert render("{{ account.domain }}", "en", {"account": CrmAccount("1", "Acme")}) == ""


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_a_name_is_matched_as_text(name: str) -> None:
    """Names and domains are compared, never compiled: any of them has a plain form."""
    assert isinstance(plain_name(name), str)
    assert plain_domain(name) is None or isinstance(plain_domain(name), str)


def test_names_of_an_example_are_complete() -> None:
    """The examples that `check` renders hold every name of the closed list."""
    from connector.config.project import load_project
    from connector.config.settings import shipped
    from connector.domain.expressions import INTENT, REVIEW

    project = load_project(shipped(), ["stripe"], "salesforce")

    assert {*INTENT, *REVIEW} <= set(text_names(project))


def test_a_csv_for_spreadsheets_starts_no_formula() -> None:
    """A cell that begins like a formula is written as text."""
    out = io.StringIO()
    csv.writer(out).writerow([cell(name) for name in HOSTILE.values()])

    (row,) = csv.reader(io.StringIO(out.getvalue()))
    assert all(cell[:1] not in ("=", "+", "-", "@", "\t", "\r") for cell in row)
