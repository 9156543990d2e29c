"""The CRM is lived in: gaps, duplicates, people, and a team that already works."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import requests

from connector.sandbox.company import Company, generate, hubspot_rows, load_stand_ins, salesforce_rows, stripe_rows
from connector.sandbox.company.model import AccountKind
from connector.sandbox.hubspot.app import create_app as hubspot_app
from connector.sandbox.salesforce.app import create_app as salesforce_app
from connector.sandbox.serving import serving
from connector.sandbox.stripe import create_app as stripe_app


def test_some_customers_are_missing_and_some_are_there_twice(company: Company) -> None:
    """A tenth of the customers is not in the CRM; a few accounts have a twin that makes their match ambiguous."""
    known = {billing for account in company.crm.accounts for billing in account.billing}
    real = {one.id for one in company.accounts if one.kind in (AccountKind.CUSTOMER, AccountKind.SUBSIDIARY)}
    twins = [account for account in company.crm.accounts if account.key.endswith("-b")]

    assert 0.07 <= len(real - known) / len(real) <= 0.13
    assert 0.03 <= len(twins) / len(company.crm.accounts) <= 0.05


def test_several_billing_accounts_can_be_one_crm_account(company: Company) -> None:
    """Some groups are one account of the CRM, others an account with children."""
    groups = [account for account in company.crm.accounts if len(account.billing) > 2]

    assert len(groups) >= 2
    assert any(account.parent for account in company.crm.accounts)


def test_names_and_domains_differ(company: Company) -> None:
    """Some accounts are spelled otherwise than in billing, some have no domain, some are known by their id."""
    names = {one.id: one.name for one in company.accounts}
    customers = [account for account in company.crm.accounts if account.billing]

    assert 30 <= sum(account.name != names[account.billing[0]] for account in customers) <= 110
    assert 20 <= sum(account.domain is None for account in customers) <= 50
    assert 90 <= sum(bool(account.named_in_billing) for account in customers) <= 170


def test_owners(company: Company) -> None:
    """Eight sellers, one of them gone but still owning accounts, and three customer success managers."""
    roles = Counter(owner.role for owner in company.crm.owners)
    gone = [owner.key for owner in company.crm.owners if not owner.active]

    assert roles == {"ae": 8, "csm": 3}
    assert len(gone) == 1
    assert sum(account.owner in gone for account in company.crm.accounts) >= 5
    assert {owner.locale for owner in company.crm.owners} == {"en", "fr"}


def test_reps_already_work_some_needs(company: Company) -> None:
    """Open opportunities named after Analytics stand on accounts that need it, do not own it and have no twin."""
    open_ones = [one for one in company.crm.opportunities if one.stage not in ("won", "lost")]
    analytics = [one for one in open_ones if one.name.endswith("– Analytics")]
    accounts = {account.key: account for account in company.crm.accounts}
    owners = {
        one.account
        for one in company.subscriptions
        for version in one.items_on(company.as_of)
        if version.product == "prod_analytics"
    }

    assert len(analytics) >= 2
    assert {one.need for one in open_ones} >= {"prod_analytics", "seats", "prod_signature"}
    assert not any(owners & set(accounts[one.account].billing) for one in analytics)
    for one in open_ones:
        if one.need:
            assert not one.account.endswith("-b")
            assert f"{one.account}-b" not in accounts


def test_renewals_and_unclear_names_are_open(company: Company) -> None:
    """Open renewals end with their contract's term; some names say nothing, some of those lately touched."""
    open_ones = [one for one in company.crm.opportunities if one.stage not in ("won", "lost")]
    unclear = [one for one in open_ones if one.kind == "expansion" and one.need is None]

    assert sum(one.kind == "renewal" for one in open_ones) >= 10
    assert len(unclear) >= 4
    lately = [one for one in unclear if company.now - one.touched <= timedelta(days=30)]
    assert 0 < len(lately) < len(unclear)


def test_ids_and_addresses_are_unique(company: Company) -> None:
    """Within a type no two records share an id, and no two contacts an e-mail address."""
    for rows, field in ((salesforce_rows(company), "Id"), (hubspot_rows(company), "id")):
        for kind, records in rows.items():
            ids = [record[field] for record in records if kind != "associations"]
            assert len(set(ids)) == len(ids), kind
    emails = [contact.email for contact in company.crm.contacts if contact.email]
    assert len(set(emails)) == len(emails)


def test_every_domain_is_invented(company: Company) -> None:
    """Nobody real is written to: every address ends in a domain that cannot exist."""
    addresses = [contact.email for contact in company.crm.contacts] + [owner.email for owner in company.crm.owners]
    addresses += [account.domain for account in company.crm.accounts] + [one.domain for one in company.accounts]
    addresses += [customer["email"] for customer in stripe_rows(company)["customers"]]

    assert {address.rsplit(".", 1)[1] for address in addresses if address} == {"example"}


def test_the_company_loads_into_the_stand_ins() -> None:
    """What was loaded is what the stand-ins hold, and both CRMs know the accounts that billing names."""
    small = generate(seed=5, customers=60)
    with serving(stripe_app()) as stripe, serving(salesforce_app()) as salesforce, serving(hubspot_app()) as hubspot:
        loaded = load_stand_ins(small, stripe=stripe, salesforce=salesforce, hubspot=hubspot)
        invoices = requests.get(f"{stripe}/__state/invoices", timeout=30).json()
        customers = requests.get(f"{stripe}/__state/customers", timeout=30).json()
        accounts = {row["Id"] for row in requests.get(f"{salesforce}/__state/Account", timeout=30).json()}
        companies = {row["id"] for row in requests.get(f"{hubspot}/__state/companies", timeout=30).json()}

    assert len(invoices) == loaded["invoices"] == len(small.invoices)
    named = [row["metadata"] for row in customers if "crm_id" in row["metadata"]]
    assert named
    assert {one["crm_id"] for one in named} <= accounts
    assert {one["hubspot_company_id"] for one in named} <= companies
