"""The demo company is a pure function of its arguments, and the default one is frozen."""

from __future__ import annotations

from datetime import date

import pyarrow.compute as pc
import pytest

from connector.sandbox.company import Company, expected_mrr, fingerprint, generate

# Later work is judged on this world. Do not renew these hashes because a change moved them: leave this generator as
# it is and put another one, with a name of its own, beside it.
FROZEN = {
    "billing": "23016b95ba7ae8e7",
    "usage": "52ffdfb7dc7d0c4f",
    "events": "bb5666ec7becb3a2",
    "crm": "178f7dee47c787ce",
    "truth": "c241d900ee6f3776",
}
FROZEN_MRR = {"cad": 16_779_567, "chf": 4_685_300, "eur": 100_789_384, "gbp": 8_127_113, "usd": 20_532_693}


def test_the_default_company_is_the_frozen_one(company: Company) -> None:
    """Seed 7, 30 September 2026 and 420 customers make exactly the world they always made."""
    assert fingerprint(company) == FROZEN
    assert expected_mrr(company) == FROZEN_MRR


def test_same_arguments_make_the_same_company() -> None:
    """Generating twice gives equal worlds."""
    first, second = generate(seed=3, customers=60), generate(seed=3, customers=60)

    assert fingerprint(first) == fingerprint(second)


def test_another_seed_makes_another_company() -> None:
    """No part of the world is the same under another seed."""
    one, other = fingerprint(generate(seed=3, customers=60)), fingerprint(generate(seed=4, customers=60))

    assert not set(one.values()) & set(other.values())


def test_a_later_cut_only_adds_days() -> None:
    """The world at one day is the beginning of the world at a later day."""
    earlier = generate(seed=3, customers=60, as_of=date(2026, 6, 30))
    later = generate(seed=3, customers=60, as_of=date(2026, 9, 30))

    seen = later.usage.filter(pc.less_equal(later.usage["day"], earlier.as_of))
    assert seen.equals(earlier.usage)
    lines = {invoice.id: invoice.lines for invoice in later.invoices}
    assert all(lines[invoice.id] == invoice.lines for invoice in earlier.invoices)
    undisputed = [event for event in later.events if event.event != "dispute_opened"]
    assert [event for event in undisputed if event.occurred_at <= earlier.now] == [
        event for event in earlier.events if event.event != "dispute_opened"
    ]


@pytest.mark.parametrize("as_of", [date(2025, 1, 1), date(2027, 6, 1)])
def test_a_day_outside_the_world_is_refused(as_of: date) -> None:
    """A cut that has too little before it or too little after it says which days are possible."""
    with pytest.raises(ValueError, match="choose a day from 2025-10-01 to 2026-12-31"):
        generate(as_of=as_of)


def test_nothing_is_later_than_the_cut(company: Company) -> None:
    """No invoice, event, opportunity or day of use lies after the moment the world stands at."""
    moments = [invoice.created for invoice in company.invoices] + [event.occurred_at for event in company.events]
    moments += [one.touched for one in company.crm.opportunities] + [one.created for one in company.crm.contacts]

    assert max(moments) <= company.now
    assert pc.max(company.usage["day"]).as_py() == company.as_of
