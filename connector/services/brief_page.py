"""Words a business review's brief in its reader's language: the page to print, and its core for a note's text.

The page is for whoever holds the review, not for the customer: it names what is open and what is to be announced.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from connector.domain.account import CrmAccount
from connector.domain.catalogue import Language
from connector.services.brief import BriefFacts, Kpi, Surprises
from connector.services.page import Bar, bars, escaped, listed, page, pairs, section
from connector.services.texts import day, headline, in_language, money, number, short_day, typeset

Words = Mapping[str, str]
_WORDS: Mapping[Language, Words] = {
    "en": {
        "title": "Business review: {name}",
        "file": "Business review {name} {on}",
        "under": "{on} · internal brief, not for the customer",
        "contract": "The contract",
        "pays": "Pays",
        "a_month": "{amount} a month",
        "plan": "Plan",
        "seats": "Seats",
        "renewal": "Renews",
        "no_renewal": "no date known: ask",
        "goals_head": "What they want",
        "goals": "Goals",
        "irritants": "Pain points",
        "interests": "Interests",
        "drivers": "Drivers",
        "brakes": "Objections",
        "ask": "unknown: ask",
        "usage": "What they use",
        "no_usage": "No usage is known.",
        "year": "year ago",
        "before": "28 days before",
        "now": "last 28 days",
        "same": "same as the 28 days before",
        "change": "{percent}% on the 28 days before",
        "limit": "limit {limit}",
        "value": "What it is worth to them",
        "no_value": "Nothing can be worked out: ask what they gained.",
        "worth": "{label}: {hours} h a month, worth {amount} ({source})",
        "limits": "Limits met",
        "no_limits": "None.",
        "at_limit": "{label}: {pace} of {limit}",
        "over": "{label}: {pace} of {limit}, over it on {days} of the last 28 days",
        "uncovered": "Needs not covered",
        "no_uncovered": "None seen: ask what they do elsewhere.",
        "announce": "To announce, not to sell",
        "announced": "{label}: +{amount} a month",
        "meeting": "Propose a separate meeting for it.",
        "no_announce": "Nothing: keep to their goals.",
        "surprises": "Not to be surprised by",
        "no_surprises": "Nothing open is known.",
        "overdue": "One invoice overdue for {late}",
        "overdues": "{count} overdue invoices, the oldest for {late}",
        "dispute": "One open dispute",
        "disputes": "{count} open disputes",
        "escalated": "A support escalation open since {on}",
        "nps": "Last satisfaction score: {score} of 10, on {on}",
        "cancel": "The subscription ends on {on}: it was cancelled",
        "day": "{days} day",
        "days": "{days} days",
        "foot": "Data to {on}. Usage is that of the last 28 days.",
    },
    "fr": {
        "title": "Revue d’affaires : {name}",
        "file": "Revue d’affaires {name} {on}",
        "under": "{on} · document interne, à ne pas remettre au client",
        "contract": "Le contrat",
        "pays": "Montant facturé",
        "a_month": "{amount} par mois",
        "plan": "Formule",
        "seats": "Licences",
        "renewal": "Renouvellement",
        "no_renewal": "date inconnue : à demander",
        "goals_head": "Ce qu’ils veulent",
        "goals": "Objectifs",
        "irritants": "Irritants",
        "interests": "Intérêts",
        "drivers": "Moteurs",
        "brakes": "Freins",
        "ask": "inconnus, à demander",
        "usage": "Ce qu’ils utilisent",
        "no_usage": "Aucun usage connu.",
        "year": "il y a un an",
        "before": "28 j d’avant",
        "now": "28 derniers j",
        "same": "comme les 28 jours d’avant",
        "change": "{percent} % par rapport aux 28 jours d’avant",
        "limit": "limite {limit}",
        "value": "Ce que cela leur apporte",
        "no_value": "Rien de calculable : demandez-leur ce qu’ils y ont gagné.",
        "worth": "{label} : {hours} h par mois, soit {amount} ({source})",
        "limits": "Limites atteintes",
        "no_limits": "Aucune.",
        "at_limit": "{label} : {pace} sur {limit}",
        "over": "{label} : {pace} sur {limit}, limite dépassée pendant {days} des 28 derniers jours",
        "uncovered": "Besoins non couverts",
        "no_uncovered": "Aucun repéré : demandez-leur ce qu’ils font ailleurs.",
        "announce": "À annoncer, sans vendre",
        "announced": "{label} : +{amount} par mois",
        "meeting": "Proposez pour cela un rendez-vous dédié.",
        "no_announce": "Rien : restez-en à leurs objectifs.",
        "surprises": "À savoir avant d’y aller",
        "no_surprises": "Rien d’ouvert à notre connaissance.",
        "overdue": "Une facture en retard de {late}",
        "overdues": "{count} factures en retard, la plus ancienne de {late}",
        "dispute": "Un litige en cours",
        "disputes": "{count} litiges en cours",
        "escalated": "Une escalade au support ouverte depuis le {on}",
        "nps": "Dernière note de satisfaction : {score} sur 10, le {on}",
        "cancel": "L’abonnement prend fin le {on} : il a été résilié",
        "day": "{days} jour",
        "days": "{days} jours",
        "foot": "Données au {on}. L’usage est celui des 28 derniers jours.",
    },
}
_ASKED = ("goals", "irritants", "interests", "drivers", "brakes")


@dataclass(frozen=True)
class Written:
    """A document in words: its title, the name of its file, the page, and its core as plain text."""

    title: str
    name: str
    page: str
    core: str
    data_line: str
    """The line that dates its data: by it, a text that was written lately is known."""


def words(language: Language) -> Words:
    """Give the brief's words with their typography."""
    return {key: typeset(text, language) for key, text in _WORDS[language].items()}


