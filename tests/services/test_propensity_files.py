"""`connector propensity` reads what people have, and tells every mistake with its place and its cure."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

from connector.cli.app import app
from connector.cli.boundary import guarded
from connector.compute.propensity_pairs import Pairs
from connector.domain.errors import SourceDataError
from connector.services.propensity import fit_file, predict_file
from tests.compute.propensity_world import world

Written = tuple[Path, Path]


def write(folder: Path, pairs: Pairs) -> Written:
    """Write pairs and holdings as CSV files."""
    file, held = folder / "pairs.csv", folder / "held.csv"
    names = [column.name for column in pairs.columns]
    dates = np.array(pairs.day, "datetime64[D]").astype(str)
    with file.open("w", newline="") as out:
        to = csv.writer(out)
        to.writerow(["account_id", "offer_id", "adopted", *(["as_of"] if pairs.is_dated else []), *names])
        for at in range(len(pairs)):
            cells = [
                column.levels[column.values[at]] if column.kind == "category" else column.values[at]
                for column in pairs.columns
            ]
            shown = ["" if isinstance(cell, float | np.floating) and np.isnan(cell) else cell for cell in cells]
            when = [dates[at]] if pairs.is_dated else []
            to.writerow(
                [pairs.accounts[pairs.account[at]], pairs.offers[pairs.offer[at]], pairs.adopted[at], *when, *shown]
            )
    with held.open("w", newline="") as out:
        to = csv.writer(out)
        to.writerow(["account_id", "offer_id"])
        owners = {int(entity): int(account) for entity, account in zip(pairs.entity, pairs.account, strict=True)}
        to.writerows((pairs.accounts[owners[at]], pairs.holdings[what]) for at, what in np.argwhere(pairs.holds))
    return file, held


@pytest.fixture
def written(tmp_path: Path) -> Written:
    return write(tmp_path, world(150, 3))


@pytest.fixture
def connector(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Run `connector propensity` with some words."""

    def run(*words: str) -> int:
        monkeypatch.setattr("sys.argv", ["connector", "propensity", *words])
        return guarded(app)

    return run


def lines(path: Path, *rows: str) -> Path:
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def test_fit_and_predict_from_the_command_line(
    written: Written, tmp_path: Path, capsys: pytest.CaptureFixture[str], connector: Callable[..., int]
) -> None:
    """`fit --json` prints what it found; `predict` writes each row with reasons that add up to its log-odds."""
    pairs, held = written
    card, out = tmp_path / "card.json", tmp_path / "scores.parquet"
    files = [str(pairs), "--holdings", str(held)]

    fitted = connector("fit", *files, "--out", str(card), "--json")
    told = json.loads(capsys.readouterr().out)
    scored = connector("predict", *files, "--card", str(card), "--out", str(out))

    assert (fitted, scored) == (0, 0)
    assert {"rows", "positives", "offers", "auc", "log_loss", "ece", "evidence", "weight", "warnings"} <= told.keys()
    assert (told["rows"], told["offers"], told["evidence"]) == (450, 3, "model")
    rows = pq.read_table(out).to_pylist()
    assert list(rows[0]) == ["account_id", "offer_id", "as_of", "p", "logit", "low", "high", "base", "reasons"]
    assert [row["account_id"] for row in rows] == [row["account_id"] for row in pacsv.read_csv(pairs).to_pylist()]
    for row in rows:
        reasons = json.loads(row["reasons"])
        assert {"size", "use", "kind", "noise", "offer", "holdings"} <= {one["feature"] for one in reasons}
        assert row["base"] + sum(one["term"] for one in reasons) == pytest.approx(row["logit"], abs=1e-9)
        assert row["p"] == pytest.approx(1 / (1 + np.exp(-row["logit"])), abs=1e-12)


def test_csv_and_parquet_give_the_same_card(written: Written, tmp_path: Path) -> None:
    """The format of a file changes nothing, nor does fitting again: the cards are the same, byte for byte."""
    pairs, held = written
    pq.write_table(pacsv.read_csv(pairs), tmp_path / "pairs.parquet")
    cards = [tmp_path / f"{number}.json" for number in range(3)]

    fit_file(pairs, held, cards[0])
    fit_file(pairs, held, cards[1])
    fit_file(tmp_path / "pairs.parquet", held, cards[2])

    assert cards[0].read_bytes() == cards[1].read_bytes() == cards[2].read_bytes()


def test_unknown_outcomes_are_scored_and_not_learnt_from(tmp_path: Path) -> None:
    """A row with an empty `adopted` gets a score and leaves the card as it is without the row."""
    pairs = write(tmp_path, world(150, 3))[0]
    rows = pairs.read_text().splitlines()
    known, card, all_of = tmp_path / "known.csv", tmp_path / "card.json", tmp_path / "all.json"
    lines(known, *rows[:400])
    unknown = [",".join([*row.split(",")[:2], "", *row.split(",")[3:]]) for row in rows[400:]]
    both = lines(tmp_path / "both.csv", *rows[:400], *unknown)

    fit_file(known, None, card)
    fit_file(both, None, all_of)
    predict_file(both, None, all_of, tmp_path / "scores.parquet")

    assert json.loads(card.read_text())["offers"] == json.loads(all_of.read_text())["offers"]
    assert pq.read_metadata(tmp_path / "scores.parquet").num_rows == 450


