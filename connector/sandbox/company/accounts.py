"""Who the demo company's customers are: their names, places, currencies, and which of them are dirt.

Each account draws from a random stream of its own, named by seed, purpose and number. A change to one account's
story can therefore never shift another's, and the same account is met again when the world is cut at another day.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np

from connector.sandbox.company import names
from connector.sandbox.company.model import Account, AccountKind

WORLD_START = date(2024, 4, 1)
"""The vendor moved to Stripe from this day on, each older customer when its contract renewed."""
LAST_ARRIVAL = date(2026, 9, 26)
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SEGMENTS = {"smb": 0.55, "mid": 0.32, "enterprise": 0.13}
_GROUPS = {
    "Groupe Valombre": "fr",
    "Harrowgate Holdings": "en",
    "Rheintal Gruppe": "de",
    "Meridian Partners": "en",
    "Groupe Sablier": "fr",
    "Nordhafen Gruppe": "de",
}
"""Parents of several billing accounts, with the language they speak."""
_TEST_NAMES = (
    "Test account",
    "ACME TEST (do not bill)",
    "QA sandbox",
    "Demo – sales team",
    "Internal test 2",
    "zz_test",
)


def stream(seed: int, purpose: str, number: int = 0) -> np.random.Generator:
    """The random stream of one purpose and one account."""
    return np.random.default_rng([seed, int.from_bytes(purpose.encode()[:8], "big"), number])


def identifier(prefix: str, seed: int, *parts: object) -> str:
    """A stable id that looks like Stripe's: the prefix and fourteen letters and digits."""
    digest = hashlib.sha256("/".join(map(str, (seed, prefix, *parts))).encode()).digest()
    return prefix + "_" + "".join(_ALPHABET[byte % 62] for byte in digest[:14])


