"""Whether billing can be read: every stream of every source, tried once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from connector.domain.checkup import Seen, fail, ok, warn
from connector.domain.inspection import Probe
from connector.ports.billing import SourceInspector
from connector.services.doctor import Check


def billing_checks(sources: Mapping[str, Callable[[], SourceInspector]], now: Callable[[], datetime]) -> list[Check]:
    """Make one check a source."""
    return [
        Check(f"billing.{name}", f"Billing from {name}", lambda make=make: _of(list(make().probes(now()))))  # type: ignore[misc]
        for name, make in sources.items()
    ]


def _of(probes: list[Probe]) -> Seen:
    broken = [probe for probe in probes if probe.problem]
    noted = [probe for probe in probes if probe.warning and not probe.problem]
    if broken:
        named = ", ".join(dict.fromkeys(probe.stream for probe in broken))
        lines = [f"{one.stream}: {one.problem} → {one.cure}" for one in broken]
        first = broken[0]
        what = first.problem if len(broken) == 1 else f"cannot read {named}"
        return fail(what, first.cure, first.where, lines if len(broken) > 1 else ())
    if noted:
        first = noted[0]
        lines = [f"{one.stream}: {one.warning}" for one in noted[1:]]
        return warn(f"{first.stream}: {first.warning}", first.cure or "see the place named", first.where, lines)
    told = "; ".join(dict.fromkeys(probe.seen for probe in probes if probe.seen != probes[0].seen))
    streams = ", ".join(dict.fromkeys(probe.stream for probe in probes if probe.seen == probes[0].seen))
    return ok(f"{streams}: {probes[0].seen}" + (f"; {told}" if told else "")) if probes else ok("nothing is mapped")
