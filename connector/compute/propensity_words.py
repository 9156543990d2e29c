"""What a model's terms are called where people read them: one sentence for each thing it weighs.

A thing may take several columns (how much of a metric is used, how fast that grows, how near its limit is): their terms
are summed, because apart they say nothing. Money is told without its figure, which stands on the bill.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import sinh

from connector.compute.propensity_rows import EVENT, SIGNAL, USE
from connector.domain.catalogue import Catalogue, Texts
from connector.domain.propensity import FITS_HELD, HELD, LEARNT, OFFER, Feature

SILENT, HOLDINGS, DEEDS = "silent", "holdings", "events_90"
LABELS: Mapping[str, tuple[str, str]] = {
    "seats": ("seats", "utilisateurs"),
    "owned_offers": ("products held", "produits détenus"),
    "tenure_days": ("days as a customer", "jours d’ancienneté"),
    "days_to_renewal": ("days to the renewal", "jours avant le renouvellement"),
    "nps": ("satisfaction (NPS)", "satisfaction (NPS)"),
    "changes_365": ("products taken or extended in a year", "produits pris ou étendus en un an"),
}
PLAIN: Mapping[str, tuple[str, str]] = {
    OFFER: ("how readily this offer is bought at all", "la facilité avec laquelle cette offre s’achète en général"),
    HOLDINGS: ("what customers with the same products adopted", "ce qu’ont adopté les clients équipés de même"),
    SILENT: ("what was looked for and not seen", "ce qui a été cherché et n’a pas été observé"),
    "mrr_minor": ("what the customer pays a month", "ce que le client paie par mois"),
    "activity_trend": ("how activity develops", "l’évolution de l’activité"),
    "is_late": ("whether invoices are overdue", "la présence de factures en retard"),
    "is_escalated": ("whether something is escalated at support", "la présence d’une escalade au support"),
    DEEDS: ("what the customer did in 90 days", "ce que le client a fait en 90 jours"),
    "changed_ago": ("how long ago they last bought", "l’ancienneté du dernier achat"),
    "plan_changed_ago": (
        "how long plan and seats have been as they are",
        "depuis quand la formule et les licences sont inchangées",
    ),
    "plan": ("the plan", "la formule"),
    "segment": ("the segment", "le segment"),
    "industry": ("the industry", "le secteur"),
    "country": ("the country", "le pays"),
    "interval": ("how often it is billed", "la périodicité de facturation"),
}


def concept_of(name: str) -> str:
    """Name the thing that a term is about, as a contribution does."""
    if name in (HELD, FITS_HELD):
        return LEARNT + HOLDINGS
    if name.startswith(SIGNAL):
        return LEARNT + SILENT
    if name.startswith(USE):
        return LEARNT + name.rsplit(".", 1)[0]
    if name.startswith(EVENT):
        return LEARNT + DEEDS
    return LEARNT + name


def words_of(concept: str, value: float | None, feature: Feature | None, catalogue: Catalogue) -> Texts:
    """Say what a model weighed, with the customer's figure and the usual one where a figure says something."""
    thing = concept.removeprefix(LEARNT)
    if thing.startswith(USE):
        label = catalogue.metrics[thing.removeprefix(USE)].label
        english, french = label.get("en", thing), label.get("fr", label.get("en", thing))
        return {"en": f"how much and how fast use grows: {english}", "fr": f"niveau et rythme d’utilisation : {french}"}
    if thing in LABELS and feature is not None:
        english, french = LABELS[thing]
        if value is None:
            return {"en": f"{english}: not known", "fr": f"{french} : non connu"}
        now, usual = round(value), round(usual_of(feature))
        return {"en": f"{english}: {now} (usually {usual})", "fr": f"{french} : {now} (d’ordinaire {usual})"}
    english, french = PLAIN.get(thing, (thing, thing))
    return {"en": english, "fr": french}


def usual_of(feature: Feature) -> float:
    """The value that a model takes for the middle."""
    return sinh(feature.mean) * feature.bend if feature.bend else feature.mean
