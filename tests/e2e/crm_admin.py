"""What a CRM's admin changes between two runs, in the field's words, on either stand-in."""

from __future__ import annotations

from typing import Any

from connector.sandbox.hubspot.catalogue import property_row
from tests.e2e.sides import Side


def hide_field(side: Side, type: str, name: str) -> None:
    """A field is gone for us: deleted, or hidden from the user we run as."""
    if side.crm == "salesforce":
        _switch(side, "hidden_fields", side.kinds[type], name)
    else:
        side.store.properties[side.kinds[type]].pop(name)


def show_field(side: Side, type: str, name: str, row: Any = None) -> None:
    """The field is back."""
    if side.crm == "salesforce":
        side.control.switches["hidden_fields"] = {}
    else:
        side.store.properties[side.kinds[type]][name] = row


def empty_field(side: Side, type: str, name: str, id: str) -> None:
    """A record lost a value together with its field: nobody edited it."""
    kind = side.kinds[type]
    row = next(one for one in side.store.dump(kind) if one.get("Id", one.get("id")) == id)
    if side.crm == "salesforce":
        times = {when: row[when] for when in ("LastModifiedDate", "SystemModstamp")}
        side.store.load(kind, [{"Id": id, name: None, **times}])
    else:
        side.store.load(kind, [{"id": id, "properties": {name: ""}, "updatedAt": row["updatedAt"]}])


def close_field(side: Side, type: str, name: str) -> None:
    """A field may be read only from now on."""
    if side.crm == "salesforce":
        _switch(side, "read_only_fields", side.kinds[type], name)
    else:
        row = side.store.properties[side.kinds[type]][name]
        row["modificationMetadata"] = {**row["modificationMetadata"], "readOnlyValue": True}


def require_field(side: Side, type: str, name: str) -> None:
    """A custom field that nobody fills is required on new records."""
    if side.crm == "salesforce":
        _switch(side, "required_fields", side.kinds[type], name)
        return
    side.store.properties[side.kinds[type]][name] = property_row(name, label="Budget code", groupName="dealinformation")
    _switch(side, "required", side.kinds[type], name)


def rename_stage(side: Side, old: str, new: str) -> None:
    """A stage gets another label."""
    if side.crm == "salesforce":
        for row in side.store.dump("OpportunityStage"):
            if row["MasterLabel"] == old:
                side.store.load("OpportunityStage", [{**row, "MasterLabel": new, "ApiName": new}])
        return
    for pipeline in side.store.pipelines["deals"].values():
        for stage in pipeline["stages"]:
            stage["label"] = new if stage["label"] == old else stage["label"]


def second_pipeline(side: Side) -> None:
    """Somebody copies our HubSpot pipeline, labels and all."""
    first = side.store.pipelines["deals"]["expansion"]
    stages = [{**stage, "id": f"{stage['id']}_emea"} for stage in first["stages"]]
    copied = {**first, "id": "expansion_emea", "label": "Expansion EMEA", "stages": stages}
    side.store.put_pipeline("deals", copied)


def _switch(side: Side, switch: str, kind: str, name: str) -> None:
    before = dict(side.control.switches.get(switch) or {})
    side.control.switches[switch] = {**before, kind: [*before.get(kind, ()), name]}
