"""Who is weighed for an offer: billing accounts that are one customer in the CRM, looked at once for all offers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from connector.compute.columns import accounts_with
from connector.domain.catalogue import Catalogue, Offer
from connector.domain.features import AccountFeatures, owned_offers, used_offers
from connector.domain.gates import Candidate, Link
from connector.domain.load import Load
from connector.domain.occupied import Crm, CrmContext, Quote
from connector.domain.policy import GatesPolicy
from connector.domain.score import Score
from connector.domain.white_space import WhiteSpace
from connector.services.measure import Measured

NO_OFFER = Offer(label={})
NO_SCORE = Score("", "", "", 1, 0, 0, (), None, 0, date.min)
"""Of a customer that is looked at for all offers at once."""
NOTHING = Load()
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
        return self._of[billing_id]

    @cached_property
    def _of(self) -> Mapping[str, str]:
        links = self.crm.links
        return {id: id if one.is_test else links.get(id, id) for id, one in self.measured.accounts.items()}

    def context(self, customer: str) -> CrmContext:
        """What the CRM and the ledger know of a customer."""
        return self.crm.contexts.get(customer) or CrmContext(customer)

    def candidates(self, scores: Sequence[Score]) -> list[Candidate]:
        """One per (customer, offer), as they are ranked, with nothing on their account and owner."""
        return [self.candidate(self.base(customer), one) for customer, one in self.ranked(scores)]

    def ranked(self, scores: Sequence[Score]) -> list[tuple[str, Score]]:
        """The best evidence for each (customer, offer), best value first."""
        pairs = [(customer, one) for customer, some in self.scored(scores).items() for one in some]
        return sorted(pairs, key=lambda pair: rank(*pair))

    def scored(self, scores: Sequence[Score]) -> dict[str, list[Score]]:
        """The best evidence for each offer, by customer, in the order of `groups`."""
        found: dict[str, list[Score]] = defaultdict(list)
        for one in scores:
            found[self.of(one.account_id)].append(one)
        return {customer: _best(found.pop(customer)) for customer in self.groups if customer in found}

    def base(self, customer: str) -> Candidate:
        """A customer without an offer yet; its largest running account speaks."""
        return self._bases[customer]

    def candidate(self, base: Candidate, score: Score, load: Load = NOTHING) -> Candidate:
        """An offer for a customer, of which `base` tells; `load` stands on its account and owner."""
        accounts, link, metrics = base.accounts, base.link, base.metrics
        if len(accounts) > 1:
            accounts = tuple(sorted(accounts, key=lambda a: (a.account_id != score.account_id, a.account_id)))
            link, metrics = self._link(score.account_id), self.measured.metrics.get(score.account_id, {})
        return Candidate(
            score=score,
            offer=self.catalogue.offers[score.offer],
            accounts=accounts,
            owned=base.owned,
            used=base.used,
            link=link,
            crm=base.crm,
            catalogue=self.catalogue,
            policy=self.policy,
            today=self.today,
            load=load,
            quotes=base.quotes,
            metrics=metrics,
        )

    def white_space(self) -> dict[str, Mapping[str, str]]:
        """How every offer stands with every customer that the CRM knows and that has a subscription."""
        space = WhiteSpace(self.catalogue)
        return {
            customer: space.texts(self.base(customer))
            for customer, accounts in self.groups.items()
            if customer in self.crm.contexts and any(account.subscribed for account in accounts)
        }

    @cached_property
    def _bases(self) -> Mapping[str, Candidate]:
        return {customer: self._base(customer, accounts) for customer, accounts in self.groups.items()}

    def _base(self, customer: str, accounts: Sequence[AccountFeatures]) -> Candidate:
        owned, used = frozenset[str](), frozenset[str]()
        for account in accounts:
            holds = owned_offers(account, self.catalogue)
            uses = used_offers(holds, self.measured.metrics.get(account.account_id, {}), self.catalogue)
            owned, used = owned | holds if owned else holds, used | uses if used else uses
        ranked = sorted(accounts, key=lambda a: (not a.subscribed, -a.mrr_minor, a.account_id))
        first = ranked[0].account_id
        return Candidate(
            score=NO_SCORE,
            offer=NO_OFFER,
            accounts=tuple(ranked),
            owned=owned,
            used=used,
            link=self._link(first),
            crm=self.context(customer),
            catalogue=self.catalogue,
            policy=self.policy,
            today=self.today,
            quotes=tuple(_quotes([one for one in accounts if one.account_id in self._quoted], self.measured)),
            metrics=self.measured.metrics.get(first, {}),
        )

    @cached_property
    def _quoted(self) -> frozenset[str]:
        """Billing accounts that were ever sent a quote."""
        return accounts_with(QUOTE_SENT, self.measured.events)

    def _link(self, billing_id: str) -> Link:
        if billing_id in self.crm.links:
            return "linked"
        return "ambiguous" if billing_id in self.crm.ambiguous else "unmatched"


def rank(customer: str, score: Score) -> tuple[int, str, str]:
    """Where a customer's offer stands: best value first; ties go by customer and offer."""
    return -score.value, customer, score.offer


def _best(scores: list[Score]) -> list[Score]:
    """The best evidence for each offer."""
    best: dict[str, Score] = {}
    for one in scores:
        other = best.setdefault(one.offer, one)
        if other is not one and _before(one) < _before(other):
            best[one.offer] = one
    return [*best.values()]


def _before(score: Score) -> tuple[int, float, str]:
    """Which account's evidence speaks for its customer: the best value, then the likeliest."""
    return -score.value, -score.p, score.account_id


def _quotes(accounts: Sequence[AccountFeatures], measured: Measured) -> Iterator[Quote]:
    """Quotes that were sent and not closed since: events `quote_sent` and `quote_closed`, their detail an offer."""
    for account in accounts:
        told = measured.events.get(account.account_id, ())
        closed = {one.detail: one.last_on for one in told if one.event == QUOTE_CLOSED}
        for one in told:
            if one.event == QUOTE_SENT and closed.get(one.detail, date.min) < one.last_on:
                yield Quote(one.detail or "", one.last_on)
