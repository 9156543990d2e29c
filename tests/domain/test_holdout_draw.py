"""The lot of the holdout: anybody can draw again and gets the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import md5

import pytest

from connector.domain.holdout import Arm, Assignment, drawn, earliest

NOW = datetime(2026, 9, 30, tzinfo=UTC)


def test_the_lot_is_the_md5_of_salt_parent_and_stratum() -> None:
    """Whoever knows the three texts and the share finds the arm with a few lines of their own."""
    places = {
        id: int(md5(f"autumn\x1f{id}\x1fsmb".encode(), usedforsecurity=False).hexdigest(), 16) / 2**128
        for id in map(str, range(500))
    }

    assert {id: drawn("autumn", id, "smb", 0.15) for id in places} == {
        id: Arm.HELD_OUT if place < 0.15 else Arm.PROPOSED for id, place in places.items()
    }


@pytest.mark.parametrize("share", [0.1, 0.2])
def test_about_the_share_is_held_out(share: float) -> None:
    """Of 20,000 groups the share is held out, within what chance does once in ten thousand lots."""
    held = sum(drawn("s", str(id), "", share) is Arm.HELD_OUT for id in range(20_000))

    assert held == pytest.approx(20_000 * share, abs=3.9 * (20_000 * share * (1 - share)) ** 0.5)


def test_each_text_has_a_part_in_the_lot() -> None:
    """Another salt or stratum is another lot: of a thousand, a third or so of those held out are the same ones."""
    ids = [str(id) for id in range(1000)]

    def held(salt: str, stratum: str) -> set[str]:
        return {id for id in ids if drawn(salt, id, stratum, 0.2) is Arm.HELD_OUT}

    first = held("a", "smb")
    for other in (held("b", "smb"), held("a", "mid"), held("as", "mb")):
        assert len(first & other) < 0.4 * len(first)


def test_a_larger_share_holds_out_whoever_a_smaller_one_does() -> None:
    """What is drawn is a place in a row, and the share says where it is cut."""
    ids = [str(id) for id in range(1000)]
    small = {id for id in ids if drawn("s", id, "", 0.1) is Arm.HELD_OUT}

    assert small < {id for id in ids if drawn("s", id, "", 0.2) is Arm.HELD_OUT}


def test_the_earliest_assignment_speaks_and_a_tie_goes_by_account() -> None:
    """Of several the first one that was made, whatever their order."""
    first = Assignment("b", "s", "p", "", 0.1, Arm.HELD_OUT, "r", NOW)
    some = [replace(first, billing_id="c"), first, replace(first, billing_id="a", at=NOW + timedelta(days=1))]

    assert earliest(some) == earliest(reversed(some)) == first
    assert earliest([]) is None
