"""Planned misbehaviour of a stand-in: which requests it meets, and what becomes of their answers.

POST one fault or a list of them to `/__faults`; GET shows them and their `hits`, DELETE clears them. Of several, the first
that meets a request acts. Every fault takes `path` and `method` (regular expressions; `path` is searched for in path
and query), `body_contains`, `skip` (spare the first ones), `times` (1; null: without end), and `rate` with `seed`: the
share of the requests to hit, picked by a pseudo-random sequence that is the same in every run.

    {"path": "/batch/upsert", "kind": "reset", "rate": 0.2, "seed": 7, "times": null}

| `kind` | what the client sees | example, beside `path` |
|---|---|---|
| `status` | any status, JSON body (HTML if the body is text) and headers | `{"kind": "status", "status": 429, "body": {"policyName": "DAILY"}, "headers": {"Retry-After": "1"}}` |
| `html` | 503 (or `status`) and a proxy's HTML page | `{"kind": "html"}` |
| `timeout` | no answer: held until the client leaves, or closed after `delay` seconds | `{"kind": "timeout", "after": true, "delay": 30}` |
| `reset` | a TCP reset instead of an answer | `{"kind": "reset", "after": true}` |
| `reset_in_body` | the real status, half the body, a TCP reset | `{"kind": "reset_in_body"}` |
| `truncated` | the real status, half the body under the whole body's content-length, an orderly close | `{"kind": "truncated"}` |
| `garbled` | the real status, half the body in a well-formed answer: JSON that does not parse | `{"kind": "garbled"}` |
| `slow` | the real answer, `delay` seconds late | `{"kind": "slow", "delay": 2.5}` |
| `cut` | status 200, then a connection closed inside the body | `{"kind": "cut", "after": true}` |

`after` says that the work is done first, so that the client never learns of it; without it nothing is done. It is
implied by `reset_in_body`, `truncated` and `garbled`, and makes `slow` wait between work and answer. An answer
without a body cannot be halved: it is truncated or garbled to itself. `delay` makes every kind wait before it acts
(`timeout`: before it closes); a client that gives up on a `slow` answer meanwhile does not stop the work.

Without a `kind`, `cut` ("before" or "after"), else `status`, else a mere `delay` decide.
"""  # noqa: E501 - a table's row is one line

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any, assert_never

from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from connector.sandbox.connection import broken, closed, held

Row = dict[str, Any]
HTML_PAGE = (
    "<html>\r\n<head><title>503 Service Temporarily Unavailable</title></head>\r\n<body>\r\n"
    "<center><h1>503 Service Temporarily Unavailable</h1></center>\r\n</body>\r\n</html>\r\n"
)


class Kind(StrEnum):
    """What becomes of an answer."""

    STATUS = "status"
    HTML = "html"
    TIMEOUT = "timeout"
    RESET = "reset"
    RESET_IN_BODY = "reset_in_body"
    TRUNCATED = "truncated"
    GARBLED = "garbled"
    SLOW = "slow"
    CUT = "cut"


@dataclass
class Fault:
    """One planned misbehaviour; the module tells what each field does."""

    path: str = ".*"
    method: str = ".*"
    body_contains: str = ""
    skip: int = 0
    times: int | None = 1
    status: int | None = None
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    cut: str | None = None
    delay: float = 0.0
    kind: str | None = None
    after: bool = False
    rate: float = 1.0
    seed: int = 0
    hits: int = field(default=0, init=False)
    _draws: random.Random = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.kind is not None and self.kind not in set(Kind):
            raise ValueError(f"no fault of kind {self.kind!r}: one of {', '.join(Kind)}")
        if not 0 <= self.rate <= 1:
            raise ValueError(f"rate is a share from 0 to 1, not {self.rate}")
        if self.kind == Kind.STATUS and self.status is None:
            raise ValueError('a fault of kind "status" needs the status')
        self._draws = random.Random(self.seed)  # noqa: S311 - must be the same in every run, and is no secret

    @classmethod
    def read(cls, row: Row) -> Fault:
        """Return a fault written as JSON; ValueError says what is wrong with it."""
        known = [one.name for one in fields(cls) if one.init]
        if unknown := row.keys() - set(known):
            raise ValueError(f"a fault has no {', '.join(sorted(unknown))}; it has {', '.join(known)}")
        return cls(**row)

    def shown(self) -> Row:
        """Return the fault as JSON shows it: as it was planned, and how often it has hit."""
        return {one.name: getattr(self, one.name) for one in fields(Fault) if one.repr}

    def meets(self, method: str, path: str, body: bytes) -> bool:
        """Say whether this request is hit, and count it."""
        if self.times is not None and self.times <= 0:
            return False
        if not re.fullmatch(self.method, method) or not re.search(self.path, path):
            return False
        if self.body_contains and self.body_contains.encode() not in body:
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.rate < 1 and self._draws.random() >= self.rate:
            return False
        if self.times is not None:
            self.times -= 1
        self.hits += 1
        return True

    @property
    def planned(self) -> Kind:
        """What becomes of the answer, however the fault says it."""
        if self.kind is not None:
            return Kind(self.kind)
        if self.cut is not None:
            return Kind.CUT
        return Kind.SLOW if self.status is None else Kind.STATUS

    @property
    def works_first(self) -> bool:
        """Whether the request is acted upon before its answer goes wrong."""
        in_body = {Kind.RESET_IN_BODY, Kind.TRUNCATED, Kind.GARBLED}
        return self.after or self.cut == "after" or self.planned in in_body


