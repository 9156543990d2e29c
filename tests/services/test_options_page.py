"""The options page: today, A and B, with nothing made up, on the opportunity that is in *confront*."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from typing import Any

import pytest

from connector.domain.account import CrmAccount
from connector.domain.catalogue import Catalogue, Worth
from connector.domain.change import RecordType, Ref
from connector.domain.episode import Episode
from connector.domain.features import MetricFeatures
from connector.domain.gates import Candidate
from connector.domain.intent import Intent, Moment, brief_of, intent_of
from connector.domain.money import Money
from connector.domain.occupied import CrmContext
from connector.domain.policy import Concession, GatesPolicy
from connector.domain.score import Score
from connector.services.options import options_of, read_options, rivals_of
from connector.services.options_page import written_options
from connector.services.project import project
from tests.services import test_briefs as briefs
from tests.services.test_project import INTENT, NOW, RULES, in_stage, world

RENEWAL = Moment("renewal", date(2026, 11, 30), {"en": "The contract renews", "fr": "Le contrat se renouvelle"})
SIGNED = Concession(
    percent=10, when="renewal", condition={"en": "if signed with the renewal", "fr": "si signé au renouvellement"}
)
SAVES = Worth(
    metric="documents", hours_per_unit=0.02, hour={"EUR": 4500}, source={"en": "their count", "fr": "leur compte"}
)
HOSTILE = ["<script>alert(1)</script>", "{{7*7}}", "\U0001f600 \u202egnp", "é" * 255]


def candidate(offer: str = "analytics", *concessions: Concession, worth: Worth | None = None, adds: int = 9900) -> Any:
    catalogue = RULES.catalogue
    entry = replace(catalogue.offers[offer], worth=worth)
    usage: dict[str, MetricFeatures] = {"documents": briefs.metric("documents", limit=5000.0, pace=4900.0)}
    return Candidate(
        score=Score("b1", offer, entry.need or "", 1, 0.3, -3.0, (), Money(adds, "EUR"), adds, NOW.date()),
        offer=entry,
        accounts=(replace(briefs.account(), mrr_minor=49000, mrr={"EUR": 49000}),),
        owned=frozenset({"pro"}),
        used=frozenset({"pro"}),
        link="linked",
        crm=CrmContext("a1"),
        catalogue=catalogue,
        policy=GatesPolicy(concessions=concessions),
        today=NOW.date(),
        metrics=usage,
    )


def proposed(*concessions: Concession, worth: Worth | None = None, rivals: tuple[Candidate, ...] = ()) -> Intent:
    one = candidate("analytics", *concessions, worth=worth)
    return replace(INTENT, options=options_of(one, RENEWAL, rivals))


class Cells(HTMLParser):
    """The rows of the page's table."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.tags: list[str] = []
        self.text = ""
        self.is_over = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        self.is_over = self.is_over or tag == "table"

    def handle_data(self, data: str) -> None:
        self.text += data
        if self.rows and self.rows[-1] and not self.is_over:
            self.rows[-1][-1] += data

    def row(self, name: str) -> list[str]:
        return next(row[1:4] for row in self.rows if row and row[0] == name)


def page(intent: Intent, account: CrmAccount | None = None, language: Any = "en") -> Cells:
    catalogue: Catalogue = RULES.catalogue
    here = account or CrmAccount("a1", "Acme")
    return Cells(written_options(here, "Ana", intent, catalogue, NOW.date(), language).page)


def test_d27_today_and_the_proposal_stand_side_by_side() -> None:
    """D27: what they pay today and what they would pay stand in one row, with the difference below."""
    shown = page(proposed())

    assert shown.row("Price a month")[:2] == ["€490", "€589"]
    assert shown.row("Change a month")[:2] == ["no change", "+€99"]


def test_d23_a_discount_names_its_condition_and_what_comes_back_for_it() -> None:
    """D23: B is A on the condition that the policy grants at this moment; nothing is conceded for nothing."""
    shown = page(proposed(SIGNED))

    assert shown.row("Change a month")[1:] == ["+€99", "+€89.10"]
    assert shown.row("Condition")[1:] == ["none", "if signed with the renewal"]
    assert shown.row("Give and take")[1:] == [
        "no discount without something in return",
        "a discount of 10%: if signed with the renewal",
    ]


