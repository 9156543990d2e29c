"""SOQL: what a query finds, in which order and pages, and which queries are refused."""

from __future__ import annotations

import pytest
from salesforce_served import StandIn
from simple_salesforce import Salesforce, format_soql


@pytest.fixture
def accounts(salesforce: StandIn) -> StandIn:
    """Four accounts with a parent, a gap, a hyphen and an odd letter case."""
    rows = (
        {"Name": "Alpha", "Industry": "Banking", "NumberOfEmployees": 10, "AnnualRevenue": 5.5},
        {"Name": "beta", "Industry": None, "NumberOfEmployees": 20},
        {"Name": "Gamma 50%", "Industry": "Energy", "NumberOfEmployees": 30},
        {"Name": "D'Elta", "Industry": "Energy"},
    )
    for row in rows:
        salesforce.create("Account", **row)
    return salesforce


@pytest.mark.parametrize(
    ("where", "names"),
    [
        ("Name = 'ALPHA'", ["Alpha"]),
        ("Name != 'Alpha'", ["beta", "Gamma 50%", "D'Elta"]),
        ("Name <> 'Alpha' AND Industry = 'Energy'", ["Gamma 50%", "D'Elta"]),
        ("Industry = null", ["beta"]),
        ("Industry != null", ["Alpha", "Gamma 50%", "D'Elta"]),
        ("Industry != 'Energy'", ["Alpha", "beta"]),
        ("NumberOfEmployees > 10", ["beta", "Gamma 50%"]),
        ("NumberOfEmployees >= 10 AND NumberOfEmployees < 30", ["Alpha", "beta"]),
        ("NumberOfEmployees <= 10", ["Alpha"]),
        ("AnnualRevenue = 5.5", ["Alpha"]),
        ("Industry IN ('Energy', null)", ["beta", "Gamma 50%", "D'Elta"]),
        ("Industry NOT IN ('Energy')", ["Alpha", "beta"]),
        ("Name LIKE '%A'", ["Alpha", "beta", "D'Elta"]),
        ("Name LIKE '_eta'", ["beta"]),
        (r"Name LIKE '%50\%'", ["Gamma 50%"]),
        (r"Name = 'D\'Elta'", ["D'Elta"]),
        ("(Industry = 'Banking' OR Industry = null) AND NumberOfEmployees > 10", ["beta"]),
        ("NOT Industry = 'Energy'", ["Alpha", "beta"]),
        ("NOT (Industry = 'Energy' OR Name = 'beta')", ["Alpha"]),
        ("IsDeleted = false AND CreatedDate > 2020-01-01T00:00:00Z", ["Alpha", "beta", "Gamma 50%", "D'Elta"]),
        ("CreatedDate < 2020-01-01T00:00:00+01:00", []),
        ("IsDeleted = null AND Owner.CreatedBy.Name = null", ["Alpha", "beta", "Gamma 50%", "D'Elta"]),
        ("Owner.Name LIKE 'integ%' AND Owner.IsActive = true AND Name = 'beta'", ["beta"]),
    ],
)
def test_where(accounts: StandIn, where: str, names: list[str]) -> None:
    """Each comparison finds what it says; text ignores case, null is unequal to everything and never larger."""
    found = accounts.call("GET", "query", params={"q": f"SELECT Name FROM Account WHERE {where}"}).json()

    assert [row["Name"] for row in found["records"]] == names


@pytest.mark.parametrize(
    ("order", "names"),
    [
        ("Name", ["Alpha", "beta", "D'Elta", "Gamma 50%"]),
        ("NumberOfEmployees DESC", ["Gamma 50%", "beta", "Alpha", "D'Elta"]),
        ("NumberOfEmployees", ["D'Elta", "Alpha", "beta", "Gamma 50%"]),
        ("NumberOfEmployees ASC NULLS LAST", ["Alpha", "beta", "Gamma 50%", "D'Elta"]),
        ("Industry DESC NULLS FIRST, Name ASC", ["beta", "D'Elta", "Gamma 50%", "Alpha"]),
        ("Name LIMIT 2", ["Alpha", "beta"]),
        ("Name LIMIT 2 OFFSET 1", ["beta", "D'Elta"]),
    ],
)
def test_order_and_limit(accounts: StandIn, order: str, names: list[str]) -> None:
    """Nulls come first going up and last going down, unless the query says otherwise."""
    assert [row["Name"] for row in accounts.query(f"SELECT Name FROM Account ORDER BY {order}")] == names


def test_equal_stamps_are_ordered_by_the_second_key(salesforce: StandIn) -> None:
    """Records of one second tie on SystemModstamp, and Id decides."""
    salesforce.control.clock.fixed = salesforce.control.clock.now()
    ids = [salesforce.create("Account", Name=str(n)) for n in range(5)]

    rows = salesforce.query("SELECT Id, SystemModstamp FROM Account ORDER BY SystemModstamp, Id")
    assert [row["Id"] for row in rows] == ids
    assert len({row["SystemModstamp"] for row in rows}) == 1


