"""What the CRM should hold: opportunities with their stage's tasks, small tasks, review reminders, and their texts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from connector.config.project import load_project
from connector.config.settings import shipped
from connector.domain.account import Contact, CrmAccount, Owner
from connector.domain.change import CrmRecord, Desired, RecordType, Stage, StageEntry
from connector.domain.episode import Episode, EpisodeState
from connector.domain.intent import Contribution, Intent, Moment, ReviewIntent, brief_of, intent_of, moved_materially
from connector.domain.money import Money
from connector.domain.policy import Reason
from connector.domain.receipt import Associated, KnownRecord, Receipt
from connector.services.project import Projected, project
from connector.services.world import World

RULES = load_project(shipped(), ["stripe"], "salesforce")
NOW = datetime(2026, 9, 30, 12, tzinfo=UTC)
ANA = Owner("u1", "Ana", "ana@example.com", language="en", time_zone="Europe/London")
LUC = Owner("u2", "Luc", "luc@example.com", language="fr", time_zone="Europe/Paris")
GONE = Owner("u9", "Gone", "gone@example.com", active=False)
LABELS = RULES.mapping.opportunity.stages if RULES.mapping else {}
STAGES = tuple(Stage(id=label, label=label, in_forecast=ours != "proposed") for ours, label in LABELS.items())
INTENT = Intent(
    play="negotiation",
    account_id="a1",
    billing_ids=("b1",),
    need="reporting",
    offer="analytics",
    kind="cross_sell",
    lever="scope",
    quantity=1,
    p=0.31,
    delta_mrr=Money(9900, "EUR"),
    reported=Money(9900, "EUR"),
    value=3069,
    base=-3.5,
    contributions=(
        Contribution("renewal_window", 2.0, {"en": "the contract renews on 3 Dec", "fr": "renouvellement le 3 déc."}),
        Contribution(
            "reports_by_hand",
            1.5,
            {"en": "80 reports by hand; data to 28 Sept", "fr": "80 rapports ; données au 28 sept."},
        ),
        Contribution("usage_falling", -0.4, {"en": "usage fell", "fr": "usage en baisse"}),
    ),
    moment=Moment("renewal", date(2026, 11, 30), {"en": "The contract renews", "fr": "Le contrat se renouvelle"}),
    data_to=date(2026, 9, 28),
)


def world(**rest: Any) -> World:
    assert RULES.mapping is not None
    plain = World(
        mapping=RULES.mapping,
        accounts={"a1": CrmAccount("a1", "Acme", owner_id="u1")},
        contacts={},
        owners={"u1": ANA, "u2": LUC, "u9": GONE},
        stages=STAGES,
        opportunities=(),
        tasks=(),
        entries={},
        links=(),
        episodes=(),
        known={},
    )
    return replace(plain, **rest)


def projected(here: World, *intents: Intent) -> Projected:
    return project(intents, (), {}, here, RULES, NOW)


def opened(intent: Intent = INTENT) -> Episode:
    return Episode("e" * 32, "a1", intent.need, 1, NOW, offer=intent.offer, play="negotiation", brief=brief_of(intent))


def in_stage(*path: str) -> dict[str, Any]:
    """Our opportunity, moved by its owner through some stages."""
    labels: dict[str, str] = dict(LABELS)
    entries = tuple(
        StageEntry("o1", labels[stage], datetime(2026, 10, 1 + 3 * i, 9, tzinfo=UTC)) for i, stage in enumerate(path)
    )
    fields = {"Expansion_Key__c": "e" * 32, "StageName": labels[path[-1]]}
    record = CrmRecord(RecordType.OPPORTUNITY, "o1", fields, {"account": ("a1",)}, modified_at=NOW)
    return {"episodes": (opened(),), "opportunities": (record,), "entries": {"o1": entries}}


def value(one: Desired, field: str) -> str:
    found = one.fields[field].value
    assert found is not None
    return found


def test_an_intent_opens_an_episode_with_its_opportunity_and_its_one_task() -> None:
    """A proposal is an opportunity and the one task that asks its owner to look at it, tied to it by its key."""
    made = projected(world(), INTENT)

    opportunity, task = made.desired
    assert made.episodes[0].key == opportunity.key
    assert (opportunity.type, task.type) == (RecordType.OPPORTUNITY, RecordType.TASK)
    assert {link.role: str(link.to) for link in task.links} == {"opportunity": f"opportunity:{opportunity.key}"}
    assert {link.role: str(link.to) for link in opportunity.links} == {"account": "account:a1"}


def test_d19_an_opportunity_starts_outside_the_forecast_on_its_moments_date() -> None:
    """D19: It starts in the entry stage, closes on the moment's day, and its amount is a year of what is added."""
    opportunity = projected(world(), INTENT).desired[0]

    assert value(opportunity, "StageName") == LABELS["proposed"]
    assert value(opportunity, "CloseDate") == "2026-11-30"
    assert value(opportunity, "Amount") == "1188.00"


