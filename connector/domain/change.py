"""The one mechanism's values: desired record → change → plan → write → outcome.

Field values are canonical text or None everywhere between `project` and the adapters (see `normalise`): one shape to
compare, hash, store and print. Only an adapter turns it into what its vendor's wire wants.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal

from connector.domain.episode import Episode
from connector.domain.hold import Hold

Scalar = str | None


class RecordType(StrEnum):
    """The kinds of CRM record the connector knows; adapters hold their vendors' names."""

    ACCOUNT = "account"
    CONTACT = "contact"
    OPPORTUNITY = "opportunity"
    TASK = "task"
    NOTE = "note"
    FILE = "file"
    OWNER = "owner"


class FieldType(StrEnum):
    """How a CRM stores a field, and so how two of its values are compared."""

    TEXT = "text"
    HTML = "html"
    NUMBER = "number"
    BOOL = "bool"
    DATE = "date"
    DATETIME = "datetime"
    PICKLIST = "picklist"
    MULTI_PICKLIST = "multi_picklist"
    REFERENCE = "reference"
    FILE = "file"  # what a file holds; a CRM shows its digest, never the text


class Policy(StrEnum):
    """Who a field belongs to once the record exists."""

    CREATE = "create"  # ours at creation, never again
    OWN = "own"  # always ours; only fields of our own namespace
    FILL = "fill"  # written once, if empty
    MERGE = "merge"  # ours until a person changes it, then theirs for good


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """A CRM field as its schema describes it to the user we run as."""

    name: str
    type: FieldType
    label: str = ""
    length: int | None = None
    createable: bool = True
    updateable: bool = True
    required: bool = False
    unique: bool = False
    options: tuple[str, ...] | None = None
    """Values that are accepted; None when any is."""
    is_currency: bool = False
    """Tells in which currency the record's amounts are."""


@dataclass(frozen=True, slots=True)
class Schema:
    """The fields of one CRM type, as the runtime user sees them."""

    type: RecordType
    fields: Mapping[str, FieldSpec]


@dataclass(frozen=True, slots=True)
class Destination:
    """Where records go: a CRM and the org or portal behind the credentials."""

    crm: str
    org: str
    label: str = ""

    @property
    def id(self) -> str:
        return f"{self.crm}:{self.org}"


@dataclass(frozen=True, slots=True)
class CrmRecord:
    """One record as the CRM shows it: canonical field values and the ids it is linked to, by link role."""

    type: RecordType
    id: str
    fields: Mapping[str, Scalar]
    links: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    created_at: datetime | None = None
    modified_at: datetime | None = None
    archived: bool = False
    merged_into: str | None = None


class Among(StrEnum):
    """Where records of ours are looked for by their keys."""

    ALL = "all"
    ALIVE = "alive"
    """Deleted ones may come too, marked, where they cost no calls of their own."""
    DELETED = "deleted"
    """Those alone that are not found among the living."""


@dataclass(frozen=True, slots=True)
class Ref:
    """Another record: one that exists (`id`) or one of ours by its key, resolved at delivery."""

    type: RecordType
    id: str | None = None
    key: str | None = None

    def __str__(self) -> str:
        return f"{self.type}:{self.id or self.key}"


@dataclass(frozen=True, slots=True)
class Link:
    """An association a record should have. `name` is the vendor's: a lookup field, or an object to associate with."""

    role: str
    name: str
    to: Ref


@dataclass(frozen=True, slots=True)
class DesiredField:
    """A value we want a field to have, and how far we may go to give it that."""

    value: Scalar
    policy: Policy
    clear: bool = False
    """Null overwrites; without it null never does."""
    at: str | None = None
    """`file:line` of the mapping that asked for it."""
    rule: str = ""
    """Identifies the mapping rule and text that made the value, so that an edit of them is told from news."""


@dataclass(frozen=True, slots=True)
class Desired:
    """A record as it should be. `close` marks the withdrawal of one of ours, as the mapping words it."""

    type: RecordType
    key: str
    account_id: str
    title: str
    reason: str
    fields: Mapping[str, DesiredField]
    links: tuple[Link, ...] = ()
    value: int = 0
    """Expected value in minor units of the reporting currency; what is delivered first when budget is short."""
    close: bool = False
    only_untouched: bool = False  # once a person has changed anything of it, nothing of it is written
    crm_id: str | None = None  # of a record that is not ours to create: a customer's account
    together: str = ""  # closed with all records of this name, or not at all


class Why(StrEnum):
    """Why a change is held, or a record left alone."""

    DELETED = "deleted_in_crm"
    PERSON = "touched_by_a_person"
    DISAPPEARED = "not_in_crm"  # a record that is not ours, named by an id that the CRM does not have
    NOTHING_TO_CLOSE = "nothing_to_close"
    OUT_OF_SCOPE = "out_of_scope"  # the policy's `scope` leaves its account out: it stays as it is
    SCHEMA = "schema"  # the CRM lost a field that a new record needs, or came to require one
    UNDONE = "undone"  # a person undid a run: what it wrote is left alone until released
    FOUND = "found_after_rebuild"  # the ledger that knew what we wrote was lost: nobody can tell whose it is to close


