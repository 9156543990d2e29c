"""`init`: begins a project."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from connector.cli.options import Json
from connector.cli.output import OUT, say_json

if TYPE_CHECKING:
    from connector.domain.catalogue import Language
    from connector.domain.policy import Holdout
    from connector.services.start import Choice, Started

QUESTIONS = {
    "billing": {
        "en": "Where does billing come from: stripe, files, or both (product usage comes from files, CSV or Parquet)",
        "fr": "D’où vient la facturation : stripe, files (fichiers), ou both (les deux ; l’usage vient de fichiers,"
        " CSV ou Parquet)",
    },
    "customers": {
        "en": "About how many customers pay you (empty: skip the question of a holdout)",
        "fr": "Combien de clients vous paient, environ (vide : passer la question du groupe témoin)",
    },
    "holdout": {
        "en": "Share of them that gets no proposal, so that you can prove what proposals cause (0: none)",
        "fr": "Part d’entre eux sans proposition, pour prouver ce que les propositions apportent (0 : aucune)",
    },
    "crm": {"en": "Where do proposals go", "fr": "Où vont les propositions"},
    "timezone": {
        "en": "Time zone in which your people work and jobs run",
        "fr": "Fuseau horaire où vous travaillez et où les travaux tournent",
    },
}

SUPPOSED = 0.05
"""Share of customers that buy more within 90 days by themselves, as long as nobody has measured it."""
HOLDOUT = {
    "en": "A holdout of {share} %: {held:,} customers get no proposal, {rest:,} do. If {base} % buy more in 90 days"
    " without one, the smallest rise that this finds is +{rise} points (80 % power, two-sided 5 %).",
    "fr": "Groupe témoin de {share} % : {held} clients sans proposition, {rest} avec. Si {base} % achètent davantage en"
    " 90 jours sans proposition, la plus petite hausse détectable est de +{rise} points (puissance 80 %, risque 5 %"
    " bilatéral).",
}
TOO_FEW = {
    "en": "A holdout of {share} %: {held:,} customers get no proposal, {rest:,} do: too few; if {base} % buy more in 90"
    " days without one, only more than a doubling would be found.",
    "fr": "Groupe témoin de {share} % : {held} clients sans proposition, {rest} avec : trop peu ; si {base} % achètent"
    " davantage en 90 jours sans proposition, seul plus qu’un doublement serait mesurable.",
}


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where the project begins.")] = Path(),
    source: Annotated[str | None, typer.Option("--source", help="stripe, files, or both: stripe,files.")] = None,
    crm: Annotated[str | None, typer.Option("--crm", help="salesforce or hubspot.")] = None,
    language: Annotated[
        str | None, typer.Option("--language", help="en or fr: of comments, and of texts where the CRM names none.")
    ] = None,
    timezone: Annotated[
        str | None, typer.Option("--timezone", help="Where your people work: Europe/Paris, America/New_York.")
    ] = None,
    customers: Annotated[
        int | None, typer.Option("--customers", min=1, help="About how many pay you: says what a holdout could find.")
    ] = None,
    holdout: Annotated[
        float | None,
        typer.Option("--holdout", help="Share of customers that get no proposal, by lot: 0.1 to 0.2; else off."),
    ] = None,
    demo: Annotated[bool, typer.Option("--demo", help="Fill it in for the local sandbox, to run at once.")] = False,
    json: Json = False,
) -> None:
    """Begin a project: mappings, playbooks and the settings to fill in, commented. What exists is left alone.

    Asks on a terminal for what is not given.

    Example: connector init acme --source stripe --crm hubspot --language fr
    """
    from connector.config.template import template
    from connector.services.start import start

    ask = sys.stdin.isatty() and not json
    choice = _choice(source, crm, language, timezone, demo, ask)
    choice = replace(choice, holdout=_holdout(choice.language, customers, holdout, ask))
    started = start(folder, template(choice.sources, choice.crm, choice.language), choice)
    if json:
        say_json(
            {
                "home": str(started.home),
                "written": started.written,
                "left": started.left,
                "next": started.next_steps,
                "holdout": _offered(customers) if customers else None,
            }
        )
        return
    if customers and not ask:
        _tell_holdout(customers, choice.language)
    _show(started)


def _holdout(language: Language, customers: int | None, share: float | None, ask: bool) -> Holdout | None:
    """Ask whether some customers shall get no proposal, after saying what that could find; off by default."""
    from secrets import token_hex

    from rich.prompt import Prompt

    from connector.domain.errors import ConfigError
    from connector.domain.policy import Holdout

    if ask and share is None:
        known = str(customers or "")
        told = Prompt.ask(QUESTIONS["customers"][language], default=known, show_default=bool(known))
        if told.isdigit() and int(told):
            _tell_holdout(int(told), language)
            answer = Prompt.ask(QUESTIONS["holdout"][language], choices=["0", "0.1", "0.2"], default="0")
            share = float(answer) or None
    if not share:
        return None
    if not 0.1 <= share <= 0.2:
        cure = "write it like 0.1, which is 10 %; leave it out for none"
        raise ConfigError(f"a holdout of {share:g} is not from 0.1 to 0.2", at="--holdout", hint=cure)
    return Holdout(share=share, salt=f"lot-{token_hex(4)}")  # digits alone would be read as a number


def _offered(customers: int) -> list[dict[str, Any]]:
    from connector.services.holdout_report import SHARES, findable

    return [{"base": SUPPOSED, **findable(customers, share, SUPPOSED)} for share in SHARES]


def _tell_holdout(customers: int, language: Language) -> None:
    for one in _offered(customers):
        rise = one["detectable"]
        told = HOLDOUT[language] if one["is_enough"] else TOO_FEW[language]
        OUT.print(
            told.format(
                share=round(100 * one["share"]),
                held=one["held_out"],
                rest=one["proposed"],
                base=round(100 * SUPPOSED),
                rise=f"{100 * (rise or 0):.1f}" if language == "en" else f"{100 * (rise or 0):.1f}".replace(".", ","),
            ),
            markup=False,
        )


def _choice(
    source: str | None, crm: str | None, language: str | None, timezone: str | None, demo: bool, ask: bool
) -> Choice:
    from rich.prompt import Prompt

    from connector.domain.errors import ConfigError
    from connector.services.start import Choice

    if ask:
        language = language or Prompt.ask("Language / langue", choices=["en", "fr"], default="en")
    spoken = _language(language or "en")
    if ask:
        source = source or Prompt.ask(
            QUESTIONS["billing"][spoken], choices=["stripe", "files", "both"], default="both" if demo else "stripe"
        )
        crm = crm or Prompt.ask(QUESTIONS["crm"][spoken], choices=["salesforce", "hubspot"])
        timezone = timezone or Prompt.ask(QUESTIONS["timezone"][spoken], default=_zone_here())
    source = source or ("both" if demo else "stripe")  # the sandbox bills in Stripe and tells usage in files
    sources = ("stripe", "files") if source == "both" else tuple(part.strip() for part in source.split(","))
    if demo and set(sources) != {"stripe", "files"}:
        raise ConfigError("the sandbox bills in Stripe and tells usage in files", at="--source", hint="leave it out")
    if crm not in ("salesforce", "hubspot"):
        raise ConfigError(f"unknown CRM {crm!r}" if crm else "no CRM named", at="--crm", hint="salesforce or hubspot")
    return Choice(sources, crm, spoken, demo, _zone(timezone))


def _language(name: str) -> Language:
    from connector.domain.errors import ConfigError

    match name:
        case "en":
            return "en"
        case "fr":
            return "fr"
        case other:
            raise ConfigError(f"unknown language {other!r}", at="--language", hint="en or fr")


def _zone(name: str | None) -> str | None:
    from difflib import get_close_matches
    from zoneinfo import available_timezones

    from connector.domain.errors import ConfigError

    if name is None or name in available_timezones():
        return name
    near = get_close_matches(name, sorted(available_timezones()), 1)
    hint = f"did you mean {near[0]}?" if near else "write it like Europe/Paris"
    raise ConfigError(f"unknown time zone {name!r}", at="--timezone", hint=hint)


def _zone_here() -> str:
    """Name this machine's time zone, as far as it tells."""
    from zoneinfo import available_timezones

    linked = str(Path("/etc/localtime").resolve()).partition("zoneinfo/")[2]
    return next((name for name in (os.environ.get("TZ"), linked) if name in available_timezones()), "Europe/Paris")


def _show(started: Started) -> None:
    OUT.print(f"[bold]{len(started.written)} files written[/] in {started.home.resolve()}", markup=True)
    if started.left:
        OUT.print(f"Left as they were: {', '.join(started.left)}", markup=False)
    OUT.print("\n[bold]What next[/]")
    if started.home.resolve() != Path.cwd():
        OUT.print(f"  0. cd {started.home}", markup=False)
    for number, step in enumerate(started.next_steps, 1):
        OUT.print(f"  {number}. {step}", markup=False)
