"""What a script would do: one create call a record with the vendor's own client, parents first, nothing remembered.

Its one refinement is the retry that it cannot do without: a refused HubSpot call is repeated after a pause, which the
client does for POST only when told so.
Source: simple-salesforce documentation, "Record Management"; hubspot-api-client README, "Retry middleware";
developers.hubspot.com, "Associations v4" (types 5, deal to primary company, and 216, task to deal).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import requests
from hubspot import HubSpot
from hubspot.crm.deals import SimplePublicObjectInputForCreate as NewDeal
from hubspot.crm.objects.tasks import SimplePublicObjectInputForCreate as NewTask
from requests.adapters import HTTPAdapter
from simple_salesforce import Salesforce
from urllib3.util.retry import Retry

Values = Mapping[str, str]
Pair = tuple[str, Values, Values | None]
"""Account id, fields of its opportunity, and of its task if it gets one."""
Pairs = Iterable[Pair]
Loop = Callable[[Mapping[str, Any], Pairs], None]
PATIENCE = Retry(total=8, backoff_factor=1, status_forcelist=(429,), allowed_methods=None)


class _Plain(HTTPAdapter):
    """Takes the https off: the client knows no other scheme, and stand-ins speak plain http."""

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        request.url = (request.url or "").replace("https://", "http://", 1)
        return super().send(request, *args, **options)


def salesforce_loop(told: Mapping[str, Any], pairs: Pairs) -> None:
    """Create an opportunity and its task for every account, a call each."""
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
    for account, opportunity, task in pairs:
        made = opportunities.create({**opportunity, "AccountId": account})
        if task is not None:
            tasks.create({**task, "WhatId": made["id"]})


def hubspot_loop(told: Mapping[str, Any], pairs: Pairs) -> None:
    """Create a deal and its task for every company, a call each."""
    client = HubSpot(access_token=told["access_token"], retry=PATIENCE)
    deals, tasks = client.crm.deals.basic_api, client.crm.objects.tasks.basic_api
    for api in (deals, tasks):
        api.api_client.configuration.host = told["base_url"]
    for account, opportunity, task in pairs:
        made = deals.create(NewDeal(properties=dict(opportunity), associations=_to(account, 5)))
        if task is not None:
            tasks.create(NewTask(properties=dict(task), associations=_to(made.id, 216)))


def _to(id: str, type_id: int) -> list[dict[str, Any]]:
    kinds = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": type_id}]
    return [{"to": {"id": id}, "types": kinds}]


PLAIN: Mapping[str, Loop] = {"salesforce": salesforce_loop, "hubspot": hubspot_loop}
