"""`connector link`: shows which CRM account each billing account belongs to, and lets a person decide.

A person's word outlives every run; only a person changes it. Ids are checked before anything is stored, because a
link to an account that does not exist would silently hold everything about that customer. Every decision enters the
audit chain in the transaction that stores it, told of the account that gets the customer and of the one that loses it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from difflib import get_close_matches

from connector.domain.account import CrmAccount
from connector.domain.audit import Act, Deed
from connector.domain.change import RecordType
from connector.domain.errors import MendError
from connector.domain.link import LinkDecision, LinkMethod, LinkState, Weighed
from connector.domain.mapping import CrmMapping
from connector.ports.ledger import Links, Mirror
from connector.services.world import crm_accounts, survivors


@dataclass(frozen=True)
class Named:
    """A CRM account as people know it; `name` is empty for one that is gone."""

    id: str
    name: str


@dataclass(frozen=True)
class Candidate:
    """A CRM account that was weighed: how much speaks for it, what does, and what does not."""

    id: str
    name: str
    score: float
    agrees: tuple[str, ...]
    differs: tuple[str, ...]


@dataclass(frozen=True)
class LinkRow:
    """One billing account's link, with names."""

    billing_id: str
    billing_name: str
    state: LinkState
    method: LinkMethod | None
    crm: Named | None
    candidates: tuple[Named, ...]
    decided_by: str
    decided_at: datetime
    weighed: tuple[Candidate, ...] = ()
    """Why, best first; empty for what was decided before evidence was kept."""
    note: str = ""

    @property
    def is_gone(self) -> bool:
        """A person's link to an account that the CRM no longer has."""
        return self.state is LinkState.LINKED and self.crm is not None and not self.crm.name


def list_links(
    links: Links,
    mirror: Mirror,
    destination: str,
    mapping: CrmMapping,
    state: LinkState | None = None,
) -> list[LinkRow]:
    """List links by billing account, those of one state if given."""
    accounts = crm_accounts(mirror.records(destination, RecordType.ACCOUNT), mapping)
    return [_row(decision, accounts) for decision in links.all(destination) if state in (None, decision.state)]


def suggestions(
    links: Links, mirror: Mirror, destination: str, mapping: CrmMapping, everybody: bool = False
) -> list[LinkRow]:
    """List what waits for a person, the clearest first; `everybody`: also those that nothing speaks for."""
    rows = list_links(links, mirror, destination, mapping)
    open_ones = [row for row in rows if row.is_gone or row.state in (LinkState.AMBIGUOUS, LinkState.UNMATCHED)]
    shown = [row for row in open_ones if everybody or row.is_gone or row.candidates]
    return sorted(shown, key=lambda row: (-max((one.score for one in row.weighed), default=0.0), row.billing_id))


def set_link(
    links: Links,
    mirror: Mirror,
    destination: str,
    mapping: CrmMapping,
    billing_id: str,
    crm_id: str,
    by: str,
    now: datetime,
    note: str = "",
) -> LinkRow:
    """Link a billing account for good; a merged CRM account is followed to its survivor."""
    standing = _standing(links, destination, billing_id)
    records = mirror.records(destination, RecordType.ACCOUNT)
    accounts = crm_accounts(records, mapping)
    wanted = survivors(records).get(crm_id, crm_id)
    if wanted not in accounts:
        raise MendError(f"no CRM account {crm_id} in {destination}", hint=_crm_hint(crm_id, standing, accounts))
    decided = decided_by_person(standing, wanted, by, now, note)
    settle_by_person(links, destination, [decided])
    return _row(decided, accounts)


def unset_link(links: Links, destination: str, billing_id: str, by: str, now: datetime, note: str = "") -> LinkDecision:
    """Say for good that a billing account belongs to no CRM account."""
    decided = decided_by_person(_standing(links, destination, billing_id), None, by, now, note)
    settle_by_person(links, destination, [decided])
    return decided


def settle_by_person(links: Links, destination: str, decided: Sequence[LinkDecision], file: str = "") -> None:
    """Store what people decided, with a record of it in the audit chain; `file`: where they wrote it down."""
    standing = {decision.billing_id: decision for decision in links.all(destination)}
    deeds = [deed for one in decided for deed in _deeds(standing.get(one.billing_id), one, file)]
    links.settle(destination, decided, deeds)


