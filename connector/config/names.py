"""Names that one document uses and another must define."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence

from connector.domain.errors import Problem

SHOWN = 40
"""How many known names a hint lists: time zones are hundreds."""


def known_name(what: str, name: str, options: Sequence[str], at: str) -> Iterator[Problem]:
    """Complain about a name that leads nowhere, and say what was probably meant."""
    if name not in options:
        near = difflib.get_close_matches(name, options, 1)
        hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(options[:SHOWN])}"
        yield Problem(f"unknown {what} {name!r}", at, hint + (" …" if not near and len(options) > SHOWN else ""))
