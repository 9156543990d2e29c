"""Trees beside the regression: LightGBM on the same columns, with exact reasons. Needs the extra `ml`, and only then.

A row's columns are those of the regression; where that has its intercept, trees get the offer's popularity, by which
they tell offers apart. What a rule adds to the scorecard may only raise a probability (`monotone`). A model is kept as
LightGBM's own text, so no code is ever loaded. One thread, one seed: the same rows give the same text.
Source: LightGBM's parameters and `pred_contrib` (exact SHAP values of trees, Lundberg et al., 2018).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from connector.compute.propensity_pairs import Floats, Singles
from connector.compute.propensity_rows import SIGNAL
from connector.domain.errors import MendError
from connector.domain.propensity import Feature

TREES, LEAVES, RATE, RIDGE = 200, 15, 0.03, 5.0
FEWEST, MOST, SHARE = 10, 100, 20
"""Rows of a leaf: a twentieth of all, within bounds."""
INSTALL = "`pip install 'expansion-connector[ml]'` brings it"
LIBRARY = "it needs OpenMP: `apt-get install libgomp1` (Debian, Ubuntu) or `brew install libomp` (macOS)"


def learner() -> Any:
    """LightGBM; raise MendError with the cure where it is not installed, or its library is missing."""
    try:
        import lightgbm
    except ImportError as error:
        raise MendError("LightGBM is not installed", hint=INSTALL) from error
    except OSError as error:
        raise MendError(f"LightGBM does not load: {error}", hint=LIBRARY) from error
    return lightgbm


def monotone(features: Sequence[Feature], width: int) -> list[int]:
    """The sign of every column: what a rule adds may not lower a probability; of the rest nothing is known."""
    signs = [0]
    for feature in features:
        signs += [int(feature.name.startswith(SIGNAL)), *[0] * (feature.width - 1)] if feature.width else []
    return signs + [0] * (width - len(signs))


def grow(x: Singles, y: Floats, signs: Sequence[int], seed: int) -> str:
    """Fit trees; gives LightGBM's text."""
    lightgbm = learner()
    settings = {
        "objective": "binary",
        "learning_rate": RATE,
        "num_leaves": LEAVES,
        "min_child_samples": int(np.clip(len(y) // SHARE, FEWEST, MOST)),
        "lambda_l2": RIDGE,
        "monotone_constraints": list(signs),
        "num_threads": 1,
        "deterministic": True,
        "force_row_wise": True,
        "seed": seed,
        "verbosity": -1,
    }
    names = [f"c{at}" for at in range(x.shape[1])]
    told = lightgbm.Dataset(x, y, feature_name=names, params={"verbosity": -1})
    return str(lightgbm.train(settings, told, num_boost_round=TREES).model_to_string())


@lru_cache(maxsize=2)
def _booster(text: str) -> Any:
    return learner().Booster(model_str=text)


def logits(text: str, x: Singles) -> Floats:
    """Log-odds of rows."""
    return np.asarray(_booster(text).predict(x, raw_score=True, num_threads=1), np.float64)


def contributions(text: str, x: Singles) -> Floats:
    """What each column adds to a row's log-odds, and last what every row starts from."""
    return np.asarray(_booster(text).predict(x, pred_contrib=True, num_threads=1), np.float64)
