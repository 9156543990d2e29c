"""Bulk API 2.0 ingest: what becomes of headers, cells and rows."""

from __future__ import annotations

from typing import Any

import pytest
from salesforce_jobs import closed_job, open_job
from salesforce_served import StandIn

DEAL = "Name,StageName,CloseDate"


def accounts(salesforce: StandIn) -> list[dict[str, Any]]:
    return salesforce.query("SELECT Name, Site FROM Account ORDER BY Name")


@pytest.mark.parametrize(
    ("kind", "operation", "header", "message"),
    [
        ("Account", "insert", "Name,Nope__c", "InvalidBatch : Field name not found : Nope__c"),
        ("Account", "insert", "\ufeffName", "InvalidBatch : Field name not found : \ufeffName"),
        ("Account", "insert", "Name,Boss.Name", "InvalidBatch : Unable to find relationship: Boss"),
        ("Account", "insert", "Name,Parent.Site", "InvalidBatch : Field name not found : Parent.Site"),
        ("Account", "insert", "Name,Owner.Nope__c", "InvalidBatch : Field name not found : Owner.Nope__c"),
        (
            "Account",
            "insert",
            "Name,Account:Parent.Key__c",
            "InvalidBatch : type is not needed for non polymorphic foreign key references: Parent",
        ),
        (
            "Task",
            "insert",
            "Subject,What.Key__c",
            "InvalidBatch : type is needed for polymorphic foreign key references: What",
        ),
        ("Task", "insert", "Subject,User:What.Email", "InvalidBatch : Field name not found : User:What.Email"),
        ("Account", "delete", "Id,Name", "InvalidBatch : The 'delete' batch must contain only ids"),
        ("Account", "insert", ",".join(["Name"] * 5001), "InvalidBatch : the header row is longer"),
        ("Account", "insert", 'Name" ,Site', "InvalidBatch : Failed to parse CSV header"),
    ],
)
def test_wrong_header_fails_the_job(salesforce: StandIn, kind: str, operation: str, header: str, message: str) -> None:
    """A column nobody can fill fails the whole job before its first row, which stays unprocessed."""
    row = ",".join("x" for _ in header.split(","))
    job = closed_job(salesforce, f"{header}\n{row}\n", operation, kind)

    told = job.ended()
    assert (told["state"], told["numberRecordsProcessed"], told["numberRecordsFailed"]) == ("Failed", 0, 0)
    assert told["errorMessage"].startswith(message)
    assert len(job.results("unprocessedrecords")) == 1
    assert salesforce.org.dump(kind) == []


def test_hidden_field_is_an_unknown_column(salesforce: StandIn) -> None:
    """A field that field-level security hides fails the job as one that is not there."""
    field = {"label": "Key", "type": "Text", "length": 80}
    salesforce.call("POST", "tooling/sobjects/CustomField", {"FullName": "Account.Key__c", "Metadata": field})

    told = closed_job(salesforce, "Name,Key__c\nA,k\n").ended()
    assert told["errorMessage"] == "InvalidBatch : Field name not found : Key__c"


@pytest.mark.parametrize(
    ("line_ending", "text"),
    [
        ("LF", "Name\r\nA\r\n"),
        ("CRLF", "Name\nA\n"),
        ("CRLF", 'Name,Site\r\nA,"x\ny"\r\n'),
        ("LF", 'Name,Site\nA,"x\ry"\n'),
    ],
)
def test_other_line_breaks_than_the_jobs_fail_it(salesforce: StandIn, line_ending: str, text: str) -> None:
    """Lines, those inside a value too, must end as the job says; else nothing is read."""
    job = closed_job(salesforce, text, lineEnding=line_ending)

    message = f"ClientInputError : LineEnding is invalid on user data. Current LineEnding setting is {line_ending}"
    assert job.ended()["errorMessage"] == message
    assert accounts(salesforce) == []


@pytest.mark.parametrize(
    ("delimiter", "sign"),
    [("BACKQUOTE", "`"), ("CARET", "^"), ("COMMA", ","), ("PIPE", "|"), ("SEMICOLON", ";"), ("TAB", "\t")],
)
@pytest.mark.parametrize(("line_ending", "end"), [("LF", "\n"), ("CRLF", "\r\n")])
def test_every_delimiter_and_line_ending_is_read(
    salesforce: StandIn, delimiter: str, sign: str, line_ending: str, end: str
) -> None:
    """Quotes protect delimiter, line break and, doubled, themselves; results are written the same way."""
    text = end.join([f"Name{sign}Description", f'"A{sign}B"{sign}"say ""x""{end}y"', f"C{sign}"])
    job = closed_job(salesforce, text, columnDelimiter=delimiter, lineEnding=line_ending)
    job.ended()

    first, second = salesforce.query("SELECT Name, Description FROM Account ORDER BY Name")
    assert (first["Name"], first["Description"].splitlines()) == (f"A{sign}B", ['say "x"', "y"])
    assert second == {"Name": "C", "Description": None}
    result = salesforce.call("GET", f"{job.path}/successfulResults").text
    assert result.startswith(f'"sf__Id"{sign}"sf__Created"{sign}Name{sign}Description{end}')
    assert f'"A{sign}B"{sign}"say ""x""{end}y"{end}' in result


