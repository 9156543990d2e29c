"""`connector propensity`: learn from a file of outcomes who adopts what, and score other rows with what was learnt."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from connector.cli.options import Json
from connector.cli.output import OUT, say_json

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


def _tell(told: dict[str, Any], out: Path) -> None:
    OUT.print(f"{told['rows']:,} rows, {told['positives']:,} adoptions of {told['offers']:,} offers")
    if told["auc"] is not None:
        between = f"{told['auc_low']:.3f}–{told['auc_high']:.3f}"
        OUT.print(f"  AUC          {told['auc']:.3f} ({between}), {told['validation']}")
        OUT.print(f"  log loss     {told['log_loss']:.4f}; calibration error {told['ece']:.4f}")
    OUT.print(f"  evidence     {told['evidence']}; weight of the model {told['weight']:.2f}")
    for warning in told["warnings"]:
        OUT.print(f"  [yellow]warning[/]      {warning}", markup=True)
    OUT.print(f"  card         {out}")
