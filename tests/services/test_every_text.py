"""D24: Every shipped template, in both languages, for three accounts: as people read it, and within its limits.

What is read line by line stands in `tests/data/texts`; `UPDATE_TEXTS=1 pytest tests/services/test_every_text.py` writes
it anew after a text was changed on purpose.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from connector.config.project import load_project
from connector.config.settings import shipped
from connector.domain.account import CrmAccount
from connector.domain.catalogue import Language
from connector.domain.intent import Moment
from connector.domain.money import Money
from connector.domain.play import Step, Whom
from connector.services.check import steps_of
from connector.services.example import LONG_NAME, text_names
from connector.services.moment import moment_names
from connector.services.texts import as_html, day, in_language, render
from connector.services.wording import (
    LONGEST_SUBJECT,
    MOST_LINES,
    body_of,
    letter,
    one_line,
    subject_of,
    words_for,
)

RULES = load_project(shipped(), ["stripe"], "salesforce")
DATA = Path(__file__).resolve().parents[1] / "data" / "texts"
LANGUAGES: tuple[Language, ...] = ("en", "fr")
RENEWAL = date(2027, 3, 16)
_RENEWS: Mapping[Language, str] = {"en": "The contract renews on", "fr": "Renouvellement du contrat le"}
DAYS = {
    "data_to": date(2026, 11, 21),
    "on": date(2026, 11, 12),
    "until": date(2026, 12, 1),
    "review_on": date(2026, 12, 1),
    "renewal_on": RENEWAL,
}
OF_A_PLAY: Mapping[str, Mapping[Language, str]] = {
    "dormant": {"en": "nobody has used Analytics for 62 days", "fr": "personne n’utilise Analytics depuis 62 jours"},
    "congratulate": {
        "en": "they raised €4m on 12 November 2026 (Example News)",
        "fr": "levée de fonds de 4 M€ le 12 novembre 2026 (Example News)",
    },
}
"""What a play is about, where it is not about a limit."""
HOSTILE = (
    "<script>alert(1)</script>",
    "{{7*7}}{% for a in b %}",
    "Zoë 🚀 & Söhne \u202eGmbH",
    "x" * 255,
    "Two\nlines\r\nand\ttabs",
    "",
)


def nordwind(language: Language) -> dict[str, Any]:
    """A usual customer: two reasons, a contact, nothing noted yet."""
    said = {
        "en": [
            "47 of 50 seats in use at the peak, and 45 or more on 19 of the last 28 days",
            "stopped by the limit of seats 4 times in the last 28 days, last on 19 Nov 2026",
        ],
        "fr": [
            "jusqu’à 47 licences utilisées sur 50, et 45 ou plus pendant 19 des 28 derniers jours",
            "4 blocages faute de licence libre sur les 28 derniers jours, le dernier le 19 nov. 2026",
        ],
    }[language]
    data = {"en": "; data to 21 Nov 2026", "fr": " ; données au 21 nov. 2026"}[language]
    names = text_names(RULES, language)
    return {
        **names,
        **DAYS,
        "owner": "Léa Martin",
        "moment": moment_names(
            Moment("renewal", RENEWAL, {one: f"{_RENEWS[one]} {day(RENEWAL, one)}" for one in LANGUAGES}), language
        ),
        **(_in_french(names) if language == "fr" else {}),
        "account": CrmAccount("a1", "Nordwind"),
        "evidence": [f"{line}{data}" for line in said],
        "goals": "",
        "delta_mrr": Money(9_900, "EUR"),
        "weighted": Money(3_000, "EUR"),
        "avoid": [],
        "subject": "Call Nordwind",
        "stage": "Consult",
    }


def _in_french(names: Mapping[str, Any]) -> dict[str, Any]:
    """What the catalogue, the contacts and the save play say in French: a feminine plural shows a wrong agreement."""
    label = RULES.catalogue.offers["seats"].label["fr"]
    return {
        "offer": {**names["offer"], "label": label},
        "announce": [label],
        "contact": {"name": "Ana Ruiz", "role": "DAF", "why": "aucun échange dans le CRM"},
        "reasons": ["Une facture est en retard de 21 jours"],
        "next": ["Demandez à la comptabilité ce qui a été envoyé et répondu"],
        "links": ["Guide : https://example.com/guide"],
    }


def known_well(language: Language) -> dict[str, Any]:
    """A customer whose goals, brakes and deciders were written down, with a renewal open and a long name."""
    english = language == "en"
    return {
        **nordwind(language),
        "account": CrmAccount("a2", LONG_NAME),
        "goals": "close the month in three days" if english else "clôturer le mois en trois jours",
        "interests": "fewer exports by hand" if english else "moins d’exports à la main",
        "drivers": "the auditors want it" if english else "les auditeurs le demandent",
        "brakes": "IT has no time before June" if english else "la DSI n’a pas de temps avant juin",
        "deciders": "Mia Ray (CFO) signs" if english else "Mia Ray (DAF) signe",
        "avoid": [
            "the price of the renewal (“Renewal 2027” is open)"
            if english
            else "le prix du renouvellement (« Renouvellement 2027 » est en cours)"
        ],
        "terms": [
            "One-off, not in the monthly price: Onboarding, €500"
            if english
            else "Frais uniques, en sus du prix mensuel : Mise en service, 500 €"
        ],
        "quantity": 12,
    }


def unknown(language: Language) -> dict[str, Any]:
    """A customer of whom the CRM knows nobody."""
    return {**nordwind(language), "account": CrmAccount("a3", "Acme"), "contact": None}


ACCOUNTS = {"nordwind": nordwind, "known_well": known_well, "unknown": unknown}


def steps() -> Iterator[tuple[str, Step]]:
    """Every shipped step, and each of its variants as a step of its own."""
    for document, loc, step in steps_of(RULES):
        name = ".".join([document.split("/")[1].removesuffix(".yaml"), *map(str, loc), step.id])
        yield name, step
        for i, one in enumerate(step.variants):
            said = replace(step, subject=one.subject or step.subject, body=one.body or step.body, variants=())
            yield f"{name}.variant{i}", said


def told(step: Step, language: Language, names: Mapping[str, Any]) -> tuple[str, str, str]:
    """Subject, body and letter as they are written."""
    words = words_for(step, Whom())
    subject = subject_of(words.subject, language, names, None)
    body = body_of(step, words.body, language, names, None)
    if step.email is None or not names["contact"]:
        return subject, body, ""
    return subject, body, letter(step.email, Whom(), language, language, names, None)


def _about(step: str, language: Language) -> dict[str, Any]:
    """The one reason of a play that is not about a limit."""
    play = next((one for one in OF_A_PLAY if f".{one}." in step), None)
    data = {"en": "; data to 21 Nov 2026", "fr": " ; données au 21 nov. 2026"}[language]
    return {} if play is None else {"evidence": [f"{OF_A_PLAY[play][language]}{data}"]}


def other_letters(name: str, step: Step, language: Language, names: Mapping[str, Any]) -> Iterator[str]:
    """The letters that a step has for some profiles."""
    email = step.email if names["contact"] else None
    for one in email.variants if email is not None else ():
        assert email is not None
        profile = one.when.profiles[0]
        yield f"### {name}, {profile}{letter(email, Whom(profile=profile), language, language, names, None)}\n"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("account", ACCOUNTS)
def test_d24_every_text_reads_as_it_was_read(account: str, language: Language) -> None:
    """D24: What each template says for three customers is what somebody read line by line."""
    names, parts = ACCOUNTS[account](language), []
    for name, step in steps():
        subject, body, mail = told(step, language, {**names, **_about(name, language)})
        parts.append(f"## {name}\n{subject}\n\n{body}{mail}\n")
        parts += other_letters(name, step, language, names)
    text = "\n".join(parts).replace("\xa0", "·").replace("\u202f", "·")
    path = DATA / f"{account}.{language}.txt"
    if os.environ.get("UPDATE_TEXTS"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")

    assert path.read_text("utf-8") == text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("account", [*ACCOUNTS, "worst"])
def test_d24_no_text_is_over_its_limit(account: str, language: Language) -> None:
    """D24: A subject has at most 80 characters in French too, a body at most ten short lines, in the worst case too."""
    worst = {**text_names(RULES, language, worst=True), "subject": "x", "stage": "y"}
    names = ACCOUNTS[account](language) if account in ACCOUNTS else worst
    for name, step in steps():
        subject, body, _ = told(step, language, names)
        lines = [line for line in body.splitlines() if line.strip()]
        assert 0 < len(subject) <= LONGEST_SUBJECT, (name, subject)
        assert len(lines) <= MOST_LINES, (name, body)
        assert account == "worst" or max(map(len, lines)) <= 230, (name, max(lines, key=len))
        assert "\n\n\n" not in body, name


@pytest.mark.parametrize("hostile", HOSTILE, ids=["script", "template", "emoji", "255", "lines", "empty"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_d24_a_hostile_name_is_data(hostile: str, language: Language) -> None:
    """D24: Whatever a customer calls itself is shown, never evaluated, on one line of a subject, escaped for HTML."""
    names = {**known_well(language), "account": CrmAccount("a9", hostile), "deciders": hostile, "goals": hostile}
    for name, step in steps():
        subject, body, mail = told(step, language, names)

        assert len(subject) <= LONGEST_SUBJECT, (name, subject)
        assert "\n" not in subject, name
        assert "49" not in subject, name
        assert "<script>" not in as_html(body + mail), name
        if "{{7" in hostile:
            assert "{{7*7}}" in one_line(render("{{ account.name }}", language, names))


@pytest.mark.parametrize("language", LANGUAGES)
def test_d24_a_subject_begins_with_a_verb_and_names_the_account(language: Language) -> None:
    """D24: Verb, account and reason: the account's name stands in each subject, a long one shortened."""
    for name, step in steps():
        subject, _, _ = told(step, language, known_well(language))

        assert LONG_NAME[:14] in subject, (name, subject)


