"""D21, D23, D18: what stands beside an offer's price, and never in it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from connector.domain.catalogue import Catalogue, Offer, Partner, Proof, Use, Worth
from connector.domain.intent import Intent, brief_of, intent_of
from connector.domain.money import Money
from connector.domain.occupied import OpenEpisode, PersonsOpportunity
from connector.domain.policy import Concession
from connector.domain.score import Step
from connector.services.choose import Chosen, choose
from connector.services.measure import Measured
from connector.services.score import Scores
from tests.services.choosing import CATALOGUE, DATA_TO, NOW, POLICY, TODAY, customer, linked, reasons, score, used

RENEWAL = TODAY + timedelta(days=90)
SOURCE = {"en": "half of their minutes, at our own cost of an hour", "fr": "la moitié de leurs minutes"}


SILENT = replace(POLICY, concessions=())
"""The shipped policy, which grants no discount."""


def selling(**more: Any) -> Catalogue:
    """The shipped catalogue, with an Analytics that says this and nothing else."""
    offer: Offer = replace(CATALOGUE.offers["analytics"], **{"worth": None, "proof": (), **more})
    return replace(CATALOGUE, offers={**CATALOGUE.offers, "analytics": offer})


def proposed(catalogue: Catalogue, one: Any = None, policy: Any = SILENT, metric: Any = None, **more: Any) -> Chosen:
    account = customer("a", country="FR", segment="smb", renewal_on=RENEWAL, **more)
    metrics = {"a": {metric.metric: metric}} if metric else {}
    measured = Measured(NOW, {"a": account}, metrics, {}, [], (), DATA_TO)
    scores = Scores(NOW, (one or score("a", "analytics", 9_000),))
    return choose(measured, scores, linked("a"), catalogue, policy, NOW)


def plain(intent: Intent, language: Any = "en") -> list[str]:
    return [text[language].replace("\xa0", " ").replace("\u202f", " ") for text in intent.terms]


def test_d21_a_one_off_fee_is_shown_apart_and_never_ranked() -> None:
    """D21: a training of 900 € comes with it: neither value, rank nor amount knows of it; the brief names it, apart."""
    fee = replace(score("a", "analytics", 9_000), one_off=(("training", Money(90_000, "EUR")),))

    (with_fee,), (without,) = proposed(selling(), fee).intents, proposed(selling()).intents

    assert plain(with_fee) == ["One-off, not in the monthly price: Training day, €900"]
    assert plain(with_fee, "fr") == ["Frais uniques, en sus du prix mensuel : Journée de formation, 900 €"]
    assert replace(with_fee, terms=()) == without
    assert intent_of(brief_of(with_fee)) == with_fee


def test_d23_the_shipped_catalogue_says_what_comes_with_an_offer() -> None:
    """D23: the demo's Analytics names its discount, its arithmetic with the source, and its proof."""
    reports = replace(used("a", DATA_TO), metric="reports_built", level_28=80.0)

    (intent,) = proposed(CATALOGUE, policy=POLICY, metric=reports).intents

    assert plain(intent) == [
        "You may offer −10% if signed with the renewal; the amount proposed does not count on it",
        "Worth €1,755 a month: 39 hours at €45 against €99 (45 minutes a report, more than half of it saved)",
        "What Norvalis sees each morning: https://example.com/norvalis",
    ]


def test_d21_a_cheaper_step_says_what_a_unit_costs_there() -> None:
    """D21: the owner reads from how many units on a unit costs less, and how much less."""
    step = Step(51, Money(900, "EUR"), Money(1_000, "EUR"))

    (intent,) = proposed(selling(), replace(score("a", "analytics", 9_000), step=step)).intents

    assert plain(intent) == ["From 51 units on each costs €9 a month instead of €10"]
    assert plain(intent, "fr") == ["À partir de 51 unités, chacune coûte 9 € par mois au lieu de 10 €"]


@pytest.mark.parametrize(
    ("when", "offers", "shown"), [("renewal", (), 1), ("limit", (), 0), ("always", ("mobile",), 0)]
)
def test_d23_a_conditional_discount_is_shown_and_never_taken_off(when: Any, offers: Any, shown: int) -> None:
    """D23: −10 % if signed with the renewal stands in the brief of what is bound to a renewal; the amount is whole."""
    told = {"en": "if it is signed with the renewal", "fr": "en cas de signature avec le renouvellement"}
    policy = replace(POLICY, concessions=[Concession(percent=10, when=when, offers=offers, condition=told)])

    (intent,) = proposed(selling(), policy=policy).intents

    assert (
        plain(intent)
        == ["You may offer −10% if it is signed with the renewal; the amount proposed does not count on it"] * shown
    )
    assert intent.delta_mrr == Money(9_900, "EUR")


