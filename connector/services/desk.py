"""Writes the records of one run: opportunities, their stage's tasks, review reminders, in their reader's language.

A stage's tasks follow the CRM's own history of entries into that stage: a stage entered twice asks again, but only
what was not done the first time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from connector.domain.account import Contact, CrmAccount, Owner
from connector.domain.catalogue import Language
from connector.domain.change import Desired, DesiredField, Link, RecordType, Ref
from connector.domain.episode import Episode
from connector.domain.intent import Intent, ReviewIntent, intent_of
from connector.domain.keys import review_key, rule_id, task_key
from connector.domain.mapping import FieldRule, OurStage, Route
from connector.domain.money import Money, exponent
from connector.domain.play import NEGOTIATION, REVIEW, Step
from connector.domain.project import Project
from connector.domain.receipt import Receipt
from connector.domain.routing import route_for
from connector.domain.workdays import add_workdays
from connector.services.calendar import country_of, holidays_of
from connector.services.people import whom_to_call
from connector.services.reasons import cited
from connector.services.texts import headline, in_language, render
from connector.services.world import World


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
        if known is None:
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
            return [self._task(step, episode.key, intent, account, ("none", 1, self._day(episode.opened_at)), None)]
        stage, entry, entered = self._position(episode)
        opportunity = self._opportunity(episode, intent, account, owner)
        to = Ref(RecordType.OPPORTUNITY, key=episode.key)
        steps = self.rules.negotiation.stages.get(stage, ()) if stage in self.rules.negotiation.stages else ()
        due = [step for step in steps if not self._was_done(episode.key, stage, entry, step.id)]
        return [opportunity, *(self._task(s, episode.key, intent, account, (stage, entry, entered), to) for s in due)]

    def bought(self, episode: Episode) -> list[Desired]:
        """The news for the owner that the customer bought the offer; the opportunity is theirs to close."""
        intent = intent_of(episode.brief)
        step = self.rules.negotiation.bought
        known = self.world.known.get(episode.key)
        to = Ref(RecordType.OPPORTUNITY, key=episode.key) if known is not None else None
        account = self.world.accounts[episode.account_id]
        if self.world.owner(step.role, account) is None:
            return []
        return [self._task(step, episode.key, intent, account, (step.id, 1, self.today), to)]

    def told_bought(self, episode: Episode) -> bool:
        """Say whether the owner was already told that the customer bought it."""
        step = self.rules.negotiation.bought.id
        return task_key(episode.key, NEGOTIATION, step, 1, step) in self.world.known

    def _was_done(self, episode: str, stage: str, entry: int, step: str) -> bool:
        """Say whether somebody did this step in an earlier visit to the stage."""
        earlier = (self.world.known.get(task_key(episode, NEGOTIATION, stage, n, step)) for n in range(1, entry))
        done = {
            record.id
            for record in self.world.tasks
            if record.fields.get(self.mapping.task.status) in self.mapping.task.done
        }
        return any(known is not None and known.crm_id in done for known in earlier)

    def _position(self, episode: Episode) -> tuple[Any, int, date]:
        """Which of our stages the opportunity is in, the how manieth entry that is, and since when."""
        record = self.world.opportunity(episode.key)
        if record is None:
            return "proposed", 1, self._day(episode.opened_at)
        stage_id = record.fields.get(self.mapping.opportunity.stage)
        ours: OurStage | None = self.world.our_stage(record)
        entries = [entry for entry in self.world.entries.get(record.id, ()) if entry.stage == stage_id]
        if ours == "proposed" and len(entries) <= 1:
            return ours, 1, self._day(episode.opened_at)
        entered = entries[-1].entered_at if entries else record.modified_at or self.now
        return ours or "none", max(len(entries), 1), self._day(entered)

    def _opportunity(self, episode: Episode, intent: Intent, account: CrmAccount, owner: Owner) -> Desired:
        language = self.world.language(owner)
        route = self._route(episode.key, intent)
        entry = self.world.stage("proposed", route)
        texts = self._intent_names(episode.key, intent, account, language)
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
            "stage": entry.id,
            "pipeline": entry.pipeline,
            "record_type": entry.pipeline if route.record_type else "",
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

    def _task(
        self,
        step: Step,
        parent_key: str,
        intent: Intent,
        account: CrmAccount,
        position: tuple[str, int, date],
        parent: Ref | None,
    ) -> Desired:
        stage, entry, entered = position
        owner = self.world.owner(step.role, account)
        language = self.world.language(owner)
        names = self._intent_names(parent_key, intent, account, language)
        key = task_key(parent_key, NEGOTIATION, stage, entry, step.id)
        due = add_workdays(entered, step.due, holidays_of(country_of(owner)))
        return self.written(step, key, account, owner, names, due, parent, intent.value, NEGOTIATION)

    def review(self, review: ReviewIntent, facts: Mapping[str, Any]) -> list[Desired]:
        """The reminders around one business review."""
        account = self.world.accounts[review.account_id]
        key = self._review_key(review)
        made = []
        for step in self.rules.review.steps:
            owner = self.world.owner(step.role, account)
            if owner is None:
                continue
            language = self.world.language(owner)
            due = add_workdays(review.on, step.due, holidays_of(country_of(owner)))
            if due < self.today:
                continue
            names = {
                **self.account_names(account, language),
                "review_on": review.on,
                "renewal_on": review.renewal_on,
                "announce": [in_language(self.rules.catalogue.offers[o].label, language) for o in review.announce],
                "evidence": [in_language(text, language) for text in facts["evidence"]],
                "mrr": facts["mrr"],
                "data_to": facts["data_to"],
            }
            made.append(
                self.written(
                    step, task_key(key, REVIEW, "none", 1, step.id), account, owner, names, due, None, 0, REVIEW
                )
            )
        return made

    def _review_key(self, review: ReviewIntent) -> str:
        """A review keeps the key it got before its account was merged into another."""
        merged = sorted(loser for loser, into in self.world.survivors.items() if into == review.account_id)
        keys = [
            review_key(self.mapping.namespace, id, review.term_start, review.ordinal)
            for id in (review.account_id, *merged)
        ]
        steps = [step.id for step in self.rules.review.steps]
        told = (key for key in keys if any(task_key(key, REVIEW, "none", 1, one) in self.world.known for one in steps))
        return next(told, keys[0])

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
    ) -> Desired:
        """One task, with whom it is about and what it belongs to."""
        language = self.world.language(owner)
        subject = render(in_language(step.subject, language), language, names, self._at(play, step.id))
        task = self.mapping.task
        context = {
            "account": account,
            "need": "",
            "key": key,
            "episode": parent.key if parent and parent.key else key,
            "play": play,
            "owner_id": owner.id if owner else None,
            "subject": subject,
            "body": render(in_language(step.body, language), language, names, self._at(play, step.id)),
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
            "subject": str(step.subject),
            "body": str(step.body),
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

    def _route(self, key: str, intent: Intent) -> Route:
        """The route of a record: where it is, or where a new one will be made."""
        record = self.world.opportunity(key)
        if record is not None:
            return self.world.route_of(record)
        return route_for(self.mapping.opportunity, intent.need, intent.offer, intent.kind)

    def _intent_names(self, key: str, intent: Intent, account: CrmAccount, language: Language) -> dict[str, Any]:
        offer = self.rules.catalogue.offers[intent.offer]
        reasons, against = cited(intent.contributions, self.rules.signals)
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
            "moment": {"on": intent.moment.on, "label": in_language(intent.moment.label, language)},
            "data_to": intent.data_to,
            "terms": [in_language(one, language) for one in intent.terms],
            "stages": dict(self._route(key, intent).stages),
            "opportunity": in_language(self.mapping.opportunity.called, language),
        }

    def account_names(self, account: CrmAccount, language: Language) -> dict[str, Any]:
        return {
            "account": account,
            "contact": whom_to_call(self.world.contacts.get(account.id, ()), language),
            "goals": account.facts.get("goals", ""),
            "irritants": account.facts.get("irritants", ""),
        }

    def _amount(self, intent: Intent) -> Money:
        """The amount the CRM shows: a year or a month of what is added, as the mapping says."""
        months = 12 if self.mapping.opportunity.amount_basis == "arr" else 1
        return Money(intent.reported.minor * months, intent.reported.currency)

    def _day(self, moment: datetime) -> date:
        return self.rules.day(moment)

    def _at(self, play: str, *loc: str) -> str:
        return self.rules.at(f"playbooks/{play}.yaml", *loc)


def _plain(money: Money) -> str:
    return f"{money.major:.{exponent(money.currency)}f}"
