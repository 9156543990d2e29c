"""Whom to call: who decides, then who was in touch most lately; and always why."""

from __future__ import annotations

from datetime import date

import pytest

from connector.domain.account import Contact
from connector.services.people import DECIDES, whom_to_call


def contact(id: str, role: str | None = None, touch: date | None = None) -> Contact:
    return Contact(id, "a1", f"Name {id}", role, None, touch)


def test_nobody_known() -> None:
    """An account without contacts names nobody."""
    assert whom_to_call([], "en") is None


def test_who_decides_comes_first() -> None:
    """A director nobody talked to comes before an assistant called yesterday."""
    found = whom_to_call([contact("1", "Assistant", date(2026, 9, 29)), contact("2", "Finance Director")], "en")

    assert found is not None
    assert (found["name"], found["role"], found["why"]) == ("Name 2", "Finance Director", "no conversation on record")


def test_last_in_touch() -> None:
    """Among those who decide, the one last in touch is named, with the day in the reader's language."""
    people = [contact("1", "CEO", date(2026, 1, 5)), contact("2", "CTO", date(2026, 9, 1)), contact("3", "CFO")]

    found = whom_to_call(people, "fr")

    assert found is not None
    assert found["contact"] is people[1]
    assert found["why"] == "dernier échange le 1er septembre 2026"


def test_order_does_not_matter() -> None:
    """The same people in another order give the same person."""
    people = [contact("1", "CEO"), contact("2", "CEO")]

    assert whom_to_call(people, "en") == whom_to_call(people[::-1], "en")


@pytest.mark.parametrize(
    "role",
    [
        *(
            "CEO",
            "cto",
            "Chief of Staff",
            "Head of Ops",
            "VP Sales",
            "Vice President",
            "Directrice générale",
            "Gérante",
        ),
        *("Co-Founder", "Account Manager", "Abteilungsleiter IT", "DAF", "PDG", "Responsable achats", "Team lead"),
    ],
)
def test_roles_that_decide(role: str) -> None:
    """Titles of people who decide, in several languages."""
    assert DECIDES.search(role)


@pytest.mark.parametrize(
    "role", ["Customer Service Agent", "Budget analyst", "Assistant", "Developer", "Comptable", ""]
)
def test_roles_that_do_not(role: str) -> None:
    """A title that only contains the letters of one is none."""
    assert not DECIDES.search(role)
