"""Lists of the stand-in: order, pages, filters, what is left out unasked, what is refused."""

from __future__ import annotations

import time
from typing import Any

import pytest
from stripe_moments import DAY, NOW

from connector.sandbox.stripe import objects


def customers(*ages: int, **fields: Any) -> list[dict[str, Any]]:
    return [objects.customer(f"cus_{age:03d}", created=NOW - age * DAY, **fields) for age in ages]


def test_newest_come_first_ten_at_a_time(sandbox) -> None:
    """A list shows its newest ten rows, whatever order they were loaded in, and says that more follow."""
    sandbox.load("customers", *customers(5, 1, 12, 3, 2, 4, 11, 6, 7, 8, 9, 10))

    answer = sandbox.get("/v1/customers").json()

    assert [row["id"] for row in answer["data"]] == [f"cus_{age:03d}" for age in range(1, 11)]
    assert (answer["object"], answer["has_more"], answer["url"]) == ("list", True, "/v1/customers")


def test_among_equals_the_later_loaded_comes_first(sandbox) -> None:
    """Rows of one second keep one order, the last loaded first, and a replaced row keeps its place."""
    sandbox.load("customers", *(objects.customer(f"cus_{at}", created=NOW) for at in "abc"))

    sandbox.load("customers", objects.customer("cus_a", created=NOW, name="New"))

    assert sandbox.ids("/v1/customers") == ["cus_c", "cus_b", "cus_a"]


def test_pages_cover_the_list_once(sandbox) -> None:
    """Following starting_after meets each row once; ending_before walks the same way back."""
    sandbox.load("customers", *customers(1, 2, 3, 4, 5))

    first = sandbox.get("/v1/customers", limit=2).json()
    second = sandbox.get("/v1/customers", limit=2, starting_after="cus_002").json()
    third = sandbox.get("/v1/customers", limit=2, starting_after="cus_004").json()
    back = sandbox.get("/v1/customers", limit=2, ending_before="cus_005").json()
    start = sandbox.get("/v1/customers", limit=2, ending_before="cus_003").json()

    pages = [
        ([row["id"][-1] for row in page["data"]], page["has_more"]) for page in (first, second, third, back, start)
    ]
    assert pages == [(["1", "2"], True), (["3", "4"], True), (["5"], False), (["3", "4"], True), (["1", "2"], False)]


def test_a_cursor_need_not_pass_the_filters(sandbox) -> None:
    """Paging inside a filter goes on from a row that the filter hides."""
    sandbox.load("customers", *customers(1, 2), *customers(3, 4, email="a@b.example"))

    assert sandbox.ids("/v1/customers", email="a@b.example", starting_after="cus_002") == ["cus_003", "cus_004"]
    assert sandbox.ids("/v1/customers", email="a@b.example", starting_after="cus_003") == ["cus_004"]


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ({"created[gte]": NOW - 3 * DAY}, ["cus_001", "cus_002", "cus_003"]),
        ({"created[gt]": NOW - 3 * DAY}, ["cus_001", "cus_002"]),
        ({"created[lt]": NOW - 3 * DAY}, ["cus_004"]),
        ({"created[lte]": NOW - 3 * DAY}, ["cus_003", "cus_004"]),
        ({"created[gt]": NOW - 4 * DAY, "created[lt]": NOW - 2 * DAY}, ["cus_003"]),
        ({"created": NOW - 2 * DAY}, ["cus_002"]),
    ],
)
def test_created_bounds(sandbox, bounds: dict[str, int], expected: list[str]) -> None:
    """Each bound of created keeps exactly its side."""
    sandbox.load("customers", *customers(1, 2, 3, 4))

    assert sandbox.ids("/v1/customers", **bounds) == expected


