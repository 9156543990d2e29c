"""Rows and schemas as the REST API shows them.

Source: REST API Developer Guide, "sObject Rows", "Describe Global", "sObject Describe".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from connector.sandbox.control import Row
from connector.sandbox.salesforce.access import View, is_available, record_types
from connector.sandbox.salesforce.org import Org
from connector.sandbox.salesforce.schema import NUMERIC, READING, Field, ObjectType, standard_objects, types_by_prefix

_SOAP = {
    "base64": "xsd:base64Binary",
    "boolean": "xsd:boolean",
    "int": "xsd:int",
    "date": "xsd:date",
    "datetime": "xsd:dateTime",
}
_SOAP |= {"id": "tns:ID", "reference": "tns:ID", "address": "urn:address"}
_ADDRESS = ("City", "Country", "GeocodeAccuracy", "Latitude", "Longitude", "PostalCode", "State", "Street")
_CONFIGURED = {("Opportunity", "StageName"): "OpportunityStage", ("Task", "Status"): "TaskStatus"}
_SEARCHED = ("Account", "Contact", "Opportunity", "Task", "Event", "User")
_NEVER_DELETED = {"User", "Organization", "OpportunityStage", "TaskStatus", "OpportunityHistory"}
MASTER = "012000000000000AAA"
"""The record type that every type has, and that a record without any has."""
_NEVER_SAID = {
    "aiPredictionField": False,
    "autoNumber": False,
    "calculated": False,
    "calculatedFormula": None,
    "cascadeDelete": False,
    "compoundFieldName": None,
    "controllerName": None,
    "defaultValueFormula": None,
    "dependentPicklist": False,
    "deprecatedAndHidden": False,
    "displayLocationInDecimal": False,
    "encrypted": False,
    "filteredLookupInfo": None,
    "formulaTreatNullNumberAsZero": False,
    "highScaleNumber": False,
    "htmlFormatted": False,
    "inlineHelpText": None,
    "mask": None,
    "maskType": None,
    "queryByDistance": False,
    "referenceTargetField": None,
    "relationshipOrder": None,
    "restrictedDelete": False,
    "writeRequiresMasterRead": False,
}
"""Properties that no field of the stand-in has."""


def relative_url(version: str, row: Row) -> str:
    """Give the address of a row's own resource."""
    return f"/services/data/{version}/sobjects/{types_by_prefix()[row['Id'][:3]]}/{row['Id']}"


def shown_value(field: Field, row: Row) -> Any:
    """Give one field's value; an address is put together from its parts, or null when all are empty."""
    if field.type != "address":
        value = row.get(field.name)
        if field.type == "base64":
            return f"{relative_url('v59.0', row)}/{field.name}" if value else None
        return False if value is None and field.type == "boolean" else value
    stem = field.name.removesuffix("Address")
    parts = {name[0].lower() + name[1:]: row.get(stem + name) for name in _ADDRESS}
    return parts if any(value is not None for value in parts.values()) else None


def shown_row(version: str, kind: ObjectType, row: Row, names: Sequence[str] = ()) -> Row:
    """Give a row with every visible field, or those asked for."""
    fields = [field for name in names if (field := kind.field(name))] if names else list(kind.fields.values())
    attributes = {"type": kind.name, "url": relative_url(version, row)}
    return {"attributes": attributes} | {field.name: shown_value(field, row) for field in fields}


def describe_global(version: str, view: View) -> Row:
    """List the object types."""
    kinds = [kind for name in view.names() if (kind := view.type(name))]
    return {"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": [_summary(version, kind) for kind in kinds]}


def describe(version: str, org: Org, kind: ObjectType) -> Row:
    """Describe one object type with its fields."""
    base = f"/services/data/{version}/sobjects/{kind.name}/describe/layouts"
    return {
        **_summary(version, kind),
        "actionOverrides": [],
        "childRelationships": _children(kind),
        "compactLayoutable": kind.allowed != READING,
        "defaultImplementation": None,
        "extendedBy": None,
        "extendsInterfaces": None,
        "fields": [_field(org, kind, field) for field in kind.fields.values()],
        "implementedBy": None,
        "implementsInterfaces": None,
        "listviewable": None,
        "lookupLayoutable": None,
        "namedLayoutInfos": [],
        "networkScopeFieldName": None,
        "recordTypeInfos": _record_types(base, org, kind),
        "searchLayoutable": kind.name in _SEARCHED,
        "sobjectDescribeOption": "FULL",
        "supportedScopes": [{"label": f"All {kind.plural.lower()}", "name": "everything"}],
    }


