"""The stand-in agrees with the document Stripe publishes: answers, parameters, what expands."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from stripe_document import Document
from stripe_moments import DAY, NOW

from connector.sandbox.stripe import objects
from connector.sandbox.stripe.endpoints import ITEMS, ONE, SUMMARIES
from connector.sandbox.stripe.query import PAGE, Choice, Flag, Group, Moments, Param, Text, Texts, Whole
from connector.sandbox.stripe.resources import RESOURCES
from connector.sandbox.stripe.shapes import SHAPES, Role

LISTS = {
    **{resource.path: resource.takes for resource in RESOURCES},
    "/v1/invoices/{invoice}/lines": PAGE,
    "/v1/subscription_items": ITEMS,
    "/v1/billing/meters/{id}/event_summaries": SUMMARIES,
    "/v1/account": ONE,
}
ANSWERS = [
    ("/v1/account", "/v1/account", []),
    ("/v1/customers", "/v1/customers", []),
    ("/v1/customers", "/v1/customers", ["data.subscriptions", "data.discount.source.coupon"]),
    ("/v1/customers/{customer}", "/v1/customers/cus_beta", ["discount.source.coupon", "subscriptions"]),
    ("/v1/products", "/v1/products", []),
    ("/v1/products/{id}", "/v1/products/prod_pro", []),
    ("/v1/prices", "/v1/prices", []),
    ("/v1/prices", "/v1/prices?active=false", ["data.product"]),
    ("/v1/prices", "/v1/prices", ["data.tiers", "data.currency_options"]),
    ("/v1/prices/{price}", "/v1/prices/price_pro", ["tiers", "product"]),
    ("/v1/subscriptions", "/v1/subscriptions?status=all", []),
    ("/v1/subscriptions", "/v1/subscriptions", ["data.items.data.price", "data.discounts.source.coupon"]),
    ("/v1/subscriptions/{subscription_exposed_id}", "/v1/subscriptions/sub_rich", ["customer", "latest_invoice"]),
    ("/v1/subscription_items", "/v1/subscription_items?subscription=sub_rich", ["data.price.product"]),
    ("/v1/subscription_items/{item}", "/v1/subscription_items/si_pro", ["price.tiers"]),
    ("/v1/invoices", "/v1/invoices", []),
    ("/v1/invoices", "/v1/invoices", ["data.customer", "data.parent.subscription_details.subscription"]),
    ("/v1/invoices/{invoice}", "/v1/invoices/in_cycle", ["discounts", "total_discount_amounts.discount"]),
    ("/v1/invoices/{invoice}/lines", "/v1/invoices/in_cycle/lines", ["data.pricing.price_details.price"]),
    ("/v1/coupons", "/v1/coupons", ["data.applies_to"]),
    ("/v1/coupons/{coupon}", "/v1/coupons/LOYAL", []),
    ("/v1/events", "/v1/events", []),
    ("/v1/events/{id}", "/v1/events/evt_touched_00000001", []),
    ("/v1/billing/meters", "/v1/billing/meters", []),
    ("/v1/billing/meters/{id}", "/v1/billing/meters/mtr_api", []),
    (
        "/v1/billing/meters/{id}/event_summaries",
        (
            f"/v1/billing/meters/mtr_api/event_summaries?customer=cus_acme&start_time={NOW - 9 * DAY}"
            f"&end_time={NOW}&value_grouping_window=day"
        ),
        [],
    ),
]


@pytest.mark.parametrize(("path", "url", "expand"), ANSWERS)
def test_answers_have_the_published_shape(document: Document, shop, path: str, url: str, expand: list[str]) -> None:
    """Every endpoint's answer, expanded or not, fits the published schema and is not empty."""
    shop.touch("customers", {"id": "cus_acme", "name": "Acme SA"})

    answer = shop.get(url, *(("expand[]", one) for one in expand))

    assert answer.status_code == 200, answer.text
    assert answer.json().get("data", True)
    document.check_answer(path, answer.json())


