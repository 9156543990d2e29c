"""Invented pairs whose truth is known: who needs what follows from a few features, or from nothing at all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from connector.compute.propensity_pairs import Column, Pairs, entities


def world(
    accounts: int = 300,
    offers: int = 4,
    seed: int = 1,
    strength: float = 1.5,
    base: float = -2.0,
    days: tuple[int, ...] = (),
    prior: str | None = None,
) -> Pairs:
    """Draw pairs. `strength` 0: outcomes are noise. `prior`: "good", "reversed" or "shuffled" scorecard."""
    rng = np.random.default_rng(seed)
    names = [f"a{number:05d}" for number in range(accounts)]
    at = np.array(days or (0,), np.int32)
    account = np.repeat(np.arange(accounts, dtype=np.int32), offers * len(at))
    day = np.tile(np.repeat(at, offers), accounts).astype(np.int32)
    offer = np.tile(np.arange(offers, dtype=np.int32), accounts * len(at))
    size, use = rng.normal(size=accounts)[account], rng.normal(size=accounts)[account]
    kind = rng.integers(0, 3, accounts)[account].astype(np.int32)
    holds = rng.random((accounts, 2)) < 0.3
    sign = np.where(np.arange(offers) % 2 == 0, 1.0, -1.0)[offer]
    need = strength * (0.8 * use + 0.6 * sign * size + 0.5 * (kind == 1) + 0.7 * holds[account, 0])
    logit = base + 0.4 * (offer - offers / 2) + need
    adopted = (rng.random(len(account)) < 1 / (1 + np.exp(-logit))).astype(np.int8)
    told = {"good": logit, "reversed": -logit, "shuffled": rng.permutation(logit)}.get(prior or "")
    gaps = np.where(rng.random(len(size)) < 0.1, np.nan, size).astype(np.float32)
    columns = (
        Column("size", "number", gaps),
        Column("use", "number", use.astype(np.float32)),
        Column("kind", "category", kind, ("small", "middle", "large")),
        Column("noise", "bool", (rng.random(accounts) < 0.5)[account].astype(np.float32)),
    )
    entity, owner, _ = entities(account, day)
    return Pairs(
        accounts=names,
        offers=[f"offer_{number}" for number in range(offers)],
        account=account,
        offer=offer,
        day=day,
        adopted=adopted,
        columns=columns,
        entity=entity,
        holds=holds[owner],
        holdings=["base", "extra"],
        prior=None if told is None else 1 / (1 + np.exp(-told)),
        is_dated=bool(days),
    )


def limits(accounts: int, offers: int = 8, seed: int = 1, days: tuple[int, ...] = ()) -> Pairs:
    """Draw pairs of which each offer is adopted by those who press its own limit; rules tell which is whose."""
    pairs = world(accounts, offers, seed, days=days)
    pressed = np.random.default_rng(seed).normal(size=(accounts, offers)).astype(np.float32)
    columns = tuple(Column(f"press_{at}", "number", pressed[pairs.account, at]) for at in range(offers))
    chance = 1 / (1 + np.exp(4 - 2 * pressed[pairs.account, pairs.offer]))
    adopted = np.random.default_rng(seed + 1).random(len(pairs)) < chance
    pointed = {name: frozenset({f"press_{at}"}) for at, name in enumerate(pairs.offers)}
    return replace(pairs, columns=(*pairs.columns, *columns), adopted=adopted.astype(np.int8), pointed=pointed)
