"""The account card: one note per account that says how it stands, updated in place and never made twice.

Decided here: which accounts get one is the policy's to say. `active` (the default) means those with a proposal of ours
open, and every account that has a card already: who prepares a review has its brief, who helps has the reason in the
task, and an org of fifty thousand accounts is not covered with notes on its first morning. Owned, in the pipeline, gap
and not for them come from the run's white space; what not to raise, from what is open on the bill, at support, or was
declined lately.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from connector.domain.account import CrmAccount
from connector.domain.catalogue import Catalogue, Language
from connector.domain.change import Desired, RecordType, Ref
from connector.domain.episode import Episode, EpisodeState
from connector.domain.features import AccountFeatures, MetricFeatures
from connector.domain.intent import Intent, ReviewIntent
from connector.domain.keys import document_key, episode_key, review_key, task_key
from connector.domain.play import REVIEW, is_proposal
from connector.domain.white_space import Cell, Space
from connector.services.brief import surprises_of
from connector.services.brief_page import surprise_lines
from connector.services.desk import Desk
from connector.services.documents import Document, noted
from connector.services.measure import Measured
from connector.services.texts import day, in_language, number, short_day, typeset

CARD = "card"
MOST = 6
"""Of anything that a line lists."""
OPEN_NO = (EpisodeState.NO, EpisodeState.LOST, EpisodeState.NOT_USEFUL)
_WORDS: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "title": "Account card: {name}",
        "owned": "Has: {listed}",
        "pipeline": "In the pipeline: {listed}",
        "gap": "Could have: {listed}",
        "not_eligible": "Not for them: {listed}",
        "usage": "Use against limits: {listed}",
        "at": "{label} {pace} of {limit}",
        "renewal": "Renews: {on}",
        "no_renewal": "Renews: no date known",
        "review": "Business review: last {last}, next {next}",
        "none": "none known",
        "avoid": "Not to raise: {listed}",
        "said_no": "{offer} (declined {on})",
        "nothing": "nothing known",
        "between": "; ",
        "foot": "Data to {on}. This note is kept up to date; what you write in it stays yours.",
    },
    "fr": {
        "title": "Fiche du compte : {name}",
        "owned": "A déjà : {listed}",
        "pipeline": "En cours : {listed}",
        "gap": "Pourrait avoir : {listed}",
        "not_eligible": "Pas pour eux : {listed}",
        "usage": "Usage et limites : {listed}",
        "at": "{label} {pace} sur {limit}",
        "renewal": "Renouvellement : {on}",
        "no_renewal": "Renouvellement : date inconnue",
        "review": "Revue d’affaires : dernière : {last} ; prochaine : {next}",
        "none": "aucune connue",
        "avoid": "À ne pas évoquer : {listed}",
        "said_no": "{offer} (refus le {on})",
        "nothing": "rien à notre connaissance",
        "between": " ; ",
        "foot": "Données au {on}. Cette note est tenue à jour ; ce que vous y écrivez reste à vous.",
    },
}


@dataclass(frozen=True)
class Told:
    """What a run knows that cards tell."""

    measured: Measured
    links: Mapping[str, str]
    """Billing account → CRM account."""
    white_space: Mapping[str, Mapping[str, str]]
    intents: Sequence[Intent]
    reviews: Sequence[ReviewIntent]
    """Every review that comes up."""


@dataclass(frozen=True)
class _Past:
    """What was before, looked up once for all cards."""

    done: Mapping[str, date]
    """Task's CRM id → the day it was done."""
    declined: Mapping[str, Sequence[Episode]]
    """CRM account → attempts that it said no to."""

    @classmethod
    def of(cls, desk: Desk) -> _Past:
        status, words = desk.mapping.task.status, set(desk.mapping.task.done)
        declined: dict[str, list[Episode]] = defaultdict(list)
        for episode in desk.world.episodes:
            if episode.state in OPEN_NO and episode.closed_at is not None:
                declined[episode.account_id].append(episode)
        done = {
            record.id: desk.rules.day(record.modified_at)
            for record in desk.world.tasks
            if record.fields.get(status) in words and record.modified_at is not None
        }
        return cls(done, declined)


def cards(desk: Desk, told: Told) -> list[Desired]:
    """The card of every account that gets one."""
    if desk.mapping.note is None or desk.rules.policy.cards == "none":
        return []
    groups, past = _groups(told), _Past.of(desk)
    wanted = _wanted(desk, told, groups)
    next_reviews = {one.account_id: one.on for one in sorted(told.reviews, key=lambda one: one.on, reverse=True)}
    return [
        card
        for id in sorted(wanted)
        if (card := _card(desk, desk.world.accounts[id], groups[id], told, past, next_reviews.get(id))) is not None
    ]


def card_key(desk: Desk, account_id: str) -> str:
    """Key of an account's card; it stays when the account is merged into another."""
    merged = sorted(loser for loser, into in desk.world.survivors.items() if into == account_id)
    keys = [document_key(episode_key(desk.mapping.namespace, id, CARD, 1), "note") for id in (account_id, *merged)]
    return next((key for key in keys if key in desk.world.known), keys[0])


def _groups(told: Told) -> dict[str, list[AccountFeatures]]:
    grouped: dict[str, list[AccountFeatures]] = defaultdict(list)
    for billing_id, features in sorted(told.measured.accounts.items()):
        if billing_id in told.links and not features.is_test:
            grouped[told.links[billing_id]].append(features)
    return {id: sorted(some, key=lambda one: (-one.mrr_minor, one.account_id)) for id, some in grouped.items()}


