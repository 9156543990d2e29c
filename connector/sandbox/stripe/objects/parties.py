"""Who sells and who buys: the account and its customers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from connector.sandbox.stripe.objects.common import Object


def account(
    id: str,
    *,
    name: str,
    created: int,
    country: str = "FR",
    currency: str = "eur",
    timezone: str = "Europe/Paris",
) -> Object:
    """The merchant's own account, with the settings a reader needs."""
    return {
        "id": id,
        "object": "account",
        "business_profile": {"name": name, "mcc": "5734", "support_email": None, "url": None},
        "business_type": "company",
        "charges_enabled": True,
        "country": country,
        "created": created,
        "default_currency": currency,
        "details_submitted": True,
        "email": None,
        "metadata": {},
        "payouts_enabled": True,
        "settings": {
            "branding": {"icon": None, "logo": None, "primary_color": None, "secondary_color": None},
            "card_payments": {"statement_descriptor_prefix": None},
            "dashboard": {"display_name": name, "timezone": timezone},
            "payments": {"statement_descriptor": None},
        },
        "type": "standard",
    }


def address(
    *,
    country: str | None = None,
    city: str | None = None,
    line1: str | None = None,
    postal_code: str | None = None,
    state: str | None = None,
) -> Object:
    """A postal address; only the country matters to most readers."""
    return {
        "city": city,
        "country": country,
        "line1": line1,
        "line2": None,
        "postal_code": postal_code,
        "state": state,
    }


def customer(
    id: str,
    *,
    created: int,
    name: str | None = None,
    business_name: str | None = None,
    email: str | None = None,
    phone: str | None = None,
    currency: str | None = None,
    country: str | None = None,
    preferred_locales: Sequence[str] = (),
    description: str | None = None,
    delinquent: bool = False,
    discount: Object | None = None,
    metadata: Mapping[str, str] | None = None,
    test_clock: str | None = None,
) -> Object:
    """A customer; `country` alone is enough for an address."""
    made = {
        "id": id,
        "object": "customer",
        "address": address(country=country) if country else None,
        "balance": 0,
        "created": created,
        "currency": currency,
        "customer_account": None,
        "default_source": None,
        "delinquent": delinquent,
        "description": description,
        "discount": discount,
        "email": email,
        "invoice_prefix": id[-8:].upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": dict(metadata or {}),
        "name": name,
        "next_invoice_sequence": 1,
        "phone": phone,
        "preferred_locales": list(preferred_locales),
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": test_clock,
    }
    return made if business_name is None else {**made, "business_name": business_name}
