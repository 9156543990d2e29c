"""Companies as billing and a CRM spell them, labelled: what matching is chosen on, and, with other seeds, tested on.

Decided here: the noise is what names meet on their way into two systems: legal forms left out, written long or dotted,
accents lost, umlauts written out, trades abbreviated, slips of the pen, words in another order, a department or a
remark behind the name, a person's name instead of the company's. And what makes matching dangerous: subsidiaries on
their group's domain, homonyms in other countries, unrelated companies that share a plain word, accountants who pay for
their clients from their own domain, customers that the CRM lacks while it has their namesake, and the same customer
twice in the CRM. One seed gives one world, always.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from connector.domain.account import BillingAccount, CrmAccount
from connector.testing.company_words import (
    ABBREVIATED,
    DEPARTMENTS,
    FIRST_NAMES,
    FREE,
    LANDS,
    LONG_FORMS,
    PAGES,
    PLAIN_WORDS,
    REMARKS,
    TRADES,
    Land,
)

CHOOSING = (11, 12, 13, 14, 15, 21, 22, 23)
"""Seeds on which the thresholds were chosen; tests use others."""
UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"})


@dataclass(frozen=True)
class Labelled:
    """Both sides, and for each billing account the CRM accounts that are right: none, one, or one that is twice."""

    billing: Sequence[BillingAccount]
    crm: Sequence[CrmAccount]
    truth: dict[str, frozenset[str]]


@dataclass
class _Company:
    number: int
    land: Land
    core: str
    trade: str
    form: str
    domain: str
    city: str
    place: str = ""
    parent: _Company | None = None
    crm_id: str | None = None


def labelled(seed: int, size: int) -> Labelled:
    """Invent `size` billing accounts and the CRM beside them."""
    rng = Random(seed)
    companies: list[_Company] = []
    taken: set[str] = set()
    agencies = [_company(rng, number, [], taken) for number in range(max(3, size // 120))]
    billing: list[BillingAccount] = []
    crm: list[CrmAccount] = []
    truth: dict[str, frozenset[str]] = {}
    crm.extend(_in_crm(rng, agency, f"agency-{agency.number}") for agency in agencies if rng.random() < 0.6)
    while len(billing) < size:
        company = _company(rng, len(companies) + 10_000, companies, taken)
        companies.append(company)
        where = rng.random()
        right = _enter(rng, company, crm) if where < 0.88 else frozenset()
        if where >= 0.14:
            for _ in range(2 if rng.random() < 0.03 else 1):
                id = f"cus_{seed}_{len(billing)}"
                billing.append(_in_billing(rng, company, id, agencies))
                truth[id] = right
    rng.shuffle(crm)
    return Labelled(billing[:size], crm, {one.id: truth[one.id] for one in billing[:size]})


def _enter(rng: Random, company: _Company, crm: list[CrmAccount]) -> frozenset[str]:
    company.crm_id = f"001{len(crm):07d}"
    crm.append(_in_crm(rng, company, company.crm_id))
    if rng.random() >= 0.03:
        return frozenset([company.crm_id])
    crm.append(_in_crm(rng, company, company.crm_id + "-b"))
    return frozenset([company.crm_id, company.crm_id + "-b"])


def _company(rng: Random, number: int, others: Sequence[_Company], taken: set[str]) -> _Company:
    """A new company: most are of their own, some belong to a house, some are only called like another."""
    kind = rng.random()
    land = rng.choices(LANDS, [land.share for land in LANDS])[0]
    other = rng.choice(others) if others else None
    if other is not None and kind < 0.09:
        return _subsidiary(rng, number, land, other.parent or other, taken)
    core = _core(rng, land)
    # Plain words and surnames seldom stand alone: a register takes no name twice.
    is_bare = " " not in core and (core in PLAIN_WORDS or core in land.surnames)
    trade = rng.choice(TRADES[land.code]) if rng.random() < (0.9 if is_bare else 0.5) else ""
    if other is not None and kind < 0.15:  # a homonym elsewhere
        core, trade = other.core, other.trade if rng.random() < 0.5 else trade
        while land is other.land:
            land = rng.choice(LANDS)
    elif other is not None and kind < 0.20:  # another trade under the same word
        core, land = other.core, other.land
        trade = rng.choice([trade for trade in TRADES[land.code] if trade != other.trade])
    elif kind < 0.23:
        core = f"{rng.choice(PLAIN_WORDS)} {rng.randint(2, 99)}"
    if f"{core} {trade} {land.code}" in taken and rng.random() < 0.9:
        return _company(rng, number, others, taken)
    taken.add(f"{core} {trade} {land.code}")
    made = _Company(number, land, core, trade, rng.choice(land.forms), "", rng.choice(land.cities))
    made.domain = _domain(rng, made, taken)
    return made


def _subsidiary(rng: Random, number: int, land: Land, parent: _Company, taken: set[str]) -> _Company:
    """A branch in a city, or a company in another land that is told by its place, or by nothing but its legal form."""
    city = rng.random() < 0.25
    while not city and land is parent.land:
        land = rng.choice(LANDS)
    place = rng.choice(land.cities) if city else rng.choice((land.names[0], land.names[0], ""))
    made = _Company(number, land, parent.core, parent.trade, rng.choice(land.forms), "", rng.choice(land.cities))
    made.domain = parent.domain if rng.random() < 0.6 else _domain(rng, made, taken)
    made.parent, made.place = parent, place
    return made


def _core(rng: Random, land: Land) -> str:
    kind = rng.random()
    if kind < 0.16:
        return rng.choice(PLAIN_WORDS)
    if kind < 0.40:
        name = rng.choice(land.surnames)
        return rng.choice((name, f"{name} & {rng.choice(land.surnames)}", f"{rng.choice(FIRST_NAMES)} {name}"))
    word = "".join(rng.choice(land.syllables) for _ in range(rng.choice((2, 3, 3, 4)))).capitalize()
    return word if kind < 0.85 else f"{word} {rng.choice(PLAIN_WORDS)}"


def _domain(rng: Random, company: _Company, taken: set[str]) -> str:
    """A domain named after the company, or after an abbreviation nobody understands; no two companies have one."""
    words = _ascii(f"{company.core} {company.trade if rng.random() < 0.4 else ''}").replace("&", " ").split()
    slug = rng.choice(("", "-")).join(words).lower() or "company"
    tld = rng.choice((company.land.tld, company.land.tld, "com", "io", "eu"))
    domain = f"{slug}.{tld}"
    if domain in taken or rng.random() < 0.15:
        domain = f"{slug[:3]}{company.number}.{tld}"
    taken.add(domain)
    return domain


def _in_billing(rng: Random, company: _Company, id: str, agencies: Sequence[_Company]) -> BillingAccount:
    name = _spelled(rng, company, form=0.75)
    if rng.random() < 0.02:
        name = f"{rng.choice(FIRST_NAMES)} {rng.choice(company.land.surnames)}"
    domain = rng.choices(
        (
            company.domain,
            f"mail.{company.domain}",
            f"{company.domain.split('.')[0]}.{rng.choice(('com', 'io', 'net', company.land.tld))}",
            rng.choice(FREE),
            rng.choice(agencies).domain,
            None,
        ),
        (0.58, 0.04, 0.05, 0.15, 0.05, 0.13),
    )[0]
    country = company.land.code if rng.random() < 0.9 else None
    if country and rng.random() < 0.015:
        country = rng.choice(LANDS).code
    return BillingAccount(id, "invented", name, domain=domain, country=country)


def _in_crm(rng: Random, company: _Company, id: str) -> CrmAccount:
    slug = company.domain.split(".")[0]
    domain = rng.choices(
        (
            rng.choice(
                (company.domain, f"www.{company.domain}", f"https://www.{company.domain}/", f"http://{company.domain}")
            ),
            f"{slug}.{rng.choice(('com', 'net', 'org', company.land.tld))}",
            rng.choice(PAGES).format(slug),
            None,
        ),
        (0.78, 0.05, 0.03, 0.14),
    )[0]
    country = rng.choice(company.land.names) if rng.random() < 0.8 else None
    parent = company.parent.crm_id if company.parent and rng.random() < 0.6 else None
    return CrmAccount(id, _spelled(rng, company, form=0.5), domain=domain, parent_id=parent, country=country)


def _spelled(rng: Random, company: _Company, form: float) -> str:
    """One of the ways a name is written; `form`: how often the legal form is there."""
    words = company.core.split()
    if company.trade and rng.random() >= 0.04:
        words.append(_trade(rng, company.trade))
    if company.place:
        words.append(company.place)
    if rng.random() < 0.06:
        place = rng.randrange(len(words))
        words[place] = _slipped(rng, words[place])
    if len(words) > 1 and rng.random() < 0.03:
        words = [*words[1:], words[0]]
    gap = "" if len(words) == 2 and rng.random() < 0.04 else " "
    name = gap.join(words)
    if rng.random() < 0.03:
        name = rng.choice((f"{name} Group", f"Groupe {name}", f"The {name}", f"{name} Holding"))
    if rng.random() < form:
        name = f"{name}{rng.choice((' ', ' ', ', '))}{_form(rng, company)}"
    if rng.random() < 0.04:
        name = f"{name} {rng.choice((*REMARKS, '- ' + rng.choice(DEPARTMENTS), f'({company.city})'))}"
    return _typed(rng, name)


def _trade(rng: Random, trade: str) -> str:
    return rng.choice(ABBREVIATED[trade]) if trade in ABBREVIATED and rng.random() < 0.15 else trade


def _form(rng: Random, company: _Company) -> str:
    how = rng.random()
    if how < 0.02:
        return rng.choice(company.land.forms)  # it was changed, or typed by somebody who did not know
    if how < 0.08:
        return LONG_FORMS.get(company.form, company.form)
    if how < 0.14 and company.form.isalpha() and company.form.isupper():
        return ".".join(company.form) + "."
    return company.form.replace(".", "") if how < 0.3 else company.form


def _slipped(rng: Random, word: str) -> str:
    """One slip of the pen: two letters swapped, one left out, doubled, or another."""
    if len(word) < 4:
        return word
    at = rng.randrange(1, len(word) - 1)
    return rng.choice(
        (
            word[:at] + word[at + 1] + word[at] + word[at + 2 :],
            word[:at] + word[at + 1 :],
            word[:at] + word[at] + word[at:],
            word[:at] + rng.choice("aeionrst") + word[at + 1 :],
        )
    )


def _typed(rng: Random, name: str) -> str:
    how = rng.random()
    if how < 0.12:
        name = name.translate(UMLAUTS)
    elif how < 0.34:
        name = _ascii(name)
    case = rng.random()
    if case < 0.08:
        name = name.upper()
    elif case < 0.12:
        name = name.lower()
    if rng.random() < 0.02:
        name = f" {name}  "
    return name[:32].strip() if rng.random() < 0.01 else name


def _ascii(text: str) -> str:
    flat = unicodedata.normalize("NFKD", text)
    return "".join(letter for letter in flat if not unicodedata.combining(letter))
