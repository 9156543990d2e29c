"""Whatever somebody writes into a mapping or playbook is read or refused with places: no traceback, no hang."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector.config.project import DOCUMENTS, load_project
from connector.config.settings import shipped
from connector.domain.errors import ConfigError, Problem
from connector.services.check import check_templates
from tests.budget import FULL

SECONDS = 5.0
"""CPU time in which one answer must be there, however the file looks; the usual one takes a tenth of a second."""
PIECES = (
    *("{", "}", "[", "]", ":", ": ", ", ", "- ", "\n", "\n  ", "\n    ", "\t", "#", "&a ", "*a", "<<: *a", "|", ">"),
    *("!!python/object:os.system ", "'", '"', "{{", "}}", "{%", "%}", "---", "...", "?", "%", "@", "`", "\\", "\0"),
    *("null", "true", "1e999", "-0", "9" * 400, "é", "\ufeff", "\u202e", "\u2028", "\x85", "\ud7ff", "😀"),
    *("{{ name }}", "version: 1", "fields:", "policy: own", "{% for a in evidence %}", "| truncate(9999999999)"),
    *("** 9", "__class__"),
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(PIECES),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
NAMES = sorted(name for name in DOCUMENTS if name != "mappings/hubspot.yaml")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the shipped project, whose documents are put back after each example."""
    folder = tmp_path_factory.mktemp("fuzzed")
    for part in ("mappings", "playbooks"):
        shutil.copytree(shipped() / part, folder / part)
    return folder


def answered(home: Path, name: str, raw: bytes) -> None:
    """Check a project with one document replaced: it is sound, or every problem has a place and says something."""
    path = home / name
    kept = path.read_bytes()
    path.write_bytes(raw)
    began = time.process_time()
    try:
        problems = check_templates(load_project(home, ["stripe", "files"], "salesforce"))
    except ConfigError as refused:
        problems = list(refused.problems)
    finally:
        path.write_bytes(kept)
    assert time.process_time() - began < SECONDS
    assert all(problem.message and problem.at for problem in problems)


fuzzed = settings(
    max_examples=200 if FULL else 30,  # new ones with each run
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@fuzzed
@given(name=st.sampled_from(NAMES), pieces=st.lists(st.sampled_from(PIECES) | st.text(max_size=8), max_size=40))
def test_pieces_of_yaml(home: Path, name: str, pieces: list[str]) -> None:
    """Marks, quotes, anchors and templates in any order."""
    answered(home, name, "".join(pieces).encode("utf-8", "surrogatepass"))


@fuzzed
@given(name=st.sampled_from(NAMES), at=st.floats(0, 1), cut=st.integers(0, 30), piece=st.sampled_from(PIECES))
def test_a_shipped_document_with_a_piece_spoiled(home: Path, name: str, at: float, cut: int, piece: str) -> None:
    """A sound document in which some letters were replaced anywhere."""
    text = (home / name).read_text("utf-8")
    place = int(at * len(text))
    answered(home, name, (text[:place] + piece + text[place + cut :]).encode("utf-8", "surrogatepass"))


@fuzzed
@given(name=st.sampled_from(NAMES), raw=st.binary(max_size=300))
def test_bytes(home: Path, name: str, raw: bytes) -> None:
    """What is no text at all."""
    answered(home, name, raw)


@fuzzed
@given(name=st.sampled_from(NAMES), key=st.integers(0, 30), value=VALUES)
def test_a_value_of_another_shape(home: Path, name: str, key: int, value: object) -> None:
    """A sound document in which one key holds something else."""
    document = yaml.safe_load((home / name).read_text("utf-8"))
    keys = sorted(document)
    document[keys[key % len(keys)]] = value
    answered(home, name, yaml.safe_dump(document, allow_unicode=True).encode("utf-8", "surrogatepass"))


@fuzzed
@given(template=st.lists(st.sampled_from(PIECES) | st.text(max_size=8), max_size=20).map("".join))
def test_a_template(home: Path, template: str) -> None:
    """A field rule with any template is rendered or refused, at its place."""
    document = yaml.safe_load((home / "mappings/salesforce.yaml").read_text("utf-8"))
    document["opportunity"]["fields"]["Amount"]["value"] = template
    answered(home, "mappings/salesforce.yaml", yaml.safe_dump(document).encode("utf-8", "surrogatepass"))


@fuzzed
@given(value=VALUES)
def test_an_override(home: Path, value: object) -> None:
    """An override of any shape is laid over the mapping or refused, at its own place."""
    over = home / "mappings/salesforce.fuzz.yaml"
    over.write_text(yaml.safe_dump({"owners": value, "task": value}, allow_unicode=True), encoding="utf-8")
    problems: tuple[Problem, ...] = ()
    try:
        load_project(home, ["stripe"], "salesforce", "fuzz")
    except ConfigError as refused:
        problems = refused.problems
    finally:
        over.unlink()

    assert all(problem.at for problem in problems)
