"""Keys that make a write idempotent: computed once, stored, lower-case hex, never recomputed for an open episode."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from hashlib import sha256

LENGTH = 32


def _digest(*parts: str) -> str:
    # The unit separator cannot occur in an id, so ("a", "bc") and ("ab", "c") never meet.
    return sha256("\x1f".join(parts).encode()).hexdigest()[:LENGTH]


def episode_key(namespace: str, crm_account_id: str, need: str, episode: int) -> str:
    """Key of an opportunity, and of the episode whether or not an opportunity exists.

    `need` is what the customer lacks; without one (save, help, event) the play's id stands in its place.
    """
    return _digest("episode", namespace, crm_account_id, need, str(episode))


def rule_id(template: str, sources: Mapping[str, str]) -> str:
    """Identify what makes a field's value: its template, and the texts and labels that the template names."""
    named = (f"{name}={text}" for name, text in sorted(sources.items()) if name in template)
    return _digest("rule", template, *named)[:12]


def task_key(episode: str, play: str, stage: str, entry: int, step: str) -> str:
    """Key of a playbook task: the n-th entry into a stage (`none` outside one) and the step."""
    return _digest("task", episode, play, stage, str(entry), step)


def review_key(namespace: str, crm_account_id: str, term_start: date, ordinal: int) -> str:
    """Key of a business review: the term of the largest recurring contract, and which review in it."""
    return _digest("review", namespace, crm_account_id, term_start.isoformat(), str(ordinal))


def document_key(parent: str, kind: str) -> str:
    """Key of a note or a file that belongs to a review, an episode or an account."""
    return _digest("document", parent, kind)