@pytest.mark.parametrize(
    ("path", "params", "code", "param"),
    [
        ("/v1/customers", {"limit": 0}, "parameter_invalid_integer", "limit"),
        ("/v1/customers", {"limit": 101}, "parameter_invalid_integer", "limit"),
        ("/v1/customers", {"limit": "ten"}, "parameter_invalid_integer", "limit"),
        ("/v1/customers", {"starting_after": "cus_none"}, "resource_missing", "starting_after"),
        ("/v1/customers", {"ending_before": "cus_none"}, "resource_missing", "ending_before"),
        ("/v1/customers", {"starting_after": "cus_acme", "ending_before": "cus_beta"}, None, None),
        ("/v1/customers", {"updated[gte]": 1}, "parameter_unknown", "updated"),
        ("/v1/customers", {"created[since]": 1}, "parameter_unknown", "created[since]"),
        ("/v1/customers", {"created[gte]": "2026-01-01"}, "parameter_invalid_integer", "created[gte]"),
        ("/v1/customers", {"email": ""}, "parameter_invalid_empty", "email"),
        ("/v1/customers", {"email[]": "a@b.example"}, None, "email"),
        ("/v1/customers/cus_acme", {"limit": 1}, "parameter_unknown", "limit"),
        ("/v1/products", {"ids[]": "prod_pro", "starting_after": "prod_pro"}, None, "starting_after"),
        ("/v1/products", {"active": "yes"}, None, "active"),
        ("/v1/prices", {"recurring[every]": "month"}, "parameter_unknown", "recurring[every]"),
        ("/v1/subscriptions", {"status": "cancelled"}, None, "status"),
        ("/v1/invoices", {"test_clock": "clock_1"}, "parameter_unknown", "test_clock"),
        ("/v1/invoices/in_cycle/lines", {"created[gte]": 1}, "parameter_unknown", "created"),
        ("/v1/subscription_items", {}, "parameter_missing", "subscription"),
        ("/v1/subscription_items", {"subscription": "sub_none"}, "resource_missing", "subscription"),
        ("/v1/billing/meters", {"created[gte]": 1}, "parameter_unknown", "created"),
        ("/v1/events", {"type": "customer.*", "types[]": "customer.updated"}, None, "types"),
    ],
)
def test_bad_parameters_are_refused(
    shop, path: str, params: dict[str, Any], code: str | None, param: str | None
) -> None:
    """A parameter Stripe does not take there, or a value it cannot be, is a 400 that names it."""
    answer = shop.get(path, **params)

    assert answer.status_code == 400
    error = answer.json()["error"]
    assert (error["type"], error.get("code"), error.get("param")) == ("invalid_request_error", code, param)
    assert error["message"]


def test_pages_hold_one_to_a_hundred(sandbox) -> None:
    """The smallest page holds one row, the largest a hundred."""
    sandbox.load("customers", *customers(*range(101)))

    assert len(sandbox.ids("/v1/customers", limit=1)) == 1
    assert len(sandbox.ids("/v1/customers", limit=100)) == 100


def test_too_many_types_are_refused(shop) -> None:
    """Events take at most twenty types."""
    assert shop.get("/v1/events", *[("types[]", "customer.updated")] * 20).status_code == 200
    assert shop.get("/v1/events", *[("types[]", "customer.updated")] * 21).status_code == 400


def test_canceled_subscriptions_are_listed_on_request_only(shop) -> None:
    """Without a status canceled ones are left out; all shows them, ended and canceled only them."""
    assert shop.ids("/v1/subscriptions") == ["sub_rich"]
    assert shop.ids("/v1/subscriptions", status="all") == ["sub_ended", "sub_rich"]
    assert shop.ids("/v1/subscriptions", status="ended") == ["sub_ended"]
    assert shop.ids("/v1/subscriptions", status="canceled") == ["sub_ended"]
    assert shop.ids("/v1/subscriptions", status="past_due") == []


def test_inactive_prices_are_listed_on_request_or_by_switch(shop) -> None:
    """Prices list the active ones unless asked, or unless the switch says that all are listed."""
    assert shop.ids("/v1/prices") == ["price_api", "price_pro"]
    assert shop.ids("/v1/prices", active="false") == ["price_setup"]

    shop.control.switches["inactive_prices_listed"] = True

    assert shop.ids("/v1/prices") == ["price_setup", "price_api", "price_pro"]


def test_objects_on_a_test_clock_are_left_out(shop) -> None:
    """A clock's customers, subscriptions and invoices are listed only for that clock or that customer."""
    clock = {"test_clock": "clock_1"}
    subscription, invoice = (
        shop.session.get(f"{shop.url}/__state/{kind}").json()[0] for kind in ("subscriptions", "invoices")
    )
    shop.load("customers", objects.customer("cus_clock", created=NOW, **clock))
    shop.load("subscriptions", {**subscription, **clock, "id": "sub_clock", "customer": "cus_clock"})
    shop.load("invoices", {**invoice, **clock, "id": "in_clock", "customer": "cus_clock"})

    assert "cus_clock" not in shop.ids("/v1/customers")
    assert "sub_clock" not in shop.ids("/v1/subscriptions", status="all")
    assert "in_clock" not in shop.ids("/v1/invoices")
    assert shop.ids("/v1/customers", test_clock="clock_1") == ["cus_clock"]
    assert shop.ids("/v1/subscriptions", test_clock="clock_1") == ["sub_clock"]
    assert shop.ids("/v1/subscriptions", customer="cus_clock") == ["sub_clock"]
    assert shop.ids("/v1/invoices", customer="cus_clock") == ["in_clock"]


