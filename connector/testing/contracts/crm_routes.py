"""Facts of the CRM contract about records that go to another pipeline or record type than the rest."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

from connector.domain.change import Stage, Verdict, Write
from connector.domain.mapping import OurStage, Route
from connector.domain.routing import place_field, route_of, routes_of, stage_in
from connector.testing.contracts.crm_world import OPPORTUNITY, World, created, new_key, opportunity, read_one

OUR_STAGES: tuple[OurStage, ...] = get_args(OurStage)


class RouteContract:
    """Two places: what each is called, who is in which, and what is not one of ours."""

    def test_each_place_tells_its_own_stages(self, world: World) -> None:
        """Every stage of every route is resolved in its own place, where the same label may mean another stage."""
        world = world.routed()
        there, here = routes_of(world.mapping.opportunity)

        stages = world.crm.feed.stages()

        assert all(stage_in(route, ours, stages) for route in (there, here) for ours in OUR_STAGES)
        assert _stage(world, there).pipeline != _stage(world, here).pipeline
        assert _stage(world, there, "consult").label == _stage(world, here, "confront").label

    def test_a_record_shows_the_place_it_was_made_in(self, world: World) -> None:
        """Read by id, found by key and given as news, it tells its route and the stage it has there."""
        world = world.routed()
        there, here = routes_of(world.mapping.opportunity)
        names, since = [_field(world), world.mapping.opportunity.stage], world.now()
        one, other = _made(world, there), _made(world, here)
        ids = {created(world, write): (write, route) for write, route in ((one, there), (other, here))}
        world.later(60)

        news = {record.id: record for record in world.crm.feed.changed(OPPORTUNITY, names, since)}

        for id, (write, route) in ids.items():
            found = world.crm.reader.find(OPPORTUNITY, [str(write.key)], names)[str(write.key)]
            for record in (read_one(world.crm, OPPORTUNITY, id, *names), found, news[id]):
                assert route_of(world.mapping.opportunity, record, world.crm.feed.stages()) == route
                assert {name: record.fields[name] for name in names} == {name: write.fields[name] for name in names}

    def test_a_record_that_a_person_moves_shows_its_new_place(self, world: World) -> None:
        """Moved to the other place, it is on that place's route, and the move is news."""
        world = world.routed()
        there, here = routes_of(world.mapping.opportunity)
        crm_id = created(world, _made(world, there))
        world.later(3600)
        since, moved = world.now(), _stage(world, here, "consult")

        world.person_moves(crm_id, moved)

        world.later(60)
        names = [_field(world), world.mapping.opportunity.stage]
        news = {record.id: record for record in world.crm.feed.changed(OPPORTUNITY, names, since)}
        assert news[crm_id].fields == dict(zip(names, (moved.pipeline, moved.id), strict=True))
        assert route_of(world.mapping.opportunity, news[crm_id], world.crm.feed.stages()) == here

    def test_a_place_that_is_not_there_takes_no_record(self, world: World) -> None:
        """The write is rejected for good, with the field, and nothing is made."""
        world = world.routed()
        write = _made(world, routes_of(world.mapping.opportunity)[0])
        nowhere = replace(write, fields={**write.fields, _field(world): world.nowhere})

        [outcome] = world.crm.writer.write([nowhere])

        assert (outcome.verdict, outcome.field) == (Verdict.REJECTED, _field(world))
        assert world.alive(OPPORTUNITY, str(write.key)) == 0


def _field(world: World) -> str:
    name = place_field(world.mapping.opportunity)
    assert name is not None
    return name


def _stage(world: World, route: Route, ours: OurStage = "proposed") -> Stage:
    found = stage_in(route, ours, world.crm.feed.stages())
    assert found is not None
    return found


def _made(world: World, route: Route) -> Write:
    """Make the create of an opportunity in a route's place."""
    first, write = _stage(world, route), opportunity(world, new_key())
    place = {_field(world): first.pipeline, world.mapping.opportunity.stage: first.id}
    return replace(write, fields={**write.fields, **place})