def _record_types(base: str, org: Org, kind: ObjectType) -> list[Row]:
    """List the record types of a type, and the master one that every type has and that is the default here."""
    master = {"Id": MASTER, "Name": "Master", "DeveloperName": "Master", "IsActive": True}
    rows = [*sorted(record_types(org, kind.name), key=lambda row: str(row["Name"])), master]
    return [
        {
            "active": row["IsActive"],
            "available": row is master or is_available(org, row),
            "defaultRecordTypeMapping": row is master,
            "developerName": row["DeveloperName"],
            "master": row is master,
            "name": row["Name"],
            "recordTypeId": row["Id"],
            "urls": {"layout": f"{base}/{row['Id']}"},
        }
        for row in rows
    ]


def _summary(version: str, kind: ObjectType) -> Row:
    writable = kind.allowed != READING
    base = f"/services/data/{version}/sobjects/{kind.name}"
    return {
        "activateable": False,
        "associateEntityType": None,
        "associateParentEntity": None,
        "createable": "create" in kind.allowed,
        "custom": False,
        "customSetting": False,
        "deepCloneable": kind.name == "Opportunity",
        "deletable": "delete" in kind.allowed and kind.name not in _NEVER_DELETED,
        "deprecatedAndHidden": False,
        "feedEnabled": kind.name in ("Account", "Contact", "Opportunity", "User"),
        "hasSubtypes": False,
        "isInterface": False,
        "isSubtype": False,
        "keyPrefix": kind.prefix,
        "label": kind.label,
        "labelPlural": kind.plural,
        "layoutable": writable,
        "mergeable": kind.name in ("Account", "Contact"),
        "mruEnabled": kind.name in _SEARCHED,
        "name": kind.name,
        "queryable": True,
        "replicateable": "IsDeleted" in kind.fields or kind.name in ("User", "Organization"),
        "retrieveable": kind.name != "UserPermissionAccess",
        "searchable": kind.name in _SEARCHED,
        "triggerable": writable,
        "undeletable": "IsDeleted" in kind.fields and kind.name not in ("OpportunityContactRole", "OpportunityHistory"),
        "updateable": "edit" in kind.allowed,
        "urls": {"describe": f"{base}/describe", "rowTemplate": base + "/{ID}", "sobject": base},
    }


def _children(kind: ObjectType) -> list[Row]:
    return [
        {
            "cascadeDelete": False,
            "childSObject": child.name,
            "deprecatedAndHidden": False,
            "field": field.name,
            "junctionIdListNames": [],
            "junctionReferenceTo": [],
            "relationshipName": None,
            "restrictedDelete": False,
        }
        for child in standard_objects().values()
        for field in child.fields.values()
        if kind.name in field.refers_to
    ]


def _field(org: Org, kind: ObjectType, field: Field) -> Row:
    numeric = field.type in NUMERIC
    whole = field.type == "int"
    told = {
        "aggregatable": field.is_sortable and field.type != "boolean",
        "byteLength": field.length if field.type in ("id", "reference") else field.length * 3,
        "caseSensitive": field.case_sensitive,
        "createable": field.createable,
        "custom": field.custom,
        "defaultValue": False if field.type == "boolean" else None,
        "defaultedOnCreate": field.defaulted,
        "digits": field.precision if whole else 0,
        "externalId": field.external_id,
        "extraTypeInfo": "plaintextarea" if field.type == "textarea" else None,
        "filterable": field.is_filterable,
        "groupable": field.is_sortable and not (numeric and not whole) and field.type != "datetime",
        "idLookup": field.id_lookup or field.external_id,
        "label": field.label,
        "length": field.length,
        "name": field.name,
        "nameField": field.name == ("Subject" if kind.name in ("Task", "Event") else "Name"),
        "namePointing": field.is_polymorphic,
        "nillable": field.nillable,
        "permissionable": field.createable and (field.nillable or field.defaulted) and field.name != "OwnerId",
        "picklistValues": choices(org, kind, field),
        "polymorphicForeignKey": field.is_polymorphic,
        "precision": 0 if whole else field.precision,
        "referenceTo": list(field.refers_to),
        "relationshipName": field.relationship,
        "restrictedPicklist": field.restricted,
        "scale": field.scale,
        "searchPrefilterable": field.type == "reference",
        "soapType": "xsd:double" if numeric and not whole else _SOAP.get(field.type, "xsd:string"),
        "sortable": field.is_sortable,
        "type": field.type,
        "unique": field.unique,
        "updateable": field.updateable,
    }
    return dict(sorted((_NEVER_SAID | told).items()))


def choices(org: Org, kind: ObjectType, field: Field) -> list[Row]:
    """List the values of a picklist; stages and task statuses are records an admin configures."""
    configured = _CONFIGURED.get((kind.name, field.name))
    if configured is None:
        found = [(value, value, False) for value in field.values]
    else:
        rows = sorted(org.alive(configured), key=lambda row: row["SortOrder"] or 0)
        active = (row for row in rows if row.get("IsActive", True))
        found = [(row["ApiName"], row["MasterLabel"], bool(row.get("IsDefault"))) for row in active]
    return [
        {"active": True, "defaultValue": default, "label": label, "validFor": None, "value": value}
        for value, label, default in found
    ]
