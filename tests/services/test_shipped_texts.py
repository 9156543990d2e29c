"""What the shipped playbooks say to whoever reads them, in both languages."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from connector.config.yamldoc import load
from connector.domain.account import CrmAccount
from connector.domain.catalogue import Language
from connector.domain.money import Money
from connector.domain.play import Negotiation
from connector.services.texts import render

ROOT = Path(__file__).resolve().parents[2]
BOOK = load(ROOT / "playbooks" / "negotiation.yaml", Negotiation).value
DOCUMENTS = [*sorted((ROOT / "playbooks").glob("*.yaml")), ROOT / "mappings" / "catalog.yaml"]
NO_MOMENT = {"on": date(2026, 12, 21), "label": "", "by": date(2026, 12, 21)}
NAMES: Mapping[str, Any] = {
    "account": CrmAccount("a1", "Acme"),
    "offer": {"label": "Analytics"},
    "quantity": 1,
    "delta_mrr": Money(9_988, "USD"),
    "amount": Money(110_256, "EUR"),
    "basis": "arr",
    "p": 0.31,
    "evidence": ["80 reports by hand; data to 28 Sept"],
    "against": [],
    "terms": [],
    "moment": {"on": date(2026, 11, 30), "label": "They are at the limit already", "by": date(2026, 11, 30)},
    "data_to": date(2026, 9, 28),
    "contact": None,
    "goals": "",
    "irritants": "",
    "need": "reporting",
    "stages": {"consult": "Consult"},
    "opportunity": "the deal",
    "weighted": Money(3_096, "USD"),
    "avoid": [],
    "answer": "Expansion answer",
}


def written(texts: Mapping[Language, str], language: Language = "en", **names: Any) -> str:
    return render(texts[language], language, {**NAMES, **names}).replace("\xa0", " ").replace("\u202f", " ")


def french(part: Any) -> Iterator[str]:
    """Every French text of a document."""
    for name, inner in part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ():
        if name == "fr" and isinstance(inner, str):
            yield inner
        yield from french(inner)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_french_texts_have_typographic_apostrophes(document: Path) -> None:
    """Outside of what is evaluated, no French text holds a typewriter's apostrophe."""
    texts = french(yaml.safe_load(document.read_text(encoding="utf-8")))

    assert [text for text in texts if "'" in re.sub(r"{[{%].*?[%}]}", "", text)] == []


def test_the_amount_says_what_it_is_made_of() -> None:
    """A year of euros stands beside a month of dollars, so the text says how one comes from the other."""
    assert "Amount: €1,102.56 a year (12 × the monthly price above, converted where needed)." in written(BOOK.why)
    assert "Amount: €91.88 a month (the monthly price above, converted where needed)." in written(
        BOOK.why, basis="mrr", amount=Money(9_188, "EUR")
    )
    assert "Montant : 1 102,56 € par an (12 × le prix mensuel ci-dessus" in written(BOOK.why, "fr")


@pytest.mark.parametrize(("language", "why_now"), [("en", "Why now"), ("fr", "Pourquoi maintenant")])
def test_without_a_moment_nothing_is_urgent(language: Language, why_now: str) -> None:
    """The reason why now is told where there is one, and not made up where there is none."""
    for texts in (BOOK.why, BOOK.stages["proposed"][0].body, BOOK.small.body):
        assert why_now in written(texts, language)
        silent = written(texts, language, moment=NO_MOMENT)
        assert why_now not in silent
        assert "2026" not in silent.replace("28 September 2026", "").replace("28 septembre 2026", "")
        assert "\n\n\n" not in silent


@pytest.mark.parametrize(
    ("language", "subject", "next_step"),
    [
        ("en", "Mention to Acme: Analytics (80 reports by hand)", "open the deal yourself"),
        ("fr", "Évoquer avec Acme : Analytics (80 reports by hand)", "créez vous-même the deal"),
    ],
)
def test_a_small_proposal_says_what_comes_next(language: Language, subject: str, next_step: str) -> None:
    """Its one task says what to do when they are interested, and what marking it done means."""
    assert written(BOOK.small.subject, language) == subject
    assert next_step in written(BOOK.small.body, language)
