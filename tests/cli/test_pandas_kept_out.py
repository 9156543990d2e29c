"""Pandas stays outside a process that does not need it."""

from __future__ import annotations

import sys

import pytest

from connector.cli import main

ELSEWHERE = "postgresql://usage.example.com/facts"


@pytest.mark.parametrize(("url", "is_kept_out"), [(None, True), (ELSEWHERE, False)])
def test_pandas_is_let_in_where_usage_lies_in_another_engine(
    url: str | None, is_kept_out: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ibis needs it for every engine but DuckDB, so it is refused only where usage is ours."""
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])
    monkeypatch.setattr(sys, "argv", ["connector", "--version"])
    monkeypatch.delenv("CONNECTOR_USAGE_URL", raising=False)
    if url is not None:
        monkeypatch.setenv("CONNECTOR_USAGE_URL", url)

    with pytest.raises(SystemExit):
        main()

    assert any(getattr(finder, "__name__", "") == "_NoPandas" for finder in sys.meta_path) is is_kept_out
