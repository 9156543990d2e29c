"""The mappings we ship fit a CRM that was only just installed, and understand how people name their deals."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from jinja2 import Environment, StrictUndefined

from connector.domain.change import FieldType, Policy, RecordType
from connector.domain.expressions import FILTERS, OPPORTUNITY, TASK
from connector.domain.mapping import CrmMapping, FieldRule

if TYPE_CHECKING:
    from crm_worlds import StandInWorld

DEALS = {
    "Acme – Renewal 2027": "renewal",
    "Renouvellement Durand": "renewal",
    "Acme renewals + analytics": "renewal",
    "Durand : tableaux de bord": "reporting",
    "Reporting add-on": "reporting",
    "Appli mobile terrain": "mobile_access",
    "Signature électronique": "signing",
    "eSign rollout": "signing",
    "Synchro compta": "accounting",
    "Accounting sync": "accounting",
    "Automatisation des relances": "automation",
    "10 licences supplémentaires": "more_seats",
    "Sièges en plus": "more_seats",
    "+15 seats": "more_seats",
    "Premium support": "faster_support",
    "Montée en gamme Pro": "higher_plan",
    "Account upgrade": "higher_plan",
    "New website": None,
    "Comptoir des Alpes": None,
}


@pytest.fixture(params=["salesforce", "hubspot"])
def crm(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def installed(crm: str, request: pytest.FixtureRequest) -> Any:
    """The CRM with our fields."""
    return request.getfixturevalue(crm)


@pytest.fixture
def mapping(crm: str) -> CrmMapping:
    from crm_worlds import mapping_of

    return mapping_of(crm)


def sections(mapping: CrmMapping) -> Iterator[tuple[RecordType, str, FieldRule]]:
    for type, rules in ((RecordType.OPPORTUNITY, mapping.opportunity.fields), (RecordType.TASK, mapping.task.fields)):
        for name, rule in rules.items():
            yield type, name, rule


def test_every_mapped_field_can_be_written(installed: StandInWorld, mapping: CrmMapping) -> None:
    """Every field that the mapping writes exists after the installation, and our user may write it."""
    for type, name, _ in sections(mapping):
        spec = installed.crm.reader.schema(type).fields[name]
        assert spec.createable, name
        assert spec.updateable, name


def test_every_field_read_exists(installed: StandInWorld, mapping: CrmMapping) -> None:
    """Every field that matching and plays read exists after the installation."""
    account, contact = mapping.account, mapping.contact
    wanted = [account.name, account.domain, account.billing_id, account.parent, account.owner, account.country]
    wanted += [*account.facts.values(), account.language]
    people = [*contact.name, contact.account, contact.role, contact.language, contact.last_touch]

    assert {one for one in wanted if one} <= set(installed.crm.reader.schema(RecordType.ACCOUNT).fields)
    assert {one for one in people if one} <= set(installed.crm.reader.schema(RecordType.CONTACT).fields)


def test_only_fields_of_ours_are_always_ours(mapping: CrmMapping) -> None:
    """Policy `own` is given to fields of our prefix alone, and to each of them that is written."""
    for _, name, rule in sections(mapping):
        assert (rule.policy is Policy.OWN) == name.startswith(mapping.own_prefix), name


def test_what_is_ours_is_installed(mapping: CrmMapping) -> None:
    """Every field of our prefix that the mapping names is in its `install:` section, under the same type."""
    ours = {name for type, name, _ in sections(mapping) if type is RecordType.OPPORTUNITY}
    ours |= {mapping.opportunity.key, mapping.opportunity.need, mapping.opportunity.episode}
    ours |= {mapping.opportunity.week} if mapping.opportunity.week else set()
    ours |= {rule.field for rule in mapping.opportunity.outcomes}

    assert {name for name in ours if name.startswith(mapping.own_prefix)} == set(mapping.install["opportunity"])
    assert mapping.install["opportunity"][mapping.opportunity.key].unique
    assert mapping.install["task"][str(mapping.task.key)].unique
    facts = {name for name in mapping.account.facts.values() if name.startswith(mapping.own_prefix)}
    assert facts == set(mapping.install["account"])


def test_what_came_of_a_task_is_a_choice(installed: StandInWorld, mapping: CrmMapping) -> None:
    """Tasks and opportunities have a picklist in which people say what came of them, with every answer that we read."""
    schema = installed.crm.reader.schema(RecordType.TASK)

    assert mapping.task.answer is not None
    assert schema.fields[mapping.task.answer].type is FieldType.PICKLIST
    assert set(schema.fields[mapping.task.answer].options or ()) == set(mapping.task.answers.values())
    opportunity = installed.crm.reader.schema(RecordType.OPPORTUNITY).fields[mapping.task.answer]
    assert {"not_useful_wrong_need", "declined"} <= set(opportunity.options or ())


def test_required_fields_are_mapped(installed: StandInWorld, mapping: CrmMapping) -> None:
    """A new record has every field that its CRM requires."""
    written = {(type, name) for type, name, _ in sections(mapping)}
    for type in (RecordType.OPPORTUNITY, RecordType.TASK):
        required = {name for name, spec in installed.crm.reader.schema(type).fields.items() if spec.required}
        assert {(type, name) for name in required} <= written


def test_templates_use_known_names(mapping: CrmMapping) -> None:
    """Every template compiles, and names only what a record's context holds."""
    environment = Environment(undefined=StrictUndefined, autoescape=True)
    environment.filters.update({name: str for name in FILTERS if name not in environment.filters})
    for type, _, rule in sections(mapping):
        names = OPPORTUNITY if type is RecordType.OPPORTUNITY else TASK
        context = dict.fromkeys(names, "x") | {"p": 0.5}
        assert environment.from_string(rule.value).render({name: context[name] for name in names if name in context})


@pytest.mark.parametrize(("name", "about"), DEALS.items())
def test_a_deal_s_name_tells_what_it_is_about(mapping: CrmMapping, name: str, about: str | None) -> None:
    """Names that people give their deals, in English and French, tell the need or the renewal."""
    rules = mapping.opportunity.people

    found = next((rule for rule in rules if re.search(rule.matches, name, re.IGNORECASE)), None)

    assert (found and (found.need or "renewal")) == about
