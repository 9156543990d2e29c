"""`link list|set|unset`: which CRM account a billing account belongs to, and a person's last word on it.

Links can be settled from the first hour: where no run has read the customers yet, the command reads them itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from connector.cli.destination import Where, destination_of
from connector.cli.options import By, Crm, Json, settings
from connector.cli.output import OUT, progress, say_json, table

if TYPE_CHECKING:
    from connector.config.settings import Settings
    from connector.domain.mapping import CrmMapping
    from connector.services.links import LinkRow, Named
    from connector.services.memory import Memory

Billing = Annotated[str, typer.Argument(metavar="BILLING", help="Id of the billing account.")]
Note = Annotated[str, typer.Option("--note", help="Why, for those who look later.")]
COLUMNS = ("billing", "name", "state", "matched by", "CRM account", "in question", "why")


def list_(
    state: Annotated[str | None, typer.Option("--state", help="linked, ambiguous, unmatched or unset.")] = None,
    destination: Where = None,
    crm: Crm = None,
    json: Json = False,
    csv: Annotated[bool, typer.Option("--csv", help="Print comma-separated values.")] = False,
) -> None:
    """Show which CRM account each billing account belongs to, and those that wait for a person.

    Example: connector link list --state ambiguous
    """
    from connector.services.links import list_links

    with opened(crm, destination, json) as (memory, mapping, where):
        rows = list_links(memory.links, memory.mirror, where, mapping, _state(state))
    if json:
        say_json({"destination": where, "links": [as_json(row) for row in rows]})
    elif csv:
        write_csv(_csv_lines(rows))
    else:
        table(f"Links to {where}", COLUMNS, (_cells(row) for row in rows))


def set_(
    billing: Billing,
    account: Annotated[str, typer.Argument(metavar="CRM", help="Id of the CRM account.")],
    by: By,
    note: Note = "",
    destination: Where = None,
    crm: Crm = None,
    json: Json = False,
) -> None:
    """Say which CRM account a billing account belongs to. No run changes it again; `unset` does.

    Example: connector link set cus_Q1w2 0015g00000AbCdEAAV --by "Ana Ruiz"
    """
    from datetime import UTC, datetime

    from connector.services.links import set_link

    with opened(crm, destination, json) as (memory, mapping, where):
        row = set_link(memory.links, memory.mirror, where, mapping, billing, account, by, datetime.now(UTC), note)
    if json:
        say_json({"destination": where, "link": as_json(row)})
        return
    assert row.crm is not None
    OUT.print(f"{billing} belongs to {_label(row.crm)}, says {row.decided_by}; the next run follows.", markup=False)


def unset(
    billing: Billing,
    by: By,
    note: Note = "",
    again: Annotated[bool, typer.Option("--again", help="Forget the decision instead: the next run matches.")] = False,
    destination: Where = None,
    crm: Crm = None,
    json: Json = False,
) -> None:
    """Say that a billing account belongs to no CRM account, or let the next run decide anew.

    Example: connector link unset cus_Q1w2 --by "Ana Ruiz"
    """
    from datetime import UTC, datetime

    from connector.services.links import forget_link, unset_link

    now = datetime.now(UTC)
    with opened(crm, destination, json) as (memory, _, where):
        if again:
            forget_link(memory.links, where, billing, by, now, note)
        else:
            unset_link(memory.links, where, billing, by, now, note)
    if json:
        say_json({"destination": where, "billing": billing, "state": "forgotten" if again else "unset"})
        return
    told = "the next run matches it anew" if again else f"it belongs to no CRM account, says {by}"
    OUT.print(f"{billing}: {told}.", markup=False)


@contextmanager
def opened(
    crm: str | None, destination: str | None, json: bool, refresh: bool = False
) -> Iterator[tuple[Memory, CrmMapping, str]]:
    """Open the ledger at a destination's links; both sides are read first where no link is known, or if asked."""
    from connector.bootstrap import open_ledger, project_of
    from connector.domain.project import mapping_of

    chosen = settings(crm)
    mapping = mapping_of(project_of(chosen))
    with open_ledger(chosen) as memory:
        where = destination_of(memory, chosen, destination, may_be_new=True)
        if refresh or not memory.links.all(where):
            _read(chosen, where, json)
        yield memory, mapping, where


def _read(chosen: Settings, where: str, json: bool) -> None:
    from connector.bootstrap import business_now, open_work
    from connector.services.link_reading import read_customers

    with progress(json) as tell, open_work(chosen) as work:
        read_customers(work, where, business_now(chosen, work.project), tell)


def _state(text: str | None) -> Any:
    from connector.domain.errors import ConfigError
    from connector.domain.link import LinkState

    if text is not None and text not in set(LinkState):
        raise ConfigError(f"unknown state {text!r}", at="--state", hint=", ".join(LinkState))
    return LinkState(text) if text else None


def _cells(row: LinkRow) -> tuple[str, ...]:
    method = f"{row.method or '–'}" if row.decided_by == "connector" else f"{row.method} ({row.decided_by})"
    question = "; ".join(map(_label, row.candidates)) if row.crm is None else ""
    named = _label(row.crm) if row.crm else ""
    return row.billing_id, row.billing_name, row.state, method, named, question, _why(row)


def _why(row: LinkRow) -> str:
    """A person's note, or what spoke for the link; `link suggest` tells more of what waits."""
    if row.method == "person" or row.crm is None or not row.weighed:
        return row.note
    best = row.weighed[0]
    but = f" (but {', '.join(best.differs)})" if best.differs else ""
    return f"{best.score:.2f}: {', '.join(best.agrees)}{but}"


def _label(one: Named) -> str:
    return f"{one.name} ({one.id})" if one.name else one.id


def as_json(row: LinkRow) -> dict[str, Any]:
    """One link for scripts."""
    from dataclasses import asdict

    return {**asdict(row), "decided_at": row.decided_at.isoformat()}


def write_csv(lines: Iterable[Sequence[str]]) -> None:
    """Print lines of comma-separated values."""
    import csv
    import sys

    csv.writer(sys.stdout, lineterminator="\n").writerows(lines)


def _csv_lines(rows: list[LinkRow]) -> Iterator[tuple[str, ...]]:
    from connector.domain.cells import cell

    yield (
        "billing_id",
        "billing_name",
        "state",
        "method",
        "crm_id",
        "crm_name",
        "candidates",
        "decided_by",
        "decided_at",
        "why",
    )
    for row in rows:
        crm = (row.crm.id, row.crm.name) if row.crm else ("", "")
        candidates = " ".join(one.id for one in row.candidates)
        decided = (row.decided_by, row.decided_at.isoformat(), _why(row))
        told = (row.billing_id, row.billing_name, row.state, row.method or "", *crm, candidates, *decided)
        yield tuple(str(cell(one)) for one in told)
