"""The run snapshot: what was scored and decided, as Parquet, so that `explain` needs no warehouse.

One folder a run; the newest 30 are kept. Nested values (contributions, evidence) are JSON text.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from connector.domain.customer import Customer
from connector.domain.errors import MendError
from connector.domain.intent import Held, Intent
from connector.domain.signal import Signal
from connector.services.choose import Chosen
from connector.services.facts import Facts, destination_of, load_facts, load_json
from connector.services.measure import Measured
from connector.services.score import Scores

KEEP = 30
SEGMENTS = "segments*.json"
"""Files of segments: one of a run, named after where that wrote to."""
TABLES = ("signals", "scores", "decisions", "whitespace")


def save(folder: Path, run_id: str, measured: Measured, scores: Scores, chosen: Chosen, held: Sequence[Held]) -> None:
    """Write a run's snapshot, and forget the oldest."""
    to = folder / run_id
    part = folder / f".{run_id}.part"
    part.mkdir(parents=True, exist_ok=True)
    rows = {
        "signals": [_signal(signal) for signal in measured.signals],
        "scores": [_score(score) for score in scores.scores],
        "decisions": [
            *({**_intent(one), "load": _load(one, chosen)} for one in chosen.intents),
            *({**_held(one), "load": _load(one, chosen)} for one in held),
        ],
        "whitespace": [{"account_id": id, **row} for id, row in chosen.white_space.items()],
    }
    for name in TABLES:
        pq.write_table(pa.Table.from_pylist(rows[name] or [{"account_id": None}]), part / f"{name}.parquet")
    part.rename(to)
    for old in sorted(path for path in folder.iterdir() if not path.name.startswith("."))[:-KEEP]:
        shutil.rmtree(old)


def newest(folder: Path, crm: str) -> str | None:
    """Name the newest run that decided for a CRM; runs to several lie side by side."""
    to = ((run, destination_of(folder / run)) for run in reversed(_runs(folder)))
    return next((run for run, destination in to if destination and destination.startswith(f"{crm}:")), None)


def facts_of(folder: Path, crm: str, run_id: str | None = None, accounts: Collection[str] | None = None) -> Facts:
    """Read what a run decided from, or the newest for a CRM; raise MendError when none kept it."""
    return load_facts(folder / kept_run(folder, crm, run_id), accounts)


def kept_run(folder: Path, crm: str, run_id: str | None = None) -> str:
    """Name a run that is kept, or the newest that decided for a CRM; raise MendError when there is none."""
    wanted = run_id or newest(folder, crm)
    if wanted is None or wanted not in _runs(folder) or destination_of(folder / wanted) is None:
        what = f"run {run_id} kept nothing to decide from" if run_id else f"no scored run for {crm}"
        raise MendError(what, hint=f"run `connector plan --crm {crm}` first; the newest {KEEP} runs are kept")
    return wanted


def _runs(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith(".")) if folder.is_dir() else []


def decisions_of(folder: Path, run_id: str) -> list[Mapping[str, Any]]:
    """Read everything a run decided."""
    return _read(folder / run_id / "decisions.parquet")


def white_space_of(folder: Path, run_id: str) -> list[Mapping[str, Any]]:
    """Read how every offer stood with every customer; nothing of a run from before that was kept."""
    file = folder / run_id / "whitespace.parquet"
    return _read(file) if file.exists() else []


def _read(file: Path) -> list[Mapping[str, Any]]:
    return [row for row in pq.read_table(file).to_pylist() if row["account_id"] is not None]


def save_segments(folder: Path, run_id: str, destination: str, segments: Mapping[str, Collection[str]]) -> None:
    """Keep which segments each CRM account is of, for jobs that do not ask billing."""
    text = json.dumps({id: list(some) for id, some in segments.items()}, ensure_ascii=False)
    (folder / run_id / _segments_of(destination)).write_text(text, encoding="utf-8")


def load_segments(folder: Path, destination: str) -> dict[str, list[str]] | None:
    """Read the segments that the newest run to a destination kept; None when none did."""
    kept = sorted(folder.glob(f"[!.]*/{_segments_of(destination)}"))
    return dict(json.loads(kept[-1].read_text(encoding="utf-8"))) if kept else None


