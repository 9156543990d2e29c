"""What a run decided from, kept beside its snapshot: features, the CRM's side, prices and rules, as they were.

`explain` and `whatif` ask the gates again from these and nothing else: no warehouse, no ledger, no CRM. A row is one
account's, so that a forgotten customer's are found; what is nobody's (rules, prices, owners) is one JSON file.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import TypeAdapter

from connector.domain.catalogue import Catalogue
from connector.domain.errors import SourceDataError
from connector.domain.features import AccountFeatures, EventFeatures, Features, MetricFeatures
from connector.domain.feed import Feed
from connector.domain.load import Load
from connector.domain.money import FxTable
from connector.domain.occupied import Crm, CrmContext
from connector.domain.policy import GatesPolicy, Scope
from connector.domain.project import Project
from connector.domain.propensity import Card, Learnt
from connector.domain.signal import Signals
from connector.services.learnt import FILE, load_learnt
from connector.services.measure import Measured, believed, raised

FACTS, RULES = "facts.parquet", "rules.json"
KINDS: Mapping[str, type[Any]] = {
    "account": AccountFeatures,
    "metric": MetricFeatures,
    "event": EventFeatures,
    "context": CrmContext,
}
DOCUMENTS: Mapping[str, type[Any]] = {
    "catalogue": Catalogue,
    "signals": Signals,
    "policy": GatesPolicy,
    "fx": FxTable,
}


@dataclass(frozen=True)
class Rules:
    """The documents that decide; everything else of a project says how it is told."""

    catalogue: Catalogue
    signals: Signals
    policy: GatesPolicy
    fx: FxTable

    @classmethod
    def of(cls, project: Project) -> Rules:
        return cls(project.catalogue, project.signals, project.policy, project.fx)


@dataclass(frozen=True)
class Facts:
    """One run's, of all accounts or of those asked for."""

    run_id: str
    destination: str
    config_hash: str
    as_of: datetime
    today: date
    rules: Rules
    measured: Measured
    crm: Crm
    names: Mapping[str, str]
    """CRM account → its name; a billing account without one stands for itself."""
    owners: Mapping[str, str]
    card: Card | None = None
    """The model that had a part in the scores."""


def save_facts(
    folder: Path,
    run_id: str,
    destination: str,
    project: Project,
    measured: Measured,
    crm: Crm,
    told: Told,
    learnt: Learnt | None = None,
) -> None:
    """Keep what a run decides from in its folder."""
    rows = list(_rows(measured, crm, told.accounts))
    columns = list(zip(*rows, strict=True)) or [(), (), (), ()]
    names = ("account_id", "kind", "name", "body")
    table = pa.table({name: pa.array(column, pa.string()) for name, column in zip(names, columns, strict=True)})
    part = folder / f"{FACTS}.part"
    pq.write_table(table, part, compression="zstd")
    part.rename(folder / FACTS)
    rules = Rules.of(project)
    # Whom the scope leaves out stands on each account; customers are named nowhere but in their own rows.
    documents = replace(rules, policy=replace(rules.policy, scope=Scope()))
    body = {
        "run_id": run_id,
        "destination": destination,
        "config_hash": project.hash,
        "as_of": measured.as_of.isoformat(),
        "today": told.today.isoformat(),
        "data_to": measured.data_to.isoformat() if measured.data_to else None,
        "owners": dict(sorted(told.owners.items())),
        "feeds": [asdict(feed) for feed in measured.feeds],
        "prices": [dict(price) for price in measured.prices],
        **{name: _json(kind).dump_python(getattr(documents, name), mode="json") for name, kind in DOCUMENTS.items()},
        **({"card": learnt.hash} if learnt is not None else {}),
    }
    (folder / RULES).write_text(json.dumps(body, ensure_ascii=False, default=str), encoding="utf-8")


@dataclass(frozen=True)
class Told:
    """What the facts are told with: the day, and the names of accounts and owners in the CRM."""

    today: date
    accounts: Mapping[str, str]
    owners: Mapping[str, str]


