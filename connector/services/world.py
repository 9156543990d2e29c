"""The CRM as the ledger's mirror shows it, in the field's words instead of the vendor's."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property

from connector.compute.countries import country_code
from connector.domain.account import Contact, CrmAccount, Owner
from connector.domain.catalogue import Language
from connector.domain.change import CrmRecord, FieldChange, RecordType, Scalar, Stage, StageEntry
from connector.domain.episode import Episode, EpisodeState
from connector.domain.errors import MappingError
from connector.domain.hold import Hold
from connector.domain.link import LinkDecision
from connector.domain.mapping import (
    AccountMap,
    ContactMap,
    CrmMapping,
    NeedRule,
    OurStage,
    OutcomeRule,
    OwnerRole,
    Route,
)
from connector.domain.play import STAGES, NegotiationStage
from connector.domain.receipt import KnownRecord
from connector.domain.routing import place_field, place_of, route_of, stage_in, stages_in

TOLD = re.compile(r"{{\s*(subject|due|owner_id)\b")
TOLD_SUBJECT = re.compile(r"{{\s*subject\b")
DUE = re.compile(r"{{\s*due\b")


@dataclass(frozen=True)
class World:
    """Everything a run knows of the CRM side, as of its `track` step."""

    mapping: CrmMapping
    accounts: Mapping[str, CrmAccount]
    contacts: Mapping[str, tuple[Contact, ...]]
    owners: Mapping[str, Owner]
    stages: tuple[Stage, ...]
    opportunities: tuple[CrmRecord, ...]
    tasks: tuple[CrmRecord, ...]
    entries: Mapping[str, tuple[StageEntry, ...]]
    links: tuple[LinkDecision, ...]
    episodes: tuple[Episode, ...]
    known: Mapping[str, KnownRecord]
    survivors: Mapping[str, str] = field(default_factory=dict)
    """Merged CRM account → the one that survived."""
    holds: Mapping[str, Hold] = field(default_factory=dict)
    """What people took back, by key of record or episode."""
    waiting: Mapping[str, Mapping[str, FieldChange]] = field(default_factory=dict)
    """Updates that were planned before and are not in the CRM yet, by the record's key and the field's name."""
    closing: Mapping[str, Mapping[str, Scalar]] = field(default_factory=dict)
    """Fields of records that we may have closed, by key: the answer was lost, or a kill came before it was noted."""

    def route_of(self, record: CrmRecord | None) -> Route:
        """Tell a record's route by its own pipeline or record type; without a record, the top level."""
        return route_of(self.mapping.opportunity, record, self.stages)

    def stage(self, ours: OurStage, route: Route | None = None) -> Stage:
        """Resolve one of our stages to the CRM's; raise MappingError when its route has no such label."""
        route = route or self.route_of(None)
        found = stage_in(route, ours, self.stages)
        if found is None:
            what, place = "record type" if route.record_type else "pipeline", place_of(route)
            here = sorted({stage.label for stage in stages_in(route, self.stages)})
            raise MappingError(
                f"no stage {route.stages[ours]!r}" + (f" in {what} {place!r}" if place else ""),
                at=f"mappings/{self.mapping.name}.yaml",
                hint=f"stages there: {', '.join(here) or f'none; make the {what} first'}",
            )
        return found

    def our_stage(self, record: CrmRecord) -> NegotiationStage | None:
        """Name the stage a record is in, in our words; None for a closed one and for those of other pipelines."""
        return self.ours_of(record.fields.get(self.mapping.opportunity.stage), self.route_of(record))

    def ours_of(self, stage_id: str | None, route: Route) -> NegotiationStage | None:
        """Name one of a route's stages in our words; one that was renamed in the CRM is nobody's, and `check` tells."""
        found = ((ours, stage_in(route, ours, self.stages)) for ours in STAGES)
        return next((ours for ours, stage in found if stage is not None and stage.id == stage_id), None)

    def path(self, record: CrmRecord) -> tuple[tuple[NegotiationStage | None, StageEntry], ...]:
        """Every entry of an opportunity into a stage, in our words, by the CRM's own history."""
        route = self.route_of(record)
        return tuple((self.ours_of(entry.stage, route), entry) for entry in self.entries.get(record.id, ()))

    @cached_property
    def ours(self) -> Mapping[str, CrmRecord]:
        """Our opportunities as last seen in the CRM, by key."""
        return {self.our_keys[record.id]: record for record in self.opportunities if record.id in self.our_keys}

    @cached_property
    def our_keys(self) -> Mapping[str, str]:
        """Keys of our opportunities by CRM id; one that lost its key in the CRM is known by its id."""
        field = self.mapping.opportunity.key
        shown = {record.id: key for record in self.opportunities if (key := record.fields.get(field))}
        taken = set(shown.values())
        ids = {one.crm_id: key for key, one in self.known.items() if one.type is RecordType.OPPORTUNITY}
        return shown | {id: key for id, key in ids.items() if key not in taken}

    @cached_property
    def episodes_of(self) -> Mapping[tuple[str, str], Sequence[Episode]]:
        """Every attempt at a need of an account, in order, by both."""
        found: dict[tuple[str, str], list[Episode]] = defaultdict(list)
        for episode in self.episodes:
            found[episode.account_id, episode.need].append(episode)
        return found

    def opportunity(self, key: str) -> CrmRecord | None:
        """Our opportunity of an episode, as last seen in the CRM."""
        return self.ours.get(key)

    def entries_into(self, record: CrmRecord | None, stage: OurStage) -> int:
        """How often an opportunity entered a stage, by the CRM's own history."""
        if record is None:
            return 0
        wanted = stage_in(self.route_of(record), stage, self.stages)
        return sum(wanted is not None and entry.stage == wanted.id for entry in self.entries.get(record.id, ()))

    def owner(self, role: OwnerRole, account: CrmAccount) -> Owner | None:
        """Who gets a role's work: its own, the account's owner, the territory's, the default; active ones only."""
        rules = self.mapping.owners
        by_email = {owner.email.casefold(): owner for owner in self.owners.values() if owner.email}
        named = rules.roles.get(role)
        candidates = (
            by_email.get(named.casefold())
            if named and "@" in named
            else self.owners.get(account.facts.get(f"owner:{role}", "")),
            self.owners.get(account.owner_id or ""),
            by_email.get(self._territory(account.country)),
            by_email.get((rules.default or "").casefold()),
        )
        return next((owner for owner in candidates if owner is not None and owner.active), None)

    def _territory(self, country: str | None) -> str:
        """The e-mail of who has a country's accounts without an owner; empty where nobody has."""
        if not country:
            return ""
        by_code = {country_code(name): email for name, email in self.mapping.owners.territories.items()}
        return by_code.get(country_code(country), "").casefold()

    def language(self, owner: Owner | None) -> Language:
        """The language a person reads: as mapped, as the CRM says, else the mapping's default."""
        if owner is None:
            return self.mapping.default_language
        mapped = {email.casefold(): language for email, language in self.mapping.owners.languages.items()}
        spoken = mapped.get(owner.email.casefold()) or (owner.language or "")[:2].lower()
        return "fr" if spoken == "fr" else "en" if spoken == "en" else self.mapping.default_language


