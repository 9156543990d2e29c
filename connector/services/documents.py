"""Turns a written document into records: a file, and where files hang on notes, the note that carries it.

A document stands until what it tells has moved materially: numbers are compared with those of the text that was sent,
which the ledger keeps, so that nothing else has to be remembered. A text that is younger than the policy's `refresh`
stands in any case. An unchanged world writes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from connector.domain.account import CrmAccount, Owner
from connector.domain.catalogue import Language
from connector.domain.change import Desired, DesiredField, Link, RecordType, Ref
from connector.domain.keys import document_key, rule_id
from connector.domain.mapping import FieldRule
from connector.domain.policy import Refresh
from connector.services.desk import Desk
from connector.services.texts import day, render

STYLE = "1"
"""Changes when pages are laid out anew, so that an edit of ours is told from news."""
_NUMBER = re.compile(r"\d+(?:[\s.,]\d+)*")
_FOOT = re.compile(r"<footer>.*?</footer>", re.DOTALL)
_DRAWN = re.compile(r"<svg.*?</svg>", re.DOTALL)


@dataclass(frozen=True)
class Document:
    """A document as people get it: who reads it, what it says, and the records that it may hang on, the best first."""

    key: str
    account: CrmAccount
    owner: Owner
    title: str
    name: str
    page: str
    core: str
    reason: str
    on: date
    data_to: date
    places: Sequence[tuple[str, Ref]]
    """Link role → record; an account comes last."""


def attached(desk: Desk, document: Document) -> list[Desired]:
    """The records of a document; none where the mapping writes no files."""
    file = desk.mapping.file
    if file is None:
        return []
    made = [_file(desk, document)]
    note = desk.mapping.note
    if note is not None and "file" in note.links:
        to_file = Link("file", note.links["file"], Ref(RecordType.FILE, key=document.key))
        made.append(noted(desk, document, document_key(document.key, "note"), (to_file,)))
    return made


def noted(desk: Desk, document: Document, key: str, more: Sequence[Link] = ()) -> Desired:
    """A note that says the core of a document."""
    note = desk.mapping.note
    assert note is not None
    language = desk.world.language(document.owner)
    names = {**_names(document), "body": document.core}
    fields = _fields(desk, "note", note.fields, names, language)
    links = (*_links(note.links, document.places, every=True), *more)
    desired = Desired(RecordType.NOTE, key, document.account.id, document.title, document.reason, fields, links)
    return _settled(desk, desired, note.body, document)


def _file(desk: Desk, document: Document) -> Desired:
    file = desk.mapping.file
    assert file is not None
    language = desk.world.language(document.owner)
    names = {**_names(document), "name": document.name, "content": document.page}
    fields = _fields(desk, "file", file.fields, names, language)
    links = tuple(_links(file.links, document.places))
    desired = Desired(RecordType.FILE, document.key, document.account.id, document.name, document.reason, fields, links)
    return _settled(desk, desired, file.content, document)


def _names(document: Document) -> dict[str, object]:
    return {
        "account": document.account,
        "key": document.key,
        "owner_id": document.owner.id,
        "title": document.title,
        "on": document.on.isoformat(),
    }


def _fields(
    desk: Desk,
    section: str,
    rules: Mapping[str, FieldRule],
    names: Mapping[str, object],
    language: Language,
) -> dict[str, DesiredField]:
    made = {}
    for name, rule in rules.items():
        at = desk.rules.at(desk.document, section, "fields", name)
        value = render(rule.value, language, names, at) or None
        made[name] = DesiredField(value, rule.policy, rule.clear, at, rule_id(f"{STYLE}: {rule.value}", {}))
    return made


def _links(links: Mapping[str, str], places: Sequence[tuple[str, Ref]], every: bool = False) -> Iterator[Link]:
    """Link to the first place that the mapping knows, or to every one where each is an association of its own."""
    named: set[str] = set()
    for role, to in places:
        name = links.get(role)
        if name is not None and name not in named:
            named.add(name)
            yield Link(role, name, to)
            if not every:
                return


def _settled(desk: Desk, desired: Desired, field: str, document: Document) -> Desired:
    known = desk.world.known.get(desired.key)
    receipt = known.receipts.get(field) if known is not None else None
    waiting = desk.world.waiting.get(desired.key, {}).get(field)
    told = waiting.after if waiting is not None else receipt.sent if receipt is not None else None
    new = desired.fields[field].value
    language = desk.world.language(document.owner)
    dates = [day(document.data_to - timedelta(days=n), language) for n in range(desk.rules.policy.refresh.days)]
    is_young = told is not None and any(one in told for one in dates)
    is_news = told is not None and not is_young and moved(told, new or "", desk.rules.policy.refresh)
    return desk.settled(desired, is_news)


def moved(told: str, new: str, refresh: Refresh) -> bool:
    """Say whether a text tells something materially else: other words, or a number that moved far enough."""
    before, after = _undated(told), _undated(new)
    if _NUMBER.sub("#", before) != _NUMBER.sub("#", after):
        return True
    pairs = zip(_NUMBER.findall(before), _NUMBER.findall(after), strict=True)
    return any(abs(_value(b) - _value(a)) > refresh.share * abs(_value(a)) for a, b in pairs)


def _undated(text: str) -> str:
    """A text without what is drawn of its numbers, and without its last paragraph, which only dates the data."""
    bare = _FOOT.sub("", _DRAWN.sub("", text))
    for end in ("<p>", "\n\n") if bare == text else ():
        if end in bare:
            return bare[: bare.rindex(end)]
    return bare


def _value(text: str) -> float:
    return float("".join(one for one in text if one.isdigit()))
