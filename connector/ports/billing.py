"""What a billing source and the warehouse offer.

A page is landed raw with its cursor in one transaction; staging then turns raw rows into canonical ones, unit by
unit, from everything raw that is known of a unit. Raw rows are kept in every version a source ever told, because
sources forget; so canonical tables can be rebuilt at any time, and a mended mapping is applied to the past too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from connector.domain.customer import Customer
from connector.domain.inspection import Probe

Payload = Mapping[str, Any]
Cursor = Mapping[str, Any]


@dataclass(frozen=True)
class Landing:
    """A raw row to land; `parent` names the unit of another stream that it also tells about."""

    id: str
    payload: Payload
    parent: str | None = None
    at: str | None = None
    """file:line, where there is one."""


@dataclass(frozen=True)
class Rejected:
    """A raw row that cannot become canonical: set aside with its reason, never lost."""

    stream: str
    row: str
    reason: str
    detail: str
    payload: Payload | None = None


@dataclass(frozen=True)
class UsagePart:
    """Usage in bulk, as an Arrow table of `account_id` or `subscription_id`, `day`, `metric`, `value`, `known_at`.

    It takes the place of what the same origin gave before, and of any value of the same account, day and metric.
    """

    origin: str
    rows: Any
    combine: str = "sum"
    outside_subscription: str = "keep"
    fresh: bool = True
    """False for the second part of an origin and those after it, which add to the first."""


@dataclass(frozen=True)
class Page:
    """One page of a stream, and the cursor that is true once it is stored."""

    stream: str
    rows: Sequence[Landing] = ()
    cursor: Cursor | None = None
    initial: bool = False
    """Part of the first full load: facts count as known since the source could first have told them."""
    usage: UsagePart | None = None
    rejected: Sequence[Rejected] = ()
    warnings: Sequence[str] = ()
    anew: str | None = None
    """A file that is read from its start: what was set aside from it before is forgotten."""


@dataclass(frozen=True)
class RawRow:
    """One version of a raw row, as the source told it at `fetched_at`."""

    id: str
    payload: Payload
    fetched_at: datetime
    initial: bool
    at: str | None = None
    parent: str | None = None


@dataclass(frozen=True)
class Translated:
    """Canonical rows of one unit by table, or the reasons why there are none."""

    unit: str
    rows: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    rejected: Sequence[Rejected] = ()


@dataclass(frozen=True)
class Landed:
    """Counts of one landing or staging."""

    rows: Mapping[str, int] = field(default_factory=dict)
    """Canonical rows written per table."""
    quarantined: Mapping[str, int] = field(default_factory=dict)
    """Rows set aside per reason."""
    warnings: Sequence[str] = ()


@dataclass(frozen=True)
class RawMrr:
    """Monthly recurring revenue per currency in minor units, as the raw rows say it, and what ours leaves out of it."""

    total: Mapping[str, int]
    left_out: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Reason → currency → minor units that are in `total` and not in ours."""


class RawStore(Protocol):
    """Reads raw rows of one source."""

    def latest(self, stream: str, ids: Collection[str] | None = None) -> Iterator[RawRow]:
        """Newest version of each row, or of those asked for."""
        ...

    def history(self, stream: str, ids: Collection[str]) -> Mapping[str, Sequence[RawRow]]:
        """Every version of each row, oldest first."""
        ...

    def children(self, stream: str, parents: Collection[str]) -> Mapping[str, Sequence[RawRow]]:
        """Newest version of the rows that name these parents, by parent."""
        ...

    def known_accounts(self, ids: Collection[str]) -> Collection[str]:
        """Which of these accounts any source has told, staged and fit."""
        ...

    def quarantined(self) -> Mapping[tuple[str, str], str]:
        """Reason of each row that is set aside, by stream and row."""
        ...


class Owned(Protocol):
    """Knows whom a raw row is about."""

    def account_of(self, stream: str, row: Landing) -> str | None:
        """Name the account that a row is about; None for one that is about none (a price) or does not tell."""
        ...