def test_data_must_be_utf_8(salesforce: StandIn) -> None:
    """Data in another encoding fail the job as a whole."""
    job = open_job(salesforce)
    headers = {"Content-Type": "text/csv"}
    salesforce.call("PUT", f"{job.path}/batches", data="Name\nGröße\n".encode("latin-1"), headers=headers)
    job.close()

    assert job.ended()["errorMessage"] == "ClientInputError : the data is not UTF-8"


def test_record_of_too_many_characters_fails_alone(salesforce: StandIn) -> None:
    """A record holds 400,000 characters at most, however its cells share them."""
    fields = [f"Note{number}__c" for number in range(14)]
    salesforce.org.load("Account", [{"Name": "x", **dict.fromkeys(fields, "x" * 300)}])
    header = ",".join(["Name", *fields])
    job = closed_job(salesforce, f"{header}\nA,{','.join(['y' * 30_000] * 14)}\nB{',y' * 14}\n")
    job.ended()

    assert job.errors() == ["LIMIT_EXCEEDED"]
    assert [row["Name"] for row in accounts(salesforce)] == ["B", "x"]


def test_empty_cell_leaves_and_na_empties(salesforce: StandIn) -> None:
    """In an update an empty cell leaves the field, `#N/A` sets it to null."""
    ids = [salesforce.create("Account", Name=name, Site="here") for name in ("A", "B")]
    closed_job(salesforce, f"Id,Name,Site\n{ids[0]},,\n{ids[1]},B2,#N/A\n", "update").ended()

    assert accounts(salesforce) == [{"Name": "A", "Site": "here"}, {"Name": "B2", "Site": None}]


def test_unreadable_rows_fail_alone(salesforce: StandIn) -> None:
    """A space beside a quote, a cell too many or too few, and too long a cell fail their row only."""
    rows = ['"A" ,x', 'B, "x"', "C,x,y", "D", "E,x", f"F,{'x' * 32001}", "", 'G,say "x"']
    job = closed_job(salesforce, "\n".join(["Name,Site", *rows]))

    told = job.ended()
    assert (told["state"], told["numberRecordsProcessed"], told["numberRecordsFailed"]) == ("JobComplete", 7, 6)
    assert accounts(salesforce) == [{"Name": "E", "Site": "x"}]
    assert job.errors() == ["INVALID_INPUT_FORMAT"] * 5 + ["STRING_TOO_LONG"]
    assert '"A" ,x' in [row["Name"] for row in job.results("failedResults")]


@pytest.mark.parametrize(
    ("row", "error"),
    [
        (",Prospecting,2026-01-31", "REQUIRED_FIELD_MISSING:Required fields are missing: [Name]:Name --"),
        (",Prospecting,", "REQUIRED_FIELD_MISSING:Required fields are missing: [Name, CloseDate]:Name, CloseDate --"),
        (
            "x,Prospecting,31.01.2026",
            "INVALID_TYPE_ON_FIELD_IN_RECORD:Close Date: value not of required type: 31.01.2026:CloseDate --",
        ),
        (f"{'x' * 121},x,2026-01-31", "STRING_TOO_LONG:"),
    ],
)
def test_refused_row_says_why(salesforce: StandIn, row: str, error: str) -> None:
    """`sf__Error` holds code, message and fields; a row that made no record has no id."""
    job = closed_job(salesforce, f"{DEAL}\n{row}\nGood,Prospecting,2026-01-31\n", kind="Opportunity")

    told = job.ended()
    (failed,) = job.results("failedResults")
    assert (told["state"], told["numberRecordsFailed"]) == ("JobComplete", 1)
    assert failed["sf__Error"].startswith(error)
    assert (failed["sf__Id"], failed["StageName"]) == ("", row.split(",")[1])


def test_refused_update_names_its_record(salesforce: StandIn) -> None:
    """A failed row of an update carries the id it was sent for, and an error without fields two dashes."""
    account = salesforce.create("Account", Name="A")
    text = f"Id,Name\n{account},#N/A\n001000000000001,B\n,C\n"
    job = closed_job(salesforce, text, "update")
    job.ended()

    failed = {row["sf__Id"]: row["sf__Error"] for row in job.results("failedResults")}
    assert failed == {
        account: "REQUIRED_FIELD_MISSING:Required fields are missing: [Name]:Name --",
        "001000000000001": "INVALID_CROSS_REFERENCE_KEY:invalid cross reference id:--",
        "": "MISSING_ARGUMENT:Id not specified in an update call:--",
    }