@pytest.mark.parametrize(
    ("path", "params", "expected"),
    [
        ("/v1/products", {"active": "true"}, ["prod_pro"]),
        ("/v1/products", {"ids[]": "prod_setup"}, ["prod_setup"]),
        ("/v1/prices", {"product": "prod_pro", "recurring[usage_type]": "metered"}, ["price_api"]),
        ("/v1/prices", {"type": "one_time", "active": "false"}, ["price_setup"]),
        ("/v1/prices", {"lookup_keys[]": "nothing"}, []),
        ("/v1/subscriptions", {"price": "price_api"}, ["sub_rich"]),
        ("/v1/subscriptions", {"current_period_end[lt]": NOW}, []),
        ("/v1/invoices", {"subscription": "sub_rich"}, ["in_cycle"]),
        ("/v1/invoices", {"status": "open", "due_date[gt]": NOW}, ["in_setup"]),
        ("/v1/billing/meters", {"status": "inactive"}, []),
    ],
)
def test_filters_keep_what_they_name(shop, path: str, params: dict[str, Any], expected: list[str]) -> None:
    """Each filter keeps the rows it names and no others."""
    assert shop.ids(path, **params) == expected


def test_deleted_customers_leave_a_trace(shop) -> None:
    """What is deleted is in no list; a customer's id answers with a tombstone, any other with a 404."""
    shop.touch("customers", {"id": "cus_beta", "deleted": True})
    shop.touch("products", {"id": "prod_setup", "deleted": True})

    assert shop.ids("/v1/customers") == ["cus_acme"]
    assert shop.get("/v1/customers/cus_beta").json() == {"id": "cus_beta", "object": "customer", "deleted": True}
    assert shop.ids("/v1/products") == ["prod_pro"]
    assert shop.get("/v1/products/prod_setup").status_code == 404


@pytest.mark.parametrize(
    "path", ["customers", "prices", "subscriptions", "invoices", "subscription_items", "billing/meters"]
)
def test_unknown_ids_are_missing(shop, path: str) -> None:
    """An unknown id in the path is a 404 with the code resource_missing."""
    answer = shop.get(f"/v1/{path}/nothing")

    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "resource_missing"


def test_ten_thousand_invoices_load_and_list_quickly(sandbox) -> None:
    """Thirty months of 350 customers load in seconds, and a page of 100 comes in milliseconds."""
    price = objects.price("price_1", product="prod_1", currency="eur", created=NOW, unit_amount=900)
    sandbox.load("customers", *customers(*range(350)))
    rows = [_monthly(customer, month, price) for month in range(30) for customer in range(350)]

    began = time.perf_counter()
    sandbox.load("invoices", *rows)
    loaded = time.perf_counter()
    sandbox.get("/v1/invoices", limit=1)
    warm = time.perf_counter()
    for _ in range(10):
        assert len(sandbox.get("/v1/invoices", limit=100, starting_after=rows[0]["id"]).json()["data"]) == 100
    listed = (time.perf_counter() - warm) / 10

    assert loaded - began < 20
    assert listed < 0.15, "ten times what it takes on an idle machine"


def _monthly(customer: int, month: int, price: dict[str, Any]) -> dict[str, Any]:
    id, start = f"{month:02d}{customer:03d}", NOW - month * 30 * DAY
    line = objects.invoice_line(
        f"il_{id}",
        invoice=f"in_{id}",
        amount=900,
        currency="eur",
        period_start=start,
        period_end=start + 30 * DAY,
        price=price,
        subscription=f"sub_{customer:03d}",
        subscription_item=f"si_{customer:03d}",
    )
    return objects.invoice(
        f"in_{id}",
        customer=f"cus_{customer:03d}",
        lines=[line],
        created=start,
        currency="eur",
        subscription=f"sub_{customer:03d}",
    )