class BillingSource(Owned, Protocol):
    """Reads a billing system, a page at a time, from a cursor; translates its rows into canonical ones."""

    name: str
    mapping_hash: str
    """Changes with the mapping: the warehouse then rebuilds."""

    @property
    def reference(self) -> Collection[str]:
        """Streams whose rows many units are read with (prices): a changed row there rebuilds too."""
        ...

    def streams(self) -> Mapping[str, str | None]:
        """Name the streams in the order in which they are pulled and staged, each with the stream of its parents."""
        ...

    def pages(self, raw: RawStore, stream: str, cursor: Cursor | None, now: datetime) -> Iterator[Page]:
        """Yield what is new since the cursor (None: everything), with an overlap, in bounded memory."""
        ...

    def translate(self, raw: RawStore, stream: str, ids: Sequence[str], now: datetime) -> Iterator[Translated]:
        """Turn what is known of each unit into canonical rows, or set it aside."""
        ...

    def recurring(self, raw: RawStore, as_of: datetime) -> RawMrr:
        """Compute MRR from raw rows alone, sharing no code with the translation."""
        ...

    def calls(self) -> int:
        """Count the API calls made."""
        ...


class SourceInspector(Protocol):
    """Tries whether a billing system can be read, a call or a file at a time. It lands nothing."""

    def probes(self, now: datetime) -> Iterator[Probe]:
        """Try each stream; raise CredentialError or LaterError where nothing at all can be read."""
        ...


class WarehouseReader(Protocol):
    """Reads what was landed and staged."""

    def raw(self, source: str) -> RawStore:
        """Read one source's raw rows."""
        ...

    def counts(self) -> tuple[Mapping[str, int], Mapping[str, int]]:
        """Rows held per canonical table, and rows set aside per reason."""
        ...

    def first_read(self) -> Mapping[str, datetime]:
        """When each source of customers was first read: from then on the past is told as it was known."""
        ...

    def tables(self) -> Mapping[str, Any]:
        """The canonical tables as Ibis tables, by name."""
        ...

    def tables_of(self, accounts: Any) -> Mapping[str, Any]:
        """The canonical tables of some accounts: a pyarrow Table of one column, account_id."""
        ...

    def let_go(self) -> None:
        """Give back the memory of what was read."""
        ...

    def execute(self, expression: Any) -> Any:
        """Run an Ibis expression and give its rows as a pyarrow Table."""
        ...


class Warehouse(WarehouseReader, Protocol):
    """Holds raw and canonical tables; open only from pull to score."""

    def cursor(self, source: str, stream: str) -> Cursor | None:
        """The cursor stored with the last landed page of a stream."""
        ...

    def land(self, source: BillingSource, page: Page, now: datetime) -> Landed:
        """Store a page and its cursor in one transaction; idempotent."""
        ...

    def stage(self, source: BillingSource, now: datetime) -> Landed:
        """Translate what has changed, and try again what is set aside; each batch is one transaction."""
        ...

    def rebuild(self, source: BillingSource, now: datetime) -> Landed:
        """Translate everything raw again."""
        ...

    def close(self) -> None:
        """Let go of the database, so that another process can open it."""
        ...


@dataclass(frozen=True)
class Told:
    """What the warehouse tells of some accounts."""

    units: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """`source/stream` → ids of the raw rows about them."""
    names: frozenset[str] = frozenset()
    """Names, domains and addresses in those rows, less those that other accounts have too."""


class WarehouseEraser(Protocol):
    """Takes one customer out of the warehouse, and tells whether anything of it is left."""

    def accounts(self) -> Mapping[str, str]:
        """Name every account that is known, by id."""
        ...

    def told_of(self, accounts: Collection[str]) -> Told:
        """Tell what else names these accounts."""
        ...

    def erase(self, customer: Customer) -> Mapping[str, int]:
        """Delete every row about a customer in one transaction; count them by table."""
        ...

    def left(self, customer: Customer) -> Mapping[str, int]:
        """Count the rows of each table that still name a customer."""
        ...

    def compact(self) -> None:
        """Write the database anew, so that what was deleted does not lie in the file any more."""
        ...