def test_parents_are_nested(salesforce: StandIn) -> None:
    """A path shows the parent as an object of its own; no parent shows null; a polymorphic one shows Name."""
    account = salesforce.create("Account", Name="A")
    salesforce.create("Task", Subject="1", WhatId=account)
    salesforce.create("Task", Subject="2")

    answer = salesforce.call(
        "GET", "query", params={"q": "SELECT Account.Owner.Email, What.Name, What.Type FROM Task ORDER BY Subject"}
    ).json()
    about, alone = answer["records"]
    assert about["Account"]["Owner"]["Email"] == salesforce.credentials.username
    assert about["Account"]["attributes"]["type"] == "Account"
    assert (about["What"]["Name"], about["What"]["Type"]) == ("A", "Account")
    assert (alone["Account"], alone["What"]) == (None, None)


def test_polymorphic_parent_filters_by_name_and_type(salesforce: StandIn) -> None:
    """What a task is about can be asked for by name and type, a task about nothing by null."""
    account = salesforce.create("Account", Name="A")
    salesforce.create("Task", Subject="1", WhatId=account)
    salesforce.create("Task", Subject="2")

    found = "SELECT Subject FROM Task WHERE What.Type = 'Account' AND What.Name = 'a' AND Owner.IsActive = true"
    assert salesforce.query(found) == [{"Subject": "1"}]
    assert salesforce.query("SELECT Subject FROM Task WHERE What.Name = null") == [{"Subject": "2"}]
    assert salesforce.query(f"SELECT Subject FROM Task WHERE WhatId = '{account[:15]}'") == [{"Subject": "1"}]
    assert salesforce.query("SELECT Subject FROM Task WHERE ActivityDate >= 2026-01-01") == []


def test_counts(accounts: StandIn) -> None:
    """count() gives totalSize and no rows; count(field) counts values in one aggregate row."""
    total = accounts.call("GET", "query", params={"q": "SELECT count() FROM Account"}).json()
    field = accounts.call("GET", "query", params={"q": "SELECT COUNT(Industry) FROM Account"}).json()

    assert total == {"totalSize": 4, "done": True, "records": []}
    assert field["records"] == [{"attributes": {"type": "AggregateResult"}, "expr0": 3}]


def test_pages_are_followed_to_the_end(accounts: StandIn, sf: Salesforce) -> None:
    """A small page names the next; the client reads every row once, as they were when the query ran."""
    accounts.control.switches["page_size"] = 3
    first = sf.query("SELECT Name FROM Account ORDER BY Name")
    accounts.create("Account", Name="Aaron")
    rest = sf.query_more(first["nextRecordsUrl"], identifier_is_url=True)

    assert (first["totalSize"], first["done"], len(first["records"])) == (4, False, 3)
    assert (rest["totalSize"], rest["done"], [row["Name"] for row in rest["records"]]) == (4, True, ["Gamma 50%"])
    assert [row["Name"] for row in sf.query_all_iter("SELECT Name FROM Account ORDER BY Name")][:2] == [
        "Aaron",
        "Alpha",
    ]


def test_page_holds_2000_rows_or_what_the_header_asks(salesforce: StandIn) -> None:
    """The page is 2,000 rows; `Sforce-Query-Options` makes it smaller, down to 200."""
    salesforce.org.load("Account", [{"Name": f"A{n}"} for n in range(2001)])
    query = {"q": "SELECT Id FROM Account"}

    assert len(salesforce.call("GET", "query", params=query).json()["records"]) == 2000
    small = salesforce.call("GET", "query", params=query, headers={"Sforce-Query-Options": "batchSize=5"}).json()
    assert len(small["records"]) == 200
    assert small["nextRecordsUrl"].endswith("-200")


def test_unknown_locator_is_refused(salesforce: StandIn) -> None:
    """A cursor nobody opened is INVALID_QUERY_LOCATOR."""
    assert salesforce.refused("GET", "query/01g5e0000000000AAA-2000")[:2] == (400, "INVALID_QUERY_LOCATOR")


def test_eleventh_cursor_closes_the_first(accounts: StandIn) -> None:
    """Ten cursors stay open; one more forgets the oldest."""
    accounts.control.switches["page_size"] = 3
    pages = [accounts.call("GET", "query", params={"q": "SELECT Id FROM Account"}).json() for _ in range(11)]
    locators = [page["nextRecordsUrl"].rpartition("/")[2] for page in pages]

    assert accounts.refused("GET", f"query/{locators[0]}")[1] == "INVALID_QUERY_LOCATOR"
    assert accounts.call("GET", f"query/{locators[1]}").status_code == 200


def test_formatted_values_come_through(accounts: StandIn, sf: Salesforce) -> None:
    """What the client's own formatter escapes is found again."""
    rows = sf.query(format_soql("SELECT Name FROM Account WHERE Name IN {}", ["D'Elta", "beta"]))["records"]

    assert [row["Name"] for row in rows] == ["beta", "D'Elta"]


