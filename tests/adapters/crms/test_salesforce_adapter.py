"""Facts of the Salesforce adapter alone: sessions, permissions, queries."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from connector.adapters.crms import salesforce as adapter
from connector.adapters.crms.http import Timeouts
from connector.adapters.crms.salesforce import SalesforceCredentials
from connector.domain.change import RecordType, Verdict
from connector.domain.errors import CredentialError, MappingError, UnreachableError
from connector.domain.mapping import NewField
from connector.sandbox.control import Fault
from connector.testing.contracts.crm_world import created, linked_task, new_key, opportunity, update

if TYPE_CHECKING:
    from crm_worlds import SalesforceWorld

OPPORTUNITY, TASK = RecordType.OPPORTUNITY, RecordType.TASK


def logins(world: SalesforceWorld) -> int:
    return sum(one["path"].endswith("/oauth2/token") for one in world.control.requests)


def test_an_expired_session_is_renewed_once(salesforce: SalesforceWorld) -> None:
    """A session that ended between two calls is opened anew, and the call carried out."""
    write = opportunity(salesforce, new_key())
    before = logins(salesforce)
    salesforce.control.switches["session_epoch"] = 1

    [outcome] = salesforce.crm.writer.write([write])

    assert outcome.verdict is Verdict.OK
    assert logins(salesforce) == before + 1


def test_a_session_refused_for_ever_ends(salesforce: SalesforceWorld) -> None:
    """When every session is refused, one new login is tried and then a person is told."""
    write = opportunity(salesforce, new_key())
    body = [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]
    salesforce.control.faults.append(Fault(path="/services/data", status=401, body=body, times=10_000))
    before = len(salesforce.control.requests)

    with pytest.raises(CredentialError):
        salesforce.crm.feed.stages()
    [outcome] = salesforce.crm.writer.write([write])

    assert outcome.verdict is Verdict.DEFER
    assert len(salesforce.control.requests) - before <= 6


def test_client_credentials_open_a_session(salesforce: SalesforceWorld) -> None:
    """The app's own secret logs in at the org's My Domain."""
    made = salesforce.app.state.credentials
    crm = salesforce.connect(
        credentials=SalesforceCredentials(
            "client_credentials", made.consumer_key, "acme.my", consumer_secret=made.consumer_secret
        )
    )

    assert crm.reader.destination() == salesforce.crm.reader.destination()
    assert salesforce.control.requests[-1]["headers"]["x-orig-host"].endswith(".salesforce.com")


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (200, [], "does not answer as Salesforce does"),
        (200, {}, "does not answer as Salesforce does"),
        (400, {"error": "invalid_grant", "error_description": "user hasn't been found"}, "user hasn't been found"),
        (400, {"error": "invalid_grant"}, "login refused: invalid_grant"),
    ],
)
def test_a_login_that_gives_no_token_is_for_a_person(
    salesforce: SalesforceWorld, status: int, body: Any, told: str
) -> None:
    """Whatever the login host answers instead of a token, its own words are told, and who has to mend it."""
    salesforce.control.faults.append(Fault(path="/services/oauth2/token", status=status, body=body, times=10))
    crm = salesforce.connect()

    with pytest.raises(CredentialError) as refused:
        crm.reader.destination()
    salesforce.control.faults.clear()

    assert told in str(refused.value)
    assert "{content}" not in str(refused.value)


@pytest.mark.parametrize("status", [200, 403])
def test_a_login_that_cannot_be_read_shows_nothing_of_it(salesforce: SalesforceWorld, status: int) -> None:
    """Half an answer may hold a whole token: it is in no message. After a 200 the network is at fault, nobody's key."""
    token = "00D5e0000000001!AQEAQHalfAnAnswer"
    cut = f'{{"access_token":"{token}","scope":"api","inst'
    salesforce.control.faults.append(Fault(path="/services/oauth2/token", status=status, body=cut, times=10))
    crm = salesforce.connect()

    with pytest.raises(UnreachableError if status == 200 else CredentialError) as refused:
        crm.reader.destination()
    salesforce.control.faults.clear()

    assert token not in "".join(traceback.format_exception(refused.value))


def test_an_unreadable_key_is_for_a_person(salesforce: SalesforceWorld) -> None:
    """A private key that is not there is a matter of credentials, not of the network."""
    crm = salesforce.connect(credentials=replace(salesforce.credentials, private_key_file="/nowhere/key.pem"))

    with pytest.raises(CredentialError, match="private key"):
        crm.reader.destination()


def test_credentials_hide_their_secret() -> None:
    """A secret is in no text made of the credentials."""
    shown = repr(SalesforceCredentials("client_credentials", "key", consumer_secret="hush"))

    assert "hush" not in shown


