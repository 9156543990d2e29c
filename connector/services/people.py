"""Whom to call at a customer, and why that person: the one most lately in touch among those who decide."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from typing import Any

from connector.domain.account import Contact
from connector.domain.catalogue import Language
from connector.services.texts import day

DECIDES = re.compile(
    r"\b(?:chief|head|vice|direct|manage|lead|owner|(?:co-?)?found|fondat|responsable|g[ée]rant|jefe)"
    r"|\b(?:c[a-z]o|[es]?vp|daf|p?dg)\b|leit(?:er|ung)",
    re.IGNORECASE,
)
WHY = {
    ("en", True): "last in touch on {day}",
    ("en", False): "no talk on record yet",
    ("fr", True): "dernier échange le {day}",
    ("fr", False): "aucun échange noté pour l’instant",
}


def whom_to_call(contacts: Sequence[Contact], language: Language) -> dict[str, Any] | None:
    """Pick a contact and say why, or None when the CRM knows nobody."""
    if not contacts:
        return None
    best = max(contacts, key=_rank)
    why = WHY[language, best.last_touch is not None]
    return {
        "contact": best,
        "name": best.name,
        "role": best.role or "",
        "why": why.format(day=day(best.last_touch, language)) if best.last_touch else why,
    }


def _rank(contact: Contact) -> tuple[bool, date, str]:
    # The id breaks ties, so that the same world always names the same person.
    return bool(DECIDES.search(contact.role or "")), contact.last_touch or date.min, contact.id
