"""Components as files: a source tree that a person reviews and deploys, and the zip that we deploy.

Decided here: one description of a component makes both, so that what was reviewed is what is deployed; the same
components give the same bytes, so that a review can be compared with the next one.

Source: Metadata API Developer Guide, "Sample package.xml Manifest Files", "Deleting Components from an Organization";
Salesforce DX Developer Guide, "Salesforce DX Project Structure and Source Format".
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any
from xml.etree import ElementTree as ET

from connector.adapters.crms.salesforce.client import API_VERSION
from connector.adapters.crms.salesforce.components import Component, Content, every_component
from connector.domain.installation import wanted_fields
from connector.domain.mapping import CrmMapping

NAMESPACE = "http://soap.sforce.com/2006/04/metadata"
_MADE = (1980, 1, 1, 0, 0, 0)
"""The moment every file of a zip says it was made: the zip is the same every time."""
_ROOT = "force-app/main/default"
_IN_OBJECT = {"CustomField": "fields", "ListView": "listViews"}
_FOLDERS = {"QuickAction": ("quickActions", "quickAction"), "PermissionSet": ("permissionsets", "permissionset")}
_SUFFIXES = {"CustomField": "field", "ListView": "listView"}
_VIEWS = ("QuickAction", "ListView")


def package(mapping: CrmMapping) -> dict[str, str]:
    """Write what an installation makes as a project that `sf` deploys; nothing is asked of an org for it."""
    return source_tree(every_component(mapping, wanted_fields(mapping)))


def source_tree(components: Sequence[Component]) -> dict[str, str]:
    """Write components as a project that `sf project deploy start` takes: path → content."""
    files = {source_path(one): document(one.type, one.content) for one in components}
    project = {"packageDirectories": [{"path": "force-app", "default": True}], "sourceApiVersion": API_VERSION}
    files["sfdx-project.json"] = json.dumps(project, indent=2) + "\n"
    files["manifest/package.xml"] = manifest(components)
    for name, text in removal_manifests(components).items():
        files[f"manifest/uninstall/{name}"] = text
    return dict(sorted(files.items()))


def source_path(component: Component) -> str:
    """Say where a component lies in a source tree."""
    if component.type in _IN_OBJECT:
        folder = f"objects/{component.parent}/{_IN_OBJECT[component.type]}"
        return f"{_ROOT}/{folder}/{component.own_name}.{_SUFFIXES[component.type]}-meta.xml"
    folder, suffix = _FOLDERS[component.type]
    return f"{_ROOT}/{folder}/{component.name}.{suffix}-meta.xml"


def deploy_zip(components: Sequence[Component]) -> bytes:
    """Write components as Metadata API takes them."""
    files = {"package.xml": manifest(components)}
    inside = sorted((one for one in components if one.type in _IN_OBJECT), key=lambda one: (one.parent, one.type))
    for parent, some in groupby(inside, key=lambda one: one.parent):
        files[f"objects/{parent}.object"] = document(
            "CustomObject", [(_IN_OBJECT[one.type], one.content) for one in some]
        )
    for one in components:
        if one.type in _FOLDERS:
            folder, suffix = _FOLDERS[one.type]
            files[f"{folder}/{one.name}.{suffix}"] = document(one.type, one.content)
    return zipped(files)


def removal_zip(components: Sequence[Component]) -> bytes:
    """Write the deletion of components as Metadata API takes it."""
    return zipped(removal_manifests(components))


def removal_manifests(components: Sequence[Component]) -> dict[str, str]:
    """Name components to delete: first what shows our fields, then the fields, in one transaction."""
    first = [one for one in components if one.type in _VIEWS]
    return {
        "package.xml": manifest(()),
        "destructiveChangesPre.xml": manifest(first),
        "destructiveChangesPost.xml": manifest([one for one in components if one not in first]),
    }


def manifest(components: Iterable[Component]) -> str:
    """List components by type."""
    named = sorted((one.type, one.name) for one in components)
    types = [
        ("types", [*(("members", name) for _, name in some), ("name", type)])
        for type, some in groupby(named, key=lambda one: one[0])
    ]
    return document("Package", [*types, ("version", API_VERSION)])


def document(root: str, content: Content) -> str:
    """Write one XML document."""
    element = ET.Element(root, {"xmlns": NAMESPACE})
    _fill(element, content)
    ET.indent(element, "    ")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(element, encoding="unicode")}\n'


def _fill(element: ET.Element, content: Content) -> None:
    for name, value in content:
        child = ET.SubElement(element, name)
        if isinstance(value, str | bool | int):
            child.text = _text(value)
        else:
            _fill(child, value)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def zipped(files: Mapping[str, str]) -> bytes:
    """Pack files, the same every time."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _MADE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, files[name])
    return packed.getvalue()
