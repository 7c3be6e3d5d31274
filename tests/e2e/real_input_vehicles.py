"""Recorded V2X frames: as they are, and as vehicles that were moved onto the test's site."""

from __future__ import annotations

import asyncio
import json
import math
import time
from dataclasses import dataclass
from pathlib import Path

import aiomqtt

from edge.core.errors import CodecError
from edge.core.geodesy import LocalFrame
from edge.core.stamp import NS_PER_S, Stamp, TimeSource
from edge.core.v2x import RadioFrame, V2xReport
from edge.v2x.decoder import ReportDecoder
from edge.v2x.j2735 import encode_bsm

PERIOD_S = 0.1
PLACES = ((45.0, 4.0), (60.0, -5.0), (30.0, 45.0), (22.0, -60.0), (75.0, 5.0))
"""Where the vehicles start, ENU metres: out of the camera's sight, on and beside the arms of the crossing."""


def frames_of(data: Path) -> list[tuple[str, bytes, bool]]:
    """Type and bytes of every recorded J2735 frame, and whether it is a sound one that reports a road user."""
    entries = json.loads((data / "v2x" / "j2735_messageframes.json").read_text(encoding="utf-8"))
    return [
        (e["type"], bytes.fromhex(e["hex"]), e["type"] in ("BSM", "PSM") and e["pycrate"] == "ok")
        for e in entries
    ]


def other_frames_of(data: Path) -> list[bytes]:
    """Every recorded T/CSAE and ETSI frame; none is a T/CSAE BSM whose framing is understood."""
    entries = json.loads((data / "v2x" / "csae_etsi.json").read_text(encoding="utf-8"))
    return [bytes.fromhex(entry["hex"]) for entry in entries]


@dataclass(frozen=True, slots=True)
class MovedVehicle:
    """A recorded BSM whose sender now starts at a place of the site and keeps its recorded speed and heading.

    Attributes:
        report: as decoded from the recording.
        x_m, y_m: ENU, at `start_ns`.
    """

    report: V2xReport
    x_m: float
    y_m: float
    start_ns: int

    def position_m(self, at_ns: int) -> tuple[float, float]:
        """Where it is."""
        way_m = (self.report.speed_mps or 0.0) * (at_ns - self.start_ns) / NS_PER_S
        yaw = self.report.yaw_rad or 0.0
        return self.x_m + way_m * math.cos(yaw), self.y_m + way_m * math.sin(yaw)

    def message(self, *, frame: LocalFrame, now_ns: int, count: int) -> bytes:
        """Its BSM now: place, time and count are new, the rest is as recorded."""
        x_m, y_m = self.position_m(now_ns)
        stamp = Stamp(now_ns, TimeSource.SENSOR)
        report = self.report._replace(x_m=x_m, y_m=y_m, stamp=stamp)
        return encode_bsm(report, frame=frame, message_count=count)


def moved_vehicles(data: Path, *, frame: LocalFrame, now_ns: int) -> dict[str, MovedVehicle]:
    """One vehicle for each sender among the recorded BSMs, by temporary id."""
    decoder = ReportDecoder(frame, dialect="j2735", framing="plain")
    reports: dict[str, V2xReport] = {}
    for kind, payload, sound in frames_of(data):
        if sound and kind == "BSM":
            report = decoder.decode(RadioFrame("recorded", now_ns, "recorded", payload))
            reports.setdefault(report.temporary_id, report)
    return {
        name: MovedVehicle(report, *place, now_ns)
        for (name, report), place in zip(reports.items(), PLACES, strict=True)
    }


def decodes(payload: bytes, *, frame: LocalFrame, dialect: str) -> bool:
    """Whether the node's decoder takes a frame."""
    decoder = ReportDecoder(frame, dialect=dialect, framing="plain")
    try:
        decoder.decode(RadioFrame("recorded", time.time_ns(), "recorded", payload))
    except CodecError:
        return False
    return True


async def drive(vehicles: dict[str, MovedVehicle], *, frame: LocalFrame, broker: tuple[str, int]) -> None:
    """Publish every vehicle's BSM at 10 Hz until cancelled."""
    loop, count = asyncio.get_running_loop(), 0
    async with aiomqtt.Client(*broker, timeout=5.0) as client:
        due = loop.time()
        while True:
            for vehicle in vehicles.values():
                payload = vehicle.message(frame=frame, now_ns=time.time_ns(), count=count)
                await client.publish("V2X/RSU/moved/BSM/UP", payload, qos=0)
            count += 1
            due = max(due + PERIOD_S, loop.time())
            await asyncio.sleep(due - loop.time())


async def publish_all(payloads: list[bytes], *, topic: str, broker: tuple[str, int]) -> None:
    """Publish each frame once; the broker has all of them on return."""
    async with aiomqtt.Client(*broker, timeout=5.0) as client:
        for payload in payloads:
            await client.publish(topic, payload, qos=1)
