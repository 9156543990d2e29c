"""Facts of the HubSpot adapter alone: paths, tokens, limits, batches that answer in any order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from connector.adapters.crms import hubspot as adapter
from connector.adapters.crms.http import Timeouts
from connector.adapters.crms.hubspot import HubspotCredentials, feed
from connector.domain.change import RecordType, Verdict, Write
from connector.domain.errors import BudgetSpentError, CredentialError, MappingError, UnreachableError
from connector.domain.mapping import NewField
from connector.sandbox.control import Fault
from connector.testing.contracts.crm_world import created, link, linked_task, new_key, opportunity, update

if TYPE_CHECKING:
    from crm_worlds import HubspotWorld

OPPORTUNITY, TASK, ACCOUNT = RecordType.OPPORTUNITY, RecordType.TASK, RecordType.ACCOUNT
BURST = {
    "status": "error",
    "message": "You have reached your ten_secondly_rolling limit.",
    "errorType": "RATE_LIMIT",
    "policyName": "TEN_SECONDLY_ROLLING",
}


def oauth() -> HubspotCredentials:
    from connector.sandbox.hubspot import credentials

    known = credentials()
    return HubspotCredentials(
        client_id=known.client_id, client_secret=known.client_secret, refresh_token=known.refresh_token
    )


def test_every_path_is_date_versioned(hubspot: HubspotWorld) -> None:
    """No call goes by a path that goes out of support, and each says who calls."""
    account = hubspot.account("Acme")
    deal = created(hubspot, opportunity(hubspot, new_key()))
    hubspot.crm.writer.write(
        [Write("a", "associate", OPPORTUNITY, None, deal, {}, (link(hubspot, OPPORTUNITY, "account", account),))]
    )
    hubspot.later(60)
    list(hubspot.crm.feed.changed(OPPORTUNITY, (), hubspot.now() - timedelta(hours=1)))
    hubspot.crm.feed.owners()
    hubspot.crm.feed.stage_history([deal])
    hubspot.crm.reader.destination()

    paths = {one["path"] for one in hubspot.control.requests}
    assert len(paths) > 10
    assert all("/2026-0" in path for path in paths), paths
    assert all(one["headers"]["user-agent"].startswith("expansion-connector/") for one in hubspot.control.requests)


def test_search_is_never_an_existence_check(hubspot: HubspotWorld) -> None:
    """Reading, finding and writing never ask the search index, which lags."""
    write = opportunity(hubspot, new_key())
    crm_id = created(hubspot, write)
    hubspot.crm.reader.find(OPPORTUNITY, [str(write.key), new_key()], ("dealname",))
    hubspot.crm.reader.read(OPPORTUNITY, [crm_id], ("dealname",))
    hubspot.crm.writer.write([update(write, crm_id, {"dealname": "Later"})])

    assert not [one for one in hubspot.control.requests if one["path"].endswith("/search")]


def test_a_token_is_renewed_before_it_ends(hubspot: HubspotWorld) -> None:
    """An OAuth token is renewed by its own lifetime, so that no call is refused for its age."""
    crm = hubspot.connect(credentials=oauth())
    crm.reader.destination()
    hubspot.later(1_790)
    crm.reader.destination()
    hubspot.later(1_790)
    crm.reader.destination()

    statuses = [one["status"] for one in hubspot.control.requests if "/oauth/" not in one["path"]]
    renewals = [one for one in hubspot.control.requests if one["path"] == "/oauth/2026-03/token"]
    assert 401 not in statuses
    assert len(renewals) == 3


def test_a_token_taken_back_is_renewed_once(hubspot: HubspotWorld) -> None:
    """A 401 renews an OAuth token once; refused again, a person is told."""
    crm = hubspot.connect(credentials=oauth())
    crm.reader.destination()
    refusal = {"status": "error", "category": "INVALID_AUTHENTICATION", "message": "no"}
    hubspot.control.faults.append(Fault(path="/account-info", status=401, body=refusal))

    crm.reader.destination()

    hubspot.control.faults.append(Fault(path="/account-info", status=401, body=refusal, times=99))
    with pytest.raises(CredentialError):
        crm.reader.destination()


def test_a_bad_refresh_token_is_for_a_person(hubspot: HubspotWorld) -> None:
    """A refused renewal is a matter of credentials; a write is deferred."""
    write = opportunity(hubspot, new_key())
    crm = hubspot.connect(credentials=replace(oauth(), refresh_token="no"))

    with pytest.raises(CredentialError, match="the token was not renewed"):
        crm.reader.destination()
    assert [one.verdict for one in crm.writer.write([write])] == [Verdict.DEFER]


def test_credentials_hide_their_secrets() -> None:
    """No secret is in a text made of the credentials."""
    shown = repr(HubspotCredentials("hush", "id", "hush", "hush"))

    assert "hush" not in shown


def test_a_missing_scope_is_named(hubspot: HubspotWorld) -> None:
    """A token that may not write is told which scope it lacks, and the batch is not taken apart."""
    hubspot.control.switches["tokens"] = {"narrow": ["crm.objects.deals.read", "crm.schemas.deals.read"]}
    crm = hubspot.connect(credentials=HubspotCredentials("narrow"))
    writes = [opportunity(hubspot, new_key()) for _ in range(4)]
    hubspot.write_sizes()

    outcomes = crm.writer.write(writes)

    assert {(one.verdict, one.code) for one in outcomes} == {(Verdict.REJECTED, "MISSING_SCOPES")}
    assert "crm.objects.deals.write" in outcomes[0].message
    assert hubspot.write_sizes() == [4]


def test_a_burst_is_waited_out(hubspot: HubspotWorld) -> None:
    """A refusal for speed is waited out on the clock, and the write then carried out once."""
    write = opportunity(hubspot, new_key())
    hubspot.control.faults.append(Fault(path="/batch/upsert", status=429, body=BURST, times=2))
    hubspot.clock.slept.clear()

    [outcome] = hubspot.crm.writer.write([write])

    assert outcome.verdict is Verdict.OK
    assert hubspot.clock.slept == [10.0, 20.0]


def test_a_lock_is_given_two_seconds(hubspot: HubspotWorld) -> None:
    """A locked record is tried again after at least two seconds."""
    write = opportunity(hubspot, new_key())
    hubspot.control.faults.append(Fault(path="/batch/upsert", status=423, body={"message": "locked"}))
    hubspot.clock.slept.clear()

    [outcome] = hubspot.crm.writer.write([write])

    assert outcome.verdict is Verdict.OK
    assert hubspot.clock.slept == [2.0]


def test_calls_stay_below_the_limit(hubspot: HubspotWorld) -> None:
    """Calls and searches on end meet no refusal: the adapter waits before it is asked to."""
    hubspot.control.switches["limit_ten_seconds"] = 30
    hubspot.later(60)
    since = hubspot.now() - timedelta(days=1)
    for _ in range(70):
        hubspot.crm.reader.read(OPPORTUNITY, ["1"], ())
    for _ in range(12):
        list(hubspot.crm.feed.changed(ACCOUNT, (), since))

    assert not [one for one in hubspot.control.requests if one["status"] == 429]
    assert hubspot.clock.slept


def test_a_portal_that_moves_is_left_alone(hubspot: HubspotWorld) -> None:
    """While a portal moves to another data centre writes are deferred, and reading is for later."""
    write = opportunity(hubspot, new_key())
    hubspot.control.faults.append(Fault(path=".*", status=477, body={}, headers={"Retry-After": "3600"}, times=99))

    assert [one.verdict for one in hubspot.crm.writer.write([write])] == [Verdict.DEFER]
    with pytest.raises(BudgetSpentError):
        hubspot.crm.reader.destination()


@pytest.mark.parametrize("body", ["", "<html>welcome</html>", "[]"])
def test_a_success_that_cannot_be_read_is_unknown(hubspot: HubspotWorld, body: str) -> None:
    """A 2xx answer that is no JSON object proves nothing about the write."""
    write = opportunity(hubspot, new_key())
    hubspot.control.faults.append(Fault(path="/batch/upsert", status=202, body=body))

    assert [one.verdict for one in hubspot.crm.writer.write([write])] == [Verdict.UNKNOWN]


def test_what_an_answer_leaves_out_is_unknown(hubspot: HubspotWorld) -> None:
    """A write that an answer neither confirms nor refuses may have landed."""
    write = opportunity(hubspot, new_key())
    hubspot.control.faults.append(Fault(path="/batch/upsert", status=200, body={"status": "COMPLETE", "results": []}))

    [outcome] = hubspot.crm.writer.write([write])

    assert (outcome.verdict, outcome.code) == (Verdict.UNKNOWN, "unaccounted")


def test_no_call_waits_for_ever(hubspot: HubspotWorld) -> None:
    """A server that does not answer is given up after the timeout, and a write is then unknown."""
    crm = adapter.connect(
        HubspotCredentials("sandbox-hubspot-access-token"),
        hubspot.mapping,
        hubspot.clock,
        hubspot.base_url,
        timeouts=Timeouts(connect=1, read=0.2),
    )
    write = opportunity(hubspot, new_key())
    crm.reader.schema(OPPORTUNITY)
    hubspot.control.faults.append(Fault(path="/batch/upsert", delay=0.6))

    [outcome] = crm.writer.write([write])

    assert outcome.verdict is Verdict.UNKNOWN


def test_reads_are_repeated(hubspot: HubspotWorld) -> None:
    """A broken answer to a read is asked for again; after the last attempt it is for later."""
    hubspot.control.faults.append(Fault(path="/owners", status=502, body="<html>", times=2))
    assert hubspot.crm.feed.owners() == []

    hubspot.control.faults.append(Fault(path="/owners", status=502, body="<html>", times=99))
    with pytest.raises(UnreachableError):
        hubspot.crm.feed.owners()


def test_changes_beyond_the_search_window_are_seen(hubspot: HubspotWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where search ends showing results it is asked anew from the last one seen: nothing is missed or told twice."""
    monkeypatch.setattr(feed, "_SEARCH_WINDOW", 6)
    monkeypatch.setattr(feed, "_SEARCH_PAGE", 3)
    ids = []
    for i in range(20):
        ids.append(hubspot.account(f"Account {i}"))
        hubspot.later(1 if i % 3 else 0.001)
    hubspot.later(60)

    seen = [one.id for one in hubspot.crm.feed.changed(ACCOUNT, (), hubspot.now() - timedelta(days=1))]

    assert sorted(seen) == sorted(ids)


