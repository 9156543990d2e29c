"""Finds the catalogue offer that a Stripe product or price sells."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from connector.domain.billing import OfferRule, StripeMapping


def offer_of(mapping: StripeMapping, product: Mapping[str, Any], price: Mapping[str, Any]) -> str | None:
    """The first rule that matches, else the metadata key; None when nothing names an offer."""
    metadata = {**(product.get("metadata") or {}), **(price.get("metadata") or {})}
    matching = (rule.offer for rule in mapping.offers if _matches(rule, product, price, metadata))
    named = metadata.get(mapping.offer_key) if mapping.offer_key else None
    return next(matching, named)


def _matches(
    rule: OfferRule, product: Mapping[str, Any], price: Mapping[str, Any], metadata: Mapping[str, Any]
) -> bool:
    checks = (
        rule.product is None or product.get("id") == rule.product,
        rule.price is None or price.get("id") == rule.price,
        rule.name is None or fnmatchcase((product.get("name") or "").casefold(), rule.name.casefold()),
        rule.lookup_key is None or fnmatchcase(price.get("lookup_key") or "", rule.lookup_key),
        all(metadata.get(key) == value for key, value in rule.metadata.items()),
    )
    return all(checks)