@dataclass
class Exchange:
    """One request that a fault has met: read, and not yet answered."""

    app: ASGIApp
    scope: Scope
    receive: Receive
    send: Send
    entry: Row
    replay: Callable[[], Receive]

    async def pass_on(self) -> None:
        """Let the stand-in answer."""

        async def out(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.entry["status"] = message["status"]
            await self.send(message)

        await self.app(self.scope, self.replay(), out)

    async def work(self) -> Answer:
        """Let the stand-in do its work, and keep its answer from the client."""
        messages: list[Message] = []

        async def keep(message: Message) -> None:
            messages.append(message)

        await self.app(self.scope, self.replay(), keep)
        self.entry["status"] = messages[0]["status"]
        return Answer(messages[0], b"".join(message.get("body", b"") for message in messages[1:]))


@dataclass(frozen=True)
class Answer:
    """What the stand-in would have said."""

    head: Message
    body: bytes

    @property
    def half(self) -> bytes:
        """The first half of the body."""
        return self.body[: len(self.body) // 2]

    def of_length(self, length: int) -> Message:
        """Return the head, announcing a body of this length."""
        others = [(name, value) for name, value in self.head["headers"] if name.lower() != b"content-length"]
        return {**self.head, "headers": [*others, (b"content-length", str(length).encode())]}


async def misbehave(fault: Fault, exchange: Exchange) -> None:
    """Answer a request, or do not, as its fault says."""
    kind = fault.planned
    if fault.delay and not (kind is Kind.TIMEOUT or (kind is Kind.SLOW and fault.after)):
        await asyncio.sleep(fault.delay)
    if kind is Kind.SLOW and not fault.after:
        await exchange.pass_on()
        return
    answer = await exchange.work() if fault.works_first else None
    if kind is not Kind.SLOW:
        exchange.entry["status"] = _noted(fault, kind, answer)
    await _spoil(fault, kind, exchange, answer)


async def _spoil(fault: Fault, kind: Kind, exchange: Exchange, answer: Answer | None) -> None:
    scope, receive, send = exchange.scope, exchange.receive, exchange.send
    match kind:
        case Kind.STATUS | Kind.HTML:
            await _told(fault, kind)(scope, exchange.replay(), send)
        case Kind.TIMEOUT:
            await held(scope, receive, fault.delay)
        case Kind.RESET:
            await broken(scope, receive)
        case Kind.CUT:
            await _cut(send)
        case Kind.SLOW:
            await asyncio.sleep(fault.delay)
            await _sent(send, answer, lambda whole: (len(whole.body), whole.body))
        case Kind.GARBLED:
            await _sent(send, answer, lambda whole: (len(whole.half), whole.half))
        case Kind.TRUNCATED:
            if await _sent(send, answer, lambda whole: (len(whole.body), whole.half)):
                await closed(scope, receive)
        case Kind.RESET_IN_BODY:
            await _sent(send, answer, lambda whole: (len(whole.body), whole.half))
            await broken(scope, receive)
        case _:
            assert_never(kind)


async def _sent(send: Send, answer: Answer | None, part: Callable[[Answer], tuple[int, bytes]]) -> bool:
    """Send an answer that announces a length and has a body of its own; say whether the body falls short."""
    if answer is None:
        raise RuntimeError("this fault needs the stand-in's answer, and no work was done")
    length, body = part(answer)
    await send(answer.of_length(length) if answer.body else answer.head)
    await send({"type": "http.response.body", "body": body, "more_body": len(body) < length})
    return len(body) < length


def _told(fault: Fault, kind: Kind) -> Response:
    if kind is Kind.HTML:
        return Response(fault.body or HTML_PAGE, fault.status or 503, fault.headers, media_type="text/html")
    status = fault.status or 500
    if isinstance(fault.body, str):
        return Response(fault.body, status, fault.headers, media_type="text/html")
    return JSONResponse(fault.body, status, fault.headers)


def _noted(fault: Fault, kind: Kind, answer: Answer | None) -> int | str:
    """Return what the request log says: the status told, or how the answer was lost."""
    told = fault.status or 503 if kind in {Kind.STATUS, Kind.HTML} else str(kind)
    return told if answer is None else f"{told} after {answer.head['status']}"


async def _cut(send: Callable[[Message], Awaitable[None]]) -> None:
    """End the connection inside the answer: the client sees a broken read, not a status it could trust."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"9999")]})
    await send({"type": "http.response.body", "body": b"{", "more_body": False})
