"""What people do in the CRM stands: edits are theirs, deletions final, their own opportunities hold ours."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from connector.adapters.ledger import Ledger
from connector.domain.episode import Episode, EpisodeState
from tests.e2e.sides import Record
from tests.e2e.world import World

NEED_IN_WORDS = {
    "more_seats": "additional seats",
    "higher_plan": "upgrade",
    "reporting": "Analytics",
    "mobile_access": "mobile app",
    "signing": "e-signature",
    "accounting": "accounting sync",
    "automation": "automation",
    "faster_support": "premium support",
}


def episodes(world: World) -> dict[str, Episode]:
    """What the ledger holds, by key."""
    with Ledger(f"sqlite:///{world.state / 'ledger.db'}") as ledger:
        (destination,) = ledger.destinations.all()
        return {one.key: one for one in ledger.episodes.all(destination.id)}


def held_for(world: World, account: str) -> dict[str, str]:
    """Why an account gets nothing, by offer."""
    told = world.run("explain", account, "--json").json
    decided = {one["offer"]: one["decision"] for one in told["scores"]}
    return decided | {one["subject"]: one["decision"] for one in told["decisions"]}


def everything(world: World) -> dict[str, dict[str, str]]:
    """Every record of ours with what people may have edited."""
    names = ("name", "stage", "amount", "close_date", "owner", "subject", "text", "due", "status")
    return {
        one.key or "": {name: one[name] for name in names}
        for type in ("opportunity", "task")
        for one in world.side.ours(type)
    }


def account_of(world: World, one: Record, type: str = "opportunity") -> str:
    (account,) = world.side.account_of(one, type)
    return account


def test_what_people_edited_stays_as_they_left_it(synced: World) -> None:
    """Amount, close date, owner, due date, text and a done task stay; the next runs write nothing."""
    side = synced.side
    first, second = side.ours("opportunity")[:2]
    task, other, done = side.ours("task")[:3]
    somebody = next(one["owner"] for one in side.ours("opportunity") if one["owner"] != first["owner"])
    day = "2026-12-11" if side.crm == "salesforce" else "2026-12-11T12:00:00Z"
    side.write("opportunity", {"amount": "4321", "close_date": day}, first.id)
    side.write("opportunity", {"owner": somebody}, second.id)
    side.write("task", {"due": day}, task.id)
    side.write("task", {"text": "They asked for a quote.", "subject": "Send the quote"}, other.id)
    side.write("task", {"status": "COMPLETED" if side.crm == "hubspot" else "Completed"}, done.id)
    left = everything(synced)

    told = synced.sync()
    writes = synced.side.writes()
    synced.later(days=8)  # by now texts may be written anew, where nobody touched them
    synced.sync()

    assert told["plan"]["update"] == told["plan"]["create"] == 0
    assert not writes
    now = everything(synced)
    for one, names in (
        (first, ("amount", "close_date")),
        (second, ("owner",)),
        (task, ("due",)),
        (other, ("text", "subject")),
        (done, ("status",)),
    ):
        assert {name: now[one.key or ""][name] for name in names} == {name: left[one.key or ""][name] for name in names}


def test_an_edit_is_handed_over_for_good(synced: World) -> None:
    """A field that a person changed stays theirs even if they put our value back; the ledger remembers it."""
    side, one = synced.side, synced.side.ours("opportunity")[0]
    ours = one["amount"]
    side.write("opportunity", {"amount": "1"}, one.id)
    synced.sync()
    side.write("opportunity", {"amount": ours}, one.id)
    synced.sync()

    with Ledger(f"sqlite:///{synced.state / 'ledger.db'}") as ledger:
        known = ledger.receipts.records(ledger.destinations.all()[0].id)[one.key or ""]
    assert [name for name, receipt in known.receipts.items() if receipt.handed_over] == [side.names["amount"]]


def test_a_deleted_task_is_never_made_again(synced: World) -> None:
    """A person threw it away; no run brings it back, and its opportunity lives on."""
    parents = {one.id for one in synced.side.ours("opportunity")}
    task = next(one for one in synced.side.ours("task") if synced.side.parents_of(one) & parents)
    synced.side.remove("task", task.id)

    synced.sync()
    writes = synced.side.writes()
    synced.sync()

    assert not writes
    assert not synced.side.writes()
    assert task.key not in everything(synced)
    assert len(synced.side.ours("opportunity")) == len(parents)


def test_a_deleted_opportunity_ends_its_episode_and_stays_away(synced: World) -> None:
    """The episode ends as `deleted`; its need is quiet for the cool-down, and comes back under another key after it."""
    one = synced.side.ours("opportunity")[0]
    account = account_of(synced, one)
    synced.side.remove("opportunity", one.id)
    synced.sync()

    ended = episodes(synced)[one.key or ""]
    assert ended.state is EpisodeState.DELETED
    assert ended.closed_at is not None
    synced.sync()
    assert one.key not in everything(synced)
    assert "cool_down" in held_for(synced, account).values()
    again = [e for e in episodes(synced).values() if (e.account_id, e.need) == (account, one["need"])]
    assert again == [ended]


def test_a_closed_opportunity_ends_its_episode_as_it_was_closed(synced: World) -> None:
    """Won and lost end the episode on the day they were closed; the need is left alone for the cool-down."""
    won, lost = synced.side.ours("opportunity")[:2]
    accounts = [account_of(synced, one) for one in (won, lost)]
    synced.side.move(won, "won")
    synced.side.move(lost, "lost")
    before = set(everything(synced))

    synced.sync()

    ended = episodes(synced)
    assert ended[won.key or ""].state is EpisodeState.WON
    assert ended[lost.key or ""].state is EpisodeState.LOST
    assert all("cool_down" in held_for(synced, account).values() for account in accounts)
    after = everything(synced)
    new = [after[key]["subject"] for key in after.keys() - before]
    assert [one for one in new if not one.startswith("Get ")] == [], "but to start those who bought"


def test_the_cool_down_of_a_lost_need_ends(synced: World) -> None:
    """Once the days of silence are over the need may be proposed again, as the next episode under its own key."""
    synced.edit_yaml("playbooks/policy.yaml", lambda policy: policy["cool_down_days"].update(lost=3))
    lost = synced.side.ours("opportunity")[0]
    account = account_of(synced, lost)
    synced.side.move(lost, "lost")
    synced.sync()
    synced.later(days=8)
    synced.sync()

    found = [one for one in episodes(synced).values() if (one.account_id, one.need) == (account, lost["need"])]
    assert [(one.ordinal, one.state.value) for one in sorted(found, key=lambda e: e.ordinal)] == [
        (1, "lost"),
        (2, "open"),
    ]
    assert found[1].opened_at - found[0].opened_at >= timedelta(days=8)


def test_a_merged_account_is_followed_to_its_survivor(synced: World) -> None:
    """Two CRM accounts become one: what was proposed goes on there, and nothing is proposed a second time."""
    one = synced.side.ours("opportunity")[0]
    account = account_of(synced, one)
    taken = {account_of(synced, other) for other in synced.side.ours("opportunity")}
    taken |= {account_of(synced, task, "task") for task in synced.side.ours("task")}
    taken |= {link["crm"]["id"] for link in synced.run("link", "list", "--json").json["links"] if link["crm"]}
    survivor = next(
        other.id for other in synced.side.all("account") if other.id not in taken and not other.gone and other["owner"]
    )
    before = everything(synced)
    synced.side.merge(survivor, account)

    synced.sync()
    first = everything(synced)
    synced.sync()

    assert {one["need"] for one in synced.side.ours("opportunity")} >= {one["need"]}
    same_need = [
        other
        for other in synced.side.ours("opportunity")
        if survivor in synced.side.account_of(other, "opportunity") and other["need"] == one["need"]
    ]
    assert [other.key for other in same_need] == [one.key]
    assert set(first) == set(before) == set(everything(synced))
    assert not synced.side.writes()
    moved = [e for e in episodes(synced).values() if e.key == one.key]
    assert [(e.account_id, e.state) for e in moved] == [(survivor, EpisodeState.OPEN)]


def test_an_account_in_the_bin_gets_nothing_more(synced: World) -> None:
    """A deleted CRM account loses its link: its customer is counted as unmatched, and nothing is written there."""
    one = synced.side.ours("opportunity")[0]
    account = account_of(synced, one)
    before = synced.sync()["matched"]["unmatched"]
    synced.side.remove("account", account)

    told = synced.sync()
    synced.sync()

    assert told["matched"]["unmatched"] > before
    assert not synced.side.writes()


def test_the_opportunity_of_a_rep_is_not_doubled(installed: World, again: Callable[[str], World]) -> None:
    """An account whose rep works on a need already gets no opportunity of ours for it."""
    installed.sync()
    ours = installed.side.ours("opportunity")[0]
    account, need = account_of(installed, ours), ours["need"]
    world = again("with a rep's own")
    world.side.new_opportunity(account, f"Talks – {NEED_IN_WORDS[need]}")

    world.sync()

    assert not [
        one
        for one in world.side.ours("opportunity")
        if account in world.side.account_of(one, "opportunity") and one["need"] == need
    ]
    assert "rep_working" in held_for(world, account).values()


def test_the_company_has_reps_at_work_and_none_is_doubled(synced: World) -> None:
    """What reps of the demo company work on is held as `rep_working`, and nothing of ours stands beside it."""
    told = synced.sync()

    assert told["held"]["rep_working"] > 0
    working = {
        account
        for one in synced.side.all("opportunity")
        if not one.key
        and not one.gone
        and any(word.lower() in one["name"].lower() for word in ("seats", "licences"))
        and one["stage"].lower() not in ("closedwon", "closedlost", "closed won", "closed lost")
        for account in synced.side.account_of(one, "opportunity")
    }
    doubled = [
        one
        for one in synced.side.ours("opportunity")
        if one["need"] == "more_seats" and synced.side.account_of(one, "opportunity") & working
    ]
    assert working
    assert not doubled


def test_a_proposal_of_little_value_is_a_task_and_no_opportunity(installed: World) -> None:
    """Below the smallest value each proposal is one task on the account; no opportunity is made."""
    installed.edit_yaml("playbooks/policy.yaml", lambda policy: policy["opportunity_min"].update(value=10**9))

    told = installed.sync()

    assert installed.side.ours("opportunity") == []
    opened = [one for one in episodes(installed).values() if one.play == "negotiation"]
    assert opened
    documents = sum(len(installed.side.store.dump(installed.side.kinds[type])) for type in ("note", "file"))
    assert told["plan"]["create"] - documents == len(installed.side.ours("task")) >= len(opened)
    assert installed.sync()["plan"]["create"] == 0
    assert not installed.side.writes()


def test_a_small_proposal_that_grows_keeps_its_key(installed: World) -> None:
    """Once the smallest value is lowered the task's need becomes an opportunity, under the key its episode has."""
    installed.edit_yaml("playbooks/policy.yaml", lambda policy: policy["opportunity_min"].update(value=10**9))
    installed.sync()
    small = {one.key for one in episodes(installed).values()}
    installed.edit_yaml("playbooks/policy.yaml", lambda policy: policy["opportunity_min"].update(value=1500))

    installed.sync()
    grown = {one.key for one in installed.side.ours("opportunity")}
    installed.sync()

    assert grown
    assert grown <= small
    assert not installed.side.writes()


def test_an_ambiguous_account_gets_nothing_until_a_person_settles_it(installed: World) -> None:
    """Several candidates hold a customer; `link set` ends that, and the next run proposes to that account."""
    installed.sync()
    listed = installed.run("link", "list", "--state", "ambiguous", "--json").json["links"]
    assert listed
    written = {
        account
        for type in ("opportunity", "task")
        for one in installed.side.ours(type)
        for account in installed.side.account_of(one, type)
    }
    linked = {one["crm"]["id"] for one in installed.run("link", "list", "--state", "linked", "--json").json["links"]}
    for row in listed:
        candidates = {one["id"] for one in row["candidates"]} - linked
        assert not candidates & written

    for row in listed:
        ran = installed.run("link", "set", row["billing_id"], row["candidates"][0]["id"], "--by", "Ana Ruiz", "--json")
        assert ran.code == 0, ran.err
    told = installed.sync()
    new = {
        account
        for type in ("opportunity", "task")
        for one in installed.side.ours(type)
        for account in installed.side.account_of(one, type)
    } - written
    assert told["matched"]["ambiguous"] == 0
    assert new & {row["candidates"][0]["id"] for row in listed}
