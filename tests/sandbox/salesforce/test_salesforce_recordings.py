"""The stand-in against real Salesforce traffic that nobody here recorded.

Each recorded call is replayed on an org prepared to be in the state the recording implies, and the answers are
compared. A call that is not replayed is so for one of the reasons in `NOT_REPLAYED`, and counted.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

import salesforce_recordings
import simple_salesforce
from salesforce_recordings import Call
from salesforce_replay import NOT_REPLAYED, both_comparable, prepare, why_not
from salesforce_served import StandIn

from connector.sandbox.salesforce import soql

WRITE_RECORDS = ("records.py", "rules.py", "values.py", "writes.py", "bulk_rows.py")
CODES_OF_REQUESTS = set(
    "API_DISABLED_FOR_ORG API_ERROR BULK_API_ERROR EXCEEDED_ID_LIMIT EXCEEDED_MAX_SIZE_REQUEST FEATURENOTENABLED "
    "INVALIDENTITY INVALIDJOB INVALIDJOBSTATE INVALID_REPLICATION_DATE JSON_PARSER_ERROR MALFORMED_QUERY "
    "REQUEST_LIMIT_EXCEEDED UNSUPPORTED_MEDIA_TYPE".split()
)
"""Codes that refuse a whole request and so are in no enumeration of what can befall a record."""


def test_recorded_calls_are_answered_alike(salesforce: StandIn, evidence: Path) -> None:
    """Every recorded call is answered as Salesforce answered it, or has a reason why it was not replayed."""
    compared: Counter[str] = Counter()
    left_out: Counter[str] = Counter()
    different = []
    for call in salesforce_recordings.calls(evidence):
        reason = why_not(call)
        if reason is not None:
            left_out[reason] += 1
            continue
        salesforce.org.reset()
        prepare(salesforce, call)
        answer = salesforce.call(call.method, call.path, call.body, params=call.query)
        compared[_resource(call)] += 1
        expected, got = both_comparable(call, answer.json())
        if (answer.status_code, got) != (call.status, expected):
            different.append(f"{call}\n  recorded {call.status} {expected}\n  answered {answer.status_code} {got}")

    assert not different, "\n".join(different)
    assert compared == {"query": 59, "collections": 30, "limits": 28, "sobjects": 15, "composite": 8}
    assert left_out == {
        "tooling": 22,
        "other types": 7,
        "other SOQL": 5,
        "connect": 1,
        "edited by hand": 1,
        "unknown request": 1,
    }
    assert left_out.keys() == NOT_REPLAYED.keys()


def _resource(call: Call) -> str:
    head, *tail = call.path.strip("/").split("/")
    return "collections" if head == "composite" and tail else head


def test_every_code_is_one_of_salesforces() -> None:
    """Each error code in the source is in the StatusCode enumeration of the client's WSDL, or a whole request's."""
    wsdl = (Path(simple_salesforce.__file__).parent / "metadata.wsdl").read_text(encoding="utf-8")
    enumeration = re.search(r'name="StatusCode".*?</xsd:simpleType>', wsdl, re.DOTALL)
    assert enumeration is not None
    known = set(re.findall(r'value="(\w+)"', enumeration[0]))
    emitted = _codes_by_file(Path(soql.__file__).parent)

    per_record = set().union(*(emitted[name] for name in WRITE_RECORDS))
    assert per_record - known == {"JSON_PARSER_ERROR"}  # recorded for a record though the enumeration lacks it
    assert len(per_record) >= 20
    # NOT_IMPLEMENTED is the stand-in's own: what Salesforce knows and it does not.
    assert set().union(*emitted.values()) - known == CODES_OF_REQUESTS | {"NOT_IMPLEMENTED"}


def _codes_by_file(folder: Path) -> dict[str, set[str]]:
    """Collect the codes that each module builds a refusal with."""
    found: dict[str, set[str]] = {}
    for file in folder.glob("*.py"):
        calls = [one for one in ast.walk(ast.parse(file.read_text(encoding="utf-8"))) if isinstance(one, ast.Call)]
        codes = [one.args[0] for one in calls if isinstance(one.func, ast.Name) and one.func.id == "Refusal"]
        texts = [one.value for code in codes for one in ast.walk(code) if isinstance(one, ast.Constant)]
        found[file.name] = {one for one in texts if isinstance(one, str) and one.isupper()}
    return found
