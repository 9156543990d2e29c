"""Whether anything still speaks for what is open: three good days of silence take it back, one bad file never does.

A proposal is spoken for by a signal that points to its need, a save play by whatever makes its customer unhealthy. That
neither is heard counts only on a day whose streams can be believed: usage as usual (see `domain.feed`), from where its
own reasons came too, and events no rarer than before where an event was the reason. What is heard again, on a good day
or a bad one, begins the count anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from connector.domain.episode import SILENT_DAYS, Episode, EpisodeState
from connector.domain.features import AccountFeatures, EventFeatures
from connector.domain.feed import FRESH_DAYS, TOLERANCE, is_drop_believed
from connector.domain.play import SAVE, play_of
from connector.domain.policy import Reason
from connector.domain.project import Project
from connector.domain.signal import Signals
from connector.services.measure import Measured
from connector.services.save import wrong
from connector.services.score import Scores

KEPT_DAYS = SILENT_DAYS + 1
"""One more than is needed: what never came to stand in the CRM by then, never will."""
RECENT, KNOWN = 28, 90
"""Days of events that are judged, and days that are looked at: those before make the norm."""
FROM_EVENTS = frozenset({Reason.UNHEALTHY_ESCALATION.value, Reason.UNHEALTHY_NPS.value})
FROM_USAGE = frozenset({Reason.UNHEALTHY_FALLING_USAGE.value})


@dataclass(frozen=True)
class Heard:
    """What a run's data say of the open episodes, by key. Of one that is in neither nobody can tell."""

    today: date
    spoken_for: frozenset[str] = frozenset()
    silent: frozenset[str] = frozenset()

    def noted(self, episode: Episode) -> Episode:
        """Count the day, or begin anew; a second run of the day changes nothing."""
        if episode.key in self.spoken_for:
            return replace(episode, silent_on=()) if episode.silent_on else episode
        days = episode.silent_on
        if episode.key not in self.silent or self.today in days or len(days) >= KEPT_DAYS:
            return episode
        return replace(episode, silent_on=(*days, self.today))


def hear(
    episodes: Iterable[Episode],
    measured: Measured,
    scores: Scores,
    links: Mapping[str, str],
    rules: Project,
    today: date,
) -> Heard:
    """Listen for every open episode of a customer that was measured. `links`: billing account → CRM account."""
    groups: dict[str, list[AccountFeatures]] = {}
    for billing_id, account in sorted(measured.accounts.items()):
        if billing_id in links:
            groups.setdefault(links[billing_id], []).append(account)
    pointed = _pointed(measured, scores, links)
    spoken_for, silent = set(), set()
    for episode in episodes:
        group = groups.get(episode.account_id)
        if group is None or not episode.brief or episode.state is not EpisodeState.OPEN:
            continue
        if play_of(episode.need) is not None:
            continue  # it ends by its own rules
        if episode.need == SAVE:
            is_heard = rules.save is None or bool(wrong(group, rules.save, rules.policy, today))
        else:
            needs = {episode.need} | rules.catalogue.needs_met(episode.offer or "")
            is_heard = any((episode.account_id, need) in pointed for need in needs)
        if is_heard:
            spoken_for.add(episode.key)
        elif _is_believed(episode, rules.signals, measured, today):
            silent.add(episode.key)
    return Heard(today, frozenset(spoken_for), frozenset(silent))


def _pointed(measured: Measured, scores: Scores, links: Mapping[str, str]) -> set[tuple[str, str]]:
    """Each CRM account with the needs that something points to, directly or through a plan."""
    needs = {(one.account_id, need) for one in measured.signals if one.points for need in one.needs}
    needs |= {(one.account_id, one.need) for one in scores.scores}
    return {(links[billing_id], need) for billing_id, need in needs if billing_id in links}


def _is_believed(episode: Episode, signals: Signals, measured: Measured, today: date) -> bool:
    """Say whether all that its reasons were read from is told as usual, so that silence means something."""
    if episode.need == SAVE:
        codes = {code for code, *_ in episode.brief.get("reasons", ())}
        is_of_usage, is_of_events = bool(codes & FROM_USAGE), bool(codes & FROM_EVENTS)
        theirs = list(measured.feeds)
    else:
        cited = [signals.rules[name] for name, *_ in episode.brief["contributions"] if name in signals.rules]
        metrics = {name for rule in cited for name in rule.metrics}
        is_of_usage, is_of_events = bool(metrics), any(rule.per == "event" for rule in cited)
        theirs = [feed for feed in measured.feeds if metrics.intersection(feed.metrics)]
    return (
        is_drop_believed(measured.feeds, today)
        and (not is_of_usage or any(feed.is_good(today) for feed in theirs))
        and (not is_of_events or are_events_told(measured.events, today))
    )


def are_events_told(events: Mapping[str, Sequence[EventFeatures]], today: date) -> bool:
    """Say whether events come as usual: told lately, and in four weeks about as many as in the weeks before."""
    told = [one for some in events.values() for one in some]
    recent, before = sum(one.count_28 for one in told), sum(one.count_90 - one.count_28 for one in told)
    norm = before * RECENT / (KNOWN - RECENT)
    is_fresh = any((today - one.last_on).days <= FRESH_DAYS for one in told)
    return is_fresh and norm > 0 and abs(recent / norm - 1) <= TOLERANCE
