"""`connector explain ACCOUNT`: why this account, why not, and what would change it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from connector.cli.options import Crm, Json, settings
from connector.cli.output import ERR, OUT, say_json

if TYPE_CHECKING:
    from connector.config.settings import Settings

HEADS: Mapping[str, tuple[str, str]] = {
    "account": ("billing accounts", "comptes de facturation"),
    "signals": ("What it does", "Ce que fait le client"),
    "for": ("for", "pour"),
    "against": ("against", "contre"),
    "base": ("before any sign", "avant tout signe"),
    "sum": ("together", "au total"),
    "now": ("Why now", "Pourquoi maintenant"),
    "gates": ("gates", "conditions"),
    "passed": ("passed", "remplies"),
    "because": ("because", "car"),
    "nearest": ("Nothing points to these yet", "Rien n’oriente encore vers"),
    "also": ("Also decided", "Également décidé"),
    "none": ("nothing points to an offer", "rien n’oriente vers une offre"),
    ":": (":", "\N{NO-BREAK SPACE}:"),
    "month": ("a month", "par mois"),
    "likely": ("likelihood", "score d’appétence"),
}


def explain(
    account: Annotated[str, typer.Argument(help="A CRM or billing account: its id, or a part of its name.")],
    offer: Annotated[str | None, typer.Option("--offer", help="Only this offer, with every gate's answer.")] = None,
    run: Annotated[str | None, typer.Option("--run", help="Explain this run instead of the CRM's newest.")] = None,
    language: Annotated[str, typer.Option("--language", help="en or fr.")] = "en",
    crm: Crm = None,
    json: Json = False,
) -> None:
    """Say why an account is proposed something, or not, and what would change it. Reads the run's snapshot alone.

    Example: connector explain "Acme" --language fr
    """
    from connector.domain.errors import ConfigError
    from connector.services.explain import Asked, explain_account

    chosen = settings(crm)
    if language not in ("en", "fr"):
        raise ConfigError(f"unknown language {language!r}", at="--language", hint="en or fr")
    if chosen.crm is None:
        raise ConfigError("no CRM named", at="environment", hint="export CONNECTOR_CRM=salesforce or hubspot")
    told = explain_account(
        chosen.state / "runs", chosen.crm, Asked(account, offer, run, "fr" if language == "fr" else "en")
    )
    _tell_config(chosen, told["config_hash"])
    if json:
        say_json(told)
    else:
        _show(told, 1 if language == "fr" else 0, is_whole=offer is not None)


def _tell_config(chosen: Settings, config_hash: str) -> None:
    """Say on the side that the rules are others by now: what is explained are those of the run."""
    from connector.bootstrap import project_of
    from connector.domain.errors import ConfigError

    try:
        is_same = project_of(chosen).hash == config_hash
    except ConfigError:
        is_same = False
    if not is_same:
        ERR.print("[yellow]the configuration changed since this run[/]; explained is what the run decided by")


def _show(told: Mapping[str, Any], language: int, is_whole: bool) -> None:
    head = {name: texts[language] for name, texts in HEADS.items()}
    OUT.print(f"[bold]{escape(told['name'])}[/] ({escape(told['account_id'])}), run {told['run_id']}")
    OUT.print(f"  {head['account']}{head[':']} {', '.join(told['billing_accounts']) or '–'}")
    if told["signals"]:
        OUT.print(f"\n[bold]{head['signals']}[/]")
    for signal in told["signals"]:
        OUT.print(f"  {signal['term']:+.2f}  {escape(signal['evidence'])}")
    for score in told["scores"]:
        _score(score, head, is_whole)
    if not told["scores"]:
        OUT.print(f"\n  {head['none']}")
    if told["nearest"]:
        OUT.print(f"\n[bold]{head['nearest']}[/]")
    for near in told["nearest"]:
        OUT.print(f"  {escape(near['label'])}{head[':']} {escape(near['text'])}")
    if told["decisions"]:
        OUT.print(f"\n[bold]{head['also']}[/]")
    for row in told["decisions"]:
        OUT.print(f"  {escape(row['subject'])}: {escape(row['decision'])}  [dim]{escape(row['detail'] or '')}[/]")
    OUT.print(f"\n{_sentence(told['until'])}")


def _score(score: Mapping[str, Any], head: Mapping[str, str], is_whole: bool) -> None:
    amount = f", +{score['delta_mrr']} {head['month']}" if score["delta_mrr"] else ""
    many = f" × {score['quantity']}" if score["quantity"] > 1 else ""
    OUT.print(f"\n[bold]{escape(score['label'])}{many}{escape(amount)}{head[':']} {escape(score['verdict'])}[/]")
    if score["because"]:
        OUT.print(f"  {head['because']} {escape(score['because'])}")
    elif score["why_now"]:
        OUT.print(f"  {head['now']}{head[':']} {escape(score['why_now'])}")
    OUT.print(f"  {score['base']:+.2f}  {head['base']}{head[':']} {head['likely']} {score['base_likelihood']}")
    for term in score["contributions"]:
        side = head["for"] if term["term"] > 0 else head["against"]
        OUT.print(f"  {term['term']:+.2f}  {side}{head[':']} {escape(term['evidence'])}")
    OUT.print(f"  {score['log_odds']:+.2f}  {head['sum']}{head[':']} {head['likely']} {score['likelihood']}")
    passed = [one["gate"] for one in score["gates"] if one["passed"]]
    OUT.print(f"  {head['gates']}{head[':']} {len(passed)}/{len(score['gates'])} {head['passed']}")
    for one in score["gates"]:
        if not one["passed"] or is_whole:
            mark, text = ("✓", "") if one["passed"] else ("✗", f"{head[':']} {one['text']} [{one['reason']}]")
            OUT.print(f"    {mark} {one['gate']}{escape(text)}")
    for text in score["would_change"]:
        OUT.print(f"  → {escape(text)}")
    OUT.print(f"  {_sentence(score['until'])}")


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."
