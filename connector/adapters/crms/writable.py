"""Refuses, before anything is sent, what the schema says our user cannot write.

One unknown field makes a vendor refuse a whole call, and a quietly dropped one would make a plan lie: so the record
that has it is refused alone, with the cure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from connector.adapters.crms.batches import Judgement
from connector.domain.change import FieldSpec, Outcome, Scalar, Verdict, Write
from connector.domain.errors import ConnectorError

Body = dict[str, Any]


def prepare(
    batch: Sequence[Write],
    specs: Mapping[str, FieldSpec],
    fields_of: Callable[[Write], Mapping[str, Scalar]],
    to_wire: Callable[[FieldSpec, Scalar], Any],
) -> tuple[dict[str, Body], list[Outcome]]:
    """Give the wire fields of each write by outbox entry, and an outcome for each write that cannot be sent."""
    bodies: dict[str, Body] = {}
    refused: list[Outcome] = []
    for write in batch:
        body: Body = {}
        problem = None
        for name, value in fields_of(write).items():
            problem = problem or _problem(write, name, specs.get(name))
            if problem is None:
                try:
                    body[name] = to_wire(specs[name], value)
                except ValueError as error:
                    problem = _refuse("invalid_value", f"{name}: {error}", name, "mend the template in the mapping")
        if problem is None:
            bodies[write.entry] = body
        else:
            refused.append(problem.of(write))
    return bodies, refused


def not_ready(batch: Sequence[Write], error: ConnectorError) -> list[Outcome]:
    """Say of every write that the CRM could not even be asked how it stores records."""
    problem = error.problem
    judged = Judgement(Verdict.DEFER, "not_ready", problem.message, hint=problem.hint)
    return [judged.of(write) for write in batch]


def _problem(write: Write, name: str, spec: FieldSpec | None) -> Judgement | None:
    if spec is None:
        return _refuse(
            "unknown_field", f"{name} does not exist, or is hidden from our user", name, "run `connector install`"
        )
    if not (spec.createable if write.verb == "create" else spec.updateable):
        return _refuse("read_only_field", f"{name} cannot be written by our user", name, "take it out of the mapping")
    return None


def _refuse(code: str, message: str, field: str, hint: str) -> Judgement:
    return Judgement(Verdict.REJECTED, code, message, field, hint)
