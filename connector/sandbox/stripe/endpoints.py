"""Stripe's endpoints over one store: each a few lines over query, paging, shapes and usage.

Reading only: a restricted key that may write nothing is all the connector ever holds, so any other method is refused
as such a key is refused.

Source: https://docs.stripe.com/api and the OpenAPI document of version 2026-05-27.dahlia.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connector.sandbox.control import Control, Row
from connector.sandbox.stripe.errors import StripeError, bad_param, no_such
from connector.sandbox.stripe.guard import API_VERSION, Guard
from connector.sandbox.stripe.objects import list_of
from connector.sandbox.stripe.paging import page, place_in
from connector.sandbox.stripe.query import PAGE, Choice, Param, Text, Texts, Whole, read
from connector.sandbox.stripe.resources import RESOURCES, Resource
from connector.sandbox.stripe.shapes import Tree, expansion
from connector.sandbox.stripe.store import StripeStore
from connector.sandbox.stripe.usage import WINDOWS, check_range, summaries

Answer = Callable[[Request], Row]
ONE: Mapping[str, Param] = {"expand": Texts()}
ITEMS: Mapping[str, Param] = {**PAGE, "subscription": Text(required=True)}
SUMMARIES: Mapping[str, Param] = {
    **PAGE,
    "customer": Text(required=True),
    "start_time": Whole(required=True),
    "end_time": Whole(required=True),
    "value_grouping_window": Choice(tuple(WINDOWS)),
}


class Api:
    """Stripe's endpoints over one store."""

    def __init__(self, store: StripeStore, control: Control, guard: Guard) -> None:
        self._store = store
        self._control = control
        self._guard = guard
        self._answered = 0

    def routes(self) -> list[Route]:
        """Every endpoint; the last two refuse what is not there."""
        routes = [self._route("/v1/account", "rak_accounts_kyc_basic_read", self._account)]
        for resource in RESOURCES:
            routes += [
                self._route(resource.path, resource.permission, self._list(resource)),
                self._route(f"{resource.path}/{{id}}", resource.permission, self._one(resource)),
            ]
        return [
            *routes,
            self._route("/v1/invoices/{id}/lines", "rak_invoice_read", self._lines),
            self._route("/v1/subscription_items", "rak_subscription_read", self._items),
            self._route("/v1/subscription_items/{id}", "rak_subscription_read", self._item),
            self._route("/v1/billing/meters/{id}/event_summaries", "rak_billing_meter_read", self._summaries),
            self._route("/{path:path}", "rak_read", _unrecognized),
            self._route("/{path:path}", "rak_write", _unrecognized, ["POST", "DELETE", "PUT", "PATCH"]),
        ]

    def _route(self, path: str, permission: str, answer: Answer, methods: list[str] | None = None) -> Route:
        async def endpoint(request: Request) -> Response:
            self._answered += 1
            headers = {"Request-Id": f"req_{self._answered:014d}", "Stripe-Version": API_VERSION}
            try:
                self._guard.admit(request, path, permission)
                return JSONResponse(answer(request), headers=headers)
            except StripeError as refusal:
                return JSONResponse(refusal.body(), refusal.status, {**headers, **refusal.headers})

        return Route(path, endpoint, methods=methods or ["GET"])

    def _account(self, request: Request) -> Row:
        return self._store.renderer().show(self._store.dump("account")[0], "account", _expanded(request, "account"))

    def _list(self, resource: Resource) -> Answer:
        def answer(request: Request) -> Row:
            asked = _asked(request, resource.takes)
            _refuse_both(asked, ("type", "types"), ("ids", "starting_after"), ("ids", "ending_before"))
            tree = expansion(asked.get("expand", ()), resource.shape, listed=True)
            table, keeps = self._store.tables[resource.kind], resource.keeper(asked, self._control)
            found, has_more = page(table.newest_first(), table.position, asked, resource.noun, keeps)
            show = self._store.renderer().show
            return list_of([show(row, resource.shape, tree) for row in found], resource.path, has_more=has_more)

        return answer

    def _one(self, resource: Resource) -> Answer:
        def answer(request: Request) -> Row:
            tree = _expanded(request, resource.shape)
            row = self._find(resource.kind, resource.noun, request.path_params["id"])
            return self._store.renderer().show(row, resource.shape, tree)

        return answer

    def _lines(self, request: Request) -> Row:
        asked = _asked(request, PAGE)
        invoice = self._find("invoices", "invoice", request.path_params["id"])
        return self._inner_list(invoice["lines"], "line_item", "invoice line item", asked)

    def _items(self, request: Request) -> Row:
        asked = _asked(request, ITEMS)
        subscription = self._store.tables["subscriptions"].by_id.get(asked["subscription"])
        if subscription is None:
            raise no_such("subscription", asked["subscription"], param="subscription", status=400)
        return self._inner_list(subscription["items"], "subscription_item", "subscription item", asked)

    def _item(self, request: Request) -> Row:
        tree, id = _expanded(request, "subscription_item"), request.path_params["id"]
        subscription = self._store.subscription_of_item.get(id)
        if subscription is None:
            raise no_such("subscription_item", id, param="id")
        items = self._store.tables["subscriptions"].by_id[subscription]["items"]["data"]
        row = next(item for item in items if item["id"] == id)
        return self._store.renderer().show(row, "subscription_item", tree)

    def _summaries(self, request: Request) -> Row:
        asked = _asked(request, SUMMARIES)
        expansion(asked.get("expand", ()), "billing.meter_event_summary", listed=True)
        meter = self._find("meters", "billing meter", request.path_params["id"])
        customer = asked["customer"]
        if customer not in self._store.tables["customers"].by_id:
            raise no_such("customer", customer, param="customer", status=400)
        check_range(asked)
        stretches = self._store.usage[meter["id"], customer].values()
        rows = summaries(meter, customer, stretches, asked)
        found, has_more = page(rows, place_in(rows), asked, "billing meter event summary")
        return list_of(found, f"/v1/billing/meters/{meter['id']}/event_summaries", has_more=has_more)

    def _find(self, kind: str, noun: str, id: str) -> Row:
        """A stored object by the id in the path; of deleted ones only customers leave a trace."""
        row = self._store.tables[kind].by_id.get(id)
        if row is None or (row.get("deleted") and kind != "customers"):
            raise no_such(noun, id, param="id")
        return row

    def _inner_list(self, envelope: Row, shape: str, noun: str, asked: Mapping[str, Any]) -> Row:
        """A page of the rows that an object holds, in the order it holds them."""
        tree = expansion(asked.get("expand", ()), shape, listed=True)
        rows: Sequence[Row] = envelope["data"]
        found, has_more = page(rows, place_in(rows), asked, noun)
        show = self._store.renderer().show
        return list_of([show(row, shape, tree) for row in found], envelope["url"], has_more=has_more)


def _asked(request: Request, takes: Mapping[str, Param]) -> dict[str, Any]:
    return read(request.query_params.multi_items(), takes)


def _expanded(request: Request, shape: str) -> Tree:
    """What a retrieval by id expands; it takes no other parameter."""
    return expansion(_asked(request, ONE).get("expand", ()), shape, listed=False)


def _refuse_both(asked: Mapping[str, Any], *pairs: tuple[str, str]) -> None:
    for one, other in pairs:
        if one in asked and other in asked:
            raise bad_param(other, f"You may only specify one of these parameters: {one}, {other}.")


def _unrecognized(request: Request) -> Row:
    raise StripeError(404, f"Unrecognized request URL ({request.method}: {request.url.path}).")
