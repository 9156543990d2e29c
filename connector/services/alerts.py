"""Tells people when a night goes wrong, once when it begins and once when it is over, and says what to do next.

Messages hold counts and reasons, never a customer's name. What a channel does not take is owed to it and goes with the
next run; a channel that is down never fails a run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from connector.domain.alert import SUBJECT, Alerts, Condition, Ended, is_news, span_of
from connector.domain.errors import ConnectorError, Exit
from connector.ports.alerts import AlertBook, Channel

OWED = 20
"""Messages kept for a channel that is down, the newest."""
TOP = 3
MOST_PROBLEMS = 6
WRITES = ("create", "update", "close")
NOT_DONE = ("parked", "unknown", "moved", "waiting", "deferred")
Failed = Mapping[str, str]
"""Channel → why it did not take a message."""


@dataclass(frozen=True)
class Bell:
    """What alerts are made of. `due_after` gives the first time at which a run was due after a moment."""

    alerts: Alerts
    channels: Sequence[Channel]
    book: AlertBook
    timezone: str
    due_after: Callable[[datetime], datetime | None] = lambda _: None
    crm: str = ""


@dataclass(frozen=True)
class Message:
    """What people read."""

    subject: str
    body: str


def job_ended(bell: Bell, ended: Ended) -> Failed:
    """Note how a job ended and tell what is new; gives the channels that did not take it. Without any, nothing is."""
    if not bell.channels:
        return {}
    with bell.book.changing() as book:
        messages = _noted(bell, book, ended)
        return _sent(bell, book, messages, ended.at)


def look_for_silence(bell: Bell, now: datetime) -> Failed:
    """Tell when no run ended well for too long although one was due, and send what is owed."""
    if not bell.channels:
        return {}
    with bell.book.changing() as book:
        messages = _silence(bell, book, now)
        return _sent(bell, book, messages, now)


def trial(bell: Bell) -> Message:
    """The message that tries a channel out."""
    asked = [
        name
        for name, wanted in (
            ("a run fails", bell.alerts.on_failure),
            ("a run is partial", bell.alerts.on_partial),
            ("a plan waits for approval", bell.alerts.on_waiting),
            (f"nothing ended well for {bell.alerts.nothing_since}", bell.alerts.nothing_since is not None),
        )
        if wanted
    ]
    body = (
        f"This is a test. A message will come when {', when '.join(asked) or 'you ask for one'}, and when it is over."
    )
    return Message(_subject("connector: test of the alert channel"), f"{body}\n\nNothing is to be done.\n")


def summary_of(ended: Ended, timezone: str) -> Message:
    """A run as people read it: what it did, what holds the rest back, and the exact command that comes next."""
    local = ended.at.astimezone(ZoneInfo(timezone))
    where = ended.destination or ended.crm
    how = {
        Condition.WELL: "ended well",
        Condition.PARTIAL: _short_of(ended.summary),
        Condition.WAITING: "waits for approval",
        None: "is deferred",
    }.get(ended.condition, f"failed (exit {int(ended.exit)})")
    run = f"Run {ended.run_id}" if ended.run_id else "The run"
    lines = [f"{run} of {ended.job} to {where}, {local:%A %d %B %Y, %H:%M} ({timezone}): {how}.", ""]
    lines += _did(ended.summary)
    if why := _reasons(ended):
        lines += ["", "Why", *(f"  {one}" for one in why)]
    lines += ["", "What to do next", *(f"  {one}" for one in _next(ended))]
    return Message(_subject(f"connector: {ended.job} to {where} {how}"), "\n".join(lines) + "\n")


def _short_of(summary: Mapping[str, Any]) -> str:
    """Say in a few words in what a run is partial."""
    parked = _count(summary, "parked")
    if parked or not _problems(summary):
        return f"is partial: {parked:,} refused" if parked else "is partial"
    return "is partial: its schema changed"


def _noted(bell: Bell, book: dict[str, Any], ended: Ended) -> list[Message]:
    """Move the job's condition on, and give what people asked to hear."""
    book.setdefault("since", {}).setdefault(bell.crm, ended.at.isoformat())
    if ended.condition is None:
        return []
    if ended.condition is not Condition.FAILED and ended.job == "sync":
        book.setdefault("good", {})[ended.crm] = ended.at.isoformat()
    news = _moved(bell, book, ended.key, ended.condition)
    if ended.condition is not Condition.FAILED and ended.job == "sync":
        news |= _moved(bell, book, _silent(ended.crm), Condition.WELL)
    if not news:
        return []
    told = summary_of(ended, bell.timezone)
    if ended.condition is Condition.WELL:
        where = ended.destination or ended.crm
        return [Message(_subject(f"connector: {ended.job} to {where} is well again"), told.body)]
    return [told]


def _silence(bell: Bell, book: dict[str, Any], now: datetime) -> list[Message]:
    span = span_of(bell.alerts.nothing_since) if bell.alerts.nothing_since else None
    since = book.setdefault("since", {}).setdefault(bell.crm, now.isoformat())
    if span is None:
        return []
    last = datetime.fromisoformat(book.get("good", {}).get(bell.crm, since))
    due = bell.due_after(last)
    if now - last < span or due is None or due > now or not _moved(bell, book, _silent(bell.crm), Condition.SILENT):
        return []
    zone = ZoneInfo(bell.timezone)
    body = (
        f"No sync to {bell.crm} got through since {last.astimezone(zone):%A %d %B %Y, %H:%M} ({bell.timezone}),"
        f" although one was due on {due.astimezone(zone):%A %d %B, %H:%M}.\n\n"
        "What to do next\n  connector runs\n  connector run --once      # and see what it says\n"
    )
    return [Message(_subject(f"connector: nothing to {bell.crm} for {bell.alerts.nothing_since}"), body)]


