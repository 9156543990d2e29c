"""Keys make writes idempotent: the same parts give the same key, and no other parts do."""

from __future__ import annotations

import re
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from connector.domain.keys import LENGTH, episode_key, review_key, task_key

PART = st.text(st.characters(min_codepoint=33, max_codepoint=0x2FFF), max_size=12)
PARTS = st.tuples(PART, PART, PART, st.integers(1, 99))


@given(one=PARTS, other=PARTS)
def test_episode_keys_differ_by_any_part(one: tuple[str, str, str, int], other: tuple[str, str, str, int]) -> None:
    """Two episodes share a key only if namespace, account, need and ordinal are all the same."""
    assert (episode_key(*one) == episode_key(*other)) == (one == other)


def test_parts_do_not_run_together() -> None:
    """Where one part ends and the next begins tells keys apart."""
    assert episode_key("a", "bc", "d", 1) != episode_key("ab", "c", "d", 1)
    assert task_key("e", "p", "s", 11, "1") != task_key("e", "p", "s", 1, "11")


def test_kinds_do_not_meet() -> None:
    """A review's key is never an episode's, whatever the parts."""
    assert review_key("n", "a", date(2026, 1, 1), 1) != episode_key("n", "a", "2026-01-01", 1)


@given(parts=PARTS)
def test_shape(parts: tuple[str, str, str, int]) -> None:
    """A key is lower-case hex of one length, fit for any CRM's text field."""
    assert re.fullmatch(rf"[0-9a-f]{{{LENGTH}}}", episode_key(*parts))


def test_keys_never_change() -> None:
    """Keys that stand in CRMs stay what they are, release after release."""
    assert episode_key("expansion", "001A", "more_seats", 1) == "a7a60576b102c44c3e9b573171416e1c"
    assert task_key("e" * 32, "negotiation", "proposed", 1, "check_and_call") == "580a9545b3f97ded2630e38874caf695"
    assert review_key("expansion", "001A", date(2026, 1, 31), 0) == "d8b180e7de8158a37ba09f15e7b5847d"
