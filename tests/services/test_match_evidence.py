"""What matching makes of domains, places, countries, houses and duplicates, and how it tells why."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.compute.countries import country_code
from connector.domain.account import BillingAccount, CrmAccount
from connector.domain.company_names import company_name
from connector.domain.link import LinkDecision, LinkMethod, LinkState
from connector.domain.web_domains import country_of_domain, own_domain
from connector.services.match import LINK_AT, match

NOW = datetime(2026, 9, 30, tzinfo=UTC)


def decide(account: BillingAccount, *crm: CrmAccount, others: tuple[BillingAccount, ...] = ()) -> LinkDecision:
    return match([account, *others], list(crm), [], {}, NOW)[0]


def billing(name: str, **rest: Any) -> BillingAccount:
    return BillingAccount(rest.pop("id", "b1"), "stripe", name, **rest)


@pytest.mark.parametrize("domain", ["gmail.com", "info@gmx.de", "https://www.facebook.com/acme", "mail.orange.fr"])
def test_a_shared_domain_matches_nobody(domain: str) -> None:
    """A mail provider's or a platform's domain says nothing, though both sides have it."""
    found = decide(billing("Zebra Tools", domain=domain), CrmAccount("c1", "Kestrel", domain=domain))

    assert (found.state, found.candidates) == (LinkState.UNMATCHED, ())


def test_an_accountants_domain_is_a_question() -> None:
    """A domain whose account has quite another name is held, both accounts named, with what differs."""
    office = CrmAccount("c1", "Fiduciaire Dupont", domain="fiduciaire-dupont.ch")
    zebra = CrmAccount("c2", "Zebra Tools SARL")

    found = decide(billing("Zebra Tools", domain="fiduciaire-dupont.ch"), office, zebra)

    assert (found.state, found.crm_id, found.candidates) == (LinkState.AMBIGUOUS, None, ("c1", "c2"))
    assert [(one.crm_id, one.agrees[0]) for one in found.evidence] == [
        ("c2", "same name"),
        ("c1", "domain fiduciaire-dupont.ch"),
    ]


def test_a_domain_of_three_unlike_customers_is_shared() -> None:
    """Where three customers of unlike names have one domain, it is none of theirs, and names decide."""
    ours = billing("Zebra Tools", domain="books.example")
    others = (
        billing("Kestrel Foods", id="b2", domain="books.example"),
        billing("Lindenhof", id="b3", domain="books.example"),
    )
    office = CrmAccount("c1", "Books and More", domain="books.example")

    found = decide(ours, office, CrmAccount("c2", "Zebra Tools SARL"), others=others)

    assert (found.crm_id, found.method) == ("c2", LinkMethod.NAME)
    assert "several customers share books.example" in found.evidence[0].differs


def test_a_subsidiary_is_not_its_parent() -> None:
    """On one domain a place in the name tells a house's accounts apart; the parent is no answer for a child."""
    parent = CrmAccount("c1", "Acme Inc.", domain="acme.com", country="US")
    child = CrmAccount("c2", "Acme Deutschland GmbH", parent_id="c1", country="Germany")
    named = billing("ACME Deutschland", domain="acme.com", country="DE")

    assert decide(named, parent, child).crm_id == "c2"
    assert decide(billing("Acme", domain="acme.com", country="US"), parent, child).crm_id == "c1"
    alone = decide(named, parent)
    assert (alone.state, alone.candidates) == (LinkState.AMBIGUOUS, ("c1",))
    assert any("deutschland" in said for said in alone.evidence[0].differs)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("Studio 12", "Studio 21"),
        ("Acme North", "Acme South"),
        ("Acme Consulting", "Acme Logistics"),
        ("Nova", "Nava"),
        ("Global Consulting Services", "Digital Consulting Services"),
    ],
)
def test_names_that_look_alike_are_not_linked(ours: str, theirs: str) -> None:
    """A number, a place, a trade or one letter of a short word makes another company."""
    assert decide(billing(ours, country="FR"), CrmAccount("c1", theirs, country="FR")).state is LinkState.UNMATCHED


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("Müller Maschinenbau GmbH & Co. KG", "MUELLER MASCHINENBAU"),
        ("Société Générale, Société Anonyme", "societe generale SA"),
        ("DataDog", "Data Dog, Inc."),
        ("Larkspur Technologies", "Larkspurr Tech"),
        ("A. O. Smith", "A.O. Smith Corporation"),
        ("Weber Logistik", "Logistik Weber"),
        ("株式会社トヨタ", "トヨタ"),
    ],
)
def test_spellings_are_linked(ours: str, theirs: str) -> None:
    """Umlauts, long legal forms, gaps, abbreviations, a slip of the pen and word order keep a company the same."""
    found = decide(billing(ours, country="DE"), CrmAccount("c1", theirs, country="Deutschland"))

    assert (found.crm_id, found.method) == ("c1", LinkMethod.NAME), found


