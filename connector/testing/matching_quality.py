"""How well links agree with what is known to be true: precision, recall, and where the threshold has to be."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime

from connector.domain.link import LinkDecision, LinkState
from connector.services.match import match
from connector.testing.company_pairs import Labelled

NOW = datetime(2026, 9, 30, tzinfo=UTC)


@dataclass(frozen=True)
class Quality:
    """Counts of one way of linking; a customer that is twice in the CRM has no right automatic link."""

    linked: int
    right: int
    findable: int
    held: int

    @property
    def precision(self) -> float:
        return self.right / self.linked if self.linked else 1.0

    @property
    def recall(self) -> float:
        return self.right / self.findable if self.findable else 1.0


def matched(pairs: Labelled) -> list[LinkDecision]:
    """Match a labelled world."""
    return match(pairs.billing, pairs.crm, [], {}, NOW)


def quality(pairs: Labelled, decisions: Iterable[LinkDecision]) -> Quality:
    """Compare links with the truth."""
    linked = {one.billing_id: one.crm_id for one in decisions if one.state is LinkState.LINKED}
    right = sum(pairs.truth[billing_id] == frozenset([crm_id]) for billing_id, crm_id in linked.items())
    findable = sum(len(right) == 1 for right in pairs.truth.values())
    return Quality(len(linked), right, findable, len(pairs.billing) - len(linked))


def pooled(several: Iterable[Quality]) -> Quality:
    """Add the counts of several worlds."""
    some = list(several)
    return Quality(*(sum(getattr(one, name.name) for one in some) for name in fields(Quality)))


def by_exact_name(pairs: Labelled) -> list[LinkDecision]:
    """Link the way a spreadsheet does: names that are equal but for capitals and spaces, where one account has it."""
    by_name: dict[str, list[str]] = defaultdict(list)
    for account in pairs.crm:
        by_name[" ".join(account.name.casefold().split())].append(account.id)
    found: list[tuple[str, Sequence[str]]] = [
        (one.id, by_name.get(" ".join(one.name.casefold().split()), ())) for one in pairs.billing
    ]
    return [LinkDecision(id, LinkState.LINKED, NOW, ids[0]) for id, ids in found if len(ids) == 1]
