"""Facts of the CRM contract about networks, limits and locks, and about our own fields."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connector.domain.change import RecordType, Verdict
from connector.domain.errors import BudgetSpentError, CredentialError, UnreachableError
from connector.testing.contracts.crm_world import (
    OPPORTUNITY,
    TASK,
    World,
    linked_task,
    new_key,
    opportunity,
)


class MishapContract:
    """Networks, limits and locks."""

    @pytest.mark.parametrize("type", [OPPORTUNITY, TASK])
    def test_a_lost_answer_is_unknown_until_looked_up(self, world: World, type: RecordType) -> None:
        """When the answer to a create is lost its outcome is unknown, and find tells that it landed."""
        key = new_key()
        account = world.account("Lost")
        write = opportunity(world, key) if type is OPPORTUNITY else linked_task(world, key, {"account": account})
        world.misbehave("lost_answer")

        [outcome] = world.crm.writer.write([write])

        assert outcome.verdict is Verdict.UNKNOWN
        assert world.alive(type, key) == 1
        assert set(world.crm.reader.find(type, [key], ())) == {key}

    def test_a_broken_server_is_unknown_and_not_repeated(self, world: World) -> None:
        """A 5xx answer to a write proves nothing: it is unknown, and the write is not sent again."""
        write = opportunity(world, new_key())
        world.write_sizes()
        world.misbehave("server_error")

        [outcome] = world.crm.writer.write([write])

        assert outcome.verdict is Verdict.UNKNOWN
        assert world.write_sizes() == [1]

    def test_a_locked_record_may_be_sent_again(self, world: World) -> None:
        """A lock that does not go away proves that nothing was written."""
        write = opportunity(world, new_key())
        world.misbehave("locked")

        [outcome] = world.crm.writer.write([write])

        assert outcome.verdict is Verdict.RETRY
        assert world.alive(OPPORTUNITY, str(write.key)) == 0

    def test_a_spent_quota_defers_every_write(self, world: World) -> None:
        """Once the day's quota is spent every write is deferred, and reading says to come back later."""
        size = world.crm.writer.batch_size("create", OPPORTUNITY)
        template = opportunity(world, new_key())
        writes = [replace(template, key=new_key(), entry=f"q{i}") for i in range(size + 1)]
        world.write_sizes()
        world.misbehave("quota")

        outcomes = world.crm.writer.write(writes)

        assert {one.verdict for one in outcomes} == {Verdict.DEFER}
        assert world.write_sizes() == [size]
        with pytest.raises(BudgetSpentError):
            world.crm.reader.find(OPPORTUNITY, [new_key()], ())

    def test_refused_credentials_are_for_a_person(self, world: World) -> None:
        """Refused credentials raise an error that says what to mend; writes are deferred."""
        write = opportunity(world, new_key())
        crm = world.with_bad_credentials()

        with pytest.raises(CredentialError, match="refused the credentials"):
            crm.reader.destination()
        assert [one.verdict for one in crm.writer.write([write])] == [Verdict.DEFER]

    def test_a_host_that_is_down_is_for_later(self, world: World) -> None:
        """A host that does not answer raises an error to try again later; writes are proven unsent."""
        write = opportunity(world, new_key())
        crm = world.unreachable()

        with pytest.raises(UnreachableError):
            crm.reader.destination()
        assert [one.verdict for one in crm.writer.write([write])] == [Verdict.DEFER]


class SetupContract:
    """Our own fields."""

    def test_missing_names_what_is_missing(self, world: World) -> None:
        """Before the installation every wanted field is named as missing, afterwards none."""
        crm = world.uninstalled()
        wanted = {RecordType(type): fields for type, fields in world.mapping.install.items()}

        before = crm.setup.missing(wanted)
        crm.setup.install(wanted)

        assert before == {type: list(fields) for type, fields in wanted.items()}
        assert crm.setup.missing(wanted) == {}

    def test_a_second_installation_does_nothing(self, world: World) -> None:
        """Installing twice changes nothing the second time, and says so by saying nothing."""
        crm = world.uninstalled()
        wanted = {RecordType(type): fields for type, fields in world.mapping.install.items()}

        first, second = crm.setup.install(wanted), crm.setup.install(wanted)

        assert first
        assert second == []

    def test_fields_of_ours_may_be_read_before_they_exist(self, world: World) -> None:
        """Before the installation our own fields read as empty, so that a first plan needs no write."""
        crm = world.uninstalled()
        name = world.mapping.opportunity.key

        assert list(crm.feed.changed(OPPORTUNITY, [name], None)) == []
        assert crm.reader.find(OPPORTUNITY, [new_key()], [name]) == {}
        assert OPPORTUNITY not in crm.reader.abilities().keyed

    def test_only_what_is_missing_is_installed(self, world: World) -> None:
        """A field that exists is left as it is; one more wanted field is created alone."""
        crm = world.uninstalled()
        all_of_them = dict(world.mapping.install["opportunity"])
        late = list(all_of_them)[-1]
        early = {name: field for name, field in all_of_them.items() if name != late}
        crm.setup.install({OPPORTUNITY: early})

        done = crm.setup.install({OPPORTUNITY: all_of_them})

        assert all(late in str(line) for line in done)
        assert done
