"""What rules would have raised on past days, on whom, and what kept them silent elsewhere.

Each past day is measured as it was known then, through the same path as the daily run.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from difflib import get_close_matches
from itertools import pairwise
from typing import Any

from connector.compute.signals import OF_OFFERS, Fired, strength_of, tried
from connector.domain.catalogue import Catalogue
from connector.domain.crm_facts import CRM
from connector.domain.errors import ConfigError
from connector.domain.features import AccountFeatures
from connector.domain.misses import Miss, misses
from connector.domain.signal import SignalRule, Signals
from connector.ports.billing import Warehouse
from connector.services.evidence import Wording
from connector.services.measure import Measured, measure

WEEK = timedelta(days=7)
REASONS = 3
"""Reasons told for each rule, the most frequent first."""
Tell = Callable[[str, int], None]


@dataclass(frozen=True)
class Case:
    """One thing that a rule looked at, and what came of it."""

    account_id: str
    name: str
    about: str
    """The metric, the offer or the event; empty for a rule that looks at the account."""
    strength: float | None
    """None when the rule did not fire."""
    evidence: str
    misses: tuple[Miss, ...]
    """What kept it silent."""


def covered(
    warehouse: Warehouse, catalogue: Catalogue, rules: Signals, now: datetime, weeks: int, tell: Tell = lambda *_: None
) -> dict[str, Any]:
    """Count for each rule, week by week until today, on how many accounts it fired; and why it did not today.

    Rules on CRM fields are left out and named: a CRM tells what stands there now, not what stood there then.
    """
    left_out = [id for id, rule in rules.rules.items() if any(name.startswith(CRM) for name in rule.when.names())]
    rules = Signals(rules={id: rule for id, rule in rules.rules.items() if id not in left_out})
    days = [now - WEEK * back for back in reversed(range(weeks))]
    fired: dict[str, list[set[str]]] = {rule_id: [] for rule_id in rules.rules}
    for day in days:
        tell(f"as of {day.date()}", 0)
        measured = measure(warehouse, catalogue, rules, day)
        on: dict[str, set[str]] = defaultdict(set)
        for signal in measured.signals:
            on[signal.id].add(signal.account_id)
        for rule_id, accounts in fired.items():
            accounts.append(on[rule_id])
    _something(measured)
    reasons = _reasons(measured, catalogue, rules)
    return {
        "days": [day.date() for day in days],
        "accounts": sum(account.subscribed for account in measured.accounts.values()),
        "data_to": measured.data_to,
        "left_out": left_out,
        "rules": [
            _counted(rule_id, rules.rules[rule_id], accounts, reasons[rule_id], measured)
            for rule_id, accounts in fired.items()
        ],
    }


def _counted(
    rule_id: str, rule: SignalRule, on: Sequence[set[str]], reasons: Counter[str], measured: Measured
) -> dict[str, Any]:
    ever: set[str] = set().union(*on)
    return {
        "rule": rule_id,
        "row": rule.row,
        "kind": rule.kind,
        "accounts_by_day": [len(accounts) for accounts in on],
        "accounts_now": len(on[-1]),
        "accounts_ever": len(ever),
        "new_a_week": round(sum(len(after - before) for before, after in pairwise(on)) / max(1, len(on) - 1), 1),
        "on": sorted(ever, key=lambda id: (-sum(id in accounts for accounts in on), id)),
        "names": {id: measured.accounts[id].name for id in sorted(ever) if id in measured.accounts},
        "silent_because": [{"reason": why, "accounts": count} for why, count in reasons.most_common(REASONS)],
    }


def tested(
    warehouse: Warehouse,
    catalogue: Catalogue,
    rules: Signals,
    rule_id: str,
    account: str | None,
    now: datetime,
    language: str,
    crm: Mapping[str, Mapping[str, str]],
) -> list[Case]:
    """Try one rule on every account, or on those that `account` names by id or by a part of the name."""
    alone = rules_of(rules, rule_id)
    measured = measure(warehouse, catalogue, alone, now, crm)
    _something(measured)
    wanted = [one for one in measured.accounts.values() if account is None or _is_called(one, account)]
    if not wanted:
        raise ConfigError(
            f"no billing account is called {account!r}", at="--account", hint="its id, or a part of its name"
        )
    return [case for one in wanted for case in _cases(alone, one, measured, catalogue, language)]


def rules_of(rules: Signals, rule_id: str) -> Signals:
    """One rule alone."""
    if rule_id not in rules.rules:
        close = get_close_matches(rule_id, list(rules.rules), 1)
        hint = f"did you mean {close[0]}?" if close else "`connector signals list` names them"
        raise ConfigError(f"unknown rule {rule_id!r}", at="playbooks/signals.yaml", hint=hint)
    return Signals(rules={rule_id: rules.rules[rule_id]})


def _something(measured: Measured) -> None:
    if not measured.accounts:
        raise ConfigError("no billing data so far", hint="`connector plan` pulls it and writes nothing to the CRM")


def _is_called(account: AccountFeatures, wanted: str) -> bool:
    return account.account_id == wanted or wanted.casefold() in account.name.casefold()


def _cases(
    rules: Signals, account: AccountFeatures, measured: Measured, catalogue: Catalogue, language: str
) -> Iterator[Case]:
    today, id = measured.as_of.date(), account.account_id
    (rule,) = rules.rules.values()
    looked_at = False
    for case in tried(rules, account, measured.metrics.get(id, {}), measured.events.get(id, ()), catalogue, today):
        looked_at = True
        strength = strength_of(case, today)
        texts: Mapping[str, str] = {} if strength is None else Wording(case.rule, catalogue).signal(case).evidence  # type: ignore[assignment]
        about = case.metric or case.offer or ""
        why = () if strength is not None else tuple(_why(case, today))
        yield Case(id, account.name, about, strength, texts.get(language, ""), why)
    if not looked_at:
        yield Case(id, account.name, "", None, "", (Miss(_nothing(rule, account), "", None),))


def _why(case: Fired, today: date) -> Iterator[Miss]:
    """What kept a rule silent: parts of its condition, or evidence too old for its window."""
    yield from misses(case.rule.when, case.features)
    age = (today - case.data_to).days
    if age > case.rule.window_days:
        yield Miss(f"evidence of at most {case.rule.window_days} days ago", "age in days", age)


def _nothing(rule: SignalRule, account: AccountFeatures) -> str:
    """Say why there was nothing to look at."""
    if not account.subscribed:
        return "a running subscription"
    match rule.per:
        case "metric":
            return f"any use of {' or '.join(rule.metrics)}"
        case "event":
            return f"an event {' or '.join(rule.events)}" + (
                "" if rule.needs or rule.kind not in OF_OFFERS else " about an offer it lacks"
            )
        case "offer":
            return "an industry or segment, and an offer it lacks"
        case "account":
            return "usage that any source told"


def _reasons(measured: Measured, catalogue: Catalogue, rules: Signals) -> dict[str, Counter[str]]:
    """For each rule, what kept it silent on how many paying accounts today."""
    found: dict[str, Counter[str]] = {}
    for rule_id in rules.rules:
        alone, counts = rules_of(rules, rule_id), Counter[str]()
        for account in measured.accounts.values():
            if account.subscribed:
                cases = list(_cases(alone, account, measured, catalogue, "en"))
                if all(case.strength is None for case in cases):
                    counts.update({miss.wanted for case in cases for miss in case.misses})
        found[rule_id] = counts
    return found
