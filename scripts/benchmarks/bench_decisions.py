"""Are the decisions any good? Precision among the 50 likeliest pairs, on worlds whose true probabilities are known.

Each seed is a company of its own: its history to learn from ends where the judged 90 days begin. Ours is the model that
`connector propensity` fits, beside adoption popularity, the scorecard alone, and the oracle: the true probabilities, of
which three drivers leave no trace in any data.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from statistics import median

import numpy as np
from company_tables import fill, offer_of
from goals import Figure, Report
from numpy.typing import NDArray

from connector.adapters.warehouse import DuckWarehouse
from connector.compute.propensity_fit import fit
from connector.compute.propensity_pairs import Pairs
from connector.compute.propensity_predict import predict
from connector.compute.propensity_rows import popularity
from connector.config.project import load_project
from connector.config.settings import shipped
from connector.sandbox.company import Company, generate
from connector.services.propensity_history import Rulebook, month_days, past_pairs, thinned

AS_OF = date(2026, 10, 1)
MONTHS, TOP, RESAMPLED = 16, 50, 500
OVER_POPULARITY, OVER_SCORECARD, OF_ORACLE = 2.0, 1.3, 0.85
Scores = NDArray[np.float64]


@dataclass(frozen=True)
class Judged:
    """Precision of one world, by who ranked."""

    precision: Mapping[str, float]
    shuffled: str
    """What the model said of itself when the outcomes were shuffled."""
    pairs: int


def bench_decisions(seeds: Sequence[int], customers: int) -> Iterable[Report]:
    """Judge every seed and tell the median, with an interval by resampling seeds."""
    judged = [_judge(seed, customers) for seed in seeds]
    middle = {who: median(one.precision[who] for one in judged) for who in judged[0].precision}
    figures = [
        Figure(f"precision@{TOP}, {who}", value, "", None, _spread(judged, who)) for who, value in middle.items()
    ]
    won = max(
        middle["ours"] / (OVER_SCORECARD * middle["scorecard"] or 1), middle["ours"] / (OF_ORACLE * middle["oracle"])
    )
    figures += [
        Figure(
            f"{OVER_POPULARITY:g} × popularity / ours", OVER_POPULARITY * middle["popularity"] / middle["ours"], "", 1.0
        ),
        Figure(f"{OVER_SCORECARD:g} × scorecard or {OF_ORACLE:g} × oracle / ours", 1 / won, "", 1.0),
        Figure(
            "worlds whose shuffled outcomes seem to teach", sum(one.shuffled != "no evidence" for one in judged), "", 0
        ),
    ]
    told = {"seeds": len(seeds), "customers": customers, "pairs": sum(one.pairs for one in judged)}
    yield Report("decisions", f"who adopts in the 90 days after {AS_OF}?", told, figures)


def _judge(seed: int, customers: int) -> Judged:
    company = generate(seed=seed, as_of=AS_OF, customers=customers)
    pairs = _pairs(company)
    truth = {(one.account, offer_of(one.offer)): one for one in company.truth if one.month == AS_OF}
    last = np.flatnonzero(pairs.day == pairs.day.max())
    known = [(pairs.accounts[pairs.account[row]], pairs.offers[pairs.offer[row]]) in truth for row in last]
    test = pairs.take(last[np.array(known)])
    rows = [truth[test.accounts[a], test.offers[o]] for a, o in zip(test.account, test.offer, strict=True)]
    adopted = np.array([row.adopted_90d for row in rows], float)
    closed = np.flatnonzero(pairs.adopted >= 0)
    train = thinned(pairs.take(closed))
    mixed = replace(train, adopted=np.random.default_rng(seed).permutation(train.adopted))
    ranked: dict[str, Scores] = {
        "ours": predict(fit(train), test).p,
        "popularity": popularity(replace(pairs, adopted=pairs.adopted), closed)[last[np.array(known)]],
        "scorecard": np.asarray(test.prior),
        "oracle": np.array([row.p_adopt_90d for row in rows]),
    }
    return Judged({who: precision(s, adopted) for who, s in ranked.items()}, str(fit(mixed).evidence), len(test))


def _pairs(company: Company) -> Pairs:
    project = load_project(shipped(), ["stripe"], None)
    book = Rulebook(project.catalogue, project.signals, project.policy, project.fx)
    now = datetime.combine(AS_OF, datetime.min.time(), UTC)
    warehouse = DuckWarehouse(None)
    try:
        fill(warehouse._connection, company, project.catalogue)
        past = past_pairs(warehouse, book, month_days(now, MONTHS), now)
    finally:
        warehouse.close()
    if past is None:
        raise SystemExit("the company has no account to judge")
    return past.pairs


def precision(score: Scores, adopted: Scores, top: int = TOP) -> float:
    """Share of adopters among the first; of a tie at the edge each takes its part."""
    edge = np.sort(score)[-top]
    above, tied = score > edge, score == edge
    return float((adopted[above].sum() + (top - above.sum()) * adopted[tied].mean()) / top)


def _spread(judged: Sequence[Judged], who: str) -> str:
    """The 95 % interval of the median over seeds."""
    rng, found = np.random.default_rng(0), np.array([one.precision[who] for one in judged])
    medians = np.median(found[rng.integers(0, len(found), (RESAMPLED, len(found)))], axis=1)
    low, high = np.quantile(medians, (0.025, 0.975))
    return f"{low:.2f}–{high:.2f}; " + ", ".join(f"{one:.2f}" for one in found)