def test_rows_meet_the_rules_of_every_other_write(salesforce: StandIn) -> None:
    """Restricted picklists, read-only fields, references, locks and duplicate rules refuse a row as anywhere."""
    salesforce.control.switches["duplicate_rules"] = {"Account": {"match": ["Name"]}}
    lock = {"match": "Locked", "statusCode": "UNABLE_TO_LOCK_ROW", "message": "unable to obtain exclusive access"}
    salesforce.control.switches["row_faults"] = [lock]
    salesforce.create("Account", Name="Known")
    text = "Name,BillingGeocodeAccuracy,ParentId,LastActivityDate\n"
    text += "A,Nowhere,,\nB,,001000000000001,\nC,,acme,\nD,,,2026-01-01\nLocked,,,\nKnown,,,\nGood,Zip,,\n"
    job = closed_job(salesforce, text)
    job.ended()

    assert job.errors() == [
        "DUPLICATES_DETECTED",
        "INVALID_CROSS_REFERENCE_KEY",
        "INVALID_FIELD_FOR_INSERT_UPDATE",
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
        "MALFORMED_ID",
        "UNABLE_TO_LOCK_ROW",
    ]
    assert [row["Name"] for row in accounts(salesforce)] == ["Good", "Known"]


def test_upsert_joins_on_the_key(salesforce: StandIn) -> None:
    """Known keys are changed, others created; a key sent twice, or none, fails; a key of several records too."""
    salesforce.keyed_field()
    known = salesforce.create("Task", Key__c="k1", Subject="old")
    text = "Key__c,Subject\nk1,new\nk2,new\nk3,x\nK3,y\n,z\n"
    job = closed_job(salesforce, text, "upsert", "Task", externalIdFieldName="Key__c")
    job.ended()

    done = {row["Key__c"]: (row["sf__Id"] == known, row["sf__Created"]) for row in job.results()}
    assert done == {"k1": (True, "false"), "k2": (False, "true")}
    assert job.errors() == ["DUPLICATE_VALUE", "DUPLICATE_VALUE", "MISSING_ARGUMENT"]
    assert len(salesforce.org.dump("Task")) == 2


def test_key_sent_twice_counts_in_its_chunk_only(salesforce: StandIn) -> None:
    """Keys are compared within 200 rows; later in the file the same key means the same record."""
    salesforce.keyed_field()
    rows = [f"k{number}" for number in range(200)] + ["k0"]
    text = "Key__c,Subject\n" + "".join(f"{key},{at}\n" for at, key in enumerate(rows))
    job = closed_job(salesforce, text, "upsert", "Task", externalIdFieldName="Key__c")

    assert job.ended()["numberRecordsFailed"] == 0
    assert salesforce.query("SELECT Subject FROM Task WHERE Key__c = 'k0'") == [{"Subject": "200"}]


def test_parents_are_named_by_their_keys(salesforce: StandIn) -> None:
    """A relationship column finds the parent by its key; one of several types needs the type's name."""
    salesforce.keyed_field("Account", "Account")
    salesforce.create("Account", Name="A", Key__c="a1")
    deals = (
        f"{DEAL},Account.Key__c\nx,Prospecting,2026-01-31,a1\ny,Prospecting,2026-01-31,a2\nz,Prospecting,2026-01-31,\n"
    )
    job = closed_job(salesforce, deals, kind="Opportunity")
    job.ended()
    closed_job(salesforce, "Subject,Account:What.Key__c\nt,a1\n", kind="Task").ended()

    found = salesforce.query("SELECT Name, Account.Name FROM Opportunity ORDER BY Name")
    assert [(row["Name"], row["Account"] and row["Account"]["Name"]) for row in found] == [("x", "A"), ("z", None)]
    (refused,) = job.results("failedResults")
    assert refused["sf__Error"].startswith("INVALID_FIELD:Foreign key external ID: a2 not found")
    (task,) = salesforce.query("SELECT Account.Name FROM Task")
    assert task["Account"]["Name"] == "A"


def test_delete_takes_ids_only(salesforce: StandIn) -> None:
    """Each id is deleted; one that is gone already fails alone."""
    first, second = (salesforce.create("Account", Name=name) for name in ("A", "B"))
    salesforce.call("DELETE", f"sobjects/Account/{second}")
    job = closed_job(salesforce, f"Id\n{first[:15]}\n{second}\n#N/A\n", "delete")
    job.ended()

    assert [(row["sf__Id"], row["sf__Created"]) for row in job.results()] == [(first, "false")]
    assert {row["sf__Id"]: row["sf__Error"] for row in job.results("failedResults")} == {
        second: "ENTITY_IS_DELETED:entity is deleted:--",
        "": "MISSING_ARGUMENT:Id not specified in a delete call:--",
    }
    assert accounts(salesforce) == []


def test_job_runs_as_who_made_it(salesforce: StandIn) -> None:
    """Records of a job are created by the user who made it."""
    closed_job(salesforce, "Name\nA\n").ended()

    (row,) = salesforce.query("SELECT CreatedById, OwnerId FROM Account")
    assert set(row.values()) == {salesforce.org.user_id}
