"""What proposals caused: adoption of those that get them minus adoption of the held out, and how sure that is.

By intention to treat: everybody counts in the arm that was drawn, whatever was or was not proposed. The lot falls on
whole groups of companies, so their accounts are no independent witnesses: each arm's are counted at the worth of their
effective number (Rao & Scott 1992, "A simple method for the analysis of clustered binary data", Biometrics 48:577).
How much a group's accounts are alike is estimated once for both arms, because the lot makes their groups alike; what
that costs an arm follows from the sizes of the groups that it drew. The interval is Newcombe's hybrid score interval of
a difference (Newcombe 1998, Statistics in Medicine 17:873, method 10), which holds for arms of uneven size and for few
adoptions, where estimate ± 2 standard errors does not.

Numpy only; no clock, no randomness.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

TWO_SIDED_5, POWER_80 = 1.959964, 0.841621
"""Normal quantiles: .975 and .80."""
LEAST_ADOPTIONS = 30
"""Of both arms together; with fewer nothing is judged."""
LEAST_GROUPS = 10
"""Groups of companies in each arm; with fewer their spread is not known."""
Verdict = Literal["measured", "too_early", "power_too_low", "interval_includes_0"]


@dataclass(frozen=True)
class ArmTally:
    """Accounts of one arm whose time is over, the groups they belong to, and how many adopted."""

    accounts: int
    groups: int
    adopted: int
    spread: float = 0.0
    """Variance of the adoptions' sum, estimated by the jackknife over groups (Efron & Stein 1981)."""
    squares: int = 0
    """Sum of the groups' squared sizes."""

    @property
    def share(self) -> float:
        return self.adopted / self.accounts if self.accounts else 0.0

    @property
    def alone(self) -> float:
        """Variance of the adoptions' sum if no account knew another."""
        return self.accounts * self.share * (1 - self.share)


@dataclass(frozen=True)
class Effect:
    """The difference of adoption, proposed minus held out, as shares of accounts."""

    difference: float
    low: float
    high: float
    """Ends of the 95 % interval."""
    detectable: float | None
    """Smallest difference that would be found in four of five such holdouts; None where no share is large enough."""
    design_effect: float
    """How many held out accounts are worth one on its own; 1: they adopt as if they did not know each other."""
    verdict: Verdict


def tally(adopted: NDArray[Any], group: NDArray[Any]) -> ArmTally:
    """Count an arm; `adopted` (n,) of bool, `group` (n,) of any labels."""
    if not len(adopted):
        return ArmTally(0, 0, 0)
    _, place = np.unique(group, return_inverse=True)
    size, successes = np.bincount(place), np.bincount(place, np.asarray(adopted, float))
    groups, share = len(size), float(successes.sum() / size.sum())
    # Leaving each group out in turn: a large group draws the share towards itself, and would seem closer than it is.
    residuals = (successes - share * size) / np.maximum(1 - size / size.sum(), 0.5)
    spread = float((residuals**2).sum()) * (groups - 1) / groups
    return ArmTally(int(size.sum()), groups, round(float(successes.sum())), spread, int((size**2).sum()))


def effect_of(proposed: ArmTally, held_out: ArmTally) -> Effect | None:
    """Compare two arms; None while one of them has no account whose time is over."""
    if not proposed.accounts or not held_out.accounts:
        return None
    alike = likeness(proposed, held_out)
    difference, low, high = interval(proposed, held_out, alike)
    worths = [design_effect(arm, alike) for arm in (held_out, proposed)]
    smallest = detectable(held_out.accounts / worths[0], proposed.accounts / worths[1], held_out.share)
    return Effect(difference, low, high, smallest, worths[0], _verdict(proposed, held_out, low, high, smallest))


def _verdict(proposed: ArmTally, held_out: ArmTally, low: float, high: float, smallest: float | None) -> Verdict:
    """Say whether a difference may be told.

    Where less than a doubling could not be found, what is found is chance or much exaggerated (Gelman & Carlin 2014,
    "Beyond power calculations: assessing Type S and Type M errors").
    """
    is_small = proposed.adopted + held_out.adopted < LEAST_ADOPTIONS
    is_small = is_small or min(proposed.groups, held_out.groups) < LEAST_GROUPS
    if is_small or smallest is None or smallest > held_out.share:
        return "power_too_low"
    return "interval_includes_0" if low <= 0 <= high else "measured"


def likeness(*arms: ArmTally) -> float:
    """Variance of the likelihood to adopt between groups, by moments over all arms; never below 0."""
    pairs = sum(arm.squares - arm.accounts for arm in arms)
    return max(0.0, sum(arm.spread - arm.alone for arm in arms) / pairs) if pairs > 0 else 0.0


def design_effect(arm: ArmTally, alike: float) -> float:
    """How many of an arm's accounts are worth one on its own; `alike`: variance between groups."""
    return 1 + alike * max(arm.squares - arm.accounts, 0) / arm.alone if arm.alone else 1.0


def interval(proposed: ArmTally, held_out: ArmTally, alike: float) -> tuple[float, float, float]:
    """Difference of shares with its 95 % interval; `alike`: variance between groups."""
    difference = proposed.share - held_out.share
    low_1, high_1 = wilson(proposed.share, proposed.accounts / design_effect(proposed, alike))
    low_0, high_0 = wilson(held_out.share, held_out.accounts / design_effect(held_out, alike))
    below = sqrt((proposed.share - low_1) ** 2 + (high_0 - held_out.share) ** 2)
    above = sqrt((high_1 - proposed.share) ** 2 + (held_out.share - low_0) ** 2)
    return difference, difference - below, difference + above


def wilson(share: float, n: float) -> tuple[float, float]:
    """Score interval of a share among `n` independent accounts (Wilson 1927)."""
    z = TWO_SIDED_5
    middle, half = share + z * z / (2 * n), z * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return (middle - half) / (1 + z * z / n), (middle + half) / (1 + z * z / n)


def detectable(held_out: float, proposed: float, base: float) -> float | None:
    """Smallest rise above `base` found with 80 % power by a two-sided 5 % test; None where 100 % is no such rise.

    `held_out` and `proposed` are effective numbers of accounts. Solves n = (z.975 + z.80)² (p₀q₀/n₀ + p₁q₁/n₁) / δ² for
    δ = p₁ − p₀: Chow, Shao & Wang, Sample Size Calculations in Clinical Research, 4.2 (variances not pooled), for arms
    of uneven size.
    """
    if held_out <= 0 or proposed <= 0:
        return None
    k = (TWO_SIDED_5 + POWER_80) ** 2
    # δ² = k (p₀q₀/n₀ + (p₀+δ)(1-p₀-δ)/n₁) is a quadratic equation in δ.
    a, b = 1 + k / proposed, -k * (1 - 2 * base) / proposed
    c = -k * base * (1 - base) * (1 / held_out + 1 / proposed)
    rise = (-b + sqrt(b * b - 4 * a * c)) / (2 * a)
    return rise if 0 < rise <= 1 - base else None


def accounts_needed(base: float, rise: float, share: float) -> int:
    """How many accounts in all, of which `share` is held out, find such a rise with 80 % power; not in groups."""
    then = base + rise
    variance = base * (1 - base) / share + then * (1 - then) / (1 - share)
    return int(np.ceil((TWO_SIDED_5 + POWER_80) ** 2 * variance / rise**2))
