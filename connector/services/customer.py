"""Who is meant by ACCOUNT, and everything that customer is known by, over billing and every CRM of the ledger.

A customer is a CRM account with all its billing accounts, in every destination, and the accounts that were merged into
it. A name or domain that another customer has too is left out: finding it would prove nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches

from connector.domain.change import CrmRecord, RecordType
from connector.domain.customer import FORGOTTEN, Customer, token_of
from connector.domain.errors import MendError
from connector.domain.link import LinkState
from connector.domain.mapping import CrmMapping
from connector.ports.billing import Told, WarehouseEraser
from connector.services.memory import Memory
from connector.services.world import survivors

HANGING = (RecordType.CONTACT, RecordType.OPPORTUNITY, RecordType.TASK)
MOST_LISTED = 5


@dataclass(frozen=True)
class Meant:
    """A customer as a person sees it before anything is done."""

    customer: Customer
    name: str
    ours: Mapping[str, tuple[str, ...]]
    """Destination → what the connector wrote there and stays there, as `type id`."""
    alike: tuple[str, ...] = ()
    """Other customers of the same name, as `id (name)`: people may know that they are the same."""


@dataclass
class _Known:
    """Every account by what people may call it."""

    names: dict[str, str]
    """Billing id → name."""
    links: dict[str, dict[str, str]]
    """Destination → billing id → CRM account."""
    accounts: dict[str, dict[str, CrmRecord]]
    """Destination → id → CRM account as last seen."""
    mapping: CrmMapping

    def crm_name(self, destination: str, id: str) -> str:
        return _field(self.accounts[destination].get(id), self.mapping.account.name) or ""


def find(wanted: str, memory: Memory, warehouse: WarehouseEraser | None, mapping: CrmMapping) -> Meant:
    """Find the customer with a billing id, a CRM id or a name; raise MendError when it is none or several."""
    known = _known(memory, warehouse, mapping)
    exact = _by_id(wanted, known)
    several = [exact] if exact is not None else _by_name(wanted, known)
    if not several:
        raise MendError(f"no customer {wanted!r}", at="ACCOUNT", hint=_near(wanted, known))
    if len(several) > 1:
        listed = ", ".join(sorted(next(iter(sorted(one.ids))) for one in several)[:MOST_LISTED])
        raise MendError(f"{len(several)} customers are called {wanted!r}", at="ACCOUNT", hint=f"give an id: {listed}")
    return _whole(several[0], known, memory, warehouse)


def _known(memory: Memory, warehouse: WarehouseEraser | None, mapping: CrmMapping) -> _Known:
    known = _Known(dict(warehouse.accounts()) if warehouse else {}, {}, {}, mapping)
    for destination in memory.destinations.seen():
        decisions = memory.links.all(destination)
        known.names = {one.billing_id: one.billing_name or one.billing_id for one in decisions} | known.names
        known.links[destination] = {
            one.billing_id: one.crm_id for one in decisions if one.crm_id and one.state is LinkState.LINKED
        }
        known.accounts[destination] = {r.id: r for r in memory.mirror.records(destination, RecordType.ACCOUNT)}
    return known


def _by_id(wanted: str, known: _Known) -> Customer | None:
    if wanted in known.names:
        return _joined(known, {wanted}, {})
    for destination, accounts in known.accounts.items():
        if wanted in accounts or wanted in known.links[destination].values():
            return _joined(known, set(), {destination: {wanted}})
    return None


def _by_name(wanted: str, known: _Known) -> list[Customer]:
    """Every customer of that name, each once, however many accounts it has."""
    name = " ".join(wanted.casefold().split())
    found = [_joined(known, {id}, {}) for id, called in known.names.items() if called.casefold() == name]
    for destination, accounts in known.accounts.items():
        so_called = [id for id in accounts if name and known.crm_name(destination, id).casefold() == name]
        found += [_joined(known, set(), {destination: {id}}) for id in so_called]
    return list({one.ids: one for one in found}.values())


def _near(wanted: str, known: _Known) -> str:
    called = {name.casefold(): f"{name} ({id})" for id, name in known.names.items()}
    called |= {id.casefold(): f"{id} ({name})" for id, name in known.names.items()}
    for destination, accounts in known.accounts.items():
        for id in accounts:
            name = known.crm_name(destination, id)
            called |= {id.casefold(): f"{id} ({name})", name.casefold(): f"{name} ({id})"}
    near = get_close_matches(wanted.casefold(), list(called), 1)
    lists = "`connector link list` shows those that are known; one that was forgotten already is known no more"
    return f"did you mean {called[near[0]]}?" if near else lists


def _joined(known: _Known, billing: set[str], crm: dict[str, set[str]]) -> Customer:
    """Follow links and merges until nothing new is found."""
    size = -1
    while size != (size := len(billing) + sum(map(len, crm.values()))):
        for destination, links in known.links.items():
            mine = crm.setdefault(destination, set())
            mine |= {links[id] for id in billing if id in links}
            merged = survivors(known.accounts[destination].values())
            mine |= {merged[id] for id in mine if id in merged}
            mine |= {gone for gone, left in merged.items() if left in mine}
            billing |= {id for id, account in links.items() if account in mine}
    return Customer("", frozenset(billing), {at: frozenset(ids) for at, ids in crm.items() if ids})


def _whole(found: Customer, known: _Known, memory: Memory, warehouse: WarehouseEraser | None) -> Meant:
    """Add what hangs on its accounts and what it is called."""
    told = warehouse.told_of(found.billing) if warehouse and found.billing else Told()
    records, ours = {}, {}
    words = set(told.names) | {known.names[id] for id in found.billing if id in known.names}
    for destination in known.accounts:
        mine = found.accounts(destination)
        hanging: dict[str, CrmRecord] = {}
        for type in HANGING:
            hanging |= {r.id: r for r in memory.mirror.records(destination, type) if _hangs(r, mine)}
        written = [one for one in memory.receipts.records(destination).values() if one.account_id in mine]
        records[destination] = frozenset(hanging) | {one.crm_id for one in written if one.crm_id not in mine}
        left = (f"{one.type} {one.crm_id}" for one in written if one.tombstone is None and one.crm_id not in mine)
        ours[destination] = tuple(sorted(left))
        words |= _words(found.crm.get(destination, ()), hanging.values(), known, destination)
    others = _others(found, known) | _people(found, known, memory)
    names = frozenset(word for word in words if word and not any(word.casefold() in other for other in others))
    seed = min(found.ids)
    customer = replace(
        found,
        id=FORGOTTEN + token_of(memory.suppressions.secret(), "customer", seed).partition(":")[2][:16],
        records={at: ids for at, ids in records.items() if ids},
        units=told.units,
        names=names,
    )
    billed = [known.names[id] for id in sorted(found.billing) if id in known.names]
    called = [known.crm_name(at, id) for at, ids in found.crm.items() for id in sorted(ids)]
    alike = _alike(found, {name.casefold() for name in (*billed, *called)}, known)
    return Meant(customer, next((name for name in (*billed, *called) if name), seed), ours, alike)


def _alike(found: Customer, called: Collection[str], known: _Known) -> tuple[str, ...]:
    same = [(id, name) for id, name in known.names.items() if id not in found.billing]
    for destination, accounts in known.accounts.items():
        others = set(accounts) - found.crm.get(destination, frozenset())
        same += [(id, known.crm_name(destination, id)) for id in others]
    return tuple(sorted(f"{id} ({name})" for id, name in same if name.casefold() in called))


def _hangs(record: CrmRecord, accounts: Iterable[str]) -> bool:
    named = {id for ids in record.links.values() for id in ids} | set(record.fields.values())
    return not named.isdisjoint(accounts)


def _words(accounts: Iterable[str], hanging: Iterable[CrmRecord], known: _Known, destination: str) -> set[str]:
    """What the CRM calls the company and its people."""
    mapping = known.mapping
    words: set[str] = set()
    for id in accounts:
        record = known.accounts[destination].get(id)
        words |= {_field(record, name) or "" for name in (mapping.account.name, mapping.account.domain)}
    for record in hanging:
        if record.type is RecordType.CONTACT:
            words.add(_person(record, mapping))
    return words - {""}


def _person(contact: CrmRecord, mapping: CrmMapping) -> str:
    return " ".join(part for name in mapping.contact.name if (part := contact.fields.get(name)))


def _people(found: Customer, known: _Known, memory: Memory) -> set[str]:
    """What people of other customers are called, whatever the case: who shares a name with them is not told by it."""
    people: set[str] = set()
    for destination in known.accounts:
        mine = found.accounts(destination)
        contacts = memory.mirror.records(destination, RecordType.CONTACT)
        people |= {_person(one, known.mapping).casefold() for one in contacts if not _hangs(one, mine)}
    return people


def _others(found: Customer, known: _Known) -> set[str]:
    """What other customers are called, whatever the case."""
    others = {name.casefold() for id, name in known.names.items() if id not in found.billing}
    by_field: dict[str, set[str]] = defaultdict(set)
    for destination, accounts in known.accounts.items():
        for id, record in accounts.items():
            if id not in found.crm.get(destination, ()):
                for name in (known.mapping.account.name, known.mapping.account.domain):
                    by_field[name or ""].add((_field(record, name) or "").casefold())
    return others.union(*by_field.values()) if by_field else others


def _field(record: CrmRecord | None, name: str | None) -> str | None:
    return record.fields.get(name) if record is not None and name else None
