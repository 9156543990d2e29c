"""Reading one document: every mistake is found at once and named with its place and its cure."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.config.yamldoc import Loaded, load
from connector.domain.documents import document
from connector.domain.errors import ConfigError, Problem
from connector.domain.mapping import FieldRule
from connector.domain.money import FxTable
from connector.domain.play import Schedule, Step

FX = "version: 1\nname: fx\nbase: EUR\nrates:\n"


def read(tmp_path: Path, text: str, name: str = "fx.yaml") -> Loaded[FxTable]:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return load(path, FxTable, f"mappings/{name}")


def problems(tmp_path: Path, text: str, kind: type = FxTable, name: str = "fx.yaml") -> tuple[Problem, ...]:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as refused:
        load(path, kind, f"mappings/{name}")
    return refused.value.problems


def test_unknown_key(tmp_path: Path) -> None:
    """An unknown key is named with file, line and column, and with the key that was probably meant."""
    (problem,) = problems(tmp_path, FX + "  - {curency: USD, currency: USD, since: 2024-01-01, rate: 1}\n")

    assert problem == Problem("unknown key 'curency'", "mappings/fx.yaml:5:6", "did you mean currency?")


def test_unknown_key_far_from_any(tmp_path: Path) -> None:
    """A key that resembles none lists the keys that may stand there."""
    (problem,) = problems(tmp_path, FX + "  - {currency: USD, since: 2024-01-01, rate: 1, zzz: 1}\n")

    assert problem.hint == "known keys: currency, rate, since"


def test_missing_key(tmp_path: Path) -> None:
    """A missing key is named at the mapping that lacks it."""
    (problem,) = problems(tmp_path, FX + "  - currency: USD\n    rate: 1\n")

    assert problem == Problem("missing key 'since'", "mappings/fx.yaml:5:5", "add `since: …` here")


def test_wrong_type(tmp_path: Path) -> None:
    """A value of the wrong type is shown with its place."""
    (problem,) = problems(tmp_path, FX + "  - {currency: USD, since: 2024-01-01, rate: dear}\n")

    assert "rates.0.rate" in problem.message
    assert "(got 'dear')" in problem.message
    assert problem.at == "mappings/fx.yaml:5:40"


def test_number_where_text_belongs(tmp_path: Path) -> None:
    """A number where text belongs is cured with quotes."""
    (problem,) = problems(tmp_path, FX + "  - {currency: 12, since: 2024-01-01, rate: 1}\n")

    assert problem.hint == 'put it in quotes: "…"'


@pytest.mark.parametrize(
    ("kind", "text", "hint"),
    [
        (Schedule, "jobs: {night: {run: synk, cron: '0 5 * * *'}}", "did you mean sync?"),
        (FieldRule, "{value: x, policy: mrge}", "did you mean merge?"),
    ],
)
def test_word_of_a_fixed_list(tmp_path: Path, kind: type, text: str, hint: str) -> None:
    """A misspelt word of a fixed list tells the word that was probably meant."""
    (problem,) = problems(tmp_path, text, kind)

    assert problem.hint == hint


def test_unknown_language(tmp_path: Path) -> None:
    """A key outside a fixed list of keys is named at the key."""
    (problem,) = problems(tmp_path, "id: a\nkind: call\nsubject: {en: x, de: y}\nbody: {en: x}\n", Step)

    assert problem.at == "mappings/fx.yaml:3:18"


def test_duplicate_key(tmp_path: Path) -> None:
    """A key that stands twice is refused at its second place."""
    (problem,) = problems(tmp_path, "version: 1\nname: fx\nbase: EUR\nbase: USD\n")

    assert problem == Problem("key 'base' stands twice", "mappings/fx.yaml:4:1", "keep one of them")


def test_merged_key_may_be_overridden(tmp_path: Path) -> None:
    """YAML's merge is no duplicate: what stands in the mapping itself wins."""
    text = FX + "  - &usd {currency: USD, since: 2024-01-01, rate: 1}\n  - {<<: *usd, since: 2025-01-01}\n"

    loaded = read(tmp_path, text)

    assert [(rate.currency, rate.since.year) for rate in loaded.value.rates] == [("USD", 2024), ("USD", 2025)]


