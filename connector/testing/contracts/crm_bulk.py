"""Facts of the CRM contract about jobs, for an adapter whose `Crm.bulk` is there.

Subclass `BulkContract` beside `CrmContract`; its world can also make a job meet a mishap (`BulkWorld`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, Protocol

import pytest

from connector.domain.change import Outcome, Verdict, Write
from connector.domain.errors import LaterError
from connector.ports.crm import CrmBulk
from connector.testing.contracts.crm_world import (
    OPPORTUNITY,
    TASK,
    World,
    by_entry,
    created,
    day,
    link,
    linked_task,
    new_key,
    opportunity,
    read_one,
    update,
)

JobMishap = Literal["lost_creation", "lost_upload", "lost_start", "takes_its_time"]
MANY = 1_000_000
_MOST_LOOKS = 20


class BulkWorld(World, Protocol):
    """A world whose jobs can go wrong."""

    def job_meets(self, mishap: JobMishap) -> None:
        """Lose the next answer of a kind (the work is done), or let jobs run for an hour."""
        ...


def bulk_of(world: World) -> CrmBulk:
    """Give the jobs' role, which must be there."""
    assert world.crm.bulk is not None
    return world.crm.bulk


def waited_for(world: World, job: str, writes: Sequence[Write]) -> dict[str, Outcome]:
    """Ask a job until it has ended."""
    for _ in range(_MOST_LOOKS):
        outcomes = bulk_of(world).outcomes(job, writes)
        if outcomes is not None:
            return by_entry(outcomes)
        world.later(1)
    raise AssertionError(f"job {job} does not end")


def carried_out(world: World, writes: Sequence[Write]) -> dict[str, Outcome]:
    """Carry writes out as one job; give every outcome."""
    job, left_out = bulk_of(world).begin(writes)
    bulk_of(world).start(job)
    gone = {one.entry for one in left_out}
    told = waited_for(world, job, [write for write in writes if write.entry not in gone])
    return told | by_entry(left_out)


