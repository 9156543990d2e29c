"""What the components of a deployed package do to an org: fields, permission sets, list views, quick actions.

Source: Metadata API Developer Guide, "CustomField", "PermissionSet", "ListView", "QuickAction".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as ET

from connector.sandbox.control import Row
from connector.sandbox.salesforce import records, tooling
from connector.sandbox.salesforce.access import View
from connector.sandbox.salesforce.errors import Refusal
from connector.sandbox.salesforce.org import Org
from connector.sandbox.salesforce.records import Caller
from connector.sandbox.salesforce.schema import ACTIVITIES, standard_objects

_ELEMENTS: Mapping[str, tuple[str, ...]] = {
    "CustomObject": ("fields", "listViews"),
    "CustomField": (
        *("fullName", "caseSensitive", "defaultValue", "description", "externalId", "inlineHelpText", "label"),
        *("length", "precision", "referenceTo", "relationshipName", "required", "scale", "type", "unique", "valueSet"),
        "visibleLines",
    ),
    "ListView": ("fullName", "booleanFilter", "columns", "filterScope", "filters", "label", "language", "sharedTo"),
    "QuickAction": (
        *("description", "label", "optionsCreateFeedItem", "quickActionLayout", "successMessage", "targetObject"),
        "type",
    ),
    "PermissionSet": (
        *("description", "fieldPermissions", "hasActivationRequired", "label", "license", "objectPermissions"),
        "userPermissions",
    ),
}
"""What an element may hold, in the schema's order."""
_USER_PERMISSIONS = ("ActivitiesAccess", "ApiEnabled", "EditTask")
_SCOPES = ("Everything", "Mine", "Queue", "Delegated", "MyTerritory", "MyTeamTerritory", "Team")
_ROW_KINDS = {"ListView": "00B", "QuickActionDefinition": "09D"}
_MOST_FOR_A_LABEL = 40
Done = tuple[str, str, str]


class NotTaken(Exception):
    """The org does not take a component, and says why in words only: a deployment has no codes."""


@dataclass(frozen=True)
class Problem:
    """What an org does not take of a package."""

    type: str
    file: str
    name: str
    said: str


@dataclass(frozen=True)
class Part:
    """One component found in a package's files."""

    type: str
    name: str
    file: str
    element: ET.Element


def apply(
    caller: Caller, files: Mapping[str, ET.Element], brings: frozenset[tuple[str, str]]
) -> tuple[list[Done], list[Problem]]:
    """Carry out every component, fields first; give what was done and what cannot be."""
    parts = [part for file in sorted(files) for part in _parts(file, files[file])]
    found = {(part.type, part.name) for part in parts}
    problems = [
        Problem(type, "package.xml", name, f"In package.xml: no file for {type} named {name}")
        for type, name in sorted(brings - found)
    ]
    problems += [
        Problem(part.type, part.file, part.name, "Not in package.xml")
        for part in parts
        if (part.type, part.name) not in brings
    ]
    done: list[Done] = []
    order = ("CustomField", "PermissionSet", "ListView", "QuickAction")
    for part in sorted(parts, key=lambda one: order.index(one.type) if one.type in order else len(order)):
        try:
            planned = caller.org.switch("deploy_failures", {}).get(part.name)
            if planned is not None:
                raise NotTaken(planned)
            done.append((part.type, part.name, _carry_out(caller, part)))
        except (Refusal, NotTaken) as refused:
            said = refused.message if isinstance(refused, Refusal) else str(refused)
            problems.append(Problem(part.type, part.file, part.name, said))
    return done, problems


def _parts(file: str, root: ET.Element) -> Iterator[Part]:
    folder, _, name = file.rpartition("/")
    stem = name.rpartition(".")[0]
    if folder == "objects":
        for element in root:
            type = {"fields": "CustomField", "listViews": "ListView"}.get(element.tag, element.tag)
            yield Part(type, f"{stem}.{element.findtext('fullName')}", file, element)
    else:
        yield Part(root.tag, stem, file, root)


def _carry_out(caller: Caller, part: Part) -> str:
    _check_elements(part)
    match part.type:
        case "CustomField":
            return _field(caller.org, part)
        case "PermissionSet":
            return _permission_set(caller, part)
        case "ListView":
            return _list_view(caller.org, part)
        case "QuickAction":
            return _quick_action(caller.org, part)
        case _:
            raise NotTaken(f"the stand-in does not deploy {part.type}")


