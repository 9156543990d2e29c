"""What proposals caused: adoption of those that get them minus adoption of the held out, and how sure that is.

By intention to treat: everybody counts in the arm that was drawn, whatever was or was not proposed. The lot falls on
whole groups of companies, so their accounts are no independent witnesses: both arms' accounts are counted at the worth
of their effective number (Rao & Scott 1992, "A simple method for the analysis of clustered binary data", Biometrics
48:577), with one design effect for both, because the lot makes their groups alike. The interval is Newcombe's hybrid
score interval of a difference (Newcombe 1998, Statistics in Medicine 17:873, method 10), which holds for arms of uneven
size and for few adoptions, where estimate ± 2 standard errors does not.

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
    """Variance of the adoptions' sum, estimated over groups."""

    @property
    def share(self) -> float:
        return self.adopted / self.accounts if self.accounts else 0.0


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
    """How many accounts in groups are worth one on its own; 1: they adopt as if they did not know each other."""
    verdict: Verdict


def tally(adopted: NDArray[Any], group: NDArray[Any]) -> ArmTally:
    """Count an arm; `adopted` (n,) of bool, `group` (n,) of any labels."""
    if not len(adopted):
        return ArmTally(0, 0, 0)
    _, place = np.unique(group, return_inverse=True)
    size, successes = np.bincount(place), np.bincount(place, np.asarray(adopted, float))
    groups, share = len(size), float(successes.sum() / size.sum())
    residuals = successes - share * size
    spread = float((residuals**2).sum()) * groups / max(groups - 1, 1)
    return ArmTally(int(size.sum()), groups, round(float(successes.sum())), spread)


def effect_of(proposed: ArmTally, held_out: ArmTally) -> Effect | None:
    """Compare two arms; None while one of them has no account whose time is over."""
    if not proposed.accounts or not held_out.accounts:
        return None
    worth = design_effect(proposed, held_out)
    difference, low, high = interval(proposed, held_out, worth)
    base = held_out.share
    smallest = detectable(held_out.accounts / worth, proposed.accounts / worth, base)
    return Effect(difference, low, high, smallest, worth, _verdict(proposed, held_out, low, high, smallest))


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


def design_effect(*arms: ArmTally) -> float:
    """Estimate how much more adoptions vary than those of independent accounts would; never below 1."""
    independent = sum(arm.accounts * arm.share * (1 - arm.share) for arm in arms)
    return max(1.0, sum(arm.spread for arm in arms) / independent) if independent > 0 else 1.0


def interval(proposed: ArmTally, held_out: ArmTally, worth: float) -> tuple[float, float, float]:
    """Difference of shares with its 95 % interval; `worth`: the design effect."""
    difference = proposed.share - held_out.share
    low_1, high_1 = wilson(proposed.share, proposed.accounts / worth)
    low_0, high_0 = wilson(held_out.share, held_out.accounts / worth)
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
