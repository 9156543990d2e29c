"""The image, built by carrying its recipe out step by step in an empty folder, and run on a root it cannot write to.

No engine is needed: the steps run in their order, each stage with an empty root. A namespace of its own then makes
everything read-only but the state's folder, as `docker run --read-only` does.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dockerfile_steps import Image, built
from tests.e2e.world import CHECKOUT, Site, World

LOCKED = """
mount --bind "$STATE" "$STATE" && mount -o remount,bind,ro / || exit 97
touch /written 2>/dev/null && exit 98
exec "$@"
"""


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    """What the recipe makes of this checkout."""
    place = Path(tempfile.mkdtemp(prefix="image-"))
    place.chmod(0o755)
    try:
        yield built(CHECKOUT / "Dockerfile", CHECKOUT, place / "root", place / "tools")
    finally:
        shutil.rmtree(place, ignore_errors=True)


def container(image: Image, *command: str, **env: str) -> list[str]:
    """A command on the image's root with nothing writable but its state."""
    return ["unshare", "--mount", "sh", "-c", LOCKED, "container", *command]


def environment(image: Image, world: World) -> dict[str, str]:
    """What a container is given: the image's own environment, and the connections."""
    given = world.environment() | {"CONNECTOR_HOME": str(image.root / "project")}
    return image.environment(
        **given | {"CONNECTOR_STATE_DIR": str(image.root / "state"), "STATE": str(image.root / "state")}
    )


def can_lock(image: Image) -> bool:
    done = subprocess.run(container(image, "true"), env={**os.environ, "STATE": str(image.root)}, check=False)
    return done.returncode == 0


@pytest.fixture
def mounted(image: Image, site: Site, tmp_path: Path) -> World:
    """A project and an installed portal's state, where a container finds them."""
    if not can_lock(image):
        pytest.skip("this user may not make a mount namespace, so no root can be made read-only")
    world = site.at("hubspot", "installed", tmp_path)
    for name, source in (("project", world.home), ("state", world.state)):
        shutil.rmtree(image.root / name)
        shutil.copytree(source, image.root / name)
    return world


def test_the_last_stage_holds_what_runs_and_no_more(image: Image) -> None:
    """Neither sources nor lock files nor the build's folder are in it; the command and its documents are."""
    here = sorted(str(path.relative_to(image.root)) for path in [*image.root.glob("*"), *image.root.glob("opt/*")])

    assert here == ["opt", "opt/connector", "project", "state"]
    assert (image.entrypoint, image.cmd) == (["connector"], ["run"])
    [defaults] = image.root.glob("opt/connector/lib/python*/site-packages/connector/defaults")
    assert sorted(path.name for path in defaults.iterdir()) == ["mappings", "playbooks"]
    shown = subprocess.run(
        ["connector", "--version"], env=image.environment(), capture_output=True, text=True, check=True
    )
    assert shown.stdout.startswith("connector ")


def test_a_sync_needs_nothing_writable_but_the_state(image: Image, mounted: World) -> None:
    """On a read-only root the whole job runs against the portal; what it leaves lies in the state's folder."""
    done = subprocess.run(
        container(image, "connector", "sync", "--json"),
        env=environment(image, mounted),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["delivered"]["ok"] > 10
    assert {path.name for path in (image.root / "state").iterdir()} >= {"ledger.db", "warehouse.duckdb", "runs"}


def test_the_service_beats_and_stops_cleanly(image: Image, mounted: World) -> None:
    """The health check fails before it runs, passes while it does; the stop signal ends it with 0."""
    env = environment(image, mounted)

    def healthy() -> int:
        return subprocess.run(image.healthcheck, env=env, capture_output=True, check=False).returncode

    before = healthy()
    command = container(image, *image.entrypoint, *image.cmd)
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as service:
        assert service.stdout is not None
        first = service.stdout.readline()
        during = healthy()
        service.send_signal(signal.SIGTERM)
        rest = service.stdout.read()

    assert (before, during) == (1, 0)
    assert first.startswith("jobs: ")
    assert rest == "stopped cleanly\n"
    assert service.returncode == 0
