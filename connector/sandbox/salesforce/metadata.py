"""Metadata API: deployments of a zip, through their REST form.

A deployment is worked on when it is first asked for, and says so `deploy_polls` times before it ends (1). It is all or
nothing: what one component lacks takes the others back. Known here: custom fields, permission sets, list views and
quick actions, inside the elements and the order that the schema of API 63 gives them, and deletions by
`destructiveChanges`, `…Pre` and `…Post`. A list view or quick action may name custom fields only if they are there.

Switches: `customize_application` and `modify_metadata` (false: this user may not), `deploy_failures`
(`{"Opportunity.X": "problem"}`: components the org does not take), `deploy_polls`.

Source: Metadata API Developer Guide, "deployRequest", "DeployResult", "Deleting Components from an Organization".
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any
from xml.etree import ElementTree as ET

from starlette.requests import Request
from starlette.responses import Response

from connector.sandbox.control import Row
from connector.sandbox.salesforce import packages
from connector.sandbox.salesforce.errors import Refusal, not_found
from connector.sandbox.salesforce.http import answer
from connector.sandbox.salesforce.org import Org
from connector.sandbox.salesforce.packages import NotTaken, Problem
from connector.sandbox.salesforce.records import Caller

NAMESPACE = "{http://soap.sforce.com/2006/04/metadata}"
_MOST_BYTES = 39_000_000
_OPTIONS = {
    "allowMissingFiles": False,
    "autoUpdatePackage": False,
    "checkOnly": False,
    "ignoreWarnings": False,
    "performRetrieve": False,
    "purgeOnDelete": False,
    "rollbackOnError": False,
    "singlePackage": False,
    "runTests": None,
    "testLevel": None,
}
_DELETIONS = ("destructiveChangesPre.xml", "destructiveChanges.xml", "destructiveChangesPost.xml")


@dataclass(frozen=True)
class Package:
    """A zip, read: its files, what it says it brings, and what it deletes, in order."""

    files: Mapping[str, ET.Element]
    brings: frozenset[tuple[str, str]]
    deletes: tuple[tuple[str, str, str], ...]
    """Type, name, and the manifest that says so."""


async def begin(caller: Caller, request: Request) -> Response:
    """Take a zip in, and say under which id to ask for it."""
    org = caller.org
    if not (org.switch("modify_metadata", True) and org.switch("customize_application", True)):
        message = "use of the Metadata API requires a user with the ModifyAllData or ModifyMetadata permissions"
        raise Refusal("INSUFFICIENT_ACCESS", message)
    asked, packed = await _parts(request)
    options = asked.get("deployOptions")
    if not isinstance(options, dict) or options.keys() - _OPTIONS.keys():
        raise Refusal("JSON_PARSER_ERROR", "deployOptions expected, with the options of a deployment")
    id = org.mint("0Af")
    org.deployments[id] = {"options": _OPTIONS | options, "zip": packed, "user": caller.user_id, "polls": 0}
    return answer(_shown(org, id, {"status": "Pending", "done": False, "success": False}), 201)


async def told(caller: Caller, request: Request) -> Response:
    """Tell how far a deployment is."""
    org, id = caller.org, request.path_params["id"]
    deployment = org.deployments.get(id)
    if deployment is None:
        raise not_found()
    deployment["polls"] += 1
    if "result" not in deployment:
        deployment["result"] = _carried_out(caller, deployment["zip"], deployment["options"])
    if deployment["polls"] <= int(org.switch("deploy_polls", 1)):
        return answer(_shown(org, id, {"status": "InProgress", "done": False, "success": False}))
    result = dict(deployment["result"])
    if request.query_params.get("includeDetails") != "true":
        result.pop("details")
    return answer(_shown(org, id, result))


def _shown(org: Org, id: str, result: Row) -> Row:
    options = org.deployments[id]["options"]
    kept = {name: options[name] for name in ("checkOnly", "ignoreWarnings", "rollbackOnError")}
    return {
        "id": id,
        "deployOptions": options,
        "deployResult": {"id": id, **kept, "runTestsEnabled": False, "createdDate": org.now(), **result},
    }


async def _parts(request: Request) -> tuple[Row, bytes]:
    """Read the two parts of a multipart body."""
    sent, body = request.headers.get("content-type", ""), await request.body()
    if not sent.startswith("multipart/form-data"):
        raise Refusal("UNSUPPORTED_MEDIA_TYPE", f"Content type {sent} is not supported; use multipart/form-data")
    if len(body) > _MOST_BYTES:
        raise Refusal("LIMIT_EXCEEDED", "Maximum size of request reached. Maximum size of request is 39 MB.")
    message = BytesParser(policy=HTTP).parsebytes(f"Content-Type: {sent}\r\n\r\n".encode() + body)
    parts = {str(part.get_param("name", header="content-disposition")): part for part in message.iter_parts()}
    if set(parts) != {"json", "file"}:
        raise Refusal("JSON_PARSER_ERROR", "a part `json` and a part `file` are expected")
    packed = parts["file"].get_payload(decode=True)
    try:
        asked = json.loads(parts["json"].get_content())
    except ValueError:
        raise Refusal("JSON_PARSER_ERROR", "the part `json` is not JSON") from None
    return asked, packed if isinstance(packed, bytes) else b""


def _carried_out(caller: Caller, packed: bytes, options: Row) -> Row:
    """Do what a zip says, or take it all back."""
    org = caller.org
    try:
        package = _read(packed, single=bool(options["singlePackage"]))
    except NotTaken as refused:
        return _ended([], [Problem("", "package.xml", "", str(refused))])
    with org.rolled_back() as back:
        done, problems = packages.apply(caller, package.files, package.brings)
        problems += packages.undeletable(org, package.deletes)
        if problems or options["checkOnly"]:
            back()
    if not problems and not options["checkOnly"]:
        for type, name, _ in package.deletes:
            packages.delete(org, type, name)
    deleted = [(type, name, "deleted") for type, name, _ in package.deletes]
    return _ended([*done, *deleted], problems)


def _read(packed: bytes, *, single: bool) -> Package:
    try:
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            texts = {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}
    except zipfile.BadZipFile:
        raise NotTaken("zip file is not valid") from None
    if not single:
        texts = {name.partition("/")[2]: text for name, text in texts.items()}
    if "package.xml" not in texts:
        raise NotTaken("No package.xml found")
    read = {name: _parsed(name, text) for name, text in texts.items()}
    manifests = {name: read.pop(name) for name in ("package.xml", *_DELETIONS) if name in read}
    brings = frozenset(_members(manifests.pop("package.xml")))
    deletes = [(type, name, file) for file, one in manifests.items() for type, name in _members(one)]
    return Package(read, brings, tuple(deletes))


def _parsed(name: str, text: bytes) -> ET.Element:
    if b"<!DOCTYPE" in text:
        raise NotTaken(f"{name}: DOCTYPE is not allowed")
    try:
        root = ET.fromstring(text)  # noqa: S314 - no document type, so no entity to expand
    except ET.ParseError as error:
        raise NotTaken(f"{name}: Error parsing file: {error}") from None
    if not root.tag.startswith(NAMESPACE):
        raise NotTaken(f"{name}: Error parsing file: unexpected element {root.tag}")
    for element in root.iter():
        element.tag = element.tag.removeprefix(NAMESPACE)
    return root


def _members(manifest: ET.Element) -> Iterator[tuple[str, str]]:
    if manifest.tag != "Package" or not manifest.findtext("version"):
        raise NotTaken("a manifest is a Package with a version")
    for types in manifest.findall("types"):
        for member in types.findall("members"):
            yield str(types.findtext("name")), str(member.text)


def _ended(done: list[tuple[str, str, str]], problems: list[Problem]) -> Row:
    failures: list[dict[str, Any]] = [
        {
            "changed": False,
            "componentType": one.type,
            "created": False,
            "deleted": False,
            "fileName": one.file,
            "fullName": one.name,
            "problem": one.said,
            "problemType": "Error",
            "success": False,
        }
        for one in problems
    ]
    successes = [
        {
            "changed": True,
            "componentType": type,
            "created": what == "created",
            "deleted": what == "deleted",
            "fullName": name,
            "success": True,
        }
        for type, name, what in done
    ]
    return {
        "done": True,
        "success": not problems,
        "status": "Failed" if problems else "Succeeded",
        "numberComponentErrors": len(failures),
        "numberComponentsDeployed": 0 if problems else len(done),
        "numberComponentsTotal": len(done) + len(failures),
        "details": {"componentFailures": failures, "componentSuccesses": [] if problems else successes},
    }
