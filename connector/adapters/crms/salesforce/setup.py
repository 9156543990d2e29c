"""Creates our fields in Salesforce, opens them to the user we run as, and puts them where people see them.

Decided here: what is missing is deployed in one transaction, checked first; where this user may not deploy, fields are
made through Tooling one by one. A new field is hidden from everybody, its maker included, until a permission set opens
it; ours is assigned to our user and to nobody else. A set that exists is not deployed again, because that would
replace what an admin added to it: fields are opened in it one by one. What people see (list views, a section) comes
after and cannot fail the rest. Where Activity refuses a key the field is made plain, and our tasks are found by their
`ref:` line; the answer is noted in our permission set's description.

Source: Metadata API Developer Guide; Tooling API Developer Guide, "CustomField"; Object Reference, "FieldPermissions",
"ObjectPermissions", "PermissionSetAssignment".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import uuid4

from connector.adapters.crms.http import CallError, RefusedError
from connector.adapters.crms.salesforce import components
from connector.adapters.crms.salesforce.client import SalesforceClient
from connector.adapters.crms.salesforce.components import Component, Content
from connector.adapters.crms.salesforce.deploy import Deployer, Failure, may_not_deploy
from connector.adapters.crms.salesforce.errors import QUOTA
from connector.adapters.crms.salesforce.package import deploy_zip
from connector.adapters.crms.salesforce.read import SalesforceReader
from connector.adapters.crms.salesforce.survey import PROVEN, REFUSED_KEYS, Org, Surveyor, is_open, sobject
from connector.adapters.crms.salesforce.translate import SOBJECTS, key_field
from connector.domain.change import RecordType
from connector.domain.errors import ConfigError, CredentialError, LaterError, MappingError, MendError
from connector.domain.installation import Doing, SetupStep, Wanted, is_written, managed_field, refused
from connector.domain.mapping import CrmMapping
from connector.ports.clock import Clock

_NOT_DEPLOYED = "this user may not deploy metadata"
_BY_HAND = "let an administrator deploy the files of `connector install --out DIR`; or "
_CLICKS = {
    "ListView": "make it by hand: the object's tab > List View Controls > New, with the filters of `install --out DIR`",
    "QuickAction": "make it by hand: Setup > Object Manager > the object > Buttons, Links, and Actions > New Action",
}


class SalesforceSetup:
    """Makes what is missing; run twice, it changes nothing the second time."""

    def __init__(self, client: SalesforceClient, reader: SalesforceReader, mapping: CrmMapping, clock: Clock) -> None:
        self._client = client
        self._reader = reader
        self._mapping = mapping
        self._deployer = Deployer(client, clock)
        self._surveyor = Surveyor(client, reader, mapping)
        self._deploys = True

    def missing(self, wanted: Wanted) -> dict[RecordType, list[str]]:
        """Name the wanted fields that our user cannot see, or cannot write where we write."""
        self._reader.forget_schemas()
        lacking = {type: self._lacking(type, names) for type, names in wanted.items()}
        return {type: names for type, names in lacking.items() if names}

    def _lacking(self, type: RecordType, fields: Mapping[str, Any]) -> list[str]:
        specs = self._reader.schema(type).fields
        lacking = []
        for name, field in fields.items():
            spec = specs.get(name)
            # Not every org lets a task carry a key: then the plain field will do.
            needs_key = field.unique and type is not RecordType.TASK
            closed = spec is not None and is_written(type) and not (spec.createable and spec.updateable)
            if spec is None or closed or (needs_key and not spec.unique):
                lacking.append(name)
        return lacking

    def survey(self, wanted: Wanted, with_pipeline: bool = False) -> list[SetupStep]:  # noqa: ARG002 - HubSpot's
        """Say what an installation would do."""
        self._reader.forget_schemas()
        return list(self._surveyor.steps(wanted, self._surveyor.org(wanted)))

    def install(self, wanted: Wanted, with_pipeline: bool = False) -> list[SetupStep]:  # noqa: ARG002 - HubSpot's
        """Create, open, show, try out and verify."""
        self._reader.forget_schemas()
        org = self._surveyor.org(wanted)
        steps = list(self._surveyor.steps(wanted, org))
        for step in refused(steps):
            raise MappingError(f"{step.name} {step.detail}", hint=step.hint)
        planned = {step.name: step for step in steps if step.changes}
        if not planned:
            return []
        self._deploys = True
        try:
            done = [*self._make(wanted, planned), *self._open(wanted, planned), *self._show(wanted, planned)]
            self._reader.forget_schemas()
            done += self._probe(wanted, steps)
        except CallError as error:
            raise self._not_allowed(error) from error
        for type, names in self.missing(wanted).items():
            raise MappingError(
                f"{SOBJECTS[type]}: {', '.join(names)} cannot be used as wanted",
                hint="a field of that name exists with other settings; rename it in the mapping's `install:`",
            )
        return done

    def advice(self, wanted: Wanted) -> list[str]:
        """Tell how to keep automations off our records, and what is left to an admin."""
        sales, section = components.sales_set(self._mapping), components.section_name(self._mapping)
        named: dict[str, list[str]] = {}
        for type in (RecordType.OPPORTUNITY, RecordType.TASK):
            name = managed_field(self._mapping, type)
            if name is not None and name in wanted.get(type, {}):
                named.setdefault(name, []).append(SOBJECTS[type])
        told = [
            f"Every {' and '.join(objects)} created by connector has {name} = true. To exclude them from a flow, set "
            f"its entry condition {name} Equals False; in reports and list views, {name} equals False."
            for name, objects in named.items()
        ]
        assign = f"Setup > Permission Sets > {sales} > Manage Assignments"
        told.append(f"Assign permission set {sales} to whoever should see our fields: {assign}.")
        place = f"component Related Record > Use This Opportunity (or Account) > update action {section}"
        told.append(f"To show them on a record: Lightning App Builder > {place}. No page layout of yours is changed.")
        return told

    # fields and permission sets

    def _make(self, wanted: Wanted, planned: Mapping[str, SetupStep]) -> Iterator[SetupStep]:
        """Deploy fields and permission sets together, or make them one by one where this user may not deploy."""
        fields = [
            components.field(self._mapping, type, name, new)
            for type, some in wanted.items()
            for name, new in some.items()
            if f"{components.owner(type)}.{name}" in planned
        ]
        sets = [one for one in components.permission_sets(self._mapping, wanted) if _is_new(one, planned)]
        if not fields and not sets:
            return
        try:
            done = self._deploy([*fields, *sets], wanted)
        except RefusedError as error:
            if not may_not_deploy(error):
                raise
            self._deploys = False
            done = [*map(self._make_field, fields), *map(self._make_set, sets)]
        yield from done

    def _deploy(self, wanted_components: Sequence[Component], wanted: Wanted) -> list[SetupStep]:
        failures = self._deployer.deploy(deploy_zip(wanted_components))
        key = f"Activity.{key_field(self._mapping, RecordType.TASK)}"
        plain = {one.name for one in failures if one.name == key and "externalid" in one.said.lower()}
        if plain:
            new = wanted[RecordType.TASK][key.partition(".")[2]]
            without = components.field(self._mapping, RecordType.TASK, key.partition(".")[2], new, is_key=False)
            wanted_components = [without if one.name == key else one for one in wanted_components]
            failures = self._deployer.deploy(deploy_zip(wanted_components))
        if failures:
            raise ConfigError([one.problem for one in failures])
        return [_made(one, plain=one.name in plain) for one in wanted_components]

    def _make_field(self, one: Component) -> SetupStep:
        metadata = {name: value for name, value in as_json(one.content).items() if name != "fullName"}
        try:
            self._tooling(one.name, metadata)
        except RefusedError as error:
            if "already a field named" in error.message:
                return SetupStep(Doing.EXISTS, "field", one.name)
            if not (one.parent == "Activity" and metadata.get("unique") and error.code == "FIELD_INTEGRITY_EXCEPTION"):
                raise
            keys = ("externalId", "unique", "caseSensitive")
            self._tooling(one.name, {name: value for name, value in metadata.items() if name not in keys})
            return _made(one, plain=True)
        return _made(one)

    def _tooling(self, full_name: str, metadata: Mapping[str, Any]) -> None:
        body = {"FullName": full_name, "Metadata": metadata}
        self._client.call("POST", "tooling/sobjects/CustomField/", body=body)

    def _make_set(self, one: Component) -> SetupStep:
        told = dict(one.content)
        body: dict[str, Any] = {"Name": one.name, "Label": told["label"], "Description": told["description"]}
        is_ours = one.name == components.connector_set(self._mapping)
        if is_ours:
            body |= components.user_grants()
        made = self._client.call("POST", "sobjects/PermissionSet/", body=body)
        for row in components.object_grants(self._mapping) if is_ours else ():
            self._client.call("POST", "sobjects/ObjectPermissions/", body={"ParentId": made["id"], **row})
        return _made(one)

    def _open(self, wanted: Wanted, planned: Mapping[str, SetupStep]) -> Iterator[SetupStep]:
        """Open in the permission sets what they do not open yet, and give ours to our user."""
        org = self._surveyor.org(wanted)
        if not org.sees_setup:
            return
        for one in components.permission_sets(self._mapping, wanted):
            for name in self._surveyor.lacking(one.name, wanted, org):
                self._grant(org, one.name, name, wanted)
                if not _is_new(one, planned):
                    yield SetupStep(Doing.CHANGE, "permission set", one.name, f"opens {name}")
        ours = components.connector_set(self._mapping)
        if closed := self._surveyor.closed(ours, org):
            self._client.call("PATCH", f"sobjects/PermissionSet/{org.sets[ours]['Id']}", body=components.user_grants())
            yield SetupStep(Doing.CHANGE, "permission set", ours, f"opens {', '.join(closed)}")
        if ours not in org.assigned:
            user = self._client.who_am_i()["user_id"]
            body = {"AssigneeId": user, "PermissionSetId": org.sets[ours]["Id"]}
            self._client.call("POST", "sobjects/PermissionSetAssignment/", body=body)
            yield SetupStep(Doing.CREATE, "assignment", f"{ours} to our user")

    def _grant(self, org: Org, permission_set: str, name: str, wanted: Wanted) -> None:
        edit = components.grants(self._mapping, wanted, permission_set)[name]
        opened = {"PermissionsRead": True, "PermissionsEdit": edit}
        row = org.grants[permission_set].get(name)
        if row is not None and not is_open(row, edit):
            self._client.call("PATCH", f"sobjects/FieldPermissions/{row['Id']}", body=opened)
            return
        target = {"ParentId": org.sets[permission_set]["Id"], "SobjectType": sobject(name), "Field": name}
        self._client.call("POST", "sobjects/FieldPermissions/", body={**target, **opened})

    # what people see

    def _show(self, wanted: Wanted, planned: Mapping[str, SetupStep]) -> Iterator[SetupStep]:
        """Deploy list views and sections; what an org does not take of them is a person's to make."""
        every = [*components.list_views(self._mapping, wanted), *components.sections(self._mapping, wanted)]
        new = [one for one in every if one.name in planned]
        if not new:
            return
        failures = self._shown(new)
        for one in new:
            step = planned[one.name]
            if failures is None:
                yield SetupStep(Doing.BY_HAND, step.what, step.name, _NOT_DEPLOYED, f"{_BY_HAND}{_CLICKS[one.type]}")
            elif (failure := failures.get(one.name)) is not None:
                yield SetupStep(Doing.BY_HAND, step.what, step.name, failure.said, _CLICKS[one.type])
            else:
                yield SetupStep(Doing.CREATE, step.what, step.name, step.detail)

    def _shown(self, new: Sequence[Component]) -> dict[str, Failure] | None:
        """Deploy what the org takes of these; give what it does not take, None where this user may not deploy."""
        if not self._deploys:
            return None
        try:
            first = self._deployer.deploy(deploy_zip(new))
        except RefusedError as error:
            if not may_not_deploy(error):
                raise
            return None
        said = {one.name: one for one in first}
        fitting = [one for one in new if one.name not in said]
        second = self._deployer.deploy(deploy_zip(fitting)) if first and 0 < len(fitting) < len(new) else first
        last = {one.name: second[0] for one in new} if second else {}
        return last | said

    # the probe

    def _probe(self, wanted: Wanted, steps: Sequence[SetupStep]) -> list[SetupStep]:
        """Prove on a throw-away task that a second upsert of one key finds the first, and note the answer."""
        planned = next((step for step in steps if step.what == "probe" and step.changes), None)
        if planned is None:
            return []
        if not self._reader.is_keyed(RecordType.TASK):
            return [self._noted(wanted, planned, REFUSED_KEYS)]
        name = planned.name.partition(".")[2]
        tasks = SOBJECTS[RecordType.TASK]
        path = f"sobjects/{tasks}/{name}/{uuid4().hex}"
        body = {"Subject": "Expansion connector: install probe, deleted at once"}
        ids: list[str] = []
        try:
            answers = [self._client.call("PATCH", path, body=body)]
            ids = [str(answers[0]["id"])]
            answers.append(self._client.call("PATCH", path, body=body))
            ids += [str(answers[1].get("id") or ids[0])]
        finally:
            for one in dict.fromkeys(ids):
                self._client.call("DELETE", f"sobjects/{tasks}/{one}")
        if answers[1]["created"]:
            raise MappingError(
                f"a second upsert of one {name} made a second task",
                hint="set `task.key: null` in the mapping; tasks are then found by their `ref:` line",
            )
        return [self._noted(wanted, planned, PROVEN)]

    def _noted(self, wanted: Wanted, planned: SetupStep, answer: str) -> SetupStep:
        row = self._surveyor.org(wanted).sets[components.connector_set(self._mapping)]
        body = {"Description": f"{row['Description'] or ''} {answer}".strip()[:255]}
        try:
            self._client.call("PATCH", f"sobjects/PermissionSet/{row['Id']}", body=body)
        except RefusedError as error:
            if not may_not_deploy(error):
                raise
            hint = f"write {answer!r} into the description of permission set {row['Name']}; else it is tried every time"
            return SetupStep(Doing.BY_HAND, "probe", planned.name, f"{answer} It could not be noted.", hint)
        return SetupStep(Doing.CREATE, "probe", planned.name, answer)

    def _not_allowed(self, error: CallError) -> LaterError | MendError:
        if not isinstance(error, RefusedError) or error.status in (401, 423, 429) or error.code == QUOTA:
            return self._client.for_reader(error)
        return CredentialError(
            f"the CRM refused to be set up: {error.code} {error.message}",
            hint="install with a user who may Customize Application, or let an administrator deploy the files of "
            "`connector install --out DIR`",
        )


def as_json(content: Content) -> dict[str, Any]:
    """Write a component's elements as Tooling takes them; elements of one name become a list."""
    made: dict[str, Any] = {}
    for name, value in content:
        told = as_json(value) if isinstance(value, list) else value
        if name == "value":
            made.setdefault(name, []).append({"valueName" if k == "fullName" else k: v for k, v in told.items()})
        else:
            made[name] = told
    return made


def _is_new(one: Component, planned: Mapping[str, SetupStep]) -> bool:
    step = planned.get(one.name)
    return step is not None and step.doing is Doing.CREATE


def _made(one: Component, plain: bool = False) -> SetupStep:
    what = "field" if one.type == "CustomField" else "permission set"
    detail = "created without uniqueness: this org keeps no key on tasks, a `ref:` line replaces it" if plain else ""
    return SetupStep(Doing.CREATE, what, one.name, detail)
