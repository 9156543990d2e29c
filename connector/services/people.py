"""Whom to call at a customer, and why that person: the one most lately in touch among those who decide."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from connector.compute.countries import country_code
from connector.domain.account import Contact, CrmAccount
from connector.domain.catalogue import Language
from connector.domain.mapping import ContactMap, Profile
from connector.services.texts import day

DECIDES = re.compile(
    r"\b(?:chief|head|vice|direct|manage|lead|owner|(?:co-?)?found|fondat|responsable|g[ée]rant|jefe)"
    r"|\b(?:c[a-z]o|[es]?vp|daf|p?dg)\b|leit(?:er|ung)",
    re.IGNORECASE,
)
SPOKEN_IN = {
    **dict.fromkeys(("FR", "MC", "SN", "CI", "TN", "MA"), "fr"),
    **dict.fromkeys(("GB", "IE", "US", "AU", "NZ"), "en"),
}
"""What people speak who do not say it, in countries where one language is likely."""
WHY = {
    ("en", True): "last in touch on {day}",
    ("en", False): "no conversation on record",
    ("fr", True): "dernier échange le {day}",
    ("fr", False): "aucun échange dans le CRM",
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


def profile_of(called: Mapping[str, Any] | None, mapping: ContactMap) -> Profile | None:
    """How somebody wants to be spoken to, by their role; None where nothing tells."""
    role = called["role"] if called else ""
    some = (profile for profile, pattern in mapping.profiles.items() if re.search(pattern, role, re.IGNORECASE))
    return next(some, None) if role else None


def language_of(called: Mapping[str, Any] | None, account: CrmAccount, otherwise: Language) -> Language:
    """What a contact speaks: as the CRM says of them, of their account, or by its country."""
    contact: Contact | None = called["contact"] if called else None
    country = country_code(account.country) if account.country else ""
    told = (contact.language if contact else None) or account.language or SPOKEN_IN.get(country, "")
    return "fr" if told[:2].lower() == "fr" else "en" if told else otherwise


def _rank(contact: Contact) -> tuple[bool, date, str]:
    # The id breaks ties, so that the same world always names the same person.
    return bool(DECIDES.search(contact.role or "")), contact.last_touch or date.min, contact.id
