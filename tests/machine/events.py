"""What may happen on a day: news from billing and from the admin, deeds of people, weather, and how the run goes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hypothesis import strategies as st

from tests.machine.place import ACCOUNTS

RecordName = Literal["opportunity", "task"]
POISON = 999_999
"""An amount that a rule of the CRM's admin refuses."""
OF_TASKS = ("subject", "text", "due", "status")
OF_OPPORTUNITIES = ("amount", "close_date", "owner", "stage", "name", "score")


@dataclass(frozen=True)
class Told:
    """Billing tells of a customer; an amount may be one that the CRM refuses."""

    customer: int
    amount: int
    score: int


@dataclass(frozen=True)
class Bought:
    """A customer holds the offer now: what was asked of its owner is taken back."""

    customer: int


@dataclass(frozen=True)
class Reworded:
    """An admin edits the texts of the mapping."""


@dataclass(frozen=True)
class Typed:
    """A person changes a field: moves a stage, finishes a task, spoils a score that is ours alone."""

    customer: int
    field: str


@dataclass(frozen=True)
class Deleted:
    """A person throws a record of ours away."""

    customer: int
    type: RecordName


@dataclass(frozen=True)
class Merged:
    """A person makes two accounts one; the connector notices before its next run, or only after it."""

    loser: int
    survivor: int
    is_noticed: bool


@dataclass(frozen=True)
class Runs:
    """The day's run comes to its end."""


@dataclass(frozen=True)
class Dies:
    """The process is killed at the n-th request to the CRM, commit, or move of the lease: before it, or after it."""

    lives: int
    after: bool


@dataclass(frozen=True)
class Plans:
    """A plan is made, and waits."""


@dataclass(frozen=True)
class AppliesOld:
    """A plan that waited, perhaps not the newest, is applied; its process may die."""

    which: int
    dies: Dies | None


@dataclass(frozen=True)
class Restarts:
    """A new process takes over, and runs."""


@dataclass(frozen=True)
class Undoes:
    """A person takes one of the runs back; what it wrote is left alone, or is free again at once."""

    which: int
    is_released: bool


News = Told | Bought | Reworded
Deed = Typed | Deleted | Merged
Ending = Undoes | Runs | Restarts | Dies | Plans | AppliesOld

customers = st.integers(0, ACCOUNTS - 1)
told = st.builds(Told, customers, st.sampled_from([100, 200, 300, POISON]), st.integers(1, 4))
news = st.lists(told | st.builds(Bought, customers) | st.builds(Reworded), max_size=2)
typed = st.builds(Typed, customers, st.sampled_from(OF_OPPORTUNITIES + OF_TASKS))
deleted = st.builds(Deleted, customers, st.sampled_from(["opportunity", "task"]))
deeds = st.lists(typed | typed | deleted | st.builds(Merged, customers, customers, st.booleans()), max_size=2)
dies = st.builds(Dies, st.integers(1, 35), st.booleans())
applies_old = st.builds(AppliesOld, st.integers(0, 3), st.none() | dies)
undoes = st.builds(Undoes, st.integers(0, 9), st.booleans())
endings = st.one_of(st.builds(Runs), st.builds(Restarts), dies, dies, st.builds(Plans), applies_old, undoes)
weathers = st.none() | st.integers(0, 50) | st.integers(0, 50)
"""Of a storm, the seed."""
pauses = st.sampled_from([0, 0.1, 30])
"""Hours that pass before a day's events."""
