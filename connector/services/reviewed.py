"""What came of the last review of an account: as people noted it there, or answered the task that asked for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from connector.services.done import Standings
from connector.services.world import World

ANSWERS: Mapping[str, str] = {"need_found": "need_found", "meeting_agreed": "meeting_agreed", "no_need": "no"}
"""Answers of a task that tell of a review → the outcome, as the account's own field holds it."""


@dataclass(frozen=True)
class Reviewed:
    """One review that was held."""

    on: date
    outcome: str = ""
    need: str = ""
    """What it is about; empty: nobody said."""

    def facts(self) -> dict[str, str]:
        """The same as facts of the account, as rules read them."""
        told = {"review_on": self.on.isoformat(), "review_outcome": self.outcome, "review_need": self.need}
        return {name: text for name, text in told.items() if text}


def reviews_held(world: World) -> dict[str, Reviewed]:
    """The last review of each account, whichever way it was told."""
    found: dict[str, Reviewed] = {}
    for id, account in world.accounts.items():
        on = _day(account.facts.get("review_on", ""))
        if on is not None:
            facts = account.facts
            found[id] = Reviewed(on, facts.get("review_outcome", ""), facts.get("review_need", ""))
    keys = {known.crm_id: key for key, known in world.known.items()}
    standings, answer = Standings(world), world.mapping.task.answer
    for record in world.tasks if answer else ():
        if not record.fields.get(answer or "") or record.id not in keys:
            continue
        stood, known = standings.of(keys[record.id]), world.known[keys[record.id]]
        outcome = ANSWERS.get(stood.answer or "") if stood is not None else None
        if stood is None or outcome is None or stood.at is None:
            continue
        told = Reviewed(stood.at.date(), outcome, _noted(world, known.account_id))
        if known.account_id not in found or found[known.account_id].on <= told.on:
            found[known.account_id] = told
    return found


def _noted(world: World, account_id: str) -> str:
    account = world.accounts.get(account_id)
    return account.facts.get("review_need", "") if account is not None else ""


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None
