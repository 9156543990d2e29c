"""What can be known of the CRM before the first write: rights, version, quota, fields, and what acts on our records.

Everything is asked as the user that runs every night, and nothing is written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from connector.domain.change import RecordType, Schema
from connector.domain.checkup import Seen, Verdict, fail, ok, skip, warn
from connector.domain.inspection import Rights, Rule, RuleKind, Rules
from connector.domain.mapping import CrmMapping, FieldRule, documents
from connector.domain.routing import place_of, routes_of
from connector.ports.crm import Crm, CrmReader
from connector.services.doctor import MOST_SHOWN, Check
from connector.services.opening import wanted_fields
from connector.services.world import read_names

SKEW_NOTED, SKEW_TOO_MUCH = 30.0, 150.0
"""Seconds. A signed login holds for three minutes, and Salesforce forgives one."""
SHORT = 0.1
"""Below this part of our share of the day's calls, a run may have to stop half-way."""
SOON_DAYS = 180
SETTINGS, LOGIN, QUOTA = "crm.settings", "crm.login", "crm.quota"
ASKING = (LOGIN, QUOTA)
ACTING: frozenset[RuleKind] = frozenset({"flow", "workflow", "trigger"})
REFUSING: frozenset[RuleKind] = frozenset({"validation rule"})
DUPLICATES: frozenset[RuleKind] = frozenset({"duplicate rule"})
TYPES = (RecordType.ACCOUNT, RecordType.CONTACT, RecordType.OPPORTUNITY, RecordType.TASK)


