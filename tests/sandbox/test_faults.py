"""Planned misbehaviour, the request log, and how an answer leaves: what every stand-in shares."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connector.sandbox import faults
from connector.sandbox.control import Control, Fault, stand_in
from connector.sandbox.faults import Kind
from connector.sandbox.serving import serving

Row = dict[str, Any]
RECORD = {"id": "1", "name": "Acme", "notes": "n" * 100}
WHOLE = json.dumps(RECORD, separators=(",", ":"))
LOST = (requests.ConnectionError, requests.exceptions.ChunkedEncodingError)


@dataclass
class Counter:
    """A state that only counts the work done."""

    done: int = 0
    rows: list[Row] = field(default_factory=list)

    def dump(self, kind: str) -> list[Row]:
        return self.rows

    def load(self, kind: str, rows: Sequence[Row]) -> None:
        self.rows.extend(rows)

    def reset(self) -> None:
        self.done = 0


@dataclass
class Served:
    """A stand-in with one endpoint, and a session to it."""

    url: str
    control: Control
    state: Counter
    session: requests.Session

    def plan(self, **fault: Any) -> requests.Response:
        return self.session.post(f"{self.url}/__faults", json=fault)

    def write(self, path: str = "/records", **body: Any) -> requests.Response:
        return self.session.post(self.url + path, json=body or {"a": 1}, timeout=5)

    def outcome(self) -> str:
        """What a client makes of one write: a status, or how the answer was lost."""
        try:
            return str(self.write().status_code)
        except LOST as lost:
            return "reset" if "reset by peer" in str(lost) else "cut"


@pytest.fixture(scope="module")
def running() -> Iterator[Served]:
    control, state = Control(), Counter()

    async def create(request: Request) -> Response:
        await request.json()
        state.done += 1
        return JSONResponse(RECORD, 201)

    async def archive(_: Request) -> Response:
        state.done += 1
        return Response(status_code=204)

    routes = [Route("/records", create, methods=["POST"]), Route("/records", archive, methods=["DELETE"])]
    with serving(stand_in(state, control, routes)) as url, requests.Session() as session:
        yield Served(url, control, state, session)


@pytest.fixture
def served(running: Served) -> Served:
    running.session.post(f"{running.url}/__reset")
    running.control.switches.clear()
    return running


@pytest.mark.parametrize(
    ("fault", "outcome", "done"),
    [
        ({"kind": "status", "status": 429}, "429", 0),
        ({"kind": "status", "status": 504, "after": True}, "504", 1),
        ({"kind": "html"}, "503", 0),
        ({"kind": "html", "after": True}, "503", 1),
        ({"kind": "timeout", "delay": 0.01}, "cut", 0),
        ({"kind": "timeout", "delay": 0.01, "after": True}, "cut", 1),
        ({"kind": "reset"}, "reset", 0),
        ({"kind": "reset", "after": True}, "reset", 1),
        ({"kind": "reset_in_body"}, "reset", 1),
        ({"kind": "truncated"}, "cut", 1),
        ({"kind": "garbled"}, "201", 1),
        ({"kind": "slow"}, "201", 1),
        ({"kind": "slow", "after": True}, "201", 1),
        ({"kind": "cut"}, "cut", 0),
        ({"kind": "cut", "after": True}, "cut", 1),
        ({"status": 503}, "503", 0),
        ({"cut": "before"}, "cut", 0),
        ({"cut": "after"}, "cut", 1),
        ({"delay": 0.001}, "201", 1),
    ],
)
def test_each_kind_spoils_one_answer(served: Served, fault: Row, outcome: str, done: int) -> None:
    """A fault decides what the client sees and whether the work was done; the next request is answered."""
    assert served.plan(**fault).ok

    seen = served.outcome()

    assert (seen, served.state.done) == (outcome, done)
    assert served.outcome() == "201"


def test_every_kind_is_documented_with_an_example() -> None:
    """The module's table has one row a kind, and its examples are faults."""
    table = [line.split(" | ") for line in (faults.__doc__ or "").splitlines() if line.startswith("| `")]

    rows = [(row[0].strip("| `"), Fault.read(json.loads(row[-1].strip(" |`")))) for row in table[1:]]

    assert [(name, example.planned) for name, example in rows] == [(kind, kind) for kind in Kind]


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ({"kind": "html", "after": True}, "503 after 201"),
        ({"kind": "timeout", "delay": 0.01}, "timeout"),
        ({"kind": "reset_in_body"}, "reset_in_body after 201"),
        ({"cut": "after"}, "cut after 201"),
        ({"status": 503}, 503),
        ({"kind": "slow"}, 201),
    ],
)
def test_the_log_tells_how_an_answer_was_lost(served: Served, fault: Row, status: object) -> None:
    """An entry carries what the client was told, and what the stand-in had done."""
    served.plan(**fault)

    served.outcome()

    assert served.control.requests[-1]["status"] == status


