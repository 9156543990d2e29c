"""The card that the daily run works with: one file of the state folder, whole or not at all, known by its hash.

A run keeps the card beside its snapshot, so that it is explained by what it decided with, whatever is learnt later.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path

from connector.compute.propensity_card import card_of, card_text
from connector.compute.propensity_challenge import regression_alone
from connector.compute.propensity_predict import promoted
from connector.compute.propensity_trees import learner
from connector.domain.errors import MendError, SourceDataError
from connector.domain.outcome import Labels
from connector.domain.propensity import Card, Cohort, Learnt

FILE = "propensity.json"
OWNER_ONLY = 0o600
AGAIN = "`connector propensity train` writes it anew"


def hash_of(card: Card) -> str:
    """Name a card by its bytes."""
    return hashlib.sha256(card_text(card).encode()).hexdigest()[:16]


def save_learnt(state: Path, learnt: Learnt) -> None:
    """Put a card in place of the one before."""
    told = asdict(learnt) | {"card": json.loads(card_text(learnt.card))}
    part = state / f".{FILE}.part"
    part.touch(OWNER_ONLY)
    part.write_text(json.dumps(told, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")
    part.replace(state / FILE)


def load_learnt(file: Path) -> Learnt | None:
    """Read a card; None when nothing was learnt so far."""
    if not file.exists():
        return None
    at = str(file)
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
        card = card_of(json.dumps(told["card"]), at)
        made = Learnt(
            card,
            told["hash"],
            told["learnt_on"],
            told["left_out"],
            tuple(told["rules_left_out"]),
            tuple(Cohort(**one) for one in told["watched"]),
            Labels(**told["labels"]) if told.get("labels") else None,
            told.get("fell_back", ""),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise SourceDataError(f"this is no learnt model: {error}", at=at, hint=AGAIN) from error
    if hash_of(card) != made.hash:
        raise SourceDataError("this model was altered after it was learnt", at=at, hint=AGAIN)
    return made


def runnable(learnt: Learnt) -> Learnt:
    """What this machine can work with: the regression in the card, where trees were promoted and do not run here."""
    if promoted(learnt.card) is None:
        return learnt
    try:
        learner()
    except MendError as error:
        card = regression_alone(learnt.card)
        return replace(
            learnt, card=card, hash=hash_of(card), fell_back=f"{error.problem.message}: {error.problem.hint}"
        )
    return learnt


def keep_beside(state: Path, run: Path, learnt: Learnt) -> None:
    """Keep the card in a run's folder: the same bytes, not a copy where the file system can do without.

    A run that fell back on the regression keeps that.
    """
    to = run / FILE
    if learnt.fell_back:
        save_learnt(run, learnt)
        return
    with suppress(OSError):
        os.link(state / FILE, to)
        return
    shutil.copyfile(state / FILE, to)
