"""MRR summed from item versions, and tied to what a source says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import ibis
import pytest

from connector.compute.mrr import ROUNDING, UNEXPLAINED, ours, tie
from connector.compute.tables import TABLES
from connector.ports.billing import RawMrr

AS_OF = datetime(2026, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)


class Books:
    """A warehouse of fixed rows."""

    def __init__(self, accounts: Sequence[Mapping[str, Any]], versions: Sequence[Mapping[str, Any]]) -> None:
        self._rows = {"accounts": accounts, "subscription_item_versions": versions}

    def tables(self) -> Mapping[str, Any]:
        return {
            name: ibis.memtable(
                [{**dict.fromkeys(TABLES[name]), **row} for row in rows], schema=ibis.schema(TABLES[name])
            )
            for name, rows in self._rows.items()
        }

    def execute(self, expression: Any) -> Any:
        return ibis.duckdb.connect().to_pyarrow(expression)

    def raw(self, source: str) -> None:
        return None

    def counts(self) -> tuple[Mapping[str, int], Mapping[str, int]]:
        return {}, {}


class Said:
    """A source that says what its raw rows come to."""

    name = "fake"

    def __init__(self, total: Mapping[str, int], left_out: Mapping[str, Mapping[str, int]] | None = None) -> None:
        self._said = RawMrr(total, left_out or {})

    def recurring(self, raw: object, as_of: datetime) -> RawMrr:
        return self._said


def account(id: str, **more: Any) -> dict[str, Any]:
    return {"account_id": id, "source": "fake", "is_test": False, "deleted": False, "known_at": AS_OF, **more}


def version(account: str, mrr: int, **more: Any) -> dict[str, Any]:
    return {
        "item_id": f"i-{account}-{mrr}",
        "source": "fake",
        "subscription_id": "s",
        "account_id": account,
        "offer_id": "pro",
        "status": "active",
        "currency": "EUR",
        "mrr_minor": mrr,
        "list_mrr_minor": mrr,
        "valid_from": AS_OF - 30 * DAY,
        "known_at": AS_OF - 30 * DAY,
        **more,
    }


@pytest.fixture
def books() -> Books:
    return Books(
        [account("a"), account("t", is_test=True), account("d", deleted=True)],
        [
            version("a", 100),
            version("a", 40, offer_id=None),
            version("a", 7, currency="USD"),
            version("a", 900, valid_to=AS_OF),
            version("a", 800, valid_from=AS_OF + DAY),
            version("t", 30),
            version("d", 20),
        ],
    )


def test_what_is_valid_counts_per_currency(books: Books) -> None:
    """Versions count from their start up to, not including, their end; test and deleted accounts never do."""
    found = {row["currency"]: row for row in books.execute(ours(books.tables(), AS_OF)).to_pylist()}

    assert {currency: row["mrr_minor"] for currency, row in found.items()} == {"EUR": 140, "USD": 7}
    assert found["EUR"]["unmapped_minor"] == 40


def test_the_past_has_its_own_mrr(books: Books) -> None:
    """Asked for an earlier day, the versions of that day count."""
    found = {row["currency"]: row["mrr_minor"] for row in books.execute(ours(books.tables(), AS_OF - DAY)).to_pylist()}

    assert found == {"EUR": 1040, "USD": 7}


def test_every_difference_has_its_reason(books: Books) -> None:
    """What the source leaves out by reason explains the difference."""
    said = Said({"EUR": 190, "USD": 7}, {"test_accounts": {"EUR": 30}, "orphan_subscription": {"EUR": 20}})

    tied = tie(books, [said], AS_OF)

    assert tied.difference == {"EUR": 50}
    assert tied.why == {"test_accounts": {"EUR": 30}, "orphan_subscription": {"EUR": 20}}
    assert tied.ties


@pytest.mark.parametrize(("told", "reason", "ties"), [(141, ROUNDING, True), (160, UNEXPLAINED, False)])
def test_only_a_small_rest_is_rounding(books: Books, told: int, reason: str, ties: bool) -> None:
    """A rest within half a minor unit per item is rounding; more is unexplained, and does not tie."""
    tied = tie(books, [Said({"EUR": told, "USD": 7})], AS_OF)

    assert tied.why == {reason: {"EUR": told - 140}}
    assert tied.ties is ties