def written_brief(account: CrmAccount, on: date, facts: BriefFacts, language: Language) -> Written:
    """Write the brief of one review."""
    said = words(language)
    title = said["title"].format(name=account.name)
    foot = said["foot"].format(on=day(facts.data_to, language))
    return Written(
        title=title,
        name=said["file"].format(name=account.name, on=on.isoformat()),
        page=page(
            title, said["under"].format(on=day(on, language)), language, _sections(account, facts, said, language), foot
        ),
        core="\n".join([*_core(account, facts, said, language), "", foot]),
        data_line=foot,
    )


def _sections(account: CrmAccount, facts: BriefFacts, said: Words, language: Language) -> Iterator[str]:
    yield section(said["contract"], pairs(_contract(facts, said, language)))
    yield section(said["goals_head"], pairs(_goals(account, said)))
    shown = "".join(_kpi(kpi, said, language) for kpi in facts.kpis)
    yield section(said["usage"], f'<div class="kpis">{shown}</div>' if shown else listed((), said["no_usage"]))
    yield section(said["limits"], listed(_limits(facts.kpis, said, language), said["no_limits"]))
    yield section(said["value"], listed(_values(facts, said, language), said["no_value"]))
    lines = [headline(in_language(one, language)) for one in facts.uncovered]
    yield section(said["uncovered"], listed(lines, said["no_uncovered"]))
    announced = listed(_announced(facts, said, language), said["no_announce"])
    more = f"<p>{escaped(said['meeting'])}</p>" if facts.announced else ""
    yield section(said["announce"], announced + more)
    yield section(said["surprises"], listed(surprise_lines(facts.surprises, language), said["no_surprises"]))


def _contract(facts: BriefFacts, said: Words, language: Language) -> Iterator[tuple[str, str, bool]]:
    yield said["pays"], said["a_month"].format(amount=money(facts.pays, language)), False
    if facts.plan:
        yield said["plan"], in_language(facts.plan, language), False
    if facts.seats:
        yield said["seats"], number(_round(facts.seats), language), False
    renewal = day(facts.renewal_on, language) if facts.renewal_on else said["no_renewal"]
    yield said["renewal"], renewal, facts.renewal_on is None


def _goals(account: CrmAccount, said: Words) -> Iterator[tuple[str, str, bool]]:
    for fact in _ASKED:
        told = account.facts.get(fact, "").strip()
        if told or fact in ("goals", "irritants"):
            yield said[fact], told or said["ask"], not told


