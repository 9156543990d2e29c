"""Takes out of Salesforce what an installation put there.

Decided here: a field is ours if its own description bears our mark, whatever the mapping says today; list views and
quick actions carry no such mark, so they are ours where a permission set of ours stands beside them under the names
that only our package uses. Everything goes in one transaction, what shows our fields first; permission sets last,
because nothing works without them if the fields have to stay. Salesforce keeps deleted fields 15 days, values included.

Source: Metadata API Developer Guide, "Deleting Components from an Organization"; Salesforce Help, "Manage Deleted
Custom Fields".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from connector.adapters.crms.http import CallError, RefusedError
from connector.adapters.crms.salesforce import components
from connector.adapters.crms.salesforce.client import SalesforceClient
from connector.adapters.crms.salesforce.components import Component
from connector.adapters.crms.salesforce.deploy import Deployer, Failure, may_not_deploy
from connector.adapters.crms.salesforce.errors import QUOTA
from connector.adapters.crms.salesforce.package import removal_zip
from connector.adapters.crms.salesforce.read import SalesforceReader
from connector.adapters.crms.salesforce.survey import Org, Surveyor, sobject
from connector.domain.errors import CredentialError, LaterError, MendError
from connector.domain.installation import Doing, SetupStep, Wanted, mark
from connector.domain.mapping import CrmMapping
from connector.ports.clock import Clock

_WHAT = {"CustomField": "field", "ListView": "list view", "QuickAction": "quick action"}


@dataclass(frozen=True)
class Ours:
    """What stands in an org with our mark."""

    fields: Mapping[str, str]
    """Owner.Name → id."""
    others: tuple[str, ...]
    """Fields under our prefix or our mapping's names that somebody else made."""
    shown: tuple[Component, ...]
    sets: Mapping[str, Mapping[str, Any]]
    org: Org


