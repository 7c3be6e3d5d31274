"""A node of a user that owns nothing: the tree is read-only for it, the state directory may be too."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pwd
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.faults.rig import START_TIMEOUT_S, NodeRig, followed, surroundings

pytestmark = [
    pytest.mark.timeout(180),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can start a node as another user"),
]
USER = "nobody"
STOP_TIMEOUT_S = 6.0


def environment(**more: str) -> dict[str, str]:
    """Nothing of ours but the search path of modules."""
    path = f"{ROOT}{os.pathsep}{sysconfig.get_paths()['purelib']}"
    return {
        "PATH": os.defpath,
        "HOME": "/nonexistent",
        "PYTHONPATH": path,
        "PYTHONDONTWRITEBYTECODE": "1",
        **more,
    }


@pytest.fixture(scope="module")
def interpreter() -> str:
    """A Python of our version that the other user may start; ours may lie in a home that is closed to it."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    for candidate in (sys.executable, shutil.which(f"python{version}", path="/usr/bin:/usr/local/bin")):
        if candidate is not None and _may_run(candidate):
            return candidate
    return pytest.skip(f"{USER} can start no Python {version} that finds the node's packages")


def _may_run(python: str) -> bool:
    try:
        done = subprocess.run(
            [python, "-c", "import numba, pydantic, grpc, edge"],
            env=environment(),
            cwd="/",
            user=USER,
            group=pwd.getpwnam(USER).pw_gid,
            extra_groups=[],
            capture_output=True,
            timeout=60,
            check=False,
        )
    except PermissionError:
        return False
    return done.returncode == 0


@pytest.fixture
def directory() -> Iterator[Path]:
    """A directory that every user may read; pytest's own are closed to others."""
    with tempfile.TemporaryDirectory(prefix="edge-user-") as name:
        path = Path(name)
        path.chmod(0o755)
        yield path


@contextlib.asynccontextmanager
async def node_of_nobody(rig: NodeRig, interpreter: str, **more: str) -> AsyncIterator[None]:
    """`edge run` as another user."""
    with (rig.site.parent / "logs" / "node.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *(interpreter, "-m", "edge.app", "run", str(rig.site)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            env=environment(**more),
            user=USER,
            group=pwd.getpwnam(USER).pw_gid,
            extra_groups=[],
        )
    try:
        yield
        process.terminate()
        assert await asyncio.wait_for(process.wait(), STOP_TIMEOUT_S) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_state_directory_of_the_service_manager_keeps_the_kernels(
    directory: Path, kernels: Path, interpreter: str
) -> None:
    state = directory / "given"
    shutil.copytree(kernels, state)  # what `edge warm` would have left there
    for path in (state, *state.rglob("*")):
        shutil.chown(path, USER)
    async with (
        surroundings(directory, cameras=False) as rig,
        followed(rig),
        node_of_nobody(rig, interpreter, STATE_DIRECTORY=str(state)),
    ):
        await rig.until(rig.shows_signals, timeout_s=START_TIMEOUT_S, what="signals")
        await rig.until(lambda: rig.scenes, timeout_s=START_TIMEOUT_S, what="a scene")
        assert rig.state("fusion.kernels") == ""
    assert list((state / "kernels").rglob("*.nbi"))
    assert not (directory / "state").exists()


async def test_without_any_directory_to_write_signals_and_fusion_work_and_health_says_why_it_took_longer(
    directory: Path, interpreter: str
) -> None:
    async with (
        surroundings(directory, cameras=False) as rig,
        followed(rig),
        node_of_nobody(rig, interpreter),
    ):
        signals_s = await rig.until(rig.shows_signals, timeout_s=START_TIMEOUT_S, what="signals")
        scene_s = await rig.until(lambda: rig.scenes, timeout_s=START_TIMEOUT_S, what="a scene")
        print(
            f"signals after {signals_s:.1f} s, the first scene {scene_s:.1f} s later: kernels compiled anew"
        )
        assert rig.state("fusion.kernels") == "degraded"
        assert str(directory / "state" / "kernels") in rig.message("fusion.kernels")
        assert "STATE_DIRECTORY" in rig.message("fusion.kernels")
        assert rig.shows_signals()