@pytest.mark.parametrize(
    ("partners", "says"),
    [
        (
            [Partner(name="Atelier Nord", countries=["FR"])],
            "Delivered by Atelier Nord: ask them before you promise a date",
        ),
        (
            [Partner(name="Nordwerk", countries=["DE"]), Partner(name="Anybody")],
            "Delivered by Anybody: ask them before you promise a date",
        ),
        ([Partner(name="Nordwerk", countries=["DE"])], None),
        ([Partner(name="Great", segments=["enterprise"])], None),
    ],
)
def test_d18_what_a_partner_delivers_names_the_partner_or_is_held(partners: Any, says: str | None) -> None:
    """D18: by country and segment of the customer; where no partner works it is not proposed."""
    chosen = proposed(selling(delivered_by="partner", partners=partners))

    assert [line for intent in chosen.intents for line in plain(intent)] == ([says] if says else [])
    assert reasons(chosen) == ({} if says else {("c-a", "analytics"): "no_partner"})


@pytest.mark.parametrize(("level", "why"), [(199.0, "use_too_low"), (200.0, None)])
def test_d23_an_offer_waits_for_its_level_of_use(level: float, why: str | None) -> None:
    """D23: proposed only from the stated level of use on; a customer that uses nothing of it is held too."""
    catalogue = selling(from_use=Use(metric="reports_built", at_least=200))
    metric = replace(used("a", DATA_TO), metric="reports_built", level_28=level)

    assert reasons(proposed(catalogue, metric=metric)).get(("c-a", "analytics")) == why
    assert reasons(proposed(catalogue))["c-a", "analytics"] == "use_too_low"


def test_d23_what_it_is_worth_is_told_with_its_arithmetic_and_source() -> None:
    """D23: 1,680 minutes in 28 days are 15 hours a month, if half is saved; beyond a limit each unit has a worth."""
    worth = Worth(metric="reports_built", hours_per_unit=1 / 60, share_saved=0.5, hour={"EUR": 4_500}, source=SOURCE)
    beyond = replace(worth, hours_per_unit=0, hour={}, beyond_limit={"EUR": 250})
    metric = replace(used("a", DATA_TO), metric="reports_built", level_28=1_680.0, pace=1_300.0, limit=1_000.0)

    (hours,) = proposed(selling(worth=worth), metric=metric).intents
    (units,) = proposed(selling(worth=beyond), metric=metric).intents

    assert plain(hours) == [f"Worth €675 a month: 15 hours at €45 against €99 ({SOURCE['en']})"]
    assert plain(units)[0].startswith("Worth €750 a month: 300 reports built by hand beyond the limit against €99")
    assert plain(hours, "fr") == [f"Valeur : 675 € par mois, soit 15 heures à 45 €, contre 99 € ({SOURCE['fr']})"]
    assert proposed(selling(worth=replace(worth, hour={"USD": 1})), metric=metric).intents[0].terms == ()


def test_d23_proofs_are_links() -> None:
    """D23: a page that shows what it was worth to others, with its label in the reader's language."""
    proof = Proof(
        label={"en": "How Sablier saves a day", "fr": "Sablier gagne un jour"}, url="https://example.com/sablier"
    )

    (intent,) = proposed(selling(proof=[proof])).intents

    assert plain(intent, "fr") == ["Sablier gagne un jour : https://example.com/sablier"]


def packed() -> Catalogue:
    """Analytics and Automation, also sold together."""
    inside = {name: replace(CATALOGUE.offers[name], included_in=["insight"]) for name in ("analytics", "automation")}
    pack = replace(CATALOGUE.offers["analytics"], need="insight", list_price={"EUR": 19_900}, used_when=None)
    return replace(CATALOGUE, offers={**CATALOGUE.offers, **inside, "insight": pack})


def in_pack(value: int) -> Any:
    return replace(score("a", "analytics", value), offer="insight", need="insight")


def choose_of(*scores: Any, **context: Any) -> Chosen:
    caps = replace(POLICY.caps, per_account=9, per_account_week=9)
    measured = Measured(NOW, {"a": customer("a")}, {}, {}, [], (), DATA_TO)
    crm = linked("a", a=context)
    return choose(measured, Scores(NOW, scores), crm, packed(), replace(POLICY, caps=caps), NOW)


def test_d23_a_pack_takes_the_place_of_its_parts() -> None:
    """D23: whichever is worth more is proposed, the pack or its parts, and never both."""
    pack, part, other = in_pack(9_000), score("a", "analytics", 5_000), score("a", "mobile", 4_000)

    assert [one.offer for one in choose_of(pack, part, other).intents] == ["insight", "mobile"]
    assert reasons(choose_of(pack, part))["c-a", "analytics"] == "better_offer"
    assert reasons(choose_of(in_pack(1_500), part))["c-a", "insight"] == "better_offer"


def test_d17_people_and_open_proposals_hold_a_pack_by_any_of_its_needs() -> None:
    """D17: a person's Automation deal holds the pack with Automation in it, and our open pack holds its parts."""
    theirs = PersonsOpportunity("006", "Automation for Alder", TODAY, need="automation")
    ours = OpenEpisode("insight", TODAY, "insight")

    assert reasons(choose_of(in_pack(9_000), opportunities=(theirs,)))["c-a", "insight"] == "rep_working"
    assert reasons(choose_of(score("a", "analytics", 5_000), open_episodes=(ours,)))["c-a", "analytics"] == "need_open"