@pytest.mark.parametrize("path", LISTS)
def test_lists_take_the_published_parameters(document: Document, path: str) -> None:
    """Each list takes the parameters the document gives it, no more and no fewer, of the same kinds."""
    published = document.parameters(path)

    assert {name: _kind(param) for name, param in LISTS[path].items()} == {
        name: _published_kind(one["schema"]) for name, one in published.items()
    }
    assert {name for name, one in published.items() if one.get("required")} == {
        name for name, param in LISTS[path].items() if getattr(param, "required", False)
    }


def test_what_expands_is_published_as_expandable(document: Document) -> None:
    """Every field the stand-in expands is marked expandable in the schema of its object."""
    objects_only = {
        name: fields for name, fields in SHAPES.items() if name in document.content["components"]["schemas"]
    }

    assert len(objects_only) > 10
    for name, fields in objects_only.items():
        own = {field for field, how in fields.items() if how.role in {Role.NEIGHBOUR, Role.WITHHELD}}
        assert own <= document.expandable(name), name


@pytest.mark.parametrize(
    ("schema", "made"),
    [
        ("account", objects.account("acct_1", name="Vendor", created=NOW)),
        ("customer", objects.customer("cus_1", created=NOW, business_name="One", country="DE", test_clock="clock_1")),
        ("product", objects.product("prod_1", name="One", created=NOW)),
        ("price", objects.price("price_1", product="prod_1", currency="jpy", created=NOW, unit_amount=500)),
        (
            "price",
            objects.price(
                "price_2",
                product="prod_1",
                currency="eur",
                created=NOW,
                unit_amount="0.000000000001",
                interval="week",
                transform_quantity=objects.transform_quantity(100),
            ),
        ),
        ("coupon", objects.coupon("C1", created=NOW, percent_off=12.5, duration="once")),
        ("discount", objects.discount("di_1", coupon="C1", start=NOW, end=NOW + DAY, customer="cus_1")),
        ("billing.meter", objects.meter("mtr_1", event_name="calls", created=NOW, formula="last", active=False)),
        ("event", objects.event("evt_1", type="customer.updated", object={"id": "cus_1"}, created=NOW, previous={})),
    ],
)
def test_builders_make_complete_objects(document: Document, schema: str, made: objects.Object) -> None:
    """What a builder makes from few words has every field the schema requires."""
    document.check_object(schema, made)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: objects.price("p", product="prod_1", currency="eur", created=NOW),
        lambda: objects.price(
            "p",
            product="prod_1",
            currency="eur",
            created=NOW,
            tiers=[objects.tier(None, unit_amount=1)],
            transform_quantity=objects.transform_quantity(10),
        ),
        lambda: objects.coupon("c", created=NOW),
        lambda: objects.coupon("c", created=NOW, amount_off=500),
        lambda: objects.coupon("c", created=NOW, percent_off=5, amount_off=500, currency="eur"),
        lambda: objects.coupon("c", created=NOW, percent_off=5, duration="repeating"),
    ],
)
def test_builders_refuse_what_stripe_would_not_hold(wrong: Callable[[], objects.Object]) -> None:
    """A price without an amount, packs of a tiered price, a coupon of nothing or of both: each is refused."""
    with pytest.raises(ValueError, match=r"price p|coupon c"):
        wrong()


def test_built_subscriptions_and_invoices_are_complete(document: Document, shop) -> None:
    """Subscriptions and invoices are complete as built, with prices and discounts in full."""
    subscriptions = shop.session.get(f"{shop.url}/__state/subscriptions").json()
    invoices = shop.session.get(f"{shop.url}/__state/invoices").json()

    assert len(subscriptions) == len(invoices) == 2
    for one in subscriptions:
        document.check_object("subscription", one)
    for one in invoices:
        document.check_object("invoice", one)


def _kind(param: Param) -> str:
    match param:
        case Text():
            return "string"
        case Whole():
            return "integer"
        case Flag():
            return "boolean"
        case Choice(words):
            return f"one of {sorted(words)}"
        case Moments():
            return "moments"
        case Texts():
            return "array"
        case Group(members):
            return f"group {sorted(members)}"


def _published_kind(schema: dict[str, object]) -> str:
    if "enum" in schema:
        return f"one of {sorted(schema['enum'])}"
    if "anyOf" in schema:
        return "moments"
    if schema["type"] == "object":
        return f"group {sorted(schema['properties'])}"
    return str(schema["type"])
