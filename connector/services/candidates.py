"""Who is weighed for an offer: billing accounts that are one customer in the CRM, looked at once for all offers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

from connector.domain.catalogue import Catalogue, Offer
from connector.domain.features import AccountFeatures, owned_offers, used_offers
from connector.domain.gates import Candidate, Link
from connector.domain.occupied import Crm, CrmContext, Quote
from connector.domain.policy import GatesPolicy
from connector.domain.score import Score
from connector.domain.white_space import WhiteSpace
from connector.services.measure import Measured

NO_OFFER = Offer(label={})
"""Of a customer that is looked at for all offers at once."""
QUOTE_SENT, QUOTE_CLOSED = "quote_sent", "quote_closed"


@dataclass(frozen=True)
class Customers:
    """Every customer, with what a gate may look at."""

    measured: Measured
    crm: Crm
    catalogue: Catalogue
    policy: GatesPolicy
    today: date

    @cached_property
    def groups(self) -> Mapping[str, Sequence[AccountFeatures]]:
        """Billing accounts of each customer, by id."""
        groups: dict[str, list[AccountFeatures]] = defaultdict(list)
        for billing_id in sorted(self.measured.accounts):
            groups[self.of(billing_id)].append(self.measured.accounts[billing_id])
        return groups

    def of(self, billing_id: str) -> str:
        """The CRM account; a billing account stands for itself when it has none, or is a test."""
        is_test = self.measured.accounts[billing_id].is_test
        return billing_id if is_test else self.crm.links.get(billing_id, billing_id)

    def candidates(self, scores: Sequence[Score]) -> list[Candidate]:
        """One per (customer, offer), best value first; ties go by account and offer."""
        best: dict[tuple[str, str], Score] = {}
        for one in sorted(scores, key=lambda s: (-s.value, -s.p, s.account_id)):
            best.setdefault((self.of(one.account_id), one.offer), one)
        made = [self._candidate(customer, one) for (customer, _), one in best.items()]
        return sorted(made, key=lambda c: (-c.score.value, c.crm.account_id, c.score.offer))

    def white_space(self) -> dict[str, dict[str, str]]:
        """How every offer stands with every customer that the CRM knows and that has a subscription."""
        space, grid = WhiteSpace(self.catalogue), {}
        for customer, accounts in self.groups.items():
            if customer in self.crm.contexts and any(account.subscribed for account in accounts):
                grid[customer] = {offer: str(cell) for offer, cell in space.row(self._bases[customer]).items()}
        return grid

    def _candidate(self, customer: str, score: Score) -> Candidate:
        base = self._bases[customer]
        accounts = base.accounts
        if len(accounts) > 1:
            accounts = tuple(sorted(accounts, key=lambda a: (a.account_id != score.account_id, a.account_id)))
        return replace(
            base,
            score=score,
            offer=self.catalogue.offers[score.offer],
            accounts=accounts,
            link=self._link(score.account_id),
            metrics=self.measured.metrics.get(score.account_id, {}),
        )

    @cached_property
    def _bases(self) -> Mapping[str, Candidate]:
        return {customer: self._base(customer, accounts) for customer, accounts in self.groups.items()}

    def _base(self, customer: str, accounts: Sequence[AccountFeatures]) -> Candidate:
        """A customer without an offer yet; its largest running account speaks."""
        owned, used = set[str](), set[str]()
        for account in accounts:
            holds = owned_offers(account, self.catalogue)
            owned |= holds
            used |= used_offers(holds, self.measured.metrics.get(account.account_id, {}), self.catalogue)
        ranked = sorted(accounts, key=lambda a: (not a.subscribed, -a.mrr_minor, a.account_id))
        first = ranked[0].account_id
        return Candidate(
            score=Score(first, "", "", 1, 0, 0, (), None, 0, self.today),
            offer=NO_OFFER,
            accounts=tuple(ranked),
            owned=frozenset(owned),
            used=frozenset(used),
            link=self._link(first),
            crm=self.crm.contexts.get(customer) or CrmContext(customer),
            catalogue=self.catalogue,
            policy=self.policy,
            today=self.today,
            quotes=tuple(_quotes(accounts, self.measured)),
            metrics=self.measured.metrics.get(first, {}),
        )

    def _link(self, billing_id: str) -> Link:
        if billing_id in self.crm.links:
            return "linked"
        return "ambiguous" if billing_id in self.crm.ambiguous else "unmatched"


def _quotes(accounts: Sequence[AccountFeatures], measured: Measured) -> Iterator[Quote]:
    """Quotes that were sent and not closed since: events `quote_sent` and `quote_closed`, their detail an offer."""
    for account in accounts:
        told = measured.events.get(account.account_id, ())
        closed = {one.detail: one.last_on for one in told if one.event == QUOTE_CLOSED}
        for one in told:
            if one.event == QUOTE_SENT and closed.get(one.detail, date.min) < one.last_on:
                yield Quote(one.detail or "", one.last_on)