class BulkContract:
    """Many writes as one job."""

    def test_few_writes_are_no_job(self, world: BulkWorld) -> None:
        """Batches serve a few writes; of very many, a job carries a bounded number."""
        size = bulk_of(world).size

        assert size("update", OPPORTUNITY, 100) == 0
        assert 2_000 < size("update", OPPORTUNITY, MANY) < MANY
        assert size("create", OPPORTUNITY, MANY) > 0
        assert size("associate", TASK, MANY) > 0

    def test_every_row_has_its_own_fate(self, world: BulkWorld) -> None:
        """Each write of a job learns its own record's id, in whatever order results come."""
        writes = [opportunity(world, new_key(), name=f"Row {i}") for i in range(30)]

        outcomes = carried_out(world, writes)

        name = world.mapping.opportunity.name
        found = world.crm.reader.find(OPPORTUNITY, [str(one.key) for one in writes], [name])
        assert {one.verdict for one in outcomes.values()} == {Verdict.OK}
        for write in writes:
            record = found[str(write.key)]
            assert (outcomes[write.entry].crm_id, outcomes[write.entry].created) == (record.id, True)
            assert record.fields[name] == write.fields[name]

    def test_one_poison_row_is_refused_alone(self, world: BulkWorld) -> None:
        """A row that the CRM refuses says why and which field; every other row is written."""
        writes = [opportunity(world, new_key()) for _ in range(20)]
        writes[7] = opportunity(world, new_key(), owner=world.nobody)

        outcomes = carried_out(world, writes)

        refused = outcomes.pop(writes[7].entry)
        assert {one.verdict for one in outcomes.values()} == {Verdict.OK}
        assert len(outcomes) == 19
        assert refused.verdict is Verdict.REJECTED
        assert refused.field == world.mapping.opportunity.owner
        assert refused.code
        assert refused.message
        assert refused.hint
        assert world.alive(OPPORTUNITY, str(writes[7].key)) == 0

    def test_a_job_repeated_leaves_one_record(self, world: BulkWorld) -> None:
        """Carrying out one create in two jobs leaves one record, and only the first made it."""
        write = opportunity(world, new_key())

        [first] = carried_out(world, [write]).values()
        [second] = carried_out(world, [replace(write, entry="again")]).values()

        assert (first.created, second.created) == (True, False)
        assert first.crm_id == second.crm_id
        assert world.alive(OPPORTUNITY, str(write.key)) == 1

    def test_a_job_updates_by_id(self, world: BulkWorld) -> None:
        """An update in a job changes what it sends, empties what is None, and leaves everything else."""
        wanted = world.mapping.opportunity
        writes = [opportunity(world, new_key()) for _ in range(2)]
        ids = [created(world, write) for write in writes]
        changes = [update(writes[0], ids[0], {wanted.amount: None}), update(writes[1], ids[1], {wanted.name: 'A, "B"'})]

        outcomes = carried_out(world, changes)

        names = (wanted.name, wanted.amount, wanted.close_date)
        assert [(outcomes[one.entry].verdict, outcomes[one.entry].crm_id) for one in changes] == [
            (Verdict.OK, one) for one in ids
        ]
        for crm_id, write, changed in zip(ids, writes, changes, strict=True):
            expected = {**{name: write.fields[name] for name in names}, **changed.fields}
            assert read_one(world.crm, OPPORTUNITY, crm_id, *names).fields == expected

    def test_a_job_carries_every_kind_of_value(self, world: BulkWorld) -> None:
        """Numbers, days and booleans are read as the canonical text that was written."""
        wanted = world.mapping.opportunity
        managed = next(name for name in wanted.fields if name.lower().startswith("expansion_managed"))
        fields = {
            wanted.name: "Café Zürich – « Pro »; 'x'",
            wanted.amount: "1234567.25",
            wanted.close_date: day(world, wanted.close_date, "2027-02-28"),
            managed: "true",
        }
        write = opportunity(world, new_key())

        [outcome] = carried_out(world, [replace(write, fields={**write.fields, **fields})]).values()

        assert outcome.verdict is Verdict.OK
        assert read_one(world.crm, OPPORTUNITY, str(outcome.crm_id), *fields).fields == fields

    def test_a_job_carries_texts_of_several_lines(self, world: BulkWorld) -> None:
        """Line breaks, quotes and separators in a text arrive as they were written, and the key with them."""
        body, name = world.mapping.task.body, str(world.mapping.task.key)
        texts = ['Why now:\n\n47 of 50 seats, "full";\n- #N/A and ; too', ",", '"', " lead", "x\n=1+1"]
        writes = [linked_task(world, new_key(), {}) for _ in texts]
        writes = [replace(one, fields={**one.fields, body: text}) for one, text in zip(writes, texts, strict=True)]

        outcomes = carried_out(world, writes)

        found = world.crm.reader.find(TASK, [str(one.key) for one in writes], [body, name])
        assert {one.verdict for one in outcomes.values()} == {Verdict.OK}
        assert [(found[str(one.key)].fields[body] or "").strip() for one in writes] == [text.strip() for text in texts]
        assert [found[str(one.key)].fields[name] for one in writes] == [one.key for one in writes]

    def test_what_cannot_be_sent_is_told_at_once(self, world: BulkWorld) -> None:
        """A field that does not exist refuses its own write when the job is made, and never reaches the wire."""
        good, bad = opportunity(world, new_key()), opportunity(world, new_key())
        bad = replace(bad, fields={**bad.fields, "no_such_field__c": "x"})

        job, left_out = bulk_of(world).begin([good, bad])

        assert [(one.entry, one.verdict, one.field) for one in left_out] == [
            (bad.entry, Verdict.REJECTED, "no_such_field__c")
        ]
        assert not world.was_sent("no_such_field__c")
        bulk_of(world).start(job)
        assert waited_for(world, job, [good])[good.entry].verdict is Verdict.OK

    def test_a_job_names_a_record_once(self, world: BulkWorld) -> None:
        """Of two writes to one record the second is left for later: a CRM would refuse both."""
        deal = created(world, opportunity(world, new_key()))
        here, there = world.account("Here"), world.account("There")
        writes = [
            Write(f"{deal}-{i}", "associate", OPPORTUNITY, None, deal, {}, (link(world, OPPORTUNITY, "account", to),))
            for i, to in enumerate((here, there))
        ]

        outcomes = carried_out(world, writes)

        assert [outcomes[one.entry].verdict for one in writes] == [Verdict.OK, Verdict.RETRY]
        assert read_one(world.crm, OPPORTUNITY, deal).links["account"] == (here,)

    def test_nothing_runs_before_it_is_started(self, world: BulkWorld) -> None:
        """A job that was never started has written nothing; asked for, it is ended, and its writes travel again."""
        write = opportunity(world, new_key())
        job, _ = bulk_of(world).begin([write])
        world.later(600)
        before = world.alive(OPPORTUNITY, str(write.key))

        outcomes = bulk_of(world).outcomes(job, [write])

        assert before == 0
        assert [one.verdict for one in outcomes or ()] == [Verdict.RETRY]
        with pytest.raises(LaterError):
            bulk_of(world).start(job)
        world.later(600)
        assert [one.verdict for one in bulk_of(world).outcomes(job, [write]) or ()] == [Verdict.RETRY]
        assert world.alive(OPPORTUNITY, str(write.key)) == 0

    def test_a_job_that_runs_is_waited_for(self, world: BulkWorld) -> None:
        """While a job runs nothing is told of its writes; once it has ended, everything is."""
        write = opportunity(world, new_key())
        world.job_meets("takes_its_time")
        job, _ = bulk_of(world).begin([write])
        bulk_of(world).start(job)

        assert bulk_of(world).outcomes(job, [write]) is None
        world.later(1800)
        assert bulk_of(world).outcomes(job, [write]) is None
        world.later(1801)
        assert [one.verdict for one in bulk_of(world).outcomes(job, [write]) or ()] == [Verdict.OK]

    def test_a_job_that_nobody_knows_leaves_its_writes_unknown(self, world: BulkWorld) -> None:
        """Of a job that the vendor has forgotten nothing can be said: its records have to be read."""
        write = opportunity(world, new_key())
        job, _ = bulk_of(world).begin([write])
        other = job[:-4] + ("0000" if job[-4:] != "0000" else "0001")

        assert [one.verdict for one in bulk_of(world).outcomes(other, [write]) or ()] == [Verdict.UNKNOWN]

    @pytest.mark.parametrize("mishap", ["lost_creation", "lost_upload"])
    def test_a_job_that_may_not_be_whole_never_runs(self, world: BulkWorld, mishap: JobMishap) -> None:
        """When an answer is lost while a job is made, none of its writes is ever carried out."""
        write = opportunity(world, new_key())
        world.job_meets(mishap)

        with pytest.raises(LaterError):
            bulk_of(world).begin([write])

        world.later(3600)
        assert world.alive(OPPORTUNITY, str(write.key)) == 0

    def test_a_job_whose_start_was_lost_tells_what_it_did(self, world: BulkWorld) -> None:
        """When the answer to the start is lost it may run: asked for, it tells that it did."""
        write = opportunity(world, new_key())
        job, _ = bulk_of(world).begin([write])
        world.job_meets("lost_start")

        with pytest.raises(LaterError):
            bulk_of(world).start(job)

        assert waited_for(world, job, [write])[write.entry].verdict is Verdict.OK
        assert world.alive(OPPORTUNITY, str(write.key)) == 1
