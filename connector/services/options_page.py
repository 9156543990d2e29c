"""The options page: today, A and B side by side, for the meeting in which contract changes are compared.

It is desired while the opportunity is in *confront*, and hangs on it. What the customer said in *consult* is cited as
it was noted; a brake that nobody noted is asked for. Whether it is handed over is its owner's to decide: we send
nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

from connector.domain.account import CrmAccount
from connector.domain.catalogue import Catalogue, Language
from connector.domain.change import Desired, RecordType, Ref
from connector.domain.episode import Episode
from connector.domain.intent import Intent, intent_of
from connector.domain.keys import document_key
from connector.domain.money import Money
from connector.services.brief_page import Written
from connector.services.desk import Desk
from connector.services.documents import Document, attached
from connector.services.options import Option, Options, read_options
from connector.services.page import listed, page, pairs, section, table
from connector.services.reasons import ruled
from connector.services.texts import day, headline, in_language, money, number, typeset

CONFRONT = "confront"
_WORDS: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "title": "Options: {name}",
        "file": "Options {name}",
        "under": "{offer} · prepared for {owner}, {on}",
        "compare": "Side by side",
        "today": "Today",
        "a": "Option A",
        "b": "Option B",
        "what": "What",
        "price": "Price a month",
        "change": "Change a month",
        "worth": "Worth to them",
        "return": "Return",
        "condition": "Condition",
        "trade": "Give and take",
        "units": "{offer} × {quantity}",
        "nothing": "no change",
        "limits": "Limits",
        "at": "{label}: {pace} of {limit}",
        "unknown_worth": "ask them what it would save",
        "hour": "{amount} ({hours} hour; {source})",
        "hours": "{amount} ({hours} hours; {source})",
        "worth_of": "{amount} ({source})",
        "times": "{times} × what it costs",
        "no_condition": "none",
        "concede": "a discount of {percent}%: {condition}",
        "nothing_for_nothing": "no discount without something in return",
        "theirs": "Their own proposal: ask",
        "said": "What they said",
        "interests": "Interests",
        "drivers": "Drivers",
        "brakes": "Objections",
        "ask": "unknown: ask",
        "answers": "What answers an objection, and what to know",
        "no_answers": "Nothing is noted in the catalogue: bring a customer who does it.",
        "why": "What their own use shows",
        "foot": "Data to {on}. Monthly prices without tax; one-off fees stand apart.",
    },
    "fr": {
        "title": "Options : {name}",
        "file": "Options {name}",
        "under": "{offer} · préparé pour {owner}, le {on}",
        "compare": "Côte à côte",
        "today": "Aujourd’hui",
        "a": "Option A",
        "b": "Option B",
        "what": "Quoi",
        "price": "Prix par mois",
        "change": "Écart par mois",
        "worth": "Gain estimé",
        "return": "Retour attendu",
        "condition": "Condition",
        "trade": "Concession et contrepartie",
        "units": "{offer} × {quantity}",
        "nothing": "rien ne change",
        "limits": "Limites",
        "at": "{label} : {pace} sur {limit}",
        "unknown_worth": "à leur demander : ce que cela ferait gagner",
        "hour": "{amount} ({hours} heure ; {source})",
        "hours": "{amount} ({hours} heures ; {source})",
        "worth_of": "{amount} ({source})",
        "times": "{times} × ce que cela coûte",
        "no_condition": "aucune",
        "concede": "remise de {percent} % : {condition}",
        "nothing_for_nothing": "pas de remise sans contrepartie",
        "theirs": "Leur propre proposition : à demander",
        "said": "Ce qu’ils ont dit",
        "interests": "Intérêts",
        "drivers": "Moteurs",
        "brakes": "Freins",
        "ask": "inconnus, à demander",
        "answers": "Ce qui répond à un frein, et ce qu’il faut savoir",
        "no_answers": "Rien n’est noté au catalogue : citez un client qui l’a fait.",
        "why": "Ce que montrent les données d’usage",
        "foot": "Données au {on}. Prix mensuels hors taxes ; frais ponctuels à part.",
    },
}


def options_page(desk: Desk, episode: Episode) -> list[Desired]:
    """The page of an opportunity that is in *confront*; none elsewhere, or where nothing was kept to compare."""
    record = desk.world.opportunity(episode.key)
    if record is None or desk.world.our_stage(record) != CONFRONT or "offer" not in episode.brief:
        return []
    intent, account = intent_of(episode.brief), desk.world.accounts[episode.account_id]
    owner = desk.world.owner("ae", account)
    if owner is None or not intent.options:
        return []
    written = written_options(account, owner.name, intent, desk.rules.catalogue, desk.today, desk.world.language(owner))
    document = Document(
        key=document_key(episode.key, "options"),
        account=account,
        owner=owner,
        title=written.title,
        name=written.name,
        page=written.page,
        core=written.core,
        reason="negotiation: options",
        on=desk.today,
        data_to=intent.data_to,
        places=[
            ("opportunity", Ref(RecordType.OPPORTUNITY, key=episode.key)),
            ("account", Ref(RecordType.ACCOUNT, id=account.id)),
        ],
    )
    return attached(desk, document)


def written_options(
    account: CrmAccount, owner: str, intent: Intent, catalogue: Catalogue, today: date, language: Language
) -> Written:
    """Write the page in its owner's language."""
    said = {key: typeset(text, language) for key, text in _WORDS[language].items()}
    told = read_options(intent.options)
    offer = in_language(catalogue.offers[intent.offer].label, language)
    title = said["title"].format(name=account.name)
    foot = said["foot"].format(on=day(intent.data_to, language))
    rows = _rows(told, catalogue, said, language)
    heads = [said["today"], said["a"], said["b"]]
    answers = [in_language(one, language) for one in intent.terms]
    shown = [headline(in_language(one.evidence, language)) for one in ruled(intent.contributions) if one.term > 0]
    sections = [
        section(said["compare"], table(heads, rows)),
        section(said["said"], pairs(_said(account, said))),
        section(said["answers"], listed(answers, said["no_answers"])),
        section(said["why"], listed(shown[:4])) if shown else "",
    ]
    under = said["under"].format(offer=offer, owner=owner, on=day(today, language))
    colon = typeset(" :", language) if language == "fr" else ":"
    short = [f"{head}{colon} {cells[i]}" for i, head in enumerate(heads) for name, cells in rows[1:2]]
    core = "\n".join([offer, *short, "", foot])
    name = said["file"].format(name=account.name)
    return Written(title, name, page(title, under, language, sections, foot), core, foot)


