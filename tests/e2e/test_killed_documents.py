"""Killed while notes and files are written and attached: no document twice, none missing, each where it belongs.

A note that carries no key of its own may land up to a quarter of an hour after its answer was lost: until then it is
unknown, and is neither written again nor given up. The runs that follow a kill are half an hour apart.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e.fates import Killing, killings
from tests.e2e.running import SMALL_BATCH, Processes, QuickClock
from tests.e2e.test_killed import killed_in
from tests.e2e.world import World

KILLS, HALF_AN_HOUR = 6, 1800
REF = re.compile(r"ref: ([0-9a-f]{32})")
OF_DOCUMENTS = re.compile(
    rb'"type":\s*"(?:Note|ContentVersion|ContentDocumentLink)"|/ContentVersion|/ContentDocumentLink'
    rb"|/objects/(?:\S+/)?notes|/associations/(?:\S+/)?notes|/files/v3/files"
)
"""Requests that write a note or a file, or attach one."""
Shape = dict[str, frozenset[str]]


@dataclass
class DocumentKilling(Killing):
    """Kills at the n-th request that writes a document."""

    def meets(self, method: str, path: str, body: bytes) -> bool:
        return writes_documents(method, path, body) and super().meets(method, path, body)


def writes_documents(method: str, path: str, body: bytes) -> bool:
    """Say whether a request writes a note or a file, or attaches one."""
    is_read = path.split("?", maxsplit=1)[0].endswith(("/search", "/batch/read"))
    is_write = method in ("POST", "PATCH", "PUT") and not is_read
    return is_write and OF_DOCUMENTS.search(path.encode() + b" " + body) is not None


def shape(world: World) -> Shape:
    """Every document by its key, with what it hangs on; the test fails where a key stands twice."""
    names = {one.id: one.key or "" for kind in ("opportunity", "task") for one in world.side.ours(kind)}
    found = _salesforce(world, names) if world.side.crm == "salesforce" else _hubspot(world, names)
    twice = [key for key, count in Counter(key for key, _ in found).items() if count > 1]
    assert not twice, f"twice: {twice}"
    return dict(found)


def _salesforce(world: World, names: dict[str, str]) -> list[tuple[str, frozenset[str]]]:
    store = world.side.store
    notes = [(f"note {_ref(one['Body'])}", _at(names, one["ParentId"])) for one in _living(store.dump("Note"))]
    links: dict[str, set[str]] = {}
    for one in _living(store.dump("ContentDocumentLink")):
        if not one["LinkedEntityId"].startswith("005"):  # its owner, by the CRM itself
            links.setdefault(one["ContentDocumentId"], set()).add(one["LinkedEntityId"])
    files = [
        (f"file {_ref(one['Description'])}", _at(names, *links.get(one["ContentDocumentId"], ())))
        for one in _living(store.dump("ContentVersion"))
    ]
    return notes + files


def _hubspot(world: World, names: dict[str, str]) -> list[tuple[str, frozenset[str]]]:
    store, files = world.side.store, {}
    for one in store.dump("files"):
        files[one["id"]] = one["path"].split("/")[2]
    notes = []
    for one in world.side.all("note"):
        on = [id for kind in ("companies", "deals", "tasks") for id in store.links.of(("notes", one.id), kind)]
        attached = [files[id] for id in one["hs_attachment_ids"].split(";") if id]
        if not one.gone:
            notes.append((f"note {_ref(one['hs_note_body'])}", _at(names, *on, *attached)))
    return notes + [(f"file {key}", frozenset[str]()) for key in files.values()]


def _living(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in rows if not row.get("IsDeleted")]


def _ref(text: str) -> str:
    found = REF.search(text)
    assert found is not None, text[-200:]
    return found[1]


def _at(names: dict[str, str], *ids: str) -> frozenset[str]:
    return frozenset(names.get(id, id) for id in ids)


def with_documents(world: World) -> World:
    """Every customer has a card, and reviews begin long before: many documents."""
    world.edit_yaml("playbooks/policy.yaml", lambda policy: policy.update(cards="all"))
    world.edit_yaml("playbooks/business_review.yaml", lambda review: review.update(ahead=40))
    return world


def test_killed_while_documents_are_written_and_attached(
    crm: str, again: Callable[[str], World], processes: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After kill -9 at any request about documents, runs half an hour apart bring each once, and where it belongs."""
    counted = with_documents(again("counted"))
    counted.sync(batch=SMALL_BATCH)
    whole = shape(counted)
    assert {key.split()[0] for key in whole} == {"note", "file"}
    asked = [one for one in counted.side.control.requests if writes_documents(*_as_sent(one))]
    ends = Counter[str]()

    for number, plain in enumerate(killings(random.Random(f"{crm} documents"), len(asked), KILLS)):
        killing = DocumentKilling(at=plain.at, moment=plain.moment, seconds=plain.seconds)
        world = with_documents(again(f"kill {number}"))
        killed_in(world, killing, processes)
        assert killing.has_killed
        ends["partial" if shape(world) != whole else "whole"] += 1
        for later in (1, 2, 3):
            world.side.minutes_later(HALF_AN_HOUR / 60)
            monkeypatch.setattr(QuickClock, "ahead", later * HALF_AN_HOUR)
            ran = world.run("sync", "--json")
            assert ran.code in (0, 3), ran.err

        assert shape(world) == whole, f"killed {killing.moment} document request {plain.at}"
        assert ran.code == 0
        assert not world.side.writes(), "all is written: nothing is left to do"
        monkeypatch.setattr(QuickClock, "ahead", 0.0)
    assert ends["partial"] >= KILLS // 2, ends


def _as_sent(request: dict[str, Any]) -> tuple[str, str, bytes]:
    return request["method"], request["path"], str(request["body"]).replace("'", '"').encode()
