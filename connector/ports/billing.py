"""What a billing source and the warehouse offer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol


@dataclass(frozen=True)
class Page:
    """One page of raw rows of a stream, and the cursor that is true once it is stored."""

    stream: str
    rows: Sequence[Mapping[str, Any]]
    cursor: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Rejected:
    """A raw row that cannot become canonical: set aside with its reason, never lost."""

    stream: str
    row: str
    reason: str
    detail: str
    payload: Mapping[str, Any]


@dataclass(frozen=True)
class Landed:
    """Counts of one staging: canonical rows per table, quarantined rows per reason."""

    rows: Mapping[str, int]
    quarantined: Mapping[str, int]


class BillingSource(Protocol):
    """Reads a billing system, a page at a time, from a cursor; translates its rows into canonical ones."""

    name: str

    def streams(self) -> Sequence[str]:
        """Name the streams, in the order in which they must be staged."""
        ...

    def pages(self, stream: str, cursor: Mapping[str, Any] | None, now: datetime) -> Iterator[Page]:
        """Yield what is new since the cursor (None: everything), with an overlap, in bounded memory."""
        ...

    def translate(
        self, stream: str, rows: Sequence[Mapping[str, Any]], pulled_at: datetime, first_load: bool
    ) -> tuple[Mapping[str, Sequence[Mapping[str, Any]]], Sequence[Rejected]]:
        """Turn raw rows into canonical rows by table, and set aside those that cannot be."""
        ...

    def calls(self) -> int:
        """Count the API calls made."""
        ...


class Warehouse(Protocol):
    """Holds raw and canonical tables; open only from pull to score."""

    def cursor(self, source: str, stream: str) -> Mapping[str, Any] | None:
        """The cursor stored with the last staged page of a stream."""
        ...

    def land(self, source: BillingSource, page: Page, pulled_at: datetime, first_load: bool) -> Landed:
        """Store raw rows, canonical rows, quarantine and cursor in one transaction; idempotent."""
        ...

    def tables(self) -> Mapping[str, Any]:
        """The canonical tables as Ibis tables, by name."""
        ...

    def execute(self, expression: Any) -> Any:
        """Run an Ibis expression and give its rows as a pyarrow Table."""
        ...

    def close(self) -> None:
        """Let go of the database, so that another process can open it."""
        ...
