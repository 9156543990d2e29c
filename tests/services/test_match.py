"""Which CRM account a billing account belongs to: strongest evidence first, nothing guessed, a person's word kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connector.domain.account import BillingAccount, CrmAccount
from connector.domain.company_names import plain_name
from connector.domain.link import LinkDecision, LinkMethod, LinkState, linked
from connector.domain.web_domains import plain_domain
from connector.services.match import match

NOW = datetime(2026, 9, 30, tzinfo=UTC)


def billing(id: str = "b1", name: str = "Nothing alike", **rest: Any) -> BillingAccount:
    return BillingAccount(id, "stripe", name, **rest)


def decide(
    account: BillingAccount,
    crm: Iterable[CrmAccount],
    standing: Iterable[LinkDecision] = (),
    survivors: Mapping[str, str] | None = None,
) -> LinkDecision:
    (decision,) = match([account], list(crm), standing, survivors or {}, NOW)
    return decision


BY_ID = CrmAccount("c-id", "One", billing_id="b1")
BY_DOMAIN = CrmAccount("c-domain", "Acme Technologies", domain="https://www.Acme.com/about")
BY_NAME = CrmAccount("c-name", "ACME S.A.S.", country="FR")
ACME = billing(name="Acme", domain="acme.com", country="US")


def test_id_domain_name_in_this_order() -> None:
    """The billing id in the CRM beats the domain, which beats the name."""
    found = [decide(ACME, crm) for crm in ([BY_ID, BY_DOMAIN, BY_NAME], [BY_DOMAIN, BY_NAME])]
    found.append(decide(replace(ACME, country="FR"), [BY_NAME]))

    assert [(one.crm_id, one.method) for one in found] == [
        ("c-id", LinkMethod.ID),
        ("c-domain", LinkMethod.DOMAIN),
        ("c-name", LinkMethod.NAME),
    ]


def test_crm_id_in_billing_beats_all() -> None:
    """Billing that names the CRM account itself is believed, if that account exists."""
    named = replace(ACME, crm_id="c-name")

    assert decide(named, [BY_ID, BY_DOMAIN, BY_NAME]).crm_id == "c-name"
    assert decide(replace(ACME, crm_id="gone"), [BY_DOMAIN]).method is LinkMethod.DOMAIN


def test_crm_id_of_a_merged_account() -> None:
    """Billing that names an account merged since is followed to the survivor."""
    found = decide(billing(crm_id="old"), [CrmAccount("new", "Any")], survivors={"old": "new"})

    assert (found.state, found.crm_id, found.method) == (LinkState.LINKED, "new", LinkMethod.ID)


def test_nobody() -> None:
    """An account that nothing matches is unmatched."""
    found = decide(billing(), [BY_DOMAIN, BY_NAME])

    assert (found.state, found.crm_id, found.candidates) == (LinkState.UNMATCHED, None, ())


def test_several_candidates_are_held() -> None:
    """Two accounts on one domain stay ambiguous even when one has the right name."""
    twins = [CrmAccount("c2", "Acme", domain="acme.com"), CrmAccount("c1", "Other", domain="acme.com")]

    found = decide(ACME, twins)

    assert (found.state, found.crm_id, found.candidates) == (LinkState.AMBIGUOUS, None, ("c1", "c2"))


def test_many_to_one() -> None:
    """Several billing accounts may belong to one CRM account."""
    some = [replace(ACME, id="b1"), replace(ACME, id="b2")]

    assert linked(match(some, [BY_DOMAIN], [], {}, NOW)) == {"b1": "c-domain", "b2": "c-domain"}


@pytest.mark.parametrize("state", [LinkState.LINKED, LinkState.UNSET])
def test_a_persons_decision_wins(state: LinkState) -> None:
    """What a person decided stands against the strongest evidence, the word that there is none included."""
    said = LinkDecision("b1", state, NOW, "c-name" if state is LinkState.LINKED else None, LinkMethod.PERSON, "Ana")

    assert decide(ACME, [BY_ID, BY_NAME], [said]) == said


def test_a_persons_decision_follows_a_merge() -> None:
    """A person's link moves to the account that survived a merge."""
    said = LinkDecision("b1", LinkState.LINKED, NOW, "old", LinkMethod.PERSON, "Ana")

    found = decide(ACME, [BY_DOMAIN], [said], {"old": "new"})

    assert (found.crm_id, found.decided_by, found.method) == ("new", "Ana", LinkMethod.PERSON)


