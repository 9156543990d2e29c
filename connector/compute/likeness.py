"""How likely two accounts are one company: their names word by word, then country, domain and legal form.

Decided here: a plain sum that a person can follow, not a model. A name that agrees to the letter is worth most of it;
what else agrees adds, what differs takes away. A number or a place that only one side has speaks of another company of
the same house, however alike the names are. How much each word counts depends on how many CRM accounts have it: two
companies that share "Consulting" share little.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

from rapidfuzz.distance import OSA

from connector.domain.company_names import CompanyName
from connector.domain.link import Weighed
from connector.domain.name_words import GENERIC, LEGAL_FORMS, NATIONS, PLACES
from connector.domain.web_domains import country_of_domain, label

NAME, COUNTRY, DOMAIN, FORM = 0.85, 0.06, 0.06, 0.03
"""What agreement is worth: an equal name alone scores 0.85."""
OTHER_COUNTRY, OTHER_DOMAIN, OTHER_ENDING, OTHER_FORM, OTHER_GROUP = 0.14, 0.10, 0.02, 0.08, 0.01
"""What difference takes away."""
ONLY_TRADES = 0.15
COMMON_NAME = 0.08
"""Where many accounts bear each word of a name, the name alone tells too little."""
ANOTHER = 0.70
"""The most that accounts score whose numbers or places differ."""

PART_ALIKE, BOTH_ALIKE = 0.5, 0.85
"""How alike the names of two accounts on one domain have to be."""

LONG = 8
"""Letters from which on a whole name with a slip of the pen is told by itself, gaps or none."""

AS_INITIALS = 0.6
"""A name that is the other's initials: enough to be shown, too little to link."""
TWIN_AT = 0.70
"""From this score on, two CRM accounts of one name are taken for one customer that is there twice."""


class Lexicon(Protocol):
    """What the words of the CRM's names are worth."""

    def weight(self, word: str) -> float:
        """How much a word tells: little for a trade and for what many have."""
        ...

    def is_common(self, name: CompanyName) -> bool:
        """Tell whether many accounts bear each word of a name."""
        ...


@dataclass(frozen=True, slots=True)
class Party:
    """What one side shows of a company."""

    id: str
    name: CompanyName
    domain: str | None = None
    """Its own, never a shared one."""
    country: str | None = None
    shared: str | None = None
    """A domain that others have too, so that it says nothing."""


@dataclass(frozen=True, slots=True)
class Alignment:
    """Two names beside each other, word by word."""

    likeness: float
    """The share of their words, by weight, that the other has too: 1 for equal names."""
    ours: tuple[str, ...] = ()
    """Words of the first that the second has in no spelling."""
    theirs: tuple[str, ...] = ()


def weigh(billing: Party, crm: Party, lexicon: Lexicon, names: Alignment | None = None) -> Weighed:
    """Weigh what speaks for two accounts being one company, and what against. `names`: as `aligned` gives them."""
    agrees: list[str] = []
    differs: list[str] = []
    names = names or aligned(billing.name, crm.name, lexicon)
    score = NAME * names.likeness
    _tell_name(billing.name, crm.name, names, agrees, differs)
    score += _country(billing, crm, agrees, differs)
    score += _domain(billing, crm, agrees, differs)
    score += _form(billing.name, crm.name, agrees, differs)
    if billing.name.is_group != crm.name.is_group:
        score -= OTHER_GROUP
        differs.append("only one is a group or holding")
    if lexicon.is_common(billing.name):
        score -= COMMON_NAME
        differs.append("a name that many bear")
    if _shares_only_trades(billing.name, names):
        score -= ONLY_TRADES
    if another := _another(billing, crm, names):
        score = min(score, ANOTHER)
        differs.append(another)
    return Weighed(crm.id, round(min(max(score, 0.0), 1.0), 3), tuple(agrees), tuple(differs))


