"""What a CRM adapter offers. A step that takes only a reader proves by its type that it writes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from connector.domain.account import Owner
from connector.domain.change import (
    Abilities,
    Allowance,
    Among,
    CrmRecord,
    Destination,
    Outcome,
    RecordType,
    Ref,
    Schema,
    Stage,
    StageEntry,
    Verb,
    Write,
)
from connector.domain.inspection import ApiVersion, Rights, Rules
from connector.domain.installation import SetupStep, Wanted


class CrmReader(Protocol):
    """Looks at single records and the schema."""

    def destination(self) -> Destination:
        """Say which org or portal the credentials lead to; raise CredentialError when refused."""
        ...

    def abilities(self) -> Abilities:
        """Say which types carry a key and which take their links at creation, from the installed schema."""
        ...

    def schema(self, type: RecordType) -> Schema:
        """Describe a type as the user we run as sees it (cached for the life of the adapter)."""
        ...

    def read(
        self, type: RecordType, ids: Sequence[str], names: Sequence[str], links: bool = True
    ) -> dict[str, CrmRecord]:
        """Read records by CRM id; archived and merged ones come marked, ids that never were are absent.

        Without `links` they may come without them, where those cost calls of their own.
        """
        ...

    def find(
        self,
        type: RecordType,
        keys: Sequence[str],
        names: Sequence[str],
        near: Mapping[str, Sequence[Ref]] | None = None,
        among: Among = Among.ALL,
    ) -> dict[str, CrmRecord]:
        """Find our records by key, deleted ones marked; never through a search index that lags.

        Where a type cannot carry a key, the `ref:` line of its body is what is searched: among the records linked to
        those that `near` names for each key, else (slowly) among all.
        """
        ...


class CrmFeed(Protocol):
    """Tells what changed in the CRM."""

    def changed(self, type: RecordType, names: Sequence[str], since: datetime | None) -> Iterator[CrmRecord]:
        """Yield every record (since None: all) modified at or after a server time, deletions marked archived."""
        ...

    def owners(self) -> list[Owner]:
        """List the people who can own records, inactive ones included."""
        ...

    def stages(self) -> list[Stage]:
        """List the stages of every pipeline."""
        ...

    def stage_history(self, ids: Sequence[str]) -> dict[str, tuple[StageEntry, ...]]:
        """Give each opportunity's entries into stages, oldest first."""
        ...


class CrmWriter(Protocol):
    """Carries out writes, a batch at a time. Only `deliver` holds one."""

    def batch_size(self, verb: Verb, type: RecordType) -> int:
        """Say how many writes of one verb and type one call carries."""
        ...

    def write(self, batch: Sequence[Write]) -> list[Outcome]:
        """Carry out one batch of one verb and type; give one outcome per write, in any order.

        Never raises for what a vendor answers; a lost answer is verdict UNKNOWN for every write it may have carried.
        """
        ...


class CrmSetup(Protocol):
    """Creates our own fields in the CRM, and what people need to see them."""

    def missing(self, wanted: Wanted) -> dict[RecordType, list[str]]:
        """Name the wanted fields that the runtime user cannot see, or cannot write where we write."""
        ...

    def survey(self, wanted: Wanted, with_pipeline: bool = False) -> list[SetupStep]:
        """Say what an installation would do, and what is there already; writes nothing."""
        ...

    def install(self, wanted: Wanted, with_pipeline: bool = False) -> list[SetupStep]:
        """Do what `survey` says; tell what was done and what is left to a person, nothing where all is there.

        Raises MappingError, before anything is written, where something stands in the way.
        """
        ...

    def advice(self, wanted: Wanted) -> list[str]:
        """Tell admins in the vendor's words how to keep their automations off our records, and who still lacks what."""
        ...


class CrmRemoval(Protocol):
    """Takes out of the CRM what an installation made, and nothing else."""

    def survey(self, wanted: Wanted) -> list[SetupStep]:
        """List what bears our mark, with how many records hold a value, and what we leave and why."""
        ...

    def remove(self, wanted: Wanted) -> list[SetupStep]:
        """Remove what `survey` lists to remove; what the vendor refuses comes back as REFUSED with its words."""
        ...


class CrmMeter(Protocol):
    """Counts what the CRM's API is asked."""

    def calls(self) -> int:
        """Count the API calls this adapter has made."""
        ...

    def allowance(self) -> Allowance | None:
        """Tell the vendor's day as its last answer did; None where it does not tell."""
        ...


class CrmInspector(Protocol):
    """Looks at what the CRM grants us and what its admins made act on our records. It writes nothing."""

    def api_version(self) -> ApiVersion:
        """Say which version we speak, and which are offered where the vendor tells; needs no login."""
        ...

    def server_time(self) -> datetime | None:
        """Tell the vendor's clock as its last answer did; None where it does not tell."""
        ...

    def rights(self) -> Rights:
        """Hold the rights that our work needs against those we have."""
        ...

    def choices(self) -> tuple[str, ...]:
        """Name the record types among which the CRM chooses for an opportunity that names none, its choice first.

        Empty where there is nothing to choose.
        """
        ...

    def rules(self) -> Rules:
        """List active automations, validation and duplicate rules on the types that we write."""
        ...


class CrmBulk(Protocol):
    """The vendor's way for many writes at once: a job that is named before it runs, and asked for its results."""

    def size(self, verb: Verb, type: RecordType, count: int) -> int:
        """Say how many of `count` writes one job carries; 0 where batches serve better."""
        ...

    def begin(self, batch: Sequence[Write]) -> tuple[str, list[Outcome]]:
        """Upload writes of one verb and type and name the job: nothing runs yet. Raise LaterError if it cannot be.

        Also gives the outcomes of writes that the job does not carry, because they cannot be put into words.
        """
        ...

    def start(self, job: str) -> None:
        """Let a job run. Raise LaterError when the answer is lost: it may run."""
        ...

    def outcomes(self, job: str, batch: Sequence[Write]) -> list[Outcome] | None:
        """Give what became of each write, in any order; None while the job runs.

        A job that never ran is ended first, so that it never will: its writes are RETRY. One that the vendor no longer
        knows leaves them UNKNOWN.
        """
        ...


@dataclass(frozen=True)
class Crm:
    """One connection in its roles; hand a step only the roles it may use."""

    reader: CrmReader
    feed: CrmFeed
    writer: CrmWriter
    setup: CrmSetup
    meter: CrmMeter
    inspector: CrmInspector
    bulk: CrmBulk | None = None
    removal: CrmRemoval | None = None
