"""What answers show unasked, and what `expand` adds."""

from __future__ import annotations

import pytest


def test_tiers_are_shown_only_when_expanded(shop) -> None:
    """A price shows neither tiers nor currency options unless each is expanded, in lists and inside items alike."""
    plain = shop.get("/v1/prices/price_pro").json()
    expanded = shop.get("/v1/prices/price_pro", ("expand[]", "tiers")).json()
    listed = {row["id"]: row for row in shop.rows("/v1/prices", ("expand[]", "data.tiers"))}
    inside = shop.get("/v1/subscriptions/sub_rich").json()["items"]["data"][0]["price"]

    assert not {"tiers", "currency_options"} & set(plain)
    assert [tier["up_to"] for tier in expanded["tiers"]] == [10, None]
    assert expanded["tiers"][1] == {
        "flat_amount": None,
        "flat_amount_decimal": None,
        "unit_amount": None,
        "unit_amount_decimal": "1200.5",
        "up_to": None,
    }
    assert listed["price_pro"]["tiers"] == expanded["tiers"]
    assert "currency_options" not in expanded
    assert "tiers" not in inside


def test_neighbours_are_ids_unless_expanded(shop) -> None:
    """Customer, latest invoice and discounts of a subscription are ids, and objects when expanded."""
    plain = shop.get("/v1/subscriptions/sub_rich").json()
    expanded = shop.get(
        "/v1/subscriptions/sub_rich",
        ("expand[]", "customer"),
        ("expand[]", "latest_invoice.customer"),
        ("expand[]", "discounts.source.coupon"),
    ).json()

    assert (plain["customer"], plain["latest_invoice"], plain["discounts"]) == ("cus_acme", "in_cycle", ["di_loyal"])
    assert expanded["customer"]["name"] == expanded["latest_invoice"]["customer"]["name"] == "Acme"
    assert expanded["discounts"][0]["source"]["coupon"]["percent_off"] == 10
    assert "applies_to" not in expanded["discounts"][0]["source"]["coupon"]


def test_indexed_expansion_is_the_same(shop) -> None:
    """`expand[0]` means what `expand[]` means."""
    answer = shop.get("/v1/subscriptions", ("expand[0]", "data.customer"), ("expand[1]", "data.discounts")).json()

    assert answer["data"][0]["customer"]["id"] == "cus_acme"
    assert answer["data"][0]["discounts"][0]["id"] == "di_loyal"


def test_a_customer_shows_subscriptions_when_expanded(shop) -> None:
    """A customer's current subscriptions come only by expansion, the canceled ones not at all."""
    plain = shop.get("/v1/customers/cus_acme").json()
    expanded = {row["id"]: row for row in shop.rows("/v1/customers", ("expand[]", "data.subscriptions"))}

    assert "subscriptions" not in plain
    assert [row["id"] for row in expanded["cus_acme"]["subscriptions"]["data"]] == ["sub_rich"]
    assert expanded["cus_beta"]["subscriptions"]["data"] == []


def test_a_metered_item_has_no_quantity(shop) -> None:
    """The licensed item has a quantity, the metered one lacks the field."""
    licensed, metered = shop.get("/v1/subscriptions/sub_rich").json()["items"]["data"]

    assert licensed["quantity"] == 12
    assert "quantity" not in metered
    assert metered["price"]["recurring"] == {
        "interval": "month",
        "interval_count": 1,
        "meter": "mtr_api",
        "usage_type": "metered",
    }


def test_ten_lines_are_embedded_and_the_rest_listed(shop) -> None:
    """An invoice embeds its first ten lines and says that more follow; the lines' own list goes on after them."""
    embedded = shop.get("/v1/invoices/in_cycle").json()["lines"]
    rest = shop.get(embedded["url"], limit=100, starting_after=embedded["data"][-1]["id"]).json()

    assert len(embedded["data"]) == 10
    assert embedded["has_more"] is True
    assert [row["id"] for row in rest["data"]] == ["il_10", "il_11"]
    assert rest["has_more"] is False


def test_ten_items_are_embedded_and_the_rest_listed(shop) -> None:
    """A subscription embeds ten items; subscription_items lists the others in the same order."""
    subscription = shop.session.get(f"{shop.url}/__state/subscriptions").json()[0]
    pro = subscription["items"]["data"][0]
    subscription["items"]["data"] = [{**pro, "id": f"si_{at:02d}"} for at in range(13)]
    shop.load("subscriptions", subscription)

    embedded = shop.get("/v1/subscriptions/sub_rich").json()["items"]
    last = embedded["data"][-1]["id"]
    rest = shop.ids("/v1/subscription_items", subscription="sub_rich", starting_after=last)

    assert (len(embedded["data"]), embedded["has_more"]) == (10, True)
    assert rest == ["si_10", "si_11", "si_12"]
    assert shop.get("/v1/subscription_items/si_12").json()["price"]["id"] == "price_pro"


def test_a_changed_price_shows_inside_items(shop) -> None:
    """The price inside an item is the price as it now is."""
    shop.touch("prices", {"id": "price_pro", "nickname": "Renamed"})

    assert shop.get("/v1/subscriptions/sub_rich").json()["items"]["data"][0]["price"]["nickname"] == "Renamed"


def test_an_invoice_tells_its_subscription_by_its_parent(shop) -> None:
    """The subscription of an invoice and the price of a line stand where this API version puts them."""
    cycle = shop.get("/v1/invoices/in_cycle").json()
    line = cycle["lines"]["data"][0]

    assert cycle["parent"]["subscription_details"]["subscription"] == "sub_rich"
    assert line["pricing"]["price_details"] == {"price": "price_pro", "product": "prod_pro"}
    assert not {"subscription", "discount", "tax"} & set(cycle)
    assert not {"price", "plan", "proration"} & set(line)
    assert (cycle["subtotal"], cycle["total"]) == (12_066, 12_066 - 1200)


@pytest.mark.parametrize(
    ("path", "expand"),
    [
        ("/v1/subscriptions", "data.items.data.price.product"),
        ("/v1/subscriptions/sub_rich", "latest_invoice.lines.data.pricing.price_details"),
        ("/v1/subscriptions", "customer"),
        ("/v1/subscriptions/sub_rich", "data.customer"),
        ("/v1/subscriptions", "data.metadata"),
        ("/v1/subscriptions", "data.items.price"),
        ("/v1/prices", "data.recurring.meter"),
        ("/v1/invoices", "data.subscription"),
        ("/v1/events", "data.object"),
    ],
)
def test_what_cannot_be_expanded_is_refused(shop, path: str, expand: str) -> None:
    """More than four levels, a path without `data` in a list, or a field that does not expand is a 400."""
    answer = shop.get(path, ("expand[]", expand))

    assert answer.status_code == 400
    assert "expand" in answer.json()["error"]["message"]