def test_d24_letters_speak_to_their_reader() -> None:
    """D24: Figures for a controller, an example for a designer, the outcome for a chief, in the contact's language."""
    step = RULES.negotiation.stages["proposed"][0]
    assert step.email is not None
    said = {
        profile: letter(step.email, Whom(profile=profile), "en", "fr", {**nordwind("fr"), "owner": "Ana"}, None)
        for profile in ("analytical", "creative", "executive", None)
    }

    assert len(set(said.values())) == 4
    for text in said.values():
        assert "E-mail to paste, if you like" in text
        assert "Objet\xa0:" in text
        assert "Bonjour" in text
    assert "Quelques chiffres" in said["analytical"]
    assert "sur un exemple" in said["creative"]
    assert "quel est votre objectif prioritaire" in said["executive"]


def test_d24_the_amount_of_the_day_is_written_by_locale() -> None:
    """D24: Money and days are written as each language writes them."""
    _, english, _ = told(RULES.negotiation.stages["proposed"][0], "en", nordwind("en"))
    _, french, _ = told(RULES.negotiation.stages["proposed"][0], "fr", nordwind("fr"))

    assert "€99 a month in all (€30 weighted by a likelihood of 30%)" in english
    assert "99\xa0€ par mois au total (30\xa0€ pondérés par un score d’appétence de 30\xa0%)" in french
    assert in_language({"en": "a", "fr": "b"}, "fr") == "b"
    assert date(2026, 9, 30).year == 2026
