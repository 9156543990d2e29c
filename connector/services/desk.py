"""Writes the records of one run in their reader's language: opportunities and single tasks.

Which tasks a stage asks for is decided elsewhere (`stage_tasks`), as is what follows a sale or a review.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any

from connector.domain.account import Contact, CrmAccount, Owner
from connector.domain.catalogue import Language
from connector.domain.change import Desired, DesiredField, Link, RecordType, Ref
from connector.domain.crm_facts import NOTED
from connector.domain.episode import Episode
from connector.domain.intent import Intent, intent_of
from connector.domain.keys import rule_id, task_key
from connector.domain.mapping import FieldRule, Route
from connector.domain.money import Money, exponent
from connector.domain.play import NEGOTIATION, Step, Whom
from connector.domain.project import Project
from connector.domain.receipt import Receipt
from connector.domain.routing import route_for, stage_in
from connector.domain.workdays import add_workdays, next_workday
from connector.services.avoid import Avoid
from connector.services.calendar import country_of, holidays_of
from connector.services.moment import WHEN, moment_names
from connector.services.people import language_of, profile_of, whom_to_call
from connector.services.reasons import cited, internal_to, ruled
from connector.services.texts import headline, in_language, render
from connector.services.wording import body_of, letter, subject_of, words_for
from connector.services.world import World


@dataclass(frozen=True)
class Place:
    """Where a task of a negotiation belongs: the n-th entry into a stage (or what stands for one), and its day."""

    stage: str
    entry: int
    since: date


class Desk:
    """Where records are written: the world, the rules and the day, shared by every record of a run."""

    def __init__(self, world: World, rules: Project, now: datetime) -> None:
        assert rules.mapping is not None
        self.world, self.rules, self.mapping, self.now = world, rules, rules.mapping, now
        self.document = f"mappings/{self.mapping.name}.yaml"
        self.today = rules.day(now)

    def settled(self, desired: Desired, is_news: bool) -> Desired:
        """Let what was sent, or waits to be, stand in a record that exists, unless its brief or its rule is new.

        With `existing: leave` an edited rule changes no record that was written under the old one.
        """
        known = self.world.known.get(desired.key)
        if known is None or desired.only_untouched:
            return desired
        waiting = self.world.waiting.get(desired.key, {})
        meant = {**known.receipts, **{name: Receipt(one.after, None, rule=one.rule) for name, one in waiting.items()}}
        fields = {name: self._kept(field, meant.get(name), is_news) for name, field in desired.fields.items()}
        if is_news:
            return replace(desired, fields=fields)
        told = {link.role: link for link in desired.links}
        roles = {receipt.role for receipt in known.associations}
        return replace(desired, fields=fields, links=tuple(told[r] for r in told if r not in roles or r != "contact"))

    def _kept(self, field: DesiredField, receipt: Receipt | None, is_news: bool) -> DesiredField:
        is_edited = receipt is not None and bool(receipt.rule) and receipt.rule != field.rule
        stands = self.mapping.existing == "leave" if is_edited else not is_news
        return replace(field, value=receipt.sent, rule=receipt.rule) if receipt is not None and stands else field

    def episode(self, episode: Episode) -> list[Desired]:
        """An opportunity with the tasks of the stage it is in, or the one task of a small proposal."""
        intent = intent_of(episode.brief)
        account = self.world.accounts[episode.account_id]
        owner = self.world.owner("ae", account)
        if owner is None:
            return []
        if intent.as_task:
            step = self.rules.negotiation.small
            place = Place("none", 1, self.day(episode.opened_at))
            return [self.task(step, episode.key, intent, account, place, None)]
        opportunity = self._opportunity(episode, intent, account, owner)
        return [opportunity] if opportunity is not None else []

    def bought(self, episode: Episode) -> list[Desired]:
        """The news for the owner that the customer bought the offer; the opportunity is theirs to close."""
        intent = intent_of(episode.brief)
        step = self.rules.negotiation.bought
        known = self.world.known.get(episode.key)
        to = Ref(RecordType.OPPORTUNITY, key=episode.key) if known is not None else None
        account = self.world.accounts[episode.account_id]
        if self.world.owner(step.role, account) is None:
            return []
        return [self.task(step, episode.key, intent, account, Place(step.id, 1, self.today), to)]

    def told_bought(self, episode: Episode) -> bool:
        """Say whether the owner was already told that the customer bought it."""
        step = self.rules.negotiation.bought.id
        return task_key(episode.key, NEGOTIATION, step, 1, step) in self.world.known

    def _opportunity(self, episode: Episode, intent: Intent, account: CrmAccount, owner: Owner) -> Desired | None:
        """The opportunity; None while a new one has no stage to begin in, because that was renamed in the CRM."""
        language = self.world.language(owner)
        route = self.route(episode.key, intent)
        entry = stage_in(route, "proposed", self.world.stages)
        if entry is None and episode.key not in self.world.known:
            return None
        texts = self.intent_names(episode.key, intent, account, language)
        book, offer = self.rules.negotiation, self.rules.catalogue.offers[intent.offer]
        name = render(in_language(book.title, language), language, texts)
        context = {
            "account": account,
            "offer": texts["offer"],
            "need": episode.need,
            "key": episode.key,
            "episode": str(episode.ordinal),
            "play": intent.play,
            "amount": _plain(self._amount(intent)),
            "mrr": _plain(intent.reported),
            "currency": intent.reported.currency,
            "close_date": intent.moment.on.isoformat(),
            "stage": entry.id if entry else "",
            "pipeline": entry.pipeline if entry else "",
            "record_type": entry.pipeline if entry and route.record_type else "",
            "owner_id": owner.id,
            "name": name,
            "why": render(in_language(book.why, language), language, texts, self._at(NEGOTIATION, "why")),
            "next_step": render(in_language(book.next_step, language), language, texts),
            "p": round(intent.p, 4),
            "data_to": intent.data_to.isoformat(),
            "quantity": intent.quantity,
        }
        reason = "; ".join(headline(line) for line in texts["evidence"][:2]) or in_language(offer.label, language)
        links = (Link("account", self.mapping.opportunity.links["account"], Ref(RecordType.ACCOUNT, id=account.id)),)
        sources = {
            "name": str(book.title),
            "why": str(book.why),
            "next_step": str(book.next_step),
            "stage": route.stages["proposed"],
            "amount": self.mapping.opportunity.amount_basis,
        }
        fields = self._fields("opportunity", self.mapping.opportunity.fields, context, language, sources)
        return Desired(RecordType.OPPORTUNITY, episode.key, account.id, name, reason, fields, links, intent.value)

    def task(
        self,
        step: Step,
        parent_key: str,
        intent: Intent,
        account: CrmAccount,
        place: Place,
        parent: Ref | None,
        due: date | None = None,
    ) -> Desired:
        """One task of a negotiation; `due` where something else decides it than the day of the place."""
        owner = self.world.owner(step.role, account)
        language = self.world.language(owner)
        names = self.intent_names(parent_key, intent, account, language)
        key = task_key(parent_key, NEGOTIATION, place.stage, place.entry, step.id)
        due = due or self.due(step, place.since, owner)
        whom = Whom(
            intent.segment,
            intent.need,
            intent.offer,
            intent.kind,
            language,
            profile_of(names["contact"], self.mapping.contact),
        )
        spoken = language_of(names["contact"], account, language)
        outside = self.intent_names(parent_key, intent, account, spoken) if step.email is not None else {}
        text = self.letter(step, whom, language, spoken, {**outside, "owner": owner.name if owner else ""})
        return self.written(step, key, account, owner, names, due, parent, intent.value, NEGOTIATION, whom, text)

    def due(self, step: Step, since: date, owner: Owner | None) -> date:
        """The day that a step is due on, where its owner works."""
        free = holidays_of(country_of(owner))
        if step.days is not None:
            return next_workday(since + timedelta(days=step.days), free)
        return add_workdays(since, step.due, free)

    def letter(self, step: Step, whom: Whom, reader: Language, spoken: Language, names: Mapping[str, Any]) -> str:
        """The letter of a step, citing only what may be cited to a customer; empty where it has none."""
        if step.email is None or not names.get("contact"):
            return ""
        cited = {**names, "evidence": names["citable"], "against": []}
        return letter(step.email, replace(whom, language=spoken), reader, spoken, cited, self._at(NEGOTIATION, step.id))

    def written(
        self,
        step: Step,
        key: str,
        account: CrmAccount,
        owner: Owner | None,
        names: Mapping[str, Any],
        due: date,
        parent: Ref | None,
        value: int,
        play: str,
        whom: Whom | None = None,
        letter: str = "",
    ) -> Desired:
        """One task, with whom it is about and what it belongs to."""
        language = self.world.language(owner)
        words = words_for(
            step, whom or Whom(language=language, profile=profile_of(names["contact"], self.mapping.contact))
        )
        subject = subject_of(words.subject, language, names, self._at(play, step.id))
        task = self.mapping.task
        context = {
            "account": account,
            "need": "",
            "key": key,
            "episode": parent.key if parent and parent.key else key,
            "play": play,
            "owner_id": owner.id if owner else None,
            "subject": subject,
            "body": body_of(step, words.body, language, names, self._at(play, step.id)) + letter,
            "due": due.isoformat(),
            "kind": task.kinds[step.kind],
            "status": task.open,
            "priority": step.priority,
            "reminder": "",
        }
        contact: Contact | None = names["contact"]["contact"] if names.get("contact") else None
        links = (
            [Link("account", task.links["account"], Ref(RecordType.ACCOUNT, id=account.id))]
            if "account" in task.links
            else []
        )
        if parent is not None and "opportunity" in task.links:
            links = [link for link in links if link.name != task.links["opportunity"]]
            links.append(Link("opportunity", task.links["opportunity"], parent))
        if contact is not None and "contact" in task.links:
            links.append(Link("contact", task.links["contact"], Ref(RecordType.CONTACT, id=contact.id)))
        reason = f"{play}: {step.id}"
        sources = {
            "subject": str(words.subject),
            "body": f"{words.body}{step.exit or ''}{step.email or ''}",
            "kind": task.kinds[step.kind],
            "status": task.open,
            "priority": step.priority,
            "due": str(step.due),
        }
        fields = self._fields("task", task.fields, context, language, sources)
        return Desired(RecordType.TASK, key, account.id, subject, reason, fields, tuple(links), value)

    def _fields(
        self,
        section: str,
        rules: Mapping[str, FieldRule],
        context: Mapping[str, Any],
        language: Language,
        sources: Mapping[str, str],
    ) -> dict[str, DesiredField]:
        made = {}
        for name, rule in rules.items():
            at = self.rules.at(self.document, section, "fields", name)
            value = render(rule.value, language, context, at) or None
            made[name] = DesiredField(value, rule.policy, rule.clear, at, rule_id(rule.value, sources))
        return made

    def route(self, key: str, intent: Intent) -> Route:
        """The route of a record: where it is, or where a new one will be made."""
        record = self.world.opportunity(key)
        if record is not None:
            return self.world.route_of(record)
        return route_for(self.mapping.opportunity, intent.need, intent.offer, intent.kind)

    def intent_names(self, key: str, intent: Intent, account: CrmAccount, language: Language) -> dict[str, Any]:
        """Names that the texts of a negotiation may use."""
        offer = self.rules.catalogue.offers[intent.offer]
        others = [c for c in intent.contributions if c.name != WHEN.get(intent.moment.kind)]
        told = others if any(c.term > 0 for c in others) else intent.contributions
        reasons, against = cited(told, self.rules.signals)
        internal = internal_to(self.rules)
        outside = [c for c in ruled(intent.contributions) if c.name not in internal]
        return {
            **self.account_names(account, language),
            "offer": {
                "id": intent.offer,
                "label": in_language(offer.label, language),
                "kind": intent.kind,
                "lever": intent.lever,
                "team": in_language(offer.team, language),
                "quantity": intent.quantity,
            },
            "need": intent.need,
            "quantity": intent.quantity,
            "delta_mrr": intent.delta_mrr,
            "amount": self._amount(intent),
            "basis": self.mapping.opportunity.amount_basis,
            "p": intent.p,
            "evidence": [in_language(text, language) for text in reasons],
            "against": [in_language(text, language) for text in against],
            "moment": moment_names(intent.moment, language),
            "data_to": intent.data_to,
            "citable": [in_language(text, language) for text in cited(outside, self.rules.signals)[0]],
            "weighted": Money(intent.value, intent.reported.currency),
            "avoid": self.avoid.lines(account.id, intent.need, language),
            "terms": [in_language(one, language) for one in intent.terms],
            "stages": dict(self.route(key, intent).stages),
            "opportunity": in_language(self.mapping.opportunity.called, language),
        }

    def account_names(self, account: CrmAccount, language: Language) -> dict[str, Any]:
        """Names that every playbook may use: who it is, whom to call, and what people noted there."""
        return {
            "account": account,
            "contact": whom_to_call(self.world.contacts.get(account.id, ()), language),
            **{fact: account.facts.get(fact, "") for fact in NOTED},
            "answer": self.answer_label,
        }

    @cached_property
    def avoid(self) -> Avoid:
        """What not to raise with whom."""
        return Avoid(self.world, self.rules, self.now)

    @cached_property
    def answer_label(self) -> str:
        """What people see of the picklist in which they say what came of a task; empty where there is none."""
        name = self.mapping.task.answer
        new = self.mapping.install.get("task", {}).get(name or "")
        return (new.label if new else name) or ""

    def _amount(self, intent: Intent) -> Money:
        """The amount the CRM shows: a year or a month of what is added, as the mapping says."""
        months = 12 if self.mapping.opportunity.amount_basis == "arr" else 1
        return Money(intent.reported.minor * months, intent.reported.currency)

    def day(self, moment: datetime) -> date:
        """The calendar day of a moment where the project's people work."""
        return self.rules.day(moment)

    def _at(self, play: str, *loc: str) -> str:
        return self.rules.at(f"playbooks/{play}.yaml", *loc)


def _plain(money: Money) -> str:
    return f"{money.major:.{exponent(money.currency)}f}"