class Cause(StrEnum):
    """Why one field of a record that exists is written, or left alone."""

    NEWS = "news"  # what the field tells has changed
    MAPPING = "mapping"  # the mapping or a text of the playbooks was edited
    REPAIR = "repair"  # a field of ours that somebody else changed
    UNDO = "undo"
    KEY = "key"  # our key, on a record of ours that has none any more
    FOUND = "found"  # found different after the ledger was rebuilt: nobody can tell who wrote it, so it is left alone


Action = Literal["create", "update", "close", "unchanged", "held", "associate"]


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field of a change: what the CRM shows, what it will show, and why."""

    name: str
    before: Scalar
    after: Scalar
    policy: Policy
    cause: Cause = Cause.NEWS
    rule: str = ""
    """See `DesiredField.rule`."""


@dataclass(frozen=True, slots=True)
class Change:
    """One planned step for one record (or one association of it). `why` says why it is held or left alone."""

    id: str
    action: Action
    type: RecordType
    key: str
    account_id: str
    title: str
    reason: str
    crm_id: str | None = None
    fields: tuple[FieldChange, ...] = ()
    links: tuple[Link, ...] = ()
    """Of a creation: what it must be linked to, and so what must exist before. Of an association: itself."""
    why: str | None = None
    value: int = 0
    read_at: datetime | None = None
    handed_over: tuple[FieldChange, ...] = ()
    """Fields that a person took over since, with what they typed; noted at delivery, so that they stay theirs."""
    theirs: tuple[FieldChange, ...] = ()
    """Fields taken over earlier that show something else than we would write; some only `Cause.FOUND` so."""
    agreed: tuple[FieldChange, ...] = ()  # fields of a record found again by its key that are as they should be


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything one run would do to one destination, frozen and in a deterministic order."""

    run_id: str
    job: str
    destination: str
    created_at: datetime
    config_hash: str
    schema_hash: str
    ledger_epoch: str
    changes: tuple[Change, ...]
    calls: int = 0
    """Estimated API calls of delivery, exact when nothing fails."""
    episodes: tuple[Episode, ...] = ()
    """Episodes that it opens or whose brief it renews; stored when it is applied, so that planning stores nothing."""
    whole: bool = False
    """It tells everything that its job wants: what waits from an earlier one and is not in it is wanted no more."""
    holds: tuple[Hold, ...] = ()
    """Keys that are left alone from when it is applied (an undo's)."""
    schema_fields: tuple[str, ...] = ()
    """What `schema_hash` is of, as `type.field`: it stands when a forgotten customer's changes are cut out."""


Verb = Literal["create", "update", "associate"]


@dataclass(frozen=True, slots=True)
class Write:
    """One change ready for the wire: every reference resolved to a CRM id. `entry` is the outbox entry's id."""

    entry: str
    verb: Verb
    type: RecordType
    key: str | None
    crm_id: str | None
    fields: Mapping[str, Scalar]
    links: tuple[Link, ...] = ()


class Verdict(StrEnum):
    """What a vendor's answer proves about one write."""

    OK = "ok"
    REJECTED = "rejected"  # refused for this record's own sake: a person has to mend something
    RETRY = "retry"  # proven not written; may be sent again
    DEFER = "defer"  # proven not written; nothing more will be accepted for now (quota, migration)
    UNKNOWN = "unknown"  # may have landed: read back before anything else


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one write. `shown` is what the CRM answered the fields now are, when it said so."""

    entry: str
    verdict: Verdict
    crm_id: str | None = None
    created: bool = False
    shown: Mapping[str, Scalar] = field(default_factory=dict)
    code: str = ""
    message: str = ""
    field: str | None = None
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class Allowance:
    """API calls of the vendor's day, by the last answer that told: ours and those of everybody else together."""

    used: int
    allowed: int

    @property
    def left(self) -> int:
        return max(0, self.allowed - self.used)


@dataclass(frozen=True, slots=True)
class Abilities:
    """What an adapter can do, probed at install where it cannot be known."""

    keyed: frozenset[RecordType]
    """Types that carry a unique key; the others are found again by a `ref:` line in their body."""
    inline_links: frozenset[RecordType]
    """Types whose links travel with their creation; the others get them as writes of their own."""
    shows_writes: bool = True
    """Answers to creates and updates show the fields; otherwise delivery reads each batch back."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of a sales pipeline, as the CRM lists it."""

    id: str
    label: str
    pipeline: str = ""
    closed: bool = False
    won: bool = False
    in_forecast: bool = True
    pipeline_names: tuple[str, ...] = ()
    """What people call the pipeline, where `pipeline` is an id."""


@dataclass(frozen=True, slots=True)
class StageEntry:
    """An opportunity entered a stage; `by_us` when the CRM says our own user moved it."""

    opportunity_id: str
    stage: str
    entered_at: datetime
    by_us: bool = False
