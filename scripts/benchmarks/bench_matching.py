"""Whether matching links the right accounts, beside a join on equal names, and what it costs at full size."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from goals import Figure, Report

from connector.domain.link import LinkDecision
from connector.services.match import LINK_AT
from connector.testing.company_pairs import CHOOSING, Labelled, labelled
from connector.testing.matching_quality import Quality, by_exact_name, matched, pooled, quality

WORLD = 2_000
"""Billing accounts of a labelled world."""
TESTING = (3001, 3002, 3003, 3004, 3005)
"""Seeds that no threshold was chosen on."""
MOST_SECONDS, MOST_MB = 60.0, 1_000.0
MOST_WRONG, MOST_MISSED = 0.5, 20.0
"""Per cent: precision .995 and recall .80."""
TRIED = (0.78, 0.80, 0.82, LINK_AT, 0.86, 0.88)


def bench_matching(size: int) -> Iterable[Report]:
    """Quality on seeds not chosen on, how the threshold was chosen, and time and memory at full size."""
    yield _quality()
    yield _choice()
    yield _scale(size)


def _quality() -> Report:
    worlds = [labelled(seed, WORLD) for seed in TESTING]
    found = _over(worlds, matched)
    naive = _over(worlds, by_exact_name)
    blind = _over([_without_domains(world) for world in worlds], matched)
    figures = [
        Figure(
            "automatic links that are wrong",
            100 * (1 - found.precision),
            "%",
            MOST_WRONG,
            f"precision {found.precision:.4f}",
        ),
        Figure("customers in the CRM not linked by itself", 100 * (1 - found.recall), "%", MOST_MISSED, _recall(found)),
        Figure(
            "wrong, where no account has a domain",
            100 * (1 - blind.precision),
            "%",
            None,
            f"precision {blind.precision:.4f}",
        ),
        Figure("not linked, where no account has a domain", 100 * (1 - blind.recall), "%", None, _recall(blind)),
        Figure(
            "wrong, joined on equal names", 100 * (1 - naive.precision), "%", None, f"precision {naive.precision:.4f}"
        ),
        Figure("not linked, joined on equal names", 100 * (1 - naive.recall), "%", None, _recall(naive)),
    ]
    remarks = [
        f"seeds {TESTING[0]}-{TESTING[-1]}, none of them chosen on; no account names the other by its id",
        "a link to one of two CRM accounts of one customer counts as wrong",
    ]
    sizes = {"labelled_accounts": len(TESTING) * WORLD, "CRM_accounts": sum(len(world.crm) for world in worlds)}
    return Report("matching, quality", "are automatic links right?", sizes, figures, remarks)


def _choice() -> Report:
    from connector.services import match as service

    worlds = [labelled(seed, WORLD) for seed in CHOOSING]
    figures = []
    for at in TRIED:
        service.LINK_AT = at  # a benchmark may: the product reads its constant
        found = _over(worlds, matched)
        used = ", in use" if at == LINK_AT else ""
        of = f"precision {found.precision:.4f}, recall {found.recall:.3f}{used}"
        figures.append(Figure(f"wrong, linked from {at:.2f} on", 100 * (1 - found.precision), "%", None, of))
    service.LINK_AT = LINK_AT
    remark = f"seeds {', '.join(map(str, CHOOSING))}"
    sizes = {"labelled_accounts": len(CHOOSING) * WORLD}
    return Report("matching, the threshold", "from which score on may a link be automatic?", sizes, figures, [remark])


def _scale(size: int) -> Report:
    ours, plain = _child("ours", size), _child("plain", size)
    figures = [
        Figure("seconds", ours["seconds"], "s", MOST_SECONDS, f"processor {ours['processor']:.1f} s"),
        Figure("peak memory", ours["peak_mb"], "MB", MOST_MB, f"{ours['inputs_mb']:.0f} MB of it the accounts"),
        Figure("wrong", 100 * (1 - ours["precision"]), "%", None, f"precision {ours['precision']:.4f}"),
        Figure("not linked", 100 * (1 - ours["recall"]), "%", None, f"recall {ours['recall']:.3f}"),
        Figure("joined on equal names: seconds", plain["seconds"], "s"),
        Figure(
            "joined on equal names: wrong",
            100 * (1 - plain["precision"]),
            "%",
            None,
            f"precision {plain['precision']:.4f}",
        ),
        Figure(
            "joined on equal names: not linked", 100 * (1 - plain["recall"]), "%", None, f"recall {plain['recall']:.3f}"
        ),
    ]
    remark = "one process each; the invented names are denser at this size than the world's, so more of them collide"
    sizes = {"billing_accounts": size, "CRM_accounts": ours["crm"]}
    return Report("matching, at full size", "what does it cost?", sizes, figures, [remark])


def _child(way: str, size: int) -> dict[str, Any]:
    child = [sys.executable, str(Path(__file__).with_name("matching_child.py")), way, str(size)]
    said = subprocess.run(child, capture_output=True, text=True, check=True)  # noqa: S603 - our own command
    told: dict[str, Any] = json.loads(said.stdout)
    return told


def _over(worlds: Sequence[Labelled], way: Callable[[Labelled], Sequence[LinkDecision]]) -> Quality:
    return pooled(quality(world, way(world)) for world in worlds)


def _without_domains(world: Labelled) -> Labelled:
    billing = [replace(account, domain=None) for account in world.billing]
    return Labelled(billing, [replace(account, domain=None) for account in world.crm], world.truth)


def _recall(found: Quality) -> str:
    return f"recall {found.recall:.3f}"