def _segments_of(destination: str) -> str:
    """Name the file: runs to several CRMs lie side by side, and each knows its own accounts."""
    return SEGMENTS.replace("*", f".{destination.replace(':', '-')}")


def forget(folder: Path, customer: Customer) -> int:
    """Take a customer's rows out of every snapshot, each file in one step, and count them."""
    if not folder.is_dir():
        return 0
    for part in folder.glob(".*.part"):  # left behind by a killed run
        shutil.rmtree(part)
    removed = 0
    for file in sorted(folder.glob("*/*.parquet")):
        rows = pq.read_table(file)
        kept = [not _is_about(row, customer) for row in rows.to_pylist()]
        if all(kept):
            continue
        removed += kept.count(False)
        left = rows.filter(pa.array(kept))
        part = file.with_suffix(".part")
        pq.write_table(left if left.num_rows else pa.Table.from_pylist([{"account_id": None}]), part)
        part.replace(file)
    return removed + sum(_forget_segments(file, customer) for file in sorted(folder.glob(f"*/{SEGMENTS}")))


def _forget_segments(file: Path, customer: Customer) -> int:
    kept = dict(json.loads(file.read_text(encoding="utf-8")))
    gone = _accounts(customer) & set(kept)
    if gone:
        part = file.with_suffix(".part")
        part.write_text(json.dumps({id: kept[id] for id in kept if id not in gone}), encoding="utf-8")
        part.replace(file)
    return len(gone)


def left(folder: Path, customer: Customer) -> int:
    """Count the rows of all snapshots that still name a customer."""
    files = sorted(folder.glob("*/*.parquet"))
    rows = sum(_is_about(row, customer) for file in files for row in pq.read_table(file).to_pylist())
    segments = (set(json.loads(file.read_text(encoding="utf-8"))) for file in folder.glob(f"*/{SEGMENTS}"))
    return rows + sum(len(_accounts(customer) & ids) for ids in segments)


def _is_about(row: Mapping[str, Any], customer: Customer) -> bool:
    named = customer.named_in("\n".join(str(value) for value in row.values()))
    return row["account_id"] in _accounts(customer) or bool(named)


def _accounts(customer: Customer) -> set[str]:
    return {id for ids in customer.crm.values() for id in ids} | customer.billing


def _signal(signal: Signal) -> dict[str, Any]:
    return {
        "account_id": signal.account_id,
        "signal": signal.id,
        "row": signal.row,
        "needs": json.dumps(signal.needs),
        "strength": signal.strength,
        "term": signal.term,
        "evidence": json.dumps(dict(signal.evidence), ensure_ascii=False),
        "data_to": signal.data_to.isoformat(),
    }


def _score(score: Any) -> dict[str, Any]:
    return {
        "account_id": score.account_id,
        "offer": score.offer,
        "need": score.need,
        "quantity": score.quantity,
        "p": score.p,
        "base": score.base,
        "value": score.value,
        "delta_mrr": score.delta_mrr.minor if score.delta_mrr else None,
        "currency": score.delta_mrr.currency if score.delta_mrr else None,
        "contributions": json.dumps(
            [[c.name, c.term, dict(c.evidence)] for c in score.contributions], ensure_ascii=False
        ),
        "data_to": score.data_to.isoformat(),
    }


def _load(one: Intent | Held, chosen: Chosen) -> str | None:
    """What stood on the account and its owner when a candidate was weighed: caps are explained by it."""
    of_held = one.load if isinstance(one, Held) else None
    load = of_held or chosen.loads.get((one.account_id, one.offer if isinstance(one, Intent) else one.subject))
    return None if load is None else load_json(load)


def _intent(intent: Intent) -> dict[str, Any]:
    return {
        "account_id": intent.account_id,
        "subject": intent.offer,
        "decision": "task" if intent.as_task else "opportunity",
        "detail": intent.moment.kind,
        "p": intent.p,
        "value": intent.value,
    }


def _held(one: Held) -> dict[str, Any]:
    return {
        "account_id": one.account_id,
        "subject": one.subject,
        "decision": str(one.reason),
        "detail": one.detail,
        "p": one.p,
        "value": one.value,
    }
