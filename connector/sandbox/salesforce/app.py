"""The Salesforce stand-in as an app: which paths there are, and who answers them.

Bulk queries, Metadata API retrieves, Composite Batch and Tree, and SOAP login are not there.
"""

from __future__ import annotations

from functools import partial

from starlette.applications import Starlette
from starlette.routing import Route

from connector.sandbox.control import Control, stand_in
from connector.sandbox.salesforce import batches, bulk, composite, metadata, picklists, queries, rows, setup, tooling
from connector.sandbox.salesforce.auth import Sessions
from connector.sandbox.salesforce.bulk_rows import jobs_due
from connector.sandbox.salesforce.credentials import Credentials, make_credentials
from connector.sandbox.salesforce.http import Gate
from connector.sandbox.salesforce.org import Org

_EVERY_METHOD = ["GET", "POST", "PATCH", "PUT", "DELETE"]


def create_app(control: Control | None = None, credentials: Credentials | None = None) -> Starlette:
    """Build a stand-in with an org of its own; its credentials are `app.state.credentials`."""
    control = control or Control()
    credentials = credentials or make_credentials()
    org = Org(control, credentials)
    org.settle = partial(_up_to_date, org)
    sessions = Sessions(org)
    gate = Gate(org, sessions)
    routes = [
        Route("/services/oauth2/token", sessions.token, methods=["GET", "POST"]),
        *[Route(f"/services/data{end}", gate.versions, methods=_EVERY_METHOD) for end in ("", "/")],
        Route("/services/oauth2/userinfo", sessions.userinfo, methods=["GET", "POST"]),
        *_data_routes(gate),
        *_job_routes(gate),
        Route("/{anything:path}", gate.nowhere, methods=_EVERY_METHOD),
    ]
    app = stand_in(org, control, routes)
    app.state.credentials = credentials
    return app


def _up_to_date(org: Org) -> None:
    jobs_due(org)
    setup.refresh(org)


def _data_routes(gate: Gate) -> list[Route]:
    of_record = {"GET": rows.read, "PATCH": rows.change, "DELETE": rows.remove}
    by_key = {"GET": rows.read_by_key, "PATCH": rows.upsert, "DELETE": rows.remove_by_key}
    several = {"POST": batches.create, "PATCH": batches.update, "DELETE": batches.delete}
    return [
        *gate.resource("/sobjects", {"GET": rows.types}),
        *gate.resource("/sobjects/{type}", {"GET": rows.basic, "POST": rows.create}),
        *gate.resource("/sobjects/{type}/describe", {"GET": rows.described}),
        *gate.resource("/sobjects/{type}/updated", {"GET": rows.updated}),
        *gate.resource("/sobjects/{type}/deleted", {"GET": rows.deleted}),
        *gate.resource("/sobjects/{type}/Id", {"POST": rows.create}),
        *gate.resource("/sobjects/{type}/{id}", of_record),
        *gate.resource("/sobjects/{type}/{field}/{value:path}", by_key),
        *gate.resource("/composite", {"POST": composite.composite(gate)}),
        *gate.resource("/composite/graph", {"POST": composite.graphs(gate)}),
        *gate.resource("/composite/sobjects", several),
        *gate.resource("/composite/sobjects/{type}/{field}", {"PATCH": batches.upsert}),
        *gate.resource("/query", {"GET": queries.query(include_deleted=False)}),
        *gate.resource("/queryAll", {"GET": queries.query(include_deleted=True)}),
        *gate.resource("/query/{locator}", {"GET": queries.more}),
        *gate.resource("/ui-api/object-info/{type}/picklist-values/{record_type}/{field}", {"GET": picklists.values}),
        *gate.resource("/limits", {"GET": gate.limits}),
        *gate.resource("/limits/recordCount", {"GET": queries.record_count}),
        *gate.resource("/tooling/query", {"GET": setup.tooling_query()}),
        *gate.resource("/tooling/sobjects/CustomField", {"POST": tooling.create_field}),
        *gate.resource(
            "/tooling/sobjects/CustomField/{id}", {"GET": tooling.read_field, "DELETE": tooling.delete_field}
        ),
        *gate.resource("/metadata/deployRequest", {"POST": metadata.begin}),
        *gate.resource("/metadata/deployRequest/{id}", {"GET": metadata.told}),
    ]


def _job_routes(gate: Gate) -> list[Route]:
    found = {"successfulResults": bulk.successful, "failedResults": bulk.failed}
    # The guide writes this one in small letters, several clients do not.
    found |= dict.fromkeys(("unprocessedrecords", "unprocessedRecords"), bulk.unprocessed)
    one_job = {"GET": bulk.info, "PATCH": bulk.change, "DELETE": bulk.remove}
    return [
        *gate.resource("/jobs/ingest", {"GET": bulk.every, "POST": bulk.create}),
        *gate.resource("/jobs/ingest/{id}", one_job),
        *gate.resource("/jobs/ingest/{id}/batches", {"PUT": bulk.upload}),
        *(
            route
            for name, which in found.items()
            for route in gate.resource(f"/jobs/ingest/{{id}}/{name}", {"GET": bulk.results(which)})
        ),
    ]
