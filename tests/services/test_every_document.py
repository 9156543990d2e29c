"""D24: What is no task: the opportunity's texts, each signal's reason, the notes and pages, in both languages.

What is read line by line stands in `tests/data/texts/documents.*.txt`; `UPDATE_TEXTS=1 pytest
tests/services/test_every_document.py` writes it anew after a text was changed on purpose.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from typing import Any

import pytest

from connector.domain.account import CrmAccount
from connector.domain.catalogue import Language
from connector.domain.change import Desired
from connector.domain.intent import ReviewIntent
from connector.services.brief_page import written_brief
from connector.services.options_page import written_options
from connector.services.texts import in_language, render
from tests.services import test_billed as bills
from tests.services import test_briefs as briefs
from tests.services import test_cards as cards
from tests.services import test_options_page as options
from tests.services.test_every_text import DATA, LANGUAGES, RULES, known_well

CUSTOMER = CrmAccount("a1", "Nordwind", facts={"goals": "close the month in three days"})
SAID: dict[str, Any] = {
    "pace": 4_870.0,
    "limit": 5_000.0,
    "days_near_limit": 19,
    "level_28": 84.0,
    "level_previous": 60.0,
    "active_days": 17,
    "count_28": 3,
    "count_90": 2,
    "last_on": date(2026, 11, 19),
    "data_to": date(2026, 11, 21),
    "growth_percent": 40,
    "growth_year_percent": 65,
    "growth_year": 0.65,
    "milestone": 10_000,
    "years": 3,
    "last_anniversary_on": date(2026, 11, 3),
    "detail": "Jo Lind becomes chief operating officer",
    "event": "leadership_change",
    "link": "https://example.com/news",
    "crm_review_on": date(2026, 11, 5),
    "crm_reported": "a new site opens in March",
    "crm_reported_note": "they asked about more seats",
    "crm_reported_on": date(2026, 11, 4),
    "crm_reported_by": "Sam Hill",
    "crm_leadership": "Jo Lind, chief operating officer",
    "crm_leadership_on": date(2026, 11, 2),
    "crm_head_count": 240.0,
    "crm_head_before_count": 180.0,
    "peer_percent": 38,
    "peer_count": 120,
    "renewal_on": date(2027, 3, 16),
    "days_to_renewal": 115,
    "activity_percent": 31,
    "unused_days": 62,
    "metrics_used": 2,
    "tenure_days": 45,
    "minutes_28": 300.0,
}


class Lines(HTMLParser):
    """A page as lines of text: cells of a row side by side."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text = ""
        self.hidden = 0
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.hidden += tag in ("style", "title", "svg")
        self.text += (
            " | " if tag in ("td", "th") else "\n" if tag in ("p", "h1", "h2", "li", "tr", "dt", "div") else " "
        )

    def handle_endtag(self, tag: str) -> None:
        self.hidden -= tag in ("style", "title", "svg")

    def handle_data(self, data: str) -> None:
        self.text += "" if self.hidden else data


def lines(page: str) -> str:
    text = re.sub(r"[ \t]+", " ", Lines(page).text)
    return "\n".join(line.strip(" ") for line in text.splitlines() if line.strip(" |"))


def the_opportunity(language: Language) -> Iterator[tuple[str, str]]:
    book, names = RULES.negotiation, known_well(language)
    for name, texts in (("title", book.title), ("why", book.why), ("next step", book.next_step)):
        yield f"opportunity: {name}", render(in_language(texts, language), language, names)


def the_reasons(language: Language) -> Iterator[tuple[str, str]]:
    label = {"en": "documents", "fr": "documents"}[language]
    offer = RULES.catalogue.offers["prod_analytics" if "prod_analytics" in RULES.catalogue.offers else "analytics"]
    names = {**SAID, "label": label, "offer_label": in_language(offer.label, language)}
    for name, rule in RULES.signals.rules.items():
        yield f"reason: {name}", render(rule.evidence[language], language, names)


def the_care(language: Language) -> Iterator[tuple[str, str]]:
    names = {"days": 21, "count": 2, "on": date(2026, 11, 30), "percent": 31, "score": 6.0}
    for name, one in RULES.save.reasons.items():
        why = render(in_language(one.why, language), language, names)
        yield f"care: {name}", f"{why}\n→ {render(in_language(one.next, language), language, names)}"


def the_notes(language: Language) -> Iterator[tuple[str, str]]:
    owner = "u2" if language == "fr" else "u1"
    mine = {"accounts": {"a1": replace(CUSTOMER, owner_id=owner)}}
    late = briefs.account(overdue_invoices=1, days_overdue=21, renewal_on=date(2027, 1, 31))
    review = ReviewIntent("a1", ("b1",), date(2026, 10, 20), date(2026, 1, 31), 0, None)
    [card] = cards.made(briefs.world(**mine, episodes=(cards.OPEN,)), cards.told(late, reviews=(review,)))
    yield "account card", said(card)
    for name, measured in (("billed", bills.told(date(2026, 8, 1))), ("not billed", bills.told(None))):
        [note] = bills.notes(measured, **mine)
        yield name, said(note)


def said(note: Desired) -> str:
    body = next(str(field.value) for name, field in note.fields.items() if name in ("Body", "hs_note_body"))
    return f"{note.title}\n{lines(body) if '<' in body else body}"


def the_pages(language: Language) -> Iterator[tuple[str, str]]:
    facts = briefs.gathered(
        overdue_invoices=2, days_overdue=21, escalated_on=date(2026, 9, 3), nps=6.0, nps_on=briefs.TODAY
    )
    brief = written_brief(CUSTOMER, briefs.REVIEW.on, facts, language)
    yield "brief", lines(brief.page)
    yield "brief, in the task", brief.core
    proposed = options.proposed(options.SIGNED, worth=options.SAVES)
    shown = written_options(CUSTOMER, "Léa Martin", proposed, RULES.catalogue, briefs.TODAY, language)
    yield "options", lines(shown.page)
    yield "options, in the note", shown.core


@pytest.mark.parametrize("language", LANGUAGES)
def test_d24_every_document_reads_as_it_was_read(language: Language) -> None:
    """D24: Reasons, notes and pages say what somebody read line by line."""
    parts = [
        f"## {name}\n{text.strip()}\n"
        for made in (the_opportunity, the_reasons, the_care, the_notes, the_pages)
        for name, text in made(language)
    ]
    text = "\n".join(parts).replace("\xa0", "·").replace("\u202f", "·")
    path = DATA / f"documents.{language}.txt"
    if os.environ.get("UPDATE_TEXTS"):
        path.write_text(text, encoding="utf-8")

    assert path.read_text("utf-8") == text
