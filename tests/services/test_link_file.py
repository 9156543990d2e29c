"""One CSV settles many links: every bad row is told with its line and cure, and then nothing is stored."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector.adapters.ledger import Ledger
from connector.config.project import load_project
from connector.config.settings import shipped
from connector.domain.change import CrmRecord, RecordType
from connector.domain.errors import ConfigError, Problem
from connector.domain.link import LinkDecision, LinkMethod, LinkState, Weighed
from connector.domain.mapping import CrmMapping
from connector.services.link_file import Settled, read_file, rows_to_fill_in
from connector.services.links import list_links, suggestions

NOW = datetime(2026, 9, 30, tzinfo=UTC)
WHERE = "salesforce:00D1"
WEIGHED = (Weighed("001A", 0.8, ("same name",), ("country DE ≠ FR",)), Weighed("001B", 0.6, ("name 70% alike",)))


@pytest.fixture(scope="module")
def mapping() -> CrmMapping:
    """The shipped Salesforce mapping."""
    found = load_project(shipped(), ["stripe"], "salesforce").mapping
    assert found is not None
    return found


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """A ledger with two accounts, one merged away, and three links of which one is settled."""
    with Ledger(f"sqlite:///{tmp_path / 'ledger.db'}") as opened:
        accounts = [
            CrmRecord(RecordType.ACCOUNT, "001A", {"Name": "Acme"}),
            CrmRecord(RecordType.ACCOUNT, "001B", {"Name": "=cmd|'/c calc'!A0"}),
            CrmRecord(RecordType.ACCOUNT, "001M", {"Name": "Old"}, archived=True, merged_into="001B"),
        ]
        opened.mirror.save(WHERE, RecordType.ACCOUNT, accounts)
        opened.links.settle(
            WHERE,
            [
                LinkDecision("cus_1", LinkState.LINKED, NOW, "001A", LinkMethod.DOMAIN, billing_name="ACME Inc."),
                LinkDecision(
                    "cus_2",
                    LinkState.AMBIGUOUS,
                    NOW,
                    None,
                    LinkMethod.NAME,
                    candidates=("001A", "001B"),
                    billing_name='=HYPERLINK("http://evil.example")',
                    evidence=WEIGHED,
                ),
                LinkDecision("cus_3", LinkState.UNMATCHED, NOW),
            ],
        )
        yield opened


def read(ledger: Ledger, mapping: CrmMapping, content: str | bytes, by: str = "", later: int = 1) -> Settled:
    raw = content.encode() if isinstance(content, str) else content
    now = NOW + timedelta(days=later)
    return read_file(raw, "links.csv", ledger.links, ledger.mirror, WHERE, mapping, now, by)


def test_a_file_settles_many(ledger: Ledger, mapping: CrmMapping) -> None:
    """A CRM id links, nothing beside a name says none, a row nobody filled in stays open, a merge is followed."""
    found = read(
        ledger,
        mapping,
        "billing_id,crm_id,by,note\ncus_1,001M,Ana,moved there\ncus_2,,Ana,a partner\ncus_3,,,\n",
    )

    assert [(one.billing_id, one.state, one.crm_id, one.decided_by, one.note) for one in found.changed] == [
        ("cus_1", LinkState.LINKED, "001B", "Ana", "moved there"),
        ("cus_2", LinkState.UNSET, None, "Ana", "a partner"),
    ]
    assert (found.unchanged, found.left_open, found.followed) == (0, 1, ("001M → 001B",))


def test_the_same_file_twice_changes_nothing(ledger: Ledger, mapping: CrmMapping) -> None:
    """What a file decided stands already when it comes again, on another day too."""
    content = "billing_id,crm_id,by,note\ncus_1,001A,Ana,\ncus_2,none,Ana,why\n"
    ledger.links.settle(WHERE, read(ledger, mapping, content).changed)
    before = ledger.links.all(WHERE)

    again = read(ledger, mapping, content, later=5)

    assert (again.changed, again.unchanged) == ((), 2)
    assert ledger.links.all(WHERE) == before


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_what_spreadsheets_write_is_read(ledger: Ledger, mapping: CrmMapping, encoding: str, delimiter: str) -> None:
    """Any delimiter, a byte order mark, Windows line ends, other columns and quoted lines are read."""
    rows = [("Note", "BILLING_ID ", "extra", "crm_id", "by"), ("two\nlines", " cus_1 ", "é", "001A", "Zoé")]
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\r\n").writerows(rows)

    (one,) = read(ledger, mapping, text.getvalue().encode(encoding)).changed

    assert (one.billing_id, one.crm_id, one.decided_by, one.note) == ("cus_1", "001A", "Zoé", "two\nlines")


def test_every_bad_row_is_told(ledger: Ledger, mapping: CrmMapping) -> None:
    """Each wrong row has its line and its cure, all at once, and none of the good ones is stored."""
    before = ledger.links.all(WHERE)
    content = (
        "billing_id,crm_id,by,note\n"
        "cus_1,001A,Ana,\n"
        'cus_22,001A,Ana,"two\nlines"\n'
        "cus_2,001C,Ana,\n"
        "cus_3,001A,,\n"
        ",001A,Ana,\n"
        "cus_1,001B,Ana,\n"
        "cus_1,001A,Ana,a,b,c\n"
    )

    with pytest.raises(ConfigError) as refused:
        read(ledger, mapping, content)

    told = {problem.at: (problem.message, problem.hint) for problem in refused.value.problems}
    assert list(told) == [f"links.csv:{line}" for line in (9, 3, 5, 6, 7, 8)]
    assert told["links.csv:3"] == ("no billing account cus_22", "did you mean cus_2?")
    assert told["links.csv:5"] == ("no CRM account 001C", "did you mean 001A?") or told["links.csv:5"][0].endswith(
        "001C"
    )
    assert "--by" in (told["links.csv:6"][1] or "")
    assert told["links.csv:8"][0] == "cus_1 is 001A in line 2"
    assert ledger.links.all(WHERE) == before


@pytest.mark.parametrize(
    ("content", "at", "said"),
    [
        (b"", "links.csv:1", "no column billing_id"),
        (b"billing_id,by\ncus_1,Ana\n", "links.csv:1", "no column crm_id"),
        (b"billing_id,crm_id,crm_id\n", "links.csv:1", "two columns crm_id"),
        (b"billing_id,crm_id,by\ncus_1,001A,Ana\ncus_2,001A,Zo\xe9\n", "links.csv:3", "not UTF-8"),
        (b'billing_id,crm_id,by\ncus_1,001A,"Ana\n', "links.csv:2", "not CSV"),
        (b"PK\x03\x04....", "links.csv", "an Excel workbook"),
        (b"billing_id,crm_id\ncus_1,\x00\n", "links.csv:2", "not text"),
    ],
)
def test_what_is_no_such_file(ledger: Ledger, mapping: CrmMapping, content: bytes, at: str, said: str) -> None:
    """A file of another kind, encoding or heading is refused, with the place and the cure."""
    with pytest.raises(ConfigError) as refused:
        read(ledger, mapping, content)

    assert refused.value.problem.at == at
    assert said in refused.value.problem.message
    assert refused.value.problem.hint


def test_by_stands_for_the_whole_file(ledger: Ledger, mapping: CrmMapping) -> None:
    """Whoever imports may answer for rows that name nobody; a row without a CRM account stays open even then."""
    found = read(ledger, mapping, "billing_id,crm_id\ncus_1,001B\ncus_2,\n", by=" Ana ")

    assert [(one.billing_id, one.decided_by) for one in found.changed] == [("cus_1", "Ana")]
    assert found.left_open == 1


def test_what_suggest_writes_can_be_imported(ledger: Ledger, mapping: CrmMapping) -> None:
    """The file for a person holds who waits and why, imports unchanged as nothing, and filled in as decisions."""
    waiting = suggestions(ledger.links, ledger.mirror, WHERE, mapping, everybody=True)
    lines = list(rows_to_fill_in(waiting))
    empty = io.StringIO()
    csv.writer(empty).writerows(lines)
    filled = io.StringIO()
    csv.writer(filled).writerows([lines[0], (lines[1][0], "001A", "Ana", "", *lines[1][4:]), lines[2]])

    nothing, something = read(ledger, mapping, empty.getvalue()), read(ledger, mapping, filled.getvalue())

    assert [line[0] for line in lines[1:]] == ["cus_2", "cus_3"]
    assert "001A Acme (0.80: same name; but country DE ≠ FR)" in lines[1][6]
    assert (nothing.changed, nothing.left_open) == ((), 2)
    assert [(one.billing_id, one.crm_id) for one in something.changed] == [("cus_2", "001A")]


def test_no_cell_is_a_formula(ledger: Ledger, mapping: CrmMapping) -> None:
    """A name that a spreadsheet would run is written as text."""
    lines = list(rows_to_fill_in(suggestions(ledger.links, ledger.mirror, WHERE, mapping)))

    assert lines[1][4] == '\'=HYPERLINK("http://evil.example")'
    assert not any(cell.startswith(("=", "+", "-", "@")) for line in lines for cell in line)


def test_evidence_and_notes_outlive_the_ledger(ledger: Ledger, mapping: CrmMapping) -> None:
    """What was weighed is stored with the decision and listed with names; a note stays with a person's."""
    ledger.links.settle(WHERE, read(ledger, mapping, "billing_id,crm_id,by,note\ncus_2,001A,Ana,asked them\n").changed)

    (row,) = [row for row in list_links(ledger.links, ledger.mirror, WHERE, mapping) if row.billing_id == "cus_2"]

    assert next((one.id, one.name, one.score) for one in row.weighed) == ("001A", "Acme", 0.8)
    assert (row.note, row.decided_by) == ("asked them", "Ana")


