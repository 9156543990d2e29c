"""A lived-in CRM: accounts with gaps and duplicates, people, and what the sales team is already doing.

It is a picture of one day, drawn after the billing world: who is missing, spelled otherwise or kept twice does not
depend on the day, what is open does.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta

import numpy as np

from connector.sandbox.company import names
from connector.sandbox.company.accounts import stream
from connector.sandbox.company.history import Life
from connector.sandbox.company.model import Account, AccountKind, Contact, CrmAccount, CrmWorld, Owner
from connector.sandbox.company.pipeline import Desk, opportunities_of, tasks_of

OWNERS: tuple[Owner, ...] = (
    Owner("ae1", "Margaux", "Thévenin", "margaux.thevenin@northlight.example", "ae", "fr", "Europe/Paris"),
    Owner("ae2", "Rémi", "Castaing", "remi.castaing@northlight.example", "ae", "fr", "Europe/Paris"),
    Owner("ae3", "Oliver", "Stanbury", "oliver.stanbury@northlight.example", "ae", "en", "Europe/London"),
    Owner("ae4", "Grace", "Lindqvist", "grace.lindqvist@northlight.example", "ae", "en", "America/New_York"),
    Owner("ae5", "Tobias", "Wendland", "tobias.wendland@northlight.example", "ae", "en", "Europe/Berlin"),
    Owner("ae6", "Inès", "Marchal", "ines.marchal@northlight.example", "ae", "fr", "Europe/Brussels"),
    Owner("ae7", "Carla", "Bermejo", "carla.bermejo@northlight.example", "ae", "en", "Europe/Madrid"),
    Owner("ae8", "Victor", "Hale", "victor.hale@northlight.example", "ae", "en", "America/New_York", active=False),
    Owner("csm1", "Sophie", "Arnoult", "sophie.arnoult@northlight.example", "csm", "fr", "Europe/Paris"),
    Owner("csm2", "Nadia", "Okafor", "nadia.okafor@northlight.example", "csm", "en", "Europe/London"),
    Owner("csm3", "Ethan", "Brandt", "ethan.brandt@northlight.example", "csm", "en", "America/New_York"),
)
_TERRITORIES = {
    "FR": ("ae1", "ae2"),
    "BE": ("ae6",),
    "CH": ("ae6", "ae5"),
    "DE": ("ae5",),
    "ES": ("ae7",),
    "GB": ("ae3",),
    "US": ("ae4", "ae8"),
    "CA": ("ae4", "ae6"),
}
_GOALS = {
    "fr": "Objectif : réduire la saisie manuelle de moitié. Irritant : exports comptables refaits chaque mois.",
    "en": "Goal: close the month in five days. Irritant: reports are rebuilt in spreadsheets every week.",
    "de": "Ziel: Verträge ohne Papier. Ärgernis: Freigaben dauern zu lange.",
    "es": "Objetivo: abrir dos sedes nuevas. Molestia: el equipo de campo no tiene acceso móvil.",
}
_PROSPECTS = 24


@dataclass
class _Names:
    """E-mail addresses given out so far: a CRM holds each once."""

    emails: set[str] = field(default_factory=set)

    def email(self, first: str, last: str, domain: str) -> str:
        local, serial = f"{names.ascii_slug(first)}.{names.ascii_slug(last)}", 1
        address = f"{local}@{domain}"
        while address in self.emails:
            serial += 1
            address = f"{local}{serial}@{domain}"
        self.emails.add(address)
        return address


def crm_world(seed: int, accounts: tuple[Account, ...], lives: list[Life], as_of: date) -> CrmWorld:
    """Everything the CRM holds on a day."""
    kept = [account for account in _accounts(seed, accounts) if account.created.date() <= as_of]
    kept += _duplicates(seed, kept) + _prospects(seed, as_of)
    taken, billing = _Names(), {account.id: account for account in accounts}
    contacts = [
        person for place, account in enumerate(kept) for person in _people(seed, place, account, billing, taken, as_of)
    ]
    desk = Desk(seed, as_of, kept, contacts, {life.account.id: life for life in lives}, OWNERS)
    return CrmWorld(OWNERS, tuple(kept), tuple(contacts), tuple(opportunities_of(desk)), tuple(tasks_of(desk)))


def _accounts(seed: int, accounts: tuple[Account, ...]) -> list[CrmAccount]:
    """One CRM account a company; some groups are kept as one account, and a tenth of the customers is missing."""
    doubles = {a.same_company_as: a.id for a in accounts if a.kind is AccountKind.DUPLICATE}
    parents = list(dict.fromkeys(account.parent for account in accounts if account.parent))
    as_one = set(parents[::2])
    made: dict[str, CrmAccount] = {}
    for account in accounts:
        rng = stream(seed, "crm", account.number)
        missing = rng.random() < 0.1
        if account.kind in (AccountKind.DUPLICATE, AccountKind.TEST) or account.parent in as_one:
            continue
        if account.id in parents or not missing:
            made[account.id] = _account(rng, account, doubles.get(account.id), account.id in parents)
    for account in accounts:
        if account.parent in as_one:
            parent = made[account.parent]
            made[account.parent] = replace(parent, billing=(*parent.billing, account.id))
        elif account.parent in made and account.id in made:
            made[account.id] = replace(made[account.id], parent=made[account.parent].key)
    return list(made.values())


def _account(rng: np.random.Generator, account: Account, double: str | None, is_parent: bool) -> CrmAccount:
    """The CRM's view of a billing account: another spelling, no domain, an owner by territory."""
    spelling, no_domain, linked, described = rng.random(4)
    name = account.name
    if spelling < 0.2:
        spellings = (name.rsplit(" ", 1)[0], names.without_accents(name), name.upper(), name.replace(" ", "  ", 1))
        name = spellings[int(rng.integers(len(spellings)))]
    company_domain = account.domain or names.ascii_slug(account.name.rsplit(" ", 1)[0]) + ".example"
    sellers = _TERRITORIES[account.country]
    return CrmAccount(
        key=f"acc-{account.number}",
        name=name,
        domain=None if no_domain < 0.09 and not is_parent else company_domain,
        country=account.country,
        city=account.city,
        industry=account.industry,
        employees=round(account.employees * float(rng.uniform(0.85, 1.15))),
        owner=sellers[int(rng.integers(len(sellers)))],
        created=account.created - timedelta(days=int(rng.integers(1, 90))),
        description=_GOALS[account.language] if described < 0.07 else None,
        billing=(account.id, double) if double else (account.id,),
        named_in_billing=(account.id,) if linked < 0.35 else (),
    )


