"""Facts of the CRM contract about creating, updating and associating."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

from connector.domain.change import Verdict, Write
from connector.testing.contracts.crm_world import (
    ACCOUNT,
    OPPORTUNITY,
    TASK,
    World,
    associated,
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


class WritingContract:
    """Creating, updating and associating."""

    def test_same_key_twice_leaves_one_record(self, world: World) -> None:
        """Delivering one idempotency key twice leaves one record, and both writes learn its id."""
        write = opportunity(world, new_key())

        outcomes = world.crm.writer.write([write, replace(write, entry="again")])
        later = world.crm.writer.write([replace(write, entry="much later")])

        assert {one.verdict for one in [*outcomes, *later]} == {Verdict.OK}
        assert len({one.crm_id for one in [*outcomes, *later]}) == 1
        assert world.alive(OPPORTUNITY, str(write.key)) == 1

    def test_the_first_create_says_so(self, world: World) -> None:
        """A create that made a record says so; one that found its own record does not."""
        write = opportunity(world, new_key())

        [first] = world.crm.writer.write([write])
        [second] = world.crm.writer.write([write])

        assert (first.created, second.created) == (True, False)

    def test_written_values_are_read_back(self, world: World) -> None:
        """Numbers, days, booleans and texts are read as the canonical text that was written."""
        wanted = world.mapping.opportunity
        managed = next(name for name in wanted.fields if name.lower().startswith("expansion_managed"))
        fields = {
            wanted.name: "Café Zürich – « Pro »",
            wanted.amount: "1234.5",
            wanted.close_date: day(world, wanted.close_date, "2027-02-28"),
            managed: "true",
        }
        write = opportunity(world, new_key())
        crm_id = created(world, replace(write, fields={**write.fields, **fields}))

        record = read_one(world.crm, OPPORTUNITY, crm_id, *fields)

        assert record.fields == fields
        assert not record.archived
        assert record.created_at is not None

    def test_what_an_answer_shows_is_canonical(self, world: World) -> None:
        """An adapter that shows what it wrote shows only fields that were sent, in canonical form."""
        write = opportunity(world, new_key(), amount="1500.50")

        [outcome] = world.crm.writer.write([write])

        if world.crm.reader.abilities().shows_writes:
            assert set(outcome.shown) == set(write.fields)
            assert outcome.shown[world.mapping.opportunity.amount] == "1500.5"
        else:
            assert outcome.shown == {}

    def test_each_record_of_a_batch_has_its_own_outcome(self, world: World) -> None:
        """A record that is refused says why, which field and what to do; its neighbours are written."""
        good = [opportunity(world, new_key()) for _ in range(3)]
        bad = opportunity(world, new_key(), owner=world.nobody)

        outcomes = by_entry(world.crm.writer.write([good[0], bad, *good[1:]]))

        assert {outcomes[one.entry].verdict for one in good} == {Verdict.OK}
        refused = outcomes[bad.entry]
        assert refused.verdict is Verdict.REJECTED
        assert refused.field == world.mapping.opportunity.owner
        assert refused.code
        assert refused.message
        assert world.alive(OPPORTUNITY, str(bad.key)) == 0

    def test_an_update_changes_only_what_it_sends(self, world: World) -> None:
        """An update by id leaves every other field as it is."""
        wanted = world.mapping.opportunity
        write = opportunity(world, new_key())
        crm_id = created(world, write)

        [outcome] = world.crm.writer.write([update(write, crm_id, {wanted.amount: "99"})])

        assert (outcome.verdict, outcome.crm_id, outcome.created) == (Verdict.OK, crm_id, False)
        names = (wanted.name, wanted.amount, wanted.close_date, wanted.stage)
        assert read_one(world.crm, OPPORTUNITY, crm_id, *names).fields == {
            **{name: write.fields[name] for name in names},
            wanted.amount: "99",
        }

    def test_none_clears_a_field(self, world: World) -> None:
        """A None that is sent empties the field."""
        amount = world.mapping.opportunity.amount
        write = opportunity(world, new_key())
        crm_id = created(world, write)

        world.crm.writer.write([update(write, crm_id, {amount: None})])

        assert read_one(world.crm, OPPORTUNITY, crm_id, amount).fields == {amount: None}

    def test_an_unknown_field_is_refused_unsent(self, world: World) -> None:
        """A field that does not exist refuses its own record, and never reaches the wire."""
        good = opportunity(world, new_key())
        bad = opportunity(world, new_key())
        bad = replace(bad, fields={**bad.fields, "no_such_field__c": "x"})

        outcomes = by_entry(world.crm.writer.write([good, bad]))

        assert outcomes[good.entry].verdict is Verdict.OK
        assert outcomes[bad.entry].verdict is Verdict.REJECTED
        assert outcomes[bad.entry].field == "no_such_field__c"
        assert outcomes[bad.entry].hint
        assert not world.was_sent("no_such_field__c")

    def test_a_read_only_field_is_refused_unsent(self, world: World) -> None:
        """A field that our user cannot write refuses its record before anything is sent."""
        write = opportunity(world, new_key())

        [outcome] = world.crm.writer.write([replace(write, fields={**write.fields, world.read_only: "true"})])

        assert (outcome.verdict, outcome.field) == (Verdict.REJECTED, world.read_only)
        assert world.alive(OPPORTUNITY, str(write.key)) == 0

    def test_a_value_of_another_type_is_refused(self, world: World) -> None:
        """A text in a number field refuses its own record, with the field's name."""
        amount = world.mapping.opportunity.amount
        bad, good = opportunity(world, new_key(), amount="a lot"), opportunity(world, new_key())

        outcomes = by_entry(world.crm.writer.write([bad, good]))

        assert (outcomes[bad.entry].verdict, outcomes[bad.entry].field) == (Verdict.REJECTED, amount)
        assert outcomes[good.entry].verdict is Verdict.OK

    def test_a_big_batch_is_cut_into_calls(self, world: World) -> None:
        """More writes than a call carries are cut into calls; every one is written once."""
        size = world.crm.writer.batch_size("create", OPPORTUNITY)
        template = opportunity(world, new_key())
        numbers = count()
        writes = [replace(template, key=new_key(), entry=f"n{next(numbers)}") for _ in range(size + 1)]
        world.write_sizes()

        outcomes = by_entry(world.crm.writer.write(writes))

        assert {one.verdict for one in outcomes.values()} == {Verdict.OK}
        assert len({one.crm_id for one in outcomes.values()}) == size + 1
        assert world.write_sizes() == [size, 1]

    def test_updating_a_deleted_record_is_an_outcome(self, world: World) -> None:
        """An update of a record that a person deleted is refused for that record, and raises nothing."""
        write = opportunity(world, new_key())
        other = opportunity(world, new_key())
        crm_id, other_id = created(world, write), created(world, other)
        world.person_archives(OPPORTUNITY, crm_id)
        fields = {world.mapping.opportunity.amount: "7"}

        outcomes = world.crm.writer.write([update(write, crm_id, fields), update(other, other_id, fields)])

        assert [by_entry(outcomes)[f"{one.entry}-update"].verdict for one in (write, other)] == [
            Verdict.REJECTED,
            Verdict.OK,
        ]

    def test_links_are_seen(self, world: World) -> None:
        """A record is linked to its account, and a task to its opportunity, however the links travel."""
        account = world.account("Linked")
        write = opportunity(world, new_key())
        if OPPORTUNITY in world.crm.reader.abilities().inline_links:
            write = replace(write, links=(link(world, OPPORTUNITY, "account", account),))
        deal = created(world, write)
        told = associated(world, OPPORTUNITY, deal, {"account": account})
        roles = {"account": account, "opportunity": deal}
        task = created(world, linked_task(world, new_key(), roles))
        told += associated(world, TASK, task, roles)

        assert {one.verdict for one in told} <= {Verdict.OK}
        assert read_one(world.crm, OPPORTUNITY, deal).links["account"] == (account,)
        assert dict(read_one(world.crm, TASK, task).links) == {"account": (account,), "opportunity": (deal,)}

    def test_linking_to_nothing_is_refused(self, world: World) -> None:
        """A link to a record that is not there is refused alone."""
        there, gone = world.account("Here"), world.account("Gone")
        world.person_archives(ACCOUNT, gone)
        deals = [created(world, opportunity(world, new_key())) for _ in range(2)]

        outcomes = by_entry(
            world.crm.writer.write(
                [
                    Write(
                        f"link-{i}",
                        "associate",
                        OPPORTUNITY,
                        None,
                        deal,
                        {},
                        (link(world, OPPORTUNITY, "account", to),),
                    )
                    for i, (deal, to) in enumerate(zip(deals, (there, gone), strict=True))
                ]
            )
        )

        assert outcomes["link-0"].verdict is Verdict.OK
        assert outcomes["link-1"].verdict is Verdict.REJECTED
