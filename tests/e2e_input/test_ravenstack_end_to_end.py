"""RavenStack, a public set that nobody here shaped, from its files into the CRM.

What is expected is counted here from the raw files with `csv` alone: nothing of the product is asked for it. The set
is synthetic noise (most of its usage lies outside its subscriptions, its flags predict nothing), so few proposals are
right, as long as every account that gets none has its reason.
"""

from __future__ import annotations

import csv
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from input_bench import DATA, ROOT, Cli, Home, Portal, Row, company, environment, new_home, table, without_foreign_needs

AS_OF = date(2024, 12, 31)
EARLY = date(2024, 6, 30)
MISSING, TWICE, RESPELLED = range(0, 500, 50), range(5, 500, 100), range(2, 500, 10)
"""Which accounts, by their place in the file, the CRM lacks, has twice, or spells its own way."""
OFFERS = ("higher_plan", "more_seats", "faster_support")


@dataclass(frozen=True)
class Raw:
    """The files as written."""

    accounts: list[dict[str, str]]
    subscriptions: list[dict[str, str]]
    usage: list[dict[str, str]]
    churned: list[dict[str, str]]
    tickets: list[dict[str, str]]


@dataclass(frozen=True)
class Loaded:
    """The project, the portal, and what the first and the second run said."""

    cli: Cli
    portal: Portal
    first: Row
    second: Row
    second_writes: list[str]


def day(text: str) -> date:
    return datetime.strptime(text, "%d-%m-%Y").date()  # noqa: DTZ007 the set names no zone


def read(folder: Path) -> Raw:
    def rows(name: str) -> list[dict[str, str]]:
        with (folder / "ravenstack" / f"ravenstack_{name}.csv").open(encoding="utf-8", newline="") as opened:
            return list(csv.DictReader(opened))

    names = ("accounts", "subscriptions", "feature_usage", "churn_events", "support_tickets")
    return Raw(*(rows(name) for name in names))


@pytest.fixture(scope="module")
def raw(public_data: Path) -> Raw:
    return read(public_data)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """RavenStack's own catalogue, rules and policy over the shipped documents."""
    home = new_home(tmp_path_factory.mktemp("ravenstack") / "project")
    shutil.copytree(DATA / "ravenstack_project", home.path, dirs_exist_ok=True)
    shutil.copy(DATA / "ravenstack" / "files.yaml", home.path / "mappings" / "billing" / "files.yaml")
    shipped = (ROOT / "mappings" / "hubspot.yaml").read_text(encoding="utf-8")
    home.write("mappings/hubspot.yaml", without_foreign_needs(shipped, OFFERS))
    (home.path / "mappings" / "fx.yaml").unlink()
    (home.path / "playbooks" / "plays.yaml").unlink()  # its plays wait for signals of the shipped rules
    return home


def companies(accounts: list[dict[str, str]]) -> Iterator[Row]:
    """The CRM's view of the accounts: some missing, some twice, some spelled another way."""
    for place, account in enumerate(accounts):
        if place in MISSING:
            continue
        name = account["account_name"]
        spelled = f"{name.replace('_', ' ').upper()}, Inc." if place in RESPELLED else name
        yield company(str(1_000 + place), spelled, country=account["country"])
        if place in TWICE:
            yield company(str(5_000 + place), f"{name} Ltd")


