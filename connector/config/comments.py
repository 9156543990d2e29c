"""Comments of the shipped documents in another language, for a project that is begun in it.

Decided here: comments are translated, never keys or values, so that a document means the same in every language. A
comment is known by its words, not by how it is wrapped; one that nobody has translated stays as it is. What is
structured (a small table, an example) is written line by line in the translation, everything else is wrapped anew.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib import resources

import yaml

WIDTH = 120
_RULE = re.compile(r"\s*-{5,}$")
"""The line after a heading."""
Line = tuple[str, str | None]


def comments_in(text: str, language: str) -> str:
    """Give a document with its comments in a language; English ones are as they are."""
    if language == "en":
        return text
    known = _catalogue(language)
    return "\n".join(line for block in _blocks(list(lines_of(text))) for line in _block_in(block, known))


def untranslated(text: str, language: str) -> list[str]:
    """Name the comments that a language lacks, by their words."""
    known = _catalogue(language)
    paragraphs = [words for block in _blocks(list(lines_of(text))) for words, _ in _paragraphs(block)]
    return [words for words in paragraphs if words and words not in known]


@lru_cache
def _catalogue(language: str) -> Mapping[str, str]:
    file = resources.files(__package__).joinpath("texts", f"comments_{language}.yaml")
    return {_words([one["en"]]): one["to"].rstrip("\n") for one in yaml.safe_load(file.read_text(encoding="utf-8"))}


def lines_of(text: str) -> Iterator[Line]:
    """Give each line as its content and its comment, which starts with a hash outside every scalar."""
    tokens = [token for token in yaml.scan(text) if isinstance(token, yaml.ScalarToken)]
    spans = [(token.start_mark.index, token.end_mark.index) for token in tokens]
    at = 0
    for line in text.split("\n"):
        hashes = [at + found.start() for found in re.finditer(r"(?:(?<=\s)|^)#", line)]
        outside = [one for one in hashes if not any(start <= one < end for start, end in spans)]
        yield (line[: outside[0] - at], line[outside[0] - at :]) if outside else (line, None)
        at += len(line) + 1


def _blocks(lines: list[Line]) -> Iterator[list[Line]]:
    """Put lines that are nothing but comment together, where they follow each other; every other stands alone."""
    block: list[Line] = []
    for line in lines:
        is_comment = line[1] is not None and not line[0].strip() and not line[1].startswith("# yaml-language-server")
        if block and not (is_comment and line[0] == block[0][0]):
            yield block
            block = []
        if is_comment:
            block.append(line)
        else:
            yield [line]
    if block:
        yield block


def _paragraphs(block: list[Line]) -> Iterator[tuple[str, list[str]]]:
    """Give the words and the lines of each paragraph; a bare hash parts them and has no words."""
    part: list[str] = []
    for _, comment in block:
        if comment is None or comment.startswith("# yaml-language-server"):
            continue
        if comment.strip() == "#":
            yield _words(part), part
            yield "", [comment]
            part = []
        else:
            part.append(comment)
    yield _words(part), part


def _words(lines: list[str]) -> str:
    bare = (_RULE.sub("", line.lstrip().removeprefix("#")) for line in lines)
    return " ".join(" ".join(bare).split())


def _block_in(block: list[Line], known: Mapping[str, str]) -> Iterator[str]:
    content, comment = block[0]
    if comment is None or comment.startswith("# yaml-language-server"):
        yield content + (comment or "")
    elif content.strip():
        yield content + (f"# {known[_words([comment])]}" if _words([comment]) in known else comment)
    else:
        for words, lines in _paragraphs(block):
            yield from (content + line for line in _paragraph_in(words, lines, known, WIDTH - len(content)))


def _paragraph_in(words: str, lines: list[str], known: Mapping[str, str], width: int) -> list[str]:
    told = known.get(words)
    if told is None:
        return lines
    if "\n" in told:
        return [f"# {line}".rstrip() for line in told.split("\n")]
    if lines[0].endswith("-----"):
        return [f"# {told} ".ljust(len(lines[0]), "-")]
    kept = re.sub(r" (?=[:;!?»])|(?<=«) ", "\xa0", told)  # French sets spaces there, where no line may end
    wrapped = textwrap.wrap(kept, width - 2, break_long_words=False, break_on_hyphens=False)
    return [f"# {line}".replace("\xa0", " ") for line in wrapped]