@dataclass(frozen=True)
class CrmDoctor:
    """Looks at one CRM. `connect` raises when settings lack; `at` gives the mapping's lines."""

    connect: Callable[[], Crm]
    mapping: CrmMapping
    at: Callable[..., str]
    now: Callable[[], datetime]

    def checks(self) -> list[Check]:
        """List the checks in their order."""
        return [
            Check(SETTINGS, "CRM settings", self._settings),
            Check("crm.version", "API version", self._version, (SETTINGS,)),
            Check(LOGIN, "CRM login", self._login, (SETTINGS,)),
            Check("crm.clock", "Clock", self._clock, (SETTINGS,)),
            Check(QUOTA, "API quota", self._quota, (SETTINGS,)),
            Check("crm.rights", "Permissions", self._rights_seen, ASKING),
            Check("crm.fields", "Fields of the mapping", self._fields, ASKING),
            Check("crm.places", "Where opportunities go", self._places, ASKING),
            Check("crm.install", "Our own fields", self._installed, ASKING),
            Check("crm.automations", "Automations", self._automations, ASKING),
            Check("crm.validations", "Validation rules", self._validations, ASKING),
            Check("crm.duplicates", "Duplicate rules", self._duplicates, ASKING),
        ]

    @property
    def reader(self) -> CrmReader:
        """The reader of the one connection, with the schemas it has seen; raises when settings lack."""
        return self._crm.reader

    @cached_property
    def _crm(self) -> Crm:
        return self.connect()

    @cached_property
    def _rights(self) -> Rights:
        return self._crm.inspector.rights()

    @cached_property
    def _rules(self) -> Rules:
        return self._crm.inspector.rules()

    def _settings(self) -> Seen:
        assert self._crm
        return ok(f"complete for {self.mapping.crm}")

    def _login(self) -> Seen:
        destination = self._crm.reader.destination()
        return Seen(Verdict.OK, destination.id, private=(destination.label,) if destination.label else ())

    def _clock(self) -> Seen:
        told, here = self._crm.inspector.server_time(), self.now()
        if told is None:
            return skip("the CRM told no time")
        skew = (here - told).total_seconds()
        if abs(skew) < SKEW_NOTED:
            return ok("agrees with the CRM's")
        way = "ahead of" if skew > 0 else "behind"
        seen = f"{abs(skew):,.0f} seconds {way} the CRM's"
        cure = "let this machine keep its time: timedatectl set-ntp true"
        if abs(skew) < SKEW_TOO_MUCH:
            return warn(seen, cure)
        return fail(seen, f"logins are refused and what changed is missed; {cure}")

    def _quota(self) -> Seen:
        told, budget = self._crm.meter.allowance(), self.mapping.api_budget
        if told is None:
            return skip("the CRM tells no daily limit for these credentials")
        floor, ours = round(budget.floor * told.allowed), round(budget.share * told.allowed)
        free = max(0, told.left - floor)
        seen = f"{told.left:,} of the day's {told.allowed:,} calls left"
        plan = f"at most {ours:,} a day are ours, the last {floor:,} are never touched"
        where = self.at("api_budget")
        if free == 0:
            cure = "wait until the CRM's day has moved on, and find the tool that spends them"
            return Seen(Verdict.FAIL, f"{seen}: none for us", cure, where, later=True, details=(plan,))
        if free < SHORT * ours:
            cure = "a run may have to stop half-way and go on tomorrow; find the tool that spends them"
            return warn(f"{seen}: {free:,} for us", cure, where, [plan])
        return ok(f"{seen}; {plan}")

    def _version(self) -> Seen:
        version = self._crm.inspector.api_version()
        cure = "install a newer connector"
        if version.offered and version.used not in version.offered:
            return fail(f"{version.used} is not among {version.offered[0]} … {version.offered[-1]}", cure)
        if version.ends is not None and (version.ends - self.now().date()).days < SOON_DAYS:
            return warn(f"{version.used} is supported until {version.ends:%B %Y}", cure)
        if version.offered and version.used == version.offered[0]:
            return warn(f"{version.used} is the oldest that is still answered", cure)
        until = f", supported until {version.ends:%B %Y}" if version.ends else ""
        among = f", of {version.offered[0]} … {version.offered[-1]}" if version.offered else ""
        return ok(f"{version.used}{among}{until}")

    def _rights_seen(self) -> Seen:
        needed = [right for right in self._rights.needed if right.needed_by == "run"]
        missing = [right for right in needed if right.granted is False]
        if missing:
            details = [f"{right.name}, because it {right.why}: {right.where}" for right in missing]
            named = ", ".join(right.name for right in missing)
            where = missing[0].where if len({right.where for right in missing}) == 1 else ""
            return fail(f"lacks {named}", f"grant {named}", where, details if len(missing) > 1 else ())
        unknown = [right.name for right in needed if right.granted is None]
        if unknown:
            return warn(f"cannot tell whether it has {', '.join(unknown)}", "compare with the list in the README")
        beyond = self._rights.beyond
        more = (f"more than needed: {', '.join(beyond)}",) if beyond else ()
        return ok(f"has the {len(needed)} that runs need", ", ".join(right.name for right in needed), *more)

    def _fields(self) -> Seen:
        types = (*TYPES, *(type for _, type, _, _ in documents(self.mapping)))
        wrong = [line for type in types for line in self._wrong(type, self._crm.reader.schema(type))]
        if not wrong:
            return ok("all can be read, and written where the mapping writes them")
        more = [f"… and {len(wrong) - MOST_SHOWN} more"] if len(wrong) > MOST_SHOWN else []
        cure = "let our user see and edit them, or mend the mapping: `connector check --live` gives the lines"
        return fail(wrong[0], cure, self._rights.fields, [*wrong[1:MOST_SHOWN], *more])

    def _places(self) -> Seen:
        """Where nothing of the mapping says it, the CRM decides, and an admin may change how at any time."""
        named = place_of(routes_of(self.mapping.opportunity)[-1])
        if named is not None:
            return ok(f"to {named}, as the mapping says")
        choices = self._crm.inspector.choices()
        if not choices:
            return ok("there is one place for them")
        told = (
            f"the mapping names no record type, so the CRM gives {choices[0]}; open to our user: {', '.join(choices)}"
        )
        cure = "name one as `record_type` in the mapping, and write it under `fields`"
        return warn(told, cure, self.at("opportunity", "record_type_field"))

    def _wrong(self, type: RecordType, schema: Schema) -> Iterator[str]:
        own = wanted_fields(self.mapping).get(type, {})
        for name in dict.fromkeys([*read_names(self.mapping, type), *_written(self.mapping, type)]):
            if name not in schema.fields and name not in own:
                yield f"{type}.{name} is hidden from our user, or not there"
        for name in _written(self.mapping, type):
            spec = schema.fields.get(name)
            if spec is not None and not spec.createable:
                yield f"{type}.{name} can only be read"

    def _installed(self) -> Seen:
        missing = self._crm.setup.missing(wanted_fields(self.mapping))
        lacking = [f"{type}: {', '.join(names)}" for type, names in sorted(missing.items()) if names]
        if lacking:
            seen = f"{sum(map(len, missing.values()))} of ours are not there, or hidden from our user"
            barred = [right for right in self._rights.needed if right.needed_by == "install" and right.granted is False]
            named = ", ".join(right.name for right in barred)
            who = f" as somebody who has {named}" if barred else ""
            cure = f"`connector install --dry-run` shows what it would create, `connector install`{who} creates it"
            return warn(seen, cure, barred[0].where if barred else "", lacking)
        keyed = RecordType.TASK in self._crm.reader.abilities().keyed
        tasks = "tasks carry our key" if keyed else "tasks carry no key here: they are found by the `ref:` line"
        return ok(f"all there; {tasks}")

    def _automations(self) -> Seen:
        cure = (
            f"see that none e-mails customers about our records: leave out those with {self.mapping.opportunity.key} "
            "filled"
        )
        return self._of_rules(ACTING, cure)

    def _validations(self) -> Seen:
        cure = "see that a new record of ours passes: `connector plan --full` shows one"
        return self._of_rules(REFUSING, cure)

    def _duplicates(self) -> Seen:
        cure = "let our user bypass it, or let it only warn: one that blocks refuses what it takes for a duplicate"
        return self._of_rules(DUPLICATES, cure)

    def _of_rules(self, kinds: frozenset[RuleKind], cure: str) -> Seen:
        rules = [rule for rule in self._rules.seen if rule.kind in kinds]
        unseen = [(kind, where) for kind, where in self._rules.unseen if kind in kinds]
        hidden = [f"{kind}s cannot be seen by our user; an admin does: {where}" for kind, where in unseen]
        if rules:
            counted = f"{_kinds(rules)} on opportunities and tasks"
            shown = [_shown(rule) for rule in rules[:MOST_SHOWN]]
            more = [f"… and {len(rules) - MOST_SHOWN} more"] if len(rules) > MOST_SHOWN else []
            return warn(counted, cure, "", [*more, *hidden], shown)
        if unseen:
            named = ", ".join(f"{kind}s" for kind, _ in unseen)
            places = tuple(f"{kind}s: {where}" for kind, where in unseen)
            told = f"{named} cannot be seen by our user"
            one = len(places) == 1
            return Seen(
                Verdict.SKIP,
                told,
                f"ask your admin to {cure}",
                unseen[0][1] if one else "",
                details=() if one else places,
            )
        if not self._tells(kinds):
            return skip("this CRM has none that would concern us")
        return ok("none on opportunities and tasks")

    def _tells(self, kinds: frozenset[RuleKind]) -> bool:
        """Say whether the CRM knows such rules at all: HubSpot has no duplicate rules on what we write."""
        return not (kinds == DUPLICATES and self.mapping.crm == "hubspot")


def _written(mapping: CrmMapping, type: RecordType) -> Sequence[str]:
    rules: dict[RecordType, dict[str, FieldRule]] = {
        RecordType.OPPORTUNITY: dict(mapping.opportunity.fields),
        RecordType.TASK: dict(mapping.task.fields),
        **{type: dict(fields) for _, type, fields, _ in documents(mapping)},
    }
    return list(rules.get(type, {}))


def _kinds(rules: Sequence[Rule]) -> str:
    counted: dict[str, int] = {}
    for rule in rules:
        counted[rule.kind] = counted.get(rule.kind, 0) + 1
    return ", ".join(f"{count} {kind}{'s' if count > 1 else ''}" for kind, count in counted.items())


def _shown(rule: Rule) -> str:
    on = f" on {rule.type}" if rule.type else ""
    return f"{rule.kind} “{rule.name}”{on}" + (f": {rule.effect}" if rule.effect else "")
