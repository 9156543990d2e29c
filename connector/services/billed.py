"""On a won opportunity: since when billing shows it and how much it adds; or, after some weeks, that it does not.

One note an opportunity, changed in place: the nudge becomes the proof once billing shows the offer. An offer that was
held before it was proposed proves nothing, and neither does a trial. More of something, and a higher plan, show as what
was held costing more than when it was proposed; the difference is what is told.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from connector.domain.catalogue import Language
from connector.domain.change import Desired, RecordType, Ref
from connector.domain.episode import Episode, EpisodeState
from connector.domain.features import Holding
from connector.domain.intent import Intent, intent_of
from connector.domain.keys import document_key
from connector.domain.money import Money
from connector.services.desk import Desk
from connector.services.documents import Document, noted
from connector.services.measure import Measured
from connector.services.texts import day, in_language, money, typeset

LOOKED_AT_FOR = 180
"""Days after it was won in which an opportunity gets its note; one that has it keeps it."""
_WORDS: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "title": "Billing: {offer}",
        "billed": "Billed from {on}: +{amount}/month.",
        "missing": "Won on {won}, and billing does not show it {days} days later: check the order with finance.",
        "foot": "Data to {on}.",
    },
    "fr": {
        "title": "Facturation : {offer}",
        "billed": "Facturé depuis le {on} : +{amount}/mois.",
        "missing": "Gagnée le {won} ; {days} jours après, rien n’est facturé : vérifiez la commande avec la finance.",
        "foot": "Données au {on}.",
    },
}


def billed(desk: Desk, measured: Measured, links: Mapping[str, str]) -> list[Desired]:
    """The note of every opportunity that was won lately."""
    if desk.mapping.note is None or "opportunity" not in desk.mapping.note.links:
        return []
    held = _held(measured, links)
    data_to = measured.data_to or measured.as_of.date()
    notes = (_note(desk, one, held.get(one.account_id, ()), data_to) for one in _won(desk))
    return [note for note in notes if note is not None]


def _won(desk: Desk) -> Iterator[Episode]:
    for episode in desk.world.episodes:
        is_ours = "offer" in episode.brief and desk.world.opportunity(episode.key) is not None
        if episode.state is EpisodeState.WON and episode.closed_at is not None and is_ours:
            is_late = (desk.today - desk.rules.day(episode.closed_at)).days > LOOKED_AT_FOR
            if not is_late or document_key(episode.key, "billed") in desk.world.known:
                yield episode


def _held(measured: Measured, links: Mapping[str, str]) -> dict[str, list[Holding]]:
    found: dict[str, list[Holding]] = defaultdict(list)
    for billing_id, account in sorted(measured.accounts.items()):
        for holding in account.holdings.values() if billing_id in links else ():
            if not holding.trialing:
                found[links[billing_id]].append(holding)
    return found


def _shown(desk: Desk, intent: Intent, holdings: Sequence[Holding], opened: date) -> tuple[date, Money] | None:
    """Since when billing shows what was sold, and what it adds a month; None while it does not."""
    grown = desk.rules.catalogue.grown_by(intent.offer)
    held = [one for one in holdings if one.offer in (grown or (intent.offer,))]
    new = [one for one in held if one.since >= opened]
    if not new:
        return None
    before = intent.options["held"]["mrr"][0] if grown and "held" in intent.options else 0
    minor = sum(one.mrr_minor for one in (held if grown else new)) - before
    return (min(one.since for one in new), Money(minor, new[0].currency)) if minor > 0 else None


def _note(desk: Desk, episode: Episode, holdings: Sequence[Holding], data_to: date) -> Desired | None:
    account = desk.world.accounts.get(episode.account_id)
    owner = desk.world.owner("ae", account) if account is not None else None
    assert episode.closed_at is not None  # a won episode is closed
    if account is None or owner is None:
        return None
    language = desk.world.language(owner)
    said = {key: typeset(text, language) for key, text in _WORDS[language].items()}
    opened, won = desk.rules.day(episode.opened_at), desk.rules.day(episode.closed_at)
    days, told = (desk.today - won).days, intent_of(episode.brief)
    if shown := _shown(desk, told, holdings, opened):
        since, added = shown
        line = said["billed"].format(on=day(since, language), amount=money(added, language))
    elif days >= desk.rules.policy.billed_days:
        line = said["missing"].format(won=day(won, language), days=desk.rules.policy.billed_days)
    else:
        return None
    offer = desk.rules.catalogue.offers[told.offer]
    document = Document(
        key="",
        account=account,
        owner=owner,
        title=said["title"].format(offer=in_language(offer.label, language)),
        name="",
        page="",
        core=f"{line}\n\n{said['foot'].format(on=day(data_to, language))}",
        reason="negotiation: billed",
        on=desk.today,
        data_to=data_to,
        places=[
            ("opportunity", Ref(RecordType.OPPORTUNITY, key=episode.key)),
            ("account", Ref(RecordType.ACCOUNT, id=account.id)),
        ],
    )
    return noted(desk, document, document_key(episode.key, "billed"))
