"""Features of a past day, computed today, are those that were computed then."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from connector.adapters.sources.files import FilesSource
from connector.adapters.warehouse import DuckWarehouse
from connector.compute.history import OF_THE_CRM, without_history
from connector.config.yamldoc import load
from connector.domain.billing import FileSet, FilesMapping
from connector.domain.catalogue import Catalogue
from connector.domain.features import known_features
from connector.domain.signal import Signals
from connector.services.measure import Measured, measure
from connector.services.pull import pull_and_stage

ROOT = Path(__file__).resolve().parents[2]
BEGAN = date(2026, 5, 1)
"""The day of the first pull: by then there is a quarter of usage."""
DAY = timedelta(days=1)
DAYS = 5
NO_RULES = Signals(rules={})
PLANS = ("starter", "pro", "enterprise")
METRICS = ("active_seats", "documents")
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "accounts": ("account_id", "name", "segment", "country", "created_at"),
    "subscriptions": (
        *("subscription_id", "account_id", "offer_id", "quantity", "mrr", "started_at", "ended_at", "cancel_at"),
        *("status", "term_months"),
    ),
    "invoices": ("invoice_id", "account_id", "total", "created_at", "due_at", "paid_at", "status"),
    "usage": ("account_id", "day", "metric", "value"),
    "events": ("account_id", "occurred_at", "event", "detail"),
}
Row = dict[str, object]


def mapping(**more: object) -> FilesMapping:
    sets = {
        stream: [FileSet(files=[f"{stream}*.csv"], columns={name: name for name in names}, currency="EUR", **more)]  # type: ignore[arg-type]
        for stream, names in COLUMNS.items()
    }
    return FilesMapping(**sets)  # type: ignore[arg-type]


@dataclass
class Company:
    """A billing export that is written anew every day, and forgets what it said before."""

    folder: Path
    chance: random.Random
    today: date = BEGAN
    tables: dict[str, dict[str, Row]] = field(default_factory=lambda: {name: {} for name in COLUMNS if name != "usage"})
    used: dict[date, list[Row]] = field(default_factory=dict)
    late: list[date] = field(default_factory=list)

    def begin(self) -> None:
        for number in range(5):
            self._join(f"account-{number}", BEGAN - timedelta(days=self.chance.randint(100, 400)))
        for back in range(90, 0, -1):
            self._use(BEGAN - back * DAY)
        self._write()

    def live_a_day(self) -> None:
        """Something of everything that happens, in an order that chance decides."""
        self.today += DAY
        for happen in (self._change_plan, self._schedule_an_end, self._end, self._move_segment, self._pay, self._bill):
            if self.chance.random() < 0.5:
                happen()
        if self.chance.random() < 0.3:
            self._join(f"account-{len(self.tables['accounts'])}", self.today)
        self._use(self.today - DAY)
        if self.chance.random() < 0.3:
            # The export of this day comes some days later.
            self.late.append(self.today - DAY)
        elif self.late and self.chance.random() < 0.5:
            self.late.pop()
        self._correct(self.chance.choice(sorted(self.used)))
        self._write()

    def _write(self) -> None:
        for stream, rows in self.tables.items():
            self._file(f"{stream}.csv", stream, list(rows.values()))
        for month in {f"{day:%Y-%m}" for day in self.used}:
            told = [day for day in self.used if f"{day:%Y-%m}" == month and day not in self.late]
            self._file(f"usage-{month}.csv", "usage", [row for day in told for row in self.used[day]])

    def _file(self, name: str, stream: str, rows: list[Row]) -> None:
        lines = [
            ",".join(COLUMNS[stream]),
            *(",".join(str(row.get(one, "")) for one in COLUMNS[stream]) for row in rows),
        ]
        (self.folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")

    def _join(self, id: str, since: date) -> None:
        self.tables["accounts"][id] = {
            "account_id": id,
            "name": id,
            "segment": "smb",
            "country": "FR",
            "created_at": since,
        }
        self.tables["subscriptions"][f"{id}-sub"] = {
            "subscription_id": f"{id}-sub",
            "account_id": id,
            "offer_id": "starter",
            "quantity": 10,
            "mrr": 100,
            "started_at": since,
            "status": "active",
            "term_months": self.chance.choice([1, 12]),
        }

    def _use(self, day: date) -> None:
        self.used[day] = [
            {"account_id": id, "day": day, "metric": metric, "value": self.chance.randint(0, 20)}
            for id in [*self.tables["accounts"], "nobody-yet"]
            for metric in METRICS
            if self.chance.random() < 0.9
        ]

    def _correct(self, day: date) -> None:
        row = self.chance.choice(self.used[day])
        if self.chance.random() < 0.3:
            self.used[day].remove(row)
        else:
            row["value"] = self.chance.randint(0, 20)

    def _any(self, table: str) -> Row:
        return self.chance.choice(list(self.tables[table].values()))

    def _change_plan(self) -> None:
        more = {"offer_id": self.chance.choice(PLANS), "quantity": self.chance.randint(1, 50)}
        self._any("subscriptions").update(more, mrr=self.chance.randint(1, 900))

    def _schedule_an_end(self) -> None:
        self._any("subscriptions").update(cancel_at=self.today + timedelta(days=self.chance.randint(1, 40)))

    def _end(self) -> None:
        # Told some days after the fact.
        self._any("subscriptions").update(ended_at=self.today - timedelta(days=self.chance.randint(0, 4)))

    def _move_segment(self) -> None:
        self._any("accounts").update(segment=self.chance.choice(["smb", "mid", "large"]), name=f"Name {self.today}")
        if self.chance.random() < 0.3:
            self._join("nobody-yet", self.today)

    def _bill(self) -> None:
        id = f"invoice-{len(self.tables['invoices'])}"
        issued = self.today - timedelta(days=self.chance.randint(0, 60))
        self.tables["invoices"][id] = {
            "invoice_id": id,
            "account_id": self._any("accounts")["account_id"],
            "total": 50,
            "created_at": issued,
            "due_at": issued + timedelta(days=30),
            "status": "open",
        }
        about = {"event": "support_escalation", "detail": id, "occurred_at": issued}
        self.tables["events"][id] = {"account_id": self._any("accounts")["account_id"], **about}

    def _pay(self) -> None:
        if self.tables["invoices"]:
            self._any("invoices").update(status="paid", paid_at=self.today)


def moment(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 6, tzinfo=UTC)


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load(ROOT / "mappings" / "catalog.yaml", Catalogue).value


def months_loaded_at_once(company: Company, warehouse: DuckWarehouse) -> None:
    company.begin()
    pull_and_stage([FilesSource(mapping(), company.folder)], warehouse, moment(BEGAN))


@pytest.mark.parametrize("seed", range(2))
def test_the_past_is_told_as_it_was_known(tmp_path: Path, catalogue: Catalogue, seed: int) -> None:
    """Pulls of an export that corrects, forgets and comes late: every past day measures as it did, also rebuilt."""
    company, warehouse = Company(tmp_path, random.Random(seed)), DuckWarehouse()
    months_loaded_at_once(company, warehouse)
    source = FilesSource(mapping(), tmp_path)
    then: dict[date, Measured] = {}
    for _ in range(DAYS):
        company.live_a_day()
        pull_and_stage([source], warehouse, moment(company.today))
        then[company.today] = measure(warehouse, catalogue, NO_RULES, moment(company.today))

    now = {day: measure(warehouse, catalogue, NO_RULES, moment(day)) for day in then}
    warehouse.rebuild(source, moment(company.today))
    rebuilt = {day: measure(warehouse, catalogue, NO_RULES, moment(day)) for day in list(then)[1::2]}

    assert len({str(measured.accounts) for measured in then.values()}) == DAYS
    assert now == then
    assert rebuilt == {day: then[day] for day in rebuilt}
    warehouse.close()


def test_months_that_are_loaded_at_once_have_a_past(tmp_path: Path, catalogue: Catalogue) -> None:
    """A first load tells of each day what the source could have told then, and never what came later."""
    company, warehouse = Company(tmp_path, random.Random(1)), DuckWarehouse()
    company.tables["accounts"]["acme"] = {"account_id": "acme", "created_at": date(2025, 5, 1), "segment": "smb"}
    company.tables["subscriptions"] = {
        "one": {
            "subscription_id": "one",
            "account_id": "acme",
            "offer_id": "starter",
            "quantity": 10,
            "mrr": 100,
            "started_at": date(2025, 5, 1),
            "ended_at": date(2026, 2, 1),
            "term_months": 12,
        },
        "two": {
            "subscription_id": "two",
            "account_id": "acme",
            "offer_id": "pro",
            "quantity": 20,
            "mrr": 300,
            "started_at": date(2026, 2, 1),
            "cancel_at": date(2026, 8, 1),
            "term_months": 6,
        },
    }
    months_loaded_at_once(company, warehouse)

    january, april, today = (
        measure(warehouse, catalogue, NO_RULES, moment(day)) for day in (date(2026, 1, 15), date(2026, 4, 15), BEGAN)
    )

    assert [measured.accounts["acme"].plan for measured in (january, april, today)] == ["starter", "pro", "pro"]
    assert (january.accounts["acme"].renewal_on, january.accounts["acme"].cancel_on) == (date(2026, 5, 1), None)
    assert (april.accounts["acme"].renewal_on, april.accounts["acme"].cancel_on) == (date(2026, 8, 1), None)
    assert (today.accounts["acme"].renewal_on, today.accounts["acme"].cancel_on) == (None, date(2026, 8, 1))
    used = april.metrics["account-0"]["documents"]
    assert used.last_day <= date(2026, 4, 14)
    assert used.growth is not None
    warehouse.close()


def test_what_has_no_past_is_named(tmp_path: Path, catalogue: Catalogue) -> None:
    """Before the first read a segment or a scheduled end cannot be had as it was; the CRM only ever tells of now."""
    company, warehouse = Company(tmp_path, random.Random(1)), DuckWarehouse()
    months_loaded_at_once(company, warehouse)
    read, now = moment(BEGAN), moment(BEGAN + 30 * DAY)

    before, since, today = (without_history(warehouse.first_read(), at, now) for at in (read - DAY, read, now))

    assert {"segment", "cancel_on", "past_due", "peer_rate"} < before.keys()
    assert before.keys() <= known_features(catalogue).keys() | {"crm_"}
    assert (since, today) == ({"crm_": OF_THE_CRM}, {})
    assert not {"growth", "plan", "seats", "renewal_on", "utilisation", "tenure_days"} & before.keys()
    warehouse.close()
