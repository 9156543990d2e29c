"""What learning and scoring cost: `connector propensity fit` and `predict` as processes, on invented pairs.

Processor time decides, because the machine may have other work: scoring uses two cores at most, so the wall is no
longer than it on an idle machine. Peak memory is that of the whole process.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from goals import Figure, Report

SEED = 1
NUMBERS, REGIONS, TIERS = 14, 30, 5
MOST_FIT, MOST_PREDICT, MOST_MB = 30.0, 5.0, 500.0
PIECE = 50_000


@dataclass(frozen=True)
class Sizes:
    """Accounts and offers to learn from, and how many to score at scale."""

    accounts: int
    offers: int
    many: int
    many_offers: int


FULL, QUICK = Sizes(26_000, 22, 500_000, 20), Sizes(2_000, 22, 20_000, 20)


@dataclass(frozen=True)
class Cost:
    """What one command took."""

    wall: float
    processor: float
    peak_mb: float


def bench_propensity(sizes: Sizes) -> Iterable[Report]:
    """Fit and predict at the size of a large vendor, then predict for very many."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = _write(folder / "pairs.parquet", folder / "held.parquet", sizes.accounts, sizes.offers)
        fit = _run(folder, "fit", "pairs.parquet", "--holdings", "held.parquet", "--out", "card.json")
        predict = _score(folder, "pairs.parquet", "held.parquet")
        told = {"accounts": sizes.accounts, "offers": sizes.offers, "rows": rows}
        yield Report(
            "propensity",
            "learn and score, base install only",
            told,
            [*_figures("fit", fit, MOST_FIT), *_figures("predict", predict, MOST_PREDICT)],
        )
        yield _many(folder, sizes, predict, rows)


def _figures(what: str, cost: Cost, most: float) -> list[Figure]:
    return [
        Figure(f"{what}, processor", cost.processor, "s", most, f"wall {cost.wall:.1f} s"),
        Figure(f"{what}, peak memory", cost.peak_mb, "MB", MOST_MB),
    ]


def _many(folder: Path, sizes: Sizes, once: Cost, rows: int) -> Report:
    many = _write(folder / "many.parquet", folder / "many_held.parquet", sizes.many, sizes.many_offers)
    cost = _score(folder, "many.parquet", "many_held.parquet")
    grown = (cost.processor / many) / (once.processor / rows)
    figures = [
        Figure("predict, per row / at the smaller size", grown, "", 1.1, f"processor {cost.processor:.0f} s"),
        Figure("predict, peak memory", cost.peak_mb, "MB"),
    ]
    told = {"accounts": sizes.many, "offers": sizes.many_offers, "rows": many}
    return Report("propensity, at scale", "does scoring grow with the rows alone?", told, figures)


def _score(folder: Path, pairs: str, held: str) -> Cost:
    return _run(folder, "predict", pairs, "--holdings", held, "--card", "card.json", "--out", "scores.parquet")


def _run(folder: Path, *words: str) -> Cost:
    began = perf_counter()
    command = [str(Path(sys.executable).with_name("connector")), "propensity", *words]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)  # noqa: S603 - our own command
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"connector propensity {words[0]} ended with {process.returncode}")
    return Cost(perf_counter() - began, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def _write(pairs: Path, held: Path, accounts: int, offers: int) -> int:
    """Write pairs whose truth is a line in log-odds with effects of each offer; gives how many."""
    rng = np.random.default_rng(SEED)
    shared, own = rng.normal(size=(NUMBERS, 1)) * 0.3, rng.normal(size=(NUMBERS, offers)) * 0.3
    between, by_region = rng.normal(size=(offers, offers)) * 0.7, rng.normal(size=REGIONS) * 0.4
    rows, writer, holdings = 0, None, []
    for first in range(0, accounts, PIECE):
        many = min(PIECE, accounts - first)
        x = rng.normal(size=(many, NUMBERS))
        region, tier = rng.integers(0, REGIONS, many), rng.integers(0, TIERS, many)
        holds = rng.random((many, offers)) < np.linspace(0.02, 0.3, offers)
        logit = np.linspace(-6, -3, offers) + x @ (shared + own) + holds @ between + by_region[region][:, None]
        adopted = rng.random((many, offers)) < 1 / (1 + np.exp(-logit))
        account, offer = np.nonzero(~holds)
        names = pa.array([f"acct_{first + number:07d}" for number in range(many)])
        offer_names = pa.array([f"offer_{number:02d}" for number in range(offers)])
        table = pa.table(
            {
                "account_id": names.take(pa.array(account)),
                "offer_id": offer_names.take(pa.array(offer)),
                "adopted": pa.array(adopted[account, offer].astype(np.int8)),
                **{f"f{number}": pa.array(np.round(x[account, number], 4)) for number in range(NUMBERS)},
                "region": pa.array([f"r{number}" for number in range(REGIONS)]).take(pa.array(region[account])),
                "tier": pa.array([f"t{number}" for number in range(TIERS)]).take(pa.array(tier[account])),
                "flag": pa.array((x[:, 0] > 0.5)[account]),
            }
        )
        writer = writer or pq.ParquetWriter(pairs, table.schema)
        writer.write_table(table)
        owner, what = np.nonzero(holds)
        holdings.append(
            pa.table({"account_id": names.take(pa.array(owner)), "offer_id": offer_names.take(pa.array(what))})
        )
        rows += len(table)
    if writer is not None:
        writer.close()
    pq.write_table(pa.concat_tables(holdings), held)
    return rows
