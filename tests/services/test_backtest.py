"""A backtest judges months by models of earlier ones, beside what needs none, and says when it cannot."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from connector.compute.propensity_card import card_text
from connector.compute.propensity_fit import fit
from connector.compute.propensity_pairs import Pairs
from connector.compute.propensity_ridge import Penalties
from connector.domain.outcome import Labels
from connector.domain.propensity import Card
from connector.services import backtest
from connector.services.backtest import TOO_FEW, Ask, _first, _scored, judged
from connector.services.backtest_page import page
from tests.compute.propensity_world import limits, world

DAYS = (20_000, 20_030, 20_100, 20_130)


def told_of(pairs: Pairs, top: int = 40) -> dict[str, object]:
    return judged(pairs, np.ones(len(pairs)), Ask(4, top))


def test_months_are_judged_by_models_of_closed_outcomes() -> None:
    """The first months have no model and are the scorecard's; later ones are ranked far above popularity."""
    told = told_of(world(400, 3, days=DAYS, prior="shuffled"))

    windows = told["windows"]
    assert [one["evidence"] for one in windows] == ["prior only", "prior only", "model", "model"]
    assert windows[0]["rankers"]["model"] == windows[0]["rankers"]["scorecard"]
    together = told["together"]
    assert together["model"]["precision"] > 1.5 * together["popularity"]["precision"]
    assert together["model"]["precision"] > 1.5 * together["scorecard"]["precision"]
    assert together["model"]["precision_low"] < together["model"]["precision"] < together["model"]["precision_high"]
    assert "last model" in windows[3]["rankers"]


def test_a_past_month_knows_only_what_had_ended_by_then() -> None:
    """Models are asked about outcomes until the day before their month, truth until the last day."""
    pairs, seen = world(400, 3, days=DAYS, prior="shuffled"), list[tuple[int, int]]()

    def relabel(some: Pairs, until: int) -> tuple[Pairs, Labels]:
        seen.append((len(some), until))
        return some, Labels(len(some))

    told = judged(pairs, np.ones(len(pairs)), Ask(4, 40), relabel, 30_000)

    assert seen[0] == (len(pairs), 30_000)
    assert [until for _, until in seen[1:]] == [day - 1 for day in DAYS]
    assert told == judged(pairs, np.ones(len(pairs)), Ask(4, 40))


