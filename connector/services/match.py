"""Which CRM account a billing account belongs to: exact id, then domain, then name; several candidates are held.

A person's decision outlives every run and follows a merge to the surviving account. Nothing is guessed: two CRM
accounts on one domain stay ambiguous even when one of them has the better name.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from connector.domain.account import BillingAccount, CrmAccount
from connector.domain.link import AUTOMATIC, LinkDecision, LinkMethod, LinkState, settled

LEGAL_FORMS = frozenset(
    "ab ag as bv co company corp corporation eurl gmbh group groupe holding inc kg kft limited llc llp ltd nv oy plc"
    " sa sarl sas sasu se sl slu spa srl the und and et".split()
)
SCHEME = re.compile(r"^(https?://)?(www\.)?")
# Letters that Unicode takes for letters of their own, and company names for spellings.
SPELLINGS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe"})
ABBREVIATION = re.compile(r"(?<=\b\w)\.(?=\w\b)")


def match(
    billing: Iterable[BillingAccount],
    crm: Sequence[CrmAccount],
    standing: Iterable[LinkDecision],
    survivors: Mapping[str, str],
    now: datetime,
) -> list[LinkDecision]:
    """Decide every billing account anew, keeping what a person decided. `survivors`: merged CRM account → survivor."""
    index = _Index(crm, survivors)
    before = {decision.billing_id: decision for decision in standing}
    return [_decided(index.decide(account, now), before.get(account.id), survivors) for account in billing]


def _decided(new: LinkDecision, standing: LinkDecision | None, survivors: Mapping[str, str]) -> LinkDecision:
    followed = _followed(standing, survivors)
    is_merged = followed is not None and followed.crm_id in survivors.values()
    if followed is not None and is_merged and new.state is LinkState.UNMATCHED:
        # What we matched by went with the merged account; the merge itself says where it is now.
        return followed
    return settled(followed, _keep_date(standing, new))


def plain_domain(text: str | None) -> str | None:
    """The bare host of a web address or domain, lower case."""
    if not text:
        return None
    host = SCHEME.sub("", text.strip().casefold()).split("/")[0].split("?")[0].split(":")[0]
    return host or None


def plain_name(text: str | None) -> str:
    """A company's name without accents, punctuation and legal form."""
    letters = unicodedata.normalize("NFKD", (text or "").casefold())
    flat = "".join(letter for letter in letters if not unicodedata.combining(letter)).translate(SPELLINGS)
    words = re.findall(r"[^\W_]+", ABBREVIATION.sub("", flat))
    kept = [word for word in words if word not in LEGAL_FORMS]
    return " ".join(kept or words)


class _Index:
    """CRM accounts by what they can be recognised by."""

    def __init__(self, accounts: Sequence[CrmAccount], survivors: Mapping[str, str]) -> None:
        self.ids = {account.id: account.id for account in accounts}
        self.ids |= {gone: left for gone, left in survivors.items() if left in self.ids}
        self.by_billing_id: dict[str, list[str]] = defaultdict(list)
        self.by_domain: dict[str, list[str]] = defaultdict(list)
        self.by_name: dict[str, list[str]] = defaultdict(list)
        for account in accounts:
            if account.billing_id:
                self.by_billing_id[account.billing_id].append(account.id)
            if domain := plain_domain(account.domain):
                self.by_domain[domain].append(account.id)
            if name := plain_name(account.name):
                self.by_name[name].append(account.id)

    def decide(self, account: BillingAccount, now: datetime) -> LinkDecision:
        """Take the strongest evidence that names anybody."""
        name = account.name
        for method, found in (
            (LinkMethod.ID, [self.ids[account.crm_id]] if account.crm_id in self.ids and account.crm_id else []),
            (LinkMethod.ID, self.by_billing_id.get(account.id, [])),
            (LinkMethod.DOMAIN, self.by_domain.get(plain_domain(account.domain) or "", [])),
            (LinkMethod.NAME, self.by_name.get(plain_name(account.name), [])),
        ):
            if len(found) == 1:
                return LinkDecision(account.id, LinkState.LINKED, now, found[0], method, AUTOMATIC, tuple(found), name)
            if found:
                return LinkDecision(
                    account.id, LinkState.AMBIGUOUS, now, None, method, AUTOMATIC, tuple(sorted(found)), name
                )
        return LinkDecision(account.id, LinkState.UNMATCHED, now, billing_name=name)


def _followed(standing: LinkDecision | None, survivors: Mapping[str, str]) -> LinkDecision | None:
    if standing is None or standing.crm_id not in survivors:
        return standing
    return replace(standing, crm_id=survivors[standing.crm_id or ""])


def _keep_date(standing: LinkDecision | None, new: LinkDecision) -> LinkDecision:
    """Leave the date alone when nothing changed, so that an unchanged world stores nothing."""
    if standing is not None and replace(new, decided_at=standing.decided_at) == standing:
        return standing
    return new
