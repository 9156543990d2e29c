"""The sentences of an explanation, in both languages: one table a kind, each sentence with the numbers it cites."""

from __future__ import annotations

from collections.abc import Mapping

from connector.domain.catalogue import Texts
from connector.services.turning import Verdict


def _t(en: str, fr: str) -> Texts:
    return {"en": en, "fr": fr}


VERDICTS: Mapping[Verdict, Texts] = {
    "opportunity": _t("proposed as an opportunity", "proposé sous forme d’opportunité"),
    "task": _t(
        "proposed as a task, too small for an opportunity",
        "proposé sous forme de tâche, trop petit pour une opportunité",
    ),
    "no": _t("not proposed", "non proposé"),
}
BECOMES: Mapping[tuple[str, str], Texts] = {
    ("no", "opportunity"): _t("would be proposed", "serait proposé"),
    ("no", "task"): _t("would be proposed as a task", "serait proposé sous forme de tâche"),
    ("task", "opportunity"): _t("would be an opportunity", "deviendrait une opportunité"),
    ("task", "no"): _t("would no longer be proposed", "ne serait plus proposé"),
    ("opportunity", "task"): _t("would only be a task", "ne serait plus qu’une tâche"),
    ("opportunity", "no"): _t("would no longer be proposed", "ne serait plus proposé"),
}
REASONS: Mapping[str, Texts] = {
    "test_account": _t("it is a test account", "c’est un compte de test"),
    "unmatched": _t(
        "no CRM account is linked to it; `connector link set` names one",
        "aucun compte CRM ne lui est rattaché ; `connector link set` en désigne un",
    ),
    "ambiguous": _t(
        "several CRM accounts fit; `connector link set` decides",
        "plusieurs comptes CRM correspondent ; `connector link set` tranche",
    ),
    "out_of_scope": _t("outside the policy’s scope", "hors du périmètre fixé par la politique"),
    "held_out": _t(
        "held out: nothing is proposed to it, so that what proposals cause can be measured",
        "compte témoin : rien ne lui est proposé, afin de mesurer l’effet des propositions",
    ),
    "no_owner": _t("nobody active owns the account", "personne d’actif n’est propriétaire du compte"),
    "on_trial": _t("still on trial", "encore à l’essai"),
    "not_a_customer": _t("pays nothing recurring", "ne paie rien de récurrent"),
    "not_recurring": _t("a one-off service is no expansion", "une prestation ponctuelle n’est pas une expansion"),
    "already_owned": _t("has it already", "le client l’a déjà"),
    "not_sold_in_country": _t("not sold in {{ country }}", "offre non vendue dans ce pays ({{ country }})"),
    "not_sold_to_segment": _t(
        "not sold to this segment ({{ segment }})", "offre non vendue à ce segment ({{ segment }})"
    ),
    "plan_too_low": _t(
        "its plan is {{ plan }}, and the offer is sold with {{ plans }}",
        "sa formule est {{ plan }}, et l’offre se vend avec {{ plans }}",
    ),
    "prerequisite_missing": _t(
        "lacks {{ missing }}, which it builds on", "il manque {{ missing }}, dont l’offre dépend"
    ),
    "prerequisite_unused": _t(
        "{{ missing }}, which it builds on, was not used in the last 28 days",
        "l’offre dépend d’un module sans usage ces 28 derniers jours : {{ missing }}",
    ),
    "unhealthy_overdue": _t(
        "an invoice is {{ overdue }} day{{ 's' if overdue != 1 }} overdue; at most {{ overdue_limit }} are let pass",
        "une facture a {{ overdue }} jour{{ 's' if overdue > 1 }} de retard ; {{ overdue_limit }} au plus sont tolérés",
    ),
    "unhealthy_dispute": _t(
        "disputed invoices in the last half year: {{ disputes }}", "factures contestées en six mois : {{ disputes }}"
    ),
    "unhealthy_payment": _t(
        "a subscription is unpaid or past due", "un abonnement est impayé ou en retard de paiement"
    ),
    "unhealthy_cancellation": _t("the contract ends on {{ ends }}", "le contrat prend fin le {{ ends }}"),
    "unhealthy_falling_usage": _t(
        "use fell by {{ fallen }} against the 28 days before; from {{ fall_limit }} on nothing is proposed",
        "usage en baisse de {{ fallen }} sur les 28 jours précédents ; rien n’est proposé dès {{ fall_limit }}",
    ),
    "unhealthy_escalation": _t(
        "the escalation of {{ escalated }} is not closed", "l’escalade du {{ escalated }} n’est pas close"
    ),
    "unhealthy_nps": _t(
        "gave {{ nps }} of 10; {{ nps_limit }} or less holds a proposal back",
        "a donné la note de {{ nps }} sur 10 ; à {{ nps_limit }} ou moins, rien n’est proposé",
    ),
    "unknown_health": _t(
        "a question about its health has no answer, and the policy asks for one",
        "un critère de santé est inconnu, et la politique exige une réponse",
    ),
    "undone": _t("a person undid this proposal", "une personne a annulé cette proposition"),
    "rep_working": _t("a person works on it already: {{ theirs }}", "quelqu’un y travaille déjà : {{ theirs }}"),
    "unknown_need_open": _t(
        "a person’s open opportunity whose need cannot be told: {{ unread }}",
        "opportunité ouverte d’un collègue dont le besoin n’est pas identifiable : {{ unread }}",
    ),
    "need_open": _t(
        "{{ open_offer }} is already proposed for this need",
        "une offre est déjà proposée pour ce besoin : {{ open_offer }}",
    ),
    "cool_down": _t(
        "our last proposal for this need ended on {{ closed }}; quiet until {{ until }}",
        "notre dernière proposition sur ce besoin s’est achevée le {{ closed }} ; silence jusqu’au {{ until }}",
    ),
    "no_price": _t(
        "no price is known in its currency ({{ currency }})", "aucun prix connu dans sa devise ({{ currency }})"
    ),
    "no_gain": _t("it adds no recurring revenue", "l’offre n’apporte aucun revenu récurrent"),
    "better_offer": _t("another offer for the same need ranks higher", "une autre offre répond mieux au même besoin"),
    "unlikely": _t(
        "likelihood {{ p }}, and nothing is proposed below {{ p_minimum }}",
        "score d’appétence de {{ p }}, et rien n’est proposé sous {{ p_minimum }}",
    ),
    "account_cap": _t(
        "its places are taken: {{ open }} of {{ open_most }} open, {{ week }} of {{ week_most }} new in seven days",
        "ses places sont prises : {{ open }} sur {{ open_most }} ouvertes, {{ week }} sur {{ week_most }} en 7 jours",
    ),
    "owner_cap": _t(
        "its owner has all {{ per_owner_week }} new proposals of seven days, and they are worth more",
        "son propriétaire a déjà ses {{ per_owner_week }} propositions de la semaine, de plus grande valeur",
    ),
    "owner_busy": _t(
        "its owner has {{ owner_tasks }} open tasks of ours (at most {{ owner_open_tasks }})",
        "son propriétaire a {{ owner_tasks }} de nos tâches en cours ({{ owner_open_tasks }} au plus)",
    ),
    "day_cap": _t(
        "enough is new today, and worth more; it is weighed again tomorrow",
        "assez de nouveautés aujourd’hui, de plus grande valeur ; réexamen demain",
    ),
    "no_partner": _t(
        "no partner delivers it in this country to this segment",
        "aucun partenaire ne livre l’offre dans ce pays à ce segment",
    ),
    "use_too_low": _t(
        "{{ use|number }} {{ use_of }} in 28 days; it is proposed from {{ use_wanted|number }} on",
        "{{ use|number }} {{ use_of }} en 28 jours ; l’offre est proposée à partir de {{ use_wanted|number }}",
    ),
    "adoption_first": _t(
        "{{ dormant }} was bought and not used in 28 days; adoption comes first",
        "l’adoption d’abord : acheté, mais sans usage en 28 jours : {{ dormant }}",
    ),
    "quote_open": _t("a person has sent a quote for it", "quelqu’un a envoyé un devis à ce sujet"),
    "play_open": _t("tasks about it are already under way", "des tâches sont déjà en cours à ce sujet"),
    "play_cap": _t(
        "its owner has enough new tasks of seven days", "son propriétaire a assez de nouvelles tâches sur sept jours"
    ),
    "old_news": _t("what happened is too old to be spoken of", "ce qui s’est passé est trop ancien pour en parler"),
    "too_late": _t("its first task would be due already", "sa première tâche aurait déjà dû être faite"),
    "save_open": _t("a save task is open", "une tâche de rétention est en cours"),
    "no_signal": _t("nothing it does points to an offer", "rien dans son usage n’oriente vers une offre"),
}
MOVES: Mapping[str, Texts] = {
    "paid": _t("if the overdue invoices were paid", "si les factures en retard étaient payées"),
    "disputes_over": _t("if no invoice were disputed any more", "si plus aucune facture n’était contestée"),
    "stays": _t("if the cancellation were taken back", "si la résiliation était annulée"),
    "escalation_closed": _t("if the escalation were closed", "si l’escalade était close"),
    "better_score": _t(
        "if a new satisfaction score were above {{ limit|number }}",
        "si une nouvelle note de satisfaction dépassait {{ limit|number }}",
    ),
    "trial_converts": _t("if the trial became a paid contract", "si l’essai devenait un contrat payant"),
    "use_recovers": _t(
        "if use were back at the level of the 28 days before (now {{ fallen }} lower)",
        "si l’usage revenait au niveau des 28 jours précédents (aujourd’hui {{ fallen }} plus bas)",
    ),
    "owner_given": _t("if the account had an active owner", "si le compte avait un propriétaire actif"),
    "linked": _t("if it were linked to a CRM account", "s’il était rattaché à un compte CRM"),
    "in_scope": _t("if the policy’s scope included it", "si le périmètre de la politique l’incluait"),
    "holdout_over": _t("if the holdout were over", "si le groupe témoin était levé"),
    "released": _t("if what was undone were released", "si l’annulation était levée"),
    "their_deal_closed": _t(
        "if the opportunity “{{ name }}” were closed", "si l’opportunité « {{ name }} » était close"
    ),
    "prerequisite_owned": _t("if the customer had {{ offers }}", "si le client avait {{ offers }}"),
    "prerequisite_used": _t("if {{ offers }} were used", "si le client utilisait {{ offers }}"),
    "on_plan": _t("if the customer were on {{ offers }}", "si le client passait à {{ offers }}"),
    "tasks_done": _t(
        "if the owner had at most {{ limit }} open tasks (now {{ now }})",
        "si le propriétaire n’avait plus que {{ limit }} tâches en cours (aujourd’hui {{ now }})",
    ),
    "ours_closed": _t(
        "if one of our {{ now }} open proposals were closed",
        "si l’une de nos {{ now }} propositions en cours était close",
    ),
    "later": _t("from {{ on }}, {{ over }}", "à partir du {{ on }}, {{ over }}"),
}
OVER: Mapping[str, Texts] = {
    "cool_down": _t("when the cool-down ends", "à la fin de la période de silence"),
    "account_cap": _t("when the account’s week is over", "quand la semaine de ce compte est passée"),
    "owner_cap": _t("when the owner’s week has room again", "quand la semaine du propriétaire se libère"),
    "day_cap": _t("when a new day has room", "dès qu’un jour a de la place"),
    "unhealthy_escalation": _t("when the escalation is old enough", "quand l’escalade est assez ancienne"),
    "unhealthy_nps": _t("when the score is half a year old", "quand la note a six mois"),
    "unknown_need_open": _t(
        "when nobody has touched the open opportunity for long enough",
        "quand l’opportunité ouverte n’a plus bougé depuis assez longtemps",
    ),
}
IF_NOTHING_ELSE = _t("if nothing else changes", "si rien d’autre ne change")
SILENCE: Mapping[str, str] = {
    "no running subscription": "aucun abonnement en cours",
    "no usage was ever told": "aucun usage n’a jamais été transmis",
    "no usage since": "aucun usage depuis le",
    "nothing it does points to an offer": "rien dans son usage n’oriente vers une offre",
}
"""Why an account is silent, as a run notes it, in French."""
FEATURES: Mapping[str, Texts] = {
    "utilisation": _t("utilisation of {{ of }}", "l’utilisation ({{ of }})"),
    "days_near_limit": _t("days near the limit of {{ of }}", "le nombre de jours près du quota ({{ of }})"),
    "growth": _t("28-day growth of {{ of }}", "la hausse sur 28 jours ({{ of }})"),
    "growth_year": _t("yearly growth of {{ of }}", "la hausse sur un an ({{ of }})"),
    "surge": _t("the jump of {{ of }} over its usual ups and downs", "l’écart aux variations habituelles ({{ of }})"),
    "active_days": _t("days of 28 with {{ of }}", "le nombre de jours d’usage sur 28 ({{ of }})"),
    "level_28": _t("{{ of }} in 28 days", "le total sur 28 jours ({{ of }})"),
    "per_seat_28": _t("{{ of }} per seat in 28 days", "le total par licence sur 28 jours ({{ of }})"),
    "count_28": _t("the events of 28 days{{ about }}", "le nombre d’événements sur 28 jours{{ about }}"),
    "count_90": _t("the events of 90 days{{ about }}", "le nombre d’événements sur 90 jours{{ about }}"),
    "activity_trend": _t("the change of overall use", "l’évolution de l’usage global"),
    "metrics_used": _t("the number of functions in use", "le nombre de fonctions utilisées"),
}
SHARES = frozenset({"utilisation", "growth", "growth_year", "activity_trend"})
DATA_TO = _t("data to {{ on }}", "données au {{ on }}")
