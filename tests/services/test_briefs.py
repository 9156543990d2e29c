"""The brief of a business review: what it tells, in whose language, where it hangs, and when it is written anew."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser
from typing import Any

import pytest

from connector.config.project import load_project
from connector.config.settings import shipped
from connector.domain.account import CrmAccount, Owner
from connector.domain.change import Desired, RecordType, Ref
from connector.domain.features import AccountFeatures, MetricFeatures
from connector.domain.intent import Contribution, Intent, Moment, ReviewIntent
from connector.domain.money import Money
from connector.domain.policy import Refresh
from connector.domain.receipt import KnownRecord, Receipt
from connector.services.brief import BriefFacts, brief_facts
from connector.services.brief_page import written_brief
from connector.services.documents import moved
from connector.services.measure import Measured
from connector.services.project import project
from connector.services.world import World

NOW = datetime(2026, 9, 30, 12, tzinfo=UTC)
TODAY = NOW.date()
ANA = Owner("u1", "Ana", "ana@example.com", language="en", time_zone="Europe/London")
LUC = Owner("u2", "Luc", "luc@example.com", language="fr", time_zone="Europe/Paris")
PROJECTS = {crm: load_project(shipped(), ["stripe"], crm) for crm in ("salesforce", "hubspot")}
REVIEW = ReviewIntent("a1", ("b1",), date(2026, 10, 20), date(2026, 1, 31), 0, date(2027, 1, 31), ("analytics",))
HOSTILE = ["<script>alert(1)</script>", "{{7*7}}", "\U0001f600 \u202egnp", "é" * 255, '"><img src=x onerror=alert(1)>']


def metric(name: str = "active_seats", **more: Any) -> MetricFeatures:
    told = {
        "account_id": "b1",
        "metric": name,
        "data_to": TODAY,
        "level_28": 47.0,
        "level_previous": 40.0,
        "growth": 0.175,
        "growth_year": 0.5,
        "surge": None,
        "mean_90": 40.0,
        "std_90": 1.0,
        "slope_90": None,
        "peak_28": 50.0,
        "last_value": 47.0,
        "active_days": 28,
        "active_days_previous": 28,
        "first_day": date(2025, 1, 1),
        "last_day": TODAY,
        "total": 9000.0,
        "milestone": None,
        "limit": 50.0,
        "pace": 50.0,
        "days_over_limit": 3,
    }
    return MetricFeatures(**{**told, **more})


def account(**more: Any) -> AccountFeatures:
    return AccountFeatures("b1", "Acme", plan="pro", seats=50, currency="EUR", data_to=TODAY, **more)


def intent() -> Intent:
    why = Contribution("reports", 1.5, {"en": "80 reports by hand; data to 28 Sept", "fr": "80 rapports à la main"})
    return Intent(
        play="negotiation",
        account_id="a1",
        billing_ids=("b1",),
        need="reporting",
        offer="analytics",
        kind="cross_sell",
        lever="scope",
        quantity=1,
        p=0.3,
        delta_mrr=Money(9900, "EUR"),
        reported=Money(9900, "EUR"),
        value=2970,
        base=-3.0,
        contributions=(why,),
        moment=Moment("none", TODAY, {}),
        data_to=TODAY,
    )


def gathered(crm: str = "salesforce", *rows: MetricFeatures, **more: Any) -> BriefFacts:
    usage = rows or (metric(),)
    measured = Measured(NOW, {"b1": account(**more)}, {"b1": {one.metric: one for one in usage}}, {}, (), (), TODAY)
    one = account(**more)
    return brief_facts(Money(123400, "EUR"), [one], measured, [intent()], PROJECTS[crm].catalogue)


def world(crm: str = "salesforce", **rest: Any) -> World:
    mapping = PROJECTS[crm].mapping
    assert mapping is not None
    plain = World(
        mapping=mapping,
        accounts={"a1": CrmAccount("a1", "Acme", owner_id="u1")},
        contacts={},
        owners={"u1": ANA, "u2": LUC},
        stages=(),
        opportunities=(),
        tasks=(),
        entries={},
        links=(),
        episodes=(),
        known={},
    )
    return replace(plain, **rest)


def desired(crm: str, here: World, facts: BriefFacts | None = None, review: ReviewIntent = REVIEW) -> list[Desired]:
    page = facts or gathered(crm)
    briefs = {"a1": {"mrr": page.pays, "evidence": [], "data_to": page.data_to, "page": page}}
    return list(project((), [review], briefs, here, PROJECTS[crm], NOW).desired)


def documents(made: list[Desired]) -> list[Desired]:
    return [one for one in made if one.type in (RecordType.FILE, RecordType.NOTE)]


def kept(one: Desired) -> KnownRecord:
    """What the ledger knows once a record was delivered."""
    receipts = {name: Receipt(field.value, field.value, rule=field.rule) for name, field in one.fields.items()}
    return KnownRecord(one.key, one.type, f"id-{one.key[:6]}", one.account_id, receipts=receipts)


class Shown(HTMLParser):
    """Tags and texts of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_d25_the_brief_tells_goals_usage_value_limits_and_what_is_open() -> None:
    """D25: goals are asked for when nobody noted them; usage, limits, the expansion and what is open are told."""
    facts = gathered(overdue_invoices=2, days_overdue=21, escalated_on=date(2026, 9, 3), nps=6.0, nps_on=TODAY)

    text = Shown(written_brief(CrmAccount("a1", "Acme"), REVIEW.on, facts, "en").page).text

    for told in (
        "Goals",
        "unknown: ask",
        "€1,234 a month",
        "limit 50",
        "+18% on the 28 days before",
        "over it on 3 of the last 28 days",
        "+€99 a month (80 reports by hand)",
        "2 overdue invoices, the oldest for 21 days",
        "escalation open since 3 September 2026",
        "6 of 10",
        "Data to 30 September 2026",
    ):
        assert told in text


