"""The transport under both CRM adapters: what can go wrong with one call, and where a call really goes.

Decided here: every call has a timeout; one base URL (a stand-in, a proxy) takes the place of every vendor host, login
hosts included, because the vendors' clients build absolute https URLs themselves; and a failed call is one of three
facts, since a write needs to know which: it was never sent, it was answered with a refusal, or its answer was lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit, urlunsplit

import requests
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError, SSLError

from connector.domain.errors import CredentialError, LaterError, MappingError, MendError, UnreachableError
from connector.ports.clock import Clock

_READ_ATTEMPTS = 4
USER_AGENT = "expansion-connector/0.1"


@dataclass(frozen=True)
class Timeouts:
    """Seconds to wait for a connection, and then for each part of an answer."""

    connect: float = 5.0
    read: float = 60.0

    def pair(self) -> tuple[float, float]:
        """Give both as `requests` and urllib3 take them."""
        return self.connect, self.read


@dataclass(frozen=True)
class Credentials:
    """Where an operator sets the credentials of a CRM, and how to mend them."""

    vendor: str
    at: str
    hint: str


class CallError(Exception):
    """One call failed; subclasses say what that proves."""


class NotSentError(CallError):
    """No connection came about: the vendor has seen nothing."""


class LostAnswerError(CallError):
    """The call was sent and its answer never came, or says the server broke: it may have been carried out."""


class RefusedError(CallError):
    """The vendor answered no, and did nothing."""

    def __init__(self, status: int, code: str, message: str, fields: Sequence[str] = ()) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.fields = tuple(fields)


class MountedTransport(HTTPAdapter):
    """A `requests` adapter that owns timeout, CA bundle, limit headers, and the rewrite of hosts."""

    def __init__(
        self,
        base_url: str | None,
        ca_bundle: str | None,
        timeouts: Timeouts,
        on_answer: Callable[[Mapping[str, str]], None],
    ) -> None:
        self._base = urlsplit(base_url.rstrip("/")) if base_url else None
        self._ca_bundle = ca_bundle
        self._timeouts = timeouts
        self._on_answer = on_answer
        super().__init__()

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: float | tuple[float, float] | tuple[float, None] | None = None,
        verify: bool | str = True,
        cert: bytes | str | tuple[bytes | str, bytes | str] | None = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Send one request, and report the headers of its answer."""
        if self._base is not None and request.url is not None:
            asked = urlsplit(request.url)
            request.headers["X-Orig-Host"] = asked.netloc
            path = self._base.path + asked.path
            request.url = urlunsplit((self._base.scheme, self._base.netloc, path, asked.query, ""))
            # The session chose proxies for the vendor's host; the base URL may need none.
            proxies = get_environ_proxies(request.url)
        response = super().send(
            request,
            stream=stream,
            timeout=timeout or self._timeouts.pair(),
            verify=self._ca_bundle or verify,
            cert=cert,
            proxies=proxies,
        )
        self._on_answer(response.headers)
        return response


def mounted_session(
    base_url: str | None,
    ca_bundle: str | None,
    timeouts: Timeouts,
    on_answer: Callable[[Mapping[str, str]], None],
) -> requests.Session:
    """Make a session all of whose calls go through one `MountedTransport`."""
    session = requests.Session()
    session.headers["User-Agent"] = USER_AGENT
    transport = MountedTransport(base_url, ca_bundle, timeouts, on_answer)
    session.mount("https://", transport)
    session.mount("http://", transport)
    return session


def date_of(headers: Mapping[str, str]) -> datetime | None:
    """Read a server's clock from an answer's headers."""
    try:
        told = parsedate_to_datetime(headers.get("Date", ""))
    except ValueError:
        return None
    return told if told.tzinfo else None


def reading(clock: Clock) -> Retrying:
    """Repeat what may be repeated: a read that was not answered."""
    return Retrying(
        retry=retry_if_exception_type((NotSentError, LostAnswerError)),
        stop=stop_after_attempt(_READ_ATTEMPTS),
        wait=wait_exponential(multiplier=0.5, max=8),
        sleep=clock.sleep,
        reraise=True,
    )


def what_failed(error: BaseException, host: str) -> CallError:
    """Say what a transport error of `requests` or urllib3 proves about the call it ended."""
    causes = list(_causes(error))
    if any(isinstance(one, SSLError) for one in causes):
        return NotSentError(f"{host}: its certificate is not trusted")
    if any(isinstance(one, NewConnectionError | ConnectTimeoutError) for one in causes):
        return NotSentError(f"{host} cannot be reached")
    return LostAnswerError(f"{host}: the answer was lost ({type(error).__name__})")


def for_reader(error: CallError, credentials: Credentials | None = None) -> LaterError | MendError:
    """Turn a failed call into what a reading step raises; vendors' own codes are handled before this."""
    match error:
        case RefusedError(status=401) if credentials is not None:
            return CredentialError(
                f"{credentials.vendor} refused the credentials: {error.message}", credentials.at, credentials.hint
            )
        case RefusedError(status=401 | 403):
            return CredentialError(f"the CRM refused: {error.message}", hint="check the credentials and permissions")
        case RefusedError(status=423 | 429):
            return UnreachableError(f"the CRM asks to come back later: {error}", hint="run again in a few minutes")
        case RefusedError():
            return MappingError(
                f"the CRM refused to be read: {error}", hint="`connector check --live` looks for the cause"
            )
        case _:
            return UnreachableError(
                f"the CRM does not answer: {error}", hint="check the base URL, the CA bundle and the network"
            )


def _causes(error: BaseException) -> Iterator[BaseException]:
    # requests wraps urllib3's error in its own, sometimes twice, and urllib3 keeps the first one as `reason`.
    yield error
    reason = getattr(error, "reason", None)
    for one in (*error.args, reason):
        if isinstance(one, BaseException):
            yield from _causes(one)
