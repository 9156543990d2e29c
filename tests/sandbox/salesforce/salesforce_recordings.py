"""Real Salesforce traffic, recorded by CumulusCI's authors, read as single calls.

The cassettes ship inside the `cumulusci` package (BSD-3). A call packed into a Composite request counts as a call of
its own too, with its own status and body. Version digits are made equal, and scrubbed ids get valid check letters.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml

from connector.sandbox.salesforce.ids import long_form

VERSION = "v62.0"
_ID = re.compile(r"\b00[0-9A-Z][0-9A-Za-z]{15}\b")
_DATA = re.compile(r"/services/data/v[\dx]+\.0/")


@dataclass(frozen=True)
class Call:
    """One recorded call and what Salesforce answered."""

    cassette: str
    method: str
    path: str
    query: dict[str, str]
    body: Any
    status: int
    answer: Any

    def __str__(self) -> str:
        return f"{self.cassette}: {self.method} {self.path} {self.query}"


def calls(evidence: Path) -> Iterator[Call]:
    """Read every recorded REST call: of the cassettes, those they share, and those inside Composite requests."""
    for file in sorted(evidence.glob("cumulusci/**/cassettes/*.yaml")):
        cassette = yaml.safe_load(file.read_text(encoding="utf-8"))
        for one in cassette.get("interactions", []):
            if "request" in one and "/services/data/" in one["request"]["uri"]:
                yield from _with_inner_calls(_recorded(file.stem, one))
    for file in sorted(evidence.glob("cumulusci/tests/shared_cassettes/*.yaml")):
        yield _recorded(file.stem, yaml.safe_load(file.read_text(encoding="utf-8")))


def inner_calls(call: Call) -> list[Call]:
    """Read the calls that a Composite call holds; the cassette of each names its reference."""
    answers = {one["referenceId"]: one for one in call.answer["compositeResponse"]}
    found = []
    for inner in call.body["compositeRequest"]:
        told = answers[inner["referenceId"]]
        url = "https://orgname.my.salesforce.com" + inner["url"]
        name = f"{call.cassette}#{inner['referenceId']}"
        found.append(_call(name, inner["method"], url, inner.get("body"), told["httpStatusCode"], told["body"]))
    return found


def describe(evidence: Path, kind: str) -> dict[str, Any]:
    """Read the recorded describe of one object type."""
    cassette = yaml.safe_load(
        (evidence / f"cumulusci/tests/shared_cassettes/GET_sobjects_{kind}_describe.yaml").read_text()
    )
    answer: dict[str, Any] = json.loads(cassette["response"]["body"]["string"])
    return answer


def _with_inner_calls(call: Call) -> Iterator[Call]:
    yield call
    if call.path.strip("/") == "composite" and call.body is not None and call.answer is not None:
        # What depends on a header or on another subrequest is compared within its whole only.
        yield from (one for one in inner_calls(call) if one.answer is not None and "@{" not in one.path)


def _recorded(cassette: str, recorded: dict[str, Any]) -> Call:
    request, response = recorded["request"], recorded["response"]
    text = response["body"].get("string", "") if isinstance(response.get("body"), dict) else ""
    body, answer = _json(request.get("body")), _json(text if isinstance(text, str) else "")
    return _call(cassette, request["method"], request["uri"], body, response["status"]["code"], answer)


def _call(cassette: str, method: str, url: str, body: Any, status: int, answer: Any) -> Call:
    parts = urlsplit(url)
    path = _DATA.sub("", _cleaned(parts.path))
    query = {name: values[0] for name, values in parse_qs(_cleaned(parts.query)).items()}
    return Call(cassette, method, path, query, _cleaned_json(body), status, _cleaned_json(answer))


def _json(text: Any) -> Any:
    try:
        return json.loads(text) if text else None
    except ValueError:
        return None


def _cleaned(text: str) -> str:
    return _ID.sub(lambda found: long_form(found[0][:15]), re.sub(r"/data/v[\dx]+\.0/", f"/data/{VERSION}/", text))


def _cleaned_json(value: Any) -> Any:
    return json.loads(_cleaned(json.dumps(value)))