def test_what_nobody_uses_takes_no_room() -> None:
    """A metric without any use in eight weeks is left out, and one without a past shows no change."""
    idle = metric("envelopes", level_28=0.0, level_previous=0.0, growth=None, growth_year=None)
    new = metric("documents", level_28=10.0, level_previous=0.0, growth=None, growth_year=None)

    page = written_brief(CrmAccount("a1", "Acme"), REVIEW.on, gathered("salesforce", idle, new), "en").page

    assert "envelopes" not in page
    assert "<small>limit 50</small>" in page


def test_what_the_account_told_is_cited_and_never_invented() -> None:
    """A noted goal is cited as it was written; an irritant that nobody noted is asked for."""
    told = CrmAccount("a1", "Acme", facts={"goals": "close their month in 3 days"})

    text = Shown(written_brief(told, REVIEW.on, gathered(), "en").page).text

    assert "close their month in 3 days" in text
    assert text.count("unknown: ask") == 1


def test_the_brief_is_in_its_readers_language() -> None:
    """A French reader gets French words, numbers and dates, and a no-break space before a colon."""
    page = written_brief(CrmAccount("a1", "Acme"), REVIEW.on, gathered(), "fr").page

    text = Shown(page).text
    assert 'lang="fr"' in page
    assert "Revue d’affaires\u00a0: Acme" in text
    assert "1\u202f234\u00a0€ par mois" in text
    assert "inconnus, à demander" in text
    assert "Données au 30 septembre 2026" in text


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("language", ["en", "fr"])
def test_no_name_gets_out_of_its_place(name: str, language: Any) -> None:
    """A customer's name and words are shown as they are: they make no tag, run nothing and turn nothing else round."""
    plain = Shown(written_brief(CrmAccount("a1", "Acme"), REVIEW.on, gathered(), language).page)
    hostile = CrmAccount("a1", name, facts={"goals": name})

    page = written_brief(hostile, REVIEW.on, gathered(), language).page

    shown = Shown(page)
    assert name in shown.text
    assert [tag for tag in shown.tags if tag != "bdi"] == plain.tags
    assert "script" not in shown.tags


