"""Connections, secrets and switches from `CONNECTOR_…` variables (nested with `__`), wherever they are kept.

`secrets` decides where a value is looked for: environment, files, a folder of secrets, keyring.
Nothing here is ever written to YAML or logged: secrets are `SecretStr`, and `str()` of the settings shows stars. A
variable that is set but empty counts as not set, so that a copy of `.env.example` can be filled in line by line.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, Field, SecretStr, ValidationError, field_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from connector.config.secrets import (
    CHANNELS,
    FILE,
    KEYRING,
    LEDGER_URL,
    PREFIX,
    SECRETS_DIR,
    gathered,
    variables_in_use,
)
from connector.domain.errors import ConfigError, Problem

DEFAULTS = Path(__file__).resolve().parent.parent / "defaults"
CHECKOUT = Path(__file__).resolve().parent.parent.parent
FOR_TESTS = "CONNECTOR_TEST_DATA"
DAY = re.compile(r"\d{4}-\d\d-\d\d")
SQLITE_FILE = re.compile(r"sqlite(?:\+\w+)?:///(?!:memory:)([^?]+)")
KEY = re.compile(r"[!-~]+")
"""What a key may hold: it travels in a header."""


def shipped() -> Path:
    """The folder that holds the shipped `mappings/` and `playbooks/`: inside the wheel, or this checkout."""
    return DEFAULTS if (DEFAULTS / "mappings").is_dir() else CHECKOUT


def whole_day(text: str) -> str:
    """A day alone means its last second: what happened on it counts."""
    return f"{text}T23:59:59" if DAY.fullmatch(text) else text


def _web_address(url: str) -> str:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise PydanticCustomError("base_url", "is no web address: write it like https://api.example.com")
    return url


def _key(secret: SecretStr) -> SecretStr:
    if not KEY.fullmatch(secret.get_secret_value()):
        raise PydanticCustomError("key", "holds a space, a line break or a letter that no key has: copy it again")
    return secret


def _pem(secret: SecretStr) -> SecretStr:
    if "PRIVATE KEY-----" not in secret.get_secret_value():
        raise PydanticCustomError("pem", "is no private key: it begins with -----BEGIN PRIVATE KEY-----")
    return secret


def _there(path: Path) -> Path:
    if not path.exists():
        raise PydanticCustomError("missing", "there is no such file")
    return path


BaseUrl = Annotated[str, AfterValidator(_web_address)]
Key = Annotated[SecretStr, AfterValidator(_key)]
Pem = Annotated[SecretStr, AfterValidator(_pem)]


class StripeSettings(BaseModel):
    """Stripe: a restricted, read-only key (`rk_…`)."""

    api_key: Key | None = None
    base_url: BaseUrl = "https://api.stripe.com"
    allow_secret_key: bool = False
    meter_calls: int = Field(default=2000, ge=0)


class SalesforceSettings(BaseModel):
    """Salesforce: JWT bearer (username, key, private key file) or client credentials (key, secret, domain)."""

    base_url: BaseUrl | None = None
    auth: Literal["jwt", "client_credentials"] = "jwt"
    domain: str = "login"
    username: str | None = None
    consumer_key: Key | None = None
    consumer_secret: Key | None = None
    private_key: Pem | None = None
    private_key_file: Path | None = None


class HubspotSettings(BaseModel):
    """HubSpot: a service key or private-app token, or an OAuth refresh token with its client."""

    base_url: BaseUrl = "https://api.hubapi.com"
    access_token: Key | None = None
    client_id: str | None = None
    client_secret: Key | None = None
    refresh_token: Key | None = None


class _Everywhere(EnvSettingsSource):
    """Variables from every place they may be kept in, as if all of them were exported."""

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return {name.lower(): value for name, value in gathered(os.environ, list(_variables()), SECRETS).items()}


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
    usage_url: SecretStr | None = None
    """Engine and table that hold usage, where it does not come from a billing source."""
    files_dir: Path | None = None
    source: Annotated[tuple[str, ...], NoDecode] = ("stripe",)
    crm: Literal["salesforce", "hubspot"] | None = None
    env: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,40}$")] | None = None
    """Names the overrides that are laid over the documents: `mappings/<crm>.<env>.yaml`."""
    now: datetime | None = None
    ca_bundle: Annotated[Path, AfterValidator(_there)] | None = None
    log: Literal["debug", "info", "warning", "error"] = "warning"
    stripe: StripeSettings = StripeSettings()
    salesforce: SalesforceSettings = SalesforceSettings()
    hubspot: HubspotSettings = HubspotSettings()
    alerts: dict[str, SecretStr] = Field(default_factory=dict)
    """Channel → its address, as playbooks/alerts.yaml names them."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 ours reads the environment and more
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 the shell loads `.env`
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 ours reads them
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, _Everywhere(settings_cls)

    @field_validator("source", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("now", mode="before")
    @classmethod
    def _whole_day(cls, value: object) -> object:
        return whole_day(value) if isinstance(value, str) else value

    @property
    def state(self) -> Path:
        """Folder of ledger, warehouse and snapshots."""
        return self.state_dir or self.home / ".connector"

    @property
    def ledger(self) -> str:
        """SQLAlchemy URL of the ledger."""
        return self.ledger_url or f"sqlite:///{self.state / 'ledger.db'}"

    @property
    def ledger_file(self) -> Path | None:
        """File of the ledger, where it is one."""
        named = SQLITE_FILE.match(self.ledger)
        return Path(named[1]) if named else None

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


def unknown_variables() -> Iterator[Problem]:
    """Name every variable with our prefix that no setting reads: a misspelt one would count as not set."""
    known = [*_variables(), *(name + FILE for name in SECRETS), KEYRING, SECRETS_DIR]
    for name, place in sorted(variables_in_use().items()):
        if name.upper() not in {*known, FOR_TESTS} and not name.upper().startswith(CHANNELS):
            near = get_close_matches(name.upper(), known, 1)
            yield Problem(f"{name} is no setting", place, f"did you mean {near[0]}?" if near else "unset it")


def _variables() -> Iterator[str]:
    for name, _ in _fields():
        yield name


def _fields() -> Iterator[tuple[str, Any]]:
    """Give each variable with its field."""
    for name, field in Settings.model_fields.items():
        group = field.annotation
        if isinstance(group, type) and issubclass(group, BaseModel):
            yield from ((f"{PREFIX}{name}__{inner}".upper(), one) for inner, one in group.model_fields.items())
        else:
            yield f"{PREFIX}{name}".upper(), field


SECRETS = frozenset(
    name
    for name, field in _fields()
    if ("SecretStr" in str(field.annotation) and name != CHANNELS.rstrip("_")) or name == LEDGER_URL
)
"""Variables that hold secrets. The ledger's URL may hold a password."""


def _problem(error: object) -> Problem:
    assert isinstance(error, dict)
    variable = PREFIX + "__".join(str(part) for part in error["loc"]).upper()
    return Problem(f"{variable}: {error['msg']}", at="environment", hint=f"export {variable}=… (see README, settings)")
