"""What the ledger remembers of proposals that ended, as outcomes to learn from: whose, of what offer, how and when.

Everything is taken from episodes and holds: the day it was proposed, the day on which the CRM could first tell how it
ended, and the fate that cool-down goes by, too. What a person deleted says nothing, and what never came to stand in the
CRM disturbed nobody.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from connector.domain.episode import Episode, EpisodeState
from connector.domain.hold import Hold
from connector.domain.link import linked
from connector.domain.outcome import TAKEN_BACK, Fate, Outcome
from connector.domain.play import is_proposal
from connector.services.memory import Memory
from connector.services.propensity_history import day_of
from connector.services.save_task import only_task_key

LOOK = 1000
"""Runs that are looked through for where the connector works."""
FATES: Mapping[EpisodeState, Fate] = {
    EpisodeState.WON: Fate.WON,
    EpisodeState.LOST: Fate.LOST,
    EpisodeState.NO: Fate.NO,
    EpisodeState.NOT_USEFUL: Fate.NOT_USEFUL,
    EpisodeState.WITHDRAWN: Fate.WITHDRAWN,
}


def outcomes_known(memory: Memory, crm: str | None, small: str, now: datetime) -> list[Outcome]:
    """Every proposal that ended by now, by billing account and offer. `small`: the step of a small proposal."""
    destination = _destination(memory, crm)
    if destination is None:
        return []
    holds, known = memory.holds.all(destination), memory.receipts.records(destination)
    billed: dict[str, list[str]] = defaultdict(list)
    for billing_id, account in sorted(linked(memory.links.all(destination)).items()):
        billed[account].append(billing_id)
    made = []
    for episode in memory.episodes.all(destination):
        if not is_proposal(episode.need) or episode.offer is None:
            continue
        fate, ended = _ended(episode, holds.get(episode.key), now)
        stood = {episode.key, only_task_key(episode.key, episode.need, small)} & known.keys()
        if fate is None or ended > now or (fate in TAKEN_BACK and not stood):
            continue
        accounts: Sequence[str] = episode.brief.get("billing_ids") or billed[episode.account_id]
        made += [Outcome(one, episode.offer, fate, day_of(episode.opened_at), day_of(ended)) for one in accounts]
    return made


def _ended(episode: Episode, hold: Hold | None, now: datetime) -> tuple[Fate | None, datetime]:
    """How and when a proposal ended; an undone run's is undone, whatever became of it in the CRM."""
    if hold is not None and hold.at <= now:
        return Fate.UNDONE, hold.at
    return FATES.get(episode.state), episode.closed_at or episode.opened_at


def _destination(memory: Memory, crm: str | None) -> str | None:
    """Where the newest run went, of several orgs: a sandbox's answers teach nothing once runs go elsewhere."""
    known = [one for one in memory.destinations.seen() if crm in (None, one.partition(":")[0])]
    if len(known) < 2:
        return next(iter(known), None)
    return next((run.destination for run in memory.runs.list(LOOK) if run.destination in known), known[0])
