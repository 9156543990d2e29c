"""Rows of PAIRS and HOLDINGS → the pairs that a model reads; refuses what would make a score a lie.

Refused as leaks: a holding without a date beside rows of several days, and a feature that was not known on its row's
day. Unknown outcomes are no mistake: such rows are scored, not learnt from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from connector.compute.propensity_pairs import NO_HOLDINGS, UNKNOWN, Column, Holdings, Pairs, entities, holds_of
from connector.domain.errors import SourceDataError
from connector.domain.propensity import Kind
from connector.services.propensity_files import (
    ADOPTED,
    AS_OF,
    KEYS,
    OWN,
    PRIOR,
    SINCE,
    check_columns,
    first_where,
    place,
    read_whole,
)

NEEDED = "PAIRS has account_id, offer_id, adopted (0, 1 or empty), maybe as_of and prior; all else is a feature"
NEEDED_HELD = "HOLDINGS has account_id, offer_id and maybe since (a date)"
LEAK = "give `since`, the date from which each is held: without it, what was bought later would seem known before"


@dataclass(frozen=True)
class Source:
    """Where rows stand: the file, and the number of the first."""

    path: Path
    first: int = 0

    def at(self, row: int) -> str:
        """Name the place of a row."""
        return place(self.path, self.first + row)


def read_holdings(path: Path | None, several_days: bool) -> Holdings:
    """Read who holds what; several days without `since` are refused."""
    if path is None:
        return NO_HOLDINGS
    names, source = check_columns(path, KEYS, NEEDED_HELD), Source(path)
    if SINCE not in names and several_days:
        raise SourceDataError(
            "PAIRS has several as_of dates and HOLDINGS no `since`: a leak", at=f"{path}:1", hint=LEAK
        )
    table = read_whole(path, {})
    account, accounts = _codes(table, "account_id", source)
    offer, offers = _codes(table, "offer_id", source)
    since = None
    if SINCE in names:
        since = days_of(table, SINCE, source, not several_days, LEAK)
    order = np.argsort(account, kind="stable")
    return Holdings(
        {name: at for at, name in enumerate(accounts)},
        offers,
        account[order],
        offer[order],
        None if since is None else since[order],
    )


def pairs_of(
    table: pa.Table,
    source: Source,
    holdings: Holdings,
    kinds: dict[str, Kind],
    offers: Sequence[str] | None = None,
    held: Sequence[str] | None = None,
    exact: bool = False,
) -> Pairs:
    """Turn rows into pairs; `offers` and `held` are a card's, and found when there is none. `exact`: no rounding."""
    account, accounts = _codes(table, "account_id", source)
    if offers is None:
        offer, offers = _codes(table, "offer_id", source)
    else:
        offer = _known_offers(table, offers, source)
    day = days_of(table, AS_OF, source, False, "every row has one") if AS_OF in table.column_names else None
    dated = np.zeros(len(account), np.int32) if day is None else day
    entity, entity_account, entity_day = entities(account, dated)
    held = list(holdings.offers) if held is None else held
    return Pairs(
        accounts=accounts,
        offers=offers,
        account=account,
        offer=offer,
        day=dated,
        adopted=labels_of(table, source) if ADOPTED in table.column_names else np.full(len(account), -1, np.int8),
        columns=tuple(column_of(table, name, kind, source, day, exact) for name, kind in kinds.items()),
        entity=entity,
        holds=holds_of(holdings, held, accounts, entity_account, entity_day),
        holdings=held,
        prior=prior_of(table, source) if PRIOR in table.column_names else None,
        is_dated=day is not None,
    )


def _codes(table: pa.Table, name: str, source: Source) -> tuple[np.ndarray[Any, Any], list[str]]:
    column = table[name].combine_chunks()
    if (empty := first_where(pc.is_null(column))) is not None:
        raise SourceDataError(f"{name} is empty", at=source.at(empty), hint="every row names its account and its offer")
    coded = pc.dictionary_encode(column.cast(pa.string()))
    coded = coded.combine_chunks() if isinstance(coded, pa.ChunkedArray) else coded
    return coded.indices.to_numpy().astype(np.int32), coded.dictionary.to_pylist()


def _known_offers(table: pa.Table, offers: Sequence[str], source: Source) -> np.ndarray[Any, Any]:
    column = table["offer_id"].combine_chunks().cast(pa.string())
    found = pc.index_in(column, pa.array(offers, pa.string()))
    if (unknown := first_where(pc.is_null(found))) is not None:
        name = column[unknown].as_py()
        raise SourceDataError(
            "offer_id is empty" if name is None else f"the card knows no offer {name!r}",
            at=source.at(unknown),
            hint=f"it knows {', '.join(offers[:12])}; leave the row out, or fit a card with outcomes of the offer",
        )
    return np.asarray(found.to_numpy(zero_copy_only=False).astype(np.int32))


def labels_of(table: pa.Table, source: Source) -> np.ndarray[Any, Any]:
    """Read outcomes: 1, 0, or -1 where unknown."""
    column = table[ADOPTED].combine_chunks()
    if not (pa.types.is_string(column.type) or pa.types.is_boolean(column.type)):
        column = column.cast(pa.float64())
    text = pc.utf8_trim_whitespace(column.cast(pa.string()))
    found = pc.index_in(text, pa.array(["0", "1", "0.0", "1.0", "false", "true"]))
    if (wrong := first_where(pc.and_(pc.is_null(found), pc.is_valid(column)))) is not None:
        raise SourceDataError(
            f"adopted is {column[wrong].as_py()!r}", at=source.at(wrong), hint="1: adopted, 0: not, empty: unknown"
        )
    places = pc.fill_null(found, UNKNOWN).to_numpy(zero_copy_only=False)
    return np.asarray(np.where(places < 0, UNKNOWN, places % 2).astype(np.int8))