def test_missing_file_with_near_name(tmp_path: Path) -> None:
    """A missing file tells the file whose name is near."""
    (tmp_path / "fx.yaml").write_text(FX, encoding="utf-8")

    with pytest.raises(ConfigError) as refused:
        load(tmp_path / "fxs.yaml", FxTable, "mappings/fxs.yaml")

    assert refused.value.problem == Problem("file not found", "mappings/fxs.yaml", "did you mean fx.yaml?")


def test_missing_file_alone(tmp_path: Path) -> None:
    """A missing file with no near name points to `connector init`."""
    with pytest.raises(ConfigError) as refused:
        load(tmp_path / "fx.yaml", FxTable)

    assert "connector init" in (refused.value.problem.hint or "")


def test_folder_for_a_file(tmp_path: Path) -> None:
    """A folder where a document belongs is the operator's to mend, not a bug."""
    (tmp_path / "fx.yaml").mkdir()

    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path / "fx.yaml", FxTable)


def test_not_utf8(tmp_path: Path) -> None:
    """A file in another encoding says so."""
    path = tmp_path / "fx.yaml"
    path.write_bytes("name: fx\nbase: é\n".encode("cp1252"))

    with pytest.raises(ConfigError, match="not UTF-8 at byte 15"):
        load(path, FxTable)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("rates: [a\nbase: x", "mappings/fx.yaml:2:5"),
        ("\tbase: x", "mappings/fx.yaml:1:1"),
        ("base: EUR\nname: \x07", "mappings/fx.yaml:2"),
        ("base: !color red", "mappings/fx.yaml:1:7"),
        ("base: EUR\n---\nbase: USD", "mappings/fx.yaml:2:1"),
        ("{[a, b]: c}", "mappings/fx.yaml:1:2"),
        ("rates: &a [*a]", "mappings/fx.yaml:1:8"),
    ],
)
def test_invalid_yaml(tmp_path: Path, text: str, at: str) -> None:
    """What is no YAML is refused with its place."""
    (problem,) = problems(tmp_path, text)

    assert problem.at == at
    assert problem.hint


@document
class Words:
    """Text of every shape that YAML 1.1 would turn into something else."""

    name: str = "fx"
    words: tuple[str, ...]


def test_only_true_and_false_are_booleans(tmp_path: Path) -> None:
    """The country NO, the stage On, a date and a version number stay text."""
    path = tmp_path / "fx.yaml"
    path.write_text("words: [NO, on, Yes, y, 2026-11-22, 12:30:00, 0x1F, 007, 1e3]\n", encoding="utf-8")

    loaded = load(path, Words)

    assert loaded.value.words == ("NO", "on", "Yes", "y", "2026-11-22", "12:30:00", "0x1F", "007", "1e3")


def test_every_mistake_at_once(tmp_path: Path) -> None:
    """Four mistakes in one document are told in one go."""
    text = "version: 1\nname: fx\nbas: EUR\nrates:\n  - {currency: 1, rate: x}\n"

    found = problems(tmp_path, text)

    assert {problem.at for problem in found} == {
        "mappings/fx.yaml:3:1",
        "mappings/fx.yaml:5:5",
        "mappings/fx.yaml:5:6",
        "mappings/fx.yaml:5:19",
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [("version: 2\n", "version 2 is not known"), ("name: rates\n", "name 'rates' differs from the file's, 'fx'")],
)
def test_header(tmp_path: Path, text: str, message: str) -> None:
    """A document of another version, or with another file's name, is refused."""
    (problem,) = problems(tmp_path, text)

    assert problem.message == message


def test_place_of_a_part_that_is_not_written(tmp_path: Path) -> None:
    """A part that is left to its default stands at the part around it."""
    loaded = read(tmp_path, FX + "  - {currency: USD, since: 2024-01-01, rate: 1}\n")

    assert loaded.at("rates", 0, "since") == "mappings/fx.yaml:5:21"
    assert loaded.at("rates", 0, "nothing") == "mappings/fx.yaml:5:5"
    assert loaded.at("nothing") == "mappings/fx.yaml:1:1"


def test_empty_document(tmp_path: Path) -> None:
    """An empty document is one with every default."""
    assert read(tmp_path, "").value == FxTable()


@given(text=st.text(max_size=60))
def test_any_text_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    """Whatever somebody writes is a document or a ConfigError, never a crash."""
    path = tmp_path_factory.getbasetemp() / "fx.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))

    with suppress(ConfigError):
        assert isinstance(load(path, FxTable).value, FxTable)
