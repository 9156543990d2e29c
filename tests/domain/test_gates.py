"""Every gate, once open and once shut, and their order."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from connector.config.yamldoc import load
from connector.domain.asking import answers, first_no
from connector.domain.catalogue import Catalogue, Offer
from connector.domain.features import AccountFeatures
from connector.domain.gates import GATES, Candidate
from connector.domain.load import Load
from connector.domain.money import Money
from connector.domain.occupied import (
    ClosedEpisode,
    CrmContext,
    OpenEpisode,
    PersonsOpportunity,
    Quote,
    UndoneNeed,
)
from connector.domain.policy import Check, GatesPolicy, No, Reason, Threshold
from connector.domain.score import Score

ROOT = Path(__file__).resolve().parents[2]
CATALOGUE = load(ROOT / "mappings" / "catalog.yaml", Catalogue).value
POLICY = load(ROOT / "playbooks" / "policy.yaml", GatesPolicy).value
TODAY = date(2026, 11, 22)
HEALTHY = AccountFeatures(
    "b1", name="Alder", currency="EUR", mrr_minor=50_000, plan="pro", subscribed=True, country="FR", segment="smb"
)
SCORE = Score("b1", "analytics", "reporting", 1, 0.4, -3.5, (), Money(9_900, "EUR"), 3_960, date(2026, 11, 21))
CRM = CrmContext("c1", owner_id="o1")


def ago(days: int) -> date:
    return TODAY - timedelta(days=days)


def candidate(name: str = "analytics", /, *accounts: AccountFeatures, **more: Any) -> Candidate:
    score = replace(SCORE, offer=name, need=CATALOGUE.offers[name].need or "none")
    defaults: dict[str, Any] = {
        "score": score,
        "offer": CATALOGUE.offers[name],
        "accounts": accounts or (HEALTHY,),
        "owned": frozenset({"pro"}),
        "used": frozenset({"pro"}),
        "link": "linked",
        "crm": CRM,
        "catalogue": CATALOGUE,
        "policy": POLICY,
        "today": TODAY,
    }
    return Candidate(**{**defaults, **more})


def with_account(**more: Any) -> Candidate:
    return candidate("analytics", replace(HEALTHY, **more))


def with_crm(**more: Any) -> Candidate:
    return candidate(crm=replace(CRM, **more))


def reason(one: Candidate) -> Reason | None:
    no = first_no(one)
    return None if no is None else no.reason


def test_a_healthy_customer_with_a_need_passes_every_gate() -> None:
    """Nothing holds what nothing speaks against."""
    assert first_no(candidate()) is None
    assert [name for name, _ in answers(candidate())] == list(GATES)


@pytest.mark.parametrize(
    ("shut", "why"),
    [
        (with_account(is_test=True), Reason.TEST_ACCOUNT),
        (candidate(link="unmatched"), Reason.UNMATCHED),
        (candidate(link="ambiguous"), Reason.AMBIGUOUS),
        (with_crm(outside="its owner is not one of `scope.owners`"), Reason.OUT_OF_SCOPE),
        (with_crm(owner_id=None, owner_active=False), Reason.NO_OWNER),
        (with_account(mrr_minor=0), Reason.NOT_A_CUSTOMER),
        (with_account(mrr_minor=0, trialing=True), Reason.ON_TRIAL),
        (candidate(owned=frozenset({"pro", "analytics"})), Reason.ALREADY_OWNED),
        (candidate("pro", owned=frozenset({"enterprise"})), Reason.ALREADY_OWNED),
        (candidate(owned=frozenset({"starter"})), Reason.PLAN_TOO_LOW),
        (candidate(score=replace(SCORE, delta_mrr=None)), Reason.NO_PRICE),
        (candidate(score=replace(SCORE, delta_mrr=Money(0, "EUR"))), Reason.NO_GAIN),
        (candidate(score=replace(SCORE, p=0.05)), Reason.UNLIKELY),
    ],
)
def test_who_and_what(shut: Candidate, why: Reason) -> None:
    """Test, unlinked or unowned accounts, non-customers, owned offers, no price, no gain."""
    assert reason(shut) == why


@pytest.mark.parametrize(
    ("owned", "used", "why"),
    [
        ({"pro"}, {"pro"}, Reason.PREREQUISITE_MISSING),
        ({"pro", "signature"}, {"pro"}, Reason.PREREQUISITE_UNUSED),
        ({"pro", "signature"}, {"pro", "signature"}, None),
    ],
)
def test_d16_prerequisites_are_owned_and_used(owned: set[str], used: set[str], why: Reason | None) -> None:
    """D16: More envelopes are proposed to who has the signature module and uses it, and to nobody else."""
    assert reason(candidate("signature_volume", owned=frozenset(owned), used=frozenset(used))) == why


@pytest.mark.parametrize(
    ("used", "name", "why"),
    [
        ({"pro"}, "analytics", Reason.ADOPTION_FIRST),
        ({"pro", "mobile"}, "analytics", None),
        ({"pro"}, "enterprise", None),
    ],
)
def test_d15_adoption_first(used: set[str], name: str, why: Reason | None) -> None:
    """D15: with two modules bought and unused no third one is proposed; one is forgiven, and a higher plan goes on."""
    owned = frozenset({"pro", "mobile", "signature"})

    assert reason(candidate(name, owned=owned, used=frozenset(used))) == why


def test_d1_one_off_services_never_pass() -> None:
    """D1: Training is no expansion, whatever points to it."""
    offer = replace(CATALOGUE.offers["training"], need="reporting")

    assert reason(candidate(offer=offer)) == Reason.NOT_RECURRING


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"days_overdue": 11, "invoices": 1}, Reason.UNHEALTHY_OVERDUE),
        ({"days_overdue": 10, "invoices": 1}, None),
        ({"disputes": 1}, Reason.UNHEALTHY_DISPUTE),
        ({"past_due": True}, Reason.UNHEALTHY_PAYMENT),
        ({"unpaid": True}, Reason.UNHEALTHY_PAYMENT),
        ({"cancel_on": date(2027, 1, 1)}, Reason.UNHEALTHY_CANCELLATION),
        ({"activity_trend": -0.3}, Reason.UNHEALTHY_FALLING_USAGE),
        ({"activity_trend": -0.29}, None),
        ({"escalated_on": ago(30)}, Reason.UNHEALTHY_ESCALATION),
        ({"escalated_on": ago(31)}, None),
        ({"nps": 4.0, "nps_on": ago(10)}, Reason.UNHEALTHY_NPS),
        ({"nps": 5.0, "nps_on": ago(10)}, None),
        ({"nps": 0.0, "nps_on": ago(200)}, None),
    ],
)
def test_d15_satisfaction_and_trust_first(more: dict[str, Any], why: Reason | None) -> None:
    """D15: Each check of health, on both sides of its threshold."""
    assert reason(with_account(**more)) == why


def test_d15_one_unhealthy_billing_account_holds_its_whole_customer() -> None:
    """D15: A subsidiary's overdue invoice holds the pitch to its sister too."""
    sister = replace(HEALTHY, account_id="b2", days_overdue=60, invoices=3)

    assert reason(candidate("analytics", HEALTHY, sister)) == Reason.UNHEALTHY_OVERDUE


