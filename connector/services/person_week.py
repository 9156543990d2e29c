"""How much room a person's week has for reviews and plays, beside the proposals and help that they may get.

Decided here: the places that `caps.per_owner_week` and `save.yaml` allow are kept free, whether or not they are taken.
Otherwise a Monday full of plays would leave none for the proposals of Tuesday, or Tuesday would break the cap. Where
those places leave nothing of `caps.per_person_week`, one thing a week may begin all the same.
"""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from functools import cached_property

from connector.domain.episode import Episode
from connector.domain.mapping import OwnerRole
from connector.domain.play import play_of
from connector.domain.policy import Reason
from connector.domain.project import Project
from connector.services.world import World

WEEK = timedelta(days=7)


class PersonWeek:
    """Counts the reviews and plays that began for each person in seven days, today included."""

    def __init__(self, world: World, rules: Project, today: date) -> None:
        self._world, self._rules = world, rules
        lately = (one for one in world.episodes if one.opened_at.date() > today - WEEK)
        self._taken = Counter(self._of(one) for one in lately if play_of(one.need) is not None)

    def full(self, person: str | None) -> tuple[Reason, str] | None:
        """Why nothing more begins for a person this week; None while there is room."""
        taken, most = self._taken[person], self._room(person)
        if taken < most:
            return None
        return Reason.PLAY_CAP, f"{taken} reviews and plays for this person within seven days, {most} at most"

    def take(self, person: str | None) -> None:
        """Note that one more begins, or began within seven days."""
        self._taken[person] += 1

    def _room(self, person: str | None) -> int:
        caps = self._rules.policy.caps
        kept = caps.per_owner_week if person in self._sellers else 0
        help = self._rules.save
        kept += help.per_owner_week if help is not None and person in self._helpers else 0
        return max(1, caps.per_person_week - kept)

    def _of(self, episode: Episode) -> str | None:
        play = self._rules.plays.get(play_of(episode.need) or "")
        account = self._world.accounts.get(episode.account_id)
        owner = self._world.owner(play.steps[0].role, account) if play is not None and account is not None else None
        return owner.id if owner is not None else None

    @cached_property
    def _sellers(self) -> frozenset[str]:
        return self._who("ae")

    @cached_property
    def _helpers(self) -> frozenset[str]:
        return self._who("csm")

    def _who(self, role: OwnerRole) -> frozenset[str]:
        """Everybody who has a role for some account; accounts that are told apart by nothing are asked once."""
        alike = {
            (one.owner_id, one.facts.get(f"owner:{role}"), one.country): one for one in self._world.accounts.values()
        }
        owners = (self._world.owner(role, one) for one in alike.values())
        return frozenset(owner.id for owner in owners if owner is not None)