@pytest.fixture(scope="module")
def loaded(
    public_data: Path, raw: Raw, project: Home, stand_ins: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Loaded:
    """Install, run, and run the same again."""
    portal = Portal(stand_ins["hubspot"]["base_url"], stand_ins["hubspot"]["access_token"])
    portal.reset()
    portal.load("companies", companies(raw.accounts))
    state = tmp_path_factory.mktemp("ravenstack-state")
    cli = Cli(environment(project, stand_ins, state, SOURCE="files", FILES_DIR=str(public_data)))
    cli.ok("install", "--yes")
    first = cli.ok("sync", "--as-of", AS_OF.isoformat())
    portal.writes()
    second = cli.ok("sync", "--as-of", AS_OF.isoformat())
    return Loaded(cli, portal, first, second, portal.writes())


def test_ravenstack_loads_whole(loaded: Loaded, raw: Raw) -> None:
    """Every row of the five files is in a canonical table; only never-lived subscriptions have no version."""
    pulled = {name: rows for name, rows in loaded.first["pulled"].items() if rows}

    lived = [one for one in raw.subscriptions if one["start_date"] != one["end_date"]]
    owner = {one["subscription_id"]: one["account_id"] for one in raw.subscriptions}
    used = {(owner[one["subscription_id"]], one["usage_date"], one["feature_name"]) for one in raw.usage}
    escalated = [one for one in raw.tickets if one["escalation_flag"] == "TRUE"]
    assert pulled == {
        "accounts": len(raw.accounts),
        "subscriptions": len(raw.subscriptions),
        "subscription_item_versions": len(lived),
        "usage": len(used),
        "events": len(raw.churned) + len(escalated),
    }
    assert loaded.first["quarantined"] == {}


def test_ravenstack_mrr_ties_to_the_raw_column(loaded: Loaded, raw: Raw) -> None:
    """Overlapping plans all count: MRR is the sum of every row in force that is no trial."""
    in_force = [
        one
        for one in raw.subscriptions
        if one["is_trial"] == "FALSE"
        and day(one["start_date"]) <= AS_OF
        and (not one["end_date"] or day(one["end_date"]) > AS_OF)
    ]
    several = [count for count in Counter(one["account_id"] for one in in_force).values() if count > 1]

    assert loaded.first["mrr"]["ours"] == {"USD": 100 * sum(int(one["mrr_amount"]) for one in in_force)}
    assert loaded.first["mrr"]["difference"] == {}
    assert len(several) > 400


def test_ravenstack_seats_of_overlapping_plans_add_up(loaded: Loaded, raw: Raw) -> None:
    """A canonical version carries its plan and its seats as the file has them."""
    versions = {row["subscription_id"]: row for row in table(loaded.cli, "subscription_item_versions")}

    plans = {"Basic": "basic", "Pro": "pro", "Enterprise": "enterprise"}
    expected = {
        one["subscription_id"]: (plans[one["plan_tier"]], float(one["seats"]))
        for one in raw.subscriptions
        if one["start_date"] != one["end_date"]
    }
    assert {id: (row["offer_id"], row["quantity"]) for id, row in versions.items()} == expected


def is_outside(on: date, subscription: dict[str, str]) -> bool:
    """Tell whether a day lies before the start or after the end of a subscription."""
    end = subscription["end_date"]
    return on < day(subscription["start_date"]) or bool(end and on > day(end))


def test_ravenstack_usage_outside_its_subscription_is_told(loaded: Loaded, raw: Raw) -> None:
    """78 % of the usage lies outside its subscription's dates; it is kept, and the run says so with both numbers."""
    of = {one["subscription_id"]: one for one in raw.subscriptions}
    count = sum(is_outside(day(one["usage_date"]), of[one["subscription_id"]]) for one in raw.usage)

    assert 0.77 < count / len(raw.usage) < 0.79
    assert loaded.first["warnings"] == [
        f"files: {count} of {len(raw.usage)} usage rows lie outside their subscription's dates; they are kept"
    ]


def test_ravenstack_companies_are_matched_by_name(loaded: Loaded, raw: Raw) -> None:
    """Another spelling still matches, a company that is there twice is held, one that is missing is told."""
    assert loaded.first["matched"] == {
        "linked": len(raw.accounts) - len(MISSING) - len(TWICE),
        "ambiguous": len(TWICE),
        "unmatched": len(MISSING),
    }


def test_ravenstack_every_no_has_its_reason(loaded: Loaded, raw: Raw) -> None:
    """Each account is proposed something, or has a decision that names why not."""
    (newest,) = (loaded.cli.state / "runs").glob(loaded.second["run_id"])
    decisions = pq.read_table(newest / "decisions.parquet").to_pylist()
    decided = {row["account_id"] for row in decisions}

    crm_id = {one["account_id"]: str(1_000 + place) for place, one in enumerate(raw.accounts)}
    silent = [id for id, crm in crm_id.items() if not {id, crm} & decided]
    assert silent == []
    assert all(row["decision"] for row in decisions)
    told = Counter(row["decision"] for row in decisions if row["decision"] not in ("task", "opportunity"))
    assert dict(told) == loaded.second["held"]


def test_ravenstack_missing_and_doubled_companies_get_nothing(loaded: Loaded, raw: Raw) -> None:
    """Nothing is written about an account whose company is missing or there twice."""
    ids = {str(1_000 + place) for place in TWICE} | {str(5_000 + place) for place in TWICE}

    touched = {row["toId"] for row in loaded.portal.rows("associations")}
    assert touched
    assert not touched & ids


def test_ravenstack_escalations_become_signals(loaded: Loaded, raw: Raw) -> None:
    """Accounts with an escalated ticket in the last 90 days carry the signal, each once for each priority."""
    since = AS_OF - timedelta(days=90)
    expected = {
        (one["account_id"], one["priority"])
        for one in raw.tickets
        if one["escalation_flag"] == "TRUE" and day(one["submitted_at"]) > since
    }

    assert loaded.first["signals"]["escalated"] == len(expected) > 0


def test_ravenstack_the_same_again_writes_nothing(loaded: Loaded) -> None:
    """The second run plans the same records, finds them all there, and calls no writing endpoint."""
    made = loaded.first["plan"]["create"]

    assert made == loaded.first["delivered"]["ok"] - loaded.first["plan"]["associate"] > 0
    assert loaded.second["plan"] == {"create": 0, "update": 0, "close": 0, "associate": 0, "unchanged": made}
    assert set(loaded.second["delivered"].values()) == {0}
    assert loaded.second_writes == []
    assert loaded.second["pulled"] == loaded.first["pulled"]


def test_ravenstack_what_does_not_fit_is_set_aside_with_counts(
    raw: Raw, project: Home, loaded: Loaded, tmp_path: Path, write_rows: Callable[..., None]
) -> None:
    """As of mid-2024, with ten accounts lost and strict about dates: each row left out is counted by its reason."""
    some = first(raw, 100)
    lost = {one["account_id"] for one in some.accounts[:10]}
    write_rows("accounts", some.accounts[10:])
    write_rows("subscriptions", some.subscriptions)
    write_rows("feature_usage", some.usage)
    write_rows("churn_events", some.churned)
    write_rows("support_tickets", some.tickets)
    strict = Home(tmp_path / "strict", tmp_path)
    shutil.copytree(project.path, strict.path)
    strict.edit("mappings/billing/files.yaml", "outside_subscription: keep", "outside_subscription: quarantine")
    env = loaded.cli.env | {"CONNECTOR_HOME": str(strict.path), "CONNECTOR_STATE_DIR": str(tmp_path / "state")}

    told = Cli(env | {"CONNECTOR_FILES_DIR": str(tmp_path)}).ok("plan", "--as-of", EARLY.isoformat())

    assert told["quarantined"] == expected_aside(some, lost)


def first(raw: Raw, accounts: int) -> Raw:
    """The first accounts of the set, with all that is theirs."""
    ids = {one["account_id"] for one in raw.accounts[:accounts]}
    subscriptions = [one for one in raw.subscriptions if one["account_id"] in ids]
    theirs = {one["subscription_id"] for one in subscriptions}
    return Raw(
        raw.accounts[:accounts],
        subscriptions,
        [one for one in raw.usage if one["subscription_id"] in theirs],
        [one for one in raw.churned if one["account_id"] in ids],
        [one for one in raw.tickets if one["account_id"] in ids],
    )


def expected_aside(raw: Raw, lost: set[str]) -> dict[str, int]:
    """Reason → rows, counted from the files; a row waits for its account before its own dates are looked at."""
    last = EARLY + timedelta(days=1)
    aside: Counter[str] = Counter()
    there = {one["account_id"] for one in raw.accounts if day(one["signup_date"]) <= last} - lost
    aside["future_date"] += len(raw.accounts) - len(there | lost)
    fit: dict[str, dict[str, str]] = {}
    for one in raw.subscriptions:
        if one["account_id"] not in there:
            aside["orphan_subscription"] += 1
        elif day(one["start_date"]) > last:
            aside["future_date"] += 1
        else:
            fit[one["subscription_id"]] = one
    for one in raw.usage:
        on, owner = day(one["usage_date"]), fit.get(one["subscription_id"])
        if on > last:
            aside["future_date"] += 1
        elif owner is None:
            aside["orphan_usage"] += 1
        elif is_outside(on, owner):
            aside["outside_subscription"] += 1
    escalated = [(one["account_id"], one["submitted_at"]) for one in raw.tickets if one["escalation_flag"] == "TRUE"]
    for account, when in [*((one["account_id"], one["churn_date"]) for one in raw.churned), *escalated]:
        if account not in there:
            aside["orphan_event"] += 1
        elif day(when) > last:
            aside["future_date"] += 1
    return dict(aside)


@pytest.fixture
def write_rows(tmp_path: Path) -> Callable[..., None]:
    """Write rows into a folder that looks like the set's."""

    def written(name: str, rows: list[dict[str, str]]) -> None:
        path = tmp_path / "ravenstack" / f"ravenstack_{name}.csv"
        path.parent.mkdir(exist_ok=True)
        with path.open("w", encoding="utf-8", newline="") as opened:
            writer = csv.DictWriter(opened, rows[0])
            writer.writeheader()
            writer.writerows(rows)

    return written
