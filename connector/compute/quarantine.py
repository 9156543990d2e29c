"""A few rows of each reason for which rows are set aside: enough to see what to mend."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def examples(tables: Mapping[str, Any], each: int) -> Any:
    """Expression: the first rows of each reason, with their place and what is wrong with them."""
    import ibis
    from ibis import _

    first = ibis.window(group_by="reason", order_by=["stream", "row"])
    numbered = tables["quarantine"].mutate(place=ibis.row_number().over(first))
    return numbered.filter(_.place < each).order_by("reason", "place").select("reason", "row", "detail")
