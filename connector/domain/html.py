"""HTML as CRMs keep it: compared by text and structure, cut without breaking a tag.

A CRM's sanitiser changes spelling (entities, quotes, case, order of attributes, `<br>` or `<br/>`, white space), never
what a reader sees; only the latter counts here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape
from html.parser import HTMLParser

VOID = frozenset("area base br col embed hr img input link meta source track wbr".split())
BLOCK = frozenset("address blockquote br div h1 h2 h3 h4 h5 h6 hr li ol p pre table tbody td th thead tr ul".split())
"""Around these white space is not seen."""

Attributes = Iterable[tuple[str, str | None]]


class _Tokens(HTMLParser):
    """Flattens HTML into canonical tags and texts."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tokens: list[tuple[str, str]] = []
        """`("open" | "close" | "text", canonical form)`."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tokens.append(("open", _tag(tag, attrs)))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            self.tokens.append(("close", tag))

    def handle_data(self, data: str) -> None:
        if self.tokens and self.tokens[-1][0] == "text":
            self.tokens[-1] = ("text", self.tokens[-1][1] + data)
        else:
            self.tokens.append(("text", data))


def _tag(tag: str, attrs: Attributes) -> str:
    written = "".join(f' {name}="{escape(value or "")}"' for name, value in sorted(attrs, key=lambda pair: pair[0]))
    return f"<{tag}{written}>"


def _tokens(text: str) -> list[tuple[str, str]]:
    parser = _Tokens()
    parser.feed(text)
    parser.close()
    return parser.tokens


def _name(kind: str, token: str) -> str:
    return token if kind == "close" else re.split(r"[ >]", token[1:], maxsplit=1)[0]


def canonical_html(text: str) -> str:
    """Spell HTML in one way: what differs here differs for a reader."""
    written: list[str] = []
    at_edge = True  # white space here is not seen
    for kind, token in _tokens(text):
        if kind == "text":
            words = re.sub(r"\s+", " ", token)
            words = words.lstrip() if at_edge else words
            if words:
                written.append(escape(words, quote=False))
                at_edge = words.endswith(" ")
            continue
        if _name(kind, token) in BLOCK:
            _trim(written)
            at_edge = True
        written.append(f"</{token}>" if kind == "close" else token)
    _trim(written)
    return "".join(written)


def plain_text(text: str) -> str:
    """Give what a reader reads: no tags, every entity resolved."""
    return "".join(token for kind, token in _tokens(text) if kind == "text")


def _trim(written: list[str]) -> None:
    """Take white space off the end, unless a tag is there."""
    if written and not written[-1].endswith(">"):
        written[-1] = written[-1].rstrip()


def cut_html(text: str, length: int, ellipsis: str) -> str:
    """Shorten HTML to so many characters, tags included, every opened tag closed."""
    written: list[str] = []
    opened: list[str] = []
    used = 0
    for kind, token in _tokens(text):
        closing = sum(len(name) + 3 for name in opened)
        room = length - used - closing - len(ellipsis)
        if kind == "text":
            piece = escape(token, quote=False)
            if len(piece) > room:
                written.append(_fitting(token, room) + ellipsis)
                break
        elif kind == "open":
            name = _name(kind, token)
            piece = token
            if len(piece) + (0 if name in VOID else len(name) + 3) > room:
                written.append(ellipsis if room >= 0 else "")
                break
            if name not in VOID:
                opened.append(name)
        else:
            if token not in opened:
                continue
            while opened[-1] != token:
                _close(written, opened)
            piece = ""
            _close(written, opened)
        written.append(piece)
        used = sum(map(len, written))
    while opened:
        _close(written, opened)
    return "".join(written)


def _close(written: list[str], opened: list[str]) -> None:
    written.append(f"</{opened.pop()}>")


def _fitting(text: str, room: int) -> str:
    """Escape as many leading characters as fit."""
    written = ""
    for character in text:
        piece = escape(character, quote=False)
        if len(written) + len(piece) > room:
            break
        written += piece
    return written.rstrip()