def load_facts(folder: Path, accounts: Collection[str] | None = None) -> Facts:
    """Read a run's folder; with `accounts` (billing and CRM ids) only theirs, and everybody's CRM side."""
    told = json.loads((folder / RULES).read_text(encoding="utf-8"))
    found = _found(folder / FACTS, accounts)
    metrics: dict[str, dict[str, MetricFeatures]] = defaultdict(dict)
    events: dict[str, list[EventFeatures]] = defaultdict(list)
    for metric in found["metric"]:
        metrics[metric.account_id][metric.metric] = metric
    for event in found["event"]:
        events[event.account_id].append(event)
    rules = Rules(**{name: _json(kind).validate_python(told[name]) for name, kind in DOCUMENTS.items()})
    as_of = datetime.fromisoformat(told["as_of"])
    people = {one.account_id: one for one in found["account"]}
    feeds = tuple(_json(Feed).validate_python(feed) for feed in told["feeds"])
    signals = raised(rules.signals, Features(people, metrics, events), rules.catalogue, as_of)
    measured = Measured(
        as_of=as_of,
        accounts=people,
        metrics=dict(metrics),
        events=dict(events),
        prices=told["prices"],
        signals=believed(signals, feeds, as_of.date()),
        feeds=feeds,
        data_to=date.fromisoformat(told["data_to"]) if told["data_to"] else None,
    )
    links = {row["account_id"]: row["body"] for row in found["link"] if row["body"]}
    ambiguous = frozenset(row["account_id"] for row in found["link"] if not row["body"])
    return Facts(
        run_id=told["run_id"],
        destination=told["destination"],
        config_hash=told["config_hash"],
        as_of=as_of,
        today=date.fromisoformat(told["today"]),
        rules=rules,
        measured=measured,
        crm=Crm(links, {one.account_id: one for one in found["context"]}, ambiguous),
        names={row["account_id"]: row["name"] for row in found["name"] if row["account_id"] not in links},
        owners=told["owners"],
        card=_card(folder, told.get("card")),
    )


def _card(folder: Path, hash: str | None) -> Card | None:
    """Read the card that a run worked with; raise when it is not the one that the run noted."""
    if hash is None:
        return None
    learnt = load_learnt(folder / FILE)
    if learnt is None or learnt.hash != hash:
        what = f"the model {hash} that this run worked with is not beside it"
        raise SourceDataError(what, at=str(folder / FILE), hint="a newer run can be explained")
    return learnt.in_use


def load_json(load: Load) -> str:
    """Write down what stood on an account and its owner."""
    return _body(load)


def load_of(text: str | None) -> Load | None:
    """Read what `load_json` wrote."""
    return None if text is None else _json(Load).validate_json(text)


def destination_of(folder: Path) -> str | None:
    """Say where a run wrote to; None for one whose facts were not kept."""
    file = folder / RULES
    return str(json.loads(file.read_text(encoding="utf-8"))["destination"]) if file.exists() else None


def _found(file: Path, accounts: Collection[str] | None) -> dict[str, list[Any]]:
    """Rows by kind, read back into what they were."""
    found: dict[str, list[Any]] = defaultdict(list)
    for row in pq.read_table(file).to_pylist():
        kind, is_everybodys = row["kind"], row["kind"] in ("context", "link")
        if kind in ("context", "account"):
            found["name"].append(row)
        if kind == "link":
            found[kind].append(row)
        elif accounts is None or is_everybodys or row["account_id"] in accounts:
            found[kind].append(_json(KINDS[kind]).validate_json(row["body"]))
    return found


def _rows(measured: Measured, crm: Crm, names: Mapping[str, str]) -> Iterator[tuple[str, str, str, str]]:
    """One row a fact, in an order that does not depend on the run."""
    for id, account in sorted(measured.accounts.items()):
        yield id, "account", account.name or id, _body(account)
        yield from ((id, "metric", name, _body(one)) for name, one in sorted(measured.metrics.get(id, {}).items()))
        yield from ((id, "event", one.event, _body(one)) for one in measured.events.get(id, ()))
    for id, context in sorted(crm.contexts.items()):
        yield id, "context", names.get(id, id), _body(context)
    yield from ((id, "link", "", to) for id, to in sorted(crm.links.items()))
    yield from ((id, "link", "", "") for id in sorted(crm.ambiguous))


def _body(value: Any) -> str:
    return _json(type(value)).dump_json(value, exclude_defaults=True).decode()


_ADAPTERS: dict[type[Any], TypeAdapter[Any]] = {}


def _json(kind: type[Any]) -> TypeAdapter[Any]:
    if kind not in _ADAPTERS:
        _ADAPTERS[kind] = TypeAdapter(kind)
    return _ADAPTERS[kind]
