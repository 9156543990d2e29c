"""Shows the white space of a run from its snapshot: no warehouse, no CRM call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from connector.domain.change import RecordType
from connector.domain.link import linked
from connector.domain.mapping import CrmMapping
from connector.domain.white_space import Cell, Space, counts
from connector.services.lookup import find_account
from connector.services.memory import Memory
from connector.services.snapshot import decisions_of, kept_run, white_space_of
from connector.services.world import crm_accounts

COLUMNS = ("account_id", "name", "offer", "state", "detail", "decided")


def white_space(memory: Memory, mapping: CrmMapping, folder: Path, asked: str | None, run_id: str | None) -> Any:
    """Tell how every offer stands, of one customer or of all; raise MendError when no run or account answers."""
    taken = kept_run(folder, mapping.crm, run_id)
    run = memory.runs.get(taken)
    destination = run.destination if run else memory.destinations.all()[0].id
    records = memory.mirror.records(destination, RecordType.ACCOUNT)
    names = {id: account.name for id, account in crm_accounts(records, mapping).items()}
    account = find_account(asked, names, linked(memory.links.all(destination))) if asked is not None else None
    decided = {(row["account_id"], row["subject"]): row["decision"] for row in decisions_of(folder, taken)}
    grid = {
        row["account_id"]: {offer: Cell.read(cell) for offer, cell in row.items() if offer != "account_id"}
        for row in white_space_of(folder, taken)
        if account in (None, row["account_id"])
    }
    return {
        "run_id": taken,
        "account": account and {"id": account, "name": names.get(account, account)},
        "customers": len(grid),
        "offers": counts(grid),
        "rows": list(_rows(grid, names, decided)),
    }


def _rows(
    grid: Mapping[str, Mapping[str, Cell]], names: Mapping[str, str], decided: Mapping[tuple[str, str], str]
) -> Iterator[dict[str, str]]:
    for account, row in grid.items():
        for offer, cell in row.items():
            news = decided.get((account, offer), "") if cell.space is Space.GAP else ""
            values = (account, names.get(account, account), offer, cell.space.value, cell.detail, news)
            yield dict(zip(COLUMNS, values, strict=True))
