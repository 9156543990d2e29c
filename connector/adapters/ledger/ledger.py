"""One ledger, as the parts that steps ask for."""

from __future__ import annotations

from types import TracebackType

from connector.adapters.ledger.audit import SqlAudit, SqlHolds
from connector.adapters.ledger.database import Database
from connector.adapters.ledger.forgetting import SqlForgetting
from connector.adapters.ledger.holdout import SqlArms
from connector.adapters.ledger.mirror import SqlEpisodes, SqlLinks, SqlMirror
from connector.adapters.ledger.notes import SqlNotes, SqlSuppressions
from connector.adapters.ledger.outbox import SqlLeases, SqlOutbox, SqlReceipts
from connector.adapters.ledger.rows import ChangeTexts
from connector.adapters.ledger.runs import SqlDecisions, SqlDestinations, SqlPlans, SqlRuns


class Ledger:
    """Opens the database at a URL, brings it up to date, and offers every ledger port as an attribute."""

    def __init__(self, url: str) -> None:
        self._database = Database(url)
        self.destinations = SqlDestinations(self._database)
        self.runs = SqlRuns(self._database)
        self.mirror = SqlMirror(self._database)
        self.links = SqlLinks(self._database)
        self.episodes = SqlEpisodes(self._database)
        self.receipts = SqlReceipts(self._database)
        texts = ChangeTexts()
        self.plans = SqlPlans(self._database, texts)
        self.outbox = SqlOutbox(self._database, texts)
        self.leases = SqlLeases(self._database)
        self.decisions = SqlDecisions(self._database)
        self.holds = SqlHolds(self._database)
        self.arms = SqlArms(self._database)
        self.audit = SqlAudit(self._database)
        self.suppressions = SqlSuppressions(self._database)
        self.notes = SqlNotes(self._database)
        self.forgetting = SqlForgetting(self._database)

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