def _deeds(before: LinkDecision | None, now: LinkDecision, file: str) -> Iterator[Deed]:
    more = {"note": now.note, "file": file}
    if before is not None and before.crm_id and before.crm_id != now.crm_id:
        yield _deed(before, now.decided_by, now.decided_at, "no longer linked", more)
    yield _deed(now, now.decided_by, now.decided_at, str(now.state), more)


def _deed(about: LinkDecision, by: str, at: datetime, state: str, more: Mapping[str, str]) -> Deed:
    said = {"state": state, "billing": about.billing_id, "method": str(about.method or ""), **more}
    told = {name: value for name, value in said.items() if value}
    account = about.crm_id or about.billing_id
    return Deed(at, by, Act.LINK, "", about.billing_id, account, about.crm_id, values=told)


def decided_by_person(
    standing: LinkDecision, crm_id: str | None, by: str, now: datetime, note: str = ""
) -> LinkDecision:
    """Give a person's decision over what stands; no CRM account means that it belongs to none."""
    return replace(
        standing,
        state=LinkState.LINKED if crm_id else LinkState.UNSET,
        decided_at=now,
        crm_id=crm_id,
        method=LinkMethod.PERSON,
        decided_by=person(by),
        note=note.strip(),
    )


def forget_link(
    links: Links, destination: str, billing_id: str, by: str, now: datetime, note: str = ""
) -> LinkDecision:
    """Take a decision back, a person's too: the next run decides anew. Gives what stood."""
    standing = _standing(links, destination, billing_id)
    deed = _deed(standing, person(by), now, "left to the next run", {"note": note.strip()})
    links.forget(destination, [billing_id], [deed])
    return standing


def _standing(links: Links, destination: str, billing_id: str) -> LinkDecision:
    known = {decision.billing_id: decision for decision in links.all(destination)}
    if billing_id in known:
        return known[billing_id]
    hint = near(billing_id, list(known)) or "`connector link list` shows those it knows; a run must have read it first"
    raise MendError(f"no billing account {billing_id} in {destination}", hint=hint)


def _crm_hint(crm_id: str, standing: LinkDecision, accounts: Mapping[str, CrmAccount]) -> str:
    by_name = {account.name.casefold(): account for account in accounts.values()}
    if named := by_name.get(crm_id.casefold()):
        return f"did you mean {named.id} ({named.name})?"
    if standing.candidates:
        listed = ", ".join(_label(_named(id, accounts)) for id in standing.candidates)
        return f"in question: {listed}"
    return near(crm_id, list(accounts)) or "give the account's id, as the CRM's address bar shows it"


def near(name: str, known: Sequence[str]) -> str | None:
    """Guess which known id was meant."""
    found = get_close_matches(name, known, 1)
    return f"did you mean {found[0]}?" if found else None


def person(by: str) -> str:
    """Give the name of whoever decides; raise MendError when nobody is named."""
    if not by.strip():
        raise MendError("nobody named", at="--by", hint='say who decides: --by "Ana Ruiz"')
    return by.strip()


def _row(decision: LinkDecision, accounts: Mapping[str, CrmAccount]) -> LinkRow:
    return LinkRow(
        billing_id=decision.billing_id,
        billing_name=decision.billing_name,
        state=decision.state,
        method=decision.method,
        crm=_named(decision.crm_id, accounts) if decision.crm_id else None,
        candidates=tuple(_named(id, accounts) for id in decision.candidates),
        decided_by=decision.decided_by,
        decided_at=decision.decided_at,
        weighed=tuple(_candidate(one, accounts) for one in decision.evidence),
        note=decision.note,
    )


def _candidate(one: Weighed, accounts: Mapping[str, CrmAccount]) -> Candidate:
    return Candidate(one.crm_id, _named(one.crm_id, accounts).name, one.score, one.agrees, one.differs)


def _named(crm_id: str, accounts: Mapping[str, CrmAccount]) -> Named:
    account = accounts.get(crm_id)
    return Named(crm_id, account.name if account else "")


def _label(one: Named) -> str:
    return f"{one.id} ({one.name})" if one.name else one.id