def test_the_core_is_short() -> None:
    """What a note says of it fits in ten lines."""
    facts = gathered(overdue_invoices=2, days_overdue=21, disputes=1, escalated_on=TODAY)

    core = written_brief(CrmAccount("a1", "Acme"), REVIEW.on, facts, "en").core

    assert len([line for line in core.splitlines() if line]) <= 10


def test_in_salesforce_the_brief_hangs_on_the_task_that_prepares_the_review() -> None:
    """The file is attached to the review's first task, which is made in the same plan."""
    made = desired("salesforce", world())

    [file] = documents(made)
    first = next(one for one in made if one.type is RecordType.TASK)
    assert [(link.role, link.to) for link in file.links] == [("task", Ref(RecordType.TASK, key=first.key))]


def test_in_hubspot_a_note_on_the_company_carries_the_brief() -> None:
    """The file hangs on nothing, and a note carries it to the company and says its core."""
    file, note = documents(desired("hubspot", world("hubspot")))

    assert (file.type, note.type, file.links) == (RecordType.FILE, RecordType.NOTE, ())
    assert {link.role: link.to for link in note.links} == {
        "account": Ref(RecordType.ACCOUNT, id="a1"),
        "file": Ref(RecordType.FILE, key=file.key),
    }
    assert "€1,234 a month" in str(note.fields["hs_note_body"].value)


def test_without_a_file_section_no_brief_is_written() -> None:
    """A mapping that names no files gets the tasks alone."""
    here = world()
    bare = replace(here.mapping, file=None)
    rules = replace(PROJECTS["salesforce"], mapping=bare)
    page = gathered()
    briefs = {"a1": {"mrr": page.pays, "evidence": [], "data_to": page.data_to, "page": page}}

    made = project((), [REVIEW], briefs, replace(here, mapping=bare), rules, NOW).desired

    assert documents(list(made)) == []
    assert made


@pytest.mark.parametrize(
    ("level", "days", "is_written_anew"),
    [(47.0, 8, False), (48.0, 8, False), (90.0, 8, True), (90.0, 6, False)],
    ids=["unchanged", "hardly moved", "moved", "moved, but written six days ago"],
)
def test_a_brief_is_written_anew_only_when_a_number_moved(level: float, days: int, is_written_anew: bool) -> None:
    """What was sent stands until a number that it cites moved by the policy's share, and a week at least."""
    known = {one.key: kept(one) for one in documents(desired("hubspot", world("hubspot")))}
    later = gathered("hubspot", metric(level_28=level, pace=level))
    later = replace(later, data_to=TODAY + timedelta(days=days))

    made = documents(desired("hubspot", world("hubspot", known=known), later))

    changed = {
        name for one in made for name, field in one.fields.items() if field.value != known[one.key].receipts[name].sent
    }
    assert bool(changed) is is_written_anew


@pytest.mark.parametrize(
    ("told", "new", "is_news"),
    [
        ("47 of 50\n\nData to 3 May", "47 of 50\n\nData to 1 June", False),
        ("<p>47</p><p>Data to 3 May</p>", "<p>47</p><p>Data to 1 June</p>", False),
        ("47 of 50", "47 of 51", False),
        ("47 of 50", "60 of 50", True),
        ("1 234 €", "1 235 €", False),
        ("47 seats", "47 seats, late", True),
        ("0 of 50", "1 of 50", True),
    ],
)
def test_only_what_moved_materially_is_news(told: str, new: str, is_news: bool) -> None:
    """Another word, or a number that moved by a tenth, is news; the day of the data is none."""
    assert moved(told, new, Refresh()) is is_news
