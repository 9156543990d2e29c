"""Serves the three stand-ins together, filled with the demo company or empty, and tells how to reach them.

What is told is one JSON object: base URLs, keys made for this life only, and an `env` to export. The files of the
company (daily usage, events) and the Salesforce private key lie in a folder beside it.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import requests

from connector.sandbox import company as demo
from connector.sandbox import hubspot, salesforce, stripe
from connector.sandbox.admin import hubspot_pipeline, salesforce_stages
from connector.sandbox.serving import serving

SEED, AS_OF, CUSTOMERS = 7, date(2026, 9, 30), 420


@dataclass(frozen=True)
class World:
    """What to serve: the demo company of a seed, or nothing but what a new account has."""

    seed: int | None = SEED
    as_of: date = AS_OF
    customers: int = CUSTOMERS


@dataclass(frozen=True)
class Ports:
    """Ports to listen on; 0 takes a free one."""

    stripe: int = 0
    salesforce: int = 0
    hubspot: int = 0


def _silent(_message: str) -> None:
    """Say nothing."""


@contextmanager
def sandbox(
    world: World, folder: Path, ports: Ports = Ports(), say: Callable[[str], None] = _silent
) -> Iterator[dict[str, Any]]:
    """Serve until the block ends; give the object that tells how to reach the stand-ins."""
    keys = salesforce.make_credentials()
    with ExitStack() as stack:
        urls = {
            "stripe": stack.enter_context(serving(stripe.create_app(), ports.stripe)),
            "salesforce": stack.enter_context(serving(salesforce.create_app(credentials=keys), ports.salesforce)),
            "hubspot": stack.enter_context(serving(hubspot.create_app(), ports.hubspot)),
        }
        _prepare(urls)
        now = datetime.now(UTC)
        if world.seed is not None:
            say(f"making the demo company (seed {world.seed}, {world.customers} customers, as of {world.as_of})")
            company = demo.generate(seed=world.seed, as_of=world.as_of, customers=world.customers)
            demo.write_files(company, folder)
            say("loading it into the stand-ins")
            demo.load_stand_ins(company, **urls)
            now = company.now
        key_file = _private(folder / "salesforce.pem", keys.private_key)
        yield _told(urls, keys, key_file, folder, now)


def write_ready(path: Path, told: dict[str, Any]) -> None:
    """Write the object whole or not at all, readable by its owner only."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # it may become a project's state folder
    _private(path.with_suffix(path.suffix + ".part"), json.dumps(told, indent=2)).replace(path)


def _prepare(urls: dict[str, str]) -> None:
    pipeline = hubspot_pipeline(datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z"))
    for url, kind, rows in (
        (urls["salesforce"], "OpportunityStage", salesforce_stages()),
        (urls["hubspot"], "pipelines", [pipeline]),
    ):
        requests.post(f"{url}/__state/{kind}", json=rows, timeout=30).raise_for_status()


def _told(
    urls: dict[str, str], keys: salesforce.Credentials, key_file: Path, folder: Path, now: datetime
) -> dict[str, Any]:
    stripe_key, token = stripe.credentials()["api_key"], hubspot.credentials().access_token
    return {
        "stripe": {"base_url": urls["stripe"], "api_key": stripe_key},
        "salesforce": {
            "base_url": urls["salesforce"],
            "username": keys.username,
            "consumer_key": keys.consumer_key,
            "consumer_secret": keys.consumer_secret,
            "private_key_file": str(key_file),
        },
        "hubspot": {"base_url": urls["hubspot"], "access_token": token},
        "env": {
            "CONNECTOR_NOW": now.isoformat(),
            "CONNECTOR_SOURCE": "stripe,files",
            "CONNECTOR_FILES_DIR": str(folder),
            "CONNECTOR_STRIPE__BASE_URL": urls["stripe"],
            "CONNECTOR_STRIPE__API_KEY": stripe_key,
            "CONNECTOR_SALESFORCE__BASE_URL": urls["salesforce"],
            "CONNECTOR_SALESFORCE__AUTH": "jwt",
            "CONNECTOR_SALESFORCE__DOMAIN": "login",
            "CONNECTOR_SALESFORCE__USERNAME": keys.username,
            "CONNECTOR_SALESFORCE__CONSUMER_KEY": keys.consumer_key,
            "CONNECTOR_SALESFORCE__CONSUMER_SECRET": keys.consumer_secret,
            "CONNECTOR_SALESFORCE__PRIVATE_KEY_FILE": str(key_file),
            "CONNECTOR_HUBSPOT__BASE_URL": urls["hubspot"],
            "CONNECTOR_HUBSPOT__ACCESS_TOKEN": token,
        },
    }


def _private(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def scratch() -> Path:
    """A new folder for one sandbox's files."""
    return Path(tempfile.mkdtemp(prefix="connector-sandbox-"))