@pytest.mark.parametrize(
    ("check", "unknown"),
    [
        ("overdue_days", Threshold(limit=10, on_unknown="hold")),
        ("disputes", Threshold(limit=0, on_unknown="hold")),
        ("falling_usage", Threshold(limit=0.3, on_unknown="hold")),
        ("escalation_days", Threshold(limit=30, on_unknown="hold")),
        ("nps", Threshold(limit=4, on_unknown="hold")),
        ("payment", Check(on_unknown="hold")),
        ("cancellation", Check(on_unknown="hold")),
    ],
)
def test_d15_unknown_is_not_healthy_where_policy_says_so(check: str, unknown: Check | Threshold) -> None:
    """D15: `on_unknown: hold` asks for proof; known and healthy passes, unknown is held."""
    policy = replace(POLICY, health=replace(POLICY.health, **{check: unknown}))
    known = replace(HEALTHY, invoices=3, activity_trend=0.1, events=9, nps=9.0, nps_on=ago(5))
    nothing = replace(HEALTHY, subscribed=False)

    assert reason(candidate("analytics", known, policy=policy)) is None
    assert reason(candidate("analytics", nothing, policy=policy)) == Reason.UNKNOWN_HEALTH


def test_d17_a_person_working_the_need_holds_ours() -> None:
    """D17: The same need in a person's opportunity holds ours and names theirs; another need does not."""
    theirs = PersonsOpportunity("006", "Analytics for Alder", ago(90), need="reporting")

    held = first_no(with_crm(opportunities=(theirs,)))

    assert held is not None
    assert (held.reason, held.detail) == (Reason.REP_WORKING, "Analytics for Alder")
    assert reason(with_crm(opportunities=(replace(theirs, need="signing"),))) is None


