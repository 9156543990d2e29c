"""What a benchmark found: figures, each with the goal it was to meet, and said plainly where it does not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Figure:
    """One number; `at_most` is its goal, `of` says what it was made of."""

    name: str
    value: float
    unit: str = ""
    at_most: float | None = None
    of: str = ""

    @property
    def is_missed(self) -> bool:
        return self.at_most is not None and self.value > self.at_most

    def as_text(self) -> str:
        """Write it on a line."""
        shown = f"{self.value:>10,.2f}" if isinstance(self.value, float) else f"{self.value:>10,}"
        verdict = "" if self.at_most is None else f"goal ≤ {self.at_most:g}: {'MISSED' if self.is_missed else 'met'}"
        return f"  {self.name:<46} {shown} {self.unit:<3} {verdict:<20} {self.of}".rstrip()


@dataclass(frozen=True)
class Report:
    """The figures of one question, and what a reader has to know to judge them."""

    name: str
    question: str
    sizes: Mapping[str, int]
    figures: Sequence[Figure]
    remarks: Sequence[str] = ()

    def missed(self) -> list[str]:
        """Name the goals that were not met."""
        return [f"{self.name}: {one.name}" for one in self.figures if one.is_missed]

    def as_json(self) -> dict[str, Any]:
        """The figures for machines."""
        figures = [asdict(one) | {"met": None if one.at_most is None else not one.is_missed} for one in self.figures]
        return {"name": self.name, "sizes": dict(self.sizes), "figures": figures, "remarks": list(self.remarks)}

    def as_text(self) -> str:
        """The figures for people."""
        sizes = ", ".join(f"{value:,} {what.replace('_', ' ')}" for what, value in self.sizes.items())
        head = [f"{self.name}: {self.question}", f"  {sizes}"]
        return "\n".join([*head, *(one.as_text() for one in self.figures), *(f"  ({one})" for one in self.remarks)])
