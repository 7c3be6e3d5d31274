"""Road users of a scene, simulated by SUMO in this process; one simulation per process."""

from __future__ import annotations

import colorsys
import math
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edge.core.errors import DeviceError
from edge.core.geodesy import heading_to_yaw_rad
from edge.core.kinds import ObjectClass
from hw.sim.poses import empty_rows

CLASSES = {
    "car": ObjectClass.CAR,
    "van": ObjectClass.CAR,
    "truck": ObjectClass.TRUCK,
    "bus": ObjectClass.BUS,
    "articulated": ObjectClass.BUS,
    "motorcycle": ObjectClass.MOTORCYCLE,
    "bicycle": ObjectClass.BICYCLE,
    "pedestrian": ObjectClass.PEDESTRIAN,
}
EQUIPPED_CLASSES = frozenset({ObjectClass.CAR, ObjectClass.TRUCK, ObjectClass.BUS})
_GREYS = ((235, 235, 235), (190, 192, 196), (120, 122, 126), (32, 33, 36))

RoadUsers = tuple[tuple[str, ...], NDArray[np.void]]
"""Names and rows as in `WorldState`."""


class Traffic(Protocol):
    """Where road users come from, step by step.

    Attributes:
        source: `sumo` or `recorded`.
        step_s: time of one step.
    """

    source: str
    step_s: float

    def step(self) -> tuple[float, RoadUsers]:
        """Go on by one step; position in the signal cycle (tenths of a second) and the road users."""
        ...

    def close(self) -> None:
        """Free what it holds; safe to call twice."""
        ...


@dataclass(frozen=True, slots=True)
class Looks:
    """What does not change about a road user."""

    kind: ObjectClass
    length_m: float
    width_m: float
    height_m: float
    equipped: bool
    colour: tuple[int, int, int]


def centre_of_front(
    front_m: tuple[float, float], heading_deg: float, length_m: float
) -> tuple[float, float, float]:
    """Centre (x, y) and yaw from the middle of the front bumper and SUMO's angle (clockwise from north)."""
    heading = math.radians(heading_deg)
    x_m = front_m[0] - 0.5 * length_m * math.sin(heading)
    y_m = front_m[1] - 0.5 * length_m * math.cos(heading)
    return x_m, y_m, heading_to_yaw_rad(heading_deg)


def chance(seed: int, name: str, purpose: str) -> float:
    """A number in [0, 1) that depends on nothing but its arguments."""
    return zlib.crc32(f"{seed}/{purpose}/{name}".encode()) / 2**32


def colour_of(seed: int, name: str) -> tuple[int, int, int]:
    """A paint or clothing colour: greys as often as on real roads, else a hue."""
    pick = chance(seed, name, "paint")
    if pick < 0.65:
        return _GREYS[int(pick / 0.65 * len(_GREYS))]
    value = colorsys.hsv_to_rgb(chance(seed, name, "hue"), 0.75, 0.35 + 0.5 * chance(seed, name, "value"))
    red, green, blue = (round(255 * part) for part in value)
    return red, green, blue


class SumoTraffic:
    """Implements `Traffic` with libsumo.

    Args:
        scene: folder of the scene; the network and the routes have its name.
        settings: the scene's `scene.toml`.
        seed: of the simulation and of the looks.
        step_s: simulated time of one step.

    Raises:
        DeviceError: libsumo cannot be imported, or the scene does not load.
    """

    source = "sumo"

    def __init__(self, scene: Path, settings: dict[str, Any], *, seed: int, step_s: float) -> None:
        try:
            import libsumo  # noqa: PLC0415 - an optional extra that only this process may load
        except (ImportError, OSError) as error:
            raise DeviceError(
                "libsumo", f"cannot be imported: {error}", remedy="install the extra `sim`"
            ) from error
        self._sumo: Any = libsumo
        self.step_s = step_s
        self._seed, self._share = seed, float(settings["traffic"]["equipped_share"])
        self._looks: dict[str, Looks] = {}
        try:
            options = settings["traffic"].get("sumo_options", [])
            libsumo.start([*_command(scene, seed=seed, step_s=step_s), *options])
            for _ in range(round(settings["traffic"]["warm_up_s"] / step_s)):
                libsumo.simulationStep()
        except libsumo.TraCIException as error:
            raise DeviceError("SUMO", f"scene {scene.name} does not run: {error}") from error

    def step(self) -> tuple[float, RoadUsers]:
        """One step of SUMO."""
        self._sumo.simulationStep()
        return self._sumo.simulation.getTime() * 10.0, self._read()

    def lamps(self) -> str:
        """The traffic light as SUMO shows it."""
        return str(self._sumo.trafficlight.getRedYellowGreenState("c"))

    def lane_of(self, name: str) -> str:
        """The lane that a vehicle is on."""
        return str(self._sumo.vehicle.getLaneID(name))

    def close(self) -> None:
        """End the simulation."""
        if self._sumo.isLoaded():
            self._sumo.close()

    def _read(self) -> RoadUsers:
        vehicle, person = self._sumo.vehicle, self._sumo.person
        readers = [(name, vehicle) for name in vehicle.getIDList()]
        readers += [(name, person) for name in person.getIDList()]
        rows = empty_rows(len(readers))
        for index, (name, reader) in enumerate(readers):
            looks = self._looks.get(name) or self._look(name, reader)
            x, y, yaw = centre_of_front(reader.getPosition(name), reader.getAngle(name), looks.length_m)
            acceleration = reader.getAcceleration(name) if reader is vehicle else 0.0
            size = (looks.length_m, looks.width_m, looks.height_m)
            motion = (x, y, yaw, reader.getSpeed(name), acceleration)
            rows[index] = (*motion, *size, looks.kind, looks.equipped, looks.colour)
        names = tuple(name for name, _ in readers)
        self._looks = {name: self._looks[name] for name in names}
        return names, rows

    def _look(self, name: str, reader: Any) -> Looks:
        kind = CLASSES[reader.getTypeID(name).split("@")[0]]
        equipped = kind in EQUIPPED_CLASSES and chance(self._seed, name, "radio") < self._share
        size = (reader.getLength(name), reader.getWidth(name), reader.getHeight(name))
        looks = Looks(kind, *size, equipped, colour_of(self._seed, name))
        self._looks[name] = looks
        return looks


def _command(scene: Path, *, seed: int, step_s: float) -> list[str]:
    files = ["-n", str(scene / f"{scene.name}.net.xml"), "-r", str(scene / f"{scene.name}.rou.xml")]
    quiet = ["--no-step-log", "--no-warnings", "--duration-log.disable"]
    rules = ["--time-to-teleport", "-1", "--collision.action", "none", "--xml-validation", "never"]
    return ["sumo", *files, *quiet, *rules, "--step-length", f"{step_s:g}", "--seed", str(seed)]
