"""Sets trees against the regression, window by window, and takes them only where they win beyond chance.

Both are fitted on what was known before a window and judged on its outcomes: log loss, its difference resampled by
account. Trees are promoted when they win at least two of the last three windows, the whole 95 % interval of the
difference on their side. Then they stand in the regression's place: the same weighing against the scorecard, the same
calibration. The regression stays in the card beside them, for a machine that cannot run trees.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

import numpy as np

from connector.compute.propensity_blend import bent
from connector.compute.propensity_design import Design
from connector.compute.propensity_fit import Contest, Unseen, joined
from connector.compute.propensity_pairs import Bools, Floats, Pairs, Singles, Whole
from connector.compute.propensity_splits import Split
from connector.compute.propensity_trees import grow, learner, logits, monotone
from connector.domain.errors import MendError
from connector.domain.propensity import Card, Challenger, Evidence, InUse, Window

LEAST_ADOPTIONS = 300
LAST, LEAST_WON = 3, 2
RESAMPLED, CHUNK = 500, 50
SCORE_BINS = 10


def challenge(contest: Contest) -> Card:
    """Give the card with what the contest came to; trees are in it where they won."""
    pairs, splits = contest.pairs, [one for one in contest.splits.splits if _is_forward(contest.pairs, one)]
    adoptions = int(pairs.adopted.sum())
    if adoptions < LEAST_ADOPTIONS:
        return _kept(contest.card, f"{adoptions:,} adoptions are fewer than {LEAST_ADOPTIONS}")
    if len(splits) < LEAST_WON:
        return _kept(contest.card, "rows of too few days: nothing to judge it by forward in time")
    try:
        learner()
    except MendError as error:
        return _kept(contest.card, f"{error.problem.message}: {error.problem.hint}")
    signs = monotone(contest.card.features, contest.design.blocks[0].x.shape[1])
    told = np.full(len(pairs), np.nan)
    for split in splits:
        told[split.test] = _judge(pairs, contest.design, split, signs, contest.card.seed)
    windows = tuple(_window(contest, told, split.test) for split in splits[-LAST:])
    won = sum(one.low > 0 for one in windows)
    if won < LEAST_WON:
        return _kept(contest.card, f"won {won} of the last {len(windows)} windows beyond chance", windows)
    return _promoted(contest, told, signs, windows, won)


def _kept(card: Card, why: str, windows: tuple[Window, ...] = ()) -> Card:
    return replace(card, challenger=Challenger(False, why, windows))


def _is_forward(pairs: Pairs, split: Split) -> bool:
    """Say whether everything that is judged came after everything that was learnt from."""
    return bool(pairs.day[split.train].max() < pairs.day[split.test].min())


def _judge(pairs: Pairs, design: Design, split: Split, signs: Sequence[int], seed: int) -> Floats:
    prepared, _ = design.prepared(design.chosen(split.train))
    return logits(_grown(pairs, prepared, split.train, signs, seed), columns(prepared, split.test))


def _grown(pairs: Pairs, prepared: Design, used: Bools, signs: Sequence[int], seed: int) -> str:
    return grow(columns(prepared, used), pairs.adopted[used].astype(np.float64), signs, seed)


def columns(prepared: Design, used: Bools) -> Singles:
    """Rows of a mask over the pairs, in their order, as trees read them."""
    place = np.cumsum(used) - 1
    made = np.empty((int(used.sum()), prepared.blocks[0].x.shape[1]), np.float32)
    for rows, block in zip(prepared.rows, prepared.blocks, strict=True):
        chosen = used[rows]
        made[place[rows[chosen]]] = block.x[chosen]
        made[place[rows[chosen]], 0] = block.popularity
    return made


def _window(contest: Contest, told: Floats, test: Bools) -> Window:
    rows = np.flatnonzero(test)
    y = contest.pairs.adopted[rows].astype(np.float64)
    ridge = np.zeros(len(told))
    ridge[contest.unseen.rows] = contest.unseen.model
    before, after = (np.logaddexp(0, one) - y * one for one in (ridge[rows], told[rows]))
    low, high = gained(before - after, contest.pairs.account[rows])
    day = int(contest.pairs.day[rows].min())
    return Window(
        begins=(date(1970, 1, 1) + timedelta(days=day)).isoformat(),
        rows=len(rows),
        adoptions=int(y.sum()),
        regression=round(float(before.mean()), 6),
        trees=round(float(after.mean()), 6),
        low=round(low, 6),
        high=round(high, 6),
    )


def gained(gain: Floats, account: Whole) -> tuple[float, float]:
    """95 % of what the mean gain would have been with other accounts of the same kind."""
    place = np.unique(account, return_inverse=True)[1]
    sums, counts = np.bincount(place, gain), np.bincount(place)
    rng, made = np.random.default_rng(0), []
    for _ in range(RESAMPLED // CHUNK):
        weight = rng.poisson(1.0, (CHUNK, len(sums)))
        made.append((weight @ sums) / np.maximum(1, weight @ counts))
    low, high = np.quantile(np.concatenate(made), (0.025, 0.975))
    return float(low), float(high)


def _promoted(contest: Contest, told: Floats, signs: Sequence[int], windows: tuple[Window, ...], won: int) -> Card:
    """Put trees in the regression's place, weighed and calibrated as it was; keep what it was used with."""
    card, pairs, unseen = contest.card, contest.pairs, contest.unseen
    seen = np.isfinite(told[unseen.rows])
    theirs = Unseen(unseen.rows[seen], told[unseen.rows[seen]], unseen.scorecard[seen])
    blend, shifts, evidence, quality = joined(pairs, theirs, contest.splits)
    if evidence is not Evidence.MODEL:
        return _kept(card, "its order is no better than chance within an offer", windows)
    whole, _ = contest.design.prepared(contest.design.everything())
    text = _grown(pairs, whole, np.ones(len(pairs), bool), signs, card.seed)
    model = bent(theirs.model, pairs.offer[theirs.rows], blend.knee, np.array(blend.bends))
    score = blend.weight * model + (1 - blend.weight) * theirs.scorecard
    final = blend.shift + blend.stretch * score + shifts[pairs.offer[theirs.rows]]
    ends, deviations = _deviations(final, pairs.adopted[theirs.rows].astype(np.float64))
    regression = InUse(card.evidence, card.blend, tuple(one.shift for one in card.offers), card.quality)
    challenger = Challenger(
        True,
        f"won {won} of the last {len(windows)} windows beyond chance",
        windows,
        text=text,
        instead_of=regression,
        ends=ends,
        deviations=deviations,
        version=str(learner().__version__),
    )
    return in_place(replace(card, challenger=challenger), InUse(evidence, blend, tuple(shifts.tolist()), quality))


