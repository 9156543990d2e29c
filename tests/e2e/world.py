"""One small company billed by the Stripe stand-in, and two CRMs that a connector writes into.

Everything is served once. A test begins with a CRM and a state folder put back to a known moment (`installed`, or
`synced` after a first delivery), so that no test sees another's records.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from connector.sandbox import company as demo
from connector.sandbox import hubspot, salesforce, stripe
from connector.sandbox.admin import hubspot_pipeline, salesforce_stages
from connector.sandbox.control import Control, SandboxClock
from connector.sandbox.salesforce import make_credentials
from connector.sandbox.serving import serving
from tests.e2e.running import Kept, Ran, command
from tests.e2e.sides import HubspotSide, SalesforceSide, Side

CHECKOUT = Path(__file__).resolve().parents[2]
SEED, CUSTOMERS = 11, 60
CRMS = ("hubspot", "salesforce")


@dataclass(repr=False)
class World:
    """A connector's project and state, the CRM it writes into, and the day it is."""

    side: Side
    env: dict[str, str]
    folder: Path
    now: datetime
    kept: Kept | None
    home: Path
    company: demo.Company

    @property
    def state(self) -> Path:
        return self.folder / "state"

    def environment(self) -> dict[str, str]:
        """What is exported before the connector starts."""
        return {
            **self.env,
            "CONNECTOR_HOME": str(self.home),
            "CONNECTOR_STATE_DIR": str(self.state),
            "CONNECTOR_CRM": self.side.crm,
            "CONNECTOR_NOW": self.now.isoformat(),
        }

    def run(self, *args: str, batch: int | None = None, fresh: bool = False) -> Ran:
        """Run a command ten minutes later, so that the CRM's search shows what went before; logs begin anew."""
        self.side.minutes_later(10)
        self.side.control.requests.clear()
        return command(args, self.environment(), None if fresh else self.kept, batch)

    def sync(self, **options: Any) -> Any:
        """Sync and give the summary; it has to end well."""
        ran = self.run("sync", "--json", **options)
        assert ran.code == 0, f"exit {ran.code}: {ran.out[-2000:]}{ran.err[-2000:]}"
        return ran.json

    def stages(self) -> str:
        """Run the job that follows stages, once, as the scheduler does; give what it printed."""
        ran = self.run("run", "--once")
        assert ran.code == 0, ran.err
        assert not ran.err, ran.err
        return ran.out

    def later(self, **span: float) -> None:
        """Let business time pass, and the CRM's with it."""
        self.now += timedelta(**span)
        self.side.control.clock.fixed = max(self.now, self.side.control.clock.now())

    def without_documents(self) -> None:
        """Let no notes and files be written: what cannot carry a key is waited for before it is sent again."""
        mapping = f"mappings/{self.side.crm}.yaml"
        self.edit_yaml(mapping, lambda document: [document.pop(part, None) for part in ("note", "file")])

    def edit_yaml(self, path: str, change: Callable[[dict[str, Any]], None]) -> None:
        """Change one of the project's files."""
        file = self.home / path
        document = yaml.safe_load(file.read_text("utf-8"))
        change(document)
        file.write_text(yaml.safe_dump(document, allow_unicode=True, sort_keys=False), encoding="utf-8")


@dataclass(repr=False)
class Site:
    """What is served for a whole session: billing, two CRMs, and how each of them stood at known moments."""

    company: demo.Company
    env: dict[str, str]
    sides: dict[str, Side]
    scratch: Path
    kept: Kept = field(default_factory=Kept)
    moments: dict[tuple[str, str], tuple[Callable[[], None], Path]] = field(default_factory=dict)

    def at(self, crm: str, moment: str, folder: Path) -> World:
        """A world put back to a moment: `empty`, `installed` or `synced`."""
        back, state = self._moment(crm, moment)
        back()
        world = self._world(crm, folder)
        shutil.copytree(state, world.state)
        return world

    def _moment(self, crm: str, moment: str) -> tuple[Callable[[], None], Path]:
        if (crm, moment) not in self.moments:
            folder = Path(tempfile.mkdtemp(prefix=f"{crm}-{moment}-", dir=self.scratch))
            before = {"installed": "empty", "synced": "installed"}[moment]
            world = self.at(crm, before, folder)
            if moment == "installed":
                ran = world.run("install", "--yes")
                assert ran.code == 0, ran.err
            else:
                world.sync(fresh=True)  # a pull that was spared would leave the warehouse of this moment empty
            self.moments[crm, moment] = world.side.saved(), world.state
        return self.moments[crm, moment]

    def _world(self, crm: str, folder: Path) -> World:
        folder.mkdir(parents=True, exist_ok=True)
        home = folder / "project"
        shutil.copytree(self.scratch / "project", home)
        return World(self.sides[crm], self.env, folder, self.company.now, self.kept, home, self.company)


