"""What an operator does with a ledger as a whole: bring it up to date, check it, back it up, restore it."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from connector.adapters.ledger.checking import problems_of
from connector.adapters.ledger.copying import back_up, restore
from connector.adapters.ledger.database import NEWEST, Database
from connector.domain.errors import MendError, Problem
from connector.ports.clock import Clock


class LedgerCare:
    """A ledger, opened as it is: nothing is brought up to date unless it is asked for."""

    newest = NEWEST
    """The revision that this connector works with."""

    def __init__(self, url: str, clock: Clock) -> None:
        self._clock = clock
        self._database = Database(url, migrate=False)
        parts = self._database.engine.url
        self.name = parts.database if parts.get_backend_name() == "sqlite" else f"{parts.host or ''}/{parts.database}"
        """What to call it: its file, or server and database."""

    def revision(self) -> str | None:
        """The revision of its tables; None where there are none yet."""
        return self._database.revision()

    def migrate(self) -> str | None:
        """Bring its tables up to date, and give the revision they had."""
        return self._database.migrate()

    def problems(self) -> list[Problem]:
        """List what is wrong with it, each with a cure."""
        return problems_of(self._database)

    def backup(self, file: Path, force: bool = False) -> None:
        """Write all of it into a SQLite file."""
        if file.exists() and not force:
            raise MendError("the file exists", at=str(file), hint="name another, or add --force to replace it")
        if self.revision() != NEWEST:
            raise MendError("the ledger is not up to date", hint="`connector ledger migrate` first")
        back_up(self._database, file)

    def restore(self, file: Path, by: str) -> None:
        """Replace all of it by a backup."""
        restore(self._database, file, self._clock.now(), by)

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()

    def __enter__(self) -> LedgerCare:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
