"""Whatever people did: once a run has followed it, the next run in the same world writes nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.e2e.sides import Record
from tests.e2e.world import CRMS, Site, World

Deed = tuple[str, int, str]
STAGES = ("proposed", "consult", "confront", "concretize", "won", "lost")
TEXTS = ("", "Called them.", "Rappel : devis envoyé à 10 % près", "<b>bold</b> & more")


def deeds() -> st.SearchStrategy[list[Deed]]:
    """Things people do: to the n-th record of a type, with a detail."""
    places = st.integers(0, 30)
    one = st.one_of(
        st.tuples(st.just("move"), places, st.sampled_from(STAGES)),
        st.tuples(st.just("amount"), places, st.sampled_from(("1", "99999.99", "0"))),
        st.tuples(st.just("task text"), places, st.sampled_from(TEXTS)),
        st.tuples(st.just("task gone"), places, st.just("")),
        st.tuples(st.just("opportunity gone"), places, st.just("")),
        st.tuples(st.just("rename account"), places, st.sampled_from(("Neu & Söhne", "Société Générale d’Essai"))),
        st.tuples(st.just("their own"), places, st.sampled_from(("Renewal 2027", "additional seats", "next steps"))),
        st.tuples(st.just("days"), st.sampled_from((1, 8)), st.just("")),
    )
    return st.lists(one, min_size=1, max_size=6)


def do(world: World, deed: Deed) -> None:
    """Do one thing in the CRM, or let days pass."""
    what, place, detail = deed
    side = world.side

    def nth(type: str, among: Callable[[str], list[Record]]) -> Record:
        return among(type)[place % len(among(type))]

    match what:
        case "move":
            side.move(nth("opportunity", side.ours), detail)
        case "amount":
            side.write("opportunity", {"amount": detail}, nth("opportunity", side.ours).id)
        case "task text":
            side.write("task", {"text": detail}, nth("task", side.ours).id)
        case "task gone":
            side.remove("task", nth("task", side.ours).id)
        case "opportunity gone":
            if len(side.ours("opportunity")) > 1:
                side.remove("opportunity", nth("opportunity", side.ours).id)
        case "rename account":
            side.write("account", {"account_name": detail}, nth("account", side.all).id)
        case "their own":
            side.new_opportunity(nth("account", side.all).id, detail)
        case _:
            world.later(days=place)


@pytest.mark.parametrize("crm", CRMS)
def test_an_unchanged_world_means_no_writes(site: Site, crm: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """After any deeds of people and a run that follows them, runs in the unchanged world plan and write nothing."""

    @settings(
        max_examples=6,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(deeds())
    def holds(done: list[Deed]) -> None:
        folder: Path = tmp_path_factory.mktemp("world")
        world = site.at(crm, "synced", folder / "w")
        world.edit_yaml("playbooks/policy.yaml", lambda policy: policy["cool_down_days"].update(lost=2, won=2))
        for deed in done:
            do(world, deed)
        world.sync()

        again = world.sync()

        plan = again["plan"]
        assert (plan["create"], plan["update"], plan["close"], plan["associate"]) == (0, 0, 0, 0)
        assert not world.side.writes()

    holds()
