"""The ladder: scorecard, then a pooled ridge regression blended with it by evidence; gives a card.

Reads like the ladder. Every figure that decides (weight, calibration, evidence) comes from rows that the model which
scores them had not seen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from connector.compute.propensity_blend import bends_of, bent, calibrate, logit_of, scorecard_line, weight_of
from connector.compute.propensity_design import Design, make_design, pool_rate
from connector.compute.propensity_encoding import digest_of, learn_features
from connector.compute.propensity_judge import Auc, auc, auc_within, ece, log_loss
from connector.compute.propensity_pairs import Bools, Floats, Pairs, Singles, in_order
from connector.compute.propensity_ridge import Penalties, Ridge, fit_ridge
from connector.compute.propensity_splits import FOLDS, Split, Splits, splits_of
from connector.domain.propensity import (
    HORIZON_DAYS,
    LEAST_ADOPTIONS,
    Blend,
    Card,
    Evidence,
    Feature,
    OfferModel,
    Quality,
)

C = (0.1, 0.01)
"""How freely effects may leave zero, most freely first: the inverse of the penalty. Past days whose horizons overlap
tell an adoption several times, and then the smaller one predicts."""
OWN = (0.1, 1.0, 10.0, 100.0)
"""How closely an offer's own effects may be kept to the shared ones, as multiples of the penalty."""
POINTED, FREER, FAR = (0.01, 0.001), 10.0, 1e4
"""C where an offer's own effects in what its rules read leave zero so much more freely than shared ones; the penalty of
its other own effects. A limit that one offer's customers reach says nothing of other offers: at one penalty for all,
either it is not learnt or chance is."""
ALIKE = 1e7
"""The penalty at which offers have the shared effects alone."""
CHANCE = 0.5
"""AUC of an order that tells nothing."""
TRIED_ON = 40_000
"""Rows on which that is chosen."""


@dataclass(frozen=True, eq=False)
class Unseen:
    """Scores of rows by models that had not seen them; `rows` are their places in the pairs."""

    rows: NDArray[np.intp]
    model: Floats
    scorecard: Floats


@dataclass(frozen=True, eq=False)
class Contest:
    """What another model is judged by: the regression's card, and how it did on rows that it had not seen."""

    card: Card
    pairs: Pairs
    design: Design
    splits: Splits
    unseen: Unseen


def fit(
    pairs: Pairs,
    horizon_days: int = HORIZON_DAYS,
    seed: int = 0,
    challenge: Callable[[Contest], Card] = lambda contest: contest.card,
    penalties: Penalties | None = None,
) -> Card:
    """Fit a card on the rows whose outcome is known; `challenge` may put another model in the regression's place.

    `penalties`: those to fit with, else they are chosen on the rows.
    """
    pairs = in_order(pairs)
    if bool((pairs.adopted < 0).any()):
        pairs = pairs.take(np.flatnonzero(pairs.adopted >= 0))
    if int(pairs.adopted.sum()) < LEAST_ADOPTIONS or bool(pairs.adopted.all()):
        return prior_card(pairs, horizon_days, seed)
    splits = splits_of(pairs, horizon_days, seed)
    features = _features(pairs)
    design, shares, spreads = make_design(pairs, features, seed)
    penalties = penalties or _chosen(pairs, design, seed)
    whole, lifts = design.prepared(design.everything())
    ridge = fit_ridge(whole.blocks, penalties)
    roots = [ridge.root(at) for at in range(len(pairs.offers))]
    pairs = replace(pairs, columns=())  # they are in the design now
    unseen = judge_unseen(pairs, design, splits, penalties, ridge)
    blend, shifts, evidence, quality = joined(pairs, unseen, splits)
    offers = tuple(
        OfferModel(
            offer=name,
            effects=tuple(ridge.effects[at].tolist()),
            root=tuple(float(f"{one:.6g}") for one in roots[at][np.tril_indices(len(roots[at]))]),
            lifts=tuple(lifts[at].tolist()),
            popularity=float(whole.blocks[at].popularity),
            shift=float(shifts[at]),
            positives=int(whole.blocks[at].y.sum()),
            rows=len(whole.blocks[at].y),
        )
        for at, name in enumerate(pairs.offers)
    )
    card = Card(
        evidence=evidence,
        quality=quality,
        blend=blend,
        features=features,
        holdings=tuple(pairs.holdings),
        held_shares=tuple(shares.tolist()),
        held_spreads=tuple(spreads.tolist()),
        lift_mean=design.lift_mean,
        lift_spread=design.lift_spread,
        offers=offers,
        base=float(logit_of(np.array(pool_rate(whole.blocks, whole.everything())))),
        as_of=last_day(pairs),
        horizon_days=horizon_days,
        seed=seed,
        digest=digest_of(features),
        settings=_settings_of(penalties),
        warnings=splits.warnings,
    )
    return challenge(Contest(card, pairs, design, splits, unseen))