def test_d19_too_small_is_one_task_and_no_opportunity() -> None:
    """D19: A low-value intent is a task on the account."""
    made = projected(world(), replace(INTENT, as_task=True))

    assert [one.type for one in made.desired] == [RecordType.TASK]
    assert str(made.desired[0].links[0].to) == "account:a1"


def test_what_the_customer_does_comes_before_the_calendar() -> None:
    """The subject cites the customer's own behaviour, not the renewal, and leaves the footnote of its date out."""
    task = projected(world(), INTENT).desired[1]

    assert value(task, "Subject") == "Call Acme: 80 reports by hand"
    assert value(task, "Description").count("ontract renews") == 1, "why now says it, and no reason says it again"
    assert "Data to 28 September 2026." in value(task, "Description")


def test_d24_texts_are_in_the_owners_language() -> None:
    """D24: An owner who reads French gets French, whatever the customer speaks."""
    task = projected(world(accounts={"a1": CrmAccount("a1", "Acme", owner_id="u2")}), INTENT).desired[1]

    assert value(task, "Subject") == "Appeler Acme\xa0: 80 rapports"
    assert "Enjeu : 99 € par mois au total" in value(task, "Description").replace("\xa0", " ")


@pytest.mark.parametrize(
    ("contacts", "said"),
    [
        ((), "no contact in the CRM yet, find out who decides"),
        ((Contact("c1", "a1", "Mia Ray", "CFO"),), "Mia Ray, CFO"),
    ],
)
def test_each_task_names_whom_to_call_or_says_that_nobody_is_known(contacts: tuple[Contact, ...], said: str) -> None:
    """A person is named with the reason, or the gap is said."""
    made = projected(world(contacts={"a1": contacts} if contacts else {}), INTENT)

    assert said in value(made.desired[1], "Description")


def test_d25_unknown_goals_are_asked_for_and_known_ones_cited() -> None:
    """D25: Goals stand in the reminder in the customer's words; an empty field says that they are to be asked for."""
    review = ReviewIntent("a1", ("b1",), date(2026, 10, 28), date(2026, 1, 1), 0, date(2027, 1, 1), ("analytics",))
    facts = {"a1": {"mrr": Money(50000, "EUR"), "evidence": [], "data_to": date(2026, 9, 28)}}
    told = CrmAccount("a1", "Acme", owner_id="u1", facts={"goals": "halve closing time"})

    made = project((), (review,), facts, world(accounts={"a1": told}), RULES, NOW + timedelta(days=7))

    prepare = next(one for one in made.desired if one.title.startswith("Prepare"))
    assert "Goals: halve closing time" in value(prepare, "Description")
    assert "Pain points: not known yet, ask" in value(prepare, "Description")
    assert "To announce, not to sell: Analytics" in value(prepare, "Description")
    assert value(prepare, "ActivityDate") == "2026-10-14"


def test_d25_a_reminder_whose_day_is_over_is_not_made() -> None:
    """D25: A review noticed late brings only the reminders that still lie ahead."""
    review = ReviewIntent("a1", ("b1",), date(2026, 10, 5), date(2026, 1, 1), 0, date(2027, 1, 1))
    facts = {"a1": {"mrr": Money(50000, "EUR"), "evidence": [], "data_to": date(2026, 9, 28)}}

    made = project((), (review,), facts, world(), RULES, NOW + timedelta(days=5))

    assert {one.reason for one in made.desired} == {"business_review: outcome"}


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        (("proposed",), {"check_and_call"}),
        (("proposed", "consult"), {"listen"}),
        (("proposed", "consult", "confront"), {"options"}),
        (("proposed", "consult", "confront", "concretize"), {"summary", "paper"}),
    ],
)
def test_d27_a_stages_tasks_come_when_its_owner_moves_it(path: tuple[str, ...], steps: set[str]) -> None:
    """D27: Only the stage the opportunity is in has tasks, due on business days after it was entered; some wait."""
    tasks = projected(world(**in_stage(*path))).desired[1:]

    assert {one.reason.split(": ")[1] for one in tasks} == steps
    entered = date(2026, 10, 3 * len(path) - 2) if len(path) > 1 else NOW.date()
    assert all(date.fromisoformat(value(one, "ActivityDate")) > entered for one in tasks)
    assert all(date.fromisoformat(value(one, "ActivityDate")).weekday() < 5 for one in tasks)


