"""Ids of CRM records, made from the neutral keys so that they are the same in every load."""

from __future__ import annotations

from connector.sandbox.company import names
from connector.sandbox.company.model import CrmAccount
from connector.sandbox.salesforce.ids import long_form

_BLOCKS = {"acc": 1, "prospect": 2}
_PREFIXES = {"owner": "005", "account": "001", "contact": "003", "opportunity": "006", "task": "00T"}
_HUBSPOT_BLOCKS = {"owner": 7, "account": 1, "contact": 2, "opportunity": 3, "task": 4}


def salesforce_id(kind: str, key: str) -> str:
    """The 18-character id of a record."""
    return long_form(f"{_PREFIXES[kind]}NL0{_number(key):09d}")


def hubspot_id(kind: str, key: str) -> str:
    """The numeric id of a record, as text."""
    return str(_HUBSPOT_BLOCKS[kind] * 1_000_000_000 + _number(key))


def ids_of(account: CrmAccount) -> dict[str, str]:
    """The ids that billing notes on a customer, one for each CRM."""
    return {
        "crm_id": salesforce_id("account", account.key),
        "hubspot_company_id": hubspot_id("account", account.key),
    }


def mailbox(name: str) -> str:
    """A mailbox at a provider everybody uses."""
    return names.ascii_slug(name).replace("-", ".")[:40]


def _number(key: str) -> int:
    """Fold a key such as `acc-12-b-p3` into a number: block, account, copy, place."""
    parts = key.split("-")
    if parts[0] not in _BLOCKS:
        return 100 * sum(map(ord, parts[0].rstrip("0123456789"))) + int("".join(filter(str.isdigit, key)))
    copy = "b" in parts[2:]
    place = int(parts[-1][1:]) + 1 if parts[-1][0] in "pot" and parts[-1][1:].isdigit() else 0
    return _BLOCKS[parts[0]] * 10_000_000 + int(parts[1]) * 1_000 + copy * 500 + place