def _kpi(kpi: Kpi, said: Words, language: Language) -> str:
    label, shown = in_language(kpi.label, language), number(_round(kpi.now), language)
    change = _change(kpi, said, language)
    values = [Bar(kpi.year_ago, said["year"])] if kpi.year_ago is not None else []
    values += [Bar(kpi.before, said["before"]), Bar(kpi.now, said["now"])]
    # A limit is drawn only where it is counted as the bars are: the pace of a month is not a sum of 28 days.
    is_gauge = kpi.limit is not None and abs(kpi.pace - kpi.now) <= 0.25 * max(kpi.pace, 1.0)
    limit = kpi.limit if is_gauge else None
    told = ", ".join(filter(None, (f"{label} {shown}", change)))
    under = [change, *([said["limit"].format(limit=number(_round(kpi.limit), language))] if kpi.limit else [])]
    small = "".join(f"<small>{escaped(line)}</small>" for line in (label, " · ".join(filter(None, under))))
    return f'<div class="kpi"><b>{escaped(shown)}</b>{small}{bars(values, limit, told)}</div>'


def _change(kpi: Kpi, said: Words, language: Language) -> str:
    percent = round((kpi.growth or 0) * 100)
    if kpi.growth is None or percent == 0:
        return said["same"] if kpi.growth is not None else ""
    sign = "+" if percent > 0 else "−"
    return said["change"].format(percent=f"{sign}{number(abs(percent), language)}")


def _limits(kpis: Sequence[Kpi], said: Words, language: Language) -> Iterator[str]:
    for kpi in kpis:
        if kpi.is_near and kpi.limit is not None:
            shape = said["over"] if kpi.days_over else said["at_limit"]
            yield shape.format(
                label=in_language(kpi.label, language),
                pace=number(_round(kpi.pace), language),
                limit=number(_round(kpi.limit), language),
                days=kpi.days_over,
            )


def _values(facts: BriefFacts, said: Words, language: Language) -> Iterator[str]:
    for one in facts.value:
        yield said["worth"].format(
            label=in_language(one.label, language),
            hours=number(one.hours, language),
            amount=money(one.worth, language),
            source=in_language(one.source, language),
        )


def _announced(facts: BriefFacts, said: Words, language: Language) -> Iterator[str]:
    for one in facts.announced:
        line = said["announced"].format(label=in_language(one.label, language), amount=money(one.adds, language))
        why = headline(in_language(one.evidence, language))
        yield f"{line} ({why})" if why else line


def surprise_lines(open_now: Surprises, language: Language) -> Iterator[str]:
    """Say what is open, a line each."""
    said = words(language)
    if open_now.cancel_on is not None:
        yield said["cancel"].format(on=day(open_now.cancel_on, language))
    if open_now.overdue:
        shape = said["overdue" if open_now.overdue == 1 else "overdues"]
        late = open_now.days_overdue or 0
        days = said["day" if late == 1 else "days"].format(days=late)
        yield shape.format(count=open_now.overdue, late=days)
    if open_now.disputes:
        yield said["dispute" if open_now.disputes == 1 else "disputes"].format(count=open_now.disputes)
    if open_now.escalated_on is not None:
        yield said["escalated"].format(on=day(open_now.escalated_on, language))
    if open_now.nps is not None and open_now.nps_on is not None:
        yield said["nps"].format(score=number(_round(open_now.nps), language), on=short_day(open_now.nps_on, language))


def _core(account: CrmAccount, facts: BriefFacts, said: Words, language: Language) -> Iterator[str]:
    """At most ten lines: what one has to know if one reads nothing else."""
    for name, value, _ in [*_contract(facts, said, language)][:1]:
        yield f"{name}: {value}" if language == "en" else typeset(f"{name} : {value}", language)
    for name, value, _ in [*_goals(account, said)][:2]:
        yield f"{name}: {value}" if language == "en" else typeset(f"{name} : {value}", language)
    for heading, lines in (
        ("limits", [*_limits(facts.kpis, said, language)]),
        ("announce", [*_announced(facts, said, language)]),
        ("surprises", [*surprise_lines(facts.surprises, language)]),
    ):
        if lines:
            told = typeset(" ; " if language == "fr" else "; ", language).join(lines[:2])
            yield f"{said[heading]}: {told}" if language == "en" else typeset(f"{said[heading]} : {told}", language)


def _round(value: float) -> float:
    return round(value) if value >= 100 or value == round(value) else round(value, 1)
