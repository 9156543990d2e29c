"""Dated pairs in which trees are right, in which a line is, and in which nobody is."""

from __future__ import annotations

import numpy as np
import pytest

from connector.compute.propensity_pairs import Column, Floats, Pairs, entities
from connector.compute.propensity_trees import learner
from connector.domain.errors import MendError

DAYS = (20_000, 20_030, 20_060, 20_090, 20_120, 20_150, 20_180, 20_210, 20_240, 20_270)


def pairs_of(logit_of: str, accounts: int = 250, offers: int = 2, seed: int = 3, more: int = 0) -> Pairs:
    """Draw pairs: adopted where two features are of one sign (`crossed`), by their sum (`straight`), where one feature
    is of the offer's own sign (`by_offer`), or by chance (`noise`). `more` columns tell nothing."""
    rng, days = np.random.default_rng(seed), len(DAYS)
    account = np.repeat(np.arange(accounts, dtype=np.int32), offers * days)
    day = np.tile(np.repeat(np.array(DAYS, np.int32), offers), accounts)
    offer = np.tile(np.arange(offers, dtype=np.int32), accounts * days)
    x: Floats = rng.normal(size=(accounts * days, 4 + more))[np.repeat(np.arange(accounts * days), offers)]
    logit = {
        "crossed": -2.2 + 3.2 * (x[:, 0] * x[:, 1] > 0) + 0.3 * x[:, 0],
        "straight": -1.6 + 1.1 * x[:, 0] - 0.9 * x[:, 1] + 0.4 * offer,
        "by_offer": -2.0 + 2.5 * ((x[:, 0] > 0) == (offer == 1)),
        "noise": np.full(len(x), -1.0),
    }[logit_of]
    entity, owner, _ = entities(account, day)
    return Pairs(
        accounts=[f"a{number:04d}" for number in range(accounts)],
        offers=[f"offer_{number}" for number in range(offers)],
        account=account,
        offer=offer,
        day=day,
        adopted=(rng.random(len(logit)) < 1 / (1 + np.exp(-logit))).astype(np.int8),
        columns=tuple(Column(f"x{at}", "number", x[:, at].astype(np.float32)) for at in range(4 + more)),
        entity=entity,
        holds=np.zeros((len(owner), 1), bool),
        holdings=["base"],
        prior=1 / (1 + np.exp(1.5 - 0.1 * rng.normal(size=len(logit)))),
        is_dated=True,
    )


def trees_or_skip() -> None:
    """Skip where trees cannot be grown: the lock brings LightGBM, and not the system's OpenMP that it stands on."""
    try:
        learner()
    except MendError as lacking:
        if "does not load" not in lacking.problem.message:
            raise
        pytest.skip(str(lacking))
