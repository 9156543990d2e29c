"""What an installation makes in an org, as metadata components: fields, permission sets, list views, quick actions.

Decided here: page layouts belong to the customer, and deploying one replaces it whole, so none is shipped. What people
see is a quick action of ours with our fields, which an admin places on a Lightning page as a section ("Related Record",
"Use This Opportunity"), and two list views. Two permission sets: one for the user the connector runs as, least
privilege, assigned at install; one that lets sales people see our fields, assigned by an admin and never by us.

Source: Metadata API Developer Guide, "CustomField", "ListView", "QuickAction", "PermissionSet".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connector.adapters.crms.salesforce.translate import SOBJECTS
from connector.domain.catalogue import Language
from connector.domain.change import FieldType, RecordType
from connector.domain.installation import Wanted, answered_by_people, is_written, managed_field, mark
from connector.domain.mapping import CrmMapping, NewField

LONGEST_TEXT = 255
_MOST_IN_A_VIEW = 15
_LABELS: Mapping[str, Mapping[Language, str]] = {
    "view": {"en": "Expansion this week", "fr": "Expansion cette semaine"},
    "section": {"en": "Expansion", "fr": "Expansion"},
    "connector": {"en": "Expansion Connector", "fr": "Connecteur Expansion"},
    "sales": {"en": "Expansion Sales", "fr": "Expansion Commerciaux"},
}
USER_PERMISSIONS: Mapping[str, str] = {
    "ActivitiesAccess": "Access Activities",
    "ApiEnabled": "API Enabled",
    "EditTask": "Edit Tasks",
}
"""What the connector's user needs beside records, as the API names it and as Setup shows it."""
# Salesforce publishes no list of the names that list views give to standard columns. An org that names one otherwise
# refuses the view alone, and the person who installs is told how to make it by hand.
_VIEW_COLUMNS = {
    RecordType.OPPORTUNITY: (
        "OPPORTUNITY.NAME",
        "ACCOUNT.NAME",
        "OPPORTUNITY.AMOUNT",
        "OPPORTUNITY.CLOSE_DATE",
        "OPPORTUNITY.STAGE_NAME",
    ),
    RecordType.TASK: ("SUBJECT", "WHAT_NAME", "WHO_NAME", "DUE_DATE", "STATUS", "PRIORITY"),
}
_VIEW_FILTERS = {
    RecordType.OPPORTUNITY: (("OPPORTUNITY.CLOSED", "equals", "0"), ("OPPORTUNITY.LAST_UPDATE", "equals", "THIS_WEEK")),
    RecordType.TASK: (("IS_CLOSED", "equals", "0"), ("DUE_DATE", "equals", "THIS_WEEK")),
}
Content = Sequence[tuple[str, Any]]
"""Element → text, flag, number, or what is inside it."""


@dataclass(frozen=True)
class Component:
    """One component of a package: its metadata type, its full name, and its elements in the schema's order."""

    type: str
    name: str
    content: Content

    @property
    def parent(self) -> str:
        """The object it belongs to."""
        return self.name.partition(".")[0]

    @property
    def own_name(self) -> str:
        return self.name.partition(".")[2] or self.name


def owner(type: RecordType) -> str:
    """Name the object that a field is made on: a task's field belongs to Activity."""
    return "Activity" if type is RecordType.TASK else SOBJECTS[type]


def connector_set(mapping: CrmMapping) -> str:
    """Name the permission set of the user the connector runs as."""
    return f"{mapping.own_prefix}Connector"


def sales_set(mapping: CrmMapping) -> str:
    """Name the permission set for people who should see our fields."""
    return f"{mapping.own_prefix}Sales"


def every_component(mapping: CrmMapping, wanted: Wanted) -> list[Component]:
    """List everything an installation makes."""
    fields = [field(mapping, type, name, wanted[type][name]) for type in wanted for name in wanted[type]]
    return [*fields, *permission_sets(mapping, wanted), *list_views(mapping, wanted), *sections(mapping, wanted)]