def test_no_call_waits_for_ever(salesforce: SalesforceWorld) -> None:
    """A server that does not answer is given up after the timeout, and a write is then unknown."""
    crm = adapter.connect(
        salesforce.credentials,
        salesforce.mapping,
        salesforce.clock,
        salesforce.base_url,
        timeouts=Timeouts(connect=1, read=0.2),
    )
    write = opportunity(salesforce, new_key())
    crm.reader.schema(OPPORTUNITY)
    salesforce.control.faults.append(Fault(path="/composite", delay=0.6))

    [outcome] = crm.writer.write([write])

    assert outcome.verdict is Verdict.UNKNOWN


def test_reads_are_repeated_and_writes_are_not(salesforce: SalesforceWorld) -> None:
    """A broken answer to a read is asked for again, with growing pauses; after the last it is for later."""
    salesforce.control.faults.append(Fault(path="/queryAll", status=503, body="<html>busy</html>", times=2))
    salesforce.clock.slept.clear()

    assert salesforce.crm.feed.stages()
    assert len(salesforce.clock.slept) == 2
    assert salesforce.clock.slept == sorted(salesforce.clock.slept)

    salesforce.control.faults.append(Fault(path="/queryAll", status=503, body="<html>busy</html>", times=99))
    with pytest.raises(UnreachableError):
        salesforce.crm.feed.stages()


def test_a_query_is_read_to_its_last_page(salesforce: SalesforceWorld) -> None:
    """Every page of a result is read."""
    template = opportunity(salesforce, new_key())
    writes = [replace(template, key=new_key(), entry=f"p{i}") for i in range(7)]
    salesforce.crm.writer.write(writes)
    salesforce.control.switches["page_size"] = 2

    assert len(list(salesforce.crm.feed.changed(OPPORTUNITY, (), None))) == 7


def test_many_ids_fit_into_urls(salesforce: SalesforceWorld) -> None:
    """Ids and keys by the thousand are asked for in queries that fit into a URL."""
    template = opportunity(salesforce, new_key())
    writes = [replace(template, key=new_key(), entry=f"m{i}") for i in range(450)]
    ids = [str(one.crm_id) for one in salesforce.crm.writer.write(writes)]
    names = list(salesforce.mapping.opportunity.fields)

    assert len(salesforce.crm.reader.read(OPPORTUNITY, ids, names)) == 450
    assert len(salesforce.crm.reader.find(OPPORTUNITY, [str(one.key) for one in writes], names)) == 450
    assert max(len(one["query"]) for one in salesforce.control.requests) < 16_000


def test_a_hidden_field_is_missing(salesforce: SalesforceWorld) -> None:
    """A field that exists but is hidden from our user is reported as missing, and installing grants it."""
    wanted = {OPPORTUNITY: salesforce.mapping.install["opportunity"]}
    for row in salesforce.store.dump("FieldPermissions"):
        if row["Field"] == "Opportunity.Expansion_Score__c":
            salesforce.store.load("FieldPermissions", [row | {"PermissionsRead": False, "PermissionsEdit": False}])

    assert salesforce.crm.setup.missing(wanted) == {OPPORTUNITY: ["Expansion_Score__c"]}


def test_a_field_of_another_kind_is_not_taken_over(new_salesforce: Callable[..., SalesforceWorld]) -> None:
    """A field that somebody else made under our key's name, without uniqueness, stops the installation."""
    world = new_salesforce()
    world.store.load(
        "Opportunity", [{"Name": "x", "StageName": "Prospecting", "CloseDate": "2026-12-01", "Old_Key__c": "1"}]
    )

    with pytest.raises(MappingError, match="Old_Key__c cannot be used"):
        world.crm.setup.install({OPPORTUNITY: {"Old_Key__c": NewField(label="Key", unique=True)}})


def test_a_lock_inside_a_trigger_may_be_sent_again(salesforce: SalesforceWorld) -> None:
    """A trigger that met a lock says so in its message: that record may be sent again."""
    write = opportunity(salesforce, new_key())
    fault = {
        "object": "Opportunity",
        "statusCode": "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
        "message": "Rollup: execution of AfterUpdate caused by: UNABLE_TO_LOCK_ROW, unable to obtain exclusive access",
    }
    salesforce.control.switches["row_faults"] = [fault]

    assert [one.verdict for one in salesforce.crm.writer.write([write])] == [Verdict.RETRY]


