"""Which tasks an opportunity's stage asks for, by the CRM's own history of entries into stages.

A stage entered twice asks again, but only for what nobody did or works on. A move forward takes untouched open tasks
along, marked with where they come from, as often as the playbook says; a move back takes the later ones back. No two
stages' tasks are due on one day: nobody listens and signs in one meeting.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import pairwise

from connector.domain.account import CrmAccount, Owner
from connector.domain.change import Desired, RecordType, Ref
from connector.domain.episode import Episode
from connector.domain.intent import Intent, intent_of
from connector.domain.keys import rule_id, task_key
from connector.domain.play import NEGOTIATION, STAGES, NegotiationStage, Silent, Step, Whom
from connector.domain.workdays import next_workday, workdays_between
from connector.services.calendar import country_of, holidays_of
from connector.services.desk import Desk, Place
from connector.services.done import Standings, Stood
from connector.services.people import profile_of
from connector.services.texts import cut, in_language, render
from connector.services.wording import LONGEST_SUBJECT
from connector.services.world import TOLD_SUBJECT


@dataclass(frozen=True)
class Visit:
    """One stay in a stage: the n-th of it, and since when."""

    stage: NegotiationStage | None
    entry: int
    since: date


def stage_tasks(desk: Desk, episode: Episode, standings: Standings) -> list[Desired]:
    """Every task that an open opportunity asks for as it stands now."""
    intent, account = intent_of(episode.brief), desk.world.accounts[episode.account_id]
    visits = path(desk, episode)
    here = visits[-1]
    if here.stage is None:
        return []
    visiting = Visiting(desk, episode, intent, account, standings, visits)
    along = list(visiting.carried())
    made = along + list(visiting.of_stage(here, here.stage))
    return made + list(visiting.silent(here, here.stage))


def path(desk: Desk, episode: Episode) -> list[Visit]:
    """Each stay of the opportunity in a stage, the last one is where it is; our own creation enters `proposed`."""
    record, opened = desk.world.opportunity(episode.key), desk.day(episode.opened_at)
    if record is None:
        return [Visit("proposed", 1, opened)]
    counted: dict[NegotiationStage | None, int] = {}
    visits = []
    for stage, entry in desk.world.path(record):
        counted[stage] = counted.get(stage, 0) + 1
        since = opened if (stage, counted[stage]) == ("proposed", 1) else desk.day(entry.entered_at)
        visits.append(Visit(stage, counted[stage], since))
    here = desk.world.our_stage(record)
    if not visits or visits[-1].stage != here:
        since = opened if here == "proposed" else desk.day(record.modified_at or desk.now)
        visits.append(Visit(here, counted.get(here, 0) + 1, since))
    return visits


class Visiting:
    """The tasks of one opportunity, at one stay in a stage."""

    def __init__(
        self,
        desk: Desk,
        episode: Episode,
        intent: Intent,
        account: CrmAccount,
        standings: Standings,
        visits: Sequence[Visit],
    ) -> None:
        self.desk, self.episode, self.intent, self.account = desk, episode, intent, account
        self.standings, self.visits = standings, visits
        self.book = desk.rules.negotiation
        self.parent = Ref(RecordType.OPPORTUNITY, key=episode.key)

    # What comes along -------------------------------------------------------------------------------------------------

    def carried(self) -> Iterator[Desired]:
        """Untouched open tasks of earlier stages that go along."""
        for number, visit in enumerate(self.visits[:-1]):
            if visit.stage is None or not 1 <= self._moves_since(number) <= self.book.carry:
                continue
            for step in self.book.stages.get(visit.stage, ()):
                stood = self.standings.of(self._key(visit.stage, visit.entry, step))
                if stood is not None and stood.standing == "open":
                    yield self._marked(step, visit.stage, visit.entry)

    def _moves_since(self, number: int) -> int:
        """How many moves forward followed a stay; 0 once one of them went back, for then its tasks went, too."""
        places = [STAGES.index(visit.stage) for visit in self.visits[number:] if visit.stage is not None]
        steps = list(pairwise(places))
        return len(steps) if all(after > before for before, after in steps) else 0

    def _marked(self, step: Step, stage: NegotiationStage, entry: int) -> Desired:
        """A task that stands, with only its subject new: what came along, and from where."""
        place = Place(stage, entry, self.visits[-1].since)
        key = self._key(stage, entry, step)
        plain = self.desk.task(step, self.episode.key, self.intent, self.account, place, self.parent)
        receipts = self.desk.world.known[key].receipts
        mark, fields = str(self.book.carried), {}
        for name, field in plain.fields.items():
            rule = self.desk.mapping.task.fields[name].value
            if not TOLD_SUBJECT.search(rule):
                continue
            marked = rule_id(rule, {"subject": f"{step.subject}{mark}"})
            receipt = receipts.get(name)
            stands = receipt is not None and receipt.rule == marked
            value = receipt.sent if stands and receipt is not None else self._from(field.value or "", stage, step)
            fields[name] = replace(field, value=value, rule=marked)
        reason = f"{NEGOTIATION}: {step.id}, from {stage}"
        return replace(plain, fields=fields, links=(), only_untouched=True, reason=reason)

    def _from(self, subject: str, stage: NegotiationStage, step: Step) -> str:
        language = self.desk.world.language(self.desk.world.owner(step.role, self.account))
        label = self.desk.route(self.episode.key, self.intent).stages[stage]
        template = in_language(self.book.carried, language)
        room = LONGEST_SUBJECT - len(render(template, language, {"subject": "", "stage": label}))
        return render(template, language, {"subject": cut(subject, max(room - 1, 1)), "stage": label})

    # What the stage asks for ------------------------------------------------------------------------------------------

    def of_stage(self, here: Visit, stage: NegotiationStage) -> Iterator[Desired]:
        """The steps of the stage that nobody did or works on, each once what it waits for is done."""
        taken = self._days_taken(stage)
        for step in self.book.stages.get(stage, ()):
            key = self._key(stage, here.entry, step)
            known = self.standings.of(key)
            owner = self.desk.world.owner(step.role, self.account)
            since = self._since(step, stage, here)
            if since is None and known is None:
                continue
            if known is None and (self._is_settled_before(stage, here.entry, step) or not self._is_for(step, owner)):
                continue
            due = known.due if known is not None else None
            if due is None:
                due = self._free_day(step, since or here.since, owner, taken)
            place = Place(stage, here.entry, since or here.since)
            yield self.desk.task(step, self.episode.key, self.intent, self.account, place, self.parent, due)

    def _is_for(self, step: Step, owner: Owner | None) -> bool:
        intent, language = self.intent, self.desk.world.language(owner)
        names = self.desk.account_names(self.account, language)
        whom = Whom(
            intent.segment,
            intent.need,
            intent.offer,
            intent.kind,
            language,
            profile_of(names["contact"], self.desk.mapping.contact),
        )
        return step.when.takes(whom)

    def _is_settled_before(self, stage: NegotiationStage, entry: int, step: Step) -> bool:
        """Somebody did it on an earlier visit, or still works on it."""
        earlier = (self.standings.of(self._key(stage, n, step)) for n in range(1, entry))
        return any(stood is not None and stood.standing in ("done", "begun") for stood in earlier)

    def _since(self, step: Step, stage: NegotiationStage, here: Visit) -> date | None:
        """From when a step counts: the stage's day, or that of the last thing it waited for; None while it waits."""
        days = [here.since]
        for other in step.after:
            stood = self._last(other, stage, here.entry)
            if stood is None or not stood.is_over or (step.answered and stood.answer not in step.answered):
                return None
            days.append(self.desk.day(stood.at) if stood.at else self.desk.today)
        return max(days)

    def _last(self, step: str, stage: NegotiationStage, entry: int) -> Stood | None:
        """How a step stands: done on any visit, else as on the last one."""
        keys = (task_key(self.episode.key, NEGOTIATION, stage, n, step) for n in range(entry, 0, -1))
        some = [stood for stood in map(self.standings.of, keys) if stood is not None]
        return next((one for one in some if one.standing == "done"), some[0] if some else None)

    def _days_taken(self, here: NegotiationStage) -> set[date]:
        """Days on which an open task of another stage is due."""
        taken = set()
        for visit in self.visits[:-1]:
            for step in self.book.stages.get(visit.stage, ()) if visit.stage not in (None, here) else ():
                stood = self.standings.of(self._key(str(visit.stage), visit.entry, step))
                if stood is not None and stood.standing in ("open", "begun") and stood.due is not None:
                    taken.add(stood.due)
        return taken

    def _free_day(self, step: Step, since: date, owner: Owner | None, taken: Collection[date]) -> date:
        free = holidays_of(country_of(owner))
        day = max(self.desk.due(step, since, owner), next_workday(self.desk.today, free))
        while day in taken:
            day = next_workday(day + timedelta(days=1), free)
        return day

    # What silence asks for --------------------------------------------------------------------------------------------

    def silent(self, here: Visit, stage: NegotiationStage) -> Iterator[Desired]:
        """Follow-ups of an opportunity that does not move, then the escalation, then nothing."""
        if stage not in self.book.silence.stages:
            return
        since = self._last_sign(here, stage)
        before: tuple[Silent, Stood] | None = None
        for one in self.book.silence.follow_ups:
            owner = self.desk.world.owner(one.step.role, self.account)
            known = self.standings.of(self._key(stage, here.entry, one.step))
            if self._passed(since, owner) < one.days or not (known or self._is_next(one, before, owner)):
                return
            due = known.due if known is not None and known.due else self.desk.due(one.step, self.desk.today, owner)
            place = Place(stage, here.entry, self.desk.today)
            yield self.desk.task(one.step, self.episode.key, self.intent, self.account, place, self.parent, due)
            if known is None or known.standing in ("put_off", "gone"):
                return
            before = (one, known)

    def _last_sign(self, here: Visit, stage: NegotiationStage) -> date:
        """The last sign of life: the stage was entered, a step of it was done, or the last one was due."""
        days = [here.since]
        for step in self.book.stages.get(stage, ()):
            stood = self.standings.of(self._key(stage, here.entry, step))
            if stood is not None and stood.standing == "done" and stood.at is not None:
                days.append(self.desk.day(stood.at))
            elif stood is not None and stood.due is not None:
                days.append(stood.due)
        return max(days)

    def _is_next(self, one: Silent, before: tuple[Silent, Stood] | None, owner: Owner | None) -> bool:
        """Whether its turn has come: after a pause of ours, too, follow-ups come one after the other."""
        if before is None:
            return True
        earlier, stood = before
        return stood.due is None or self._passed(stood.due, owner) >= one.days - earlier.days - earlier.step.due

    def _passed(self, since: date, owner: Owner | None) -> int:
        return workdays_between(since, self.desk.today, holidays_of(country_of(owner)))

    def _key(self, stage: str, entry: int, step: Step) -> str:
        return task_key(self.episode.key, NEGOTIATION, stage, entry, step.id)
