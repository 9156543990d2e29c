"""Loading a project: documents are checked against each other, each mistake with its place."""

from __future__ import annotations

from pathlib import Path

import pytest
from config_home import Home

from connector.config.project import load_project
from connector.domain.errors import ConfigError, Problem
from connector.domain.project import Project

CATALOG, SIGNALS = "mappings/catalog.yaml", "playbooks/signals.yaml"
SALESFORCE, STRIPE = "mappings/salesforce.yaml", "mappings/billing/stripe.yaml"
NEGOTIATION, REVIEW = "playbooks/negotiation.yaml", "playbooks/business_review.yaml"


def opened(home: Home, crm: str | None = "salesforce") -> Project:
    return load_project(home.folder, ["stripe", "files"], crm)


def refused(home: Home) -> tuple[Problem, ...]:
    with pytest.raises(ConfigError) as error:
        opened(home)
    return error.value.problems


@pytest.mark.parametrize("crm", ["salesforce", "hubspot", None])
def test_shipped_project(home: Home, crm: str | None) -> None:
    """What ships is without a mistake, for each CRM and for none."""
    project = opened(home, crm)

    assert (project.mapping.crm if project.mapping else None) == crm
    assert set(project.billing) == {"stripe", "files"}


def test_missing_folder(tmp_path: Path) -> None:
    """A folder that is no project points to `connector init`."""
    with pytest.raises(ConfigError) as error:
        load_project(tmp_path, ["stripe"], None)

    assert "connector init" in (error.value.problem.hint or "")


@pytest.mark.parametrize("sources", [["strype"], []])
def test_unknown_source(home: Home, sources: list[str]) -> None:
    """An unknown source, or none, lists the sources there are."""
    with pytest.raises(ConfigError) as error:
        load_project(home.folder, sources, None)

    assert "stripe, files" in (error.value.problem.hint or "")


def test_rates_are_optional(home: Home) -> None:
    """A project in one currency needs no exchange rates."""
    (home.folder / "mappings/fx.yaml").unlink()

    assert opened(home).fx.rates == ()


def test_mistakes_of_several_documents(home: Home) -> None:
    """Mistakes in two documents are told together."""
    home.change(CATALOG, "plans:", "planz:")
    home.change(NEGOTIATION, "next_step:", "next_stop:")

    files = {(problem.at or "").split(":")[0] for problem in refused(home)}

    assert files == {CATALOG, NEGOTIATION}