def test_a_link_whose_account_is_gone_waits(ledger: Ledger, mapping: CrmMapping) -> None:
    """A person's link to an account that the CRM deleted is shown among what waits."""
    ledger.links.settle(WHERE, read(ledger, mapping, "billing_id,crm_id,by\ncus_1,001A,Ana\n").changed)
    gone = CrmRecord(RecordType.ACCOUNT, "001A", {"Name": "Acme"}, archived=True)
    ledger.mirror.save(WHERE, RecordType.ACCOUNT, [gone])

    waiting = suggestions(ledger.links, ledger.mirror, WHERE, mapping)

    assert [(row.billing_id, row.is_gone) for row in waiting] == [("cus_2", False), ("cus_1", True)]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(st.binary(max_size=300) | st.text(alphabet='billing_id,crm_id;by"\n\r\tcus_1é=', max_size=200))
def test_rubbish_is_refused_or_read(ledger: Ledger, mapping: CrmMapping, content: bytes | str) -> None:
    """Whatever the file holds ends in decisions or in problems, never in a traceback."""
    raw = content.encode() if isinstance(content, str) else content
    problems: tuple[Problem, ...] = ()
    changed: tuple[LinkDecision, ...] = ()
    try:
        changed = read(ledger, mapping, b"billing_id,crm_id,by\n" + raw).changed
    except ConfigError as refused:
        problems = refused.problems

    assert all(problem.hint and problem.at for problem in problems)
    assert all(one.is_by_person for one in changed)
