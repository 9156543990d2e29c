"""D15: help instead of a pitch for customers that are not well; who gets it, in which words, and when it is quiet."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from connector.config.yamldoc import load
from connector.domain.money import FxTable
from connector.domain.occupied import OpenEpisode, SaveTask
from connector.domain.play import SAVE, Save
from connector.services.choose import Chosen
from tests.services.choosing import POLICY, ROOT, TODAY, customer, linked, reasons, run, score

BOOK = load(ROOT / "playbooks" / "save.yaml", Save).value
LATE: dict[str, Any] = {"days_overdue": 21, "invoices": 3}


def helped(*accounts: Any, book: Save = BOOK, scores: Any = (), **contexts: Any) -> Chosen:
    ids = [one.account_id for one in accounts]
    owned = {id: {"csm_id": "maria", **contexts.get(id, {})} for id in ids}
    return run(list(accounts), list(scores), linked(*ids, **owned), book=book, fx=FxTable())


def test_d15_an_unpaid_invoice_blocks_and_yields_a_save_task() -> None:
    """D15: the pitch is held with its reason, and the same run asks for help, in both languages, with what to do."""
    chosen = helped(customer("a", **LATE), scores=[score("a", "analytics", 9_000)])

    (save,) = chosen.saves
    ((code, why, what),) = save.reasons
    assert chosen.intents == ()
    assert reasons(chosen) == {("c-a", "analytics"): "unhealthy_overdue"}
    assert (code, why["en"]) == ("unhealthy_overdue", "An invoice is 21 days overdue")
    assert why["fr"] == "Une facture est en retard de 21 jours"
    assert all(what.values())
    assert (save.mrr.minor, save.mrr.currency) == (39_000, "EUR")


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"disputes": 2}, "Factures contestées au cours des six derniers mois\xa0: 2"),
        ({"unpaid": True}, "Le dernier paiement d’un abonnement a échoué"),
        ({"cancel_on": date(2027, 1, 1)}, "Une résiliation est prévue le 1 janvier 2027"),
        ({"activity_trend": -0.42}, "L’usage baisse de 42\xa0% par rapport aux 28 jours précédents"),
        ({"escalated_on": date(2026, 11, 10)}, "Une escalade au support est ouverte depuis le 10 novembre 2026"),
        ({"nps": 3.0, "nps_on": date(2026, 11, 10)}, "Ils ont donné 3 sur 10"),
    ],
)
def test_d15_each_check_of_health_has_its_words(wrong: dict[str, Any], says: str) -> None:
    """D15: a French customer-success manager reads what is wrong, with its number or date."""
    (save,) = helped(customer("a", **wrong)).saves

    assert save.reasons[0][1]["fr"].replace("1er", "1").startswith(says)


def test_d15_the_healthy_and_those_who_left_get_none() -> None:
    """D15: nothing is asked about who is well, who has no running subscription, and tests of our own."""
    gone, test = customer("b", subscribed=False, **LATE), customer("c", is_test=True, **LATE)

    assert helped(customer("a"), gone, test).saves == ()


def test_d15_most_revenue_at_stake_first_within_a_persons_week() -> None:
    """D15: three new ones a week for one person, the largest customers; the others are told so."""
    accounts = [customer(id, mrr_minor=1_000 * at, **LATE) for at, id in enumerate("abcd", 1)]
    lately = (SaveTask(TODAY - timedelta(days=6), TODAY - timedelta(days=1)),)

    assert [one.account_id for one in helped(*accounts).saves] == ["c-d", "c-c", "c-b"]
    chosen = helped(*accounts, customer("e"), e={"saves": lately})
    assert [one.account_id for one in chosen.saves] == ["c-d", "c-c"]
    assert reasons(chosen)["c-a", SAVE] == "save_cap"


@pytest.mark.parametrize(
    ("context", "why"),
    [
        ({"open_episodes": (OpenEpisode("reporting", TODAY),)}, "pitch_open"),
        ({"saves": (SaveTask(date(2026, 9, 1), TODAY - timedelta(days=59)),)}, "cool_down"),
        ({"saves": (SaveTask(date(2026, 9, 1), TODAY - timedelta(days=60)),)}, None),
        ({"saves": (SaveTask(TODAY, TODAY, is_undone=True),)}, "undone"),
        ({"csm_id": None}, "no_owner"),
        ({"outside": "its owner is not one of `scope.owners`"}, "out_of_scope"),
    ],
)
def test_d15_a_save_task_has_its_own_restraint(context: dict[str, Any], why: str | None) -> None:
    """D15: never beside a pitch, quiet after the last one, only in scope and for somebody active."""
    chosen = helped(customer("a", **LATE), a=context)

    assert reasons(chosen).get(("c-a", SAVE)) == why
    assert bool(chosen.saves) == (why is None)


def test_d15_small_customers_and_reasons_without_words_are_left_alone() -> None:
    """D15: `minimum_mrr` holds, and a reason that the playbook does not name only holds back the pitch."""
    silent = replace(BOOK, reasons={code: told for code, told in BOOK.reasons.items() if code != "unhealthy_overdue"})

    assert reasons(helped(customer("a", **LATE), book=replace(BOOK, minimum_mrr=39_001)))["c-a", SAVE] == "too_small"
    assert helped(customer("a", **LATE), book=silent).saves == ()


def test_d15_nothing_is_proposed_while_a_save_task_is_open() -> None:
    """D15: a customer that is well again is not pitched to before somebody spoke with it."""
    opened = {"saves": (SaveTask(TODAY - timedelta(days=9)),)}

    chosen = helped(customer("a"), scores=[score("a", "analytics", 9_000)], a=opened)

    assert reasons(chosen) == {("c-a", "analytics"): "save_open"}
    assert run([customer("a")], [score("a", "analytics", 9_000)], linked("a"), POLICY).intents
