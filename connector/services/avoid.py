"""What not to raise with a customer: what a colleague is on, and what they said no to lately."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cached_property

from connector.domain.catalogue import Language, Texts
from connector.domain.episode import Episode, EpisodeState
from connector.domain.occupied import PersonsOpportunity
from connector.domain.project import Project
from connector.services.customers import peoples_opportunities
from connector.services.texts import cut, day, in_language
from connector.services.wording import one_line
from connector.services.world import World

MOST = 2
RENEWAL: Texts = {
    "en": "the price of the renewal (“{what}” is open)",
    "fr": "le prix du renouvellement (« {what} » est en cours)",
}
THEIRS: Texts = {"en": "“{what}”: a colleague is on it", "fr": "« {what} » : un collègue s’en occupe"}
REFUSED: Texts = {"en": "{what}: they declined on {day}", "fr": "{what} : refus le {day}"}
LONGEST_NAME = 40


class Avoid:
    """Looks it up for one account after the other, from the CRM as a run saw it."""

    def __init__(self, world: World, rules: Project, now: datetime) -> None:
        self.world, self.rules, self.now = world, rules, now

    def lines(self, account_id: str, need: str, language: Language) -> list[str]:
        """At most two things, what is open before what was declined."""
        people = [one for one in self._people.get(account_id, ()) if one.renewal or one.need != need]
        told = [self._open(one, language) for one in sorted(people, key=lambda one: (not one.renewal, one.id))]
        told += [self._refused(one, language) for one in self._declined.get(account_id, ()) if one.need != need]
        return told[:MOST]

    @cached_property
    def _people(self) -> dict[str, list[PersonsOpportunity]]:
        return peoples_opportunities(self.world, self.now)

    @cached_property
    def _declined(self) -> dict[str, list[Episode]]:
        """Our proposals that were declined and are still cooling down, the newest first."""
        found: dict[str, list[Episode]] = {}
        quiet = self.rules.policy.cool_down_days
        for one in self.world.episodes:
            is_no = one.state is EpisodeState.NO or (one.state is EpisodeState.LOST and not one.brief.get("as_task"))
            if not is_no or one.offer not in self.rules.catalogue.offers or one.closed_at is None:
                continue
            days = quiet.get("no" if one.state is EpisodeState.NO else "lost", 0)
            if one.closed_at + timedelta(days=days) > self.now:
                found.setdefault(one.account_id, []).append(one)
        return {id: sorted(some, key=lambda e: e.closed_at or e.opened_at, reverse=True) for id, some in found.items()}

    def _open(self, one: PersonsOpportunity, language: Language) -> str:
        return in_language(RENEWAL if one.renewal else THEIRS, language).format(what=_named(one.name))

    def _refused(self, one: Episode, language: Language) -> str:
        label = in_language(self.rules.catalogue.offers[one.offer or ""].label, language)
        on = self.rules.day(one.closed_at or one.opened_at)
        return in_language(REFUSED, language).format(what=label, day=day(on, language))


def _named(name: str) -> str:
    return cut(one_line(name), LONGEST_NAME)
