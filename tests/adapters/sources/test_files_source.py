"""Reading files that somebody else shaped."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from billing_bench import NOW, Bench
from files_bench import ACCOUNTS, SUBSCRIPTIONS, USAGE, Write, source, two_accounts

from connector.compute.mrr import tie
from connector.domain.billing import FileSet


def test_a_french_excel_export(bench: Bench, write: Write, tmp_path: Path) -> None:
    """Semicolons, cp1252, commas, no-break spaces, euro signs and French dates are read as what they mean."""
    write("clients.csv", "N°;Société;Créé le;Test", "C1;Crêperie Noël;03/02/2024;non", encoding="cp1252")
    write(
        "abonnements.csv",
        "N°;Client;Offre;Qté;Mensuel;Début;Fin",
        "S1;C1;Élite;12;1 234,56 €;01/03/2024;",
        "S2;C1;Élite;3;2\u00a0000,00\u00a0€;15/03/2024;31/12/2024",
        encoding="cp1252",
    )
    french = {"delimiter": ";", "encoding": "cp1252", "decimal": ",", "thousands": " ", "dates": ["%d/%m/%Y"]}
    clients = FileSet(
        files=["clients.csv"],
        columns={"account_id": "N°", "name": "Société", "created_at": "Créé le", "is_test": "Test"},
        time_zone="Europe/Paris",
        **french,
    )
    contracts = FileSet(
        files=["abonnements.csv"],
        currency="EUR",
        columns={
            "subscription_id": "N°",
            "account_id": "Client",
            "offer_id": "Offre",
            "quantity": "Qté",
            "mrr": "Mensuel",
            "started_at": "Début",
            "ended_at": "Fin",
        },
        values={"offer_id": {"Élite": "enterprise"}},
        **french,
    )

    bench.pull(source(tmp_path, accounts=clients, subscriptions=contracts))

    (account,) = bench.rows("accounts")
    assert (account["name"], account["is_test"]) == ("Crêperie Noël", False)
    assert account["created_at"] == datetime(2024, 2, 2, 23, tzinfo=UTC)
    first, second = sorted(bench.rows("subscription_item_versions"), key=lambda row: row["item_id"])
    assert (first["offer_id"], first["quantity"], first["mrr_minor"]) == ("enterprise", 12.0, 123_456)
    assert (second["mrr_minor"], second["valid_to"]) == (200_000, datetime(2024, 12, 31, tzinfo=UTC))


@pytest.mark.parametrize("written", ["1 234,56 €", "1\u202f234,56\u00a0€", "1\u2009234,56 EUR", "1234,56"])
def test_every_space_excel_writes_groups_digits(bench: Bench, write: Write, tmp_path: Path, written: str) -> None:
    """Plain, no-break, thin and narrow no-break spaces are all thousands marks, in amounts and in usage."""
    two_accounts(write)
    write("subscriptions.csv", "id;account;seats;mrr;start;end", f"s1;a1;1;{written};2026-01-01;")
    write("usage.csv", "account;day;metric;value", f"a1;2026-05-01;seats;{written.rstrip('EUR')}")
    marks = {"delimiter": ";", "decimal": ",", "thousands": " "}

    bench.pull(
        source(
            tmp_path,
            accounts=ACCOUNTS,
            subscriptions=replace(SUBSCRIPTIONS, **marks),
            usage=replace(USAGE, **marks),
        )
    )

    assert bench.rows("subscription_item_versions")[0]["mrr_minor"] == 123_456
    assert bench.rows("usage")[0]["value"] == 1234.56


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (",a1,1,10,2026-01-01,", "missing_id"),
        ("s1,a9,1,10,2026-01-01,", "orphan_subscription"),
        ("s1,a1,-1,10,2026-01-01,", "negative_quantity"),
        ("s1,a1,many,10,2026-01-01,", "bad_number"),
        ("s1,a1,1,10,01/02/2026,", "bad_date"),
        ("s1,a1,1,10,2031-01-01,", "future_date"),
        ("s1,a1,1,10,2026-01-01,2025-01-01", "ends_before_start"),
        ("s1,a1,1,10,,", "malformed_row"),
        ("s1,a1,1", "malformed_row"),
        ("s0,a1,1,10,2026-01-01,", "duplicate_id"),
    ],
)
def test_one_bad_row_never_stops_the_load(bench: Bench, write: Write, tmp_path: Path, row: str, reason: str) -> None:
    """A bad row is set aside with its line, reason and cure, and the row beside it is loaded."""
    two_accounts(write)
    write("subscriptions.csv", "id,account,seats,mrr,start,end", "s0,a1,1,10,2026-01-01,", row)

    pulled = bench.pull(source(tmp_path, accounts=ACCOUNTS, subscriptions=SUBSCRIPTIONS))

    assert pulled.quarantined == {reason: 1}
    assert [one["subscription_id"] for one in bench.rows("subscriptions")] == ["s0"]
    (aside,) = bench.rows("quarantine")
    assert aside["row"] == "subscriptions.csv:3"
    assert ";" in aside["detail"]


def test_an_unknown_currency_is_set_aside(bench: Bench, write: Write, tmp_path: Path) -> None:
    """A currency that ISO 4217 does not know sets the account aside."""
    write("accounts.csv", "id,name,email,currency", "a1,Alpha,,EURO")

    assert bench.pull(source(tmp_path, accounts=ACCOUNTS)).quarantined == {"unknown_currency": 1}


def test_a_row_set_aside_is_tried_again(bench: Bench, write: Write, tmp_path: Path) -> None:
    """A subscription whose account arrives later is loaded then, and leaves the quarantine."""
    write("accounts.csv", "id,name,email,currency", "a2,Beta,,EUR")
    write("subscriptions.csv", "id,account,seats,mrr,start,end", "s1,a1,1,10,2026-01-01,")
    files = source(tmp_path, accounts=ACCOUNTS, subscriptions=SUBSCRIPTIONS)
    bench.pull(files)
    two_accounts(write)

    pulled = bench.pull(files)

    assert pulled.quarantined == {}
    assert len(bench.rows("subscriptions")) == 1


def test_usage_waits_for_its_account(bench: Bench, write: Write, tmp_path: Path) -> None:
    """Usage of an account that arrives later is set aside, then counted, without its file being touched."""
    write("accounts.csv", "id,name,email,currency", "a2,Beta,,EUR")
    write("usage.csv", "account,day,metric,value", "a1,2026-05-01,seats,3", "a2,2026-05-01,seats,4")
    files = source(tmp_path, accounts=ACCOUNTS, usage=USAGE)
    early = bench.pull(files)
    two_accounts(write)

    late = bench.pull(files)

    assert (early.quarantined, early.rows["usage"]) == ({"orphan_usage": 1}, 1)
    assert (late.quarantined, late.rows["usage"]) == ({}, 2)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (",2026-05-01,seats,3", "missing_id"),
        ("a1,2026-05-01,seats,-3", "negative_quantity"),
        ("a1,2026-05-01,seats,1e5", "bad_number"),
        ("a1,1 May,seats,3", "bad_date"),
        ("a1,2026-07-01,seats,3", "future_date"),
        ("a1,2026-05-01,,3", "bad_value"),
        ("a1,2026-05-01", "malformed_row"),
    ],
)
def test_bad_usage_is_set_aside_by_line(bench: Bench, write: Write, tmp_path: Path, row: str, reason: str) -> None:
    """Usage is checked in bulk by the same rules, and each bad row keeps its line."""
    two_accounts(write)
    write("usage.csv", "account,day,metric,value", "a1,2026-05-02,seats,3", row, "a1,2026-05-03,seats,4")

    pulled = bench.pull(source(tmp_path, accounts=ACCOUNTS, usage=USAGE))

    assert pulled.quarantined == {reason: 1}
    assert bench.rows("quarantine")[0]["row"] == "usage.csv:3"
    assert [row["value"] for row in sorted(bench.rows("usage"), key=lambda row: row["day"])] == [3.0, 4.0]


def test_a_changed_file_replaces_its_days(bench: Bench, write: Write, tmp_path: Path) -> None:
    """A usage file that is exported again replaces what it gave before, and leaves other files alone."""
    two_accounts(write)
    write("usage-04.csv", "account,day,metric,value", "a1,2026-04-30,seats,1")
    write("usage-05.csv", "account,day,metric,value", "a1,2026-05-01,seats,2", "a1,2026-05-02,seats,3")
    files = source(tmp_path, accounts=ACCOUNTS, usage=USAGE)
    bench.pull(files)
    write("usage-05.csv", "account,day,metric,value", "a1,2026-05-01,seats,9")

    bench.pull(files)

    assert {row["day"]: row["value"] for row in bench.rows("usage")} == {date(2026, 4, 30): 1.0, date(2026, 5, 1): 9.0}


def test_monthly_usage_is_spread_over_its_days(bench: Bench, write: Write, tmp_path: Path) -> None:
    """A month's sum is spread evenly over its days, and known once the month is over."""
    two_accounts(write)
    write("usage.csv", "account,day,metric,value", "a1,2026-02-01,calls,280")

    bench.pull(source(tmp_path, accounts=ACCOUNTS, usage=replace(USAGE, grain="month")))

    rows = bench.rows("usage")
    assert len(rows) == 28
    assert {row["value"] for row in rows} == {10.0}
    assert {row["known_at"] for row in rows} == {datetime(2026, 3, 2, tzinfo=UTC)}


