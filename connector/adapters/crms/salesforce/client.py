"""One way in to Salesforce: every call of this adapter passes through `SalesforceClient.call`.

Decided here: simple-salesforce logs in and builds requests, but its own re-login is not used (its row methods repeat
a refused login without an end), so a session that expired is renewed once by us. Reads are repeated after a broken
answer, writes never: what a lost write did is for the outbox to find out. A success whose answer cannot be read is a
lost answer too.

Source: Salesforce Help, "OAuth 2.0 JWT Bearer Flow" and "OAuth 2.0 Client Credentials Flow"; REST API Developer Guide.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from urllib.parse import urlsplit

import requests
from jwt import PyJWTError
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import SalesforceAuthenticationFailed
from simple_salesforce.login import SalesforceLogin

from connector.adapters.crms.http import (
    CallError,
    Credentials,
    LostAnswerError,
    NotSentError,
    RefusedError,
    Timeouts,
    date_of,
    for_reader,
    mounted_session,
    reading,
    what_failed,
)
from connector.adapters.crms.pacing import Meter
from connector.adapters.crms.salesforce.errors import API_ENABLED, NO_API, QUOTA, is_crowded, refusal
from connector.domain.errors import BudgetSpentError, CredentialError, LaterError, MendError
from connector.ports.clock import Clock

API_VERSION = "67.0"
_SAID = 200
"""How much of a refusal is told: a host that is not Salesforce answers with a whole page."""
_USAGE = re.compile(r"(?<![\w-])api-usage=(\d+)/(\d+)")


@dataclass(frozen=True)
class SalesforceCredentials:
    """How to log in: a signed assertion for one user (`jwt`), or the app's own secret (`client_credentials`)."""

    auth: Literal["jwt", "client_credentials"]
    consumer_key: str
    domain: str = "login"
    """`login`, `test`, or the org's My Domain such as `acme.my` (which client credentials need)."""
    username: str | None = None
    private_key_file: str | None = None
    consumer_secret: str | None = field(default=None, repr=False)
    private_key: str | None = field(default=None, repr=False)
    """The key itself, where it lies in no file of its own."""

    def login_arguments(self) -> dict[str, str | None]:
        """Give what the login function of simple-salesforce takes."""
        common = {"consumer_key": self.consumer_key, "domain": self.domain}
        if self.auth == "jwt":
            key = {"privatekey": self.private_key} if self.private_key else {"privatekey_file": self.private_key_file}
            return common | {"username": self.username} | key
        return common | {"consumer_secret": self.consumer_secret}


@dataclass(frozen=True)
class CsvAnswer:
    """A page of rows as text; `next` asks for the one after it."""

    text: str
    next: str | None


@dataclass(frozen=True)
class Upload:
    """A body of two parts: what is asked for, and the zip it is about."""

    asked: Mapping[str, Any]
    zip: bytes