def test_unchanged_decision_keeps_its_date() -> None:
    """A decision that comes out the same keeps its date; one that changed does not."""
    before = replace(decide(ACME, [BY_DOMAIN]), decided_at=NOW - timedelta(days=3))

    assert decide(ACME, [BY_DOMAIN], [before]) == before
    assert decide(ACME, [BY_ID, BY_DOMAIN], [before]).decided_at == NOW


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Société Générale SA", "societe generale"),
        ("ACME, Inc.", "Acme"),
        ("Acme S.A.S.", "Acme SAS"),
        ("Müller GmbH & Co. KG", "Muller"),
        ("L’Atelier du Café SARL", "L'atelier du cafe"),
        ("Œuvre & Fils", "oeuvre fils"),
        ("Ørsted A/S", "Orsted A/S"),
        ("Weiß AG", "Weiss"),
        ("Ελλάδα Ltd", "ΕΛΛΆΔΑ"),
    ],
)
def test_spellings_of_one_name(one: str, other: str) -> None:
    """Accents, punctuation, case and legal form do not tell two companies apart."""
    assert plain_name(one) == plain_name(other) != ""


def test_names_that_differ() -> None:
    """A name that is nothing but a legal form keeps it, and no name matches no name."""
    assert plain_name("SAS Group") == "sas group"
    assert plain_name("Acme North") != plain_name("Acme South")
    assert decide(billing(name="!!!"), [CrmAccount("c1", "???")]).state is LinkState.UNMATCHED


@pytest.mark.parametrize(
    "text",
    ["acme.com", "ACME.com", "www.acme.com", "https://www.acme.com/en?x=1", "http://acme.com:8080", " acme.com "],
)
def test_spellings_of_one_domain(text: str) -> None:
    """Scheme, www, path, port and case do not tell two domains apart."""
    assert plain_domain(text) == "acme.com"


@pytest.mark.parametrize("text", ["", "  ", "https://", None])
def test_no_domain(text: str | None) -> None:
    """Nothing, and an address without a host, is no domain."""
    assert plain_domain(text) is None


def test_an_automatic_link_follows_a_merge_that_took_its_evidence_away() -> None:
    """The domain went with the merged account; the merge itself says where the customer is now."""
    standing = LinkDecision(
        "b1", LinkState.LINKED, NOW, "old", LinkMethod.DOMAIN, candidates=("old",), billing_name="Acme"
    )

    decided = match(
        [BillingAccount("b1", "stripe", "Acme")], [CrmAccount("new", "Acme Holding")], [standing], {"old": "new"}, NOW
    )

    assert [(one.state, one.crm_id) for one in decided] == [(LinkState.LINKED, "new")]


def test_a_link_that_followed_a_merge_stays_in_the_runs_after_it() -> None:
    """The survivor is linked on the next days too, though nothing but the merge ties the customer to it."""
    account, left = [BillingAccount("b1", "stripe", "Acme")], [CrmAccount("new", "Acme Holding")]
    standing = LinkDecision(
        "b1", LinkState.LINKED, NOW, "old", LinkMethod.DOMAIN, candidates=("old",), billing_name="Acme"
    )

    first = match(account, left, [standing], {"old": "new"}, NOW)
    second = match(account, left, first, {"old": "new"}, NOW)

    assert [(one.state, one.crm_id) for one in second] == [(LinkState.LINKED, "new")]
