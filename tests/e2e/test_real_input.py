"""A node on recorded input: a real street, real BSMs and a real controller's packets, seen by another process."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
from collections import Counter
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edge.app.camera_parts import open_model, projection_of, visible_polygon
from edge.config import load_site
from edge.core.geodesy import LocalFrame
from edge.core.stamp import Stamp, TimeSource
from edge.perception.draw import draw_detections
from edge.perception.pipeline import CameraPipeline
from edge.ports import Frame
from edge.v2x import j2735
from tests.e2e.real_input import RealInput, running_node
from tests.e2e.real_input_signals import EXPECTED, ReplayedController, States, recorded_packets
from tests.e2e.real_input_vehicles import (
    MovedVehicle,
    drive,
    frames_of,
    moved_vehicles,
    other_frames_of,
    publish_all,
)
from tests.mosquitto import Mosquitto, mosquitto

__all__ = ["mosquitto"]
pytestmark = pytest.mark.data
ORIGIN = LocalFrame(40.0, -105.27)
PARKED_M = ((3.6, -3.75), (-7.1, 5.8))
"""Silver and black saloon: middle between the near wheels, marked by hand in the clip, plus half a width."""
START_S, WAIT_S = 120.0, 30.0
"""Kernels may have to be compiled first."""
POSITION_LIMIT_M = 2.0
FAR_M = 500.0
BORDER_M = 4.0
"""How far off a car may be of which the picture's border shows a part."""
SCENES_AFTER = 30
"""Scenes that must come after the unmodified frames."""
KEPT_FRAME = 240
DRIVING_M = (7.5, 2.2)
"""A car that drives through the frame."""