def test_d27_a_second_entry_asks_again_under_other_keys() -> None:
    """D27: Re-entry into a stage has keys of its own; the first entry's never change."""
    first = projected(world(**in_stage("proposed", "consult"))).desired[1:]
    again = projected(world(**in_stage("proposed", "consult", "proposed", "consult"))).desired[1:]

    assert not {one.key for one in first} & {one.key for one in again}


def test_our_own_creation_counts_as_the_first_entry() -> None:
    """The task that comes with the opportunity keeps its key once the CRM tells of the stage itself."""
    before = projected(world(), INTENT).desired[1].key
    key = projected(world(), INTENT).desired[0].key
    there = CrmRecord(RecordType.OPPORTUNITY, "o1", {"Expansion_Key__c": key, "StageName": LABELS["proposed"]})
    entries = {"o1": (StageEntry("o1", LABELS["proposed"], NOW, by_us=True),)}
    episode = replace(opened(), key=key)

    after = projected(world(episodes=(episode,), opportunities=(there,), entries=entries), INTENT).desired[1].key

    assert before == after


def test_a_standing_record_keeps_what_was_sent_until_its_brief_is_renewed() -> None:
    """A number that moved a little leaves the record alone; a new reason writes it anew."""
    sent = {"Name": Receipt("Acme – Analytics (sent)", "Acme – Analytics (sent)")}
    known = {"e" * 32: KnownRecord("e" * 32, RecordType.OPPORTUNITY, "o1", "a1", receipts=sent)}
    here = world(**in_stage("proposed"), known=known)

    same = projected(here, replace(INTENT, p=0.32, data_to=date(2026, 10, 28))).desired[0]
    moved = projected(here, replace(INTENT, p=0.62, data_to=date(2026, 10, 28))).desired[0]

    assert value(same, "Name") == "Acme – Analytics (sent)"
    assert value(moved, "Name") == "Acme – Analytics"
    assert value(moved, "Expansion_Score__c") == "62.0"


def edited(existing: str) -> Any:
    """The rules after an admin changed how an opportunity is named."""
    mapping = RULES.mapping
    assert mapping is not None
    name = replace(mapping.opportunity.fields["Name"], value="{{ name }} (expansion)")
    opportunity = replace(mapping.opportunity, fields={**mapping.opportunity.fields, "Name": name})
    return replace(RULES, mapping=replace(mapping, opportunity=opportunity, existing=existing))


@pytest.mark.parametrize(
    ("existing", "name"), [("update", "Acme – Analytics (expansion)"), ("leave", "Acme – Analytics (sent)")]
)
def test_an_edited_rule_changes_what_was_written_only_if_it_may(existing: str, name: str) -> None:
    """`existing: update` writes an edited field anew, others stand as sent; `leave` lets a written record be."""
    first = projected(world(), INTENT).desired[0]
    sent = {field: Receipt(f"{one.value} (sent)", None, rule=one.rule) for field, one in first.fields.items()}
    known = {"e" * 32: KnownRecord("e" * 32, RecordType.OPPORTUNITY, "o1", "a1", receipts=sent)}
    here = world(**in_stage("proposed"), known=known)

    after = project((INTENT,), (), {}, here, edited(existing), NOW).desired[0]

    assert value(after, "Name") == name
    assert value(after, "Expansion_Reasons__c") == f"{value(first, 'Expansion_Reasons__c')} (sent)"


