"""Which CRM account a billing account belongs to: exact id, then domain, then name; what is not sure is held.

Decided here: a link is made only where the evidence agrees. A domain that fits beside a name that does not (an
accountant's address, a subsidiary on its group's domain) is a question for a person, not an answer; so are two CRM
accounts for one customer, both named. `LINK_AT` and `MARGIN` are chosen on labelled pairs (`scripts/bench matching`
prints how), for precision before recall: a wrong link sends a customer's numbers to another customer's record.
A person's decision outlives every run and follows a merge to the surviving account.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from connector.compute.countries import country_code
from connector.compute.likeness import Party, aligned, fits, is_elsewhere, is_twin, weigh
from connector.compute.name_index import MOST, NameIndex
from connector.domain.account import BillingAccount, CrmAccount
from connector.domain.company_names import company_name, plain_name
from connector.domain.link import AUTOMATIC, LinkDecision, LinkMethod, LinkState, Weighed, settled
from connector.domain.uncollected import uncollected
from connector.domain.web_domains import own_domain, plain_domain

__all__ = ["match", "plain_domain", "plain_name"]

LINK_AT = 0.84
"""From this score on, a name links by itself."""
MARGIN = 0.08
"""Whoever scores so much less than the best is no rival of it."""
SUGGEST_AT = 0.45
"""From this score on, an account is shown to a person as a candidate."""
ALIKE_AT = 0.35
"""Names less alike than this are no candidates, whatever else agrees."""
SHARED_FROM = 3
"""From so many customers on, a domain may be one that they share."""
SHOWN = 5
"""Candidates that are kept for a person."""


def match(
    billing: Iterable[BillingAccount],
    crm: Sequence[CrmAccount],
    standing: Iterable[LinkDecision],
    survivors: Mapping[str, str],
    now: datetime,
) -> list[LinkDecision]:
    """Decide every billing account anew, keeping what a person decided. `survivors`: merged CRM account → survivor."""
    accounts = list(billing)
    before = {decision.billing_id: decision for decision in standing}
    with uncollected():
        matcher = _Matcher(crm, _parties(accounts), survivors, now)
        return [_decided(matcher, account, before.get(account.id), survivors) for account in accounts]


def _decided(
    matcher: _Matcher, account: BillingAccount, standing: LinkDecision | None, survivors: Mapping[str, str]
) -> LinkDecision:
    followed = _followed(standing, survivors)
    if followed is not None and followed.is_by_person:
        return followed
    new = matcher.decide(account)
    is_merged = followed is not None and followed.crm_id in survivors.values()
    if followed is not None and is_merged and new.state is LinkState.UNMATCHED:
        # What we matched by went with the merged account; the merge itself says where it is now.
        return followed
    return settled(followed, _keep_date(standing, new))


class _Matcher:
    """CRM accounts by what they can be recognised by."""

    def __init__(
        self,
        accounts: Sequence[CrmAccount],
        customers: Mapping[str, Party],
        survivors: Mapping[str, str],
        now: datetime,
    ) -> None:
        accounts = sorted(accounts, key=lambda account: account.id)  # the order they come in decides nothing
        self.now = now
        self.customers = customers
        self.ids = {account.id: account.id for account in accounts}
        self.ids |= {gone: left for gone, left in survivors.items() if left in self.ids}
        self.parties = {account.id: _party(account) for account in accounts}
        self.index = NameIndex(list(self.parties.values()))
        self.by_billing_id: dict[str, list[str]] = defaultdict(list)
        self.by_domain: dict[str, list[Party]] = defaultdict(list)
        self.roots = ultimate_parents({account.id: account for account in accounts}, self.ids)
        for account in accounts:
            party = self.parties[account.id]
            if account.billing_id:
                self.by_billing_id[account.billing_id].append(account.id)
            if party.domain:
                self.by_domain[party.domain].append(party)

    def decide(self, account: BillingAccount) -> LinkDecision:
        """Take the strongest evidence that names anybody."""
        named = [self.ids[account.crm_id]] if account.crm_id and account.crm_id in self.ids else []
        if ids := named or self.by_billing_id.get(account.id, []):
            said = "billing names this CRM account" if named else f"the CRM account has the billing id {account.id}"
            return self._by_id(account, ids, said)
        return replace(self._by_likeness(self.customers[account.id]), billing_name=account.name)

    def _by_id(self, account: BillingAccount, ids: Sequence[str], said: str) -> LinkDecision:
        weighed = [Weighed(id, 1.0, (said,)) for id in sorted(ids)]
        if len(weighed) > 1:
            found = self._held(account.id, LinkMethod.ID, weighed)
        else:
            found = self._linked(account.id, LinkMethod.ID, weighed[0])
        return replace(found, billing_name=account.name)

    def _by_likeness(self, party: Party) -> LinkDecision:
        """Weigh who has the domain, their houses, and everybody of a like name; link only to one who stands out."""
        on_domain = self.by_domain.get(party.domain or "", [])
        owners = {one.id for one in on_domain}
        near = self.index.near(party.name)
        # Where very many have one domain, those of a like name are enough.
        some = {one.id: one for one in [*near, *on_domain[:MOST]]}
        weighed = sorted(self._weighed(party, some.values(), owners), key=lambda one: (-one.score, one.crm_id))
        shown = [one for one in weighed if one.score >= SUGGEST_AT or one.crm_id in owners]
        if not shown:
            return LinkDecision(party.id, LinkState.UNMATCHED, self.now)
        rivals = self._rivals(party, shown)
        method = LinkMethod.DOMAIN if owners else LinkMethod.NAME
        if len(rivals) == 1 and self._is_sure(party, rivals[0], owners):
            return self._linked(party.id, method if rivals[0].crm_id in owners else LinkMethod.NAME, rivals[0])
        if owners or rivals[0].score >= LINK_AT:
            in_question = [one for one in shown if one in rivals or one.crm_id in owners or one.score >= LINK_AT]
            return self._held(party.id, method, in_question)
        return replace(self._held(party.id, LinkMethod.NAME, shown), state=LinkState.UNMATCHED, method=None)

    def _weighed(self, party: Party, some: Iterable[Party], owners: Collection[str]) -> Iterator[Weighed]:
        for one in some:
            names = aligned(party.name, one.name, self.index)
            if names.likeness >= ALIKE_AT or one.id in owners:
                yield weigh(party, one, self.index, names)

    def _rivals(self, customer: Party, shown: Sequence[Weighed]) -> list[Weighed]:
        """Who is as likely as the best, and who seems to be the same customer a second time."""
        best, others = shown[0], shown[1:]
        party = self.parties[best.crm_id]
        return [best] + [
            one
            for one in others
            if (one.score >= best.score - MARGIN and not self._is_elsewhere(customer, one.crm_id))
            or (one.score >= SUGGEST_AT and is_twin(party, self.parties[one.crm_id], self.index))
        ]

    def _is_sure(self, party: Party, best: Weighed, owners: Collection[str]) -> bool:
        """Tell whether the best is good enough; where somebody has the domain, nobody else of it may be meant."""
        if not owners:
            return best.score >= LINK_AT
        strangers = [id for id in owners if self.roots[id] != self.roots[best.crm_id]]
        if best.crm_id not in owners and strangers:
            return False
        if any(not self._is_elsewhere(party, id) for id in strangers):
            return False
        if best.score >= LINK_AT:
            return True
        return best.crm_id in owners and len(owners) == 1 and fits(party, self.parties[best.crm_id], self.index)

    def _is_elsewhere(self, party: Party, id: str) -> bool:
        other = self.parties[id]
        return is_elsewhere(party, other, aligned(party.name, other.name, self.index))

    def _linked(self, billing_id: str, method: LinkMethod, one: Weighed) -> LinkDecision:
        return LinkDecision(
            billing_id, LinkState.LINKED, self.now, one.crm_id, method, AUTOMATIC, (one.crm_id,), evidence=(one,)
        )

    def _held(self, billing_id: str, method: LinkMethod, weighed: Sequence[Weighed]) -> LinkDecision:
        shown = tuple(weighed[:SHOWN])
        ids = tuple(sorted(one.crm_id for one in weighed[:SHOWN]))
        return LinkDecision(billing_id, LinkState.AMBIGUOUS, self.now, None, method, AUTOMATIC, ids, evidence=shown)


def _party(account: BillingAccount | CrmAccount) -> Party:
    country = country_code(account.country) if account.country and account.country.strip() else None
    return Party(account.id, company_name(account.name), own_domain(account.domain), country)


def _parties(accounts: Sequence[BillingAccount]) -> dict[str, Party]:
    """Map billing account → what it shows, without the domains that several customers share."""
    parties = {account.id: _party(account) for account in accounts}
    by_domain: dict[str, list[Party]] = defaultdict(list)
    for party in parties.values():
        if party.domain:
            by_domain[party.domain].append(party)
    for some in by_domain.values():
        if _is_shared(some):
            parties |= {one.id: replace(one, domain=None, shared=one.domain) for one in some}
    return parties


def _is_shared(parties: Sequence[Party]) -> bool:
    """Tell whether a domain is an accountant's or a reseller's: three customers or more, and most share no word."""
    if len(parties) < SHARED_FROM:
        return False
    bearers = Counter(word for one in parties for word in set(one.name.core))
    return max(bearers.values(), default=0) * 2 <= len(parties)


def ultimate_parents(accounts: Mapping[str, CrmAccount], ids: Mapping[str, str]) -> dict[str, str]:
    """Map account → its ultimate parent as far as the CRM knows it; the smallest where parents go in a circle."""
    roots: dict[str, str] = {}
    for start in accounts:
        path = [start]
        while path[-1] not in roots:
            parent = ids.get(accounts[path[-1]].parent_id or "")
            if parent is None:
                roots[path[-1]] = path[-1]
            elif parent in path:
                roots[path[-1]] = min(path[path.index(parent) :])
            else:
                path.append(parent)
        roots |= dict.fromkeys(path, roots[path[-1]])
    return roots


def _followed(standing: LinkDecision | None, survivors: Mapping[str, str]) -> LinkDecision | None:
    if standing is None or standing.crm_id not in survivors:
        return standing
    return replace(standing, crm_id=survivors[standing.crm_id or ""])


def _keep_date(standing: LinkDecision | None, new: LinkDecision) -> LinkDecision:
    """Leave the date alone when nothing changed, so that an unchanged world stores nothing."""
    if standing is not None and replace(new, decided_at=standing.decided_at) == standing:
        return standing
    return new
