"""Automatic links on labelled pairs: right where it counts, on worlds that no threshold was chosen on."""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from connector.domain.account import BillingAccount, CrmAccount
from connector.domain.link import LinkDecision, LinkMethod, LinkState
from connector.testing.company_pairs import CHOOSING, Labelled, labelled
from connector.testing.matching_quality import by_exact_name, matched, pooled, quality

SEEDS = (5001, 5002, 5003, 5004, 5005)
SIZE = 2_000


@pytest.fixture(scope="module")
def worlds() -> list[Labelled]:
    """Five worlds of 2,000 labelled billing accounts."""
    return [labelled(seed, SIZE) for seed in SEEDS]


@pytest.fixture(scope="module")
def decided(worlds: list[Labelled]) -> list[list[LinkDecision]]:
    return [matched(world) for world in worlds]


def test_seeds_are_not_those_chosen_on() -> None:
    """No world of this test was looked at when the threshold was chosen."""
    assert not set(SEEDS) & set(CHOOSING)


def test_automatic_links_are_right(worlds: list[Labelled], decided: list[list[LinkDecision]]) -> None:
    """Of the automatic links at least 99.5 % are right, and at least 80 % of the customers in the CRM are linked."""
    found = pooled(quality(world, links) for world, links in zip(worlds, decided, strict=True))

    assert found.precision >= 0.995, found
    assert found.recall >= 0.80, found


def test_the_noise_is_hard(worlds: list[Labelled]) -> None:
    """A join on equal names fails both goals by far: otherwise the pairs would prove nothing."""
    naive = pooled(quality(world, by_exact_name(world)) for world in worlds)

    assert naive.precision < 0.95, naive
    assert naive.recall < 0.25, naive


def test_every_danger_is_there(worlds: list[Labelled]) -> None:
    """The worlds hold customers the CRM lacks, customers it has twice, and domains that several customers share."""
    truth = [len(right) for world in worlds for right in world.truth.values()]
    domains = Counter(one.domain for one in worlds[0].billing if one.domain)

    assert truth.count(0) > 500
    assert truth.count(2) > 150
    assert sum(count >= 5 for count in domains.values()) > 10


def test_a_customer_that_is_twice_in_the_crm_is_seldom_linked(
    worlds: list[Labelled], decided: list[list[LinkDecision]]
) -> None:
    """Of the customers with two CRM accounts nine in ten are left to a person."""
    states = [
        link.state
        for world, links in zip(worlds, decided, strict=True)
        for link in links
        if len(world.truth[link.billing_id]) == 2
    ]

    assert states.count(LinkState.LINKED) < 0.1 * len(states)


def test_matching_is_deterministic(worlds: list[Labelled], decided: list[list[LinkDecision]]) -> None:
    """The same accounts in another order are decided the same."""
    world = worlds[0]
    turned = Labelled(world.billing[::-1], world.crm[::-1], world.truth)

    assert matched(turned)[::-1] == decided[0]


def test_numbered_companies_are_told_apart(public_data: Path) -> None:
    """RavenStack calls its accounts Company_0 to Company_499: with half of them gone, none is linked to a neighbour."""
    with (public_data / "ravenstack" / "ravenstack_accounts.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    billing = [BillingAccount(row["account_id"], "files", row["account_name"], country=row["country"]) for row in rows]
    crm = [CrmAccount(one.id, f"{one.name.replace('_', ' ')} Ltd", country=one.country) for one in billing[::2]]

    found = matched(Labelled(billing, crm, {}))

    assert {one.billing_id for one in found if one.state is LinkState.LINKED} == {one.id for one in crm}
    assert all(one.crm_id == one.billing_id for one in found if one.state is LinkState.LINKED)


def test_a_world_without_domains_is_linked_by_name(worlds: list[Labelled]) -> None:
    """Without any domain most customers are still found, by name alone."""
    billing = [replace(one, domain=None) for one in worlds[0].billing]
    found = matched(Labelled(billing, worlds[0].crm, worlds[0].truth))

    assert {one.method for one in found if one.state is LinkState.LINKED} == {LinkMethod.NAME}
    assert quality(Labelled(billing, worlds[0].crm, worlds[0].truth), found).recall > 0.7
