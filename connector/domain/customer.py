"""A customer that is to be forgotten: everything it is known by, and the hashes that recognise it afterwards.

A hash is keyed with a secret of the ledger, so that nobody without the ledger can tell whom it stands for, and begins
with the id's length, so that most texts are told apart without hashing them. Ids of one kind never meet another's:
`kind` is `account` for a billing account, a stream for its other rows, a destination for CRM accounts.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property, lru_cache
from hashlib import sha256
from typing import Any

ACCOUNT = "account"
FORGOTTEN = "forgotten:"
"""Begins the name that stands for a forgotten customer where the fact that something was done has to stay."""
FORGETTING = "forgetting/"
"""Begins the name of the note that lasts while a customer is being forgotten."""
SHORT = 6
"""A shorter id may stand for something else, so that it is looked for only where ids stand."""
HEX = 32
PLAIN = re.compile(r"[\w-]+")
BLANK = "(forgotten)"


@dataclass(frozen=True, slots=True)
class Suppressed:
    """One hash: which customer it belongs to, who asked for it and when."""

    token: str
    secret: str
    customer: str
    by: str
    at: datetime


def token_of(secret: str, kind: str, id: str) -> str:
    """Hash an id."""
    digest = hmac.new(secret.encode(), f"{kind}\x1f{id}".encode(), sha256).hexdigest()[:HEX]
    return f"{len(id)}:{digest}"


@dataclass(frozen=True)
class Suppression:
    """Recognises the ids of forgotten customers."""

    tokens: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Secret → hashes."""

    @cached_property
    def lengths(self) -> frozenset[int]:
        return frozenset(int(token.partition(":")[0]) for some in self.tokens.values() for token in some)

    def __bool__(self) -> bool:
        return bool(self.tokens)

    def holds(self, kind: str, id: str | None) -> bool:
        """The id is one of a forgotten customer."""
        if not id or len(id) not in self.lengths:
            return False
        return any(token_of(secret, kind, id) in tokens for secret, tokens in self.tokens.items())


def suppression_of(hashes: Iterable[Suppressed]) -> Suppression:
    """Group hashes by the secret they were made with."""
    found: dict[str, set[str]] = {}
    for one in hashes:
        found.setdefault(one.secret, set()).add(one.token)
    return Suppression({secret: frozenset(tokens) for secret, tokens in found.items()})


@dataclass(frozen=True)
class Customer:
    """Everything a customer is known by, in billing and in every CRM that the ledger knows."""

    id: str
    """A name that tells nothing: it begins with `forgotten:`."""
    billing: frozenset[str] = frozenset()
    crm: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Destination → its CRM accounts."""
    records: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Destination → its contacts, opportunities and tasks."""
    units: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Stream → ids of its raw rows: subscriptions, invoices, events."""
    names: frozenset[str] = frozenset()
    """Names and addresses of the company and its people; those it shares with others are not in here."""

    def accounts(self, destination: str) -> frozenset[str]:
        """What `account_id` of the ledger may be: the CRM account, or the billing account where there is none."""
        return self.crm.get(destination, frozenset()) | self.billing

    @cached_property
    def ids(self) -> frozenset[str]:
        groups = (self.billing, *self.crm.values(), *self.records.values(), *self.units.values())
        return frozenset(id for group in groups for id in group)

    @cached_property
    def words(self) -> frozenset[str]:
        """What is looked for in every text: names, and ids that cannot be something else."""
        return frozenset(word for word in self.ids | self.names if len(word) >= SHORT)

    def named_in(self, text: str) -> frozenset[str]:
        """Which of its words stand in a text, as they are or as JSON, whatever the case, never within a longer one."""
        folded = text.casefold()
        found = self._plain.intersection(PLAIN.findall(folded))
        return found | {word for word in self._others if word in folded and _bounded(word).search(folded)}

    def blanked(self, text: str) -> str:
        """Take its words out of a text."""
        for word in sorted(self.named_in(text), key=len, reverse=True):
            text = _bounded(word).sub(BLANK, text)
        return text

    @cached_property
    def _plain(self) -> frozenset[str]:
        """Words of letters, digits, `_` and `-`, which are looked up instead of searched for: there may be many."""
        return frozenset(word.casefold() for word in self.words if PLAIN.fullmatch(word))

    @cached_property
    def _others(self) -> tuple[str, ...]:
        forms = {form for word in self.words for form in (word, *map(_inside, (json.dumps(word), _plain_json(word))))}
        return tuple(sorted({form.casefold() for form in forms} - self._plain))

    def hashes(self, secret: str, by: str, at: datetime) -> list[Suppressed]:
        """Hash every id by which it may come back."""
        known = [(ACCOUNT, id) for id in self.billing]
        known += [(kind, id) for group in (self.units, self.crm) for kind, ids in group.items() for id in ids]
        known += [(records_kind(destination), id) for destination, ids in self.records.items() for id in ids]
        return [Suppressed(token_of(secret, kind, id), secret, self.id, by, at) for kind, id in sorted(known)]


def records_kind(destination: str) -> str:
    """The kind of a CRM record's id that is no account."""
    return f"{destination}/records"


def _plain_json(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _inside(quoted: str) -> str:
    return quoted[1:-1]


@lru_cache(maxsize=1024)
def _bounded(word: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){re.escape(word)}(?!\w)", re.IGNORECASE)


def customer_to_dict(customer: Customer) -> dict[str, Any]:
    """Write a customer as plain JSON."""
    return {
        "id": customer.id,
        "billing": sorted(customer.billing),
        "names": sorted(customer.names),
        **{
            part: {kind: sorted(ids) for kind, ids in getattr(customer, part).items()}
            for part in ("crm", "records", "units")
        },
    }


def customer_from_dict(told: Mapping[str, Any]) -> Customer:
    """Read a customer back."""
    parts = {part: {kind: frozenset(ids) for kind, ids in told[part].items()} for part in ("crm", "records", "units")}
    return Customer(told["id"], frozenset(told["billing"]), names=frozenset(told["names"]), **parts)