def project(folder: Path, company: demo.Company) -> Path:
    """A copy of the shipped project, in which HubSpot's owners have a language, as an admin would note it."""
    for name in ("mappings", "playbooks"):
        shutil.copytree(CHECKOUT / name, folder / name)
    file = folder / "mappings" / "hubspot.yaml"
    document = yaml.safe_load(file.read_text("utf-8"))
    document["owners"]["languages"] = {owner.email: owner.locale for owner in company.crm.owners}
    file.write_text(yaml.safe_dump(document, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return folder


@contextmanager
def served(scratch: Path) -> Iterator[Site]:
    """Serve the company's billing and both CRMs until the block ends."""
    company = demo.generate(seed=SEED, customers=CUSTOMERS)
    files = scratch / "files"
    demo.write_files(company, files)
    keys = make_credentials()
    pem = scratch / "salesforce.pem"
    pem.write_text(keys.private_key)
    clocks = [Control(clock=SandboxClock(company.now)) for _ in CRMS]
    portal, org = hubspot.create_app(clocks[0]), salesforce.create_app(clocks[1], keys)
    # The windows of HubSpot's limits run on real time: a quick test would have to wait for them.
    portal.state.control.switches["limits"] = False
    with ExitStack() as stack:
        urls = {
            "stripe": stack.enter_context(serving(stripe.create_app())),
            "hubspot": stack.enter_context(serving(portal)),
            "salesforce": stack.enter_context(serving(org)),
        }
        stamp = company.now.strftime("%Y-%m-%dT%H:%M:%S.000Z")
        portal.state.store.load("pipelines", [hubspot_pipeline(stamp)])
        org.state.store.load("OpportunityStage", salesforce_stages())
        demo.load_stand_ins(company, **urls)
        sides: dict[str, Side] = {"hubspot": HubspotSide(portal), "salesforce": SalesforceSide(org)}
        project(scratch / "project", company)
        site = Site(company, _env(urls, keys, pem, files), sides, scratch)
        for crm, side in sides.items():
            (scratch / f"{crm}-empty").mkdir()
            site.moments[crm, "empty"] = side.saved(), scratch / f"{crm}-empty"
        yield site


def _env(urls: dict[str, str], keys: salesforce.Credentials, pem: Path, files: Path) -> dict[str, str]:
    return {
        "CONNECTOR_SOURCE": "stripe,files",
        "CONNECTOR_FILES_DIR": str(files),
        "CONNECTOR_STRIPE__BASE_URL": urls["stripe"],
        "CONNECTOR_STRIPE__API_KEY": stripe.credentials()["api_key"],
        "CONNECTOR_SALESFORCE__BASE_URL": urls["salesforce"],
        "CONNECTOR_SALESFORCE__USERNAME": keys.username,
        "CONNECTOR_SALESFORCE__CONSUMER_KEY": keys.consumer_key,
        "CONNECTOR_SALESFORCE__CONSUMER_SECRET": keys.consumer_secret,
        "CONNECTOR_SALESFORCE__PRIVATE_KEY_FILE": str(pem),
        "CONNECTOR_HUBSPOT__BASE_URL": urls["hubspot"],
        "CONNECTOR_HUBSPOT__ACCESS_TOKEN": hubspot.credentials().access_token,
    }