def test_a_homonym_abroad_is_not_linked() -> None:
    """One name in two countries is two companies, by address or by legal form."""
    here = billing("Orion GmbH", country="DE")

    assert decide(here, CrmAccount("c1", "Orion", country="Spain")).state is LinkState.UNMATCHED
    assert decide(here, CrmAccount("c1", "Orion S.L.")).state is LinkState.UNMATCHED
    assert decide(here, CrmAccount("c1", "Orion", country="Allemagne")).crm_id == "c1"


def test_two_crm_accounts_of_one_customer_are_named() -> None:
    """A customer that the CRM has twice is held, though one of the two has the domain."""
    first, second = CrmAccount("c2", "Acme GmbH", domain="acme.de"), CrmAccount("c1", "Acme")

    found = decide(billing("Acme GmbH", domain="acme.de", country="DE"), first, second)

    assert (found.state, found.candidates) == (LinkState.AMBIGUOUS, ("c1", "c2"))


def test_initials_are_shown_and_not_linked() -> None:
    """A name that is the other's initials is a candidate for a person."""
    found = decide(billing("IBM"), CrmAccount("c1", "International Business Machines Corp."))

    assert (found.state, found.candidates) == (LinkState.UNMATCHED, ("c1",))
    assert found.evidence[0].agrees == ("name by its initials",)


def test_a_link_tells_why() -> None:
    """A link carries its score and the signals that agree."""
    crm = CrmAccount("c1", "ACME GmbH", domain="www.acme.de", country="Germany")

    (why,) = decide(billing("Acme GmbH", domain="acme.de", country="DE"), crm).evidence

    assert (why.crm_id, why.score) == ("c1", 1.0)
    assert why.agrees == ("same name", "country DE", "domain acme.de", "legal form gmbh")
    assert why.score >= LINK_AT


def test_parents_in_a_circle_do_no_harm() -> None:
    """A CRM whose accounts are each other's parents is matched all the same."""
    one = CrmAccount("c1", "Acme", domain="acme.com", parent_id="c2")
    two = CrmAccount("c2", "Acme France", domain="acme.com", parent_id="c1")

    assert decide(billing("Acme", domain="acme.com", country="US"), one, two).crm_id == "c1"
    assert decide(billing("Acme"), replace(one, parent_id="c1")).crm_id == "c1"


@pytest.mark.parametrize(
    ("text", "own"),
    [
        ("shop.acme.co.uk", "acme.co.uk"),
        ("info@acme.com", "acme.com"),
        ("https://müller.de/über", "xn--mller-kva.de"),
        ("co.uk", None),
        ("10.0.0.1", None),
        ("acme", None),
        ("n/a", None),
        (f"{'a' * 400}.com", None),
        ("acme .com", None),
    ],
)
def test_own_domain(text: str, own: str | None) -> None:
    """What a company registered for itself is found in any address; what is no domain is none."""
    assert own_domain(text) == own


def test_countries_in_any_language() -> None:
    """Codes, names and what people type for them are one country; a look-alike ending is no country."""
    assert {country_code(text) for text in ("DE", "de", "Germany", "Allemagne", " deutschland ", "DEU")} == {"DE"}
    assert country_code("U.S.A.") == country_code("États-Unis") == "US"
    assert (country_of_domain("acme.co.uk"), country_of_domain("acme.io")) == ("GB", None)


@given(st.text(max_size=400), st.text(max_size=80))
def test_any_text_is_a_name(name: str, domain: str) -> None:
    """Whatever stands in a name or a domain, matching answers, and an account matches itself or is held."""
    account, other = billing(name, domain=domain, country=domain), CrmAccount("c1", name, domain=domain, country=domain)

    found = decide(account, other)

    assert found.state is (LinkState.LINKED if company_name(name).joined else LinkState.UNMATCHED) or found.candidates
