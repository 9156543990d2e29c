"""Connections, secrets and switches from `CONNECTOR_…` environment variables (nested with `__`).

Nothing here is ever written to YAML or logged: secrets are `SecretStr`, and `str()` of the settings shows stars. A
variable that is set but empty counts as not set, so that a copy of `.env.example` can be filled in line by line.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict, SettingsError

from connector.domain.errors import ConfigError, Problem

PREFIX = "CONNECTOR_"
DEFAULTS = Path(__file__).resolve().parent.parent / "defaults"
CHECKOUT = Path(__file__).resolve().parent.parent.parent


def shipped() -> Path:
    """The folder that holds the shipped `mappings/` and `playbooks/`: inside the wheel, or this checkout."""
    return DEFAULTS if (DEFAULTS / "mappings").is_dir() else CHECKOUT


class StripeSettings(BaseModel):
    """Stripe: a restricted, read-only key (`rk_…`)."""

    api_key: SecretStr | None = None
    base_url: str = "https://api.stripe.com"
    allow_secret_key: bool = False
    meter_calls: int = 2000


class SalesforceSettings(BaseModel):
    """Salesforce: JWT bearer (username, key, private key file) or client credentials (key, secret, domain)."""

    base_url: str | None = None
    auth: Literal["jwt", "client_credentials"] = "jwt"
    domain: str = "login"
    username: str | None = None
    consumer_key: SecretStr | None = None
    consumer_secret: SecretStr | None = None
    private_key_file: Path | None = None


class HubspotSettings(BaseModel):
    """HubSpot: a service key or private-app token, or an OAuth refresh token with its client."""

    base_url: str = "https://api.hubapi.com"
    access_token: SecretStr | None = None
    client_id: str | None = None
    client_secret: SecretStr | None = None
    refresh_token: SecretStr | None = None


class Settings(BaseSettings):
    """Everything the environment decides."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", extra="ignore", env_ignore_empty=True
    )

    home: Path = Field(default_factory=Path.cwd)
    state_dir: Path | None = None
    # A database URL may hold a password.
    ledger_url: str | None = Field(default=None, repr=False)
    warehouse_url: str | None = Field(default=None, repr=False)
    files_dir: Path | None = None
    source: Annotated[tuple[str, ...], NoDecode] = ("stripe",)
    crm: Literal["salesforce", "hubspot"] | None = None
    now: datetime | None = None
    ca_bundle: Path | None = None
    log: Literal["debug", "info", "warning", "error"] = "warning"
    stripe: StripeSettings = StripeSettings()
    salesforce: SalesforceSettings = SalesforceSettings()
    hubspot: HubspotSettings = HubspotSettings()

    @field_validator("source", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("now")
    @classmethod
    def _utc(cls, value: datetime | None) -> datetime | None:
        return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value

    @property
    def state(self) -> Path:
        """Folder of ledger, warehouse and snapshots."""
        return self.state_dir or self.home / ".connector"

    @property
    def ledger(self) -> str:
        """SQLAlchemy URL of the ledger."""
        return self.ledger_url or f"sqlite:///{self.state / 'ledger.db'}"

    @property
    def warehouse(self) -> str:
        """Path of the DuckDB file."""
        return (self.warehouse_url or str(self.state / "warehouse.duckdb")).removeprefix("duckdb:///")

    @property
    def files(self) -> Path:
        """Folder that relative file patterns of the `files` source start from."""
        return self.files_dir or self.home


def load_settings() -> Settings:
    """Read the environment; raise ConfigError that names every variable that is wrong, never its value."""
    try:
        return Settings()
    except ValidationError as invalid:
        raise ConfigError([_problem(error) for error in invalid.errors(include_input=False)]) from None
    except SettingsError as invalid:
        named = str(invalid).split('"')[1]  # the only hint it gives: error parsing value for field "stripe" …
        variable = PREFIX + named.upper()
        cure = f"unset {variable}; each setting of it has a variable of its own: {variable}__…"
        raise ConfigError(f"{variable}: holds several settings", at="environment", hint=cure) from None


def _problem(error: object) -> Problem:
    assert isinstance(error, dict)
    variable = PREFIX + "__".join(str(part) for part in error["loc"]).upper()
    return Problem(f"{variable}: {error['msg']}", at="environment", hint=f"export {variable}=… (see README, settings)")
