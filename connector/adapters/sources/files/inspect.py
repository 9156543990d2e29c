"""Tries whether the billing files are there, can be read as the mapping says, and are as new as they should be.

Only the first row of each file is read: the columns are in it, and a wrong encoding or delimiter shows there. What is
wrong further down a pull tells, row by row.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

from connector.adapters.sources.files.reading import At, Where, nowhere, open_parquet, paths, text_rows
from connector.domain.billing import FileSet, FilesMapping, FileStream
from connector.domain.errors import SourceDataError
from connector.domain.inspection import Probe

_SLACK = timedelta(days=2)
"""Usage that is older than its lag and this has stopped coming."""
_OTHERS = timedelta(days=32)
"""What is exported by hand is exported once a month at least."""
_FOLDER = "CONNECTOR_FILES_DIR"


class FilesInspector:
    """Opens each file once."""

    def __init__(self, mapping: FilesMapping, folder: Path, at: At = nowhere) -> None:
        self._mapping = mapping
        self._folder = folder
        self._at = at

    def probes(self, now: datetime) -> Iterator[Probe]:
        """Try every file set of every stream."""
        if not self._folder.is_dir():
            cure = "set it to the folder that holds the billing files"
            yield Probe("folder", "not there", f"there is no folder {self._folder}", cure, _FOLDER)
            return
        streams: tuple[FileStream, ...] = get_args(FileStream)
        for stream in streams:
            sets = list(enumerate(self._mapping.sets(stream)))
            probes = [self._try(Where(self._at, stream, number), files, now) for number, files in sets]
            # The same rows may come in one form or another: one that is not there is missed only if none is.
            told = [probe for probe in probes if probe is not None]
            if sets and not told:
                patterns = ", ".join(pattern for _, files in sets for pattern in files.files)
                lacking = f"no file matches {patterns} in {self._folder}"
                cure = "put the files there, or take the file set out of mappings/billing/files.yaml"
                place = Where(self._at, stream, 0).place("files")
                yield Probe(stream, lacking, warning=lacking, cure=cure, where=place or _FOLDER)
            yield from told

    def _try(self, where: Where, files: FileSet, now: datetime) -> Probe | None:
        """Open the files of a set; None where there is none."""
        stream, patterns = where.stream, ", ".join(files.files)
        try:
            found = paths(files, self._folder, where)
            for path in found:
                _open(path, files, where)
        except SourceDataError as wrong:
            problem = wrong.problem
            return Probe(stream, "cannot be read", problem.message, problem.hint or "", problem.at or _FOLDER)
        except OSError as wrong:
            message = f"{Path(str(wrong.filename)).name}: {wrong.strerror}"
            return Probe(stream, "cannot be read", message, "let our user read the file", _FOLDER)
        if not found:
            return None
        age = now - max(datetime.fromtimestamp(path.stat().st_mtime, UTC) for path in found)
        allowed = timedelta(hours=self._mapping.usage_lag_hours) + _SLACK if stream == "usage" else _OTHERS
        count = f"{len(found)} file{'s' if len(found) > 1 else ''}"
        seen = f"{count} of {patterns}, the newest {_shown(age)} old"
        late = f"nothing new for {_shown(age)}" if age > allowed else ""
        return Probe(stream, seen, warning=late, cure="look at the job that exports it" if late else "", where=_FOLDER)


def _open(path: Path, files: FileSet, where: Where) -> None:
    if files.format == "parquet":
        open_parquet(path, files, where).close()
    else:
        next(iter(text_rows(path, files, where)), None)


def _shown(age: timedelta) -> str:
    hours = max(0, int(age.total_seconds() // 3600))
    return f"{hours} h" if hours < 48 else f"{hours // 24} days"
