"""What a script would do: one create call a record with the vendor's own client, parents first, nothing remembered.

Source: simple-salesforce documentation, "Record Management"; hubspot-api-client README; developers.hubspot.com,
"Associations v4" (types 5, deal to primary company, and 216, task to deal).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import requests
from hubspot import HubSpot
from hubspot.crm.deals import SimplePublicObjectInputForCreate as NewDeal
from hubspot.crm.objects.tasks import SimplePublicObjectInputForCreate as NewTask
from requests.adapters import HTTPAdapter
from simple_salesforce import Salesforce

from connector.sandbox.admin import hubspot_pipeline

Values = Mapping[str, Any]
Loop = Callable[[Mapping[str, Any], Sequence[str], Values, Values], int]


class _Plain(HTTPAdapter):
    """Takes the https off: the client knows no other scheme, and stand-ins speak plain http."""

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        request.url = (request.url or "").replace("https://", "http://", 1)
        return super().send(request, *args, **options)


def salesforce_loop(told: Mapping[str, Any], accounts: Sequence[str], opportunity: Values, task: Values) -> int:
    """Create an opportunity and its task for every account, two calls each; return how many records were made."""
    granted = requests.post(
        f"{told['base_url']}/services/oauth2/token",
        data={
            "grant_type": "client_credentials",
            "client_id": told["consumer_key"],
            "client_secret": told["consumer_secret"],
        },
        timeout=30,
    ).json()
    session = requests.Session()
    session.mount("https://", _Plain())
    client = Salesforce(instance_url=told["base_url"], session_id=granted["access_token"], session=session)
    opportunities, tasks = client.Opportunity, client.Task
    for account in accounts:
        made = opportunities.create({**opportunity, "AccountId": account})
        tasks.create({**task, "WhatId": made["id"]})
    return 2 * len(accounts)


def hubspot_loop(told: Mapping[str, Any], accounts: Sequence[str], opportunity: Values, task: Values) -> int:
    """Create a deal and its task for every company, two calls each; return how many records were made."""
    client = HubSpot(access_token=told["access_token"])
    deals, tasks = client.crm.deals.basic_api, client.crm.objects.tasks.basic_api
    for api in (deals, tasks):
        api.api_client.configuration.host = told["base_url"]
    # On the wire a pipeline goes by its id; ours takes the label people see.
    properties = {**opportunity, "pipeline": hubspot_pipeline("")["id"]}
    for account in accounts:
        made = deals.create(NewDeal(properties=properties, associations=_to(account, 5)))
        tasks.create(NewTask(properties=dict(task), associations=_to(made.id, 216)))
    return 2 * len(accounts)


def _to(id: str, type_id: int) -> list[dict[str, Any]]:
    kinds = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": type_id}]
    return [{"to": {"id": id}, "types": kinds}]


PLAIN: Mapping[str, Loop] = {"salesforce": salesforce_loop, "hubspot": hubspot_loop}