def choose_penalties(pairs: Pairs, seed: int = 0) -> Penalties:
    """What `fit` would choose on these rows, whose outcomes are known."""
    pairs = in_order(pairs)
    return _chosen(pairs, make_design(pairs, _features(pairs), seed)[0], seed)


def _features(pairs: Pairs) -> tuple[Feature, ...]:
    return tuple(feature for feature in learn_features(pairs.columns) if feature.width)


def penalties_of(card: Card) -> Penalties:
    """What a card was fitted with."""
    shared, pointed = 1 / card.settings.get("C", C[0]), card.settings.get("pointed")
    own = card.settings.get("own", 1.0) * shared
    return Penalties(shared, own, 1 / C[0], None if pointed is None else pointed * shared)


def _settings_of(penalties: Penalties) -> dict[str, float]:
    told = {"C": 1 / penalties.shared, "own": penalties.own / penalties.shared}
    return told if penalties.pointed is None else {**told, "pointed": penalties.pointed / penalties.shared}


def last_day(pairs: Pairs) -> str | None:
    """The last day of the rows."""
    if not pairs.is_dated or not len(pairs):
        return None
    return (date(1970, 1, 1) + timedelta(days=int(pairs.day.max()))).isoformat()


def _chosen(pairs: Pairs, design: Design, seed: int) -> Penalties:
    """Choose how far effects may go, and offers differ in them, by what predicts accounts that were left out."""
    alike = [Penalties(1 / c, ALIKE, 1 / C[0]) for c in C]
    if len(pairs.offers) == 1:
        return alike[0]
    share = min(1.0, TRIED_ON / len(pairs))
    thinned = pairs.folds(1000, f"thinned {seed}") < 1000 * share
    dealt = pairs.folds(FOLDS, f"own {seed}")
    tried = [*alike, *(Penalties(1 / c, own / c, 1 / C[0]) for c in C for own in reversed(OWN))]
    if any(pairs.pointed.values()):
        tried += [Penalties(1 / c, FAR, 1 / C[0], 1 / c / FREER) for c in POINTED]
    losses, ridge = dict.fromkeys(tried, 0.0), None
    for fold in range(FOLDS if share == 1 else 2):
        train, test = thinned & (dealt != fold), thinned & (dealt == fold)
        used = design.chosen(train)
        prepared, _ = design.prepared(used)
        for one in losses:
            ridge = fit_ridge(prepared.blocks, one, used, ridge)
            logit, y = _scores(pairs, prepared, ridge, test)
            losses[one] += float((np.logaddexp(0, logit) - y * logit).sum())
        if fold == 0:  # the rest would cost as much as the model itself
            losses = {one: loss for one, loss in losses.items() if loss <= np.median(list(losses.values()))}
    return min(losses, key=losses.__getitem__)


def _scores(pairs: Pairs, design: Design, ridge: Ridge, mask: Bools) -> tuple[Floats, Floats]:
    made = np.zeros(len(pairs))
    for rows, block, effect in zip(design.rows, design.blocks, ridge.effects, strict=True):
        chosen = mask[rows]
        made[rows[chosen]] = _times(block.x[chosen], effect)
    return made[mask], pairs.adopted[mask].astype(float)