def _duplicates(seed: int, accounts: list[CrmAccount]) -> list[CrmAccount]:
    """One account in twenty-five is there twice, so that its match is ambiguous."""
    rng = stream(seed, "twice")
    sellers = [owner.key for owner in OWNERS if owner.role == "ae" and owner.active]
    made = []
    for account in accounts:
        twice, keeps_domain, seller = rng.random() < 0.045, rng.random() < 0.75, int(rng.integers(len(sellers)))
        if twice and not account.named_in_billing and account.parent is None:
            made.append(
                replace(
                    account,
                    key=account.key + "-b",
                    name=account.name if not keeps_domain else account.name.rsplit(" ", 1)[0] + " (old)",
                    domain=account.domain if keeps_domain else None,
                    owner=sellers[seller],
                    created=account.created + timedelta(hours=5),
                    description=None,
                )
            )
    return made


def _prospects(seed: int, as_of: date) -> list[CrmAccount]:
    """Companies the team talks to that have no billing account yet."""
    rng = stream(seed, "prospect")
    made = []
    for number in range(_PROSPECTS):
        country = names.COUNTRIES[number % len(names.COUNTRIES)]
        language = country.languages[0]
        industry = names.INDUSTRIES[int(rng.integers(len(names.INDUSTRIES)))]
        stem = names.STEMS[language][int(rng.integers(len(names.STEMS[language])))]
        core = f"Nouveau {stem}" if language == "fr" else f"{stem} {number + 100}"
        made.append(
            CrmAccount(
                key=f"prospect-{number}",
                name=f"{core} {country.suffixes[0]}",
                domain=names.ascii_slug(f"{core} {number}") + ".example",
                country=country.code,
                city=country.cities[0],
                industry=industry,
                employees=int(rng.integers(8, 400)),
                owner=_TERRITORIES[country.code][0],
                created=_recently(as_of, int(rng.integers(20, 200))),
            )
        )
    return made


def _recently(as_of: date, days: int) -> datetime:
    return datetime.combine(as_of - timedelta(days=days), time(9, 30), UTC)


def _people(
    seed: int, place: int, account: CrmAccount, billing: dict[str, Account], taken: _Names, as_of: date
) -> list[Contact]:
    """Up to four people an account; some accounts have nobody, some people no address."""
    rng = stream(seed, "people", place)
    language = _language(account, billing)
    domain = account.domain or names.ascii_slug(account.name) + ".example"
    made = []
    count = int(rng.choice((0, 1, 2, 3, 4), p=(0.08, 0.27, 0.33, 0.22, 0.1)))
    for number, role in enumerate(rng.permutation(list(names.TITLES))[:count]):
        speaks = "en" if rng.random() < 0.1 else language
        first = str(rng.choice(names.FIRST_NAMES[language]))
        last = str(rng.choice(names.LAST_NAMES[language]))
        has_email, has_title, has_role = rng.random() > 0.08, rng.random() > 0.07, rng.random() > 0.35
        quiet = int(rng.integers(2, 300))
        made.append(
            Contact(
                key=f"{account.key}-p{number}",
                account=account.key,
                first_name=first,
                last_name=last,
                email=taken.email(first, last, domain) if has_email else None,
                title=names.TITLES[str(role)][language] if has_title else None,
                buying_role=names.BUYING_ROLES[str(role)] if has_role else None,
                language=speaks,
                country=account.country,
                owner=account.owner,
                created=account.created + timedelta(days=number, hours=1),
                last_activity=as_of - timedelta(days=quiet) if quiet < 240 else None,
            )
        )
    return made


def _language(account: CrmAccount, billing: dict[str, Account]) -> str:
    """The language of the customer, or the first of its country for a company that is none yet."""
    if account.billing:
        return billing[account.billing[0]].language
    return next(country.languages[0] for country in names.COUNTRIES if country.code == account.country)
