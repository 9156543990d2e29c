"""Checks what an offer says of fees, partners, use, worth and proofs, and the conditions of discounts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from connector.config.names import known_name
from connector.config.yamldoc import Loaded
from connector.domain.catalogue import Catalogue, Offer, Worth
from connector.domain.errors import Problem
from connector.domain.money import KNOWN
from connector.domain.policy import GatesPolicy

LANGUAGES = ("en", "fr")


def check_offers(document: Loaded[Catalogue]) -> Iterator[Problem]:
    """List names that lead nowhere and numbers that would do the odd thing."""
    catalogue = document.value
    for name, offer in catalogue.offers.items():
        yield from _fees(document, catalogue, name, offer)
        yield from _partners(document, name, offer)
        if offer.quantity == "tier" and offer.adds_to is None:
            at = document.at("offers", name, "quantity")
            yield Problem(f"{name} is a step of no price", at, "add `adds_to:` with the offer that is billed in steps")
        if offer.from_use is not None:
            at = document.at("offers", name, "from_use", "metric")
            yield from known_name("metric", offer.from_use.metric, list(catalogue.metrics), at)
        if offer.worth is not None:
            yield from _worth(document, catalogue, offer.worth, ("offers", name, "worth"))
        for i, proof in enumerate(offer.proof):
            at = document.at("offers", name, "proof", i)
            yield from _languages(proof.label, at)
            if not re.match(r"https?://\S+$", proof.url):
                yield Problem(
                    f"{proof.url!r} is no address of a page",
                    document.at("offers", name, "proof", i, "url"),
                    "write it like https://example.com/case",
                )


def check_concessions(document: Loaded[GatesPolicy], catalogue: Catalogue) -> Iterator[Problem]:
    """List discounts that are none, and offers that nobody sells."""
    for i, one in enumerate(document.value.concessions):
        if not 0 < one.percent < 100:
            yield Problem("percent must be from 0 to 100", document.at("concessions", i, "percent"), "10 is 10 % off")
        for offer in one.offers:
            at = document.at("concessions", i, "offers")
            yield from known_name("offer", offer, list(catalogue.offers), at)
        yield from _languages(one.condition, document.at("concessions", i, "condition"))


def _fees(document: Loaded[Catalogue], catalogue: Catalogue, name: str, offer: Offer) -> Iterator[Problem]:
    at = document.at("offers", name, "one_off")
    for service in offer.one_off:
        yield from known_name("offer", service, list(catalogue.offers), at)
        if service in catalogue.offers and catalogue.offers[service].recurring:
            yield Problem(f"{service} is no one-off service", at, "set `recurring: false` on it, or sell it apart")


def _partners(document: Loaded[Catalogue], name: str, offer: Offer) -> Iterator[Problem]:
    if offer.delivered_by == "partner" and not offer.partners:
        at = document.at("offers", name, "delivered_by")
        yield Problem(f"nobody delivers {name}: it is never proposed", at, "add `partners: [{name: …}]`")
    if offer.delivered_by == "us" and offer.partners:
        at = document.at("offers", name, "partners")
        yield Problem(f"partners of {name} are never asked", at, "add `delivered_by: partner`")


def _worth(document: Loaded[Catalogue], catalogue: Catalogue, worth: Worth, loc: tuple[str, ...]) -> Iterator[Problem]:
    yield from known_name("metric", worth.metric, list(catalogue.metrics), document.at(*loc, "metric"))
    yield from _languages(worth.source, document.at(*loc, "source"))
    if not 0 < worth.share_saved <= 1:
        yield Problem("share_saved must be from 0 to 1", document.at(*loc, "share_saved"), "write a share: 0.5 is half")
    if bool(worth.hour) != (worth.hours_per_unit > 0):
        yield Problem(
            "hours need their cost, and the cost its hours", document.at(*loc), "give hours_per_unit and hour"
        )
    if not worth.hour and not worth.beyond_limit:
        yield Problem("this tells no worth", document.at(*loc), "add hours_per_unit and hour, or beyond_limit")
    for key, amounts in (("hour", worth.hour), ("beyond_limit", worth.beyond_limit)):
        for currency in amounts:
            yield from known_name("currency", currency, sorted(KNOWN), document.at(*loc, key, currency))


def _languages(texts: Mapping[Any, str], at: str) -> Iterator[Problem]:
    missing = [language for language in LANGUAGES if language not in texts]
    if missing:
        yield Problem(f"no text in {' and '.join(missing)}", at, f"add `{missing[0]}: …`")
