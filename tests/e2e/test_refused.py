"""What a CRM refused and what a person then decides, from the command line to the CRM."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from unittest.mock import patch

from connector.adapters.crms.hubspot.write import HubspotWriter
from connector.adapters.crms.salesforce.write import SalesforceWriter
from connector.adapters.ledger import Ledger
from connector.domain.change import Outcome, RecordType, Verb, Verdict, Write
from tests.e2e.world import World

RULE = "FIELD_CUSTOM_VALIDATION_EXCEPTION"


@contextmanager
def a_rule_against(verb: Verb) -> Iterator[None]:
    """The CRM's admin made a rule that no opportunity of ours meets when it is created, or updated."""

    def ruled(write: Callable[..., list[Outcome]]) -> Callable[..., list[Outcome]]:
        def answer(self: object, batch: Sequence[Write]) -> list[Outcome]:
            if (batch[0].verb, batch[0].type) != (verb, RecordType.OPPORTUNITY):
                return write(self, batch)
            return [Outcome(one.entry, Verdict.REJECTED, code=RULE, message="a budget is required") for one in batch]

        return answer

    with ExitStack() as stack:
        for writer in (HubspotWriter, SalesforceWriter):
            stack.enter_context(patch.object(writer, "write", ruled(writer.write)))
        yield


def make_news(world: World) -> None:
    """What the opportunities tell is three weeks old, and a likelihood has moved."""
    with Ledger(f"sqlite:///{world.state / 'ledger.db'}") as ledger:
        (destination,) = ledger.destinations.all()
        some = ledger.episodes.all(destination.id)
        ledger.episodes.save(
            destination.id, [replace(one, brief={**one.brief, "data_to": "2026-09-01"}) for one in some if one.brief]
        )
    world.edit_yaml("playbooks/policy.yaml", lambda policy: policy.update(base_rate=0.04))


def test_a_given_up_proposal_stays_away_until_released(installed: World) -> None:
    """The others are tried again by the next run; the dropped one comes with its task only after `--release`."""
    with a_rule_against("create"):
        assert installed.run("sync", "--json").code == 3
    parked = installed.run("outbox", "list", "--state", "parked", "--json").json["entries"]
    first = parked[0]
    drop = ("outbox", "drop", first["id"], "--by", "Ana Ruiz", "--reason", "the customer said no", "--yes", "--json")
    dropped = installed.run(*drop).json

    told = installed.sync()

    assert dropped["held_by_runs"] == [first["run"]]
    keys = {one.key for type in ("opportunity", "task") for one in installed.side.ours(type)}
    assert {one["key"] for one in parked[1:]} <= keys
    assert not keys & set(dropped["held"])
    assert told["delivered"]["waiting"] == 0
    assert installed.run("undo", first["run"], "--release", "--yes", "--json").code == 0
    installed.sync()
    assert set(dropped["held"]) <= {one.key for type in ("opportunity", "task") for one in installed.side.ours(type)}


def test_a_refused_update_is_not_forgotten(synced: World) -> None:
    """Retried, it goes out with the next job, even one that scores nothing; no run before says success."""
    make_news(synced)
    with a_rule_against("update"):
        assert synced.run("sync", "--json").code == 3
        still = synced.run("sync", "--json")
    assert (still.code, still.json["delivered"]["parked"]) == (3, still.json["plan"]["update"])
    parked = synced.run("outbox", "list", "--code", RULE, "--json").json["entries"]
    assert parked
    retried = synced.run("outbox", "retry", "--code", RULE, "--yes", "--json").json["retried"]
    assert retried == [one["id"] for one in parked]

    synced.stages()

    assert synced.run("outbox", "list", "--json").json["entries"] == []
    trail = synced.run("audit", "list", "--limit", "500", "--json").json["records"]
    updated = {one["subject"] for one in trail if one["act"] == "write" and one["values"]["action"] == "update"}
    assert {one["key"] for one in parked} <= updated