def _rows(
    told: Options, catalogue: Catalogue, said: Mapping[str, str], language: Language
) -> list[tuple[str, tuple[str, str, str]]]:
    shown = [told.a, *([told.b] if told.b is not None else [])]

    def row(name: str, today: str, cells: list[str], theirs: str = "") -> tuple[str, tuple[str, str, str]]:
        return said[name], (today, cells[0], cells[1] if len(cells) > 1 else theirs)

    plan = (
        in_language(catalogue.offers[told.plan].label, language) if told.plan and told.plan in catalogue.offers else ""
    )
    now = said["units"].format(offer=plan, quantity=number(round(told.seats), language)) if told.seats else plan
    price = [Money(told.pays.minor + one.costs.minor, told.pays.currency) for one in shown]
    rows = [
        row("what", now or said["nothing"], [_what(one, catalogue, said, language) for one in shown], said["theirs"]),
        row("price", money(told.pays, language), [money(one, language) for one in price]),
        row("change", said["nothing"], [_signed(one.costs, language) for one in shown]),
        row("limits", "\n".join(_limits(told, catalogue, said, language)), [""] * len(shown)),
        row("worth", "", [_worth(one, said, language) for one in shown]),
        row("return", "", [_return(one, said, language) for one in shown]),
        row("condition", "", [in_language(one.condition or {}, language) or said["no_condition"] for one in shown]),
        row("trade", "", [_trade(one, said, language) for one in shown], said["nothing_for_nothing"]),
    ]
    return [(name, cells) for name, cells in rows if any(cells)]


def _what(one: Option, catalogue: Catalogue, said: Mapping[str, str], language: Language) -> str:
    label = in_language(catalogue.offers[one.offer].label, language)
    return said["units"].format(offer=label, quantity=number(one.quantity, language)) if one.quantity > 1 else label


def _signed(amount: Money, language: Language) -> str:
    return f"{'+' if amount.minor >= 0 else '−'}{money(Money(abs(amount.minor), amount.currency), language)}"


def _limits(told: Options, catalogue: Catalogue, said: Mapping[str, str], language: Language) -> Iterator[str]:
    for metric, pace, limit in told.limits:
        if metric in catalogue.metrics:
            label = in_language(catalogue.metrics[metric].label, language)
            shown = (number(round(value), language) for value in (pace, limit))
            yield said["at"].format(label=label, **dict(zip(("pace", "limit"), shown, strict=True)))


def _worth(one: Option, said: Mapping[str, str], language: Language) -> str:
    if one.worth is None:
        return said["unknown_worth"]
    shape = said["worth_of"] if not one.hours else said["hour" if one.hours == 1 else "hours"]
    source = in_language(one.source or {}, language)
    return shape.format(amount=money(one.worth, language), hours=number(one.hours, language), source=source)


def _return(one: Option, said: Mapping[str, str], language: Language) -> str:
    """What it is worth against what it costs; nothing where either is not known, or it would not pay."""
    if one.worth is None or not 0 < one.costs.minor <= one.worth.minor:
        return ""
    return said["times"].format(times=number(round(one.worth.minor / one.costs.minor, 1), language))


def _trade(one: Option, said: Mapping[str, str], language: Language) -> str:
    if not one.percent:
        return said["nothing_for_nothing"]
    condition = in_language(one.condition or {}, language)
    return said["concede"].format(percent=number(one.percent, language), condition=condition)


def _said(account: CrmAccount, said: Mapping[str, str]) -> Iterator[tuple[str, str, bool]]:
    for fact in ("interests", "drivers", "brakes"):
        told = account.facts.get(fact, "").strip()
        yield said[fact], told or said["ask"], not told