def test_more_changes_in_one_moment_than_search_shows_are_seen(
    hubspot: HubspotWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bulk import gives thousands of records one modification date: then all records are read."""
    monkeypatch.setattr(feed, "_SEARCH_WINDOW", 6)
    monkeypatch.setattr(feed, "_SEARCH_PAGE", 3)
    ids = {hubspot.account(f"Account {i}") for i in range(20)}
    hubspot.later(60)

    assert {one.id for one in hubspot.crm.feed.changed(ACCOUNT, (), hubspot.now() - timedelta(days=1))} == ids


def test_a_change_that_search_shows_late_is_seen(hubspot: HubspotWorld) -> None:
    """What the index did not show yet at one look is given at the next, though it is older than the cursor."""
    first = hubspot.account("Early")
    hubspot.later(15)
    late = hubspot.account("Late")
    looked = list(hubspot.crm.feed.changed(ACCOUNT, (), hubspot.now() - timedelta(hours=1)))
    assert [one.id for one in looked] == [first]
    cursor = hubspot.now() + timedelta(seconds=5)
    hubspot.later(30)

    assert late in {one.id for one in hubspot.crm.feed.changed(ACCOUNT, (), cursor)}


def test_a_pipeline_is_told_by_its_label(hubspot: HubspotWorld) -> None:
    """What the mapping names is what is read; the id stays on the wire."""
    crm_id = created(hubspot, opportunity(hubspot, new_key()))

    assert hubspot.crm.reader.read(OPPORTUNITY, [crm_id], ("pipeline",))[crm_id].fields == {"pipeline": "Expansion"}
    assert hubspot.store.find("deals", crm_id).properties["pipeline"] == "77"


def test_an_unkeyed_task_is_created_with_its_associations(new_hubspot: Callable[..., HubspotWorld]) -> None:
    """Where tasks carry no key, one call creates a task and associates it, so that it can be found again."""
    world = new_hubspot(keyed_tasks=False)
    world.install()
    account = world.account("Acme")
    contact = world.contact(account, "Martin")

    task = created(world, linked_task(world, new_key(), {"account": account, "contact": contact}))

    links = world.crm.reader.read(TASK, [task], ())[task].links
    assert links == {"account": (account,), "contact": (contact,)}
    assert not [one for one in world.control.requests if one["path"].endswith("/batch/associate/default")]


def test_a_key_that_cannot_become_unique_stops_the_installation(hubspot: HubspotWorld) -> None:
    """A property that somebody made under our key's name, without uniqueness, is not taken over."""
    hubspot.store.load("properties", [{"objectType": "deals", "name": "old_key", "label": "Old key"}])

    with pytest.raises(MappingError, match="old_key cannot be used"):
        hubspot.crm.setup.install({OPPORTUNITY: {"old_key": NewField(label="Key", unique=True)}})


def test_a_person_s_own_deal_is_moved_by_nobody_of_us(hubspot: HubspotWorld) -> None:
    """Stages of a deal that a person made are never taken for our moves."""
    deal = hubspot.put("deals", {"dealname": "Own", "dealstage": "901", "pipeline": "77"})

    assert [one.by_us for one in hubspot.crm.feed.stage_history([deal])[deal]] == [False]


def test_the_last_of_the_quota_is_left_to_others(hubspot: HubspotWorld) -> None:
    """Near the end of the portal's daily calls no more are made; a while later the portal is asked again."""
    write = opportunity(hubspot, new_key())
    hubspot.control.switches["limit_daily"] = len(hubspot.control.requests) + 2
    hubspot.crm.reader.destination()
    made = len(hubspot.control.requests)

    assert [one.verdict for one in hubspot.crm.writer.write([write])] == [Verdict.DEFER]
    assert len(hubspot.control.requests) == made

    hubspot.control.switches["limit_daily"] = 625_000
    hubspot.later(3600)
    assert [one.verdict for one in hubspot.crm.writer.write([write])] == [Verdict.OK]
