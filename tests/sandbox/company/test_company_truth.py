"""The truth is calibrated to what happened, and stays where it belongs."""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from connector.sandbox.company import (
    Company,
    hubspot_rows,
    salesforce_rows,
    truth_table,
    write_files,
)

HIDDEN = ("p_adopt", "adopted_90d", "champion_strength", "competitor", "budget_open", "unhealthy", "hazard")


@pytest.mark.parametrize(("low", "high"), [(0.0, 0.01), (0.01, 0.03), (0.03, 0.1), (0.1, 0.3), (0.3, 1.0)])
def test_adoption_is_calibrated(company: Company, low: float, high: float) -> None:
    """Among rows of like probability, as many bought within 90 days as the truth says, within sampling error."""
    rows = [row for row in company.truth if low <= row.p_adopt_90d < high]
    said = np.array([row.p_adopt_90d for row in rows])
    happened = np.mean([row.adopted_90d for row in rows])

    # consecutive months share days of their windows, so that about every third row is independent
    error = np.sqrt(np.mean(said * (1 - said)) / (len(rows) / 3))
    assert len(rows) > 300
    assert abs(happened - said.mean()) < 3.5 * error


def test_each_offer_has_a_history_to_learn_from(company: Company) -> None:
    """Every offer was bought several times; all together often enough for a pooled model."""
    bought = Counter((row.account, row.offer, row.adopted_on) for row in company.truth if row.adopted_90d)
    by_offer = Counter(offer for _, offer, _ in bought)

    assert min(by_offer.values()) >= 8
    assert 300 <= sum(by_offer.values()) <= 1200
    assert len(by_offer) == 11


def test_outcomes_after_the_cut_are_marked(company: Company) -> None:
    """Rows whose window was not over at the cut say so; some of them were bought after it."""
    table = truth_table(company).to_pylist()
    open_rows = [row for row in table if not row["window_closed"]]

    assert {row["month"].month for row in open_rows} == {8, 9}
    assert any(row["adopted_on"] and row["adopted_on"] > company.as_of for row in open_rows)


def test_hidden_drivers_matter(company: Company) -> None:
    """At like need, a strong champion multiplies the chance to buy: rules that see need alone cannot be perfect."""
    needy = [row for row in company.truth if 0.6 < row.need < 0.9]
    strong = np.mean([row.p_adopt_90d for row in needy if row.champion > 0.8])
    weak = np.mean([row.p_adopt_90d for row in needy if row.champion < -0.8])

    assert strong > 2 * weak


def test_no_truth_leaves_with_the_rest(
    company: Company, stripe_objects: dict[str, list[dict[str, Any]]], tmp_path: Path
) -> None:
    """Neither stand-in rows nor files carry a hidden driver, a need or a probability, nor any day after the cut."""
    files = write_files(company, tmp_path)
    usage, events = pq.read_table(files["usage"]), files["events"].read_text(encoding="utf-8")
    exported = [json.dumps(rows) for rows in (stripe_objects, salesforce_rows(company), hubspot_rows(company))]
    exported += [events, " ".join(sorted(set(usage["metric"].to_pylist())))]

    assert usage.column_names == ["account_id", "day", "metric", "value"]
    for text in exported:
        assert not [word for word in HIDDEN if word in text]
    probabilities = {f"{row.p_adopt_90d:.9f}"[2:] for row in company.truth}
    digits = {word for text in exported for word in text.replace('"', " ").replace(",", " ").split() if "." in word}
    assert not {word.split(".", 1)[1] for word in digits} & probabilities


def test_future_purchases_are_not_billed(company: Company) -> None:
    """No item version begins or ends after the cut."""
    versions = [version for one in company.subscriptions for version in one.versions]

    assert all(version.start <= company.as_of for version in versions)
    assert all(version.end is None or version.end <= company.as_of for version in versions)


def test_events_file_reads_back(company: Company, tmp_path: Path) -> None:
    """The events file has a row for every event, accents intact."""
    path = write_files(company, tmp_path)["events"]
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))

    assert len(rows) == len(company.events)
    assert [row["detail"] for row in rows] == [event.detail for event in company.events]