def _times(x: Singles, effect: Floats) -> Floats:
    return np.asarray(x.astype(np.float64) @ effect)


def judge_unseen(pairs: Pairs, design: Design, splits: Splits, penalties: Penalties, start: Ridge | None) -> Unseen:
    """Score the rows of every split by a model of its training rows."""
    model, scorecard, judged = np.zeros(len(pairs)), np.zeros(len(pairs)), np.zeros(len(pairs))
    for split in splits.splits:
        used = design.chosen(split.train)
        prepared, _ = design.prepared(used)
        ridge = fit_ridge(prepared.blocks, penalties, used, start)
        model[split.test] += _scores(pairs, prepared, ridge, split.test)[0]
        scorecard[split.test] += _scorecard(pairs, prepared, used, split)
        judged[split.test] += 1
    rows = np.flatnonzero(judged)
    return Unseen(rows, model[rows] / judged[rows], scorecard[rows] / judged[rows])


def _scorecard(pairs: Pairs, prepared: Design, used: Sequence[Bools], split: Split) -> Floats:
    """The scorecard's log-odds, at the slope that the training rows teach; without one, the offer's popularity."""
    if pairs.prior is None:
        popular = np.array([block.popularity for block in prepared.blocks])
        return popular[pairs.offer[split.test]] + logit_of(np.array(pool_rate(prepared.blocks, used)))
    told = _told(pairs.prior)
    a, b = scorecard_line(told[split.train], pairs.adopted[split.train].astype(float))
    return a + b * told[split.test]


def _told(prior: Floats) -> Floats:
    """Log-odds of the scorecard; a row without one counts as the mean of the others."""
    told = logit_of(prior)
    return np.where(np.isnan(told), np.nanmean(told) if np.isfinite(told).any() else 0.0, told)


def joined(pairs: Pairs, unseen: Unseen, splits: Splits) -> tuple[Blend, Floats, Evidence, Quality]:
    """Weigh model against scorecard, calibrate, and say what stands behind it."""
    seen = pairs.take(unseen.rows)
    y = seen.adopted.astype(float)
    within = auc_within(unseen.model, y, seen.offer, seen.account)
    is_reversed = _ranks_against(seen, y)
    # Outcomes that rank against the scorecard for sure are no noise: then the model need only be better than chance.
    if within is None or not (within.is_no_luck or (is_reversed and within.value > CHANCE)):
        blend, score = _scorecard_alone(pairs, seen, unseen, is_reversed)
        quality = _quality(pairs, seen, score, within_of(score, seen), splits)
        return blend, np.zeros(len(pairs.offers)), Evidence.NONE, quality
    offers = len(pairs.offers)
    knee, bends = bends_of(unseen.model, y, seen.offer, offers)
    model = bent(unseen.model, seen.offer, knee, bends)
    weight = weight_of(model, unseen.scorecard, y)
    score = weight * model + (1 - weight) * unseen.scorecard
    shift, stretch, shifts = calibrate(score, y, seen.offer, offers)
    apart = _calibrated_apart(seen, unseen, weight, y)
    quality = _quality(pairs, seen, apart, within_of(apart, seen), splits)
    blend = Blend(weight, 0.0, 1.0, False, 0.0, shift, stretch, knee, tuple(bends.tolist()))
    if pairs.prior is not None:
        told = _told(pairs.prior)
        a, b = scorecard_line(told, pairs.adopted.astype(float))
        blend = replace(blend, intercept=a, slope=b, has_prior=True, prior_mean=float(told.mean()))
    return blend, shifts, Evidence.MODEL, quality


def _ranks_against(seen: Pairs, y: Floats) -> bool:
    """Tell whether those adopt whom the scorecard ranks last, and that is no luck."""
    against = None if seen.prior is None else auc(-_told(seen.prior), y, seen.account)
    return against is not None and against.is_no_luck


