"""Today's scores and a card → scores that both have a part in, with every reason, exactly.

The scorecard's terms are scaled by what outcomes taught it is worth beside the model; what the model says of a signal
that speaks joins that signal's own term. Only pairs that some signal points to are scored: a model makes a proposal
likelier or less likely, and a need is still what makes it one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date

import numpy as np

from connector.compute.propensity_pairs import Pairs
from connector.compute.propensity_predict import predict
from connector.compute.propensity_rows import EVENT, SIGNAL, TEXTS, USE, Rows
from connector.compute.propensity_words import concept_of, words_of
from connector.domain.catalogue import Catalogue, Texts
from connector.domain.features import AccountFeatures, EventFeatures, MetricFeatures
from connector.domain.intent import Contribution
from connector.domain.money import share_of
from connector.domain.policy import GatesPolicy
from connector.domain.propensity import LEARNT, OFFER, PRIOR, Card, Feature
from connector.domain.score import Score, bounded

Terms = Mapping[str, float]
Values = Mapping[str, float | None]


def misfit(card: Card, catalogue: Catalogue) -> str | None:
    """Say why a card cannot speak for a catalogue, or None: it was learnt on the same offers and metrics."""
    sold = tuple(name for name, offer in catalogue.offers.items() if offer.need and offer.recurring)
    metrics = {one.name.split(".")[1] for one in card.features if one.name.startswith(USE)}
    if tuple(one.offer for one in card.offers) != sold or tuple(card.holdings) != tuple(catalogue.offers):
        return "the catalogue's offers are not those that the model was learnt on"
    if not metrics <= set(catalogue.metrics):
        return "the catalogue lacks metrics that the model was learnt on"
    return None


def with_card(
    scores: Sequence[Score],
    day: date,
    accounts: Mapping[str, AccountFeatures],
    metrics: Mapping[str, Mapping[str, MetricFeatures]],
    events: Mapping[str, Sequence[EventFeatures]],
    catalogue: Catalogue,
    policy: GatesPolicy,
    card: Card,
) -> Iterator[Score]:
    """Blend scores with a card; an offer that it does not know keeps its score."""
    signals = [one.name.removeprefix(SIGNAL) for one in card.features if one.name.startswith(SIGNAL)]
    seen = sorted({one.name.split(".")[1] for one in card.features if one.name.startswith(EVENT)})
    rows, scored = Rows(catalogue, signals, seen, policy.base_rate), {one.account_id for one in scores}
    rows.add(day, (accounts[id] for id in accounts if id in scored), metrics, events, scores, every=False)
    told: dict[tuple[str, str], tuple[Terms, Values]] = {}
    if rows.parts:
        told = _told(card, _as_learnt(rows.pairs(), card))
    for one in scores:
        found = told.get((one.account_id, one.offer))
        yield one if found is None else _blended(one, *found, card, catalogue, policy)


def _as_learnt(pairs: Pairs, card: Card) -> Pairs:
    """Keep the columns that the card reads, in its order; the scorecard's part is added term by term."""
    columns = {column.name: column for column in pairs.columns}
    kept = tuple(columns[feature.name] for feature in card.features)
    return replace(pairs, columns=kept, prior=None)


def _told(card: Card, pairs: Pairs) -> dict[tuple[str, str], tuple[Terms, Values]]:
    """What the model says of each pair: its terms, and the figures that they are about."""
    made = predict(card, pairs)
    figures = {one.name: one.values for one in pairs.columns if one.name not in TEXTS}
    told: dict[tuple[str, str], tuple[Terms, Values]] = {}
    for row in range(len(pairs)):
        values = {name: None if np.isnan(some[row]) else float(some[row]) for name, some in figures.items()}
        terms = dict(zip(made.names, made.terms[row].tolist(), strict=True))
        told[pairs.accounts[pairs.account[row]], pairs.offers[pairs.offer[row]]] = terms, values
    return told


def _blended(one: Score, terms: Terms, values: Values, card: Card, catalogue: Catalogue, policy: GatesPolicy) -> Score:
    """Join the terms of both: base + Σ terms = logit p, whatever each of them says."""
    blend, sums = card.blend, defaultdict[str, float](float)
    share = blend.stretch * (1 - blend.weight) * blend.slope if blend.has_prior else 0.0
    rest = {**terms, PRIOR: 0.0}
    evidence = {}
    for told in one.contributions:
        sums[told.name] += share * told.term + rest.pop(SIGNAL + told.name, 0.0)
        evidence[told.name] = told.evidence
    for name, term in rest.items():
        if name != PRIOR:
            sums[concept_of(name)] += term
    # The scorecard's own base stands beside its mean over the rows that were learnt from.
    sums[LEARNT + OFFER] += share * (one.base - blend.prior_mean)
    features = {feature.name: feature for feature in card.features}
    made = [
        Contribution(name, round(term, 9), evidence[name])
        if name in evidence
        else Contribution(name, round(term, 9), _words(name, values, features, catalogue))
        for name, term in sums.items()
    ]
    found = bounded(card.base, made, policy.p_bounds)
    value = 0 if one.reported is None else share_of(found.p, one.reported.minor)
    return replace(one, p=found.p, base=found.base, contributions=_once(found.contributions), value=value)


def _words(name: str, values: Values, features: Mapping[str, Feature], catalogue: Catalogue) -> Texts:
    thing = name.removeprefix(LEARNT)
    return words_of(name, values.get(thing), features.get(thing), catalogue)


def _once(contributions: Sequence[Contribution]) -> tuple[Contribution, ...]:
    """Sum what has one name: both the scorecard and the blend may have been kept within bounds."""
    made: dict[str, Contribution] = {}
    for one in contributions:
        before = made.get(one.name)
        made[one.name] = one if before is None else replace(before, term=before.term + one.term)
    return tuple(made.values())