def test_a_status_comes_with_its_body_and_headers(served: Served) -> None:
    """Status, body and headers are the fault's own."""
    served.plan(kind="status", status=429, body={"policyName": "DAILY"}, headers={"Retry-After": "7"})

    answer = served.write()

    assert (answer.status_code, answer.json(), answer.headers["Retry-After"]) == (429, {"policyName": "DAILY"}, "7")


def test_an_outage_answers_with_a_page(served: Served) -> None:
    """An HTML page stands where a client expects JSON."""
    served.plan(kind="html")

    answer = served.write()

    assert answer.headers["Content-Type"].startswith("text/html")
    assert answer.text.startswith("<html>")


def test_a_garbled_answer_is_well_formed_http(served: Served) -> None:
    """Half the body arrives as if it were whole; only parsing tells."""
    served.plan(kind="garbled")

    answer = served.write()

    assert answer.text == WHOLE[: len(WHOLE) // 2]


@pytest.mark.parametrize("kind", ["truncated", "reset_in_body"])
def test_half_a_body_arrives_before_the_end(served: Served, kind: str) -> None:
    """Status and head are the real ones, and announce the whole body."""
    served.plan(kind=kind)

    answer = served.session.post(f"{served.url}/records", json={}, stream=True)
    with pytest.raises(LOST):
        list(answer.iter_content(10))

    assert (answer.status_code, int(answer.headers["Content-Length"])) == (201, len(WHOLE))


@pytest.mark.parametrize("kind", ["truncated", "garbled"])
def test_an_answer_without_a_body_comes_whole(served: Served, kind: str) -> None:
    """Nothing cannot be halved."""
    served.plan(kind=kind)

    assert served.session.delete(f"{served.url}/records").status_code == 204


@pytest.mark.parametrize(("after", "done"), [(False, 0), (True, 1)])
def test_a_held_request_waits_for_the_client(served: Served, after: bool, done: int) -> None:
    """Without a delay nothing ever comes; once the client has left, the stand-in serves others."""
    served.plan(kind="timeout", after=after)

    with pytest.raises(requests.ReadTimeout):
        served.session.post(f"{served.url}/records", json={}, timeout=0.05)

    assert served.state.done == done
    assert served.outcome() == "201"


def test_a_rate_hits_the_same_requests_every_time(served: Served) -> None:
    """A share of the requests is hit, by a sequence that only the seed decides."""

    def hits(seed: int) -> str:
        fault = Fault(kind="html", rate=0.2, seed=seed, times=None)
        return "".join("x" if fault.meets("POST", "/records", b"") else "." for _ in range(500))

    assert hits(1) == hits(1) != hits(2)
    assert 70 < hits(1).count("x") < 130


def test_the_books_balance_whatever_is_planned(served: Served) -> None:
    """With four requests in ten spoilt, work is done for each that was spared or spoilt afterwards, and no other."""
    kinds: list[Row] = [{"kind": kind, "after": after} for kind in Kind for after in (False, True)]
    share = 0.4 / len(kinds)
    for place, kind in enumerate(kinds):
        rate = share / (1 - place * share)  # of those that the faults before it have spared
        served.plan(**kind, status=502, delay=0.001, rate=rate, seed=place, times=None)

    for _ in range(400):
        served.outcome()

    faults = served.control.faults
    hits = sum(fault.hits for fault in faults)
    undone = sum(fault.hits for fault in faults if not fault.works_first and fault.planned is not Kind.SLOW)
    assert 120 < hits < 200
    assert served.state.done == 400 - undone


def test_an_endless_fault_lasts_until_it_is_cleared(served: Served) -> None:
    """`times: null` never runs out."""
    served.plan(kind="html", times=None)

    during = [served.outcome() for _ in range(5)]
    planned = served.session.get(f"{served.url}/__faults").json()
    served.session.delete(f"{served.url}/__faults")

    assert during == ["503"] * 5
    assert [(one["times"], one["hits"]) for one in planned] == [(None, 5)]
    assert served.outcome() == "201"


def test_a_fault_meets_its_own_requests_only(served: Served) -> None:
    """Path, method and body choose; `skip` spares the first ones, `times` counts the hits."""
    served.plan(path="/records", method="POST", body_contains="Acme", skip=1, times=2, status=423)

    told = [served.write(name=name).status_code for name in ("Acme", "Beta", "Acme", "Acme", "Acme")]

    assert told == [201, 201, 423, 423, 201]


def test_the_first_fault_that_meets_acts(served: Served) -> None:
    """Faults stand in line: the next acts where the one before does not."""
    served.session.post(f"{served.url}/__faults", json=[{"status": 502}, {"status": 503}])

    assert [served.outcome() for _ in range(3)] == ["502", "503", "201"]


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ({"kind": "explode"}, "one of status, html"),
        ({"kind": "status"}, "needs the status"),
        ({"rate": 20}, "from 0 to 1"),
        ({"probability": 1}, "no probability; it has path"),
    ],
)
def test_a_fault_that_means_nothing_is_refused(served: Served, fault: Row, told: str) -> None:
    """The answer says what a fault may say; nothing is planned."""
    answer = served.plan(**fault)

    assert answer.status_code == 400
    assert told in answer.json()["error"]
    assert served.control.faults == []


