"""Whether billing can be read is tried on each stream: a permission, a file, a column, an age."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from billing_bench import FakeClock
from stripe_shop import Shop

from connector.adapters.sources.files import FilesInspector
from connector.adapters.sources.stripe import Limits, StripeClient, StripeInspector
from connector.domain.billing import FileSet, FilesMapping
from connector.domain.errors import CredentialError, UnreachableError
from connector.domain.inspection import Probe
from connector.sandbox.control import Fault
from connector.sandbox.stripe import credentials

STREAMS = ["products", "prices", "coupons", "customers", "subscriptions", "invoices", "meters", "events", "key"]
ACCOUNTS = FileSet(files=["a*.csv"], columns={"account_id": "id", "name": "name"})


def stripe(shop: Shop, clock: FakeClock, key: str | None = None) -> list[Probe]:
    """Try a Stripe account."""
    key = key or credentials()["api_key"]
    client = StripeClient(key, clock, shop.url, limits=Limits(attempts=2))
    return list(StripeInspector(client, key).probes(datetime.now(UTC)))


def files(folder: Path, mapping: FilesMapping, now: datetime | None = None) -> list[Probe]:
    """Try a folder."""
    return list(FilesInspector(mapping, folder).probes(now or datetime.now(UTC)))


def test_a_whole_key_reads_every_stream(shop: Shop, clock: FakeClock) -> None:
    """Each stream of a pull is tried once, with one row, and nothing is wrong."""
    shop.control.requests.clear()

    probes = stripe(shop, clock)

    assert [probe.stream for probe in probes] == STREAMS
    assert [probe for probe in probes if probe.problem or probe.warning] == []
    assert {one["query"] for one in shop.control.requests} == {"limit=1"}
    assert {one["method"] for one in shop.control.requests} == {"GET"}


@pytest.mark.parametrize(
    ("permission", "stream"),
    [("rak_customer_read", "customers"), ("rak_event_read", "events"), ("rak_product_read", "products")],
)
def test_a_missing_permission_is_named(shop: Shop, clock: FakeClock, permission: str, stream: str) -> None:
    """The one stream that it opens cannot be read, the first one included; the cure names it."""
    shop.control.switches["missing_permissions"] = [permission]

    broken = [probe for probe in stripe(shop, clock) if probe.problem]

    assert [probe.stream for probe in broken] == [stream]
    assert permission in broken[0].cure


def test_a_wrong_key_is_told_once(shop: Shop, clock: FakeClock) -> None:
    """A key that Stripe does not know is no missing permission."""
    with pytest.raises(CredentialError, match="refused the API key"):
        stripe(shop, clock, "rk_test_wrong")


def test_a_secret_key_is_more_than_needed(shop: Shop, clock: FakeClock) -> None:
    """A key that can do anything is a warning; that of test mode is told as such."""
    key = "sk_test_" + "x" * 20
    client = StripeClient(credentials()["api_key"], clock, shop.url)

    told = list(StripeInspector(client, key).probes(datetime.now(UTC)))[-1]

    assert told.seen == "secret key, test mode"
    assert "restricted" in told.warning


def test_stripe_that_is_down_is_told_once(shop: Shop, clock: FakeClock) -> None:
    """No stream is blamed for a host that does not answer."""
    shop.control.faults.append(Fault(status=503, times=None))

    with pytest.raises(UnreachableError):
        stripe(shop, clock)


def test_files_that_can_be_read_tell_their_age(tmp_path: Path) -> None:
    """The newest file of a set counts."""
    for name, days in (("a1.csv", 9), ("a2.csv", 3)):
        (tmp_path / name).write_text("id,name\n1,Acme\n", "utf-8")
        then = time.time() - days * 86_400
        os.utime(tmp_path / name, (then, then))

    (probe,) = files(tmp_path, FilesMapping(accounts=[ACCOUNTS]))

    assert (probe.problem, probe.warning) == ("", "")
    assert probe.seen == "2 files of a*.csv, the newest 3 days old"


@pytest.mark.parametrize(
    ("text", "problem"),
    [("id,title\n1,Acme\n", "has no column 'name'"), ("", "has no column 'id'"), ("id;name\n1;Acme\n", "'id'")],
)
def test_a_file_that_does_not_fit_the_mapping(tmp_path: Path, text: str, problem: str) -> None:
    """The first row is enough to see a wrong column or delimiter."""
    (tmp_path / "a.csv").write_text(text, "utf-8")

    (probe,) = files(tmp_path, FilesMapping(accounts=[ACCOUNTS]))

    assert problem in probe.problem
    assert probe.cure


def test_a_file_in_another_encoding(tmp_path: Path) -> None:
    """Bytes that are no text of the mapped encoding are seen, with what Excel writes."""
    (tmp_path / "a.csv").write_bytes("id,name\n1,Café\n".encode("cp1252"))

    (probe,) = files(tmp_path, FilesMapping(accounts=[ACCOUNTS]))

    assert "is not written in utf-8" in probe.problem
    assert "cp1252" in probe.cure


def test_a_file_that_our_user_may_not_read(tmp_path: Path) -> None:
    """A file without permission is told by its name, not by an exception."""
    (tmp_path / "a.csv").mkdir()

    (probe,) = files(tmp_path, FilesMapping(accounts=[ACCOUNTS]))

    assert probe.problem.startswith("a.csv: ")


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    """One problem, with the variable."""
    (probe,) = files(tmp_path / "gone", FilesMapping(accounts=[ACCOUNTS]))

    assert "there is no folder" in probe.problem
    assert probe.where == "CONNECTOR_FILES_DIR"


def test_one_form_of_a_stream_is_enough(tmp_path: Path) -> None:
    """Usage as CSV or Parquet: what is not there is missed only if neither is."""
    usage = {"account_id": "a", "day": "d", "metric": "m", "value": "v"}
    mapping = FilesMapping(
        usage=[
            FileSet(files=["u*.csv"], columns=usage),
            FileSet(files=["u*.parquet"], format="parquet", columns=usage),
        ]
    )
    before = files(tmp_path, mapping)
    (tmp_path / "u.csv").write_text("a,d,m,v\n", "utf-8")

    after = files(tmp_path, mapping)

    assert [probe.warning for probe in before] == [f"no file matches u*.csv, u*.parquet in {tmp_path}"]
    assert [probe.warning for probe in after] == [""]


def test_usage_that_stopped_coming(tmp_path: Path) -> None:
    """A usage file older than its lag and two days is told; one that is within is not."""
    usage = FileSet(files=["u.csv"], columns={"account_id": "a", "day": "d", "metric": "m", "value": "v"})
    (tmp_path / "u.csv").write_text("a,d,m,v\n", "utf-8")
    mapping = FilesMapping(usage=[usage], usage_lag_hours=24)
    now = datetime.now(UTC)

    (fresh,) = files(tmp_path, mapping, now + timedelta(hours=70))
    (late,) = files(tmp_path, mapping, now + timedelta(hours=80))

    assert fresh.warning == ""
    assert late.warning == "nothing new for 3 days"
