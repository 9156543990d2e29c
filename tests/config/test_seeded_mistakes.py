"""A hundred seeded mistakes in mappings and playbooks: each is told at its line and column, with a cure that helps."""

from __future__ import annotations

from pathlib import Path

import pytest
from config_home import Home
from seeded import MISTAKES, SF, Mistake

from connector.config.project import load_project
from connector.config.yamltree import MOST_BYTES
from connector.domain.errors import ConfigError, Problem
from connector.services.check import check_templates


def problems_of(home: Home) -> list[Problem]:
    """What `connector check` tells."""
    try:
        return check_templates(load_project(home.folder, ["stripe", "files"], "salesforce"))
    except ConfigError as wrong:
        return list(wrong.problems)


def place_of(text: str, mark: str) -> tuple[str, str]:
    """Where a mistake stands in the spoiled text, as `line:column`, and the line alone where no column can be told."""
    lines = text.split("\n")
    if mark == "$eof":
        return str(len(lines)), ""
    if mark.startswith("$second "):
        at = text.index(mark[8:], text.index(mark[8:]) + 1)
    elif mark.startswith("$line "):
        words = mark[6:].rsplit(" ", 1)
        again = int(words[1]) if words[-1].isdigit() else 1
        wanted = words[0] if words[-1].isdigit() else mark[6:]
        at = -1
        for _ in range(again):
            at = text.index(wanted, at + 1)
        return str(text.count("\n", 0, at) + 1), ""
    elif mark.startswith("^"):
        found = next(i for i, line in enumerate(lines) if line.lstrip(" ").startswith(mark[1:]))
        column = len(lines[found]) - len(lines[found].lstrip(" ")) + 1
        return str(found + 1), str(column)
    else:
        at = text.index(mark)
    line = text.count("\n", 0, at) + 1
    return str(line), str(at - (text.rfind("\n", 0, at) + 1) + 1)


@pytest.mark.parametrize("mistake", MISTAKES, ids=str)
def test_a_seeded_mistake_is_told_where_it_stands(home: Home, mistake: Mistake) -> None:
    """The message names it, its line and column lead there, and the cure says what to write."""
    home.change(mistake.document, mistake.old, mistake.new)
    text = (home.folder / mistake.document).read_bytes().decode()
    line, column = place_of(text, mistake.at)

    found = problems_of(home)

    (told, *_) = [one for one in found if mistake.message in one.message] or pytest.fail(f"told: {found}")
    file, *at = (told.at or "").split(":")
    assert (file, at[0]) == (mistake.document, line), told
    assert not column or at[1] == column, told
    assert any(part in (told.hint or "") for part in mistake.cure.split("|")), told
    assert {one.message for one in found} == {told.message} or "unknown key" in told.message or len(found) <= 3, found


def test_names_of_mistakes_are_distinct() -> None:
    """There are at least fifty, and none is counted twice."""
    assert len({one.name for one in MISTAKES}) == len(MISTAKES) >= 50


def test_a_file_of_ten_megabytes(home: Home) -> None:
    """A file that is no mapping is refused before it is read, in no time."""
    path = home.folder / SF
    path.write_bytes(b"# " + b"x" * 10_000_000)

    (told,) = problems_of(home)

    assert told.at == SF
    assert f"at most {MOST_BYTES:,}" in told.message
    assert "right file" in (told.hint or "")


@pytest.mark.parametrize(
    ("encoding", "line"), [("cp1252", 103), ("utf-16", 1), ("utf-16-le", 1)], ids=["cp1252", "utf-16", "no mark"]
)
def test_another_encoding(home: Home, encoding: str, line: int) -> None:
    """A file that Windows saved in its own way says where, and how to save it."""
    path = home.folder / SF
    text = path.read_text("utf-8").encode("ascii", "ignore").decode() if encoding == "utf-16-le" else "é" * 2
    spoiled = text.encode(encoding) if encoding != "cp1252" else b"# a\n" * (line - 1) + "# é\n".encode("cp1252")
    path.write_bytes(spoiled)

    (told, *_) = problems_of(home)

    assert (told.at or "").startswith(f"{SF}:{line}")
    assert told.hint in ("save the file as UTF-8", "delete it")


def test_a_byte_order_mark_is_no_mistake(home: Home) -> None:
    """What Notepad puts in front changes nothing, neither do its line ends."""
    path = home.folder / SF
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))

    assert problems_of(home) == []


def test_line_ends_of_windows_keep_places(home: Home) -> None:
    """With CRLF the line and column of a mistake are the same."""
    at = home.change(SF, "namespace: expansion ", "namspace: expansion ")
    path = home.folder / SF
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))

    (told,) = problems_of(home)

    assert told.at == f"{at}:1"


def _towers(each: str) -> str:
    """Nine steps, each made of ten of the one before."""
    steps = zip("abcdefgh", "bcdefghi", strict=True)
    return "".join(each.format(name=name, ten=", ".join([f"*{before}"] * 10)) for before, name in steps)


@pytest.mark.parametrize(
    "bomb",
    [
        "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + _towers("{name}: &{name} [{ten}]\n"),
        "a: &a {k: v}\n" + _towers("{name}: &{name} {{<<: [{ten}], {name}: v}}\n"),
        "[" * 5_000,
        "{a: " * 5_000,
        "- " * 5_000 + "x",
        "a: " + "9" * 10_000,
        "a: &a {<<: [*a, *a]}",
    ],
    ids=["aliases", "merges", "lists", "maps", "dashes", "digits", "merge of itself"],
)
def test_a_bomb_does_not_go_off(home: Home, bomb: str) -> None:
    """A dozen lines that stand for a billion values are refused with a cure, in well under a second."""
    (home.folder / SF).write_text(bomb, encoding="utf-8")

    found = problems_of(home)

    assert found
    assert all(one.at and one.at.startswith(SF) and one.hint for one in found)


def test_a_folder_in_place_of_a_file(home: Home) -> None:
    """What cannot be read says why."""
    (home.folder / SF).unlink()
    (home.folder / SF).mkdir()

    (told,) = problems_of(home)

    assert (told.at, told.hint) == (SF, "it must be a readable file")


def test_every_mistake_at_once(home: Home) -> None:
    """Mistakes in three documents are told in one go."""
    home.change("playbooks/policy.yaml", "base_rate: 0.03", "base_rate: three")
    home.change(SF, "policy: own}", "policy: owm}")
    home.change("mappings/catalog.yaml", "plans:", "planz:")

    assert {(one.at or "").split(":")[0] for one in problems_of(home)} == {
        "playbooks/policy.yaml",
        SF,
        "mappings/catalog.yaml",
    }


def test_a_missing_document(home: Home) -> None:
    """A document under a near name is found."""
    (home.folder / "playbooks/policy.yaml").rename(home.folder / "playbooks/polcy.yaml")

    (told,) = problems_of(home)

    assert (told.at, told.hint) == ("playbooks/policy.yaml", "did you mean polcy.yaml?")


def test_the_shipped_project_has_none(home: Home, tmp_path: Path) -> None:
    """Without a seeded mistake nothing is told."""
    assert problems_of(home) == []