def _check_elements(part: Part) -> None:
    known = _ELEMENTS.get(part.type, ())
    places = [known.index(child.tag) if child.tag in known else None for child in part.element]
    for child, place in zip(part.element, places, strict=True):
        if place is None:
            where = f"invalid at this location in type {part.type}"
            raise NotTaken(f"Error parsing file: Element {child.tag} {where}")
    if places != sorted(place for place in places if place is not None):
        raise NotTaken(f"Error parsing file: elements of {part.type} in another order than the schema's")


def _field(org: Org, part: Part) -> str:
    owner, _, name = part.name.partition(".")
    metadata = {child.tag: _value(child) for child in part.element if child.tag != "fullName"}
    known = org.definition(owner, name)
    if known is None:
        tooling.make_field(org, part.name, metadata)
        return "created"
    if known["Metadata"].get("type") != metadata.get("type"):
        raise NotTaken(f"Cannot change type of field {part.name} by a deployment")
    kept = org.custom_fields("Task" if owner == "Activity" else owner)[known["DeveloperName"] + "__c"]
    org.add_custom_field(owner, kept, metadata)
    return "changed"


def _value(element: ET.Element) -> Any:
    """Read an element as Tooling would be given it: the values of a picklist are a list."""
    if not len(element):
        return _scalar(element)
    values = [_value(child) for child in element if child.tag == "value"]
    inner = {child.tag: _value(child) for child in element if child.tag != "value"}
    return inner | ({"value": values} if values else {})


def _scalar(element: ET.Element) -> Any:
    text = element.text or ""
    if text in ("true", "false"):
        return text == "true"
    return int(text) if text.isdigit() else text


def _permission_set(caller: Caller, part: Part) -> str:
    """Make a permission set what the file says, whatever it was: a deployment replaces it."""
    org, element = caller.org, part.element
    known = next((row for row in org.alive("PermissionSet") if row["Name"] == part.name), None)
    user = {f"Permissions{one.findtext('name')}": True for one in element.findall("userPermissions")}
    unknown = [name for name in user if name.removeprefix("Permissions") not in _USER_PERMISSIONS]
    if unknown:
        raise NotTaken(f"Unknown user permission: {unknown[0].removeprefix('Permissions')}")
    told: Row = {"Label": element.findtext("label"), "Description": element.findtext("description")}
    told |= {f"Permissions{name}": user.get(f"Permissions{name}", False) for name in _USER_PERMISSIONS}
    view = View(org, caller.user_id)
    kinds = {name: _known(view.type(name)) for name in ("PermissionSet", "FieldPermissions", "ObjectPermissions")}
    if known is None:
        set_id = records.insert(caller, kinds["PermissionSet"], {"Name": part.name, **told})
    else:
        set_id = known["Id"]
        records.update(caller, kinds["PermissionSet"], set_id, told)
        for kind in ("FieldPermissions", "ObjectPermissions"):
            for row in [one for one in org.alive(kind) if one["ParentId"] == set_id]:
                org.take(kind, row["Id"])
    for one in element.findall("fieldPermissions"):
        records.insert(caller, kinds["FieldPermissions"], _field_permission(org, set_id, one))
    for one in element.findall("objectPermissions"):
        records.insert(caller, kinds["ObjectPermissions"], _object_permission(set_id, one))
    _check_dependencies(element)
    return "created" if known is None else "changed"


def _known(kind: Any) -> Any:
    if kind is None:
        raise NotTaken("permission sets cannot be seen by this user")
    return kind


def _field_permission(org: Org, set_id: str, element: ET.Element) -> Row:
    name = str(element.findtext("field"))
    owner, _, field = name.partition(".")
    if owner not in standard_objects() or field not in org.custom_fields(owner):
        raise NotTaken(f"In field: field - no CustomField named {name} found")
    flags = {"PermissionsRead": _flag(element, "readable"), "PermissionsEdit": _flag(element, "editable")}
    return {"ParentId": set_id, "SobjectType": owner, "Field": name, **flags}


def _object_permission(set_id: str, element: ET.Element) -> Row:
    name = str(element.findtext("object"))
    if name not in standard_objects() or name in ACTIVITIES:
        raise NotTaken(f"In field: object - no CustomObject named {name} found")
    words = {"Read": "allowRead", "Create": "allowCreate", "Edit": "allowEdit", "Delete": "allowDelete"}
    words |= {"ViewAllRecords": "viewAllRecords", "ModifyAllRecords": "modifyAllRecords"}
    flags = {f"Permissions{ours}": _flag(element, theirs) for ours, theirs in words.items()}
    return {"ParentId": set_id, "SobjectType": name, **flags}


