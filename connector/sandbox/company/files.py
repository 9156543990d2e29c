"""Writes the files a vendor's own systems would hand over: daily use as Parquet, events as CSV."""

from __future__ import annotations

import csv
from pathlib import Path

import pyarrow.parquet as pq

from connector.sandbox.company.model import Company

EVENT_COLUMNS = ("account_id", "occurred_at", "event", "detail", "source")


def write_files(company: Company, folder: Path) -> dict[str, Path]:
    """Write `usage.parquet` and `events.csv` into a folder, made if it is missing; return both paths."""
    folder.mkdir(parents=True, exist_ok=True)
    usage, events = folder / "usage.parquet", folder / "events.csv"
    pq.write_table(company.usage, usage, compression="zstd", row_group_size=200_000)
    with events.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(EVENT_COLUMNS)
        for event in company.events:
            writer.writerow(
                (event.account, f"{event.occurred_at:%Y-%m-%dT%H:%M:%SZ}", event.event, event.detail, event.source)
            )
    return {"usage": usage, "events": events}