@contextlib.asynccontextmanager
async def beside(*works: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run these while inside."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(work) for work in works]
        yield
        for task in tasks:
            task.cancel()


@pytest.mark.timeout(START_S + 4 * WAIT_S)
async def test_node_on_recorded_input_serves_signals_camera_tracks_and_vehicles(
    tmp_path: Path, data_dir: Path, mosquitto: Mosquitto, pytestconfig: pytest.Config
) -> None:
    state = pytestconfig.cache.mkdir("kernels") if pytestconfig.cache is not None else tmp_path / "state"
    broker = (mosquitto.host, mosquitto.port)
    async with running_node(tmp_path, data=data_dir, broker_port=mosquitto.port, state=state) as node:
        client = node.client
        await client.until(lambda: client.scenes, timeout_s=START_S, what="a scene")
        now_ns = client.scenes[-1]["stamp_ns"]
        vehicles = moved_vehicles(data_dir, frame=ORIGIN, now_ns=now_ns)
        controller = ReplayedController(recorded_packets(data_dir), node.controller)
        async with beside(controller.run(), drive(vehicles, frame=ORIGIN, broker=broker)):
            await client.until(lambda: not missing(node, vehicles), timeout_s=WAIT_S, what="road users")
            await client.until(
                lambda: all(times_seen(node, controller)[index] >= 3 for index in range(len(EXPECTED))),
                timeout_s=WAIT_S,
                what="every packet",
            )
            await check_unmodified_frames(node, vehicles, data=data_dir, broker=broker)
        check_scenes(node, vehicles)
        check_signals(node, controller)
        check_radio(node)
        check_camera_tracks(node, tmp_path / "site.toml")
        assert "ERROR" not in node.log(), node.log()
    check_picture(tmp_path, data_dir)


def times_seen(node: RealInput, controller: ReplayedController) -> Counter[int]:
    """How many valid updates showed each packet."""
    shown = (update for update in node.client.signals if not update["withdrawn"])
    return Counter(controller.sent[u["capture_ns"]][0] for u in shown if u["capture_ns"] in controller.sent)


def missing(node: RealInput, vehicles: dict[str, MovedVehicle]) -> list[object]:
    """Parked cars and moved vehicles that the newest scene does not show where they are."""
    scene = node.client.scenes[-1]
    users = scene["road_users"]
    seen = [(u["x_m"], u["y_m"]) for u in users if u["cameras"] == ["street"]]
    heard = {u["v2x_id"]: (u["x_m"], u["y_m"]) for u in users if u["v2x_links"] == ["moved"]}
    cars = [
        place for place in PARKED_M if not any(math.dist(place, found) < POSITION_LIMIT_M for found in seen)
    ]
    far = (math.inf, math.inf)
    lost = [
        (name, heard.get(name), vehicle.position_m(scene["stamp_ns"]))
        for name, vehicle in vehicles.items()
        if not math.dist(heard.get(name, far), vehicle.position_m(scene["stamp_ns"])) < POSITION_LIMIT_M
    ]
    return [*cars, *lost]


async def check_unmodified_frames(
    node: RealInput, vehicles: dict[str, MovedVehicle], *, data: Path, broker: tuple[str, int]
) -> None:
    """Frames from far away, of other messages and sets are counted and change nothing for anybody.

    What neighbours perceive (SDSM) is taken, but publishes nothing by itself.
    """
    client, frames = node.client, frames_of(data)
    sound = sum(reports for _kind, _payload, reports in frames)
    shared = sum(kind == "SDSM" for kind, _payload, _sound in frames)
    others = other_frames_of(data)
    await publish_all(
        [payload for _kind, payload, _sound in frames], topic="V2X/RSU/unmodified/BSM/UP", broker=broker
    )
    await publish_all(others, topic="V2X/RSU/csae/BSM/UP", broker=broker)

    def counts(link: str) -> tuple[int, int, int]:
        component = f"fusion.v2x.{link}"
        refused = client.counter(component, "bad") + client.counter(component, "other_messages")
        perceived = client.counter(component, "shared")
        return client.counter(component, "decoded") - perceived, perceived, refused

    told = (sound, shared, len(frames) - sound - shared)
    await client.until(
        lambda: counts("unmodified") == told and counts("csae") == (0, 0, len(others)),
        timeout_s=WAIT_S,
        what="unmodified frames in the counters",
    )
    after = len(client.scenes) + SCENES_AFTER
    await client.until(lambda: len(client.scenes) > after, timeout_s=WAIT_S, what="scenes after them")
    await client.until(lambda: not missing(node, vehicles), timeout_s=WAIT_S, what="road users after them")


def check_scenes(node: RealInput, vehicles: dict[str, MovedVehicle]) -> None:
    """In every scene each vehicle is where it says, under its own id, and nobody is far away."""
    for scene in node.client.scenes:
        users = scene["road_users"]
        heard = [user for user in users if user["v2x_links"]]
        names = [user["v2x_id"] for user in heard]
        assert len(names) == len(set(names)), names
        for user in heard:
            place = vehicles[user["v2x_id"]].position_m(scene["stamp_ns"])
            assert math.dist(place, (user["x_m"], user["y_m"])) < POSITION_LIMIT_M, (place, user)
        assert not [user for user in users if math.hypot(user["x_m"], user["y_m"]) > FAR_M]


def check_signals(node: RealInput, controller: ReplayedController) -> None:
    """Every update shows each group as the packet it came from does; once shown, nothing is withdrawn."""
    shown = [update["withdrawn"] for update in node.client.signals]
    assert not any(shown[shown.index(False) :]), "signals were withdrawn"
    timed = 0
    for update in node.client.signals:
        index, first = controller.sent.get(update["capture_ns"], (None, False))
        if update["withdrawn"] or index is None:
            continue
        groups = {group["signal_group"]: group for group in update["groups"]}
        wrong = {
            number: group["state"] for number, group in groups.items() if not fits(group, EXPECTED[index])
        }
        assert not wrong, (index, wrong)
        assert groups.keys() == EXPECTED[index].keys()
        if index == 1 and first:
            # Packet 1 begins new states: its countdowns are promises. 8.9-20.9 s of red, 3.9-15.9 s of green.
            ends = [(groups[n]["min_end_ns"], groups[n]["max_end_ns"]) for n in (2, 4)]
            at_ns = update["capture_ns"]
            assert ends == [
                (at_ns + 8_900_000_000, at_ns + 20_900_000_000),
                (at_ns + 3_900_000_000, at_ns + 15_900_000_000),
            ]
            timed += 1
    assert timed


def fits(group: dict[str, Any], expected: States) -> bool:
    """Whether a group is in its expected state, or in one of them."""
    state = expected[group["signal_group"]]
    return group["state"] in ((state,) if isinstance(state, str) else state)


def check_radio(node: RealInput) -> None:
    """The radio hears the MAP, and every packet's colours as SPATs."""
    maps = node.radio.heard("MAP")
    assert maps
    assert set(j2735.decode_map(maps[-1].message.payload).signal_groups) == EXPECTED[0].keys()
    views = [j2735.decode_spat(heard.message.payload) for heard in node.radio.heard("SPAT")]
    states = [{g.signal_group: g.state.name.lower() for g in view.groups} for view in views]
    for expected in EXPECTED:
        groups = ([{"signal_group": number, "state": state} for number, state in s.items()] for s in states)
        assert any(all(fits(group, expected) for group in spat) for spat in groups), expected
    assert node.radio.counters["bad"] == 0


def check_camera_tracks(node: RealInput, site_path: Path) -> None:
    """What only the camera saw stands or drives where the camera sees, no faster than in a street."""
    site = load_site(site_path)
    camera = site.camera[0]
    projection = projection_of(camera, site, image_size=(640, 360))
    polygon = visible_polygon(projection, image_size=(640, 360), range_m=camera.range_m).astype("float32")
    for scene in node.client.scenes:
        for user in (u for u in scene["road_users"] if u["cameras"]):
            inside_m = cv2.pointPolygonTest(polygon, (user["x_m"], user["y_m"]), True)
            gone_s = (scene["stamp_ns"] - user["capture_ns"]) / 1e9  # out of the picture, and driving on
            assert inside_m > -(BORDER_M + user["speed_mps"] * max(0.0, gone_s)), user
            assert user["speed_mps"] < 20.0, user


def check_picture(directory: Path, data: Path) -> None:
    """What the detector finds in one frame, drawn for a person; EDGE_KEEP_PICTURES=FOLDER keeps it."""
    site = load_site(directory / "site.toml")
    camera = site.camera[0]
    clip = cv2.VideoCapture(str(data / "media" / "cvtrafficcam.mp4"))
    for _skipped in range(KEPT_FRAME):
        clip.grab()  # seeking is inexact
    read, picture = clip.read()
    clip.release()
    assert read
    image = np.asarray(picture, dtype=np.uint8)
    projection = projection_of(camera, site, image_size=(image.shape[1], image.shape[0]))
    pipeline = CameraPipeline(camera.name, open_model(camera, projection), projection)
    detections = pipeline.process(Frame(image, Stamp(0, TimeSource.ARRIVAL), 0, KEPT_FRAME))
    found = [tuple(position) for position in detections.position_m]
    assert all(
        any(math.dist(place, other) < POSITION_LIMIT_M for other in found) for place in (*PARKED_M, DRIVING_M)
    ), found
    folder = Path(os.environ.get("EDGE_KEEP_PICTURES", directory))
    folder.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(folder / "real_input.png"), draw_detections(image, detections))