class SalesforceClient:
    """A session with one org, opened at the first call."""

    def __init__(
        self,
        credentials: SalesforceCredentials,
        clock: Clock,
        meter: Meter,
        base_url: str | None = None,
        ca_bundle: str | None = None,
        timeouts: Timeouts | None = None,
    ) -> None:
        self._credentials = credentials
        self._base = urlsplit(base_url).netloc if base_url else None
        self._session = mounted_session(base_url, ca_bundle, timeouts or Timeouts(), self._note_answer)
        self._status = 0
        self._session.hooks["response"].append(self._note_status)
        self._salesforce: Salesforce | None = None
        self._identity: Mapping[str, Any] | None = None
        self._meter = meter
        self._repeat = reading(clock)
        self.server_time: datetime | None = None
        """The org's clock, as its last answer told it."""

    def get(self, path: str, params: Mapping[str, str] | None = None) -> Any:
        """Read, repeating after a broken answer; raise what a reading step raises."""
        try:
            return self.read(path, params)
        except CallError as error:
            raise self.for_reader(error) from error

    def read(self, path: str, params: Mapping[str, str] | None = None) -> Any:
        """Read, repeating after a broken answer and when too many long calls run at once. Raise `CallError`."""
        return self._repeat(self._read, path, params)

    def _read(self, path: str, params: Mapping[str, str] | None) -> Any:
        try:
            answer = self.call("GET", path, params)
        except RefusedError as error:
            if is_crowded(error.code, error.message):
                raise NotSentError(error.message) from error
            raise
        if answer is None:
            raise LostAnswerError("a read that was answered with nothing")
        return answer

    def for_reader(self, error: CallError) -> LaterError | MendError:
        """Turn a failed call into what a reading step raises."""
        if isinstance(error, RefusedError) and error.code == QUOTA:
            return BudgetSpentError(f"Salesforce: {error.message}", hint="run again tomorrow")
        if isinstance(error, RefusedError) and error.code == NO_API:
            cure = "grant our user API Enabled, or move to an edition of Salesforce with API access"
            return CredentialError(f"Salesforce lets our user call no API: {error.message}", API_ENABLED, cure)
        return for_reader(error, self._where())

    def _where(self) -> Credentials:
        if self._credentials.auth == "jwt":
            cure = "the app must hold this key's certificate, and its policy must admit this user; see USERNAME, DOMAIN"
            return Credentials("Salesforce", "CONNECTOR_SALESFORCE__CONSUMER_KEY, …__PRIVATE_KEY_FILE", cure)
        cure = "copy both again from the connected app; client credentials need its My Domain in …__DOMAIN"
        return Credentials("Salesforce", "CONNECTOR_SALESFORCE__CONSUMER_KEY, …__CONSUMER_SECRET", cure)

    def query(self, soql: str) -> Iterator[dict[str, Any]]:
        """Yield every row, deleted and merged ones included, a page at a time."""
        page = self.get("queryAll/", {"q": soql})
        while True:
            yield from page["records"]
            if page["done"]:
                return
            page = self.get("query" + page["nextRecordsUrl"].partition("/query")[2])

    def call(self, method: str, path: str, params: Mapping[str, str] | None = None, body: Any = None) -> Any:
        """Make one call; a session that expired is renewed once. Raise `CallError`.

        A body of bytes is CSV, an `Upload` goes in parts, any other is JSON. The answer is JSON, a `CsvAnswer`, or None
        when it is empty.
        """
        try:
            return self._send(method, path, params, body)
        except RefusedError as error:
            if error.status != 401:
                raise
            self._salesforce = None
            return self._send(method, path, params, body)

    def without_login(self, path: str) -> Any:
        """Read what anybody may, from our instance where it is known, else from the login host."""
        login_host = f"{self._credentials.domain}.salesforce.com"
        host = self._salesforce.sf_instance if self._salesforce is not None else login_host

        def once() -> Any:
            try:
                return _content(self._session.get(f"https://{host}/{path}"))
            except (requests.RequestException, UnicodeDecodeError) as error:
                raise what_failed(error, self._base or host) from error

        try:
            return self._repeat(once)
        except CallError as error:
            raise self.for_reader(error) from error

    def who_am_i(self) -> Mapping[str, Any]:
        """Ask once who we run as, and in which org."""
        if self._identity is None:
            # The identity endpoint lies outside the versioned root that every path starts from.
            self._identity = self.get("../../oauth2/userinfo")
        return self._identity

    def _send(self, method: str, path: str, params: Mapping[str, str] | None, body: Any) -> Any:
        if self._salesforce is None:
            try:
                self._salesforce = self._log_in()
            except LostAnswerError as error:
                raise NotSentError(f"login: {error}") from error
        salesforce = self._salesforce
        if (why := self._meter.why_not()) is not None:
            raise RefusedError(403, QUOTA, why)
        self._meter.count()
        headers = {**salesforce.headers, "Accept": "application/json, text/csv"}
        content: dict[str, Any] = {} if body is None else {"json": body}
        if isinstance(body, bytes):
            headers["Content-Type"] = "text/csv; charset=UTF-8"
            content = {"data": body}
        elif isinstance(body, Upload):
            # The parts' boundary is named in the content type, which only the session that writes them knows.
            del headers["Content-Type"]
            asked = (None, json.dumps(body.asked), "application/json")
            content = {"files": {"json": asked, "file": ("deploy.zip", body.zip, "application/zip")}}
        try:
            answer = self._session.request(
                method, salesforce.base_url + path, params=params, headers=headers, **content
            )
            return _content(answer)
        except (requests.RequestException, UnicodeDecodeError) as error:
            raise what_failed(error, self._base or salesforce.sf_instance) from error

    def _log_in(self) -> Salesforce:
        with warnings.catch_warnings():
            # simple-salesforce prints an approval link beside the refusal that we raise ourselves.
            warnings.simplefilter("ignore")
            try:
                token, instance = SalesforceLogin(session=self._session, **self._credentials.login_arguments())
            except SalesforceAuthenticationFailed as error:
                raise _login_refused(error) from None  # its text may be a cut answer, with the token in it
            except requests.RequestException as error:
                raise what_failed(error, self._base or f"{self._credentials.domain}.salesforce.com") from error
            except (AttributeError, TypeError) as error:  # simple-salesforce takes any JSON for a token
                if self._status >= 500:
                    raise LostAnswerError(f"login answered HTTP {self._status}") from error
                raise RefusedError(401, "LOGIN_REFUSED", "the login host does not answer as Salesforce does") from error
            except (OSError, ValueError, PyJWTError) as error:
                raise RefusedError(401, "LOGIN_REFUSED", f"the private key cannot be used: {error}") from error
        return Salesforce(session_id=token, instance=instance, session=self._session, version=API_VERSION)

    def _note_status(self, answer: requests.Response, **_: Any) -> None:
        self._status = answer.status_code

    def _note_answer(self, headers: Mapping[str, str]) -> None:
        self.server_time = date_of(headers)
        told = _USAGE.search(headers.get("Sforce-Limit-Info", ""))
        if told is not None:
            self._meter.note(int(told[1]), int(told[2]))


def _content(answer: requests.Response) -> Any:
    """Read the content of an answer; raise what a refusal proves."""
    if answer.status_code >= 300:
        try:
            raise refusal(answer.status_code, answer.json())
        except requests.JSONDecodeError:
            raise refusal(answer.status_code, answer.text) from None
    if answer.headers.get("Content-Type", "").startswith("text/csv"):
        locator = answer.headers.get("Sforce-Locator")
        return CsvAnswer(answer.content.decode("utf-8-sig"), None if locator == "null" else locator)
    if answer.content:
        return answer.json()
    if answer.status_code == 204 or answer.request.method == "PUT":
        return None
    raise LostAnswerError(f"{answer.request.method}: a success without an answer")


def _login_refused(error: SalesforceAuthenticationFailed) -> CallError:
    code = str(error.code)
    is_unread = code.isdigit()  # an answer that is no JSON comes with its status, and with its whole text
    if error.code is None or (is_unread and (int(code) < 400 or int(code) >= 500)):
        return LostAnswerError(f"login answered without a token or a reason ({code})")
    if is_unread:
        return RefusedError(401, "LOGIN_REFUSED", f"login refused: HTTP {code}, without a reason that can be read")
    said = " ".join(error.auth_message.split())[:_SAID]
    return RefusedError(401, "LOGIN_REFUSED", f"login refused: {code} {said}".strip())
