"""How our records look in one CRM (`mappings/salesforce.yaml`, `mappings/hubspot.yaml`).

Field names on the right are the vendor's API names; everything else (stages, owners) is written as people see it in
the CRM and resolved at open, so that a sandbox's mapping works in production.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any, Literal

from connector.domain.catalogue import Kind, Language, Texts
from connector.domain.change import FieldType, Policy, RecordType
from connector.domain.documents import document

OurStage = Literal["proposed", "consult", "confront", "concretize", "won", "lost", "withdrawn"]
OwnerRole = Literal["ae", "csm", "support", "manager"]
Profile = Literal["analytical", "creative", "executive"]


@document
class FieldRule:
    """What goes into one CRM field: a template over the record's context, and who the field belongs to."""

    value: str
    policy: Policy = Policy.MERGE
    clear: bool = False


@document
class Example:
    """What must come of a case; `connector check` runs it."""

    language: Language = "en"
    given: Mapping[str, Any] = field(default_factory=dict)
    """Name of the templates, or a part of one (`account.name`) → its value; the others are a usual case."""
    expect: Mapping[str, str]
    """Field, or text of the playbook (`title`, `listen.subject`) → what it must show; `…` stands for anything."""


@document
class NeedExample:
    """A name that people give a deal, and what it must tell; `connector check` runs it."""

    text: str
    field: str | None = None
    """Only rules on this field are tried; without it, all."""
    need: str | None = None
    renewal: bool = False


@document
class NewField:
    """A field of ours that `connector install` creates in the CRM."""

    label: str
    type: FieldType = FieldType.TEXT
    length: int = 255
    unique: bool = False
    options: Mapping[str, str] = field(default_factory=dict)
    """Of a picklist: what is stored → what people see."""


@document
class AccountMap:
    """Where a CRM account shows what matching and plays need."""

    name: str
    domain: str | None = None
    billing_id: str | None = None
    """A field that holds the billing system's account id, if the CRM has one."""
    parent: str | None = None
    owner: str
    country: str | None = None
    language: str | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
    """Fact (goals, irritants, interests, drivers, brakes, …) → field that holds it."""


@document
class ContactMap:
    """Where a contact shows who to call."""

    name: Sequence[str]
    account: str
    role: str | None = None
    language: str | None = None
    last_touch: str | None = None
    profiles: Mapping[Profile, str] = field(default_factory=lambda: PROFILES)
    """How somebody wants to be spoken to, by a regular expression on their role; the first that matches wins."""


PROFILES: Mapping[Profile, str] = {
    "analytical": r"\b(cfo|daf|financ\w*|contr[oô]l\w*|account\w*|compta\w*|data|analy\w*|operat\w*|ops|it)\b",
    "creative": r"\b(marketing|design\w*|communication\w*|brand\w*|marque|product|produit|creati\w*|cr[eé]ati\w*)\b",
    "executive": r"\b(c[eot]o|chief|p?dg|pr[eé]sident\w*|(co-?)?founder|fondat\w*|g[eé]rant\w*|directeur g[eé]n\w*)\b",
}


@document
class NeedRule:
    """Tells what a person's own opportunity is about: the first rule that matches wins."""

    matches: str
    """Regular expression, case-insensitive, searched in the field."""
    field: str
    need: str | None = None
    """The need it works on; leave out and set `renewal: true` for a renewal."""
    renewal: bool = False


@document
class OutcomeRule:
    """Tells why an opportunity of ours was lost: the first rule that matches wins, else it was `lost`."""

    matches: str
    """Regular expression, case-insensitive, searched in the field."""
    field: str
    outcome: Literal["no", "not_useful"]
    """`no`: the customer does not want it. `not_useful`: it should not have been proposed."""


@document
class RouteCase:
    """What is proposed on a route: every condition that is named must hold, and one of its words is enough."""

    need: Sequence[str] = ()
    offer: Sequence[str] = ()
    kind: Sequence[Kind] = ()


@document
class Route:
    """Where some opportunities go instead of the top level's place, with a stage list of their own."""

    when: RouteCase
    pipeline: str | None = None
    """Pipeline (HubSpot) by label."""
    record_type: str | None = None
    """Record type (Salesforce) by developer name or label."""
    stages: Mapping[OurStage, str]
    """Our stage → the label people see there. `proposed` must not count in the forecast."""


