"""Checks the policy's numbers and the schedule's times: one that is none of its kind would do the odd thing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from zoneinfo import available_timezones

from connector.config.names import known_name
from connector.config.yamldoc import Loaded
from connector.domain.errors import Problem
from connector.domain.money import KNOWN
from connector.domain.play import Schedule
from connector.domain.policy import GatesPolicy

CRON = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day", 1, 31, ()),
    ("month", 1, 12, tuple("jan feb mar apr may jun jul aug sep oct nov dec".split())),
    ("weekday", 0, 7, tuple("mon tue wed thu fri sat sun".split())),
)
PART = re.compile(r"(?P<what>\*|[a-z0-9]+(?:-[a-z0-9]+)?)(?:/(?P<step>\d+))?", re.IGNORECASE)
LEAST_HELD, MOST_HELD = 0.1, 0.2
SALT = re.compile(r"[A-Za-z0-9_-]{1,64}")
A_MINUTE, A_WEEK = 1, 7 * 24 * 60


def check_policy(document: Loaded[GatesPolicy]) -> Iterator[Problem]:
    """List shares that are none, counts below 0, and bounds that cross."""
    policy = document.value
    yield from known_name("currency", policy.reporting_currency, sorted(KNOWN), document.at("reporting_currency"))
    bounds = list(policy.p_bounds)
    if len(bounds) != 2 or not 0 < bounds[0] < bounds[1] < 1:
        yield Problem("p_bounds are no bounds of a likelihood", document.at("p_bounds"), "write them like [0.01, 0.8]")
    shares = {
        ("base_rate",): policy.base_rate,
        ("p_minimum",): policy.p_minimum,
        ("through_plan",): policy.through_plan,
        ("opportunity_min", "p"): policy.opportunity_min.p,
        ("approval", "share"): policy.approval.share,
    }
    for loc, share in shares.items():
        if not 0 <= share <= 1:
            yield Problem(f"{loc[-1]} must be from 0 to 1", document.at(*loc), "write a share: 0.05 is 5 %")
    for section in ("caps", "approval", "timing"):
        part = getattr(policy, section)
        for name, count in vars(part).items():
            if isinstance(count, int) and count < 0:
                yield Problem(f"{name} must not be below 0", document.at(section, name), "write how many")
    for key in ("quote_days", "unknown_need_days", "dormant_modules", "billed_days", "monday"):
        if getattr(policy, key) < 0:
            yield Problem(f"{key} must not be below 0", document.at(key), "write how many")
    for outcome, days in policy.cool_down_days.items():
        if days < 0:
            yield Problem("days must not be below 0", document.at("cool_down_days", outcome), "write how many days")
    for key in ("owners", "segments", "accounts"):
        named = getattr(policy.scope, key)
        if named is not None and not list(filter(str.strip, named)):
            at = document.at("scope", key)
            yield Problem(f"scope.{key} names nobody", at, "leave the key out to let everybody in")
    yield from _holdout(document)
    if policy.timing.earliest > policy.timing.latest:
        at = document.at("timing", "latest")
        yield Problem("latest comes before earliest", at, "write days from today, the larger one here")


def _holdout(document: Loaded[GatesPolicy]) -> Iterator[Problem]:
    holdout = document.value.holdout
    if holdout is None:
        return
    if not LEAST_HELD <= holdout.share <= MOST_HELD:
        cure = "0.1 is 10 %: with less nothing can be told for years, with more too much is left unsold"
        at = document.at("holdout", "share")
        yield Problem(f"holdout.share must be from {LEAST_HELD} to {MOST_HELD}", at, cure)
    if not SALT.fullmatch(holdout.salt):
        cure = "any word of your own; leave it alone once the holdout has begun"
        yield Problem("holdout.salt must be 1 to 64 letters, digits, - or _", document.at("holdout", "salt"), cure)


def check_internal(document: Loaded[GatesPolicy], documents: Mapping[str, Loaded[Any]]) -> Iterator[Problem]:
    """List kinds of evidence to keep internal that no signal is of."""
    rules = documents["playbooks/signals.yaml"].value.rules
    known = sorted({*rules, *(rule.row for rule in rules.values())})
    for i, name in enumerate(document.value.internal if ("internal",) in document.places else ()):
        yield from known_name("signal", name, known, document.at("internal", i))


def check_schedule(document: Loaded[Schedule]) -> Iterator[Problem]:
    """List zones that are none, jobs without a time, and cron lines that never come."""
    yield from known_name("time zone", document.value.timezone, sorted(available_timezones()), document.at("timezone"))
    for name, job in document.value.jobs.items():
        at = document.at("jobs", name)
        if (job.cron is None) == (job.every_minutes is None):
            yield Problem(f"job {name} needs either cron or every_minutes", at, "keep exactly one of them")
        elif job.cron is not None:
            yield from _cron(job.cron, document.at("jobs", name, "cron"))
        elif job.every_minutes is not None and not A_MINUTE <= job.every_minutes <= A_WEEK:
            at = document.at("jobs", name, "every_minutes")
            yield Problem(f"every {job.every_minutes} minutes", at, f"from {A_MINUTE} to {A_WEEK:,}")


def _cron(line: str, at: str) -> Iterator[Problem]:
    parts = line.split()
    if len(parts) != len(CRON):
        shown = f"a cron line has five fields, this one {len(parts)}"
        yield Problem(shown, at, "minute hour day month weekday: `30 5 * * 1-5`")
        return
    for part, (name, low, high, words) in zip(parts, CRON, strict=True):
        if not all(_is_of(one, low, high, words) for one in part.split(",")):
            yield Problem(f"{part!r} is no {name}", at, f"from {low} to {high}, `*`, `1-5`, `*/10` or `1,15`")


def _is_of(part: str, low: int, high: int, words: tuple[str, ...]) -> bool:
    found = PART.fullmatch(part)
    if found is None or found["step"] == "0":
        return False
    if found["what"] == "*":
        return True
    ends = found["what"].lower().split("-")
    return all(end in words or (end.isdigit() and low <= int(end) <= high) for end in ends)
