"""`connector propensity`: learn from outcomes who adopts what, your own history's or a file's, and score with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from connector.cli.options import AsOf, Crm, Json, settings
from connector.cli.output import OUT, progress, say_json
from connector.domain.outcome import Labels

if TYPE_CHECKING:
    from connector.config.settings import Settings

MONTHS = 16
ADRIFT = "two months in a row came out otherwise than foretold: the rules alone speak until a model is right again"

Held = Annotated[
    Path | None,
    typer.Option("--holdings", metavar="HOLDINGS", help="Who holds what: account_id, offer_id, maybe since (a date)."),
]
File = Annotated[
    Path,
    typer.Argument(
        metavar="PAIRS",
        help="CSV or Parquet: account_id, offer_id, adopted (0, 1, empty), maybe as_of and prior; else features.",
    ),
]


def fit(
    pairs: File,
    out: Annotated[Path, typer.Option("--out", metavar="CARD", help="Where the model card goes (JSON).")],
    holdings: Held = None,
    horizon: Annotated[
        int, typer.Option("--horizon-days", min=1, help="Days after as_of within which an adoption counts.")
    ] = 90,
    seed: Annotated[int, typer.Option("--seed", help="Deals accounts into folds.")] = 0,
    json: Json = False,
) -> None:
    """Fit a model card on outcomes, and say how far it can be trusted.

    With as_of dates it is judged forward in time, else on accounts that it had not seen.

    Example: connector propensity fit pairs.csv --holdings holdings.csv --out card.json --json
    """
    from connector.services.propensity import fit_file

    told = fit_file(pairs, holdings, out, horizon, seed).told()
    if json:
        say_json(told)
        return
    _tell(told, out)


def predict(
    pairs: File,
    card: Annotated[Path, typer.Option("--card", metavar="CARD", help="The card that `fit` wrote.")],
    out: Annotated[Path, typer.Option("--out", metavar="SCORES", help="Where the scores go (Parquet).")],
    holdings: Held = None,
    json: Json = False,
) -> None:
    """Score rows with a card: p, its log-odds, an interval and every reason; base + all terms = logit.

    Example: connector propensity predict pairs.csv --holdings holdings.csv --card card.json --out scores.parquet
    """
    from connector.services.propensity import predict_file

    told = predict_file(pairs, holdings, card, out)
    if json:
        say_json(told)
    else:
        OUT.print(f"{told['rows']:,} rows scored ({told['evidence']}) → {out}")


def train(
    months: Annotated[
        int, typer.Option("--months", min=1, max=36, help="Months to learn from, the last known ones.")
    ] = MONTHS,
    as_of: AsOf = None,
    crm: Crm = None,
    json: Json = False,
) -> None:
    """Learn from your own history who adopts what; the next run scores with it. Nothing is written to the CRM.

    Labels come from billing, and from proposals that were decided in the CRM; it says how many of each.

    Example: connector propensity train --json
    """
    told = train_once(settings(crm), months, as_of, json)
    if json:
        say_json(told)
        return
    _tell(told, Path(told["card"]))
    OUT.print(f"  labels       {labels_in_words(told['labels'])}", markup=False)
    for month in told["watched"]:
        between = f"{month['low']:.0f}–{month['high']:.0f}"
        OUT.print(f"  {month['day']}   {month['happened']} adopted, {between} foretold", markup=False)
    if told["left_out"]:
        OUT.print(f"  no past      {', '.join(told['left_out'])}", markup=False)
    if told["adrift"]:
        OUT.print(f"  [yellow]warning[/]      {ADRIFT}")


def train_once(
    chosen: Settings, months: int = MONTHS, as_of: str | None = None, is_quiet: bool = True
) -> dict[str, Any]:
    """Learn a card, put it in the place of the one before, and say what it is worth."""
    from connector.bootstrap import business_now, open_warehouse, project_of
    from connector.cli.outcomes import outcomes_so_far
    from connector.services.learnt import FILE, save_learnt
    from connector.services.propensity import Fitted
    from connector.services.propensity_history import Rulebook
    from connector.services.training import train as learn

    project = project_of(chosen)
    book = Rulebook(project.catalogue, project.signals, project.policy, project.fx)
    now = business_now(chosen, project, as_of)
    outcomes = outcomes_so_far(chosen, project, now)
    with open_warehouse(chosen, to_look_back=True) as warehouse, progress(is_quiet) as tell:
        learnt = learn(warehouse, book, now, months, tell, outcomes)
    save_learnt(chosen.state, learnt)
    return {
        **Fitted(learnt.card).told(),
        "hash": learnt.hash,
        "as_of": learnt.card.as_of,
        "card": str(chosen.state / FILE),
        "in_use": learnt.in_use is not None,
        "adrift": learnt.is_adrift,
        "watched": [asdict(one) for one in learnt.watched],
        "left_out": dict(learnt.left_out),
        "rules_left_out": list(learnt.rules_left_out),
        "labels": asdict(learnt.labels or Labels(0)),
    }


def labels_in_words(labels: Mapping[str, Any]) -> str:
    """Say where labels come from: billing, decisions in the CRM, and what was left out."""

    def each(counts: Mapping[str, int]) -> str:
        return ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in counts.items())

    said = (
        f"{labels['billing']:,} from billing alone, {sum(labels['crm'].values()):,} from proposals decided in the CRM"
    )
    said += f" ({each(labels['crm'])})" if labels["crm"] else ""
    return said + (f"; left out: {each(labels['left_out'])}" if labels["left_out"] else "")


def _tell(told: dict[str, Any], out: Path) -> None:
    OUT.print(f"{told['rows']:,} rows, {told['positives']:,} adoptions of {told['offers']:,} offers")
    if told["auc"] is not None:
        between = f"{told['auc_low']:.3f}–{told['auc_high']:.3f}"
        OUT.print(f"  AUC          {told['auc']:.3f} ({between}), {told['validation']}")
        OUT.print(f"  log loss     {told['log_loss']:.4f}; calibration error {told['ece']:.4f}")
    OUT.print(f"  evidence     {told['evidence']}; weight of the model {told['weight']:.2f}")
    if (contest := told["challenger"]) is not None:
        stands = "trees took the regression's place" if contest["promoted"] else "the regression stays"
        OUT.print(f"  challenger   {stands}: {contest['why']}", markup=False)
    for warning in told["warnings"]:
        OUT.print(f"  [yellow]warning[/]      {warning}", markup=True)
    OUT.print(f"  card         {out}")
