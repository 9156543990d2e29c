"""Finds the account that somebody means: by its CRM id, its billing id, or its name as far as that tells."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from connector.domain.errors import MendError
from connector.services.match import plain_name

SHOWN = 5


def find_account(asked: str, names: Mapping[str, str], links: Mapping[str, str]) -> str:
    """Give the CRM id; raise MendError when no account or several answer to it. `links`: billing id → CRM id."""
    if asked in names:
        return asked
    if asked in links:
        return links[asked]
    wanted = plain_name(asked)
    plain = {id: plain_name(name) for id, name in names.items()}
    exact = [id for id, name in plain.items() if name == wanted]
    found = exact or [id for id, name in plain.items() if wanted and wanted in name]
    match found:
        case [one]:
            return one
        case []:
            raise MendError(f"no account answers to {asked!r}", hint=_near(wanted, plain, names))
        case _:
            some = ", ".join(f"{names[id]} ({id})" for id in sorted(found)[:SHOWN])
            raise MendError(f"{len(found)} accounts answer to {asked!r}: {some}", hint="use the id in brackets")


def _near(wanted: str, plain: Mapping[str, str], names: Mapping[str, str]) -> str:
    near = difflib.get_close_matches(wanted, list(plain.values()), 3)
    meant = [f"{names[id]} ({id})" for id, name in plain.items() if name in near][:SHOWN]
    return f"did you mean {', '.join(meant)}?" if meant else "use a part of its CRM name, or an id"
