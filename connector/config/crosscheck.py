"""Checks documents against each other: names that one uses and another must define, and the names in templates."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from connector.config.filescheck import check_files
from connector.config.mappingcheck import check_mapping
from connector.config.names import known_name as _known
from connector.config.offercheck import check_concessions, check_offers
from connector.config.playcheck import check_negotiation, check_plays, check_review, check_save
from connector.config.policycheck import check_internal, check_policy, check_schedule
from connector.config.stepcheck import check_languages, check_template
from connector.config.templates import Names, cited
from connector.config.yamldoc import Loaded
from connector.domain.alert import Alerts, span_of
from connector.domain.billing import FilesMapping, StripeMapping
from connector.domain.catalogue import Catalogue
from connector.domain.crm_facts import crm_kinds
from connector.domain.errors import Problem
from connector.domain.features import known_features
from connector.domain.mapping import CrmMapping
from connector.domain.money import KNOWN, FxTable
from connector.domain.play import BusinessReview, Negotiation, Plays, Save, Schedule
from connector.domain.policy import GatesPolicy
from connector.domain.signal import Signals
from connector.domain.signal import problems as signal_problems

Documents = Mapping[str, Loaded[Any]]


def crosscheck(documents: Documents) -> list[Problem]:
    """List every name that leads nowhere, with its place and what was probably meant."""
    catalogue: Loaded[Catalogue] = documents["mappings/catalog.yaml"]
    found = [*_catalogue(catalogue), *check_offers(catalogue)]
    for document in documents.values():
        match document.value:
            case StripeMapping():
                found += _billing(document, catalogue.value)
            case FilesMapping():
                found += check_files(document, catalogue.value)
            case Signals():
                found += _signals(document, catalogue.value, documents)
            case CrmMapping():
                found += check_mapping(document, catalogue.value)
            case Negotiation():
                found += check_negotiation(document, documents)
            case BusinessReview():
                found += check_review(document, documents)
            case Save():
                found += check_save(document, documents)
            case Plays():
                found += check_plays(document, documents)
            case GatesPolicy():
                found += [
                    *check_policy(document),
                    *check_internal(document, documents),
                    *check_concessions(document, catalogue.value),
                ]
            case FxTable():
                found += _rates(document)
            case Schedule():
                found += check_schedule(document)
            case Alerts():
                found += check_alerts(document)
            case _:
                pass  # the catalogue came first
    return found


def _catalogue(document: Loaded[Catalogue]) -> Iterator[Problem]:
    catalogue = document.value
    offers, metrics = list(catalogue.offers), list(catalogue.metrics)
    for i, plan in enumerate(catalogue.plans):
        yield from _known("offer", plan, offers, document.at("plans", i))
    for name, offer in catalogue.offers.items():
        for key, used in (
            ("prerequisites", offer.prerequisites),
            ("included_in", offer.included_in),
            ("sold_with", offer.sold_with),
            ("adds_to", [offer.adds_to] if offer.adds_to not in (None, "plan") else []),
        ):
            for other in filter(None, used):
                yield from _known("offer", other, offers, document.at("offers", name, key))
        if offer.used_when is not None:
            at = document.at("offers", name, "used_when")
            yield from _known("metric", offer.used_when, metrics, at)
        if offer.need and offer.recurring and (offer.kind is None or offer.lever is None):
            at = document.at("offers", name)
            yield Problem(f"offer {name} meets a need but has no kind or lever", at, "add `kind:` and `lever:`")
        yield from check_languages(offer.label, document.at("offers", name, "label"), f"offer {name}")
    yield from _cycles(document)
    for name, metric in catalogue.metrics.items():
        yield from check_languages(metric.label, document.at("metrics", name, "label"), f"metric {name}")
        for offer_id in metric.limit.by_plan if metric.limit else ():
            at = document.at("metrics", name, "limit", "by_plan", offer_id)
            yield from _known("offer", offer_id, offers, at)
        for i, offer_id in enumerate(metric.limit.quantity_of if metric.limit else ()):
            yield from _known("offer", offer_id, offers, document.at("metrics", name, "limit", "quantity_of", i))


def _cycles(document: Loaded[Catalogue]) -> Iterator[Problem]:
    """Offers that need each other are never proposed."""
    needs = {name: list(offer.prerequisites) for name, offer in document.value.offers.items()}
    told: set[str] = set()
    for start in needs:
        way, ahead = [start], {start: [start]}
        while way:
            here = way.pop()
            for there in needs.get(here, ()):
                if there == start and start not in told:
                    told.update(ahead[here])
                    at = document.at("offers", start, "prerequisites")
                    shown = f"prerequisites go round: {' → '.join([*ahead[here], start])}"
                    yield Problem(shown, at, "none of them is ever proposed: take one away")
                elif there not in ahead:
                    ahead[there] = [*ahead[here], there]
                    way.append(there)


def _billing(document: Loaded[StripeMapping], catalogue: Catalogue) -> Iterator[Problem]:
    for i, rule in enumerate(document.value.offers):
        yield from _known("offer", rule.offer, list(catalogue.offers), document.at("offers", i, "offer"))
    for meter, metric in document.value.meters.items():
        yield from _known("metric", metric, list(catalogue.metrics), document.at("meters", meter))


def _signals(document: Loaded[Signals], catalogue: Catalogue, documents: Documents) -> Iterator[Problem]:
    used = {id: _cited(rule.evidence.values()) for id, rule in document.value.rules.items()}
    mappings = (one.value for one in documents.values() if isinstance(one.value, CrmMapping))
    facts = [fact for mapping in mappings for fact in mapping.account.facts]
    known = {**known_features(catalogue), **crm_kinds(facts)}
    yield from signal_problems(document.value, catalogue, known, used, document.at)
    for rule_id, rule in document.value.rules.items():
        loc = ("rules", rule_id, "evidence")
        yield from check_languages(rule.evidence, document.at(*loc), f"evidence of {rule_id}")
        for language, text in rule.evidence.items():
            # Its names were looked at above, against the features.
            names: Names = {name: "day" if known.get(name) == "day" else "text" for name in used[rule_id]}
            yield from check_template(text, names, document, (*loc, language))


def _rates(document: Loaded[FxTable]) -> Iterator[Problem]:
    yield from _known("currency", document.value.base, sorted(KNOWN), document.at("base"))
    for i, rate in enumerate(document.value.rates):
        yield from _known("currency", rate.currency, sorted(KNOWN), document.at("rates", i, "currency"))
        if rate.rate <= 0:
            yield Problem("a rate must be above 0", document.at("rates", i, "rate"), "write what one unit buys")


def check_alerts(document: Loaded[Alerts]) -> Iterator[Problem]:
    """Name what no alert could be sent with."""
    alerts = document.value
    for i, channel in enumerate(alerts.channels):
        if not re.fullmatch(r"[a-z][a-z0-9_]*", channel):
            cure = "lower-case letters, digits and _: its address stands in CONNECTOR_ALERTS__" + "NAME"
            yield Problem(f"{channel!r} is no name of a channel", document.at("channels", i), cure)
        if channel in alerts.channels[:i]:
            yield Problem(f"channel {channel} stands twice", document.at("channels", i), "keep one")
    if alerts.nothing_since is not None and span_of(alerts.nothing_since) is None:
        yield Problem("nothing_since is no span of time", document.at("nothing_since"), "write it like 36h, 90m or 2d")


def _cited(texts: Iterable[str]) -> set[str]:
    return {name for text in texts for name in cited(text)}
