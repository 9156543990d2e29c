"""What a company's name says, part by part: what tells it apart, its legal forms, places and numbers.

Decided here: a legal form, an article or a remark never makes two names different, and a number or a place always
does: "Studio 12" is not "Studio 21", and "Acme Deutschland" is not "Acme Iberia".
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from connector.domain.name_words import (
    GENERIC,
    GLUED_FORMS,
    GROUPS,
    LEGAL_FORMS,
    LINKING,
    LONG_FORMS,
    PLACES,
    REMARKS,
    SAME_FORM,
    SAME_PLACE,
    SHORT,
)

# Letters that Unicode takes for letters of their own, and company names for spellings.
SPELLINGS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe", "ı": "i", "ð": "d", "þ": "th"})
DOTTED = re.compile(r"(?<=\b\w)\.(?=\w\b)")
WORD = re.compile(r"[^\W_]+")
APOSTROPHE = re.compile(r"(?<=\w)['’`´](?=s\b)")
INITIALS = re.compile(r"\b\w(?: \w)+\b")
LONG_FORM = re.compile(r"\b(" + "|".join(sorted(LONG_FORMS, key=len, reverse=True)) + r")\b")
UMLAUT = re.compile(r"(?<!q)(?<=[aou])e")
GLUED = re.compile("|".join(GLUED_FORMS))
LONGEST = 300
"""Letters of a name that are read; more of it would only cost time."""


@dataclass(frozen=True, slots=True)
class CompanyName:
    """A name, taken apart."""

    words: tuple[str, ...]
    """What tells it apart, trades included, in its order; never empty unless the name holds no letter."""
    joined: str
    """The same without gaps: "Data Dog" is "DataDog"."""
    written: tuple[str, ...] = ()
    """The words as people know them, for people."""
    forms: frozenset[str] = frozenset()
    places: frozenset[str] = frozenset()
    numbers: frozenset[str] = frozenset()
    is_group: bool = False

    @property
    def initials(self) -> str:
        """The first letters of three words or more; empty for fewer."""
        return "".join(word[0] for word in self.words) if len(self.words) > 2 else ""

    @property
    def core(self) -> tuple[str, ...]:
        """The words that are no trade."""
        return tuple(word for word in self.words if word not in GENERIC)


def plain_name(text: str | None) -> str:
    """A company's name without accents, punctuation and legal form."""
    words = _words(text)
    return " ".join([word for word in words if not _is_silent(word)] or words)


def company_name(text: str | None) -> CompanyName:
    """Take a name apart."""
    words = _words(text)
    telling = [word for word in words if not _is_silent(word)] or words
    telling = telling[:1] + [word for word in telling[1:] if word not in REMARKS]
    spelled = [SHORT.get(word, word) for word in map(_folded, telling)]
    kept = tuple(SAME_PLACE.get(word, word) for word in spelled)
    return CompanyName(
        words=kept,
        joined="".join(kept),
        written=tuple(telling),
        forms=frozenset(SAME_FORM.get(word, word) for word in words if word in LEGAL_FORMS and word not in telling),
        places=frozenset(word for word in kept if word in PLACES),
        numbers=frozenset(word.lstrip("0") or "0" for word in kept if any(letter.isdigit() for letter in word)),
        is_group=any(word in GROUPS for word in words),
    )


def _words(text: str | None) -> list[str]:
    letters = unicodedata.normalize("NFKD", (text or "")[:LONGEST].casefold())
    flat = "".join(letter for letter in letters if not unicodedata.combining(letter)).translate(SPELLINGS)
    apart = GLUED.sub(lambda found: f" {GLUED_FORMS[found[0]]} ", flat)
    spaced = " ".join(WORD.findall(APOSTROPHE.sub("", DOTTED.sub("", apart))))
    told = LONG_FORM.sub(lambda found: LONG_FORMS[found[0]], spaced)
    return INITIALS.sub(lambda found: found[0].replace(" ", ""), told).split()


def _is_silent(word: str) -> bool:
    return word in LEGAL_FORMS or word in GROUPS or word in LINKING


def _folded(word: str) -> str:
    """Write an umlaut's two spellings in one way: Müller (by now muller) and Mueller."""
    return UMLAUT.sub("", word) if len(word) > 4 else word