def test_an_edited_text_is_told_from_news() -> None:
    """A field's rule is its template and the texts it names: editing one changes the rule, a new number does not."""
    first = projected(world(), INTENT).desired[0].fields
    richer = projected(world(), replace(INTENT, delta_mrr=Money(50_000, "EUR"), reported=Money(50_000, "EUR"))).desired[
        0
    ]
    book = replace(RULES.negotiation, why={"en": "Because.", "fr": "Parce que."})
    retold = project((INTENT,), (), {}, world(), replace(RULES, negotiation=book), NOW).desired[0].fields

    assert {name: field.rule for name, field in richer.fields.items()} == {n: f.rule for n, f in first.items()}
    assert [name for name in first if first[name].rule != retold[name].rule] == ["Expansion_Reasons__c"]


def test_a_standing_task_keeps_the_contact_it_names() -> None:
    """A task that is tied to a contact is not tied to another one when somebody else was in touch later."""
    first = projected(world(contacts={"a1": (Contact("c1", "a1", "Mia Ray"),)}), INTENT).desired[1]
    tied = frozenset({Associated("contact", "WhoId", "contact:c1")})
    known = {first.key: KnownRecord(first.key, RecordType.TASK, "t1", "a1", associations=tied)}
    two = (Contact("c1", "a1", "Mia Ray"), Contact("c2", "a1", "Jo Lee", last_touch=date(2026, 9, 29)))
    episode = replace(opened(), key=projected(world(), INTENT).desired[0].key)

    later = projected(world(contacts={"a1": two}, known=known, episodes=(episode,)), INTENT).desired[1]

    assert "contact" not in {link.role for link in later.links}


def test_d25_a_review_keeps_its_key_when_its_account_was_merged() -> None:
    """D25: Reminders that stand are recognised under the survivor, so a merge doubles none."""
    review = ReviewIntent("a1", ("b1",), date(2026, 10, 28), date(2026, 1, 1), 0, date(2027, 1, 1))
    facts = {"a1": {"mrr": Money(50000, "EUR"), "evidence": [], "data_to": date(2026, 9, 28)}}
    old = {"a0": CrmAccount("a0", "Acme (old)", owner_id="u1")}
    before = project((), (replace(review, account_id="a0"),), {"a0": facts["a1"]}, world(accounts=old), RULES, NOW)
    known = {one.key: KnownRecord(one.key, RecordType.TASK, one.key[:8], "a0") for one in before.desired}

    after = project((), (review,), facts, world(survivors={"a0": "a1"}, known=known), RULES, NOW)

    assert {one.key for one in after.desired} == {one.key for one in before.desired}


def test_an_account_nobody_active_owns_is_held() -> None:
    """Work for nobody is not made: the reason is said."""
    made = projected(world(accounts={"a1": CrmAccount("a1", "Acme", owner_id="u9")}), INTENT)

    assert [one.reason for one in made.held] == [Reason.NO_OWNER]
    assert made.desired == ()


def test_an_ended_episode_is_followed_by_the_next_under_another_key() -> None:
    """After a lost episode the same need opens the second one."""
    lost = replace(opened(), state=EpisodeState.LOST, closed_at=NOW)

    made = projected(world(episodes=(lost,)), INTENT)

    assert made.episodes[0].ordinal == 2
    assert made.episodes[0].key != lost.key


def test_a_brief_is_the_whole_intent() -> None:
    """What an episode stores gives the intent back."""
    assert intent_of(brief_of(INTENT)) == INTENT


@pytest.mark.parametrize(
    ("change", "moved"),
    [
        ({"p": 0.33}, False),
        ({"p": 0.36}, True),
        ({"delta_mrr": Money(12000, "EUR")}, True),
        ({"offer": "automation"}, True),
        ({"contributions": INTENT.contributions[:1]}, True),
        ({"p": 0.9, "data_to": date(2026, 10, 2)}, False),
    ],
)
def test_texts_are_refreshed_when_a_number_moved_materially(change: dict[str, Any], moved: bool) -> None:
    """Ten per cent, another offer or a new reason; never twice in a week."""
    later: dict[str, Any] = {"data_to": date(2026, 10, 28)} | change

    assert moved_materially(INTENT, replace(INTENT, **later)) is moved


def test_a_task_grown_large_is_promoted_at_once() -> None:
    """A small task that is worth an opportunity by now does not wait for the week to end."""
    assert moved_materially(replace(INTENT, as_task=True), INTENT)
