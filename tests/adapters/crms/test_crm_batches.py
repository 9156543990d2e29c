"""Cutting writes into calls, and what a shared refusal costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from connector.adapters.crms.batches import MOST_CALLS_TO_ISOLATE, Judgement, carry_out
from connector.adapters.crms.http import CallError, RefusedError
from connector.domain.change import Outcome, RecordType, Verdict, Write

SIZE = 10


def write(entry: int, key: str) -> Write:
    return Write(f"e{entry}", "create", RecordType.OPPORTUNITY, key, None, {})


def shared(error: CallError) -> Judgement:
    return Judgement(Verdict.REJECTED, "bad", str(error), is_shared=True)


class Vendor:
    """Takes all of a call or none of it."""

    def __init__(self, bad: set[str]) -> None:
        self.bad = bad
        self.calls: list[list[str]] = []

    def send(self, writes: Sequence[Write]) -> list[Outcome]:
        keys = [str(one.key) for one in writes]
        self.calls.append(keys)
        if self.bad & set(keys):
            raise RefusedError(400, "bad", "one of them")
        return [Outcome(one.entry, Verdict.OK, crm_id=one.key) for one in writes]


@given(st.lists(st.sampled_from("abcdefghijklmnopqrstuvwxyz"), max_size=60), st.sets(st.sampled_from("abc")))
def test_every_write_has_one_outcome_and_only_culprits_are_refused(keys: list[str], bad: set[str]) -> None:
    """Whatever is written, each write has one outcome, no call is too big or names a record twice."""
    writes = [write(i, key) for i, key in enumerate(keys)]
    vendor = Vendor(bad)

    outcomes = carry_out(writes, SIZE, vendor.send, shared)

    told = {one.entry: one.verdict for one in outcomes}
    assert len(outcomes) == len(writes)
    assert told == {one.entry: Verdict.REJECTED if one.key in bad else Verdict.OK for one in writes}
    assert all(len(call) <= SIZE and len(set(call)) == len(call) for call in vendor.calls)


def test_a_batch_that_is_all_bad_costs_a_bounded_number_of_calls() -> None:
    """The search for culprits ends: what it did not reach is proven unwritten and may be sent again."""
    writes = [write(i, f"k{i}") for i in range(200)]
    vendor = Vendor({str(one.key) for one in writes})

    outcomes = carry_out(writes, 200, vendor.send, shared)

    assert len(outcomes) == 200
    assert {one.verdict for one in outcomes} == {Verdict.REJECTED, Verdict.RETRY}
    assert len(vendor.calls) <= MOST_CALLS_TO_ISOLATE * 2


def test_after_a_refusal_for_all_nothing_more_is_sent() -> None:
    """Once a vendor takes nothing more, the remaining calls are not made."""
    writes = [write(i, f"k{i}") for i in range(30)]
    vendor = Vendor({"k0"})

    outcomes = carry_out(writes, SIZE, vendor.send, lambda error: replace(shared(error), verdict=Verdict.DEFER))

    assert [one.verdict for one in outcomes] == [Verdict.DEFER] * 30
    assert len(vendor.calls) == 1


@given(st.integers(0, 199))
def test_one_culprit_is_found_in_few_calls(at: int) -> None:
    """One bad record among two hundred costs two calls a halving: everything else is written."""
    writes = [write(i, f"k{i}") for i in range(200)]
    vendor = Vendor({f"k{at}"})

    outcomes = carry_out(writes, 200, vendor.send, shared)

    assert [one.entry for one in outcomes if one.verdict is Verdict.REJECTED] == [f"e{at}"]
    assert len(vendor.calls) <= 1 + 2 * 8


def test_what_a_person_has_to_mend_always_says_how() -> None:
    """A refusal that nobody foresaw has a cure all the same; what may be sent again needs none."""
    refused, again = Judgement(Verdict.REJECTED, "ODD", "no"), Judgement(Verdict.RETRY, "ODD", "no")

    assert refused.of(write(1, "k")).hint
    assert again.of(write(1, "k")).hint is None
