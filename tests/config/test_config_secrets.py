"""Secrets are found wherever a machine keeps them, in one documented order, and are never accepted from YAML."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked

from connector.cli.boundary import redact
from connector.config.project import load_project
from connector.config.settings import load_settings, shipped, unknown_variables
from connector.domain.errors import ConfigError

KEY = "CONNECTOR_STRIPE__API_KEY"
Set = Callable[[str, str], None]


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the machine the tests run on."""
    for name in [name for name in os.environ if name.startswith("CONNECTOR_")]:
        monkeypatch.delenv(name)


class Memory(KeyringBackend):
    """A backend of the real library that keeps its entries in memory, and may be locked."""

    priority = 1  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.held: dict[tuple[str, str], str] = {}
        self.is_locked = False

    def get_password(self, service: str, username: str) -> str | None:
        """Give what was set."""
        if self.is_locked:
            raise KeyringLocked("Failed to unlock the collection!\nTry again")
        return self.held.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        """Keep it."""
        self.held[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        """Forget it."""
        del self.held[service, username]


@pytest.fixture
def ring() -> Iterator[Memory]:
    """The operating system's keyring, for this test."""
    before, made = keyring.get_keyring(), Memory()
    keyring.set_keyring(made)
    yield made
    keyring.set_keyring(before)


def _file(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def _stripe_key() -> str | None:
    key = load_settings().stripe.api_key
    return key.get_secret_value() if key else None


def test_the_environment_wins_then_the_folder_then_the_keyring(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ring: Memory
) -> None:
    """Taking away the first place lets the next one speak."""
    ring.held["expansion", KEY] = "rk_test_keyring"
    folder = _file(tmp_path / "secrets", "connector_stripe__api_key", "rk_test_folder\n").parent
    monkeypatch.setenv(KEY, "rk_test_exported")
    monkeypatch.setenv("CONNECTOR_SECRETS_DIR", str(folder))
    monkeypatch.setenv("CONNECTOR_KEYRING", "expansion")

    found = [_stripe_key()]
    monkeypatch.delenv(KEY)
    found.append(_stripe_key())
    monkeypatch.delenv("CONNECTOR_SECRETS_DIR")
    found.append(_stripe_key())
    monkeypatch.delenv("CONNECTOR_KEYRING")
    found.append(_stripe_key())

    assert found == ["rk_test_exported", "rk_test_folder", "rk_test_keyring", None]


def test_a_file_may_hold_a_secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """…_FILE names it; the line's end does not count."""
    monkeypatch.setenv(KEY + "_FILE", str(_file(tmp_path, "key", "rk_test_in_a_file\r\n")))

    assert _stripe_key() == "rk_test_in_a_file"


def test_a_private_key_may_lie_in_the_folder_of_secrets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Kubernetes mounts it as a file named like the variable; older versions lie in hidden folders."""
    pem = "-----BEGIN PRIVATE KEY-----\nMIIabcdefgh\n-----END PRIVATE KEY-----"
    real = _file(tmp_path / "..2026", "CONNECTOR_SALESFORCE__PRIVATE_KEY", pem + "\n")
    (tmp_path / "CONNECTOR_SALESFORCE__PRIVATE_KEY").symlink_to(real)
    monkeypatch.setenv("CONNECTOR_SECRETS_DIR", str(tmp_path))

    found = load_settings().salesforce.private_key

    assert found is not None
    assert found.get_secret_value() == pem
    assert "MIIabcdefgh" not in redact("it said MIIabcdefgh")


def test_a_value_may_name_an_entry_of_the_keyring(monkeypatch: pytest.MonkeyPatch, ring: Memory) -> None:
    """keyring:SERVICE/NAME is looked up, and cut out of what is shown like any other secret."""
    ring.held["acme/billing", "stripe"] = "rk_test_looked_up"
    monkeypatch.setenv(KEY, "keyring:acme/billing/stripe")

    assert _stripe_key() == "rk_test_looked_up"
    assert redact("key rk-test rk_test_looked_up!") == "key rk-test ***!"


def test_a_secret_from_a_file_is_never_shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Redaction knows what was read, wherever it stood, in the forms a text may hold it in."""
    monkeypatch.setenv("CONNECTOR_HUBSPOT__CLIENT_SECRET_FILE", str(_file(tmp_path, "secret", "plain&word/9")))
    load_settings()

    assert redact("a plain&word/9 b plain%26word%2F9 c") == "a *** b *** c"


@pytest.mark.parametrize(
    ("variables", "said", "cure"),
    [
        ({KEY: "rk_test_1", KEY + "_FILE": "{here}/key"}, f"{KEY} and {KEY}_FILE are both set", "unset one"),
        ({KEY + "_FILE": "{here}/gone"}, "gone cannot be read: No such file", "name a file that is there"),
        ({KEY + "_FILE": "{here}/empty"}, "empty is empty", "write the secret into it"),
        ({KEY + "_FILE": "{here}/large"}, "large is too large", "65,536 bytes"),
        ({KEY + "_FILE": "{here}/binary"}, "binary holds no text", "as UTF-8"),
        ({"CONNECTOR_SECRETS_DIR": "{here}/nowhere"}, "there is no folder", "Docker or Kubernetes mounts"),
        ({"CONNECTOR_SECRETS_DIR": "{here}/twice"}, "say the same", "keep one"),
        ({KEY: "keyring:name"}, "names no entry of the keyring", "keyring:SERVICE/NAME"),
        ({KEY: "keyring:acme/stripe"}, "the keyring holds nothing for acme/stripe", "keyring set acme stripe"),
        ({"CONNECTOR_ALERTS": '{"a": "b"}'}, "CONNECTOR_ALERTS: holds several settings", "CONNECTOR_ALERTS__SLACK"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_cure(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    ring: Memory,
    variables: dict[str, str],
    said: str,
    cure: str,
) -> None:
    """A secret that is configured and not there is an error, not one that is not set."""
    _file(tmp_path, "key", "rk_test_2")
    _file(tmp_path, "empty", "\n")
    _file(tmp_path, "large", "x" * 70_000)
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    for name in (KEY, KEY.lower()):
        _file(tmp_path / "twice", name, "rk_test_3")
    for name, value in variables.items():
        monkeypatch.setenv(name, value.format(here=tmp_path) if "{here}" in value else value)

    with pytest.raises(ConfigError) as refused:
        load_settings()

    assert said in str(refused.value)
    assert cure in str(refused.value)


def test_without_the_library_the_keyring_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an extra: what to install is said."""
    monkeypatch.setitem(sys.modules, "keyring", None)
    monkeypatch.setenv("CONNECTOR_KEYRING", "expansion")

    with pytest.raises(ConfigError, match=r"expansion-connector\[keyring\]"):
        load_settings()


def test_a_keyring_that_refuses_is_no_bug(monkeypatch: pytest.MonkeyPatch, ring: Memory) -> None:
    """A locked keyring, or a machine without one, is said with what to do."""
    ring.is_locked = True
    monkeypatch.setenv(KEY, "keyring:acme/stripe")

    with pytest.raises(ConfigError, match=r"cannot be asked: Failed to unlock the collection!\n.*unlock it"):
        load_settings()


def test_a_misspelt_file_of_the_folder_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It would count as not set."""
    file = _file(tmp_path, "connector_stripe__api_kee", "x")
    _file(tmp_path, "database_password", "not ours")
    monkeypatch.setenv("CONNECTOR_SECRETS_DIR", str(tmp_path))

    [told] = unknown_variables()

    assert told.at == str(file)
    assert told.hint == f"did you mean {KEY}?"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A copy of the shipped project."""
    for name in ("mappings", "playbooks"):
        for file in (shipped() / name).rglob("*.yaml"):
            copy = tmp_path / file.relative_to(shipped())
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(file.read_text("utf-8"), encoding="utf-8")
    return tmp_path


def test_the_shipped_project_holds_no_secret(home: Path) -> None:
    """Nothing that is shipped looks like one."""
    assert load_project(home, ["stripe", "files"], "salesforce").catalogue.offers


@pytest.mark.parametrize(
    ("document", "line", "column", "variable"),
    [
        ("playbooks/policy.yaml", "# key: sk" + "_live_4eC39HqLyjWDarjt", 8, KEY),
        ("playbooks/policy.yaml", "api: rk" + "_test_4eC39HqLyjWDarjt", 6, KEY),
        ("mappings/hubspot.yaml", "note: pat" + "-na1-0123abcd-4567", 7, "CONNECTOR_HUBSPOT__ACCESS_TOKEN"),
        ("mappings/hubspot.yaml", "  x: 00D5g0000012345!AQEAQ.abcdefgh", 6, "CONNECTOR_SALESFORCE__"),
        ("mappings/other.yaml", "t: eyJhbGciOiJIUzI1.eyJzdWIiOiIxMjM0.SflKxwRJ", 4, "CONNECTOR_"),
        ("mappings/catalog.yaml", "-----BEGIN RSA PRIVATE KEY-----", 1, "CONNECTOR_SALESFORCE__PRIVATE_KEY_FILE"),
        ("mappings/billing/files.yaml", "url: postgresql://ana:hunter2@host/db", 19, "CONNECTOR_"),
        ("playbooks/schedule.yaml", "slack: https://hooks.slack.com/services/T0/B0/x", 8, "CONNECTOR_ALERTS__"),
        ("playbooks/schedule.yaml", "  password: hunter2", 3, "CONNECTOR_"),
        ("playbooks/schedule.yaml", "{client_secret: 'hunter2'}", 2, "CONNECTOR_"),
        ("playbooks/schedule.yml", "my_api_key: hunter2", 1, "CONNECTOR_"),
        ("playbooks/schedule.yml", "Refresh_Token: hunter2", 1, "CONNECTOR_"),
        ("playbooks/schedule.yml", "sessionid: hunter2", 1, "CONNECTOR_"),
    ],
)
def test_a_secret_in_yaml_is_refused_with_its_place(
    home: Path, document: str, line: str, column: int, variable: str
) -> None:
    """In any document of the project, read or not, in a comment too; the message never shows it."""
    file = home / document
    before = file.read_text("utf-8") if file.exists() else ""
    file.write_text(f"{before}{line}\n", encoding="utf-8")
    place = f"{document}:{before.count(chr(10)) + 1}:{column}"

    with pytest.raises(ConfigError) as refused:
        load_project(home, ["stripe"], "hubspot")

    [told] = [problem for problem in refused.value.problems if problem.at == place and "stands in" in problem.message]
    assert variable in str(told.hint)
    assert "hunter2" not in str(told)
    assert line.rsplit(maxsplit=1)[-1] not in str(told)


def test_a_secret_of_the_settings_is_known_in_yaml(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    """It need not look like one."""
    monkeypatch.setenv("CONNECTOR_HUBSPOT__CLIENT_SECRET", "Plain-words-only")
    load_settings()
    file = home / "playbooks/policy.yaml"
    file.write_text(file.read_text("utf-8") + "# Plain-words-only\n", encoding="utf-8")

    with pytest.raises(ConfigError, match="a secret that the settings hold stands in a file"):
        load_project(home, ["stripe"], "hubspot")


@pytest.mark.parametrize(
    "line",
    ["# password: see the README", "# ask for the api_key", "# https://example.com/a:b@c", "# sk_live", "# eyJ.a.b"],
)
def test_what_only_speaks_of_secrets_is_let_be(home: Path, line: str) -> None:
    """A word, an address with a colon, a prefix alone are no secret."""
    file = home / "playbooks/policy.yaml"
    file.write_text(file.read_text("utf-8") + line + "\n", encoding="utf-8")

    assert load_project(home, ["stripe"], "hubspot").policy
