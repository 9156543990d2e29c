"""The package that `install` writes and deploys, held against the schema that Salesforce publishes.

The schema is the WSDL of Metadata API inside simple-salesforce, which nobody here wrote: which elements a component
may hold, in which order, which of them it must, and what a restricted value may be.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import simple_salesforce
from crm_worlds import mapping_of

from connector.adapters.crms.salesforce.components import every_component
from connector.adapters.crms.salesforce.package import deploy_zip, package, removal_zip
from connector.domain.change import FieldType, RecordType
from connector.domain.installation import wanted_fields
from connector.domain.mapping import NewField

XSD = "{http://www.w3.org/2001/XMLSchema}"
METADATA = "{http://soap.sforce.com/2006/04/metadata}"
MAPPING = mapping_of("salesforce")
WANTED = wanted_fields(MAPPING)
TEXTS = ("xsd:string", "xsd:int", "xsd:boolean", "xsd:anyType", "xsd:double", "tns:ID")


@cache
def published() -> tuple[Mapping[str, Any], Mapping[str, set[str]]]:
    """Read the WSDL: elements by type, in order, and the values of enumerations."""
    root = ET.parse(Path(simple_salesforce.__file__).parent / "metadata.wsdl").getroot()
    types = {str(one.get("name")): one for one in root.iter(f"{XSD}complexType")}
    enums = {
        str(one.get("name")): {str(value.get("value")) for value in one.iter(f"{XSD}enumeration")}
        for one in root.iter(f"{XSD}simpleType")
    }

    def elements(name: str) -> list[tuple[str, str, bool]]:
        base = [one.get("base", "") for one in types[name].iter(f"{XSD}extension")]
        inherited = [row for one in base for row in elements(one.removeprefix("tns:"))]
        own = [
            (str(one.get("name")), str(one.get("type")), one.get("minOccurs") != "0")
            for one in types[name].iter(f"{XSD}element")
        ]
        return [*inherited, *own]

    return {name: elements(name) for name in types}, enums


def faults(element: ET.Element, type: str) -> Iterator[str]:
    """Say in what an element is not of a published type."""
    types, enums = published()
    known = [name for name, _, _ in types[type]]
    tags = [child.tag.removeprefix(METADATA) for child in element]
    yield from (f"{type} has no {tag}" for tag in tags if tag not in known)
    if [known.index(tag) for tag in tags if tag in known] != sorted(known.index(tag) for tag in tags if tag in known):
        yield f"{type}: {tags} out of order"
    yield from (f"{type} lacks {name}" for name, _, must in types[type] if must and name not in tags)
    for child in element:
        inner = next((kind for name, kind, _ in types[type] if name == child.tag.removeprefix(METADATA)), "xsd:string")
        inner = inner.removeprefix("tns:")
        if inner in enums and child.text not in enums[inner]:
            yield f"{type}: {child.text} is no {inner}"
        elif inner in types and inner not in enums:
            yield from faults(child, inner)
        elif inner == "xsd:boolean" and child.text not in ("true", "false"):
            yield f"{type}: {child.text} is no flag"


def plain(element: ET.Element) -> str:
    """What is inside an element, without the element's own name."""
    return str([(child.tag, (child.text or "").strip(), plain(child)) for child in element])


def parsed(text: str) -> ET.Element:
    return ET.fromstring(text)


@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_file_is_of_its_published_type(language: Any) -> None:
    """Each file of the source tree holds the elements of its type, in their order, with values that are allowed."""
    files = package(replace(MAPPING, default_language=language))
    documents = {path: parsed(text) for path, text in files.items() if path.endswith(".xml")}

    found = {path: list(faults(one, one.tag.removeprefix(METADATA))) for path, one in documents.items()}

    assert {path: wrong for path, wrong in found.items() if wrong} == {}
    assert {one.tag.removeprefix(METADATA) for one in documents.values()} == {
        *("CustomField", "ListView", "QuickAction", "PermissionSet", "Package")
    }