def _moved(bell: Bell, book: dict[str, Any], key: str, after: Condition) -> bool:
    jobs = book.setdefault("jobs", {})
    before = Condition(jobs[key]) if jobs.get(key) in set(Condition) else Condition.WELL
    jobs[key] = after.value
    return is_news(bell.alerts, before, after)


def _silent(crm: str) -> str:
    return f"{crm}/silence"


def _sent(bell: Bell, book: dict[str, Any], messages: Sequence[Message], now: datetime) -> Failed:
    """Send what is owed, oldest first; a channel that takes one message no more gets the rest next time."""
    failed: dict[str, str] = {}
    owed = book.setdefault("owed", {})
    for channel in bell.channels:
        new = [{"subject": one.subject, "body": one.body, "at": now.isoformat()} for one in messages]
        waiting = [*owed.get(channel.name, ()), *new][-OWED:]
        while waiting and channel.name not in failed:
            first = waiting[0]
            try:
                channel.send(first["subject"], _late(first, now))
            except ConnectorError as refused:
                failed[channel.name] = str(refused.problem.message)
            else:
                waiting.pop(0)
        owed[channel.name] = waiting
    book["owed"] = {channel.name: owed[channel.name] for channel in bell.channels if owed[channel.name]}
    return failed


def _late(message: Mapping[str, str], now: datetime) -> str:
    written = datetime.fromisoformat(message["at"])
    late = "" if written == now else f"(written {written:%Y-%m-%d %H:%M} UTC; it could not be delivered before)\n\n"
    return late + message["body"]


def _did(summary: Mapping[str, Any]) -> list[str]:
    plan, held = summary.get("plan"), sum(summary.get("held", {}).values())
    if plan is None:
        return ["Nothing was planned or written."]
    if summary.get("status") in ("waiting", "planned"):
        wanted = ", ".join(f"{name} {plan.get(name, 0):,}" for name in WRITES)
        return [f"Planned: {wanted}; held back {held:,}. Nothing is written yet."]
    done = _count(summary, "ok")
    not_done = ", ".join(f"{name} {count:,}" for name in NOT_DONE if (count := _count(summary, name)))
    wanted = ", ".join(f"{name} {plan.get(name, 0):,}" for name in WRITES)
    return [f"Wanted: {wanted}. Written: {done:,}.", f"Not written: {not_done or 'none'}. Held back: {held:,}."]


def _count(summary: Mapping[str, Any], name: str) -> int:
    return int(summary.get("delivered", {}).get(name, 0))


def _problems(summary: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """In what the CRM's schema differs from the mapping: what, where, and the cure."""
    return list(summary.get("schema", {}).get("problems", ()))


def _drift(summary: Mapping[str, Any]) -> list[str]:
    """Name the fields that the CRM lost or changed, and how many records wait for them."""
    problems, held = _problems(summary), int(summary.get("schema", {}).get("held", 0))
    if not problems:
        return []
    named = [f"{one['message']}" + (f" ({one['at']})" if one.get("at") else "") for one in problems[:MOST_PROBLEMS]]
    more = len(problems) - len(named)
    records = "1 new record waits" if held == 1 else f"{held:,} new records wait" if held else "no new record waits"
    waits = f"{records} for {'it' if len(problems) == 1 else 'them'}; the rest goes on"
    return [*named, *([f"and {more} more: `connector check --live` lists them"] if more else []), waits]


def _cures(summary: Mapping[str, Any]) -> list[str]:
    hints = [str(one["hint"]) for one in _problems(summary)[:MOST_PROBLEMS] if one.get("hint")]
    return [*dict.fromkeys(hints), "connector check --live      # until it finds nothing; then connector sync"]


def _reasons(ended: Ended) -> list[str]:
    """What went wrong, or what is more than a run may do; else what holds most back."""
    if ended.error:
        return ended.error.splitlines()
    told = [*_drift(ended.summary), *ended.reasons, *ended.summary.get("approval", ())]
    held = sorted(ended.summary.get("held", {}).items(), key=lambda one: (-one[1], one[0]))
    return told or [f"held back: {reason} {count:,}" for reason, count in held[:TOP]]


def _next(ended: Ended) -> list[str]:
    match ended.condition:
        case Condition.WAITING if ended.run_id:
            return [f"connector runs {ended.run_id}", f'connector approve {ended.run_id} --by "YOUR NAME"']
        case Condition.WAITING:
            return ["connector plan", "connector install"]
        case Condition.PARTIAL if ended.job == "train":
            return [
                "connector backtest      # where it began",
                "connector propensity train      # when the cause is past",
            ]
        case Condition.PARTIAL:
            cures = _cures(ended.summary) if _problems(ended.summary) else []
            if cures and not _count(ended.summary, "parked"):
                return cures
            retry = "connector outbox retry      # when the cause is mended"
            return [*cures, "connector outbox list --state parked", retry]
        case Condition.FAILED if ended.exit is Exit.BUG:
            return ["report it with the newest crash-*.txt of the state folder, which holds no secret"]
        case Condition.FAILED:
            return ["connector check --live", "connector run --once"]
        case _:
            return ["Nothing."]


def _subject(text: str) -> str:
    # A line break in a subject would begin another header of the mail.
    text = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return text if len(text) <= SUBJECT else text[: SUBJECT - 1] + "…"
