"""Comments of the shipped documents in French: all of them, and nothing but them."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from connector.config.comments import comments_in, lines_of, untranslated
from connector.config.settings import shipped

DOCUMENTS = sorted(path for part in ("mappings", "playbooks") for path in (shipped() / part).rglob("*.yaml"))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_comment_of_a_shipped_document_is_known_in_french(path: Path) -> None:
    """Whoever writes a comment adds its French to `connector/config/texts/comments_fr.yaml`."""
    assert untranslated(path.read_text("utf-8"), "fr") == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_a_translated_document_means_the_same(path: Path) -> None:
    """Keys and values are untouched, the schema line leads where it led, and comments fit the width."""
    text = path.read_text("utf-8")

    french = comments_in(text, "fr")

    assert yaml.safe_load(french) == yaml.safe_load(text)
    assert french.splitlines()[0] == text.splitlines()[0]
    assert [line for line, comment in lines_of(french) if comment and len(line + comment) > 120] == []
    assert [content for content, _ in lines_of(french) if content.strip()] == [
        content for content, _ in lines_of(text) if content.strip()
    ]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_no_comment_stays_english(path: Path) -> None:
    """Every comment of a document, but for its schema line, is another one in French."""
    text = path.read_text("utf-8")
    english = {comment for _, comment in lines_of(text) if comment and len(comment.split()) > 3}

    french = {comment for _, comment in lines_of(comments_in(text, "fr")) if comment}

    kept = {one for one in english & french if not one.startswith("# yaml-language-server")}
    assert {one for one in kept if ":" not in one} == set()


def test_a_comment_is_known_however_it_is_wrapped() -> None:
    """Words count, not lines; one that nobody translated stays; texts with a hash are no comments."""
    text = (
        "# Lowest first.\n"
        "#   A plan contains what the plans\n"
        "# below it contain.\n"
        "a: '# Limits reached'\n"
        "# never said before\n"
        "b: 1  # pull billing, score, plan, deliver\n"
    )

    assert comments_in(text, "fr") == (
        "# De la plus petite à la plus grande. Une formule contient ce que contiennent celles d’en dessous.\n"
        "a: '# Limits reached'\n"
        "# never said before\n"
        "b: 1  # lire la facturation, noter, planifier, livrer\n"
    )


@given(st.lists(st.sampled_from(["a: 1", "# x", "#", "  # y", "b: '# z'", "c: |", "  # in", ""]), max_size=12))
def test_english_is_as_it_was(lines: list[str]) -> None:
    """Parting a document into contents and comments loses nothing."""
    text = "\n".join(lines)
    try:
        yaml.compose(text)
    except yaml.YAMLError:
        return

    assert "\n".join(content + (comment or "") for content, comment in lines_of(text)) == text
    assert comments_in(text, "fr") == text