@pytest.mark.parametrize(
    ("soql", "code"),
    [
        ("SELECT Id FROM XYZZY", "INVALID_TYPE"),
        ("SELECT Nope FROM Account", "INVALID_FIELD"),
        ("SELECT Id FROM Account WHERE Nope = 1", "INVALID_FIELD"),
        ("SELECT Id FROM Account ORDER BY Nope", "INVALID_FIELD"),
        ("SELECT Nope.Name FROM Account", "INVALID_FIELD"),
        ("SELECT Owner.Nope FROM Account", "INVALID_FIELD"),
        ("SELECT Id, Id FROM Account", "INVALID_FIELD"),
        ("SELECT Id FROM Task WHERE Description LIKE '%ref%'", "INVALID_FIELD"),
        ("SELECT Id FROM Task ORDER BY Description", "INVALID_FIELD"),
        ("SELECT Id FROM Account WHERE Name = 5", "INVALID_FIELD"),
        ("SELECT Id FROM Account WHERE NumberOfEmployees = '5'", "INVALID_FIELD"),
        ("SELECT Id FROM Account WHERE CreatedDate > '2026-01-01T00:00:00Z'", "INVALID_FIELD"),
        ("SELECT Id FROM Account WHERE CreatedDate > 2026-01-01", "INVALID_FIELD"),
        ("SELECT Id FROM Opportunity WHERE CloseDate > 2026-01-01T00:00:00Z", "INVALID_FIELD"),
        ("SELECT Id FROM Account WHERE IsDeleted = 'true'", "INVALID_FIELD"),
        ("SELECT Id FROM Account WHERE Id = 'acme'", "INVALID_QUERY_FILTER_OPERATOR"),
        ("SELECT Id FROM Account WHERE NumberOfEmployees LIKE '5'", "INVALID_QUERY_FILTER_OPERATOR"),
        ("SELECT Id FROM Account WHERE Name IN ()", "MALFORMED_QUERY"),
        ("SELECT FROM Account", "MALFORMED_QUERY"),
        ("SELECT Id Account", "MALFORMED_QUERY"),
        ("SELECT Id FROM Account WHERE", "MALFORMED_QUERY"),
        ("SELECT Id FROM Account WHERE Name = 'a' OR Name = 'b' AND Name = 'c'", "MALFORMED_QUERY"),
        ("SELECT Id FROM Account WHERE Name = 'open", "MALFORMED_QUERY"),
        ("SELECT Id FROM Account WHERE CreatedDate > 2026-01-01T00:00:00", "MALFORMED_QUERY"),
        ("SELECT Id FROM Account LIMIT ten", "MALFORMED_QUERY"),
        ("SELECT Id FROM Account WHERE Name 'a'", "MALFORMED_QUERY"),
        ("SELECT Id FROM Account WHERE Name IN 'a'", "MALFORMED_QUERY"),
        ("SELECT Id FROM Opportunity WHERE CloseDate = 2026-02-30", "MALFORMED_QUERY"),
        ("", "MALFORMED_QUERY"),
        ("SELECT * FROM Account", "MALFORMED_QUERY"),
        ("SELECT Id FROM Account;", "MALFORMED_QUERY"),
    ],
)
def test_query_is_refused(salesforce: StandIn, soql: str, code: str) -> None:
    """A query that does not fit is 400 with its code."""
    assert salesforce.refused("GET", "query", params={"q": soql})[:2] == (400, code)


def test_refusal_points_at_the_place(salesforce: StandIn) -> None:
    """The message repeats the line and marks the column."""
    (error,) = salesforce.call("GET", "query", params={"q": "select count() from XYZZY"}).json()

    assert error["message"].startswith(
        "\nselect count() from XYZZY\n                    ^\nERROR at Row:1:Column:21\n"
        "sObject type 'XYZZY' is not supported."
    )


@pytest.mark.parametrize(
    "soql",
    [
        "SELECT Id, (SELECT Id FROM Contacts) FROM Account",
        "SELECT Industry, COUNT(Id) FROM Account GROUP BY Industry",
        "SELECT Id FROM Account WHERE CreatedDate = TODAY",
        "SELECT Id FROM Account WHERE CreatedDate = LAST_N_DAYS:3",
        "SELECT Id FROM Account GROUP BY Id",
        "SELECT TYPEOF What WHEN Account THEN Name END FROM Task",
        "SELECT Id FROM Account WHERE Id IN (SELECT AccountId FROM Contact)",
    ],
)
def test_what_the_stand_in_lacks_is_said_plainly(salesforce: StandIn, soql: str) -> None:
    """SOQL that Salesforce has and the stand-in has not is 501, never an error Salesforce would give."""
    assert salesforce.refused("GET", "query", params={"q": soql})[:2] == (501, "NOT_IMPLEMENTED")