def test_a_discount_for_another_moment_is_not_offered() -> None:
    """Where the policy grants nothing at this moment there is no B of ours: theirs is asked for."""
    elsewhere = replace(SIGNED, when="limit")

    shown = page(proposed(elsewhere))

    assert shown.row("What")[2] == "Their own proposal: ask"
    assert shown.row("Price a month")[2] == ""


def test_another_offer_for_the_need_is_b() -> None:
    """B is the other offer that meets the need and that the customer may have."""
    other = candidate("analytics", adds=20000)

    told = read_options(proposed(SIGNED, rivals=(other,)).options)

    assert told.b is not None
    assert (told.b.adds, told.b.percent) == (Money(20000, "EUR"), 0)


def test_a_rival_meets_the_same_need_has_a_price_and_is_for_this_customer() -> None:
    """Offers without a price, in another currency, or for another segment are no alternative."""
    one = candidate()
    need = one.score.need
    others = [
        replace(one.score, offer="automation", delta_mrr=None),
        replace(one.score, offer="automation", delta_mrr=Money(1, "USD")),
        replace(one.score, offer="no_such_offer"),
        one.score,
    ]

    assert rivals_of(one, {("a1", need): others}) == []


def test_d23_the_return_is_worked_out_from_the_catalogue_and_named_with_its_source() -> None:
    """D23: what it is worth and what it costs give the return; where the catalogue is silent it is asked for."""
    pays = page(proposed(worth=replace(SAVES, hours_per_unit=0.1)))
    told, silent = page(proposed(worth=SAVES)), page(proposed())

    assert pays.row("Worth to them")[1] == "€225 (5 hours; their count)"
    assert pays.row("Return")[1] == "2.3 × what it costs"
    assert told.row("Worth to them")[1] == "€45 (1 hour; their count)"
    assert "Return" not in told.text, "€45 against €99 is no return"
    assert silent.row("Worth to them")[1] == "ask them what it would save"
    assert "Return" not in silent.text, "a row that says nothing is left out"


def test_brakes_are_cited_or_asked_for() -> None:
    """What the customer named as a brake is cited word for word; what nobody noted is asked for."""
    account = CrmAccount("a1", "Acme", facts={"brakes": "their CFO wants a fixed price"})

    shown = page(proposed(), account)

    assert "their CFO wants a fixed price" in shown.text
    assert shown.text.count("unknown: ask") == 2


def test_the_page_is_in_its_owners_language() -> None:
    """French words, amounts and typography."""
    shown = page(proposed(SIGNED), language="fr")

    assert shown.row("Prix par mois")[:2] == ["490\u00a0€", "589\u00a0€"]
    assert "10\u00a0%" in shown.row("Concession et contrepartie")[2]


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_gets_out_of_its_place(name: str) -> None:
    """A customer's name and words make no tag."""
    plain = page(proposed())

    shown = page(proposed(), CrmAccount("a1", name, facts={"brakes": name}))

    assert name in shown.text
    assert [tag for tag in shown.tags if tag != "bdi"] == plain.tags


def test_options_survive_the_brief() -> None:
    """What is compared is kept in the episode's brief and read back the same."""
    intent = proposed(SIGNED, worth=SAVES)

    again = intent_of(brief_of(intent))

    assert read_options(again.options) == read_options(intent.options)


@pytest.mark.parametrize(("path", "pages"), [(("consult",), 0), (("consult", "confront"), 1), (("concretize",), 0)])
def test_the_page_hangs_on_the_opportunity_while_it_is_in_confront(path: tuple[str, ...], pages: int) -> None:
    """The page is desired when the owner moves the opportunity to *confront*, and attached to it."""
    stage = in_stage(*path)
    episode: Episode = replace(stage["episodes"][0], brief=brief_of(proposed(SIGNED)))

    made = project((), (), {}, world(**{**stage, "episodes": (episode,)}), RULES, NOW).desired

    files = [one for one in made if one.type is RecordType.FILE]
    assert len(files) == pages
    assert [link.to for one in files for link in one.links] == [Ref(RecordType.OPPORTUNITY, key=episode.key)] * pages


def test_without_options_there_is_no_page() -> None:
    """A proposal of an earlier version kept nothing to compare: it gets its tasks and no page."""
    made = project((), (), {}, world(**in_stage("confront")), RULES, NOW).desired

    assert [one for one in made if one.type is RecordType.FILE] == []