@pytest.mark.parametrize(
    ("code", "hint"),
    [("FIELD_CUSTOM_VALIDATION_EXCEPTION", "validation rule"), ("DUPLICATES_DETECTED", "duplicate rule")],
)
def test_a_customer_s_rule_is_shown_in_its_own_words(salesforce: SalesforceWorld, code: str, hint: str) -> None:
    """What a customer's rule refuses carries the rule's message and a cure."""
    write = opportunity(salesforce, new_key())
    salesforce.control.switches["row_faults"] = [
        {"statusCode": code, "message": "Ask Marie first", "fields": ["Amount"]}
    ]

    [outcome] = salesforce.crm.writer.write([write])

    assert (outcome.verdict, outcome.code, outcome.message, outcome.field) == (
        Verdict.REJECTED,
        code,
        "Ask Marie first",
        "Amount",
    )
    assert hint in str(outcome.hint)


def test_a_batch_refused_as_a_whole_is_taken_apart(salesforce: SalesforceWorld) -> None:
    """When Salesforce refuses a whole call, the record at fault is found and the others are written."""
    writes = [opportunity(salesforce, new_key()) for _ in range(5)]
    bad = replace(writes[2], fields={**writes[2].fields, "Name": "POISON"})
    body = [{"message": "Unexpected character", "errorCode": "JSON_PARSER_ERROR"}]
    salesforce.control.faults.append(Fault(path="/composite", body_contains="POISON", status=400, body=body, times=99))

    outcomes = {one.entry: one for one in salesforce.crm.writer.write([*writes[:2], bad, *writes[3:]])}

    assert [outcomes[one.entry].verdict for one in writes] == [
        Verdict.REJECTED if one is writes[2] else Verdict.OK for one in writes
    ]


def test_a_task_s_account_follows_from_its_opportunity(salesforce: SalesforceWorld) -> None:
    """With one lookup for both, the opportunity is linked and the account still shown."""
    account = salesforce.account("Acme")
    deal = created(salesforce, opportunity(salesforce, new_key()))
    salesforce.store.load("Opportunity", [{"Id": deal, "AccountId": account}])
    contact = salesforce.contact(account, "Martin")
    roles = {"opportunity": deal, "account": account, "contact": contact}

    task = created(salesforce, linked_task(salesforce, new_key(), roles))

    links = salesforce.crm.reader.read(TASK, [task], ())[task].links
    assert links == {"account": (account,), "opportunity": (deal,), "contact": (contact,)}


def test_owners_speak_a_language(salesforce: SalesforceWorld) -> None:
    """A user's language is told, so that texts are written in it."""
    owner = salesforce.owner("paul@example.com")

    assert {one.id: one.language for one in salesforce.crm.feed.owners()}[owner] == "fr"


def test_an_update_of_nothing_but_ours_keeps_the_cursor_honest(salesforce: SalesforceWorld) -> None:
    """Our own update is news too: the feed tells what is, not who did it."""
    write = opportunity(salesforce, new_key())
    crm_id = created(salesforce, write)
    salesforce.later(3600)
    since = salesforce.now()

    salesforce.crm.writer.write([update(write, crm_id, {"Amount": "5"})])

    assert [one.id for one in salesforce.crm.feed.changed(OPPORTUNITY, ("Amount",), since)] == [crm_id]


def test_the_last_of_the_quota_is_left_to_others(salesforce: SalesforceWorld) -> None:
    """Near the end of the org's daily calls no more are made; a while later the org is asked again."""
    write = opportunity(salesforce, new_key())
    used = sum(one["path"].startswith("/services/data") for one in salesforce.control.requests)
    salesforce.control.switches["daily_api_requests"] = used + 2
    salesforce.crm.reader.find(OPPORTUNITY, [new_key()], ())
    made = len(salesforce.control.requests)

    assert [one.verdict for one in salesforce.crm.writer.write([write])] == [Verdict.DEFER]
    assert len(salesforce.control.requests) == made

    salesforce.control.switches["daily_api_requests"] = 100_000
    salesforce.later(3600)
    assert [one.verdict for one in salesforce.crm.writer.write([write])] == [Verdict.OK]


def test_a_deletion_told_later_does_not_hide_the_living(salesforce: SalesforceWorld) -> None:
    """The living record of a key is found, also when the deleted one was touched last."""
    write = opportunity(salesforce, new_key())
    gone = created(salesforce, write)
    salesforce.person_archives(OPPORTUNITY, gone)
    living = created(salesforce, write)
    salesforce.later(60)
    salesforce.store.load("Opportunity", [{"Id": gone, "IsDeleted": True}])

    assert salesforce.crm.reader.find(OPPORTUNITY, [str(write.key)], ())[str(write.key)].id == living
