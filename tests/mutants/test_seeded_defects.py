"""The proof proves something: each of three defects, seeded on purpose, is found by the state machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from connector.adapters.crms.hubspot import write as hubspot_write
from connector.domain.change import Outcome, Verdict, Write
from connector.domain.outbox import DeliveryState, OutboxEntry
from connector.services import bulk, deliver, send
from connector.services.readback import known_after
from connector.services.session import Session
from tests.machine.machine import Delivery
from tests.machine.place import FLAVOURS, served
from tests.machine.storms import LOST_ANSWERS, LOST_REQUESTS

EXAMPLES, STEPS = 20, 8


@contextmanager
def receipt_before_write() -> Iterator[None]:
    """What is sent is noted as delivered, with its receipt, before the CRM has answered."""
    settle = send.settle

    def early(session: Session, entries: Sequence[OutboxEntry] = (), *rest: Any, **others: Any) -> None:
        commit(session, entries, *rest, **others)
        sending = [one for one in entries if one.state is DeliveryState.SENDING and one.crm_id is not None]
        if sending:
            done = [one.delivered(one.crm_id) for one in sending]
            known = [known_after(session, one, str(one.crm_id), one.sent) for one in sending]
            deeds = [session.deed(one, one.crm_id, session.at()) for one in sending]
            commit(session, done, known, deeds=deeds)

    def late(session: Session, sending: Sequence[OutboxEntry], answers: Sequence[Outcome]) -> None:
        left = [one for one in sending if session.entries[one.id].state is DeliveryState.SENDING]
        settle(session, left, answers)

    commit = Session.commit
    with patch.object(Session, "commit", early), patch.object(send, "settle", late), patch.object(bulk, "settle", late):
        yield


@contextmanager
def bare_create_is_retried() -> Iterator[None]:
    """A write whose answer was lost is sent again, and nobody looks whether it landed."""

    def blindly(session: Session, entries: Sequence[OutboxEntry]) -> None:
        session.commit([entry.to(DeliveryState.PENDING) for entry in entries])

    with ExitStack() as stack:
        for module in (deliver, send):
            stack.enter_context(patch.object(module, "resolve", blindly))
        yield


@contextmanager
def results_by_index() -> Iterator[None]:
    """The n-th result of a batch is taken for the n-th write's."""

    def outcomes(answer: Any, writes: Sequence[Write]) -> list[Outcome]:
        rows = list({id(row): row for row in answer._results.values()}.values())
        if len(rows) != len(writes):
            return by_name(answer, writes)
        return [
            Outcome(
                write.entry,
                Verdict.OK,
                crm_id=str(row["id"]),
                shown=answer._translator.shown(row["properties"], write.fields),
            )
            for write, row in zip(writes, rows, strict=True)
        ]

    by_name = hubspot_write._Answer.outcomes
    with patch.object(hubspot_write._Answer, "outcomes", outcomes):
        yield


@dataclass(frozen=True)
class Defect:
    """What is wrong, where it hurts, and what goes wrong there with a fifth of all calls."""

    seeded: Callable[[], AbstractContextManager[None]]
    flavour: str
    storms: Sequence[dict[str, Any]] = ()


DEFECTS = {
    "receipt before write": Defect(receipt_before_write, "hubspot", LOST_REQUESTS),
    "retry of a bare create": Defect(bare_create_is_retried, "salesforce, tasks without keys", LOST_ANSWERS),
    "results matched by index": Defect(results_by_index, "hubspot"),
}


@pytest.mark.parametrize("name", DEFECTS)
def test_the_machine_finds_a_seeded_defect(name: str) -> None:
    """Within a small budget of sequences one of the truths is broken."""
    defect = DEFECTS[name]
    with served(FLAVOURS[defect.flavour]) as place, defect.seeded():
        machine = seed(1)(type("Delivery", (Delivery,), {"place": place, "storms": defect.storms}))
        with pytest.raises(AssertionError) as found:
            run_state_machine_as_test(machine, settings=small())

    assert any(file in str(found.traceback) for file in ("truths.py", "machine.py"))


def small() -> settings:
    """Stop at the first failure, and do not look for a smaller one."""
    return settings(
        max_examples=EXAMPLES,
        stateful_step_count=STEPS,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
