"""`mode: shadow`: everything is decided, nothing is written, and no field of ours has to exist.

Two things make it safe. The writer, the bulk jobs and the setup of the CRM are swapped for ones that refuse, where the
connection is made, so no command reaches the real ones. And a run ends before delivery: it opens no episode and agrees
to no destination. What it would have done is kept as a plan of its own kind, which nobody can apply.

A pilot begins before anything is installed: what `connector install` and the admin would make (fields, pipeline,
stages) is read as if it stood there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NoReturn

from connector.domain.account import Owner
from connector.domain.change import (
    Abilities,
    Among,
    CrmRecord,
    Destination,
    FieldSpec,
    FieldType,
    Outcome,
    RecordType,
    Ref,
    Schema,
    Stage,
    StageEntry,
    Verb,
    Write,
)
from connector.domain.episode import Episode
from connector.domain.errors import MendError
from connector.domain.installation import SetupStep, Wanted, wanted_fields
from connector.domain.mapping import CrmMapping
from connector.domain.occupied import Crm as CrmSide
from connector.domain.occupied import OpenEpisode, SaveTask
from connector.domain.play import SAVE, is_proposal
from connector.domain.project import Project
from connector.domain.routing import place_field, place_of, routes_of, stage_in
from connector.ports.crm import Crm, CrmFeed, CrmReader, CrmRemoval, CrmSetup, CrmWriter
from connector.ports.ledger import Plans, PlanStatus
from connector.services.customers import Day
from connector.services.scope import POLICY

STANDS = timedelta(days=30)
"""So long a proposal of a shadow run counts as open: people would have won or lost it by then."""


def is_shadow(rules: Project) -> bool:
    """Say whether the policy forbids every write."""
    return rules.policy.mode == "shadow"


def refuse_in_shadow(rules: Project, deed: str) -> None:
    """Raise MendError in shadow mode; `deed` says what would have been done."""
    if is_shadow(rules):
        _refuse(rules.at(POLICY, "mode"), deed)


def _refuse(at: str, deed: str) -> NoReturn:
    raise MendError(
        f"mode is shadow, which writes nothing: {deed} was refused",
        at=at,
        hint="`connector pilot report` shows what it would have done; `mode: live` lets it write",
    )


def write_protected(crm: Crm, rules: Project) -> Crm:
    """Give a connection that can read and not write, in shadow mode."""
    if not is_shadow(rules):
        return crm
    at = rules.at(POLICY, "mode")
    removal = _NoRemoval(crm.removal, at) if crm.removal is not None else None
    return replace(crm, writer=_NoWriter(crm.writer, at), setup=_NoSetup(crm.setup, at), bulk=None, removal=removal)


def as_if_installed(crm: Crm, mapping: CrmMapping) -> Crm:
    """Give a connection that shows our fields, pipeline and stages whether or not they are there."""
    wanted = wanted_fields(mapping)
    reader = _AsIfReader(crm.reader, wanted, mapping.opportunity.key, place_field(mapping.opportunity))
    return replace(crm, reader=reader, feed=_AsIfFeed(crm.feed, crm.reader, mapping), setup=_AsIfSetup(crm.setup))


def with_earlier(
    side: CrmSide, plans: Plans, destination: str, lived: Iterable[Episode], now: datetime, day: Day
) -> CrmSide:
    """Let what earlier shadow runs proposed count for the caps, as it would if it had been written.

    `lived`: episodes of the ledger; a need that became one since is told by that one.
    """
    real = {episode.key for episode in lived}
    first: dict[str, Episode] = {}
    for stored in reversed(plans.list(destination, [PlanStatus.SHADOW])):
        if stored.plan.created_at >= now - STANDS:
            for episode in stored.plan.episodes:
                first.setdefault(episode.key, episode)
    contexts = dict(side.contexts)
    for episode in (one for key, one in first.items() if key not in real):
        here = contexts.get(episode.account_id)
        if here is not None and episode.need == SAVE:
            contexts[episode.account_id] = replace(here, saves=(*here.saves, SaveTask(day(episode.opened_at))))
        elif (
            here is not None
            and is_proposal(episode.need)
            and episode.need not in {one.need for one in here.open_episodes}
        ):
            opened = OpenEpisode(episode.need, day(episode.opened_at), episode.offer)
            contexts[episode.account_id] = replace(here, open_episodes=(*here.open_episodes, opened))
    return replace(side, contexts=contexts)


@dataclass(frozen=True)
class _NoWriter:
    inner: CrmWriter
    at: str

    def batch_size(self, verb: Verb, type: RecordType) -> int:
        return self.inner.batch_size(verb, type)

    def write(self, batch: Sequence[Write]) -> list[Outcome]:
        _refuse(self.at, f"a write of {len(batch)} records")


@dataclass(frozen=True)
class _NoSetup:
    inner: CrmSetup
    at: str

    def missing(self, wanted: Wanted) -> dict[RecordType, list[str]]:
        return self.inner.missing(wanted)

    def survey(self, wanted: Wanted, with_pipeline: bool = False) -> list[SetupStep]:
        return self.inner.survey(wanted, with_pipeline)

    def install(self, wanted: Wanted, with_pipeline: bool = False) -> list[SetupStep]:  # noqa: ARG002 - never done
        _refuse(self.at, f"the installation of {sum(map(len, wanted.values()))} fields")

    def advice(self, wanted: Wanted) -> list[str]:
        return self.inner.advice(wanted)


@dataclass(frozen=True)
class _NoRemoval:
    inner: CrmRemoval
    at: str

    def survey(self, wanted: Wanted) -> list[SetupStep]:
        return self.inner.survey(wanted)

    def remove(self, wanted: Wanted) -> list[SetupStep]:
        _refuse(self.at, f"the removal of {sum(map(len, wanted.values()))} fields")


@dataclass(frozen=True)
class _AsIfSetup:
    inner: CrmSetup

    def missing(self, wanted: Wanted) -> dict[RecordType, list[str]]:
        return {type: [] for type in wanted}

    def survey(self, wanted: Wanted, with_pipeline: bool = False) -> list[SetupStep]:
        return self.inner.survey(wanted, with_pipeline)

    def install(self, wanted: Wanted, with_pipeline: bool = False) -> list[SetupStep]:
        return self.inner.install(wanted, with_pipeline)

    def advice(self, wanted: Wanted) -> list[str]:
        return self.inner.advice(wanted)


@dataclass(frozen=True)
class _AsIfReader:
    inner: CrmReader
    wanted: Wanted
    key: str
    place: str | None
    """The field that tells where an opportunity is: there is none before the first record type is made."""

    def destination(self) -> Destination:
        return self.inner.destination()

    def abilities(self) -> Abilities:
        return self.inner.abilities()

    def schema(self, type: RecordType) -> Schema:
        real = self.inner.schema(type)
        ours = {
            name: FieldSpec(name, field.type, field.label, field.length, unique=field.unique)
            for name, field in self.wanted.get(type, {}).items()
        }
        if type is RecordType.OPPORTUNITY and self.place is not None:
            ours[self.place] = FieldSpec(self.place, FieldType.REFERENCE)
        return Schema(type, {**ours, **real.fields})

    def read(
        self, type: RecordType, ids: Sequence[str], names: Sequence[str], links: bool = True
    ) -> dict[str, CrmRecord]:
        return self.inner.read(type, ids, _real(self.inner, type, names), links)

    def find(
        self,
        type: RecordType,
        keys: Sequence[str],
        names: Sequence[str],
        near: Mapping[str, Sequence[Ref]] | None = None,
        among: Among = Among.ALL,
    ) -> dict[str, CrmRecord]:
        if self.key not in self.inner.schema(RecordType.OPPORTUNITY).fields:
            return {}  # nothing of ours was ever written here
        return self.inner.find(type, keys, _real(self.inner, type, names), near, among)


@dataclass(frozen=True)
class _AsIfFeed:
    inner: CrmFeed
    reader: CrmReader
    mapping: CrmMapping

    def changed(self, type: RecordType, names: Sequence[str], since: datetime | None) -> Iterator[CrmRecord]:
        return self.inner.changed(type, _real(self.reader, type, names), since)

    def owners(self) -> list[Owner]:
        return self.inner.owners()

    def stages(self) -> list[Stage]:
        """List the real stages, then those that the mapping names and nobody made yet."""
        real = self.inner.stages()
        missing: dict[tuple[str, str], Stage] = {}
        for route in routes_of(self.mapping.opportunity):
            where = place_of(route) or ""
            for ours, label in route.stages.items():
                if stage_in(route, ours, real) is None:
                    is_end = ours in ("won", "lost", "withdrawn")
                    missing[where, label] = Stage(label, label, where, is_end, ours == "won", False)
        return [*real, *missing.values()]

    def stage_history(self, ids: Sequence[str]) -> dict[str, tuple[StageEntry, ...]]:
        return self.inner.stage_history(ids)


def _real(reader: CrmReader, type: RecordType, names: Sequence[str]) -> list[str]:
    known = reader.schema(type).fields
    return [name for name in names if name in known]
