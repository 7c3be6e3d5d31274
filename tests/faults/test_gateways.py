"""A whole node with its gateways: an Apollo car, an OpenV2X centre and a radio's listeners use it.

A car that stalls costs no light.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import socket
import time
from pathlib import Path

import aiomqtt
import grpc

from edge.config import load_site
from edge.core.geodesy import LocalFrame
from edge.core.mercator import map_grid
from edge.core.perceived import PerceivedObjects
from edge.v2x import j2735
from tests.faults.rig import RADIO, START_TIMEOUT_S, NodeRig, followed, surroundings
from tests.unit.publish.apollo_car import Car, push, status

FPS = 4.0
STALL_S = 3.0
SPATS_LEAST = 24
"""Of 30 in the stall; a busy test machine may cost some slots."""
SECTIONS = """
[apollo]
listen = "127.0.0.1:{listen}"
car_port = {car}

[openv2x]
broker = "127.0.0.1:{broker}"
esn = "E1"
heartbeat_s = 1

[sharing]
"""


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def drive(rig: NodeRig, port: int) -> None:
    """A car that stands 40 m south of the intersection and says so ten times a second, as Apollo's proxy does."""
    section = load_site(rig.site).site
    grid = map_grid(LocalFrame(section.latitude_deg, section.longitude_deg), zone=None)
    east, north = (float(v) for v in grid.origin_m)
    outline = ((east - 15, north - 15), (east + 15, north - 15), (east + 15, north + 15))
    while True:
        octets = status(
            (east, north - 40.0), heading=math.pi / 2, measured_s=time.time(), outline=outline, sigma_m=0.1
        )
        with contextlib.suppress(grpc.aio.AioRpcError):
            await push(port, octets)
        await asyncio.sleep(0.1)


async def test_cars_and_centre_are_served_and_a_stalled_car_costs_no_light(
    tmp_path: Path, kernels: Path
) -> None:
    car = Car()
    async with (
        car.serving() as car_port,
        surroundings(tmp_path, state=kernels, fps=FPS) as rig,
        followed(rig),
        aiomqtt.Client("127.0.0.1", rig.ports.broker) as centre,
    ):
        await centre.subscribe("V2X/RSU/HB/UP")
        listen = unused_port()
        sections = SECTIONS.format(listen=listen, car=car_port, broker=rig.ports.broker)
        rig.site.write_text(with_one_camera(rig.site.read_text()) + sections)
        await rig.start_node()
        async with asyncio.TaskGroup() as group:
            driving = group.create_task(drive(rig, listen))
            await rig.until(rig.shows_signals, timeout_s=START_TIMEOUT_S, what="signals")
            await rig.until(lambda: len(car.lights) >= 5, timeout_s=30.0, what="lights at the car")
            assert car.lights[-1][4] == b"J_7"
            assert car.lights[-1].all(2)
            beat = await asyncio.wait_for(anext(centre.messages), 10.0)
            assert json.loads(beat.payload)["rsuEsn"] == "E1"  # type: ignore[arg-type]
            await rig.until(lambda: _sees_car(rig), timeout_s=30.0, what="the car among the road users")
            await rig.until(
                lambda: car.obstacles and car.obstacles[-1].all(1), timeout_s=60.0, what="obstacles"
            )
            await rig.until(lambda: rig.radio.heard("SDSM"), timeout_s=10.0, what="road users on the air")
            assert shared(rig).objects
            began_ns = time.time_ns()
            car.going.clear()
            await asyncio.sleep(STALL_S)
            assert len(rig.spats(since_ns=began_ns)) >= SPATS_LEAST
            car.going.set()
            before = len(car.lights)
            await rig.until(lambda: len(car.lights) > before, timeout_s=10.0, what="lights after the stall")
            await rig.until(
                lambda: rig.counter("apollo", "late") >= 1, timeout_s=5.0, what="late calls counted"
            )
            assert rig.state(RADIO) == "ok"
            assert rig.state("openv2x") == "ok"
            driving.cancel()


def with_one_camera(text: str) -> str:
    """The site file with the first of its cameras that looks for road users."""
    before, *cameras = text.split("\n[[camera]]")
    return before + "\n[[camera]]" + next(camera for camera in cameras if 'model = "none"' not in camera)


def shared(rig: NodeRig) -> PerceivedObjects:
    """The newest message about road users that went on the air, read."""
    section = load_site(rig.site).site
    frame = LocalFrame(section.latitude_deg, section.longitude_deg, section.elevation_m)
    heard = rig.radio.heard("SDSM")[-1]
    return j2735.decode_sdsm(heard.message.payload, frame=frame, arrival_ns=heard.arrival_ns)


def _sees_car(rig: NodeRig) -> bool:
    users = rig.scenes[-1][1].road_users if rig.scenes else ()
    return any("apollo" in user.v2x_links for user in users)