class SalesforceRemoval:
    """Removes what is ours; run twice, it finds nothing the second time."""

    def __init__(self, client: SalesforceClient, reader: SalesforceReader, mapping: CrmMapping, clock: Clock) -> None:
        self._client = client
        self._reader = reader
        self._mapping = mapping
        self._deployer = Deployer(client, clock)
        self._surveyor = Surveyor(client, reader, mapping)

    def survey(self, wanted: Wanted) -> list[SetupStep]:
        """List what is ours, and what it holds."""
        self._reader.forget_schemas()
        try:
            return list(self._steps(self._ours(wanted)))
        except CallError as error:
            raise self._not_allowed(error) from error

    def remove(self, wanted: Wanted) -> list[SetupStep]:
        """Remove it, and tell what stayed and why."""
        self._reader.forget_schemas()
        try:
            return self._remove(self._ours(wanted))
        except CallError as error:
            raise self._not_allowed(error) from error

    def _ours(self, wanted: Wanted) -> Ours:
        org = self._surveyor.org(wanted)
        if org.fields is None:
            raise CredentialError(
                "this user may not ask Tooling API which fields are ours",
                hint="uninstall with a user who may View Setup and Configuration and Customize Application",
            )
        told, said = mark(self._mapping), {name: self._description(id) for name, id in org.fields.items()}
        sets = {name: row for name, row in org.sets.items() if told in str(row.get("Description"))}
        every = [*components.list_views(self._mapping, wanted), *components.sections(self._mapping, wanted)]
        return Ours(
            fields={name: id for name, id in org.fields.items() if told in said[name]},
            others=tuple(sorted(name for name in org.fields if told not in said[name])),
            shown=tuple(one for one in every if org.has(one)) if sets else (),
            sets=sets,
            org=org,
        )

    def _description(self, id: str) -> str:
        # A query gives the metadata of one row only, and a row of its own costs the same.
        row = self._client.read(f"tooling/sobjects/CustomField/{id}")
        return str((row.get("Metadata") or {}).get("description") or "")

    def _steps(self, ours: Ours) -> Iterator[SetupStep]:
        for one in ours.shown:
            yield SetupStep(Doing.REMOVE, _WHAT[one.type], one.name)
        held = self._held(ours.fields)
        for name in sorted(ours.fields):
            detail = "" if name in held else "hidden from this user: what it holds cannot be counted"
            yield SetupStep(Doing.REMOVE, "field", name, detail, holds=held.get(name))
        for name, row in sorted(ours.sets.items()):
            people = len(self._assignments(row["Id"]))
            yield SetupStep(Doing.REMOVE, "permission set", name, f"assigned to {people} of your users")
        for name in ours.others:
            yield SetupStep(Doing.LEAVE, "field", name, "not made by this connector")

    def _held(self, names: Mapping[str, str]) -> dict[str, int]:
        """Count the living records that hold a value, a query per object: a long text cannot be filtered by."""
        held: dict[str, int] = {}
        for object in sorted({sobject(name) for name in names}):
            described = self._client.get(f"sobjects/{object}/describe")["fields"]
            seen = {one["name"] for one in described}
            asked = {name.partition(".")[2]: name for name in names if sobject(name) == object}
            asked = {column: name for column, name in asked.items() if column in seen}
            if not asked:
                continue
            counted: Counter[str] = Counter()
            soql = f"SELECT Id, IsDeleted, {', '.join(sorted(asked))} FROM {object}"  # noqa: S608 - names of the schema
            for row in self._client.query(soql):
                if not row["IsDeleted"]:
                    counted.update(name for column, name in asked.items() if row[column] not in (None, "", False))
            held |= {name: counted[name] for name in asked.values()}
        return held

    def _assignments(self, set_id: str) -> list[str]:
        soql = f"SELECT Id FROM PermissionSetAssignment WHERE PermissionSetId = '{set_id}'"  # noqa: S608 - an id
        return [row["Id"] for row in self._client.query(soql)]

    def _remove(self, ours: Ours) -> list[SetupStep]:
        doomed = [*ours.shown, *(Component("CustomField", name, ()) for name in sorted(ours.fields))]
        told = self._delete(doomed, ours) if doomed else []
        if any(step.doing is Doing.REFUSED for step in told):
            return told
        for name, row in sorted(ours.sets.items()):
            for assignment in self._assignments(row["Id"]):
                self._client.call("DELETE", f"sobjects/PermissionSetAssignment/{assignment}")
            self._client.call("DELETE", f"sobjects/PermissionSet/{row['Id']}")
            told.append(SetupStep(Doing.REMOVE, "permission set", name))
        return told

    def _delete(self, doomed: Sequence[Component], ours: Ours) -> list[SetupStep]:
        try:
            failures = self._deployer.deploy(removal_zip(doomed))
        except RefusedError as error:
            if not may_not_deploy(error):
                raise
            return [self._delete_alone(one, ours) for one in doomed]
        if failures:
            return [_stays(one) for one in failures]
        return [SetupStep(Doing.REMOVE, _WHAT[one.type], one.name) for one in doomed]

    def _delete_alone(self, one: Component, ours: Ours) -> SetupStep:
        """Delete one field through Tooling, where this user may not deploy."""
        step = SetupStep(Doing.REMOVE, _WHAT[one.type], one.name)
        if one.type != "CustomField":
            hint = "delete it in Setup, or uninstall with a user who may Modify Metadata Through Metadata API"
            return replace(step, doing=Doing.REFUSED, detail="this user may not deploy metadata", hint=hint)
        try:
            self._client.call("DELETE", f"tooling/sobjects/CustomField/{ours.fields[one.name]}")
        except RefusedError as error:
            if error.status in (401, 403, 429):
                raise
            return _stays(Failure(one.name, error.message))
        return step

    def _not_allowed(self, error: CallError) -> LaterError | MendError:
        if not isinstance(error, RefusedError) or error.status in (401, 423, 429) or error.code == QUOTA:
            return self._client.for_reader(error)
        return CredentialError(
            f"the CRM refused: {error.code} {error.message}",
            hint="uninstall with a user who may Customize Application",
        )


def _stays(failure: Failure) -> SetupStep:
    return SetupStep(Doing.REFUSED, "component", failure.name, failure.said, failure.problem.hint)