def fits(billing: Party, crm: Party, lexicon: Lexicon) -> bool:
    """Tell whether two accounts on one domain may be one company: a like name, in no other place, of no other land.

    Of two names that both have a word the other lacks ("Acme Consulting", "Acme Logistics") more has to agree.
    """
    names = aligned(billing.name, crm.name, lexicon)
    if is_elsewhere(billing, crm, names):
        return False
    if names.likeness >= (BOTH_ALIKE if names.ours and names.theirs else PART_ALIKE):
        return True
    return billing.domain is not None and speaks_of(billing.domain, billing.name)


def is_elsewhere(one: Party, other: Party, names: Alignment) -> bool:
    """Tell whether two accounts are told apart: by a number, a country, or a city unless both are in one country."""
    if one.country and one.country == other.country and not _other_number(one, other, names):
        return any(word in NATIONS for word in (*names.ours, *names.theirs))
    return _another(one, other, names) is not None or is_abroad(one, other)


def is_twin(one: Party, other: Party, lexicon: Lexicon) -> bool:
    """Tell whether two accounts of the CRM seem to be one customer that is there twice."""
    names = aligned(one.name, other.name, lexicon)
    if is_elsewhere(one, other, names):
        return False
    if one.domain and one.domain == other.domain:
        return True
    return not (names.ours or names.theirs) and weigh(one, other, lexicon).score >= TWIN_AT


def aligned(one: CompanyName, other: CompanyName, lexicon: Lexicon) -> Alignment:
    """Put two names beside each other, each word by the one it resembles most, whatever their order."""
    if not one.words or not other.words:
        return Alignment(0.0, one.words, other.words)
    if one.joined == other.joined:
        return Alignment(1.0)
    if one.joined == other.initials or one.initials == other.joined:
        return Alignment(AS_INITIALS)
    if len(one.joined) >= LONG and (slipped := word_likeness(one.joined, other.joined)):
        return Alignment(slipped)
    words, left = list(_as_spaced(one.words, other.words)), list(_as_spaced(other.words, one.words))
    total = sum(map(lexicon.weight, words)) + sum(map(lexicon.weight, left))
    ours, matched = [], 0.0
    for word in words:
        if word in left:
            matched += lexicon.weight(word)
            left.remove(word)
        else:
            ours.append(word)
    for word in list(ours) if left else ():
        likeness, near = max((word_likeness(word, theirs), theirs) for theirs in left)
        if likeness:
            matched += likeness * (lexicon.weight(word) + lexicon.weight(near)) / 2
            ours.remove(word)
            left.remove(near)
        if not left:
            break
    return Alignment(min(2 * matched / total, 0.99), tuple(ours), tuple(left))