CROSS_CHECKS = [
    (CATALOG, "plans: [free, starter,", "plans: [free, startr,", "unknown offer 'startr'", "did you mean starter?"),
    (CATALOG, "prerequisites: [signature]", "prerequisites: [signatur]", "unknown offer 'signatur'", "did you mean"),
    (CATALOG, "adds_to: signature", "adds_to: signatures", "unknown offer 'signatures'", "did you mean signature?"),
    (CATALOG, "sold_with: [pro,", "sold_with: [prow,", "unknown offer 'prow'", "did you mean pro?"),
    (CATALOG, "used_when: mobile_sessions", "used_when: mobile_session", "unknown metric", "mobile_sessions"),
    (CATALOG, "by_plan: {free: 50,", "by_plan: {fre: 50,", "unknown offer 'fre'", "did you mean free?"),
    (CATALOG, "quantity_of: [signature]", "quantity_of: [signatur]", "unknown offer 'signatur'", "signature"),
    (CATALOG, "{en: Mobile app, fr: Application mobile}", "{en: Mobile app}", "has no text in fr", "add `fr: …`"),
    (CATALOG, "    lever: volume\n    need: more_seats", "    need: more_seats", "no kind or lever", "add `kind:`"),
    (SIGNALS, "needs: [more_seats]", "needs: [more_seat]", "unknown need 'more_seat'", "did you mean more_seats?"),
    (SIGNALS, "metrics: [active_seats]", "metrics: [active_seat]", "unknown metric", "active_seats"),
    (SIGNALS, "feature: utilisation,", "feature: utilization,", "unknown feature 'utilization'", "utilisation"),
    (SIGNALS, "{{ pace|number }}", "{{ paces|number }}", "unknown feature 'paces'", "did you mean pace?"),
    (SIGNALS, "{{ pace|number }}", "{{ pace|nomber }}", "unknown filter 'nomber'", "did you mean number?"),
    (SIGNALS, "full_at: 18", "full_at: 0", "zero_at and full_at are the same", "two numbers"),
    (SALESFORCE, "{{ next_step }}", "{{ next_stop }}", "unknown name 'next_stop'", "did you mean next_step?"),
    (SALESFORCE, r"'\bautomat(", r"'(automat(", "not a regular expression", "backslash"),
    (SALESFORCE, "need: mobile_access}", "need: mobile}", "unknown need 'mobile'", "did you mean mobile_access?"),
    (
        SALESFORCE,
        "NextStep: {value: '{{ next_step }}', policy: merge}",
        "NextStep: {value: a, policy: own}",
        "not ours",
        "",
    ),
    (SALESFORCE, "    withdrawn: Closed Lost\n", "", "stages without a label: withdrawn", "name the CRM's stage"),
    (
        NEGOTIATION,
        "{{ delta_mrr | money }}",
        "{{ delta_mr | money }}",
        "unknown name 'delta_mr'",
        "did you mean delta_mrr?",
    ),
    (NEGOTIATION, "{% for line in evidence %}", "{% for line in evidence", "template, its line", "every {{ has its }}"),
    (REVIEW, "- id: agenda", "- id: prepare", "step prepare stands twice", "task's key"),
    (NEGOTIATION, '  fr: "{{ account.name }} – {{ offer.label }}"\n', "", "title has no text in fr", "add `fr: …`"),
    (REVIEW, "{{ (goals or", "{{ (gaols or", "unknown name 'gaols'", "did you mean goals?"),
    (REVIEW, "[90, 120]", "[120, 90]", "before_renewal is no window", "[90, 120]"),
    (REVIEW, "every_months: 3", "every_months: 0", "at least 1", "12: yearly"),
    ("mappings/fx.yaml", "currency: USD", "currency: USX", "unknown currency 'USX'", "did you mean U"),
    ("mappings/fx.yaml", '"0.92"', '"0"', "above 0", ""),
    ("playbooks/policy.yaml", "reporting_currency: EUR", "reporting_currency: EURO", "unknown currency", "EUR"),
    ("playbooks/schedule.yaml", "Europe/Paris", "Europe/Pari", "unknown time zone", "did you mean Europe/Paris?"),
    ("playbooks/schedule.yaml", "    every_minutes: 10\n", "", "needs either cron or every_minutes", "exactly one"),
]


@pytest.mark.parametrize(("name", "old", "new", "message", "hint"), CROSS_CHECKS, ids=lambda value: str(value)[:24])
def test_cross_check(home: Home, name: str, old: str, new: str, message: str, hint: str) -> None:
    """A name that leads nowhere is told alone, in its document, with what was probably meant."""
    home.change(name, old, new)

    found = refused(home)

    assert len({problem.message for problem in found}) == 1, found
    assert message in found[0].message
    assert hint in (found[0].hint or "")
    assert (found[0].at or "").startswith(f"{name}:")


def test_cross_check_tells_the_line(home: Home) -> None:
    """A cross-check names the line and column of the name, in lists and mappings alike."""
    home.change(CATALOG, "plans: [free, starter, pro, enterprise]", "plans: [free, starter, pro, enterprize]")
    rule = home.change(SIGNALS, "  seats_near_limit:\n    row", "  seats_near_limit:\n    metrics: [nothing]\n    row")
    home.change(SIGNALS, "    metrics: [active_seats]\n", "")

    places = [problem.at for problem in refused(home)]

    assert places[0] == "mappings/catalog.yaml:8:29"
    file, line = rule.split(":")
    assert places[1] == f"{file}:{int(line) + 1}:5"


def test_unknown_offer_of_a_product(home: Home) -> None:
    """A billing mapping that names no offer of the catalogue is refused at that line."""
    home.change(STRIPE, "offer: starter", "offer: startr")

    (problem,) = refused(home)

    assert problem.message == "unknown offer 'startr'"
    assert (problem.at or "").startswith(f"{STRIPE}:")


def test_hash_follows_every_document(home: Home) -> None:
    """The project's hash changes with any document and only then."""
    before = opened(home).hash

    assert opened(home).hash == before
    home.change(REVIEW, "ahead: 5", "ahead: 6")
    assert opened(home).hash != before