@document
class OpportunityMap:
    """How an expansion opportunity is read and written."""

    key: str
    need: str
    episode: str
    name: str
    week: str | None = None
    """Field of ours that holds this week's place in its owner's Monday list, and why; without it there is no list."""
    stage: str
    amount: str
    close_date: str
    owner: str
    pipeline_field: str | None = None
    pipeline: str | None = None
    """Pipeline (HubSpot) by label, when the CRM has several."""
    record_type_field: str | None = None
    """Field that holds the record type; neither read nor written unless `record_type` or a route names one."""
    record_type: str | None = None
    """Record type (Salesforce) by developer name or label, when the CRM has several."""
    called: Texts = field(default_factory=lambda: {"en": "the opportunity", "fr": "l’opportunité"})
    """What this CRM's users call it, with its article, as texts cite it."""
    amount_basis: Literal["arr", "mrr"] = "arr"
    stages: Mapping[OurStage, str]
    """Our stage → the label people see. `proposed` must not count in the forecast."""
    routes: Sequence[Route] = ()
    """Opportunities that go elsewhere, chosen when the record is made: the first route that matches wins."""
    people: Sequence[NeedRule] = ()
    """How an opportunity made by a person tells its need."""
    people_examples: Sequence[NeedExample] = ()
    outcomes: Sequence[OutcomeRule] = ()
    """How an opportunity of ours that was lost tells why; each outcome has its own cool-down in the policy."""
    links: Mapping[str, str]
    """Role (account, contact) → lookup field or associated object."""
    fields: Mapping[str, FieldRule]
    examples: Sequence[Example] = ()


@document
class TaskMap:
    """How a playbook task or a review reminder is read and written."""

    key: str | None
    status: str
    open: str
    done: Sequence[str]
    cancelled: str
    """Status that an untouched task of ours gets when it is cancelled."""
    answer: str | None = None
    """Picklist in which whoever did the task says what came of it."""
    answers: Mapping[str, str] = field(default_factory=dict)
    """Answer, as playbooks name it → what the picklist holds. `not_useful_…`: it should not have been asked."""
    body: str
    """Field that ends with `ref: KEY` where tasks cannot carry a unique key."""
    links: Mapping[str, str]
    kinds: Mapping[Literal["call", "email", "todo"], str]
    """Step kind → the CRM's task type."""
    fields: Mapping[str, FieldRule]
    examples: Sequence[Example] = ()


@document
class NoteMap:
    """How a note on an account or an opportunity is written: the account card, and what carries a file."""

    body: str
    """Field that ends with `ref: KEY`: no CRM lets a note carry a unique key."""
    links: Mapping[str, str]
    """Role (account, opportunity, file) → lookup field or associated object."""
    fields: Mapping[str, FieldRule]


@document
class FileMap:
    """How a file (a brief, an options page) is written."""

    content: str
    """Field that takes what the file holds."""
    links: Mapping[str, str] = field(default_factory=dict)
    """Role (account, opportunity, task) → what it is attached by; none where a note carries it."""
    fields: Mapping[str, FieldRule]


@document
class OwnerRules:
    """Who gets what: the role's own, else the account's owner, else the territory's, else the default; active ones."""

    default: str | None = None
    """E-mail of the owner of last resort."""
    roles: Mapping[OwnerRole, str] = field(default_factory=dict)
    """Role → account field that names its owner, or an e-mail."""
    territories: Mapping[str, str] = field(default_factory=dict)
    """Country (as the account's country field, or its two letters) → e-mail of who has accounts without an owner."""
    languages: Mapping[str, Language] = field(default_factory=dict)
    """E-mail → language, where the CRM does not say."""


@document
class ApiBudget:
    """How much of the CRM's daily API calls we may use; the rest belongs to the customer's other tools."""

    share: float = 0.5
    """Of the day's calls, at most this share is ours."""
    floor: float = 0.1
    """This share of the day's calls is never touched, whoever used the others."""


@document
class CrmMapping:
    """One CRM's mapping, whole."""

    version: int = 1
    name: str
    crm: Literal["salesforce", "hubspot"]
    namespace: str = "expansion"
    """Part of every key: two connectors on one CRM use two namespaces."""
    own_prefix: str
    """Prefix of the fields that are ours; policy `own` is allowed only on these."""
    default_language: Language = "en"
    account: AccountMap
    contact: ContactMap
    owners: OwnerRules = OwnerRules()
    api_budget: ApiBudget = ApiBudget()
    existing: Literal["leave", "update"] = "update"
    """What an edited rule or text does to records already written: change what nobody touched, or leave them."""
    opportunity: OpportunityMap
    task: TaskMap
    note: NoteMap | None = None
    """Without it no notes are written: no account card, and in HubSpot no files."""
    file: FileMap | None = None
    """Without it no files are written: no briefs, no options pages."""
    install: Mapping[Literal["opportunity", "task", "account"], Mapping[str, NewField]] = field(default_factory=dict)
    """Fields of ours to create, by type."""


Section = tuple[str, RecordType, Mapping[str, FieldRule], Mapping[str, str]]
"""A part of a mapping that is written: its name, its type, its field rules and its links."""


def documents(mapping: CrmMapping) -> tuple[Section, ...]:
    """List what is written of notes and files."""
    note, file = mapping.note, mapping.file
    found: list[Section] = [] if note is None else [("note", RecordType.NOTE, note.fields, note.links)]
    return (*found, *([] if file is None else [("file", RecordType.FILE, file.fields, file.links)]))
