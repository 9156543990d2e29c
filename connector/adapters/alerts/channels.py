"""Sends messages by apprise: mail, Slack, Teams, webhooks and many more, each by one address.

The address is a secret. Apprise says why it failed only in its log, which is silenced here: it may quote addresses.
"""

from __future__ import annotations

import logging

from connector.domain.errors import ConfigError, LaterError

FORMS = "write it as apprise does: mailto://user:password@host, slack://…, msteams://…, jsons://host/path"


class AppriseChannel:
    """One address."""

    def __init__(self, name: str, address: str) -> None:
        self.name = name
        self._address = address

    def send(self, subject: str, body: str) -> None:
        """Deliver a message; raise ConfigError for an address that is none, LaterError when it is not taken."""
        import apprise

        logging.getLogger("apprise").setLevel(logging.CRITICAL)
        variable = f"CONNECTOR_ALERTS__{self.name.upper()}"
        sender = apprise.Apprise()
        if not sender.add(self._address):
            raise ConfigError("this is no address of an alert channel", at=variable, hint=FORMS)
        if not sender.notify(body=body, title=subject, body_format=apprise.NotifyFormat.TEXT):
            cure = f"check {variable}; `connector alerts test` tries it again, and so does the next run"
            raise LaterError(f"the channel {self.name} did not take the message", at=variable, hint=cure)
