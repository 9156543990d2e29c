"""What of settings and documents may be shown: values that are harmless, lines where they were, nobody's words."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from connector.config.settings import HubspotSettings, SalesforceSettings, Settings, shipped
from connector.config.sharing import document_shown, settings_shown

DOCUMENTS = sorted(path for part in ("mappings", "playbooks") for path in (shipped() / part).rglob("*.yaml"))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_a_shipped_document_keeps_its_meaning_and_lines(path: Path) -> None:
    """Without comments it says the same, on the same lines."""
    text = path.read_text("utf-8")

    shown = document_shown(text)

    assert yaml.safe_load(shown) == yaml.safe_load(text)
    assert shown.count("\n") == text.count("\n")
    assert not any(line.lstrip().startswith("#") for line in shown.splitlines())


def test_comments_owners_and_scope_are_left_out() -> None:
    """Hashes inside texts are no comments; whom the connector serves and whose a record is, is hidden."""
    text = (
        "# ask Ana Ruiz\n"
        "a: 'x # y' # Bob\n"
        "owners:\n"
        "  default: maria@example.com\n"
        "  languages: {paul@example.com: fr}\n"
        "scope: {accounts: [Acme, 'Beta # co'], all: false}\n"
        "b: |\n"
        "  a # stays\n"
        "c: 1 # Eve\n"
    )

    assert document_shown(text) == (
        "\n"
        "a: 'x # y'\n"
        "owners:\n"
        "  default: hidden\n"
        "  languages: {hidden: hidden}\n"
        "scope: {accounts: [hidden, hidden], all: false}\n"
        "b: |\n"
        "  a # stays\n"
        "c: 1\n"
    )


@pytest.mark.parametrize("text", ["a: [1\n", "a: *nowhere\n", "\ta: 1\n", "!", "a: \x00\n"])
def test_what_cannot_be_read_is_not_shown(text: str) -> None:
    """A document that is no YAML may hold anything: nothing of it is shown."""
    assert "Ana" not in document_shown(f"{text}# Ana Ruiz\n")


@given(st.text(max_size=200))
def test_no_text_is_an_exception(text: str) -> None:
    """Whatever stands in a file, showing it ends."""
    assert isinstance(document_shown(text), str)


def test_settings_show_only_what_is_harmless() -> None:
    """Keys, names and places are `is set`; hosts lose what stands before them; a ledger's address its password."""
    settings = Settings(
        crm="salesforce",
        source=("stripe", "files"),
        ledger_url="postgresql://ana:hunter2@db.example.com/ledger",
        salesforce=SalesforceSettings(username="ana@example.com", consumer_key=SecretStr("3MVG9x"), auth="jwt"),
        hubspot=HubspotSettings(
            access_token=SecretStr("pat-eu1-x"), base_url="https://ana:pw@proxy.example.com:8443/x"
        ),
    )

    assert settings_shown(settings) == {
        "CONNECTOR_CRM": "salesforce",
        "CONNECTOR_SOURCE": "stripe,files",
        "CONNECTOR_LEDGER_URL": "postgresql, the rest is not shown",
        "CONNECTOR_SALESFORCE__USERNAME": "is set",
        "CONNECTOR_SALESFORCE__CONSUMER_KEY": "is set",
        "CONNECTOR_SALESFORCE__AUTH": "jwt",
        "CONNECTOR_HUBSPOT__ACCESS_TOKEN": "is set",
        "CONNECTOR_HUBSPOT__BASE_URL": "https://proxy.example.com:8443",
    }