def in_place(card: Card, use: InUse) -> Card:
    """A card that works with a model as it was weighed and calibrated."""
    offers = tuple(replace(one, shift=shift) for one, shift in zip(card.offers, use.shifts, strict=True))
    return replace(card, evidence=use.evidence, blend=use.blend, quality=use.quality, offers=offers)


def regression_alone(card: Card) -> Card:
    """The card as it was before trees took the regression's place."""
    assert card.challenger is not None
    assert card.challenger.instead_of is not None
    before = in_place(card, card.challenger.instead_of)
    return replace(before, challenger=_without_trees(card.challenger))


def _without_trees(challenger: Challenger) -> Challenger:
    return Challenger(False, f"{challenger.why}, but LightGBM does not run here", challenger.windows)


def _deviations(logit: Floats, y: Floats) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """How unsure a score is, by tenths of the scores: the deviation of a rate's log-odds, by Jeffreys' prior.

    Gives where each tenth ends (but the last) and its deviation.
    """
    parts = [rows for rows in np.array_split(np.argsort(logit, kind="stable"), SCORE_BINS) if len(rows)]
    ends = tuple(float(f"{logit[rows[-1]]:.6g}") for rows in parts[:-1])
    counts = [(float(y[rows].sum()), len(rows)) for rows in parts]
    return ends, tuple(float(f"{(1 / (k + 0.5) + 1 / (n - k + 0.5)) ** 0.5:.6g}") for k, n in counts)
