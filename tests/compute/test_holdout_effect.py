"""What a holdout tells: its interval covers a planted effect as often as it says, and too small a size is told."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
import pytest

from connector.compute.holdout import (
    ArmTally,
    Effect,
    accounts_needed,
    design_effect,
    detectable,
    effect_of,
    interval,
    likeness,
    tally,
    wilson,
)
from connector.domain.holdout import Arm, drawn

WORLDS = 1000


@dataclass(frozen=True)
class Planted:
    """A world: groups of companies of uneven size that adopt alike, and what proposals add."""

    groups: int
    share: float
    base: float
    effect: float
    alike: float = 0.6
    """Share of a company's own likelihood that is its group's: what makes a group's accounts no independent ones."""


def found(planted: Planted, seed: int) -> Effect:
    """One world, drawn by the lot that a run draws by."""
    chance = np.random.default_rng(seed)
    sizes = np.minimum(1 + chance.pareto(1.6, planted.groups).astype(int), 40)
    held = np.array(
        [drawn(f"world-{seed}", str(g), "smb", planted.share) is Arm.HELD_OUT for g in range(planted.groups)]
    )
    likely = planted.base * (1 - planted.alike + planted.alike * chance.gamma(1.0, 1.0, planted.groups))
    group = np.repeat(np.arange(planted.groups), sizes)
    adopted = chance.random(len(group)) < (likely + np.where(held, 0.0, planted.effect))[group]
    out = held[group]
    effect = effect_of(tally(adopted[~out], group[~out]), tally(adopted[out], group[out]))
    assert effect is not None
    return effect


def worlds(planted: Planted) -> tuple[float, Counter[str]]:
    """Share of a thousand worlds whose interval holds what was planted, and what each of them says."""
    every = [found(planted, seed) for seed in range(WORLDS)]
    covered = sum(one.low <= planted.effect <= one.high for one in every) / WORLDS
    return covered, Counter(one.verdict for one in every)


@pytest.mark.parametrize(
    "planted",
    [Planted(900, 0.2, 0.12, 0.06), Planted(900, 0.1, 0.08, 0.04), Planted(900, 0.2, 0.10, 0.0)],
    ids=["a fifth held out", "a tenth held out", "no effect"],
)
def test_the_interval_covers_what_was_planted(planted: Planted) -> None:
    """In a thousand worlds with uneven groups it holds the effect 93 to 97 times of a hundred."""
    covered, told = worlds(planted)

    assert 0.93 <= covered <= 0.97, covered
    if planted.effect == 0:
        assert told["measured"] <= 0.07 * WORLDS


def test_where_power_is_enough_the_effect_is_measured() -> None:
    """An effect well above what the size can find is measured in nine worlds of ten."""
    covered, told = worlds(Planted(1500, 0.2, 0.12, 0.09))

    assert told["measured"] >= 0.9 * WORLDS
    assert 0.93 <= covered <= 0.97, covered


@pytest.mark.parametrize(
    "planted", [Planted(150, 0.1, 0.05, 0.02), Planted(40, 0.2, 0.10, 0.05)], ids=["150 groups", "40 groups"]
)
def test_where_power_is_too_low_nothing_is_measured(planted: Planted) -> None:
    """What only a doubling could show is said to be not measurable, in 999 worlds of a thousand for want of power."""
    covered, told = worlds(planted)

    assert told["measured"] == 0
    assert told["power_too_low"] >= 0.995 * WORLDS
    assert covered >= 0.93


def test_groups_make_the_interval_wider() -> None:
    """Ten companies that always do the same are worth one."""
    chance = np.random.default_rng(3)
    group = np.repeat(np.arange(400), 10)
    adopted = np.repeat(chance.random(400) < 0.2, 10)

    together, alone = tally(adopted, group), tally(adopted, np.arange(4000))

    assert design_effect(together, likeness(together)) == pytest.approx(10, rel=0.01)
    assert design_effect(alone, likeness(alone)) == 1
    assert (together.accounts, together.groups, together.adopted) == (4000, 400, alone.adopted)
    wide = interval(together, together, likeness(together))
    narrow = interval(alone, alone, 0.0)
    assert (wide[2] - wide[1]) / (narrow[2] - narrow[1]) == pytest.approx(10**0.5, rel=0.02)


