"""Days later with nothing new told: what stands is left alone, and only what falls due is written."""

from __future__ import annotations

import pytest

from connector.services.plan_file import read_plan
from tests.e2e.world import World


def test_a_day_without_news_writes_nothing_but_due_steps(synced: World) -> None:
    """At now + 1 day with the same data nothing is written anew or closed, and no opportunity is made."""
    opportunities = {one.key for one in synced.side.ours("opportunity")}
    synced.later(days=1)

    told = synced.sync()

    assert (told["plan"]["update"], told["plan"]["close"]) == (0, 0)
    assert {one.key for one in synced.side.ours("opportunity")} == opportunities
    synced.later(minutes=5)
    synced.sync()
    assert not synced.side.writes()


@pytest.mark.parametrize("crm", ["hubspot"])
def test_old_data_give_no_reason_to_write_anew(synced: World) -> None:
    """Nine days on, signals are weaker only because they are older: no text, amount or score is touched.

    It is another week: opportunities get their places in the new Monday list, and that is all that is written on them.
    """
    (synced.home / "playbooks" / "plays.yaml").unlink()  # a trial that ends meanwhile takes its own tasks back
    synced.later(days=9)

    assert synced.run("plan", "--out", synced.folder / "plan.json").code == 0
    told = synced.sync()

    updated = [change for change in read_plan(synced.folder / "plan.json").changes if change.action == "update"]
    assert {field.name for change in updated for field in change.fields} == {"expansion_week"}
    assert (told["plan"]["update"], told["plan"]["close"]) == (len(updated), 0)