def _as_spaced(words: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    """Write two words as one where the other name does: Data Dog, DataDog."""
    for place, (one, next_one) in enumerate(pairwise(words)):
        if one + next_one in other:
            return (*words[:place], one + next_one, *words[place + 2 :])
    return words


def word_likeness(one: str, other: str) -> float:
    """1 for one word, less for one that is a slip of the pen away, 0 for another word: a short one is soon another."""
    if one == other:
        return 1.0
    shorter, longer = sorted((one, other), key=len)
    if len(shorter) >= 4 and longer.startswith(shorter) and longer in GENERIC:
        return 0.9
    slips = 0 if len(longer) < 5 else 1 if len(longer) < 9 else 2
    if not slips or longer.isdigit() or len(longer) - len(shorter) > slips:
        return 0.0
    apart = OSA.distance(one, other, score_cutoff=slips)
    return 1.0 - 0.8 * apart / len(longer) if apart <= slips else 0.0


def speaks_of(domain: str, name: CompanyName) -> bool:
    """Tell whether a domain is named after a company: acme.com, acme-group.com, and dbl.de for Dupont Bau Lyon."""
    it, core = label(domain), "".join(name.core)
    return (
        (len(core) >= 4 and (core in it or (len(it) >= 4 and it in name.joined)))
        or it == name.joined
        or it == name.initials
    )


def _tell_name(one: CompanyName, other: CompanyName, names: Alignment, agrees: list[str], differs: list[str]) -> None:
    if names.likeness == 1.0:
        agrees.append("same name")
    elif names.likeness == AS_INITIALS:
        agrees.append("name by its initials")
    elif names.likeness >= 0.5:
        agrees.append(f"name {names.likeness:.0%} alike")
    else:
        differs.append("other name")
    if names.likeness >= 0.5 and (lacking := [*names.ours, *names.theirs]):
        written = dict(zip((*one.words, *other.words), (*one.written, *other.written), strict=True))
        differs.append(f"not in both: {', '.join(written.get(word, word) for word in lacking[:6])}")


def _shares_only_trades(name: CompanyName, names: Alignment) -> bool:
    return 0 < names.likeness < 1.0 and all(word in names.ours for word in name.core)


def _country(billing: Party, crm: Party, agrees: list[str], differs: list[str]) -> float:
    if billing.country and billing.country == crm.country:
        agrees.append(f"country {crm.country}")
        return COUNTRY
    if not is_abroad(billing, crm):
        return 0.0
    differs.append(f"country {_land_text(billing)} ≠ {_land_text(crm)}")
    return -OTHER_COUNTRY


def is_abroad(one: Party, other: Party) -> bool:
    """Tell whether two accounts are of different countries: by their addresses, else domains, else legal forms."""
    is_one_domain = one.domain == other.domain
    ours, theirs = _lands(one, is_one_domain), _lands(other, is_one_domain)
    return bool(ours and theirs) and not ours & theirs


def _lands(party: Party, is_one_domain: bool) -> frozenset[str]:
    if party.country:
        return frozenset([party.country])
    if party.domain and not is_one_domain and (code := country_of_domain(party.domain)):
        return frozenset([code])
    known = [LEGAL_FORMS.get(form, frozenset()) for form in party.name.forms]
    return frozenset().union(*known) if all(known) else frozenset()


def _land_text(party: Party) -> str:
    by_domain = f"of .{party.domain.rpartition('.')[2]}" if party.domain and country_of_domain(party.domain) else ""
    return party.country or by_domain or f"of {' '.join(sorted(party.name.forms))}"


def _domain(billing: Party, crm: Party, agrees: list[str], differs: list[str]) -> float:
    if billing.shared:
        differs.append(f"several customers share {billing.shared}")
    if not billing.domain or not crm.domain:
        return 0.0
    if billing.domain == crm.domain:
        agrees.append(f"domain {crm.domain}")
        return DOMAIN
    if label(billing.domain) == label(crm.domain):
        # One company under two endings, or two of one name, each with its own: this alone does not tell.
        differs.append(f"domain {billing.domain} ~ {crm.domain}")
        return -OTHER_ENDING
    differs.append(f"domain {billing.domain} ≠ {crm.domain}")
    return -OTHER_DOMAIN


def _form(one: CompanyName, other: CompanyName, agrees: list[str], differs: list[str]) -> float:
    if not one.forms or not other.forms:
        return 0.0
    if shared := one.forms & other.forms:
        agrees.append(f"legal form {' '.join(sorted(shared))}")
        return FORM
    differs.append(f"legal form {' '.join(sorted(one.forms))} ≠ {' '.join(sorted(other.forms))}")
    return -OTHER_FORM


def _another(billing: Party, crm: Party, names: Alignment) -> str | None:
    """Say what makes it another company of the same house, or another of the same name."""
    if _other_number(billing, crm, names):
        return "other number: " + " ≠ ".join(
            " ".join(sorted(one.numbers)) or "none" for one in (billing.name, crm.name)
        )
    for lacking, plain in ((names.ours, crm), (names.theirs, billing)):
        extra = [word for word in lacking if word in PLACES]
        if any(not plain.country or NATIONS.get(place) != plain.country for place in extra):
            return f"only one is in {', '.join(extra)}"
    return None


def _other_number(one: Party, other: Party, names: Alignment) -> bool:
    return names.likeness < 1.0 and one.name.numbers != other.name.numbers
