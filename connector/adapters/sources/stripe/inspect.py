"""Tries whether the Stripe key may read what a pull reads: one row of each list, and of the events.

A restricted key's permissions are told nowhere; the refusal of a call names the one that it lacks.

Source: Stripe documentation, "Restricted API keys", "Error handling".
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from connector.adapters.sources.stripe.client import NotFoundError, StripeClient
from connector.adapters.sources.stripe.source import STREAMS
from connector.domain.errors import CredentialError
from connector.domain.inspection import Probe

_WHERE = "Stripe dashboard → Developers → API keys → the restricted key → Edit key"
_READ = "can be read"


class StripeInspector:
    """Asks for one row of each list."""

    def __init__(self, client: StripeClient, key_start: str) -> None:
        self._client = client
        self._kind, self._mode = _kind(key_start)

    def probes(self, _now: datetime) -> Iterator[Probe]:
        """Try every stream; a key that Stripe does not know raises CredentialError at the first."""
        paths = {stream: spec.path for stream, spec in STREAMS.items()} | {"events": "/v1/events"}
        for stream, path in paths.items():
            yield self._try(stream, path)
        too_mighty = "a restricted key that only reads is enough; this one can do anything" if self._kind else ""
        yield Probe("key", f"{self._kind or 'restricted'} key, {self._mode}", warning=too_mighty, where=_WHERE)

    def _try(self, stream: str, path: str) -> Probe:
        try:
            self._client.get(path, {"limit": 1})
        except CredentialError as refused:
            if not self._client.is_known:
                raise
            problem = refused.problem
            return Probe(stream, "cannot be read", problem.message, problem.hint or "", _WHERE)
        except NotFoundError:
            return Probe(stream, "this server does not have it")
        return Probe(stream, _READ)


def _kind(key_start: str) -> tuple[str, str]:
    """Name what is unusual about a key, and whether its data is real."""
    kind = "secret" if key_start.startswith("sk_") else ""
    return kind, "test mode" if key_start[3:].startswith("test_") else "live mode"