def test_the_spread_is_that_of_groups() -> None:
    """Two groups of two, one adopts whole: left out, each is two off what the other says; 2 · 2² · (2 - 1) / 2 = 4."""
    assert tally(np.array([1, 1, 0, 0]), np.array(["a", "a", "b", "b"])) == ArmTally(4, 2, 2, 4.0, 8)


def test_an_arm_pays_for_the_sizes_of_its_own_groups() -> None:
    """The same likeness costs an arm of large groups more; who adopts all alike, or not at all, has none to pay."""
    small, large = ArmTally(100, 50, 20, squares=200), ArmTally(100, 10, 20, squares=1000)

    assert design_effect(small, 0.04) == pytest.approx(1 + 0.04 * 100 / 16)
    assert design_effect(large, 0.04) == pytest.approx(1 + 0.04 * 900 / 16)
    assert design_effect(replace(large, adopted=0), 0.04) == 1


@pytest.mark.parametrize(("base", "then", "each"), [(0.05, 0.07, 2210), (0.05, 0.10, 432), (0.10, 0.15, 683)])
def test_detectable_effects_are_those_of_the_published_sizes(base: float, then: float, each: int) -> None:
    """Two equal arms of the known size find the known rise, and no smaller one; the needed size is the same one."""
    rise = detectable(each, each, base)

    assert rise == pytest.approx(then - base, rel=0.001)
    assert accounts_needed(base, then - base, 0.5) == pytest.approx(2 * each, abs=1)


def test_a_smaller_arm_finds_less() -> None:
    """The smaller arm decides: 10 % of 2,000 find what two arms of about 200 to 400 do."""
    uneven = detectable(200, 1800, 0.05)
    even = detectable(1000, 1000, 0.05)

    assert uneven is not None
    assert even is not None
    assert uneven > 1.5 * even


def test_nothing_is_detectable_by_an_empty_or_tiny_arm() -> None:
    """Where even everybody's adoption would not be found there is no smallest effect."""
    assert detectable(0, 100, 0.05) is None
    assert detectable(1, 1, 0.5) is None


def test_the_interval_is_newcombes() -> None:
    """His published example: 56 of 70 against 48 of 80 differ by .2000, from .0524 to .3339 (method 10)."""
    told = interval(ArmTally(70, 70, 56), ArmTally(80, 80, 48), 0.0)

    assert told == pytest.approx((0.2, 0.0524, 0.3339), abs=0.0001)


def test_a_score_interval_has_a_length_where_nobody_adopted() -> None:
    """None of 50: up to 7.1 %; and the two ends change places with adoption and its absence."""
    low, high = wilson(0.0, 50)
    other_low, other_high = wilson(1.0, 50)

    assert (low, high) == pytest.approx((0.0, 0.0713), abs=0.0001)
    assert (1 - other_high, 1 - other_low) == pytest.approx((low, high), abs=1e-12)


@pytest.mark.parametrize(
    ("proposed", "held_out", "verdict"),
    [
        (ArmTally(8000, 8000, 1200), ArmTally(2000, 2000, 200), "measured"),
        (ArmTally(8000, 8000, 810), ArmTally(2000, 2000, 200), "interval_includes_0"),
        (ArmTally(800, 800, 20), ArmTally(200, 200, 1), "power_too_low"),
        (ArmTally(8000, 9, 1200), ArmTally(2000, 2000, 200), "power_too_low"),
        (ArmTally(900, 900, 90), ArmTally(100, 100, 2), "power_too_low"),
        (ArmTally(8000, 8000, 100), ArmTally(2000, 2000, 200), "measured"),
    ],
    ids=["a rise", "nothing", "few adoptions", "few groups", "only more than a doubling", "a fall"],
)
def test_each_verdict(proposed: ArmTally, held_out: ArmTally, verdict: str) -> None:
    """Measured, or not yet and why."""
    effect = effect_of(proposed, held_out)

    assert effect is not None
    assert effect.verdict == verdict
    assert effect.difference == pytest.approx(proposed.share - held_out.share)


def test_without_both_arms_there_is_no_effect() -> None:
    """Nothing is compared with nothing, and an empty arm is none."""
    empty = tally(np.array([], bool), np.array([]))

    assert empty == ArmTally(0, 0, 0)
    assert effect_of(empty, ArmTally(5, 5, 1)) is None
    assert effect_of(ArmTally(5, 5, 1), empty) is None
