"""Show 1, after the sale: billing shows one deal and not the other; both are followed up until one is used."""

from __future__ import annotations

import csv
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from connector.domain.keys import episode_key, task_key
from connector.domain.play import PLAY_NEED
from tests.e2e.sides import Record
from tests.e2e.world import Site, World, served

OPEN, CANCELLED = "notstarted", "deferred"
STEPS = ("activate", "week", "month", "two_months")


@pytest.fixture
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Served for one test only: what it changes in billing is nobody else's."""
    with served(tmp_path_factory.mktemp("site")) as made:
        yield made


@dataclass
class Sold:
    """More seats that a customer agreed to, and what became of them."""

    world: World
    opportunity: Record
    customer: str
    """The billing account."""
    quantity: int
    adds: str
    """A month, as people read it."""
    seats: int = 0
    """Had before it was billed."""

    @classmethod
    def of(cls, world: World, opportunity: Record) -> Sold:
        account = world.side.get("account", next(iter(world.side.account_of(opportunity, "opportunity"))))
        told = world.run("explain", account["account_name"], "--json").json
        offer = next(one for one in told["scores"] if one["offer"] == "seats")
        return cls(world, opportunity, told["billing_accounts"][0], offer["quantity"], offer["delta_mrr"])

    @property
    def account(self) -> str:
        return next(iter(self.world.side.account_of(self.opportunity, "opportunity")))

    def billed(self) -> None:
        """Finance adds the seats to the subscription today."""
        url = self.world.env["CONNECTOR_STRIPE__BASE_URL"]
        requests.post(f"{url}/__clock", json={"now": self.world.now.isoformat()}, timeout=30).raise_for_status()
        rows = requests.get(f"{url}/__state/subscriptions", timeout=30).json()
        row = next(one for one in rows if one["customer"] == self.customer and one["status"] == "active")
        items: dict[str, Any] = row["items"]
        self.seats = items["data"][0]["quantity"]
        items["data"][0]["quantity"] += self.quantity
        changed = [{"id": row["id"], "items": items}]
        requests.post(f"{url}/__touch/subscriptions", json=changed, timeout=30).raise_for_status()

    def starts(self) -> None:
        """One more works with it than had a seat before, by the usage file of the last four weeks."""
        file = Path(self.world.env["CONNECTOR_FILES_DIR"]) / "usage-later.csv"
        days = [self.world.now.date() - timedelta(days=n) for n in range(28, 0, -1)]
        with file.open("w", newline="") as open_file:
            writer = csv.writer(open_file)
            writer.writerow(("account_id", "day", "metric", "value"))
            writer.writerows((self.customer, day.isoformat(), "active_seats", self.seats + 1) for day in days)

    def steps(self) -> dict[str, Record]:
        """The tasks that follow it up, by step."""
        key = episode_key("expansion", self.account, PLAY_NEED + "activation", 1)
        keys = {task_key(key, "activation", "none", 1, step): step for step in STEPS}
        return {keys[one.key]: one for one in self.world.side.ours("task") if one.key in keys}

    def notes(self) -> list[str]:
        """What our notes on the opportunity say of billing."""
        parent, body = ("ParentId", "Body") if self.world.side.crm == "salesforce" else ("", "hs_note_body")
        all_notes = [one for one in self.world.side.all("note") if not one.gone]
        if parent:
            return [one[body] for one in all_notes if one[parent] == self.opportunity.id]
        links = self.world.side.store.links
        on_it = [one for one in all_notes if self.opportunity.id in links.of(("notes", one.id), "deals")]
        return [one[body] for one in on_it]


def status(one: Record) -> str:
    return one["status"].lower().replace("_", "").replace(" ", "")


def test_d29_what_was_sold_is_told_as_billed_and_followed_up_until_it_is_used(synced: World) -> None:
    """D29: Billed from its day, or told that it is not; 1, 7, 30 and 60 days after, and no longer once it is used."""
    world, synced.kept = synced, None  # billing changes between runs: each run asks it
    files = world.folder / "files"
    shutil.copytree(world.env["CONNECTOR_FILES_DIR"], files)
    world.env = {**world.env, "CONNECTOR_FILES_DIR": str(files)}
    found = [one for one in world.side.ours("opportunity") if one["need"] == "more_seats"]
    used, idle = [Sold.of(world, one) for one in sorted(found, key=lambda one: one["name"])[:2]]
    won = world.now.date()
    for one in (used, idle):
        world.side.move(one.opportunity, "won")
    world.edit_yaml("playbooks/policy.yaml", lambda policy: policy["caps"].update(per_person_week=50))
    world.sync()
    assert [list(one.steps()) for one in (used, idle)] == [["activate"]] * 2

    world.later(days=5)
    used.billed()
    world.sync()
    [told] = used.notes()
    assert "Billed from 5 October 2026" in told or "Facturé depuis le 5 octobre 2026" in told
    assert added(told) == digits(used.adds), "what was sold is what is billed"
    assert idle.notes() == []

    world.later(days=23)
    world.sync()
    assert [sorted(one.steps()) for one in (used, idle)] == [["activate", "month", "week"]] * 2
    assert used.notes() == [told]
    used.starts()
    world.sync()
    assert {status(one) for one in used.steps().values()} == {CANCELLED}, "nobody has to ask any more"
    assert {status(one) for one in idle.steps().values()} == {OPEN}

    world.later(days=31)
    world.sync()
    assert "two_months" not in used.steps()
    due = {step: (date.fromisoformat(one["due"][:10]) - won).days for step, one in idle.steps().items()}
    assert sorted(due) == sorted(STEPS)
    assert [due[step] - day in range(4) for step, day in zip(STEPS, (1, 7, 30, 60), strict=True)] == [True] * 4
    [nudge] = idle.notes()
    assert "Won on 30 September 2026, and billing does not show it" in nudge or "Gagnée le 30 septembre 2026" in nudge

    world.later(days=60)
    world.sync()
    assert used.notes() == [told]
    assert idle.notes() == [nudge], "one note, and said once"
    assert {status(one) for one in idle.steps().values()} == {CANCELLED}, "two months and a half later it is over"


def added(note: str) -> str:
    """The amount a month that a note tells, as its digits."""
    found = re.search(r"\+(.*?)/", note)
    return digits(found[1]) if found else ""


def digits(text: str) -> str:
    return re.sub(r"\D", "", text)