def _scorecard_alone(pairs: Pairs, seen: Pairs, unseen: Unseen, is_reversed: bool) -> tuple[Blend, Floats]:
    """Stay on the scorecard as it is, unless outcomes rank against it and that is no luck."""
    if pairs.prior is None or seen.prior is None:
        return Blend(0.0, 0.0, 1.0, False), unseen.scorecard
    told = _told(pairs.prior)
    if is_reversed:
        a, b = scorecard_line(told, pairs.adopted.astype(float))
        return Blend(0.0, a, b, True, float(told.mean())), unseen.scorecard
    return Blend(0.0, 0.0, 1.0, True, float(told.mean())), _told(seen.prior)


def within_of(score: Floats, seen: Pairs) -> Auc | None:
    """AUC among rows of one offer."""
    return auc_within(score, seen.adopted.astype(float), seen.offer, seen.account)


def _calibrated_apart(seen: Pairs, unseen: Unseen, weight: float, y: Floats) -> Floats:
    """Bend and calibrate each row by other accounts' outcomes, so that what is reported is no memory."""
    made, dealt = weight * unseen.model + (1 - weight) * unseen.scorecard, seen.folds(FOLDS, "calibration")
    for fold in range(FOLDS):
        mine, others = dealt == fold, dealt != fold
        if y[others].any():
            knee, bends = bends_of(unseen.model[others], y[others], seen.offer[others], len(seen.offers))
            score = weight * bent(unseen.model, seen.offer, knee, bends) + (1 - weight) * unseen.scorecard
            shift, stretch, shifts = calibrate(score[others], y[others], seen.offer[others], len(seen.offers))
            made[mine] = shift + stretch * score[mine] + shifts[seen.offer[mine]]
    return made


def _quality(pairs: Pairs, seen: Pairs, score: Floats, within: Auc | None, splits: Splits) -> Quality:
    y = seen.adopted.astype(float)
    found = auc(score, y, seen.account)
    return Quality(
        rows=len(pairs),
        positives=int(pairs.adopted.sum()),
        offers=len(pairs.offers),
        auc=found.value if found else None,
        auc_low=found.low if found else None,
        auc_high=found.high if found else None,
        auc_within_offers=within.value if within else None,
        log_loss=log_loss(score, y),
        ece=ece(score, y),
        validation=splits.told,
    )


def prior_card(pairs: Pairs, horizon_days: int, seed: int, base_rate: float = 0.02) -> Card:
    """Keep what is believed beforehand: fewer outcomes than a model can learn from."""
    adopted = int(pairs.adopted.sum()) if len(pairs) else 0
    rate = (adopted + 20 * base_rate) / (len(pairs) + 20)
    features = learn_features(pairs.columns)
    middle = 0.0 if pairs.prior is None or not len(pairs) else float(_told(pairs.prior).mean())
    counts = [
        (int((pairs.offer == at).sum()), int(pairs.adopted[pairs.offer == at].sum())) for at in range(len(pairs.offers))
    ]
    offers = tuple(
        OfferModel(name, (), (), (), 0.0, 0.0, positives, rows)
        for name, (rows, positives) in zip(pairs.offers, counts, strict=True)
    )
    quality = Quality(
        len(pairs), adopted, len(pairs.offers), None, None, None, None, None, None, "none: too few outcomes"
    )
    return Card(
        evidence=Evidence.PRIOR_ONLY,
        quality=quality,
        blend=Blend(0.0, 0.0, 1.0, pairs.prior is not None, middle),
        features=features,
        holdings=tuple(pairs.holdings),
        held_shares=(),
        held_spreads=(),
        lift_mean=0.0,
        lift_spread=1.0,
        offers=offers,
        base=float(logit_of(np.array(rate))),
        as_of=last_day(pairs),
        horizon_days=horizon_days,
        seed=seed,
        digest=digest_of(features),
        settings={"C": C[0]},
    )
