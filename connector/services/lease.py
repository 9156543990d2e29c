"""Holds a destination's lease for a short piece of work beside deliveries.

Whoever changes what waits for a CRM, or what is known of it, does so while nobody delivers there.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from connector.domain.errors import LaterError
from connector.ports.clock import Clock
from connector.ports.ledger import Lease, Leases

SECONDS = 60.0


@contextmanager
def leased(leases: Leases, clock: Clock, destination: str, holder: str, seconds: float = SECONDS) -> Iterator[Lease]:
    """Take the lease at once, or raise LaterError while another process has it."""
    lease = leases.take(destination, holder, clock.now(), seconds)
    if lease is None:
        raise LaterError(
            f"another process is delivering to {destination}",
            hint="nothing was changed; wait for it to end and ask again",
        )
    try:
        yield lease
    finally:
        leases.release(lease)
