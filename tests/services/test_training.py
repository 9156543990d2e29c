"""What is learnt from history is kept whole, by its hash, and watched on outcomes."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from connector.compute.propensity_pairs import Pairs
from connector.domain.errors import SourceDataError
from connector.domain.outcome import Labels
from connector.domain.propensity import Evidence, Learnt
from connector.services.learnt import FILE, keep_beside, load_learnt, runnable, save_learnt
from connector.services.reasons import cited, ruled
from connector.services.training import cohort, cohorts, learn
from tests.compute.propensity_world import world

DAYS = (20_000, 20_030, 20_100, 20_130, 20_160)
TODAY = date(2026, 10, 1)


@pytest.fixture(scope="module")
def learnt() -> Learnt:
    return learn(world(400, 3, days=DAYS, prior="shuffled"), TODAY, {"segment": "as it is now"}, ("rule",))


def test_a_card_is_learnt_and_used_while_it_holds(learnt: Learnt) -> None:
    """In a world that stays the same the cohorts come out as foretold, and the card has evidence."""
    assert learnt.card.evidence is Evidence.MODEL
    assert learnt.watched
    assert not learnt.is_adrift
    assert learnt.in_use is learnt.card


def test_open_outcomes_teach_nothing(learnt: Learnt) -> None:
    """A row whose horizon is not over changes no byte of the card."""
    pairs = world(400, 3, days=DAYS, prior="shuffled")
    late = replace(pairs, adopted=np.where(pairs.day == DAYS[-1], -1, pairs.adopted).astype(np.int8))
    changed = replace(pairs, adopted=np.where(pairs.day == DAYS[-1], 1, pairs.adopted).astype(np.int8))
    again = replace(changed, adopted=np.where(pairs.day == DAYS[-1], -1, changed.adopted).astype(np.int8))

    assert learn(late, TODAY, {}, ()).hash == learn(again, TODAY, {}, ()).hash
    assert learn(late, TODAY, {}, ()).hash != learnt.hash


def test_two_months_out_of_band_leave_the_scorecard_alone() -> None:
    """Where far fewer adopt than before, two months in a row, no card is in use."""
    pairs = world(400, 3, days=DAYS, prior="shuffled")
    rng = np.random.default_rng(1)
    fewer = (pairs.day >= DAYS[-2]) & (rng.random(len(pairs)) < 0.7)
    fallen = learn(replace(pairs, adopted=np.where(fewer, 0, pairs.adopted).astype(np.int8)), TODAY, {}, ())

    assert [one.side for one in fallen.watched][-2:] == [-1, -1]
    assert fallen.is_adrift
    assert fallen.in_use is None


def test_one_month_or_months_on_either_side_are_chance() -> None:
    """Only two in a row on the same side tell of a drift."""
    p, none, all_ = np.full(400, 0.5), np.zeros(400, np.int8), np.ones(400, np.int8)
    low, high, right = cohort(1, p, none), cohort(2, p, all_), cohort(3, p, np.resize([0, 1], 400).astype(np.int8))
    card = learn(world(60, 2, days=DAYS, base=-6.0), TODAY, {}, ()).card

    def adrift(*some: object) -> bool:
        return Learnt(card, "", "", {}, (), some).is_adrift  # type: ignore[arg-type]

    assert [one.side for one in (low, high, right)] == [-1, 1, 0]
    assert adrift(right, low, low)
    assert not adrift(low)
    assert not adrift(low, high)
    assert not adrift(low, low, right)


def test_noise_is_not_watched_and_not_used() -> None:
    """Without evidence there is nothing to be wrong about."""
    noise = learn(world(400, 3, days=DAYS, strength=0.0, prior="shuffled"), TODAY, {}, ())

    assert noise.card.evidence is not Evidence.MODEL
    assert noise.watched == ()
    assert noise.in_use is None


def test_a_month_is_judged_by_what_was_known_when_it_began() -> None:
    """The last month's outcomes do not change what was foretold of it."""
    pairs = world(400, 3, days=DAYS, prior="shuffled")
    other = replace(pairs, adopted=np.where(pairs.day == DAYS[-1], 1 - pairs.adopted, pairs.adopted).astype(np.int8))

    foretold, again = ([one.predicted for one in cohorts(some)] for some in (pairs, other))
    assert foretold == again


