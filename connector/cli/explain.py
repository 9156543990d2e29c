"""`connector explain ACCOUNT`: why this account, why not, and what would change it."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from connector.cli.options import Crm, Json, settings
from connector.cli.output import OUT, say_json, table


def explain(
    account: Annotated[str, typer.Argument(help="A CRM or billing account: its id, or a part of its name.")],
    run: Annotated[str | None, typer.Option("--run", help="Explain this run instead of the newest.")] = None,
    language: Annotated[str, typer.Option("--language", help="en or fr.")] = "en",
    crm: Crm = None,
    json: Json = False,
) -> None:
    """Say why an account is proposed something, or not.

    Example: connector explain "Acme"
    """
    from connector.bootstrap import open_ledger, project_of
    from connector.domain.project import mapping_of
    from connector.services.explain import explain_account

    chosen = settings(crm)
    with open_ledger(chosen) as memory:
        told = explain_account(memory, mapping_of(project_of(chosen)), chosen.state / "runs", account, run, language)
    if json:
        say_json(told)
    else:
        _show(told)


def _show(told: dict[str, Any]) -> None:
    OUT.print(f"[bold]{told['name']}[/] ({told['account_id']}), run {told['run_id']}")
    OUT.print(f"  billing accounts: {', '.join(told['billing_accounts']) or 'none linked'}")
    OUT.print()
    table(
        "Signals",
        ("signal", "adds", "evidence"),
        [(s["signal"], f"{s['term']:+.2f}", s["evidence"]) for s in told["signals"]],
    )
    for score in told["scores"]:
        title = f"{score['offer']}: {score['p']:.0%}, +{score['delta_mrr'] or '?'} → {score['decision']}"
        rows = [("base rate", f"{score['base']:+.2f}", "")]
        rows += [(c["name"], f"{c['term']:+.2f}", c["evidence"]) for c in score["contributions"]]
        table(title + (f" ({score['detail']})" if score["detail"] else ""), ("term", "log-odds", "evidence"), rows)
    if told["decisions"]:
        table(
            "Also decided",
            ("subject", "decision", "detail"),
            [(d["subject"], d["decision"], d["detail"]) for d in told["decisions"]],
        )
