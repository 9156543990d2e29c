"""`explain` tells what a run decided, why, and what would change it, from that run's snapshot alone."""

from __future__ import annotations

import math
import shutil
from collections import defaultdict
from datetime import date
from typing import Any

import pyarrow.parquet as pq
import pytest

from connector.domain.catalogue import Language
from connector.domain.policy import Reason
from connector.services.explain import Asked, explain_account
from connector.services.explain_tables import REASONS
from tests.e2e.test_what_people_do import account_of
from tests.e2e.world import World

PROPOSED = ("opportunity", "task")


def told(world: World, account: str, language: Language = "en", run: str | None = None) -> dict[str, Any]:
    return explain_account(world.state / "runs", world.side.crm, Asked(account, None, run, language))


def decided(world: World) -> dict[str, dict[str, str]]:
    """What the newest run noted, by account and subject."""
    run = sorted((world.state / "runs").iterdir())[-1]
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for row in pq.read_table(run / "decisions.parquet").to_pylist():
        found[row["account_id"]][row["subject"]] = row["decision"]
    return found


@pytest.mark.parametrize("crm", ["hubspot"])
def test_every_decision_of_a_run_is_explained_by_the_gates_as_it_was_made(installed: World) -> None:
    """Asked again, every gate agrees with what the run noted; terms add up to the likelihood; each text is dated."""
    assert installed.run("plan", "--json").code == 0

    seen, heard = 0, set[str]()
    for account, subjects in decided(installed).items():
        one = told(installed, account)
        seen += agreed(one, subjects, "data to ")
        kinds = {signal["signal"] for signal in one["signals"]}
        if not kinds <= heard:  # the other language says each kind of evidence
            seen += agreed(told(installed, account, "fr"), subjects, "données au ")
        heard |= kinds
    assert seen > 100


def agreed(one: dict[str, Any], subjects: dict[str, str], dated: str) -> int:
    """Hold an explanation against what the run noted; count its scores."""
    assert {score["offer"]: score["decision"] for score in one["scores"]}.items() <= subjects.items()
    for score in one["scores"]:
        first = next((gate["reason"] for gate in score["gates"] if not gate["passed"]), None)
        assert score["decision"] == first or (first is None and score["decision"] in PROPOSED)
        total = score["base"] + sum(term["term"] for term in score["contributions"])
        assert math.isclose(total, score["log_odds"], abs_tol=0.001)
        assert score["until"].startswith(dated)
    assert all(dated in signal["evidence"] for signal in one["signals"])
    return len(one["scores"])


def test_every_reason_has_a_sentence_in_both_languages() -> None:
    """A gate's no is never told as a code."""
    of_gates = {reason.value for reason in Reason} - {
        "save_cap",
        "pitch_open",
        "too_small",
        "signals_gone",
    }  # of others

    assert of_gates <= set(REASONS)
    assert all(set(texts) == {"en", "fr"} for texts in REASONS.values())


@pytest.mark.parametrize("crm", ["hubspot"])
def test_a_run_is_explained_alike_for_ever(synced: World) -> None:
    """After later runs, under other rules, without warehouse and ledger: the same bytes; other rules are told aside."""
    account = account_of(synced, synced.side.ours("opportunity")[0])
    run = sorted((synced.state / "runs").iterdir())[-1].name
    asked = ("explain", account, "--run", run, "--language", "fr")
    first = synced.run(*asked), synced.run(*asked, "--json")
    synced.later(days=9)
    synced.sync()
    synced.edit_yaml("playbooks/policy.yaml", lambda policy: policy.update(p_minimum=0.5))
    synced.edit_yaml("playbooks/signals.yaml", lambda signals: signals["rules"]["seats_near_limit"].update(weight=9))
    for file in synced.state.glob("*.d*b*"):
        file.unlink()

    again = synced.run(*asked), synced.run(*asked, "--json")

    assert first[0].out
    assert [one.out for one in again] == [one.out for one in first]
    assert not first[0].err
    assert all("the configuration changed since this run" in one.err for one in again)


@pytest.mark.parametrize("crm", ["hubspot"])
def test_the_crms_own_newest_run_is_explained(synced: World) -> None:
    """Runs for two CRMs lie side by side; a newer one for the other CRM is not taken for this one's."""
    runs = synced.state / "runs"
    mine = sorted(runs.iterdir())[-1]
    other = shutil.copytree(mine, runs / "99990101T000000-000000")
    rules = other / "rules.json"
    rules.write_text(rules.read_text("utf-8").replace('"hubspot:', '"salesforce:'), encoding="utf-8")
    account = account_of(synced, synced.side.ours("opportunity")[0])

    assert told(synced, account)["run_id"] == mine.name
    assert "no scored run" not in synced.run("explain", account).err


@pytest.mark.parametrize("crm", ["hubspot"])
def test_the_record_cites_the_reasons_that_explain_gives(synced: World) -> None:
    """What the CRM's text says for and against is what `explain` says, word for word, in its owner's language."""
    texts = {one.key: one["text"] for one in synced.side.ours("task")}
    compared = 0
    for one in synced.side.ours("opportunity"):
        both = [told(synced, account_of(synced, one), language) for language in ("en", "fr")]
        for explained in both:
            score = next(score for score in explained["scores"] if score["decision"] == "opportunity")
            lines = [line.replace("&", "&amp;") for line in score["reasons"]]
            compared += any(all(line in text for line in lines) for text in texts.values() if text)

    assert compared >= len(synced.side.ours("opportunity"))


def _dates(texts: list[str]) -> list[str]:
    return [text.split("from ")[1].split(",")[0] for text in texts if " from " in text]


@pytest.mark.parametrize("crm", ["hubspot"])
def test_from_the_day_that_explain_names_it_is_proposed(synced: World) -> None:
    """After a cool-down: still nothing the day before the one that is named, and a proposal on it."""
    one = synced.side.ours("opportunity")[0]
    account, need = account_of(synced, one), one["need"]
    synced.edit_yaml("playbooks/policy.yaml", _roomy)
    synced.side.remove("opportunity", one.id)
    synced.sync()
    score = next(score for score in told(synced, account)["scores"] if score["need"] == need)
    assert score["decision"] == "cool_down"
    (named,) = _dates(score["would_change"])
    day = next(d for d in _days(synced) if f"{d.day} {d:%B} {d.year}" == named)

    synced.later(days=(day - synced.now.date()).days - 1)
    synced.sync()
    before = decided(synced)[account]
    synced.later(days=1)
    synced.sync()

    assert before[score["offer"]] == "cool_down"
    assert decided(synced)[account][score["offer"]] in PROPOSED


def _roomy(policy: dict[str, Any]) -> None:
    """A short cool-down, and room for whatever else is proposed meanwhile."""
    policy["cool_down_days"].update(deleted=12)
    policy["caps"].update(per_account=9, per_account_week=9, per_owner_week=99)


def _days(world: World) -> list[date]:
    return [date.fromordinal(world.now.date().toordinal() + n) for n in range(60)]