def make_accounts(seed: int, customers: int) -> list[Account]:
    """All billing accounts there will ever be; a few more than asked for, which Stripe no longer shows."""
    deleted = max(2, customers // 100)
    kinds = _kinds(seed, customers)
    taken: set[str] = set()
    made: list[Account] = []
    for number in range(customers + deleted):
        kind = kinds[number] if number < customers else AccountKind.CUSTOMER
        account = _customer(seed, number, kind, taken)
        if number >= customers:
            account = replace(account, deleted=True, created=_early(number))
        made.append(account)
    return _with_duplicates(seed, _with_groups(seed, made))


def _kinds(seed: int, customers: int) -> list[AccountKind]:
    """Spread the kinds over the customers, in a random order."""
    tests = max(2, round(customers * 0.014))
    duplicates = max(2, round(customers * 0.03))
    free = max(2, round(customers * 0.025))
    subsidiaries = max(4, round(customers * 0.045))
    kinds = (
        [AccountKind.TEST] * tests
        + [AccountKind.DUPLICATE] * duplicates
        + [AccountKind.FREE] * free
        + [AccountKind.SUBSIDIARY] * subsidiaries
    )
    kinds += [AccountKind.CUSTOMER] * (customers - len(kinds))
    order = stream(seed, "kinds").permutation(customers)
    return [kinds[place] for place in order]


def _customer(seed: int, number: int, kind: AccountKind, taken: set[str]) -> Account:
    rng = stream(seed, "account", number)
    country = names.COUNTRIES[_pick(rng, [country.share for country in names.COUNTRIES])]
    language = str(rng.choice(country.languages, p=_mostly_first(len(country.languages))))
    segment = list(_SEGMENTS)[_pick(rng, list(_SEGMENTS.values()))]
    if kind in (AccountKind.FREE, AccountKind.TEST):
        segment = "smb"
    industry = str(rng.choice(names.INDUSTRIES))
    name, domain = _company_name(rng, country, language, industry, taken)
    middle = {"smb": 14, "mid": 90, "enterprise": 520}[segment]
    currency = country.currency if country.code != "CA" or rng.random() < 0.7 else "usd"
    if kind is AccountKind.TEST:
        name, domain = _TEST_NAMES[number % len(_TEST_NAMES)], "northlight.example"
    return Account(
        id=identifier("cus", seed, number),
        number=number,
        kind=kind,
        name=name,
        domain=None if rng.random() < 0.06 and kind is not AccountKind.TEST else domain,
        country=country.code,
        city=str(rng.choice(country.cities)),
        language=language,
        currency=currency,
        time_zone=country.time_zone,
        segment=segment,
        industry=industry,
        employees=max(3, round(middle * float(rng.lognormal(0, 0.55)))),
        created=_arrival(rng),
    )


def _arrival(rng: np.random.Generator) -> datetime:
    """Nearly half of the customers moved over as their contracts renewed in the first year; a few came lately."""
    last = (LAST_ARRIVAL - WORLD_START).days
    luck = rng.random()
    if luck < 0.45:
        day = int(rng.integers(0, 330))
    elif luck < 0.97:
        day = int(rng.integers(120, last - 14))
    else:
        day = int(rng.integers(last - 11, last + 1))
    moment = datetime.combine(WORLD_START + timedelta(days=day), datetime.min.time(), UTC)
    return moment + timedelta(seconds=int(rng.integers(7 * 3600, 16 * 3600)))


def _early(number: int) -> datetime:
    """Arrival of a customer that is deleted later: there must be time for that."""
    return datetime.combine(WORLD_START + timedelta(days=30 + number % 200), datetime.min.time(), UTC) + timedelta(
        hours=9
    )


def _company_name(
    rng: np.random.Generator, country: names.Country, language: str, industry: str, taken: set[str]
) -> tuple[str, str]:
    """A name nobody else in this world has, and its domain."""
    stems, trade = names.STEMS[language], names.TRADES[industry][language]
    suffix = str(rng.choice(country.suffixes))
    order = [stems[place] for place in rng.permutation(len(stems))]
    cores = [f"{order[0]} {trade}", *(f"{order[0]} {other} {trade}" for other in order[1:])]
    core = next(core for core in cores if core not in taken)
    taken.add(core)
    return f"{core} {suffix}", names.ascii_slug(core) + ".example"


def _with_groups(seed: int, accounts: list[Account]) -> list[Account]:
    """Hang each subsidiary under a parent; the parents are ordinary accounts of some size."""
    changed: dict[str, Account] = {}
    for group, language in _GROUPS.items():
        fits = (a for a in accounts if _can_be_parent(a) and a.language == language and a.id not in changed)
        if (parent := next(fits, None)) is not None:
            domain = names.ascii_slug(group) + ".example"
            changed[parent.id] = replace(parent, name=group, domain=domain)
    parents = list(changed.values())
    rng = stream(seed, "groups")
    for account in accounts:
        if account.kind is AccountKind.SUBSIDIARY:
            parent = parents[int(rng.integers(len(parents)))]
            changed[account.id] = replace(
                account,
                name=f"{parent.name} {account.city}",
                domain=parent.domain if rng.random() < 0.6 else account.domain,
                parent=parent.id,
            )
    return [changed.get(account.id, account) for account in accounts]


def _can_be_parent(account: Account) -> bool:
    return account.kind is AccountKind.CUSTOMER and account.segment != "smb" and not account.deleted


def _with_duplicates(seed: int, accounts: list[Account]) -> list[Account]:
    """Turn each duplicate into a second record of somebody else's company, opened later and spelled otherwise."""
    rng = stream(seed, "doubles")
    originals = [a for a in accounts if a.kind is AccountKind.CUSTOMER and not a.deleted and a.domain]
    picked = iter(rng.permutation(len(originals)))
    made = []
    for account in accounts:
        if account.kind is AccountKind.DUPLICATE:
            original = originals[next(picked)]
            spelling = (original.name.upper(), names.without_accents(original.name), original.name.rsplit(" ", 1)[0])
            account = replace(
                original,
                id=account.id,
                number=account.number,
                kind=AccountKind.DUPLICATE,
                name=spelling[int(rng.integers(3))],
                domain=original.domain if rng.random() < 0.7 else None,
                created=max(original.created, account.created) + timedelta(minutes=7),
                same_company_as=original.id,
            )
        made.append(account)
    return made


def _pick(rng: np.random.Generator, weights: list[float]) -> int:
    return int(np.searchsorted(np.cumsum(weights) / sum(weights), rng.random()))


def _mostly_first(count: int) -> list[float]:
    """Two thirds for the first choice, the rest shared."""
    return [1.0] if count == 1 else [0.65] + [0.35 / (count - 1)] * (count - 1)