def test_d17_an_unknown_need_holds_while_it_is_touched() -> None:
    """D17: An opportunity nobody can read holds for 30 days after its last touch, unless policy allows."""
    fresh, stale = PersonsOpportunity("006", "Alder Q4", ago(30)), PersonsOpportunity("006", "Alder Q4", ago(31))
    allowing = replace(POLICY, on_unknown_need="allow")

    assert reason(with_crm(opportunities=(fresh,))) == Reason.UNKNOWN_NEED_OPEN
    assert reason(with_crm(opportunities=(stale,))) is None
    assert reason(candidate(crm=replace(CRM, opportunities=(fresh,)), policy=allowing)) is None


@pytest.mark.parametrize(
    ("quote", "why"),
    [
        (Quote("analytics", ago(45)), Reason.QUOTE_OPEN),
        (Quote("reporting", ago(1)), Reason.QUOTE_OPEN),
        (Quote("analytics", ago(46)), None),
        (Quote("mobile", ago(1)), None),
        (Quote("Q-2026-117", ago(1)), Reason.QUOTE_OPEN),
        (Quote("", ago(1)), Reason.QUOTE_OPEN),
    ],
)
def test_d17_a_quote_a_person_sent_holds_ours(quote: Quote, why: Reason | None) -> None:
    """D17: for the same need, by offer or by need, for 45 days; one that nobody can read holds too, unless allowed."""
    allowing = replace(POLICY, on_unknown_need="allow")
    is_read = quote.about in CATALOGUE.offers or bool(CATALOGUE.for_need(quote.about))

    assert reason(candidate(quotes=(quote,))) == why
    assert reason(candidate(quotes=(quote,), policy=allowing)) == (why if is_read else None)


def test_d17_a_renewal_never_holds_ours() -> None:
    """D17: An open renewal is worked beside an expansion."""
    renewal = PersonsOpportunity("006", "Alder renewal 2027", TODAY, renewal=True)

    assert reason(with_crm(opportunities=(renewal, replace(renewal, need="reporting")))) is None


def test_a_need_that_was_undone_waits_for_its_release() -> None:
    """Neither an open proposal of ours nor a cool-down of no days brings it back; other needs go on."""
    undone = UndoneNeed("reporting", "run-1", "Ana", date(2026, 11, 20))
    ours = OpenEpisode("reporting", ago(2), "analytics")
    taken_back = ClosedEpisode("reporting", "withdrawn", ago(2))

    for more in ({}, {"open_episodes": (ours,)}, {"closed_episodes": (taken_back,)}):
        told = "undone by Ana on 2026-11-20; `connector undo run-1 --release` lets it be proposed again"
        assert first_no(with_crm(undone=(undone,), **more)) == No(Reason.UNDONE, told)
    assert reason(with_crm(undone=(replace(undone, need="mobile_access"),))) is None


