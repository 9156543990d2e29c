"""`connector whitespace`: what each customer has, is being offered, lacks, and cannot have."""

from __future__ import annotations

import csv
from pathlib import Path

from tests.e2e.world import World

STATES = {"owned", "pipeline", "gap", "not_eligible"}


def test_d23_white_space_tells_every_customer_and_offer(synced: World, tmp_path: Path) -> None:
    """D23: as many cells as customers times offers, the file says the same, and what was just proposed is in it."""
    synced.sync()
    file = tmp_path / "space.csv"
    told = synced.run("whitespace", "--json", "--csv", str(file)).json

    rows = list(csv.DictReader(file.open(encoding="utf-8")))
    assert len(rows) == len(told["rows"]) == told["customers"] * len(told["offers"]) > 100
    assert {row["state"] for row in rows} == STATES
    assert all(row["detail"] for row in rows if row["state"] in ("pipeline", "not_eligible"))
    assert all(sum(count.values()) == told["customers"] for count in told["offers"].values())
    assert any(row["detail"].startswith("ours, ") for row in rows)


def test_white_space_of_one_account_is_a_table(synced: World) -> None:
    """One customer by name, an offer a line."""
    account = synced.run("whitespace", "--json").json["rows"][0]

    told = synced.run("whitespace", "--account", account["account_id"])

    assert account["name"] in told.out
    assert all(offer in told.out for offer in ("enterprise", "analytics", "premium_support"))
    assert synced.run("whitespace", "--account", "nobody at all").code == 2
