"""Checks how a files mapping reads files before any file is opened: columns, encodings, marks, and names it maps to."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import get_args
from zoneinfo import available_timezones

from connector.config.names import known_name
from connector.config.yamldoc import Loaded
from connector.domain.billing import NEEDED_COLUMNS, OTHER_COLUMNS, FileSet, FilesMapping, FileStream
from connector.domain.catalogue import Catalogue
from connector.domain.errors import Problem


def check_files(document: Loaded[FilesMapping], catalogue: Catalogue) -> Iterator[Problem]:
    """List what no row could be read with."""
    streams: tuple[FileStream, ...] = get_args(FileStream)
    for stream in streams:
        for i, files in enumerate(document.value.sets(stream)):
            yield from _columns(document, stream, i, files)
            yield from _marks(document, stream, i, files)
            yield from _targets(document, stream, i, files, catalogue)


def _columns(document: Loaded[FilesMapping], stream: FileStream, i: int, files: FileSet) -> Iterator[Problem]:
    needed, others = NEEDED_COLUMNS[stream].split(), OTHER_COLUMNS[stream].split()
    for part in ("columns", "constants", "values"):
        for column in getattr(files, part):
            at = document.at(stream, i, part, column)
            yield from known_name("column", column, [*needed, *others], at)
    told = {*files.columns, *files.constants}
    missing = [name for name in needed if name not in told]
    if stream == "usage" and not told & {"account_id", "subscription_id"}:
        missing.append("account_id")
    at = document.at(stream, i, "columns")
    for name in missing:
        yield Problem(f"no column says {name}", at, f"add `{name}: THEIR COLUMN` under columns")


def _marks(document: Loaded[FilesMapping], stream: FileStream, i: int, files: FileSet) -> Iterator[Problem]:
    for key in ("delimiter", "decimal"):
        if len(getattr(files, key)) != 1:
            yield Problem(f"{key} is one character", document.at(stream, i, key), 'write it like ";"')
    if files.decimal in files.thousands:
        at = document.at(stream, i, "thousands")
        yield Problem("the decimal mark cannot group digits too", at, "write each mark once")
    try:
        codecs.lookup(files.encoding)
    except LookupError:
        at = document.at(stream, i, "encoding")
        yield Problem(f"unknown encoding {files.encoding!r}", at, "known are utf-8, cp1252, latin-1, utf-16 and others")
    if files.time_zone != "UTC":
        at = document.at(stream, i, "time_zone")
        yield from known_name("time zone", files.time_zone, sorted(available_timezones()), at)


def _targets(
    document: Loaded[FilesMapping], stream: FileStream, i: int, files: FileSet, catalogue: Catalogue
) -> Iterator[Problem]:
    """Offers and metrics that their words are turned into, as far as they are written here."""
    for column, what, names in (
        ("offer_id", "offer", list(catalogue.offers)),
        ("metric", "metric", list(catalogue.metrics)),
    ):
        for theirs, ours in files.values.get(column, {}).items():
            if ours != "*":
                yield from known_name(what, ours, names, document.at(stream, i, "values", column, theirs))
        if column in files.constants:
            yield from known_name(what, files.constants[column], names, document.at(stream, i, "constants", column))
