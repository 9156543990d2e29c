"""The checkup makes every check, whatever becomes of one, and its exit code says who acts."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from connector.domain.checkup import Finding, Seen, Verdict, as_json, exit_of, fail, ok, skip, warn
from connector.domain.errors import ConfigError, CredentialError, Exit, Problem, UnreachableError
from connector.services.doctor import Check, examine, of_problems, of_settings


def raising(error: Exception) -> Callable[[], Seen]:
    """A check that ends so."""

    def look() -> Seen:
        raise error

    return look


def verdicts(*checks: Check) -> list[str]:
    """How each check came out, in order."""
    return [one.result.verdict.value for one in examine(checks)]


def later() -> Seen:
    """What passes by itself."""
    return Seen(Verdict.FAIL, "down", later=True)


def test_what_needs_a_failed_check_is_skipped_and_the_rest_is_made() -> None:
    """A need that failed, or was itself skipped for a need, leaves only what depends on it."""
    made = verdicts(
        Check("login", "Login", lambda: fail("no", "mend")),
        Check("rights", "Rights", lambda: ok("yes"), ("login",)),
        Check("rules", "Rules", lambda: ok("yes"), ("rights",)),
        Check("disk", "Disk", lambda: ok("yes")),
    )

    assert made == ["fail", "skip", "skip", "ok"]


def test_a_check_that_had_nothing_to_look_at_hinders_none() -> None:
    """Only failure hinders: a quota that is not told does not."""
    assert verdicts(Check("a", "A", lambda: skip("not told")), Check("b", "B", lambda: ok("yes"), ("a",))) == [
        "skip",
        "ok",
    ]


def test_errors_become_findings() -> None:
    """A known error keeps its message, place and cure; one that passes by itself is marked."""
    refused = raising(CredentialError("refused", at="CONNECTOR_X", hint="copy it again"))
    down = raising(UnreachableError("no answer", hint="wait"))

    first, second = examine([Check("a", "A", refused), Check("b", "B", down)])

    assert (first.result.seen, first.result.where, first.result.cure) == ("refused", "CONNECTOR_X", "copy it again")
    assert (first.result.later, second.result.later) == (False, True)


def test_a_bug_in_a_check_says_where_and_quotes_nothing() -> None:
    """Its message may hold anything; its kind and line do not."""
    (found,) = examine([Check("a", "A", raising(KeyError("maria@example.com")))])

    assert found.result.verdict is Verdict.FAIL
    assert "KeyError in test_checkup.py:" in found.result.seen
    assert "maria" not in str(found.as_json())


def test_abroad_a_refusal_keeps_its_code_and_not_its_words() -> None:
    """A vendor's message may quote anybody; its status and code may not."""
    told = CredentialError("the CRM refused to be read: 403 INSUFFICIENT_ACCESS: ask Ana Ruiz")

    (found,) = examine([Check("a", "A", raising(told))])

    assert found.as_json(abroad=True)["seen"] == "CredentialError 403 INSUFFICIENT_ACCESS"
    assert "Ana" in found.as_json()["seen"]


def test_every_problem_of_a_document_is_told() -> None:
    """Many problems are one finding with each of them, and a count when they are too many."""
    (found,) = examine(
        [Check("a", "A", raising(ConfigError([Problem(f"wrong {i}", f"x.yaml:{i}") for i in range(14)])))]
    )

    assert found.result.seen == "14 problems"
    assert found.result.where == "x.yaml:0"
    assert len(found.result.details) == 11
    assert found.result.details[-1] == "… and 4 more"


@pytest.mark.parametrize(
    ("results", "code"),
    [
        ([ok("")], Exit.OK),
        ([warn("", ""), skip("")], Exit.OK),
        ([later()], Exit.LATER),
        ([later(), fail("", "")], Exit.MEND),
        ([], Exit.OK),
    ],
)
def test_the_exit_code_says_who_acts(results: list[Seen], code: Exit) -> None:
    """A person mends (2) before time does (75); warnings stop nothing."""
    assert exit_of([Finding(str(i), "", one) for i, one in enumerate(results)]) is code


def test_abroad_nothing_is_told_that_may_name_people() -> None:
    """Private details and quoted answers stay at home."""
    found = Finding(
        "a", "A", Seen(Verdict.WARN, "Ana said no", private=("Ana",), details=("2 of 3",), quoted="refused")
    )

    home, abroad = as_json([found])["checks"][0], as_json([found], abroad=True)["checks"][0]

    assert (home["seen"], home["details"]) == ("Ana said no", ["2 of 3", "Ana"])
    assert (abroad["seen"], abroad["details"]) == ("refused", ["2 of 3"])


def test_settings_tell_what_lacks_before_what_is_misspelt() -> None:
    """A missing setting is a failure, a misspelt one alone a warning."""
    lacking, misspelt = Problem("no CRM named"), Problem("CONNECTOR_X is no setting", hint="did you mean")

    assert of_settings([lacking], [misspelt], "").verdict is Verdict.FAIL
    assert of_settings([], [misspelt], "").verdict is Verdict.WARN
    assert of_settings([], [], "stripe → hubspot").seen == "stripe → hubspot"
    assert of_problems([], good="sound") == ok("sound")