@pytest.mark.parametrize("type", list(FieldType))
@pytest.mark.parametrize("length", [1, 255, 256, 32_000])
def test_every_kind_of_field_is_of_the_published_type(type: FieldType, length: int) -> None:
    """A field of any type and length that a mapping may ask for is written as Salesforce takes it."""
    wanted = {RecordType.OPPORTUNITY: {"Expansion_X__c": NewField(label='A "label" <&> é', type=type, length=length)}}
    (component, *_) = every_component(MAPPING, wanted)
    with zipfile.ZipFile(io.BytesIO(deploy_zip([component]))) as archive:
        text = archive.read("objects/Opportunity.object").decode()

    assert list(faults(parsed(text), "CustomObject")) == []
    assert parsed(text).findtext(f"{METADATA}fields/{METADATA}label") == 'A "label" <&> é'


def test_what_is_reviewed_is_what_is_deployed() -> None:
    """The zip holds the same components as the source tree, element by element, and the same manifest."""
    tree = package(MAPPING)
    with zipfile.ZipFile(io.BytesIO(deploy_zip(every_component(MAPPING, WANTED)))) as archive:
        packed = {name: archive.read(name).decode() for name in archive.namelist()}
    inside = [plain(one) for name, text in packed.items() if name.startswith("objects/") for one in parsed(text)]
    alone = [plain(parsed(text)) for path, text in tree.items() if re.search(r"/objects/.*-meta\.xml$", path)]

    assert packed["package.xml"] == tree["manifest/package.xml"]
    assert sorted(inside) == sorted(alone)
    for name, text in packed.items():
        if name.startswith(("permissionsets/", "quickActions/")):
            assert text == tree[f"force-app/main/default/{name}-meta.xml"]


def test_the_same_mapping_gives_the_same_bytes() -> None:
    """Two writings of one mapping are equal, zips included: a review can be compared with the next."""
    components = every_component(MAPPING, WANTED)

    assert package(MAPPING) == package(MAPPING)
    assert deploy_zip(components) == deploy_zip(components)
    assert removal_zip(components) == removal_zip(components)


def test_the_connector_may_no_more_than_it_needs() -> None:
    """The connector's permission set deletes nothing, sees no records by itself, and only reads what people note."""
    tree = package(MAPPING)
    root = parsed(tree["force-app/main/default/permissionsets/Expansion_Connector.permissionset-meta.xml"])
    flags = {
        str(one.findtext(f"{METADATA}object")): sorted(
            child.tag.removeprefix(METADATA) for child in one if child.text == "true"
        )
        for one in root.findall(f"{METADATA}objectPermissions")
    }
    editable = {
        str(one.findtext(f"{METADATA}field"))
        for one in root.findall(f"{METADATA}fieldPermissions")
        if one.findtext(f"{METADATA}editable") == "true"
    }

    assert flags == {
        "Account": ["allowEdit", "allowRead"],  # notes and files hang on it; none of its fields is opened
        "Contact": ["allowRead"],
        "Opportunity": ["allowCreate", "allowEdit", "allowRead"],
    }
    assert {name.partition(".")[0] for name in editable} == {"Opportunity", "Task"}
    assert [one.findtext(f"{METADATA}name") for one in root.findall(f"{METADATA}userPermissions")] == [
        *("ActivitiesAccess", "ApiEnabled", "EditTask")
    ]


def test_no_layout_is_ever_in_the_package() -> None:
    """A page layout belongs to the customer: none is written, and every component is under our prefix."""
    manifest = parsed(package(MAPPING)["manifest/package.xml"])
    members = [str(one.text) for one in manifest.iter(f"{METADATA}members")]

    assert {str(one.text) for one in manifest.iter(f"{METADATA}name")} == {
        *("CustomField", "ListView", "PermissionSet", "QuickAction")
    }
    assert all(name.rpartition(".")[2].startswith(MAPPING.own_prefix) for name in members)
