"""A recorded stretch of a scene, replayed in a loop where SUMO is missing: `python -m hw.sim.recording four_arm`.

The recording lasts two signal cycles, so that lamps and traffic go on together when it starts again.
Positions are kept in centimetres, yaw in 1e-4 rad, speed and acceleration in cm/s and cm/s2.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.core.errors import DeviceError
from hw.sim.poses import empty_rows
from hw.sim.scene_files import load_scene
from hw.sim.signal_plan import CYCLE_S
from hw.sim.traffic import RoadUsers, SumoTraffic

FRAME_S = 0.1
LENGTH_S = 2 * CYCLE_S
SCALES = {"x": 100.0, "y": 100.0, "yaw": 1e4, "speed": 100.0, "acceleration": 100.0}
FIXED = ("length", "width", "height", "kind", "equipped", "colour")


class RecordedTraffic:
    """Implements `Traffic` from a recording. Names change from round to round: nobody jumps.

    Raises:
        DeviceError: the recording does not read.
    """

    source = "recorded"

    def __init__(self, path: Path, *, step_s: float) -> None:
        self.step_s = step_s
        try:
            with np.load(path) as stored:
                arrays = {name: stored[name] for name in stored.files}
            self._names: list[str] = [str(name) for name in arrays["names"]]
            self._fixed, self._starts = arrays["fixed"], arrays["starts"]
            self._users, self._motion = arrays["users"], arrays["motion"]
            self._cycle_ds = float(arrays["cycle_ds"])
        except (OSError, ValueError, KeyError) as error:
            raise DeviceError(
                str(path), f"does not read: {error}", remedy="run python -m hw.sim.recording four_arm"
            ) from error
        self._frames = len(self._starts) - 1
        self._count = 0

    def step(self) -> tuple[float, RoadUsers]:
        """The next instant, between the recorded ones where steps are shorter."""
        seconds = self._count * self.step_s
        self._count += 1
        rounds, place = divmod(seconds / FRAME_S + 1e-9, self._frames)
        frame, part = int(place), place - int(place)
        return self._cycle_ds + seconds * 10.0, self._between(frame, part, int(rounds))

    def close(self) -> None:
        """Nothing to free."""

    def _between(self, frame: int, part: float, rounds: int) -> RoadUsers:
        users, motion = self._frame(frame)
        if part > 1e-6 and frame + 1 < self._frames:
            later_users, later = self._frame(frame + 1)
            place = {int(user): i for i, user in enumerate(later_users)}
            match = np.array([place.get(int(user), -1) for user in users], dtype=np.int64)
            known = match >= 0
            change = later[match[known]] - motion[known]
            change[:, 2] = (change[:, 2] + np.pi) % (2 * np.pi) - np.pi
            motion[known] += part * change
        rows = empty_rows(len(users))
        for name in FIXED:
            rows[name] = self._fixed[name][users]
        for column, name in enumerate(SCALES):
            rows[name] = motion[:, column]
        suffix = f"/{rounds}" if rounds else ""
        return tuple(self._names[user] + suffix for user in users), rows

    def _frame(self, frame: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """(k,) users and (k, 5) x, y, yaw, speed, acceleration."""
        part = slice(self._starts[frame], self._starts[frame + 1])
        scales = np.array(list(SCALES.values()))
        return self._users[part].astype(np.int64), self._motion[:, part].T / scales


def record(scene: str, path: Path, *, seed: int = 1) -> None:
    """Run SUMO for the length of a recording and write it.

    Raises:
        DeviceError: SUMO cannot run.
    """
    files = load_scene(scene)
    traffic = SumoTraffic(files.directory, files.settings, seed=seed, step_s=FRAME_S)
    names: dict[str, int] = {}
    fixed: list[np.void] = []
    users: list[int] = []
    starts, motions, first_ds = [0], [], None
    for _ in range(round(LENGTH_S / FRAME_S)):
        cycle_ds, (now, rows) = traffic.step()
        first_ds = cycle_ds if first_ds is None else first_ds
        for name, row in zip(now, rows, strict=True):
            if name not in names:
                names[name] = len(names)
                fixed.append(row.copy())
            users.append(names[name])
        motions.append(np.array([np.round(rows[name] * scale) for name, scale in SCALES.items()]))
        starts.append(len(users))
    traffic.close()
    table = np.array(fixed, dtype=empty_rows(0).dtype)
    np.savez_compressed(
        path,
        names=np.array(list(names)),
        fixed=table,
        users=np.array(users, dtype=np.uint16),
        starts=np.array(starts, dtype=np.int32),
        motion=np.concatenate(motions, axis=1).astype(np.int16),
        cycle_ds=np.array(first_ds),
    )


def main() -> None:
    """Entry point: record the named scene into its folder."""
    record(sys.argv[1], load_scene(sys.argv[1]).directory / "recorded.npz")


if __name__ == "__main__":
    main()
