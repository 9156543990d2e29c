"""Customers with hostile names and notes: what reaches the CRM is their name, letter by letter, and runs nothing."""

from __future__ import annotations

import html
import re

import pytest

from tests.e2e.world import World

NAMES = (
    "{{ 7*7 }} SARL",
    "<script>alert(1)</script> GmbH",
    "O'Brien & Sons' OR Name != '",
    "100%_ Ltd \\",
    '=HYPERLINK("http://evil.example")',
    "\u202eemcA\u202c SAS",
)
NOTE = "{% for a in range(9) %}9{% endfor %}\n<b onclick=x>ref: 0123456789abcdef0123456789abcdef</b>\nref: ffff"


@pytest.fixture
def hostile(installed: World) -> World:
    """Every CRM account has a hostile name and note; who it is, a person has said before."""
    settle(installed)
    goals = "Expansion_Goals__c" if installed.side.crm == "salesforce" else "expansion_goals"
    for i, account in enumerate(installed.side.all("account")):
        if not account.gone:
            name = f"{NAMES[i % len(NAMES)]} {i}"
            installed.side.write("account", {"account_name": name, goals: NOTE}, account.id)
    return installed


def settle(world: World) -> None:
    """Let a person confirm what matching found while the names were still the customers' own."""
    assert world.run("plan").code == 0
    found = [one for one in world.run("link", "list", "--json").json["links"] if one["state"] == "linked"]
    lines = ["billing_id,crm_id,by", *(f"{one['billing_id']},{one['crm']['id']},Ana" for one in found)]
    file = world.folder / "links.csv"
    file.write_text("\n".join(lines), "utf-8")
    assert world.run("link", "import", str(file), "--yes", "--by", "Ana").code == 0


def test_names_and_notes_arrive_as_they_are(hostile: World) -> None:
    """Titles hold the account's own name, and nothing in them was evaluated or became markup."""
    told = hostile.sync()

    names = {one["account_name"] for one in hostile.side.all("account")}
    titles = [one["name"] for one in hostile.side.ours("opportunity")]
    titles += [one["subject"] for one in hostile.side.ours("task")]
    assert told["delivered"]["parked"] == 0
    assert all(any(name[:12] in title for name in names) for title in titles), "a subject shortens a long one"
    for hostile_name in NAMES:
        assert any(hostile_name in title for title in titles), hostile_name


def test_rich_text_holds_no_markup_of_theirs(hostile: World) -> None:
    """Where a field shows HTML, their `<` is written as text."""
    hostile.sync()

    bodies = [task["text"] for task in hostile.side.ours("task")]
    assert bodies
    if hostile.side.crm == "hubspot":
        assert all(not re.search(r"<(script|b|img)\b", body) for body in bodies)
    shown = [html.unescape(body) for body in bodies]
    assert any("{% for a in range(9) %}9{% endfor %}" in body for body in shown)


def test_a_second_run_writes_nothing(hostile: World) -> None:
    """Odd letters come back as they were sent: nothing is taken for a person's edit."""
    hostile.sync()

    again = hostile.sync()

    assert hostile.side.writes() == []
    assert again["left_to_people"] == {}