def test_months_are_watched_by_outcomes_known_when_they_began() -> None:
    """A proposal undone in the last month changes no model of a month before; the card's own labels tell of it."""
    pairs = world(400, 3, days=DAYS, prior="shuffled")
    seen: list[tuple[int, int]] = []

    def relabel(some: Pairs, until: int) -> tuple[Pairs, Labels]:
        seen.append((int(some.day.max()), until))
        return some, Labels(len(some))

    learnt = learn(pairs, TODAY, {}, (), relabel=relabel)

    today = (TODAY - date(1970, 1, 1)).days
    assert learnt.labels == Labels(len(pairs))
    assert seen[0] == (DAYS[-1], today)
    for day, until in seen[1:]:
        assert until == today or day + 90 <= until + 1  # truth of a month that is judged, or a model before it
    assert sorted({until for _, until in seen}) == [*(day - 1 for day in DAYS[-3:]), today]


def test_a_card_from_before_labels_were_told_is_read(learnt: Learnt, tmp_path: Path) -> None:
    """It says nothing of where its labels come from, and works as it did."""
    save_learnt(tmp_path, learnt)
    told = json.loads((tmp_path / FILE).read_text("utf-8"))
    del told["labels"]
    (tmp_path / FILE).write_text(json.dumps(told), encoding="utf-8")

    assert load_learnt(tmp_path / FILE) == replace(learnt, labels=None)


def test_it_comes_back_as_it_was_put(learnt: Learnt, tmp_path: Path) -> None:
    """A card is read back equal; none is none."""
    assert load_learnt(tmp_path / FILE) is None
    save_learnt(tmp_path, learnt)

    assert load_learnt(tmp_path / FILE) == learnt
    assert [file.name for file in tmp_path.iterdir()] == [FILE]


def test_an_altered_card_is_refused(learnt: Learnt, tmp_path: Path) -> None:
    """A figure that somebody changed is noticed by the hash."""
    save_learnt(tmp_path, learnt)
    told = json.loads((tmp_path / FILE).read_text("utf-8"))
    told["card"]["base"] += 1
    (tmp_path / FILE).write_text(json.dumps(told), encoding="utf-8")

    with pytest.raises(SourceDataError, match="altered"):
        load_learnt(tmp_path / FILE)


def test_a_run_keeps_the_card_that_it_worked_with(learnt: Learnt, tmp_path: Path) -> None:
    """Learning again changes nothing of what a run kept."""
    (run := tmp_path / "run").mkdir()
    save_learnt(tmp_path, learnt)
    keep_beside(tmp_path, run, learnt)
    save_learnt(tmp_path, replace(learnt, learnt_on="2026-11-01"))

    assert load_learnt(run / FILE) == learnt


def test_a_card_without_trees_runs_anywhere(learnt: Learnt, monkeypatch: pytest.MonkeyPatch) -> None:
    """LightGBM is not even looked for."""
    monkeypatch.setitem(sys.modules, "lightgbm", None)

    assert runnable(learnt) is learnt


def test_a_models_reasons_stand_beside_the_rules() -> None:
    """The strongest of both are cited, none that weighs too little; a customer is told none of them."""
    from connector.domain.intent import Contribution
    from connector.domain.signal import Signals

    told = [Contribution("learnt.seats", 0.9, {"en": "seats"}), Contribution("learnt.nps", 0.05, {"en": "nps"})]
    told += [Contribution("bounds", 0.4, {"en": "kept"}), Contribution("learnt.plan", -0.3, {"en": "plan"})]

    assert cited(told, Signals(rules={})) == ([{"en": "seats"}, {"en": "kept"}], [{"en": "plan"}])
    assert [one.name for one in ruled(told)] == ["bounds"]
