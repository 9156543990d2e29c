"""File sets of two accounts with their subscriptions and usage, as the tests of the files source use them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from connector.adapters.sources.files import FilesSource
from connector.domain.billing import FileSet, FilesMapping

Write = Callable[..., Path]
ACCOUNTS = FileSet(
    files=["accounts.csv"], columns={"account_id": "id", "name": "name", "email": "email", "currency": "currency"}
)
SUBSCRIPTIONS = FileSet(
    files=["subscriptions.csv"],
    currency="EUR",
    columns={
        "subscription_id": "id",
        "account_id": "account",
        "quantity": "seats",
        "mrr": "mrr",
        "started_at": "start",
        "ended_at": "end",
    },
)
USAGE = FileSet(
    files=["usage*.csv"], columns={"account_id": "account", "day": "day", "metric": "metric", "value": "value"}
)


def source(folder: Path, **streams: FileSet) -> FilesSource:
    return FilesSource(FilesMapping(**{name: [files] for name, files in streams.items()}), folder)


def two_accounts(write: Write) -> None:
    write("accounts.csv", "id,name,email,currency", "a1,Alpha,ap@www.alpha.example,eur", "a2,Beta,b@gmail.com,EUR")
