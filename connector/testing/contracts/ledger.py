"""The ledger contract: one test a fact, for every database behind `connector.ports.ledger`.

Subclass `LedgerContract` and provide two fixtures: `opens` (see `ledger_world.Opens`), which opens an empty ledger of
the test's own any number of times, and `memory`, that ledger opened once.
"""

from __future__ import annotations

from connector.testing.contracts.ledger_audit import AuditContract
from connector.testing.contracts.ledger_delivery import DeliveryContract, LeaseContract, SelectionContract
from connector.testing.contracts.ledger_keeping import KeepingContract
from connector.testing.contracts.ledger_rivals import RivalContract


class LedgerContract(KeepingContract, DeliveryContract, SelectionContract, LeaseContract, AuditContract, RivalContract):
    """Everything the ledger's ports promise."""
