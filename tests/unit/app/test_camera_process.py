"""What leaves a camera process: detections, health and events, never a picture."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import av
import numpy as np
import pytest

from edge.app.camera_parts import Models
from edge.app.camera_process import CameraWork, _run_cameras
from edge.app.child_process import ChildProcess
from edge.app.demo_site import free_ports, write_site
from edge.config import SiteConfig, load_site
from edge.core.detections import Detections
from edge.core.health import HealthState
from edge.core.stamp import Stamp, TimeSource
from edge.flow.link import Kind
from edge.flow.pack import pack, unpack
from edge.ports import Frame
from tests.unit.perception.graphs import raw_rows, save_constant

CAR = 2
SIZE = (480, 288)
LARGEST_BYTES = 8_000
"""Twenty detections; a picture of 96 x 64 is more than twice that."""


class Front:
    """Takes what a child sends."""

    def __init__(self) -> None:
        self.child = ChildProcess()
        self.child.send = self.take  # type: ignore[method-assign]
        self.sent: list[tuple[Kind, bytes]] = []

    def take(self, kind: Kind, payload: bytes) -> None:
        self.sent.append((kind, payload))

    def cameras(self) -> Counter[str]:
        """How many scans came of each camera."""
        return Counter(unpack(p, Detections).sensor for kind, p in self.sent if kind is Kind.DETECTIONS)


def clip(path: Path, *, frames: int) -> Path:
    """Noise, of which no eight octets are alike."""
    rng = np.random.default_rng(1)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=10)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "bgr0"
        for _ in range(frames):
            picture = rng.integers(0, 256, (SIZE[1], SIZE[0], 3), dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode())
    return path


def frame(number: int) -> Frame:
    picture = np.random.default_rng(number).integers(0, 256, (SIZE[1], SIZE[0], 3), dtype=np.uint8)
    stamp = Stamp(10**18 + number * 10**8, TimeSource.SENSOR)
    return Frame(picture, stamp, stamp.capture_ns, number)


@pytest.fixture
def site(tmp_path: Path) -> SiteConfig:
    """Two cameras of one group whose detector sees a car wherever it looks."""
    save_constant(tmp_path / "car.onnx", raw_rows([(48.0, 40.0, 12.0, 10.0, 0.9, CAR)]))
    path = write_site(tmp_path, free_ports())
    text = path.read_text(encoding="utf-8").replace('model = "roadside-nano"', 'model = "car.onnx"')
    path.write_text(text.replace("[[camera]]\n", '[[camera]]\ngroup = "poles"\n'), encoding="utf-8")
    loaded = load_site(path)
    return loaded.model_copy(update={"camera": tuple(each for each in loaded.camera if each.detects)})


def test_no_picture_and_no_part_of_one_is_sent(site: SiteConfig) -> None:
    front = Front()
    work = CameraWork(site, site.camera[0], front.child, models=Models())
    pictures = [frame(number) for number in range(5)]
    for shown in pictures:
        found = work.process(shown)
        assert found is not None
        assert len(found) == 1
        front.take(Kind.DETECTIONS, pack(found))
    front.child.report()
    assert {kind for kind, _ in front.sent} <= {Kind.DETECTIONS, Kind.HEALTH, Kind.EVENT}
    for _, payload in front.sent:
        assert len(payload) < LARGEST_BYTES
        for shown in pictures:
            row = shown.image[100].tobytes()
            assert not any(row[at : at + 8] in payload for at in range(0, len(row) - 8, 8))


async def run_until(site: SiteConfig, front: Front, scans: int) -> None:
    """Run the site's cameras until each that can has told so many scans, or one says what is wrong."""
    work = asyncio.create_task(_run_cameras(site, list(site.camera), front.child))
    try:
        async with asyncio.timeout(30):
            while not front.cameras() or min(front.cameras().values()) < scans:
                assert not work.done(), work.exception()
                await asyncio.sleep(0.05)
            await asyncio.sleep(0)
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)


def with_sources(site: SiteConfig, sources: list[str]) -> SiteConfig:
    cameras = tuple(
        camera.model_copy(update={"source": source})
        for camera, source in zip(site.camera, sources, strict=True)
    )
    return site.model_copy(update={"camera": cameras})


async def test_cameras_of_a_group_deliver_on_one_session_and_a_dead_one_holds_nobody(
    site: SiteConfig, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    film = clip(tmp_path / "noise.mkv", frames=12)
    names = [camera.name for camera in site.camera]
    front = Front()
    alive = [f"file:{film}?pace=fast&loop=1"] * len(names)
    await run_until(with_sources(site, alive), front, scans=8)
    assert set(front.cameras()) == set(names)
    front = Front()
    with caplog.at_level("WARNING"):
        await run_until(with_sources(site, [*alive[1:], f"file:{tmp_path}/absent.mkv"]), front, scans=8)
    assert set(front.cameras()) == set(names[:-1])
    assert front.child.board.state(f"camera.{names[-1]}.source") is HealthState.DOWN


def test_models_of_one_file_share_a_session_and_keep_their_thresholds(site: SiteConfig) -> None:
    from edge.app.camera_parts import projection_of

    models, (first, second) = Models(), site.camera[:2]
    projection = projection_of(first, site, image_size=SIZE)
    one = models.open(first, projection)
    two = models.open(second.model_copy(update={"confidence": 0.95}), projection)
    assert one.runtime is two.runtime  # type: ignore[attr-defined]
    assert (len(one.detect(frame(0).image).confidence), len(two.detect(frame(0).image).confidence)) == (1, 0)


def test_gated_frames_tell_nothing(site: SiteConfig, tmp_path: Path) -> None:
    save_constant(tmp_path / "nobody.onnx", raw_rows([]))
    config = site.camera[0].model_copy(
        update={"motion_gate": True, "model": str(tmp_path / "nobody.onnx"), "group": None}
    )
    work = CameraWork(site, config, Front().child, models=Models())
    still = frame(0).image
    told = []
    for number in range(21):
        shown = frame(number)
        told.append(work.process(Frame(still, shown.stamp, shown.arrival_ns, number)) is not None)
    assert [number for number, scan in enumerate(told) if scan] == [0, 10, 20]


@pytest.mark.parametrize("latency_ms", [100, 2000])
def test_picture_of_which_nobody_knows_when_it_was_taken_tells_nothing(
    site: SiteConfig, latency_ms: int
) -> None:
    config = site.camera[0].model_copy(update={"latency_ms": latency_ms})
    work = CameraWork(site, config, Front().child, models=Models())
    told = []
    for number, error_ms in enumerate((40, 800, 2040, 40)):
        shown = frame(number)
        stamp = shown.stamp._replace(source=TimeSource.ARRIVAL, error_ns=(latency_ms + error_ms) * 1_000_000)
        told.append(work.process(Frame(shown.image, stamp, shown.arrival_ns, number)) is not None)
    assert told == [True, True, False, True]
    assert work.counters == {"time_unsure": 1}
