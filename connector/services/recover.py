"""Reads back from the CRM what a lost ledger knew: our records by their keys, and the episodes behind them.

An opportunity tells its need and episode in fields of ours. A small proposal has no opportunity, only its task, whose
key is a digest: it is found by making the keys of every need of its account anew and comparing. The same tells whose
an opportunity was when the CRM shows no account of a deleted one. What is not in the CRM is not invented: receipts,
briefs and holds stay lost, so every field that may be a person's is left as it was found.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

from connector.domain.change import CrmRecord, Policy, RecordType, Ref, Stage, Why
from connector.domain.episode import Episode, EpisodeState
from connector.domain.keys import episode_key
from connector.domain.mapping import CrmMapping, FieldRule, OpportunityMap
from connector.domain.play import NEGOTIATION, PLAY_NEED, SAVE, play_of
from connector.domain.project import Project, mapping_of
from connector.domain.receipt import Associated, KnownRecord, each_once
from connector.domain.routing import route_of
from connector.ports.crm import CrmFeed
from connector.services.play_tasks import play_task_keys
from connector.services.save_task import only_task_key
from connector.services.world import accounts_of, outcome_of, read_names, survivors

MOST_EPISODES = 12
"""Attempts at one need that are tried when only a key tells of an episode."""


@dataclass(frozen=True)
class Recovered:
    """What the CRM tells. Nothing is stored yet."""

    known: tuple[KnownRecord, ...] = ()
    episodes: tuple[Episode, ...] = ()
    twins: tuple[str, ...] = ()
    """CRM ids of records that carry the key of another one: copies that somebody made. They are left alone."""
    untold: tuple[str, ...] = ()
    """CRM ids of opportunities of ours whose need nothing tells any more; they are known, but count as no attempt."""


@dataclass(frozen=True)
class _Origin:
    """What an episode's key was made of."""

    key: str
    account_id: str
    need: str
    ordinal: int


def recover(feed: CrmFeed, rules: Project, now: datetime) -> Recovered:
    """Read every record of ours that the CRM shows, deleted ones included, and what they tell of episodes."""
    mapping = mapping_of(rules)
    names = [*read_names(mapping, RecordType.OPPORTUNITY), *_told_in(mapping).values()]
    read = feed.changed(RecordType.OPPORTUNITY, list(dict.fromkeys(names)), None)
    opportunities, copies = _by_key(read, mapping.opportunity.key)
    # Without a field to carry it, a task's key is found by the next run, task by task, in its `ref:` line.
    asked = (mapping.task.key, mapping.task.status, *_own_fields(mapping.task.fields))
    read = feed.changed(RecordType.TASK, [name for name in asked if name], None) if mapping.task.key else iter(())
    tasks, more = _by_key((task for task in read if _was_proposed(task, mapping)), mapping.task.key)
    accounts = list(feed.changed(RecordType.ACCOUNT, [mapping.account.name], None))
    every = tuple(feed.stages())
    stages = {stage.id: stage for stage in every if stage.closed}
    closed = [one.id for one in opportunities.values() if one.fields.get(mapping.opportunity.stage) in stages]
    return _Shown(
        rules=rules,
        mapping=mapping,
        now=now,
        opportunities=opportunities,
        tasks=tasks,
        twins=(*copies, *more),
        accounts=tuple(account.id for account in accounts),
        survivors=survivors(accounts),
        stages=every,
        closed_stages=stages,
        closed_at={id: entries[-1].entered_at for id, entries in feed.stage_history(closed).items() if entries},
    ).recovered()


def _own_fields(rules: Mapping[str, FieldRule]) -> list[str]:
    return [name for name, rule in rules.items() if rule.policy is Policy.OWN]


def _was_proposed(task: CrmRecord, mapping: CrmMapping) -> bool:
    """A deleted record that has our key and nothing else of ours is the trace of an installation's probe."""
    own = _own_fields(mapping.task.fields)
    return not task.archived or not own or any(task.fields.get(name) not in (None, "false") for name in own)


def _by_key(records: Iterable[CrmRecord], field: str | None) -> tuple[dict[str, CrmRecord], list[str]]:
    """Keep one record a key, a living one before a deleted one, then the oldest; give the ids of living copies."""
    found: dict[str, CrmRecord] = {}
    copies = []
    for record in records:
        key = record.fields.get(field or "")
        if not key:
            continue
        first, second = sorted((found.get(key, record), record), key=_seniority)
        found[key] = first
        if first.id != second.id and not second.archived:
            copies.append(second.id)
    return found, copies


