"""No garbage is looked for while values are made by the million, and it is looked for again afterwards."""

from __future__ import annotations

import gc

import pytest

from connector.domain.uncollected import uncollected


def test_collecting_goes_on_afterwards() -> None:
    """It is off meanwhile, within another such step too, and on again after both, even if one fails."""
    told = []

    @uncollected()
    def breaks() -> None:
        told.append(gc.isenabled())
        raise ValueError("broken")

    with uncollected():
        with pytest.raises(ValueError, match="broken"):
            breaks()
        told.append(gc.isenabled())

    assert [*told, gc.isenabled()] == [False, False, True]


def test_who_turned_it_off_finds_it_off() -> None:
    """What was off before stays off."""
    gc.disable()
    try:
        with uncollected():
            pass

        assert not gc.isenabled()
    finally:
        gc.enable()


def test_what_was_made_is_not_looked_through_afterwards() -> None:
    """It is old at once, garbage too, which a look through the old finds."""
    with uncollected():
        made = [[at] for at in range(10_000)]
        cycle: list[object] = []
        cycle.append(cycle)

    young = {id(one) for one in gc.get_objects(generation=0)}
    assert young.isdisjoint(map(id, made))
    assert any(one is cycle for one in gc.get_objects(generation=2))