def field(mapping: CrmMapping, type: RecordType, name: str, new: NewField, is_key: bool = True) -> Component:
    """Describe a field."""
    elements = {"description": mark(mapping), **field_metadata(new, is_key)}
    ordered = sorted(elements.items())
    return Component("CustomField", f"{owner(type)}.{name}", [("fullName", name), *ordered])


def field_metadata(new: NewField, is_key: bool = True) -> dict[str, Any]:
    """Say what kind of field it is, in the words that Tooling and Metadata API share."""
    common: dict[str, Any] = {"label": new.label}
    match new.type:
        case FieldType.BOOL:
            return common | {"type": "Checkbox", "defaultValue": False}
        case FieldType.NUMBER:
            return common | {"type": "Number", "precision": 18, "scale": 2}
        case FieldType.DATE:
            return common | {"type": "Date"}
        case FieldType.DATETIME:
            return common | {"type": "DateTime"}
        case FieldType.PICKLIST:
            return common | {"type": "Picklist", "valueSet": _values(new)}
        case _ if new.length > LONGEST_TEXT:
            return common | {"type": "LongTextArea", "length": new.length, "visibleLines": 5}
    key = {"externalId": True, "unique": True, "caseSensitive": True} if new.unique and is_key else {}
    return common | {"type": "Text", "length": new.length, "required": False} | key


def _values(new: NewField) -> Content:
    """The values of a picklist; no other may be stored."""
    values = [
        ("value", [("fullName", one), ("default", False), ("label", label)]) for one, label in new.options.items()
    ]
    return [("restricted", True), ("valueSetDefinition", [("sorted", False), *values])]


def permission_sets(mapping: CrmMapping, wanted: Wanted) -> list[Component]:
    """Describe both permission sets, with every wanted field in them."""
    return [_connector_set(mapping, wanted), _sales_set(mapping, wanted)]


def grants(mapping: CrmMapping, wanted: Wanted, permission_set: str) -> dict[str, bool]:
    """Name the fields a permission set opens, and whether for writing: what we only read is people's to write."""
    is_ours, answers = permission_set == connector_set(mapping), answered_by_people(mapping)
    return {
        f"{SOBJECTS[type]}.{name}": is_written(type) is is_ours or name in answers.get(type, ())
        for type in wanted
        for name in sorted(wanted[type])
    }


def _connector_set(mapping: CrmMapping, wanted: Wanted) -> Component:
    name = connector_set(mapping)
    content = [
        ("description", f"{mark(mapping)} For the user the connector runs as, and nobody else."),
        *_field_permissions(grants(mapping, wanted, name)),
        ("hasActivationRequired", False),
        ("label", _label("connector", mapping)),
        *(("objectPermissions", _object_permissions(*one)) for one in objects(mapping)),
        *(("userPermissions", [("enabled", True), ("name", one)]) for one in USER_PERMISSIONS),
    ]
    return Component("PermissionSet", name, content)


def _sales_set(mapping: CrmMapping, wanted: Wanted) -> Component:
    name = sales_set(mapping)
    content = [
        ("description", f"{mark(mapping)} Lets sales people see what it writes and note what it asks."),
        *_field_permissions(grants(mapping, wanted, name)),
        ("hasActivationRequired", False),
        ("label", _label("sales", mapping)),
    ]
    return Component("PermissionSet", name, content)


def _field_permissions(granted: Mapping[str, bool]) -> Iterator[tuple[str, Content]]:
    for name in sorted(granted):
        yield "fieldPermissions", [("editable", granted[name]), ("field", name), ("readable", True)]


def user_grants() -> dict[str, bool]:
    """Give what the connector's permission set opens beside records, as columns of PermissionSet."""
    return {f"Permissions{name}": True for name in USER_PERMISSIONS}


