"""What the ledger keeps beside its runs: lots, who was forgotten, what a service notes, how a customer is taken out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from connector.domain.customer import Customer, Suppressed
from connector.domain.holdout import Assignment


class Suppressions(Protocol):
    """Customers that were forgotten. Only hashes of their ids are kept, each with the key it was made with."""

    def secret(self) -> str:
        """Give the key that new hashes are made with."""
        ...

    def all(self) -> list[Suppressed]:
        """List every hash that stands."""
        ...

    def add(self, hashes: Sequence[Suppressed]) -> None:
        """Store hashes; one that stands stays as it is."""
        ...


class Notes(Protocol):
    """What a command or the service remembers between two times, by name."""

    def get(self, name: str) -> Mapping[str, Any] | None:
        """Give what is noted under a name."""
        ...

    def put(self, name: str, value: Mapping[str, Any]) -> None:
        """Note something, replacing what stood."""
        ...

    def drop(self, name: str) -> None:
        """Remove a note."""
        ...

    def named(self, prefix: str) -> dict[str, Mapping[str, Any]]:
        """Give every note whose name begins so, by name."""
        ...


class Arms(Protocol):
    """What was drawn for each customer of a holdout. A customer is one in every CRM, so no row has a destination."""

    def all(self, salt: str) -> dict[str, Assignment]:
        """Map billing account → what was drawn for it under a salt."""
        ...

    def add(self, assignments: Sequence[Assignment]) -> None:
        """Store what was drawn; what stands stays as it is."""
        ...


class Forgetting(Protocol):
    """Takes a customer out of the ledger, and tells whether anything is left."""

    def erase(self, customer: Customer, by: str, at: datetime) -> Mapping[str, int]:
        """Erase every row and value about a customer in one transaction; count them. The audit chains stay whole."""
        ...

    def left(self, customer: Customer) -> Mapping[str, int]:
        """Count the rows of each table that still name a customer, its note aside."""
        ...

    def compact(self) -> None:
        """Give freed pages back, so that what was deleted does not lie in the file any more."""
        ...