def test_bodies_can_be_left_out_of_the_log(served: Served) -> None:
    """A switch keeps the log small; an entry still tells the size."""
    served.write(name="Acme")
    served.session.post(f"{served.url}/__switches", json={"log_bodies": False})
    served.write(name="Acme")

    assert [one["body"] for one in served.control.requests] == [{"name": "Acme"}, "16 bytes"]


def test_an_answer_leaves_in_one_write(served: Served) -> None:
    """Head and body arrive together: one read takes the whole answer."""
    address = urlsplit(served.url)
    request = b"POST /records HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"

    with socket.create_connection((address.hostname, address.port)) as client:
        reads = []
        for _ in range(100):
            client.sendall(request)
            reads.append(client.recv(65_536))

    assert all(read.endswith(b'"}') for read in reads)


def test_a_held_request_does_not_hold_up_the_end() -> None:
    """A stand-in stops within seconds, whoever still waits for an answer."""
    control = Control(faults=[Fault(kind="timeout")])

    with ExitStack() as open_still, serving(stand_in(Counter(), control, [])) as url:
        address = urlsplit(url)
        waiting = open_still.enter_context(socket.create_connection((address.hostname, address.port), timeout=0.05))
        waiting.sendall(b"GET /records HTTP/1.1\r\nHost: x\r\n\r\n")
        with pytest.raises(TimeoutError):
            waiting.recv(1)
        started = time.monotonic()

    assert time.monotonic() - started < 5