Spoil = Callable[[list[str]], Iterable[str]]
MISTAKES: dict[str, tuple[Spoil, str, str]] = {
    "label": (
        lambda rows: [rows[0], rows[1].replace(",0,", ",2,").replace(",1,", ",2,", 1), *rows[2:]],
        "pairs.csv:2",
        "1: adopted, 0: not",
    ),
    "twice": (lambda rows: [*rows, rows[3]], "pairs.csv:452", "first in .*pairs.csv:4"),
    "no column": (
        lambda rows: [row.replace("adopted", "bought") for row in rows],
        "pairs.csv:1",
        "'adopted' is missing",
    ),
    "no account": (
        lambda rows: [*rows[:5], rows[5][rows[5].index(",") :], *rows[6:]],
        "pairs.csv:6",
        "account_id is empty",
    ),
    "no rows": (lambda rows: rows[:1], "pairs.csv", "no rows"),
    "too many": (
        lambda rows: [*rows[:3], rows[3] + ",1", *rows[4:]],
        "pairs.csv:4",
        "8 values, where the header names 7",
    ),
    "prior": (lambda rows: [rows[0] + ",prior", *(row + ",1.5" for row in rows[1:])], "pairs.csv:2", "between 0 and 1"),
    "as_of": (
        lambda rows: [rows[0] + ",as_of", *(row + ",30/09/2026" for row in rows[1:])],
        "pairs.csv:2",
        "a date like 2026",
    ),
    "later": (
        lambda rows: [rows[0] + ",as_of,paid_on", *(row + ",2026-01-31,2026-02-01" for row in rows[1:])],
        "pairs.csv:2",
        "known only after the event",
    ),
    "after": (
        lambda rows: [rows[0] + ",talk", *(row + ("," if row.split(",")[2] == "0" else ",5") for row in rows[1:])],
        "pairs.csv:1",
        "filled for every adopter",
    ),
    "column twice": (lambda rows: [rows[0].replace("use", "size"), *rows[1:]], "pairs.csv:1", "there twice"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_in_pairs_names_its_place_and_its_cure(name: str, written: Written) -> None:
    """Every bad file is refused with file:line and what to do, and leaves no card."""
    pairs, held = written
    spoil, at, said = MISTAKES[name]
    lines(pairs, *spoil(pairs.read_text().splitlines()))

    with pytest.raises(SourceDataError, match=said) as caught:
        fit_file(pairs, held, pairs.with_name("card.json"))

    assert str(caught.value.problem.at).endswith(at)
    assert caught.value.problem.hint
    assert not pairs.with_name("card.json").exists()


def test_holdings_without_dates_beside_several_days_are_a_leak(tmp_path: Path) -> None:
    """What was bought later would seem known before: refused, and the cure is `since`."""
    pairs, held = write(tmp_path, world(100, 2, days=(20_000, 20_120)))
    dated = lines(
        tmp_path / "dated.csv",
        *(
            row + end
            for row, end in zip(held.read_text().splitlines(), [",since", *[",2024-01-01"] * 999], strict=False)
        ),
    )

    with pytest.raises(SourceDataError, match="a leak") as caught:
        fit_file(pairs, held, tmp_path / "card.json")

    assert "since" in str(caught.value.problem.hint)
    assert fit_file(pairs, dated, tmp_path / "card.json").card.holdings


def test_predict_refuses_what_the_card_does_not_know(written: Written, tmp_path: Path) -> None:
    """An offer that the card never saw, a missing feature, and a number that is none: each at its place."""
    pairs, held = written
    card, out = tmp_path / "card.json", tmp_path / "scores.parquet"
    fit_file(pairs, held, card)
    rows = pairs.read_text().splitlines()
    bad = {
        "no offer 'offer_9'": ([*rows[:2], rows[2].replace("offer_1", "offer_9"), *rows[3:]], ":3"),
        "column 'use' is missing": ([rows[0].replace("use", "used"), *rows[1:]], ":1"),
        "holds numbers, not 'much'": (
            [rows[0], ",".join([*rows[1].split(",")[:3], "much", *rows[1].split(",")[4:]]), *rows[2:]],
            ":2",
        ),
        "there twice": ([*rows, rows[7]], ":452"),
    }

    for said, (changed, at) in bad.items():
        with pytest.raises(SourceDataError, match=said) as caught:
            predict_file(lines(tmp_path / "bad.csv", *changed), held, card, out)
        assert str(caught.value.problem.at).endswith(f"bad.csv{at}")
        assert not out.exists()
    with pytest.raises(SourceDataError, match="no such card"):
        predict_file(pairs, held, tmp_path / "none.json", out)
