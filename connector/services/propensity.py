"""`propensity fit` and `predict`: files in, a card or scores out. The daily run uses the same models below.

A file of scores appears whole or not at all.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from connector.compute.propensity_card import card_of, card_text
from connector.compute.propensity_challenge import challenge
from connector.compute.propensity_fit import fit, penalties_of
from connector.compute.propensity_leaks import leaks, present_only_for
from connector.compute.propensity_pairs import NO_HOLDINGS, Holdings, Pairs
from connector.compute.propensity_predict import predict
from connector.domain.errors import SourceDataError
from connector.domain.propensity import HORIZON_DAYS, Card, Challenger, Kind
from connector.services.propensity_files import (
    ADOPTED,
    AS_OF,
    KEYS,
    PRIOR,
    check_columns,
    place,
    read_pieces,
    read_whole,
)
from connector.services.propensity_pairs import NEEDED, Source, kinds_of, pairs_of, read_holdings
from connector.services.propensity_reasons import reasons

P = TypeVar("P")
R = TypeVar("R")
CELLS = {"number": pa.float64(), "bool": pa.bool_(), "category": pa.string(), "date": pa.string()}
SCHEMA = pa.schema(
    {
        **{name: pa.string() for name in KEYS},
        AS_OF: pa.date32(),
        **{name: pa.float64() for name in ("p", "logit", "low", "high", "base")},
        "reasons": pa.string(),
    }
)


@dataclass(frozen=True)
class Fitted:
    """A card, and what a reader should know before using it."""

    card: Card

    def told(self) -> dict[str, Any]:
        """What `fit --json` prints."""
        quality = asdict(self.card.quality)
        first = ("rows", "positives", "offers", "auc", "log_loss", "ece")
        return {
            **{name: quality[name] for name in first},
            "evidence": str(self.card.evidence),
            "weight": self.card.blend.weight,
            "warnings": list(self.card.warnings),
            "challenger": _contest(self.card.challenger),
            **{name: value for name, value in quality.items() if name not in first},
        }


def _contest(challenger: Challenger | None) -> dict[str, Any] | None:
    """How trees did against the regression; None where nothing could be learnt."""
    if challenger is None:
        return None
    windows = [asdict(window) for window in challenger.windows]
    return {"promoted": challenger.promoted, "why": challenger.why, "windows": windows}


def fit_file(path: Path, holdings: Path | None, out: Path, horizon_days: int = HORIZON_DAYS, seed: int = 0) -> Fitted:
    """Fit a card on a file and write it."""
    check_columns(path, (*KEYS, ADOPTED), NEEDED)
    pairs, warnings = _read(path, holdings)
    pairs, owned = _without_owned(pairs)
    pa.default_memory_pool().release_unused()
    if owned:
        warnings.append(f"{owned:,} rows are left out: the offer was held on their as_of")
    if (name := present_only_for(pairs)) is not None:
        raise SourceDataError(
            f"{name} is filled for every adopter and for nobody else: it is known only after the event, a leak",
            at=f"{path}:1",
            hint="drop the column",
        )
    card = fit(pairs, horizon_days, seed, challenge)
    known = pairs.take(np.flatnonzero(pairs.adopted >= 0))
    warnings += [str(leak) for leak in leaks(known, card.quality.auc, penalties_of(card), seed)]
    card = replace(card, warnings=(*card.warnings, *warnings))
    _write_whole(out, card_text(card))
    return Fitted(card)


def _read(path: Path, holdings: Path | None) -> tuple[Pairs, list[str]]:
    table, source = read_whole(path, {}), Source(path)
    if not len(table):
        raise SourceDataError("the file has no rows", at=str(path), hint=NEEDED)
    kinds, warnings = kinds_of(table, source)
    bare = pairs_of(
        table.select([name for name in (*KEYS, AS_OF) if name in table.column_names]), source, NO_HOLDINGS, {}
    )
    _refuse_twice(bare, path)
    held = read_holdings(holdings, len(np.unique(bare.day)) > 1)
    return pairs_of(table, source, held, kinds), warnings


def _refuse_twice(pairs: Pairs, path: Path) -> None:
    key = pairs.entity.astype(np.int64) * len(pairs.offers) + pairs.offer
    order = np.argsort(key, kind="stable")
    again = np.flatnonzero(key[order[1:]] == key[order[:-1]])
    if len(again):
        first, second = sorted((int(order[again[0]]), int(order[again[0] + 1])))
        what = f"{pairs.accounts[pairs.account[first]]} × {pairs.offers[pairs.offer[first]]}"
        raise SourceDataError(
            f"{what} is there twice, first in {place(path, first)}",
            at=place(path, second),
            hint="one row for each account, offer and as_of",
        )


def _without_owned(pairs: Pairs) -> tuple[Pairs, int]:
    """Leave out rows whose offer was held already on their day; undated holdings cannot tell."""
    own = pairs.own()[pairs.offer]
    if not pairs.is_dated or not pairs.holds.size:
        return pairs, 0
    owned = (own >= 0) & pairs.holds[pairs.entity, own]
    return (pairs.take(np.flatnonzero(~owned)), int(owned.sum())) if owned.any() else (pairs, 0)


def predict_file(path: Path, holdings: Path | None, card_file: Path, out: Path) -> dict[str, Any]:
    """Score a file with a card and write the scores, a piece at a time."""
    card = load_card(card_file)
    needed = [feature.name for feature in card.features] + ([PRIOR] if card.blend.has_prior else [])
    check_columns(path, (*KEYS, *needed), "the card was fitted with it")
    held = read_holdings(holdings, False)
    seen, days = [], set[int]()
    part = out.with_name(f".{out.name}.part")
    try:
        with pq.ParquetWriter(
            part, SCHEMA, compression="zstd", compression_level=1, use_dictionary=list(KEYS)
        ) as writer:
            for scored in _ahead(_pieces(path, card), lambda piece: _score_piece(card, held, path, piece)):
                days |= scored.days
                if len(days) > 1 and holdings is not None and held.since is None:
                    read_holdings(holdings, True)  # refuses them
                seen.append(scored.keys)
                writer.write_table(scored.table)
        _refuse_seen(seen, path)
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)
    return {"rows": sum(map(len, seen)), "evidence": str(card.evidence), "out": str(out)}


@dataclass(frozen=True, eq=False)
class Scored:
    """A piece of the scores."""

    table: pa.Table
    keys: np.ndarray[Any, Any]
    days: set[int]


def _pieces(path: Path, card: Card) -> Iterator[tuple[int, pa.Table]]:
    """Read a file in pieces, each with the number of its first row."""
    first = 0
    for piece in read_pieces(path, {feature.name: CELLS[feature.kind] for feature in card.features}):
        yield first, piece
        first += len(piece)


def _score_piece(card: Card, held: Holdings, path: Path, piece: tuple[int, pa.Table]) -> Scored:
    first, table = piece
    kinds: dict[str, Kind] = {feature.name: feature.kind for feature in card.features}
    pairs = pairs_of(
        table, Source(path, first), held, kinds, [one.offer for one in card.offers], card.holdings, exact=True
    )
    return Scored(scores_of(card, pairs), _hashes(pairs), {int(day) for day in np.unique(pairs.day)})


def _ahead(pieces: Iterator[P], work: Callable[[P], R]) -> Iterator[R]:
    """Work on the next piece while one is written: arrow and numpy leave the interpreter to others meanwhile."""
    with ThreadPoolExecutor(1) as pool:
        waiting: deque[Future[R]] = deque()
        for piece in pieces:
            waiting.append(pool.submit(work, piece))
            if len(waiting) > 1:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def load_card(path: Path) -> Card:
    """Read a card."""
    if not path.is_file():
        raise SourceDataError("there is no such card", at=str(path), hint="`connector propensity fit` writes one")
    return card_of(path.read_text(encoding="utf-8"), str(path))


def scores_of(card: Card, pairs: Pairs) -> pa.Table:
    """Score pairs: one row for each, in their order."""
    made = predict(card, pairs)
    day = pa.array(pairs.day, pa.int32()).cast(pa.date32()) if pairs.is_dated else pa.nulls(len(pairs), pa.date32())
    return pa.table(
        [
            pa.array(pairs.accounts, pa.string()).take(pa.array(pairs.account)),
            pa.array(pairs.offers, pa.string()).take(pa.array(pairs.offer)),
            day,
            *(pa.array(values) for values in (made.p, made.logit, made.low, made.high)),
            pa.array(np.full(len(pairs), made.base)),
            reasons(card, pairs, made),
        ],
        schema=SCHEMA,
    )


def _hashes(pairs: Pairs) -> np.ndarray[Any, Any]:
    """A number for each account, offer and day, so that a row that comes again is noticed without keeping its text."""
    names = np.array([_hash(name) for name in pairs.accounts], np.uint64)
    mixed = names[pairs.account] + pairs.day.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(31))) * np.uint64(0xBF58476D1CE4E5B9) + pairs.offer.astype(np.uint64)
    return np.asarray((mixed ^ (mixed >> np.uint64(29))) * np.uint64(0x94D049BB133111EB))


def _hash(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big")


def _refuse_seen(seen: list[np.ndarray[Any, Any]], path: Path) -> None:
    keys = np.concatenate(seen) if seen else np.empty(0, np.uint64)
    ordered = np.sort(keys)
    again = np.flatnonzero(ordered[1:] == ordered[:-1])
    if not len(keys):
        raise SourceDataError("the file has no rows", at=str(path), hint=NEEDED)
    if len(again):
        first, second = np.flatnonzero(keys == ordered[again[0]])[:2]
        raise SourceDataError(
            f"this row is there twice, first in {place(path, int(first))}",
            at=place(path, int(second)),
            hint="one row for each account, offer and as_of",
        )


def _write_whole(out: Path, text: str) -> None:
    if not out.parent.is_dir():
        raise SourceDataError("there is no such folder", at=str(out.parent), hint="make it, or write elsewhere")
    part = out.with_name(f".{out.name}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(out)