def crm_accounts(records: Iterable[CrmRecord], mapping: CrmMapping) -> dict[str, CrmAccount]:
    """Read live accounts by the mapping."""
    return {record.id: _account(record, mapping.account, mapping) for record in records if not record.archived}


def survivors(records: Iterable[CrmRecord]) -> dict[str, str]:
    """Follow every merge to the account that is left."""
    direct = {record.id: record.merged_into for record in records if record.merged_into}
    found = {}
    for start, to in direct.items():
        seen = {start}
        while to in direct and to not in seen:
            seen.add(to)
            to = direct[to]
        found[start] = to
    return found


def contacts_by_account(records: Iterable[CrmRecord], mapping: ContactMap) -> dict[str, tuple[Contact, ...]]:
    """Group live contacts by their account, by id."""
    found: dict[str, list[Contact]] = defaultdict(list)
    for record in sorted(records, key=lambda record: record.id):
        account = record.fields.get(mapping.account) or next(iter(record.links.get("account", ())), None)
        if account and not record.archived:
            found[account].append(_contact(record, account, mapping))
    return {account: tuple(people) for account, people in found.items()}


def need_of(record: CrmRecord, rules: Sequence[NeedRule]) -> tuple[str | None, bool]:
    """Tell what a person's opportunity is about: (need, is a renewal), by the first rule that matches."""
    for rule in rules:
        if re.search(rule.matches, record.fields.get(rule.field) or "", re.IGNORECASE):
            return rule.need, rule.renewal
    return None, False