def prior_of(table: pa.Table, source: Source) -> np.ndarray[Any, Any]:
    """Read the scorecard's probabilities; NaN where there is none."""
    column = table[PRIOR].combine_chunks()
    if not (pa.types.is_floating(column.type) or pa.types.is_integer(column.type) or pa.types.is_null(column.type)):
        raise SourceDataError("prior is no number", at=source.at(0), hint="a probability between 0 and 1")
    values = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
    wrong = np.flatnonzero((values < 0) | (values > 1))
    if len(wrong):
        raise SourceDataError(
            f"prior is {values[wrong[0]]:g}", at=source.at(int(wrong[0])), hint="a probability between 0 and 1"
        )
    return np.asarray(values)


def days_of(table: pa.Table, name: str, source: Source, may_be_empty: bool, hint: str) -> np.ndarray[Any, Any]:
    """Read dates as days since 1970; an empty one, where it may be, has always been so."""
    column = table[name].combine_chunks()
    if (empty := first_where(pc.is_null(column))) is not None and not may_be_empty:
        raise SourceDataError(f"{name} is empty", at=source.at(empty), hint=hint)
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        text = pc.utf8_slice_codeunits(column.cast(pa.string()), 0, 10)
        is_date = pc.match_substring_regex(text, r"^[0-9]{4}-[01][0-9]-[0-3][0-9]$")
        if (wrong := first_where(pc.invert(pc.fill_null(is_date, True)))) is not None:
            raise SourceDataError(
                f"{name} is {column[wrong].as_py()!r}", at=source.at(wrong), hint="a date like 2026-09-30"
            )
        try:
            column = text.cast(pa.date32())
        except pa.ArrowInvalid as error:
            raise SourceDataError(f"{name}: {error}", at=source.at(0), hint="a date like 2026-09-30") from error
    if not (pa.types.is_date(column.type) or pa.types.is_timestamp(column.type)):
        raise SourceDataError(f"{name} is no date", at=source.at(0), hint="a date like 2026-09-30")
    days = column.cast(pa.date32()).cast(pa.int32())
    return np.asarray(pc.fill_null(days, -(2**30)).to_numpy(zero_copy_only=False).astype(np.int32))


def kinds_of(table: pa.Table, source: Source) -> tuple[dict[str, Kind], list[str]]:
    """Decide what each feature is; also gives warnings of columns that tell nothing."""
    kinds: dict[str, Kind] = {}
    warnings = []
    for name in table.column_names:
        if name in OWN:
            continue
        column = table[name]
        if column.null_count == len(column):
            warnings.append(f"{name} is empty and left out")
            continue
        kind = _kind(column.type)
        if kind is None:
            raise SourceDataError(
                f"column {name!r} holds {column.type}, which is no feature",
                at=source.at(0),
                hint="numbers, true/false, dates and texts are; drop it, or make columns of its parts",
            )
        if kind == "category" and _is_free_text(column):
            warnings.append(f"{name} has a value of its own in most rows: it is no category and left out")
            continue
        kinds[name] = kind
    return kinds, warnings


def _kind(type: pa.DataType) -> Kind | None:
    if pa.types.is_boolean(type):
        return "bool"
    if pa.types.is_integer(type) or pa.types.is_floating(type) or pa.types.is_decimal(type):
        return "number"
    if pa.types.is_date(type) or pa.types.is_timestamp(type):
        return "date"
    if pa.types.is_string(type) or pa.types.is_large_string(type) or pa.types.is_dictionary(type):
        return "category"
    return None


def _is_free_text(column: pa.ChunkedArray) -> bool:
    return len(column) > 50 and pc.count_distinct(column.cast(pa.string())).as_py() > len(column) / 2


def column_of(
    table: pa.Table, name: str, kind: Kind, source: Source, day: np.ndarray[Any, Any] | None, exact: bool
) -> Column:
    """Read a feature; a date after its row's day was not known then, and is refused."""
    column = table[name].combine_chunks()
    number = np.float64 if exact else np.float32
    if kind == "category":
        coded = pc.dictionary_encode(column.cast(pa.string()))
        codes = pc.fill_null(coded.indices, len(coded.dictionary)).to_numpy(zero_copy_only=False)
        return Column(name, kind, codes.astype(np.int32), (*coded.dictionary.to_pylist(), ""))
    if kind != "date":
        column = column.cast(pa.int8()) if pa.types.is_boolean(column.type) else column
        values = column.cast(pa.float64()).to_numpy(zero_copy_only=False).astype(number)
        return Column(name, kind, np.where(np.isfinite(values), values, np.nan).astype(number))
    days = days_of(table, name, source, True, "").astype(np.float64)
    gaps = column.is_null().to_numpy(zero_copy_only=False)
    before = (days if day is None else day) - (0 if day is None else days)
    later = first_where(pa.array((before < 0) & ~gaps)) if day is not None else None
    if later is not None:
        raise SourceDataError(
            f"{name} is after the as_of of its row: known only after the event, a leak",
            at=source.at(later),
            hint="drop the column, or leave the value empty where it was not known yet",
        )
    return Column(name, kind, np.where(gaps, np.nan, before).astype(number))