@pytest.mark.parametrize("kind", ["parquet", "jsonl"])
def test_other_formats_give_the_same(bench: Bench, write: Write, tmp_path: Path, kind: str) -> None:
    """Parquet and JSON lines are read like CSV."""
    two_accounts(write)
    if kind == "parquet":
        table = pa.table({"account": ["a1"], "day": [date(2026, 5, 1)], "metric": ["seats"], "value": [3]})
        pq.write_table(table, tmp_path / "usage.parquet")
    else:
        write("usage.jsonl", '{"account": "a1", "day": "2026-05-01", "metric": "seats", "value": 3}', "{broken")

    pulled = bench.pull(source(tmp_path, accounts=ACCOUNTS, usage=replace(USAGE, files=[f"usage.{kind}"], format=kind)))

    assert [(row["day"], row["value"]) for row in bench.rows("usage")] == [(date(2026, 5, 1), 3.0)]
    assert pulled.quarantined == ({} if kind == "parquet" else {"malformed_row": 1})


def test_a_later_change_opens_a_version_known_from_the_pull(bench: Bench, write: Write, tmp_path: Path) -> None:
    """A first load is known since the facts; a change seen later is known since the pull that saw it."""
    two_accounts(write)
    write("subscriptions.csv", "id,account,seats,mrr,start,end", "s1,a1,5,50,2026-01-01,")
    files = source(tmp_path, accounts=ACCOUNTS, subscriptions=SUBSCRIPTIONS)
    bench.pull(files, NOW)
    write("subscriptions.csv", "id,account,seats,mrr,start,end", "s1,a1,8,80,2026-01-01,")

    bench.pull(files, NOW + timedelta(days=7))

    then, now = datetime(2026, 1, 1, tzinfo=UTC), NOW + timedelta(days=7)
    (before,) = [row for row in bench.versions("subscription_item_versions") if row["known_to"] is not None]
    assert (before["quantity"], before["valid_to"], before["known_at"], before["known_to"]) == (5.0, None, then, now)
    old, new = sorted(bench.rows("subscription_item_versions"), key=lambda row: row["valid_from"])
    assert (old["quantity"], old["valid_from"], old["valid_to"], old["known_at"]) == (5.0, then, now, now)
    assert (new["quantity"], new["valid_from"], new["valid_to"]) == (8.0, NOW + timedelta(days=7), None)
    assert new["known_at"] == NOW + timedelta(days=7)


def test_mrr_from_prices_ties(bench: Bench, write: Write, tmp_path: Path) -> None:
    """Without an MRR column the price list and the quantity say what a row is worth."""
    two_accounts(write)
    write("prices.csv", "id,amount,per", "p-year,120.50,year", "p-month,19.99,month")
    write(
        "subscriptions.csv",
        "id,account,seats,price,start,end",
        "s1,a1,2,p-year,2026-01-01,",
        "s2,a2,3,p-month,2026-01-01,",
    )
    prices = FileSet(
        files=["prices.csv"], currency="EUR", columns={"price_id": "id", "unit_amount": "amount", "interval": "per"}
    )
    columns = {name: column for name, column in SUBSCRIPTIONS.columns.items() if name != "mrr"} | {"price_id": "price"}
    files = source(tmp_path, accounts=ACCOUNTS, prices=prices, subscriptions=replace(SUBSCRIPTIONS, columns=columns))

    bench.pull(files)

    tied = tie(bench.warehouse, [files], NOW)
    assert tied.ours == {"EUR": 2008 + 5997}
    assert tied.ties
