"""Rows that cannot be right: each is set aside with its place, reason and cure; the rest goes through; none is lost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from input_bench import Cli, Home, Portal, Row, company, environment, new_home, table

AS_OF = "2026-10-02"
MAPPING = """\
version: 1
name: files
accounts:
  - files: [accounts.csv]
    columns: {account_id: id, name: name, domain: domain}
subscriptions:
  - files: [subscriptions.csv]
    columns: {subscription_id: id, account_id: account, offer_id: offer, quantity: seats, mrr: mrr,
              currency: currency, started_at: start}
usage:
  - files: ["usage*.csv"]
    columns: {account_id: account, day: day, metric: metric, value: value}
"""
GOOD = "S-1,C-1,pro,50,1950.00,EUR,2025-01-15"
SUBSCRIPTIONS = (
    "id,account,offer,seats,mrr,currency,start",
    GOOD,
    "S-2,C-2,starter,-5,95.00,EUR,2025-01-15",
    "S-3,C-2,starter,5,ninety,EUR,2025-01-15",
    "S-4,C-2,starter,5,95.00,XXZ,2025-01-15",
    "S-5,C-2,starter,5,95.00,EUR,2027-01-15",
    "S-6,C-2,starter",
    "S-7,C-99,starter,5,95.00,EUR,2025-01-15",
    ",C-2,starter,5,95.00,EUR,2025-01-15",
    GOOD,
    "S-8,C-2,starter,5,95.00,EUR,15/01/2025",
)
USAGE = (
    "account,day,metric,value",
    "C-1,2026-09-01,documents,100",
    "C-1,2026-09-02,documents,-100",
    "C-1,2026-09-03,documents",
    "C-1,2027-09-04,documents,1",
    "C-9,2026-09-05,documents,1",
    "C-1,the fifth,documents,1",
    "C-1,2026-09-06,documents,many",
)
EXPECTED = {
    "subscriptions.csv:3": "negative_quantity",
    "subscriptions.csv:4": "bad_number",
    "subscriptions.csv:5": "unknown_currency",
    "subscriptions.csv:6": "future_date",
    "subscriptions.csv:7": "malformed_row",
    "subscriptions.csv:8": "orphan_subscription",
    "subscriptions.csv:9": "missing_id",
    "subscriptions.csv:10": "duplicate_id",
    "subscriptions.csv:11": "bad_date",
    "usage.csv:3": "negative_quantity",
    "usage.csv:4": "malformed_row",
    "usage.csv:5": "future_date",
    "usage.csv:6": "orphan_usage",
    "usage.csv:7": "bad_date",
    "usage.csv:8": "bad_number",
}
COMPANIES = (
    company("101", "Acme", "acme.example"),
    company("102", "Beta", "beta.example"),
    company("103", "Triple"),
    company("104", "Triple Ltd"),
    company("105", "TRIPLE SA"),
)


@dataclass(frozen=True)
class Ran:
    """The broken run as JSON and as text, and the run after everything was mended."""

    broken: Row
    shown: str
    aside: list[Row]
    mended: Row


@pytest.fixture(scope="module")
def ran(stand_ins: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """Run on broken files, mend them, and run again."""
    folder = tmp_path_factory.mktemp("rows")
    home = new_home(folder / "project")
    home.write("mappings/billing/files.yaml", MAPPING)
    home.billing(
        "accounts.csv",
        "id,name,domain",
        "C-1,Acme,acme.example",
        "C-2,Beta,beta.example",
        "C-3,Nowhere,",
        "C-4,Triple,",
    )
    home.billing("subscriptions.csv", *SUBSCRIPTIONS)
    home.billing("usage.csv", *USAGE)
    portal = Portal(stand_ins["hubspot"]["base_url"], stand_ins["hubspot"]["access_token"])
    portal.reset()
    portal.load("companies", COMPANIES)
    cli = Cli(environment(home, stand_ins, folder / "state", SOURCE="files"))
    cli.ok("install", "--yes")
    broken = cli.ok("plan", "--as-of", AS_OF)
    shown = cli("plan", "--as-of", AS_OF).out
    aside = table(cli, "quarantine")
    mend(home)
    return Ran(broken, shown, aside, cli.ok("plan", "--as-of", AS_OF))


def mend(home: Home) -> None:
    """What an operator does: load the customers, correct the rows."""
    people = ("C-1,Acme,acme.example", "C-2,Beta,beta.example", "C-3,Nowhere,", "C-4,Triple,", "C-9,Nine,", "C-99,New,")
    home.billing("accounts.csv", "id,name,domain", *people)
    rows = (f"S-{number},C-2,starter,5,95.00,EUR,2025-01-15" for number in (2, 3, 4, 5, 6))
    last = ("S-7,C-99,starter,5,95.00,EUR,2025-01-15", "S-8,C-2,starter,5,95.00,EUR,2025-01-15")
    home.billing("subscriptions.csv", SUBSCRIPTIONS[0], GOOD, *rows, *last)
    days = (f"C-1,2026-09-{day:02},documents,100" for day in range(1, 7))
    home.billing("usage.csv", USAGE[0], *days, "C-9,2026-09-05,documents,1")


def test_each_bad_row_is_set_aside_with_its_place(ran: Ran) -> None:
    """Every bad row, and no other, is in the quarantine under its file, line and reason."""
    assert {row["row"]: row["reason"] for row in ran.aside} == EXPECTED


def test_each_bad_row_is_kept_whole(ran: Ran) -> None:
    """What a row said is kept with it, so that nothing is lost even if the file goes."""
    kept = {row["row"]: row["payload"] for row in ran.aside}

    assert all(kept.values())
    assert "ninety" in kept["subscriptions.csv:4"]
    assert "S-6,C-2,starter" in kept["subscriptions.csv:7"]
    assert "C-9" in kept["usage.csv:6"]


def test_reasons_are_counted_and_shown(ran: Ran) -> None:
    """JSON counts the reasons, and names rows of each; people see place, what is wrong and what mends it."""
    counts = {reason: list(EXPECTED.values()).count(reason) for reason in EXPECTED.values()}

    assert ran.broken["quarantined"] == counts
    assert len(ran.broken["set_aside"]) == len(EXPECTED)
    for place, reason in EXPECTED.items():
        (told,) = [line for line in ran.broken["set_aside"] if line.startswith(f"{reason}: {place}: ")]
        assert told in ran.shown
    assert "quantity is negative; mend the quantity" in ran.shown
    assert "add its format to `dates` in the mapping" in ran.shown
    assert "use an ISO 4217 code" in ran.shown


def test_good_rows_go_through(ran: Ran) -> None:
    """One bad row stops no other: the good subscription counts, and MRR names what is missing from it."""
    mrr = ran.broken["mrr"]

    assert mrr["ours"] == {"EUR": 195_000}
    assert ran.broken["pulled"]["usage"] == 1
    assert mrr["why"]["negative_quantity"] == {"EUR": 9_500}
    assert mrr["why"]["orphan_subscription"] == {"EUR": 9_500}
    assert "unexplained" not in mrr["why"]


def test_mended_rows_come_in_and_leave_the_quarantine(ran: Ran) -> None:
    """After the files are mended nothing is set aside, and everything counts."""
    assert ran.mended["quarantined"] == {}
    assert ran.mended["set_aside"] == []
    assert ran.mended["mrr"]["ours"] == {"EUR": 195_000 + 7 * 9_500}
    assert ran.mended["pulled"]["usage"] == 7


def test_no_match_and_three_matches_are_held(ran: Ran) -> None:
    """An account that no company answers to, or three, is counted, held and never guessed."""
    assert ran.broken["matched"] == {"linked": 2, "ambiguous": 1, "unmatched": 1}
    assert ran.broken["status"] == "planned"