def outcome_of(record: CrmRecord, rules: Sequence[OutcomeRule]) -> EpisodeState:
    """Tell why an opportunity of ours was lost, by the first rule that matches."""
    for rule in rules:
        if re.search(rule.matches, record.fields.get(rule.field) or "", re.IGNORECASE):
            return EpisodeState(rule.outcome)
    return EpisodeState.LOST


def accounts_of(record: CrmRecord) -> tuple[str, ...]:
    """CRM accounts a record belongs to."""
    return record.links.get("account", ())


def read_names(mapping: CrmMapping, type: RecordType) -> list[str]:
    """Name the CRM fields that the connector reads of a type."""
    account, contact, opportunity, task = mapping.account, mapping.contact, mapping.opportunity, mapping.task
    names: Iterable[str | None]
    match type:
        case RecordType.ACCOUNT:
            roles = [field for field in mapping.owners.roles.values() if "@" not in field]
            a = account
            names = [
                a.name,
                a.domain,
                a.billing_id,
                a.parent,
                a.owner,
                a.country,
                a.language,
                *a.facts.values(),
                *roles,
            ]
        case RecordType.CONTACT:
            names = [*contact.name, contact.account, contact.role, contact.language, contact.last_touch]
        case RecordType.OPPORTUNITY:
            o = opportunity
            rules = [*(rule.field for rule in o.people), *(rule.field for rule in o.outcomes)]
            names = [
                o.key,
                o.need,
                o.episode,
                o.name,
                o.stage,
                o.amount,
                o.close_date,
                o.owner,
                o.pipeline_field,
                place_field(o),
                *rules,
            ]
        case RecordType.TASK:
            names = [task.key, task.status, task.answer, *told_fields(mapping)]
        case RecordType.OWNER | RecordType.NOTE | RecordType.FILE:
            names = []
    return list(dict.fromkeys(name for name in names if name))


def told_fields(mapping: CrmMapping) -> list[str]:
    """Fields of a task by which a person's edit is noticed without reading its whole text."""
    return [name for name, rule in mapping.task.fields.items() if TOLD.search(rule.value)]


def due_field(mapping: CrmMapping) -> str | None:
    """The field of a task that tells its day."""
    return next((name for name, rule in mapping.task.fields.items() if DUE.search(rule.value)), None)


def _account(record: CrmRecord, mapping: AccountMap, whole: CrmMapping) -> CrmAccount:
    def value(name: str | None) -> str | None:
        return record.fields.get(name) if name else None

    facts = {fact: text for fact, name in mapping.facts.items() if (text := value(name))}
    roles = {
        f"owner:{role}": text for role, name in whole.owners.roles.items() if "@" not in name and (text := value(name))
    }
    return CrmAccount(
        id=record.id,
        name=value(mapping.name) or record.id,
        domain=value(mapping.domain),
        billing_id=value(mapping.billing_id),
        parent_id=value(mapping.parent),
        owner_id=value(mapping.owner),
        country=value(mapping.country),
        language=value(mapping.language),
        facts=facts | roles,
    )


def _contact(record: CrmRecord, account: str, mapping: ContactMap) -> Contact:
    def value(name: str | None) -> str | None:
        return record.fields.get(name) if name else None

    touched = value(mapping.last_touch)
    return Contact(
        id=record.id,
        account_id=account,
        name=" ".join(part for name in mapping.name if (part := value(name))) or record.id,
        role=value(mapping.role),
        language=value(mapping.language),
        last_touch=_day(touched),
    )


def _day(text: str | None) -> date | None:
    return datetime.fromisoformat(text).date() if text else None
