"""What whoever sells an offer has to know besides its monthly price, in both languages.

None of it enters an amount or a rank: one-off fees stand apart, and a discount has a condition that only a person can
see met. What an offer is worth is told with its arithmetic and its source, so that a customer can check it.
"""

from __future__ import annotations

from collections.abc import Iterator

from connector.domain.catalogue import Language, Texts
from connector.domain.gates import Candidate
from connector.domain.intent import Moment
from connector.domain.money import Money
from connector.services.texts import in_language, money, number

MONTH = 365 / 12 / 28
"""A month, in windows of 28 days."""


def terms_of(candidate: Candidate, moment: Moment) -> Iterator[Texts]:
    """Name them in the order in which they are needed."""
    yield from _step(candidate)
    yield from _fees(candidate)
    yield from _concessions(candidate, moment)
    yield from _partner(candidate)
    yield from _worth(candidate)
    for proof in candidate.offer.proof:
        en, fr = (in_language(proof.label, language) for language in LANGUAGES)
        yield {"en": f"{en}: {proof.url}", "fr": f"{fr}\xa0: {proof.url}"}


LANGUAGES: tuple[Language, ...] = ("en", "fr")


def _step(candidate: Candidate) -> Iterator[Texts]:
    step = candidate.score.step
    if step is not None:
        en, fr = ((money(step.unit, one), money(step.before, one), number(step.units, one)) for one in LANGUAGES)
        yield {
            "en": f"From {en[2]} units on each costs {en[0]} a month instead of {en[1]}",
            "fr": f"À partir de {fr[2]} unités, chacune coûte {fr[0]} par mois au lieu de {fr[1]}",
        }


def _fees(candidate: Candidate) -> Iterator[Texts]:
    for service, fee in candidate.score.one_off:
        label = candidate.catalogue.offers[service].label
        yield {
            "en": f"One-off, not in the monthly price: {in_language(label, 'en')}, {money(fee, 'en')}",
            "fr": f"Frais uniques, en sus du prix mensuel : {in_language(label, 'fr')}, {money(fee, 'fr')}",
        }


def _concessions(candidate: Candidate, moment: Moment) -> Iterator[Texts]:
    for one in candidate.policy.concessions:
        if one.when in ("always", moment.kind) and (not one.offers or candidate.score.offer in one.offers):
            yield {
                "en": f"You may offer −{one.percent:g}% {in_language(one.condition, 'en')}; "
                "the amount proposed does not count on it",
                "fr": f"Remise possible : −{number(one.percent, 'fr')} % {in_language(one.condition, 'fr')}"
                " ; le montant proposé n’en tient pas compte",
            }


def _partner(candidate: Candidate) -> Iterator[Texts]:
    if candidate.offer.delivered_by == "us":
        return
    segment = candidate.accounts[0].segment
    partner = candidate.catalogue.partner_for(candidate.score.offer, candidate.country, segment)
    if partner is not None:
        yield {
            "en": f"Delivered by {partner.name}: ask them before you promise a date",
            "fr": f"Livraison par {partner.name} : consultez-les avant de promettre une date",
        }


def _worth(candidate: Candidate) -> Iterator[Texts]:
    worth, price = candidate.offer.worth, candidate.score.delta_mrr
    used = candidate.metrics.get(worth.metric) if worth is not None else None
    if worth is None or price is None or used is None:
        return
    label = candidate.catalogue.metrics[worth.metric].label

    def against(language: Language) -> str:
        source = in_language(worth.source, language)
        return (
            f" against {money(price, language)} ({source})"
            if language == "en"
            else f", contre {money(price, language)} ({source})"
        )

    hour, each = worth.hour.get(price.currency), worth.beyond_limit.get(price.currency)
    hours = round(used.level_28 * MONTH * worth.hours_per_unit * worth.share_saved)
    if hour and hours:
        saved, cost = Money(hours * hour, price.currency), Money(hour, price.currency)
        yield {
            "en": f"Worth {money(saved, 'en')} a month: {hours} hour{'s' if hours > 1 else ''} at {money(cost, 'en')}"
            + against("en"),
            "fr": f"Valeur : {money(saved, 'fr')} par mois, soit {hours} heure{'s' if hours > 1 else ''} "
            f"à {money(cost, 'fr')}" + against("fr"),
        }
    beyond = used.pace - used.limit if used.limit is not None else 0
    if each and beyond > 0:
        gained = Money(round(beyond) * each, price.currency)
        yield {
            "en": f"Worth {money(gained, 'en')} a month: {number(round(beyond), 'en')} {in_language(label, 'en')} "
            "beyond the limit" + against("en"),
            "fr": f"Valeur : {money(gained, 'fr')} par mois, pour {number(round(beyond), 'fr')} "
            f"{in_language(label, 'fr')} au-delà de la limite" + against("fr"),
        }