@pytest.mark.parametrize(
    ("outcome", "days", "why"),
    [
        ("lost", 179, Reason.COOL_DOWN),
        ("lost", 180, None),
        ("won", 89, Reason.COOL_DOWN),
        ("won", 90, None),
        ("deleted", 364, Reason.COOL_DOWN),
        ("no", 179, Reason.COOL_DOWN),
        ("no", 180, None),
        ("not_useful", 179, Reason.COOL_DOWN),
        ("not_useful", 180, None),
        ("withdrawn", 0, None),
    ],
)
def test_d17_cool_down_by_outcome(outcome: Any, days: int, why: Reason | None) -> None:
    """D17: After a "no" the need rests half a year, after a sale three months; what we withdrew was never asked."""
    assert reason(with_crm(closed_episodes=(ClosedEpisode("reporting", outcome, ago(days)),))) == why
    assert reason(with_crm(closed_episodes=(ClosedEpisode("signing", outcome, ago(days)),))) is None


def test_d17_our_own_open_proposal_goes_on() -> None:
    """D17: An open episode of the need is refreshed: no cap or cool-down stops it; another offer for it is held."""
    ours = OpenEpisode("reporting", ago(3), "analytics", "proposed")
    closed = ClosedEpisode("reporting", "lost", ago(5))
    full = Load(account_open=9, account_week=9, owner_week=99, owner_tasks=999)

    assert reason(candidate(crm=replace(CRM, open_episodes=(ours,), closed_episodes=(closed,)), load=full)) is None
    assert reason(with_crm(open_episodes=(replace(ours, offer="mobile"),))) == Reason.NEED_OPEN


@pytest.mark.parametrize(
    ("load", "why"),
    [
        (Load(account_open=2), Reason.ACCOUNT_CAP),
        (Load(account_open=1), None),
        (Load(account_week=1), Reason.ACCOUNT_CAP),
        (Load(owner_week=5), Reason.OWNER_CAP),
        (Load(owner_week=4), None),
        (Load(owner_tasks=41), Reason.OWNER_BUSY),
        (Load(owner_tasks=40), None),
        (Load(needs=frozenset({"reporting"})), Reason.BETTER_OFFER),
    ],
)
def test_d17_no_flooding(load: Load, why: Reason | None) -> None:
    """D17: Caps per account, owner and week, capacity by open work, and one offer per need."""
    assert reason(candidate(load=load)) == why


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"countries": ["DE"]}, Reason.NOT_SOLD_IN_COUNTRY),
        ({"countries": ["FR", "DE"]}, None),
        ({"segments": ["enterprise"]}, Reason.NOT_SOLD_TO_SEGMENT),
        ({"segments": ["smb"]}, None),
    ],
)
def test_d18_sold_where_it_can_be_delivered(more: dict[str, Any], why: Reason | None) -> None:
    """D18: An offer limited to countries or segments is not proposed elsewhere."""
    offer: Offer = replace(CATALOGUE.offers["analytics"], **more)

    assert reason(candidate(offer=offer)) == why


def test_d18_the_crm_knows_the_country_when_billing_does_not() -> None:
    """D18: Billing's country counts first, then the CRM's; with neither the offer is held."""
    offer = replace(CATALOGUE.offers["analytics"], countries=["FR"])
    nowhere = replace(HEALTHY, country=None)

    assert reason(candidate("analytics", nowhere, offer=offer, crm=replace(CRM, country="FR"))) is None
    assert reason(candidate("analytics", nowhere, offer=offer)) == Reason.NOT_SOLD_IN_COUNTRY


def test_the_first_no_is_the_headline_and_all_can_be_shown() -> None:
    """An unhealthy customer on too low a plan: the plan is the headline, the invoice is told too."""
    one = replace(with_account(days_overdue=60, invoices=1), owned=frozenset({"starter"}))

    assert reason(one) == Reason.PLAN_TOO_LOW
    assert [no.reason for _, no in answers(one) if no] == [Reason.PLAN_TOO_LOW, Reason.UNHEALTHY_OVERDUE]