def objects(mapping: CrmMapping) -> tuple[tuple[str, bool, bool], ...]:
    """Say what the connector's user needs beside reading: object, creates, edits; nobody ever deletes.

    A note or a file is put only on a record that its user may edit; no field of an account is opened for writing.
    """
    documents = mapping.note is not None or mapping.file is not None
    return (("Account", False, documents), ("Contact", False, False), ("Opportunity", True, True))


def object_grants(mapping: CrmMapping) -> Iterator[dict[str, Any]]:
    """Give what the connector's permission set opens, as rows of ObjectPermissions."""
    for name, creates, edits in objects(mapping):
        yield {
            "SobjectType": name,
            "PermissionsRead": True,
            "PermissionsCreate": creates,
            "PermissionsEdit": edits,
            "PermissionsDelete": False,
            "PermissionsViewAllRecords": False,
            "PermissionsModifyAllRecords": False,
        }


def _object_permissions(name: str, creates: bool, edits: bool) -> Content:
    return [
        ("allowCreate", creates),
        ("allowDelete", False),
        ("allowEdit", edits),
        ("allowRead", True),
        ("modifyAllRecords", False),
        ("object", name),
        ("viewAllRecords", False),
    ]


def view_name(mapping: CrmMapping) -> str:
    """Name our list views."""
    return f"{mapping.own_prefix}This_Week"


def section_name(mapping: CrmMapping) -> str:
    """Name our quick actions."""
    return f"{mapping.own_prefix}Section"


def list_views(mapping: CrmMapping, wanted: Wanted) -> list[Component]:
    """Describe the list views "Expansion this week": what is ours, open, and this week's."""
    found = []
    for type in (RecordType.OPPORTUNITY, RecordType.TASK):
        managed = managed_field(mapping, type)
        if managed is None or managed not in wanted.get(type, {}):
            continue
        ours = [name for name, new in wanted[type].items() if new.type is FieldType.NUMBER]
        week = mapping.opportunity.week if type is RecordType.OPPORTUNITY else None
        listed = [week] if week is not None and week in wanted[type] else []
        columns = [*listed, *_VIEW_COLUMNS[type], *ours][:_MOST_IN_A_VIEW]
        # The Monday list where its field is: what is filled begins with the year.
        own = (_VIEW_FILTERS[type][0], (listed[0], "startsWith", "2")) if listed else _VIEW_FILTERS[type]
        filters = ((managed, "equals", "1"), *own)
        content = [
            ("fullName", view_name(mapping)),
            *(("columns", one) for one in columns),
            ("filterScope", "Mine"),
            *(("filters", list(zip(("field", "operation", "value"), one, strict=True))) for one in filters),
            ("label", _label("view", mapping)),
        ]
        found.append(Component("ListView", f"{SOBJECTS[type]}.{view_name(mapping)}", content))
    return found


def sections(mapping: CrmMapping, wanted: Wanted) -> list[Component]:
    """Describe a quick action per object with our fields: to be read on opportunities, to be filled in on accounts."""
    found = []
    hidden = {mapping.opportunity.key, mapping.opportunity.episode}
    for type in (RecordType.OPPORTUNITY, RecordType.ACCOUNT):
        names = [name for name in wanted.get(type, {}) if name not in hidden and name != managed_field(mapping, type)]
        if not names:
            continue
        behaviour = "Readonly" if is_written(type) else "Edit"
        items = [
            ("quickActionLayoutItems", [("emptySpace", False), ("field", name), ("uiBehavior", behaviour)])
            for name in names
        ]
        columns = [("quickActionLayoutColumns", items), ("quickActionLayoutColumns", [])]
        content = [
            ("description", mark(mapping)),
            ("label", _label("section", mapping)),
            ("optionsCreateFeedItem", False),
            ("quickActionLayout", [("layoutSectionStyle", "TwoColumnsLeftToRight"), *columns]),
            ("type", "Update"),
        ]
        found.append(Component("QuickAction", f"{SOBJECTS[type]}.{section_name(mapping)}", content))
    return found


def _label(which: str, mapping: CrmMapping) -> str:
    return _LABELS[which][mapping.default_language]