def test_penalties_are_an_earlier_months_until_there_is_four_times_the_history(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are chosen on one month and on four, of some accounts; models of two and three have those of the first."""
    chosen, used = list[tuple[int, int]](), list[tuple[int, float]]()

    def choose(pairs: Pairs) -> Penalties:
        chosen.append((len(np.unique(pairs.day)), len(pairs)))
        return Penalties(10 * len(chosen))

    def noted(pairs: Pairs, horizon: int, penalties: Penalties) -> Card:
        used.append((len(np.unique(pairs.day)), penalties.shared))
        return fit(pairs, horizon, penalties=penalties)

    monkeypatch.setattr(backtest, "choose_penalties", choose)
    monkeypatch.setattr(backtest, "fit", noted)
    monkeypatch.setattr(backtest, "CHOSEN_ON", 300)
    told_of(world(120, 3, days=(20_000, 20_100, 20_200, 20_300, 20_400)))

    assert [months for months, _ in chosen] == [1, 4]
    assert chosen[0][1] > 250
    assert 200 < chosen[1][1] < 400
    assert used == [(1, 10), (2, 10), (3, 10), (4, 20)]


def test_every_months_model_knows_what_rules_point_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """Penalties of what rules read are chosen, kept for later months, and fitted with."""
    used = list[tuple[float | None, dict[str, float]]]()

    def noted(pairs: Pairs, horizon: int, penalties: Penalties) -> Card:
        card = fit(pairs, horizon, penalties=penalties)
        used.append((penalties.pointed, dict(card.settings)))
        assert card_text(fit(replace(pairs, pointed={}), horizon, penalties=penalties)) != card_text(card)
        return card

    monkeypatch.setattr(backtest, "fit", noted)
    told_of(limits(300, days=(20_000, 20_100, 20_200)))

    assert len(used) == 2
    assert all(pointed is not None and "pointed" in settings for pointed, settings in used)


def test_it_tells_which_month_is_judged() -> None:
    """Each month is told before its model is learnt."""
    heard = list[str]()
    pairs = world(60, 2, days=DAYS)

    judged(pairs, np.ones(len(pairs)), Ask(4, 40), tell=lambda what, _count: heard.append(what))

    assert heard == [f"judging {day}" for day in ("2024-10-04", "2024-11-03", "2025-01-12", "2025-02-11")]


def test_rows_scored_in_pieces_have_the_same_probability(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many are scored at once, every row has its own."""
    pairs = world(200, 3, prior="good")
    card, prior = fit(pairs), np.full(len(pairs), 0.02)
    whole = _scored(card, pairs, prior)

    monkeypatch.setattr(backtest, "AT_ONCE", 70)

    assert len(set(whole.tolist())) > 300
    assert np.abs(_scored(card, pairs, prior) - whole).max() < 1e-9


def test_of_many_rows_some_accounts_are_learnt_from(monkeypatch: pytest.MonkeyPatch) -> None:
    """All rows of an account are learnt from or none, with the labels that were known."""
    learnt = list[Pairs]()

    def noted(pairs: Pairs, horizon: int, penalties: Penalties | None) -> Card:
        learnt.append(pairs)
        return fit(pairs, horizon, penalties=penalties)

    pairs = world(400, 3, days=DAYS)
    monkeypatch.setattr(backtest, "fit", noted)
    monkeypatch.setattr(backtest, "LEARNT_FROM", 600)
    told_of(pairs)

    assert [len(np.unique(one.day)) for one in learnt] == [1, 2]
    for days, one in enumerate(learnt, 1):
        assert set(np.bincount(one.account)) == {0, 3 * days}
        assert 300 < len(one) < 900
        kept = np.isin(pairs.account, one.account) & np.isin(pairs.day, one.day)
        assert one.adopted.tolist() == pairs.adopted[kept].tolist()
        assert one.columns[1].values.tolist() == pairs.columns[1].values[kept].tolist()


def test_under_thirty_adoptions_nothing_is_judged() -> None:
    """A month with few adoptions is told, and no figure of it."""
    told = told_of(world(60, 2, days=DAYS, base=-4.0))

    assert {one["verdict"] for one in told["windows"]} == {TOO_FEW}
    assert not any("rankers" in one for one in told["windows"])
    assert told["verdict"].startswith(TOO_FEW)
    assert TOO_FEW in page(told | {"as_of": "2026-10-01", "months": 4, "top": 40, "horizon_days": 90, "share": 1.0})


def test_noise_stays_on_the_scorecard() -> None:
    """Where outcomes follow from nothing, the model's months are the scorecard's."""
    told = told_of(world(400, 3, days=DAYS, strength=0.0, prior="shuffled"))

    last = told["windows"][-1]
    assert last["evidence"] == "no evidence"
    assert last["rankers"]["model"] == last["rankers"]["scorecard"]


def test_a_tie_at_the_edge_is_shared() -> None:
    """Of five equal rows for two places each takes two fifths."""
    assert _first(np.array([0.9, 0.1, 0.1, 0.1, 0.1, 0.1]), 3).tolist() == [1.0, 0.4, 0.4, 0.4, 0.4, 0.4]


def test_the_page_asks_no_server_for_anything() -> None:
    """Pictures and figures are inline."""
    told = told_of(world(400, 3, days=DAYS, prior="good"))

    text = page(told | {"as_of": "2026-10-01", "months": 4, "top": 40, "horizon_days": 90, "share": 1.0})

    assert text.count("<svg") == 2
    assert "of the customers" not in text
    part = page(told | {"as_of": "2026-10-01", "months": 4, "top": 40, "horizon_days": 90, "share": 0.1})
    assert "Measured on 10% of the customers, with as much of the places." in part
    assert "http" not in text
    assert "<script" not in text