def _seniority(record: CrmRecord) -> tuple[bool, str, str]:
    return record.archived, str(record.created_at or ""), record.id


@dataclass(frozen=True)
class _Shown:
    """Our records as the CRM shows them, by key, and what tells about them."""

    rules: Project
    mapping: CrmMapping
    now: datetime
    opportunities: Mapping[str, CrmRecord]
    tasks: Mapping[str, CrmRecord]
    twins: tuple[str, ...]
    accounts: tuple[str, ...]
    survivors: Mapping[str, str]
    stages: tuple[Stage, ...]
    closed_stages: Mapping[str, Stage]
    closed_at: Mapping[str, datetime]
    """Opportunity's CRM id → when it came into the closed stage that it is in."""

    @cached_property
    def keys(self) -> Mapping[str, str]:
        """Our opportunities' keys by CRM id."""
        return {record.id: key for key, record in self.opportunities.items()}

    def recovered(self) -> Recovered:
        """Put records and episodes together."""
        origins, untold = self._origins()
        episodes = {key: self._episode(origin, self.opportunities[key]) for key, origin in origins.items()}
        for key, origin in self._traced(self._unexplained()).items():
            if origin.key not in self.opportunities:
                episodes[origin.key] = self._small(origin, self.tasks[key])
        known = [
            self._known(key, record, episodes.get(key))
            for some in (self.opportunities, self.tasks)
            for key, record in some.items()
        ]
        return Recovered(
            tuple(sorted(known, key=lambda one: one.key)),
            tuple(sorted(episodes.values(), key=lambda one: (one.account_id, one.need, one.ordinal))),
            tuple(sorted(self.twins)),
            tuple(sorted(untold)),
        )

    # Episodes

    def _origins(self) -> tuple[dict[str, _Origin], list[str]]:
        """Say of each opportunity whose attempt at which need it is, and name those that tell no more."""
        told = {key: self._told(key, record) for key, record in self.opportunities.items()}
        lost = {key: self.opportunities[key] for key, origin in told.items() if origin is None}
        traced = self._traced(lost)
        found = {key: one for key in told if (one := told[key] or traced.get(key)) is not None}
        return found, [record.id for key, record in lost.items() if key not in traced]

    def _told(self, key: str, record: CrmRecord) -> _Origin | None:
        need, ordinal = (record.fields.get(name) for name in (self._fields.need, self._fields.episode))
        account = next(iter(accounts_of(record)), None)
        if not need or not account or not (ordinal or "").isdigit():
            return None
        return _Origin(key, account, need, int(ordinal or ""))

    def _traced(self, suspects: Mapping[str, CrmRecord]) -> dict[str, _Origin]:
        """Find what keys were made of, by making those of every need of the accounts that come into question."""
        if not suspects:
            return {}
        small = self.rules.negotiation.small.id
        found: dict[str, _Origin] = {}
        for account in self._in_question(suspects.values()):
            for need in self._needs():
                for ordinal in range(1, MOST_EPISODES + 1):
                    origin = _Origin(
                        episode_key(self.mapping.namespace, account, need, ordinal), account, need, ordinal
                    )
                    of_play = play_task_keys(origin.key, need, self.rules.plays)
                    keys = (origin.key, only_task_key(origin.key, need, small), *of_play)
                    found |= {key: origin for key in keys if key in suspects}
        return found

    def _in_question(self, records: Collection[CrmRecord]) -> Sequence[str]:
        """Accounts of some records, with those merged into them; all accounts when a record shows none."""
        if not all(accounts_of(record) for record in records):
            return self.accounts
        homes = {account for record in records for account in accounts_of(record)}
        return sorted(homes | {gone for gone, into in self.survivors.items() if into in homes})

    def _needs(self) -> list[str]:
        offered = {offer.need for offer in self.rules.catalogue.offers.values()}
        told = {record.fields.get(self._fields.need) for record in self.opportunities.values()}
        plays = {PLAY_NEED + name for name in self.rules.plays}
        return sorted(need for need in offered | told | plays | {SAVE} if need)

    def _unexplained(self) -> dict[str, CrmRecord]:
        """Tasks that hang on no opportunity of ours: small proposals are among them."""
        return {
            key: record
            for key, record in self.tasks.items()
            if not any(id in self.keys for id in record.links.get("opportunity", ()))
        }

    def _episode(self, origin: _Origin, record: CrmRecord) -> Episode:
        state = self._state(record)
        told = {name: record.fields.get(field) for name, field in _told_in(self.mapping).items()}
        over = self.closed_at.get(record.id) or record.modified_at or self.now
        return Episode(
            key=origin.key,
            account_id=self._home(origin.account_id),
            need=origin.need,
            ordinal=origin.ordinal,
            opened_at=record.created_at or self.now,
            state=state,
            closed_at=None if state is EpisodeState.OPEN else min(over, self.now),
            offer=told.get("offer.id"),
            play=told.get("play") or NEGOTIATION,
        )

    def _small(self, origin: _Origin, task: CrmRecord) -> Episode:
        """A proposal that was one task: said when it is done, thrown away when it was deleted."""
        over = {*self.mapping.task.done, self.mapping.task.cancelled}
        if task.archived:
            state = EpisodeState.DELETED
        else:
            status = task.fields.get(self.mapping.task.status)
            lost = EpisodeState.NOT_USEFUL if status == self.mapping.task.cancelled else EpisodeState.LOST
            state = lost if status in over else EpisodeState.OPEN
        return Episode(
            key=origin.key,
            account_id=self._home(origin.account_id),
            need=origin.need,
            ordinal=origin.ordinal,
            opened_at=task.created_at or self.now,
            state=state,
            closed_at=None if state is EpisodeState.OPEN else min(task.modified_at or self.now, self.now),
            play=play_of(origin.need) or (SAVE if origin.need == SAVE else NEGOTIATION),
        )

    def _state(self, record: CrmRecord) -> EpisodeState:
        if record.archived:
            return EpisodeState.DELETED
        stage = self._closed_stage(record)
        if stage is None:
            return EpisodeState.OPEN
        if stage.won:
            return EpisodeState.WON
        labels = route_of(self._fields, record, self.stages).stages
        is_withdrawn = labels["withdrawn"] != labels["lost"] and labels["withdrawn"] in (stage.label, stage.id)
        return EpisodeState.WITHDRAWN if is_withdrawn else outcome_of(record, self._fields.outcomes)

    def _closed_stage(self, record: CrmRecord) -> Stage | None:
        return self.closed_stages.get(record.fields.get(self._fields.stage) or "")

    def _home(self, account: str) -> str:
        return self.survivors.get(account, account)

    # Records

    def _known(self, key: str, record: CrmRecord, episode: Episode | None) -> KnownRecord:
        account = next((self._home(id) for id in accounts_of(record)), episode.account_id if episode else "")
        known = KnownRecord(key, record.type, record.id, account)
        if record.archived:
            return replace(known, tombstone=Why.DELETED.value, gone_at=min(record.modified_at or self.now, self.now))
        return replace(known, associations=each_once(self._associations(record)))

    def _associations(self, record: CrmRecord) -> Iterator[Associated]:
        """Name what a record hangs on as a plan does: our own opportunity by its key."""
        names = self._fields.links if record.type is RecordType.OPPORTUNITY else self.mapping.task.links
        # Where one lookup serves both, an opportunity's task tells its account too: nobody linked that.
        taken = names.get("opportunity") if record.links.get("opportunity") else None
        for role, name in names.items():
            if role == "account" and name == taken:
                continue
            for id in record.links.get(role, ()):
                type = RecordType(role)
                key = self.keys.get(id) if type is RecordType.OPPORTUNITY else None
                yield Associated(role, name, str(Ref(type, key=key) if key else Ref(type, id=id)))

    @property
    def _fields(self) -> OpportunityMap:
        return self.mapping.opportunity


def _told_in(mapping: CrmMapping) -> dict[str, str]:
    """Find the fields of an opportunity that hold nothing but its play or its offer."""
    return {
        name: field
        for field, rule in mapping.opportunity.fields.items()
        for name in ("play", "offer.id")
        if _is_only(rule, name)
    }


def _is_only(rule: FieldRule, name: str) -> bool:
    return rule.value.strip("{} ") == name and rule.value.startswith("{{")
