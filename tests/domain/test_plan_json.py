"""A plan survives its JSON."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector.domain.change import Cause, Change, FieldChange, Link, Plan, Policy, RecordType, Ref
from connector.domain.episode import Episode, EpisodeState
from connector.domain.errors import SourceDataError
from connector.domain.hold import Hold
from connector.domain.plan_json import plan_from_json, plan_to_json

names = st.text(max_size=6)
scalars = st.one_of(st.none(), names)
moments = st.datetimes(timezones=st.just(UTC))
types = st.sampled_from(RecordType)
field_change = st.builds(
    FieldChange, names, scalars, scalars, st.sampled_from(Policy), st.sampled_from(Cause), st.sampled_from(["", "r1"])
)
field_changes = st.lists(field_change, max_size=2).map(tuple)
links = st.lists(st.builds(Link, names, names, st.builds(Ref, types, scalars, scalars)), max_size=2).map(tuple)
changes = st.builds(
    Change,
    id=names,
    action=st.sampled_from(["create", "update", "close", "unchanged", "held", "associate"]),
    type=types,
    key=names,
    account_id=names,
    title=names,
    reason=names,
    crm_id=scalars,
    fields=field_changes,
    links=links,
    why=scalars,
    value=st.integers(-(2**62), 2**62),
    read_at=st.one_of(st.none(), moments),
    handed_over=field_changes,
    theirs=field_changes,
    agreed=field_changes,
)
episodes = st.builds(
    Episode,
    key=names,
    account_id=names,
    need=names,
    ordinal=st.integers(1, 9),
    opened_at=moments,
    state=st.sampled_from(EpisodeState),
    closed_at=st.one_of(st.none(), moments),
    offer=scalars,
    play=scalars,
    brief=st.dictionaries(names, st.one_of(st.integers(), names, st.lists(names)), max_size=2),
    silent_on=st.lists(moments.map(datetime.date), max_size=2).map(tuple),
)
plans = st.builds(
    Plan,
    run_id=names,
    job=names,
    destination=names,
    created_at=moments,
    config_hash=names,
    schema_hash=names,
    schema_fields=st.lists(names, max_size=2).map(tuple),
    ledger_epoch=names,
    changes=st.lists(changes, max_size=3).map(tuple),
    calls=st.integers(0, 9),
    whole=st.booleans(),
    episodes=st.lists(episodes, max_size=2).map(tuple),
    holds=st.lists(st.builds(Hold, names, names, names, names, moments), max_size=2).map(tuple),
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(plan=plans)
def test_a_plan_reads_back_as_written(plan: Plan) -> None:
    """Writing a plan and reading it gives the same plan."""
    assert plan_from_json(plan_to_json(plan)) == plan


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": 1}', '{"version": 1, "changes": [{"type": "cow"}]}'])
def test_what_is_no_plan_is_refused(text: str) -> None:
    """Anything else is refused with a cure, not with a traceback."""
    with pytest.raises(SourceDataError, match="make the plan again"):
        plan_from_json(text)


@given(plan=plans)
@settings(max_examples=1, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_a_plan_of_another_version_is_refused(plan: Plan) -> None:
    """A later format is not misread."""
    document = json.loads(plan_to_json(plan)) | {"version": 99}

    with pytest.raises(SourceDataError, match="version 99"):
        plan_from_json(json.dumps(document))
