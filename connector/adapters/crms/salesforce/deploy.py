"""Carries a package into an org, or only asks whether the org would take it.

Decided here: the REST form of a deployment, through the client that everything else goes through. simple-salesforce's
own `deploy` speaks SOAP and leaves its headers on the shared client, so that every later call is refused; it is not
used. A deployment is all or nothing (`rollbackOnError`), is checked before it is carried out, and is asked for its
result by the injected clock.

Source: Metadata API Developer Guide, "deployRequest", "DeployResult", "DeployMessage".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connector.adapters.crms.http import RefusedError
from connector.adapters.crms.salesforce.client import SalesforceClient, Upload
from connector.adapters.crms.salesforce.errors import EXPIRED, QUOTA
from connector.domain.errors import LaterError, Problem
from connector.ports.clock import Clock

_PATH = "metadata/deployRequest"
_FIRST_LOOK, _LONGEST_LOOK, _LONGEST_WAIT = 1.0, 5.0, 900.0
_MANIFESTS = ("package.xml", "destructiveChangesPre.xml", "destructiveChangesPost.xml", "")
_CURES = (
    ("already a field named", "rename the field in the mapping's `install:`, or delete the other in Setup"),
    ("referenced elsewhere", "take it out of what the message names, then run this again"),
    ("is in use", "take it out of what the message names, then run this again"),
    ("cannot be deleted", "take it out of what the message names, then run this again"),
    ("no such column", "the field is not there: run `connector install` again"),
    ("invalid field", "the org names this field otherwise: make the list view by hand"),
    ("custom field limit", "the object has as many custom fields as its edition allows: delete one in Setup"),
    ("reached maximum", "the object has as many of these as its edition allows: delete one in Setup"),
    ("unknown user permission", "the org's edition lacks this permission: grant what it has by hand"),
)


@dataclass(frozen=True)
class Failure:
    """One component that an org does not take, in its words."""

    name: str
    said: str

    @property
    def problem(self) -> Problem:
        folded = self.said.lower()
        cure = next((cure for words, cure in _CURES if words in folded), None)
        return Problem(self.said, self.name, cure or "mend what the message names in Setup, then run this again")


class Deployer:
    """Deploys zips to one org."""

    def __init__(self, client: SalesforceClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock

    def deploy(self, zip: bytes) -> list[Failure]:
        """Ask whether an org takes a package and, if it does, carry it there; give what it does not take.

        Raises `CallError`; `may_not_deploy` tells when that means that this user deploys nothing.
        """
        return self._run(zip, check_only=True) or self._run(zip, check_only=False)

    def _run(self, zip: bytes, check_only: bool) -> list[Failure]:
        options = {"checkOnly": check_only, "rollbackOnError": True, "singlePackage": True}
        begun = self._client.call("POST", _PATH, body=Upload({"deployOptions": options}, zip))
        result = self._ended(str(begun["id"]))
        if result.get("success"):
            return []
        return _failures(result)

    def _ended(self, id: str) -> Mapping[str, Any]:
        wait, ends = _FIRST_LOOK, self._clock.now() + _LONGEST_WAIT
        while True:
            told: Mapping[str, Any] = self._client.read(f"{_PATH}/{id}", {"includeDetails": "true"})["deployResult"]
            if told.get("done"):
                return told
            if self._clock.now() >= ends:
                raise LaterError(
                    f"Salesforce still works on deployment {id}",
                    hint="Setup > Deployment Status shows it; when it has ended, run the same command again",
                )
            self._clock.sleep(wait)
            wait = min(wait * 1.5, _LONGEST_LOOK)


def _failures(result: Mapping[str, Any]) -> list[Failure]:
    details = result.get("details") or {}
    told = details.get("componentFailures") or ()
    rows = [told] if isinstance(told, Mapping) else told
    found = [Failure(_name(row), " ".join(str(row.get("problem") or "refused").split())) for row in rows]
    if not found:
        said = result.get("errorMessage") or result.get("stateDetail") or "no reason given"
        found = [Failure("deployment", f"{result.get('status')}: {said}")]
    # A permission set that opens a refused field is refused for that: the cause alone is worth telling.
    names = [one.name for one in found]
    causes = [one for one in found if not any(name != one.name and name in one.said for name in names)]
    return list(dict.fromkeys(causes or found))


def _name(row: Mapping[str, Any]) -> str:
    name = str(row.get("fullName") or "")
    return str(row.get("fileName") or "package") if name in _MANIFESTS else name


def may_not_deploy(error: RefusedError) -> bool:
    """Say whether a refusal means that this user may not use Metadata API, or that there is none."""
    if error.code in (QUOTA, EXPIRED):
        return False
    return error.status in (403, 404) or error.code in ("INSUFFICIENT_ACCESS", "API_DISABLED_FOR_ORG")
