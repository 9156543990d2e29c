"""Why a condition does not hold: each comparison that failed, with what was wanted and what was found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from connector.domain.features import Feature
from connector.domain.signal import Condition, is_unknown

BOUNDS = {"at_least": "at least", "above": "above", "at_most": "at most", "below": "below"}


@dataclass(frozen=True)
class Miss:
    """One comparison that stands in the way."""

    wanted: str
    """As a person says it: `utilisation at least 0.9`."""
    feature: str
    value: Feature
    """None: nobody knows."""

    @property
    def found(self) -> str:
        """What was found instead, in few letters."""
        if is_unknown(self.value):
            return "unknown"
        return f"{self.value:.4g}" if isinstance(self.value, float) else str(self.value)


def misses(condition: Condition, features: Mapping[str, Feature]) -> Iterator[Miss]:
    """List what keeps a condition from holding; nothing where it holds."""
    if condition.holds(features):
        return
    own = Condition(**{name: getattr(condition, name) for name in _OWN})
    if condition.feature is not None and not own.holds(features):
        yield Miss(words(own), condition.feature, features.get(condition.feature))
    for part in condition.all:
        yield from misses(part, features)
    if condition.any and not any(part.holds(features) for part in condition.any):
        for part in condition.any:
            yield from (Miss(f"or {one.wanted}", one.feature, one.value) for one in misses(part, features))
    for part in condition.none:
        if part.holds(features):
            named = next(part.names(), "")
            yield Miss(f"not: {words(part)}", named, features.get(named))


def words(condition: Condition) -> str:
    """Say a condition as a person would."""
    told = [_comparison(condition)] if condition.feature is not None else []
    told += [words(part) for part in condition.all]
    told += ["(" + " or ".join(words(part) for part in condition.any) + ")"] if condition.any else []
    told += [f"not: {words(part)}" for part in condition.none]
    return " and ".join(told) or "anything"


def _comparison(condition: Condition) -> str:
    wanted = [f"{said} {bound:g}" for key, said in BOUNDS.items() if (bound := getattr(condition, key)) is not None]
    if condition.absent_for is not None:
        wanted.append(f"at least {condition.absent_for} days ago")
    if condition.one_of:
        wanted.append(f"one of {', '.join(condition.one_of)}")
    if condition.is_true is not None:
        wanted.append(str(condition.is_true).lower())
    if condition.known is not None or not wanted:
        wanted.append("unknown" if condition.known is False else "known")
    change = f", changed from {condition.changed_from}," if condition.changed_from else ""
    return f"{condition.feature}{change} {' and '.join(wanted)}"


_OWN = ("feature", "changed_from", "absent_for", "at_least", "above", "at_most", "below", "one_of", "is_true", "known")