def _check_dependencies(element: ET.Element) -> None:
    """Refuse what opens an opportunity or contact without its account."""
    opened = {one.findtext("object") for one in element.findall("objectPermissions") if _flag(one, "allowRead")}
    for name in sorted(opened & {"Opportunity", "Contact"}, key=str):
        if "Account" not in opened:
            message = f"Permission Read {name} depends on permission(s): Read Account"
            raise NotTaken(message)


def _flag(element: ET.Element, name: str) -> bool:
    return element.findtext(name) == "true"


def _list_view(org: Org, part: Part) -> str:
    owner, _, name = part.name.partition(".")
    label = part.element.findtext("label") or ""
    if not 0 < len(label) <= _MOST_FOR_A_LABEL or part.element.findtext("filterScope") not in _SCOPES:
        raise NotTaken("a list view needs a label of at most 40 characters and a scope")
    named = [str(one.text) for one in part.element.findall("columns")]
    named += [str(one.findtext("field")) for one in part.element.findall("filters")]
    _check_columns(org, owner, named)
    row = {"Name": label, "DeveloperName": name, "SobjectType": owner, "IsSoqlCompatible": True}
    return _put(org, "ListView", row, part)


def _quick_action(org: Org, part: Part) -> str:
    owner, _, name = part.name.partition(".")
    element = part.element
    if owner not in standard_objects() or element.findtext("type") != "Update":
        raise NotTaken("the stand-in knows quick actions that update a known object")
    items = element.findall("quickActionLayout/quickActionLayoutColumns/quickActionLayoutItems")
    if any(one.findtext("uiBehavior") not in ("Edit", "Required", "Readonly") for one in items):
        raise NotTaken("Error parsing file: uiBehavior is Edit, Required or Readonly")
    _check_columns(org, owner, [str(one.findtext("field")) for one in items])
    row = {"DeveloperName": name, "MasterLabel": element.findtext("label"), "SobjectType": owner, "Type": "Update"}
    return _put(org, "QuickActionDefinition", row, part)


def _check_columns(org: Org, owner: str, named: Iterable[str]) -> None:
    """Refuse custom fields that are not there; how a list view names standard ones is told nowhere."""
    for name in named:
        if name.endswith("__c") and name not in org.custom_fields(owner):
            raise NotTaken(f"In field: field - no CustomField named {owner}.{name} found")


def _put(org: Org, kind: str, row: Row, part: Part) -> str:
    known = _row(org, kind, part.name)
    shown = {"NamespacePrefix": None, "CreatedDate": org.now(), "SystemModstamp": org.now()}
    text = ET.tostring(part.element, encoding="unicode")
    org.put(kind, shown | row | {"Id": known["Id"] if known else org.mint(_ROW_KINDS[kind]), "Metadata": text})
    return "changed" if known else "created"


def _row(org: Org, kind: str, name: str) -> Row | None:
    return next((row for row in org.rows(kind) if f"{row['SobjectType']}.{row['DeveloperName']}" == name), None)


_TABLES = {"ListView": "ListView", "QuickAction": "QuickActionDefinition"}


def undeletable(org: Org, deletes: Sequence[tuple[str, str, str]]) -> list[Problem]:
    """Say which deletions the org refuses; what goes before a field does not hold it."""
    problems, gone = list[Problem](), list[str]()
    for type, name, file in deletes:
        owner, _, field = name.partition(".")
        said = org.switch("deploy_failures", {}).get(name)
        if type == "CustomField" and org.definition(owner, field) is not None:
            users = tooling.used_by(org, owner, field, gone)
            said = tooling.in_use(users) if users else said
        if said is not None:
            problems.append(Problem(type, file, name, said))
        gone.append(name)
    return problems


def delete(org: Org, type: str, name: str) -> None:
    """Delete a component; one that is not there is none to delete."""
    if type == "CustomField":
        owner, _, field = name.partition(".")
        org.drop_custom_field(owner, field)
    elif type in _TABLES and (row := _row(org, _TABLES[type], name)) is not None:
        org.take(_TABLES[type], row["Id"])
