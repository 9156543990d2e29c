"""Plans so many records against a CRM in memory, in a process of its own, and tells seconds and peak memory.

Half of the records are opportunities, half are tasks. `new` finds none of them in the CRM; `known` finds all of them
with receipts, one in a hundred to be changed: the day after day of a connector. The reader makes what it shows when it
is asked, as an adapter does, so that what planning keeps of it counts; the time that takes does not.
"""

from __future__ import annotations

import gc
import json
import resource
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import process_time

from records import NOW, desired

from connector.cli import collect_seldom
from connector.config.project import load_project
from connector.config.settings import shipped
from connector.domain.change import (
    Abilities,
    Among,
    CrmRecord,
    Desired,
    Destination,
    FieldSpec,
    FieldType,
    RecordType,
    Ref,
    Schema,
    Stage,
)
from connector.domain.mapping import CrmMapping
from connector.domain.receipt import KnownRecord, Receipt, associated, each_once
from connector.services.plan import PlanContext, counts, make_plan
from connector.testing.clock import SimulatedClock

STAGE = Stage("expansion_proposed", "Proposed", "expansion")
CHANGED = 100
"""One known record in so many is changed."""
TYPES = {
    "amount": FieldType.NUMBER,
    "expansion_score": FieldType.NUMBER,
    "closedate": FieldType.DATETIME,
    "hs_timestamp": FieldType.DATETIME,
    "expansion_reasons": FieldType.HTML,
    "hs_task_body": FieldType.HTML,
    "expansion_managed": FieldType.BOOL,
}


@dataclass
class MemoryReader:
    """The reader's part of a CRM that holds what an earlier run wrote, or nothing."""

    mapping: CrmMapping
    schemas: Mapping[RecordType, Schema]
    is_empty: bool
    seconds: float = 0.0

    def destination(self) -> Destination:
        return Destination("memory", "org")

    def abilities(self) -> Abilities:
        return Abilities(frozenset(self.schemas), frozenset())

    def schema(self, type: RecordType) -> Schema:
        return self.schemas[type]

    def read(
        self,
        type: RecordType,
        ids: Sequence[str],
        names: Sequence[str],  # noqa: ARG002
        links: bool = True,  # noqa: ARG002
    ) -> dict[str, CrmRecord]:
        began = process_time()
        found = {}
        for id in ids:
            both = desired(self.mapping, STAGE, [_account(int(id))], first=int(id))
            one = next(one for one in both if one.type is type)
            found[id] = CrmRecord(type, id, {name: wanted.value for name, wanted in one.fields.items()})
        self.seconds += process_time() - began
        return found

    def find(
        self,
        type: RecordType,
        keys: Sequence[str],
        names: Sequence[str],
        near: Mapping[str, Sequence[Ref]] | None = None,
        among: Among = Among.ALL,  # noqa: ARG002
    ) -> dict[str, CrmRecord]:
        assert self.is_empty, f"{type} {keys} of {names} near {near}: a known record is read by its id"
        return {}


def main() -> None:
    """Print one JSON object: `planning_child.py new|known RECORDS`."""
    collect_seldom()
    world, size = sys.argv[1], int(sys.argv[2]) // 2
    mapping = load_project(shipped(), ["stripe"], "hubspot").mapping
    assert mapping is not None
    accounts = [_account(number) for number in range(size)]
    wanted = list(desired(mapping, STAGE, accounts, changed=size // CHANGED if world == "known" else 0))
    reader = MemoryReader(mapping, _schemas(wanted), world == "new")
    before = () if world == "new" else desired(mapping, STAGE, accounts)
    known = {one.key: _remembered(one) for one in before}
    context = PlanContext("bench", "sync", "memory:org", NOW, "bench", "bench", SimulatedClock(), lambda *_: 100)
    gc.collect()
    inputs, began = peak(), process_time()
    plan = make_plan(wanted, [], reader, known, context)
    seconds = process_time() - began - reader.seconds
    told = {"seconds": seconds, "peak_mb": peak(), "inputs_mb": inputs, "planned": counts(plan)}
    sys.stdout.write(json.dumps(told) + "\n")


def _account(number: int) -> str:
    return f"{number:09}"


def _schemas(wanted: Sequence[Desired]) -> dict[RecordType, Schema]:
    names = {type: {name for one in wanted if one.type is type for name in one.fields} for type in RecordType}
    return {
        type: Schema(type, {name: FieldSpec(name, TYPES.get(name, FieldType.TEXT)) for name in sorted(used)})
        for type, used in names.items()
        if used
    }


def _remembered(one: Desired) -> KnownRecord:
    receipts = {name: Receipt(wanted.value, wanted.value, run_id="before") for name, wanted in one.fields.items()}
    links = each_once(map(associated, one.links))
    return KnownRecord(one.key, one.type, one.account_id, one.account_id, receipts=receipts, associations=links)


def peak() -> float:
    """Megabytes. On Linux a new process inherits the `ru_maxrss` of the one that started it, so `VmHWM` is read."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text(encoding="utf-8").splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 * 1024 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    main()