def _wanted(desk: Desk, told: Told, groups: Collection[str]) -> set[str]:
    """Accounts that get a card: customers of ours that the CRM knows, by the policy's choice."""
    there = {id for id in groups if id in desk.world.accounts}
    if desk.rules.policy.cards == "all":
        return there
    active = {one.account_id for one in told.intents} | {
        one.account_id for one in desk.world.episodes if one.state is EpisodeState.OPEN and is_proposal(one.need)
    }
    return {id for id in there if id in active or card_key(desk, id) in desk.world.known}


def _card(
    desk: Desk,
    account: CrmAccount,
    accounts: Sequence[AccountFeatures],
    told: Told,
    past: _Past,
    next_review: date | None,
) -> Desired | None:
    owner = desk.world.owner("ae", account)
    if owner is None:
        return None
    language = desk.world.language(owner)
    said = {key: typeset(text, language) for key, text in _WORDS[language].items()}
    data_to = accounts[0].data_to or told.measured.as_of.date()
    lines = [
        *_space(_with_todays(told, account.id), desk.rules.catalogue, said, language),
        *_usage(accounts, told.measured, desk.rules.catalogue, said, language),
        _renewal(accounts, said, language),
        _reviews(_last_review(desk, account, accounts[0], past), next_review, said, language),
        _avoid(desk, past.declined.get(account.id, ()), accounts, said, language),
    ]
    document = Document(
        key="",
        account=account,
        owner=owner,
        title=said["title"].format(name=account.name),
        name="",
        page="",
        core="\n".join([*lines, "", said["foot"].format(on=day(data_to, language))]),
        reason="card: how the account stands",
        on=desk.today,
        data_to=data_to,
        places=[("account", Ref(RecordType.ACCOUNT, id=account.id))],
    )
    return noted(desk, document, card_key(desk, account.id))


def _with_todays(told: Told, account_id: str) -> Mapping[str, str]:
    """An account's white space with what is proposed today in the pipeline, as the next run will see it."""
    proposed = {one.offer: Space.PIPELINE.value for one in told.intents if one.account_id == account_id}
    return {**told.white_space.get(account_id, {}), **proposed}


def _space(row: Mapping[str, str], catalogue: Catalogue, said: Mapping[str, str], language: Language) -> Iterator[str]:
    by_space: dict[Space, list[str]] = defaultdict(list)
    for offer, text in row.items():
        if offer in catalogue.offers:
            by_space[Cell.read(text).space].append(in_language(catalogue.offers[offer].label, language))
    for space in Space:
        if by_space[space]:
            yield said[space.value].format(listed=_listed(by_space[space]))


def _listed(names: Sequence[str]) -> str:
    more = f" +{len(names) - MOST}" if len(names) > MOST else ""
    return ", ".join(names[:MOST]) + more


def _usage(
    accounts: Sequence[AccountFeatures],
    measured: Measured,
    catalogue: Catalogue,
    said: Mapping[str, str],
    language: Language,
) -> Iterator[str]:
    rows: dict[str, MetricFeatures] = {}
    for one in accounts:
        for name, row in measured.metrics.get(one.account_id, {}).items():
            if row.limit and name in catalogue.metrics:
                rows.setdefault(name, row)
    told = [
        said["at"].format(
            label=in_language(catalogue.metrics[name].label, language),
            pace=number(round(row.pace), language),
            limit=number(round(row.limit or 0), language),
        )
        for name, row in sorted(rows.items(), key=lambda pair: (-(pair[1].utilisation or 0), pair[0]))
    ]
    if told:
        yield said["usage"].format(listed=_listed(told))


def _renewal(accounts: Sequence[AccountFeatures], said: Mapping[str, str], language: Language) -> str:
    on = accounts[0].renewal_on
    return said["renewal"].format(on=day(on, language)) if on is not None else said["no_renewal"]


def _reviews(last: date | None, following: date | None, said: Mapping[str, str], language: Language) -> str:
    shown = [day(one, language) if one is not None else said["none"] for one in (last, following)]
    return said["review"].format(last=shown[0], next=shown[1])


def _last_review(desk: Desk, account: CrmAccount, largest: AccountFeatures, past: _Past) -> date | None:
    """The day on which a task of a review of this term, or of the one before, was done."""
    if not past.done or largest.term_start is None:
        return None
    found = []
    for start in (largest.term_start, largest.term_start - timedelta(days=365)):
        for ordinal in range(MOST):
            key = review_key(desk.mapping.namespace, account.id, start, ordinal)
            steps = (task_key(key, REVIEW, "none", 1, step.id) for step in desk.rules.review.steps)
            ids = [desk.world.known[one].crm_id for one in steps if one in desk.world.known]
            found += [past.done[id] for id in ids if id in past.done]
    return max(found, default=None)


def _avoid(
    desk: Desk,
    declined: Sequence[Episode],
    accounts: Sequence[AccountFeatures],
    said: Mapping[str, str],
    language: Language,
) -> str:
    lines = [*surprise_lines(surprises_of(accounts), language), *_declined(desk, declined, said, language)]
    return said["avoid"].format(listed=said["between"].join(lines[:MOST]) or said["nothing"])


def _declined(desk: Desk, declined: Sequence[Episode], said: Mapping[str, str], language: Language) -> Iterator[str]:
    """What they said no to, while the policy lets it rest."""
    rest: Mapping[str, int] = {str(name): days for name, days in desk.rules.policy.cool_down_days.items()}
    for episode in declined:
        assert episode.closed_at is not None  # only those are kept
        on = desk.rules.day(episode.closed_at)
        if (desk.today - on).days <= rest.get(episode.state.value, 0):
            yield said["said_no"].format(offer=_named(desk, episode, language), on=short_day(on, language))


def _named(desk: Desk, episode: Episode, language: Language) -> str:
    offer = desk.rules.catalogue.offers.get(episode.offer or "")
    return in_language(offer.label, language) if offer is not None else episode.need
