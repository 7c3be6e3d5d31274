"""Where every road user was at any instant, between the states of the simulated world."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.core.kinds import TYPICAL_SIZE_M
from edge.core.stamp import NS_PER_S
from hw.sim.poses import WorldState

FloatArray = NDArray[np.float64]
JUMP_MPS = 4.0
"""A change of place this much faster than the road user says it moves is a jump of the traffic model, not motion."""


@dataclass(frozen=True, slots=True, eq=False)
class Users:
    """All road users at one instant.

    Attributes:
        stamp_ns: UTC ns.
        ids: n names.
        centre: (n, 2) float64 m, centre of the body on the ground.
        velocity: (n, 2) float64 m/s of the centre.
        yaw: (n,) float64 rad, counter-clockwise from east.
        size: (n, 3) float64 m, length, width, height.
        kind: (n,) int64 `ObjectClass`.
        equipped: (n,) bool, whether it has a radio.
    """

    stamp_ns: int
    ids: tuple[str, ...]
    centre: FloatArray
    velocity: FloatArray
    yaw: FloatArray
    size: FloatArray
    kind: NDArray[np.int64]
    equipped: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.ids)


class Motion:
    """States of the world, with what lies between them.

    Args:
        states: at least two, in order of time; steps need not be equal.
    """

    def __init__(self, states: Sequence[WorldState]) -> None:
        if len(states) < 2:
            raise ValueError(f"{len(states)} states, at least two are needed")
        self._stamps = [state.stamp_ns for state in states]
        if any(later <= earlier for earlier, later in zip(self._stamps, self._stamps[1:], strict=False)):
            raise ValueError("states are not in order of time")
        self._states = states
        self._places = [{name: row for row, name in enumerate(state.ids)} for state in states]
        self._velocities: dict[int, FloatArray] = {}

    @property
    def first_ns(self) -> int:
        """UTC ns of the first state."""
        return self._stamps[0]

    @property
    def last_ns(self) -> int:
        """UTC ns of the last state."""
        return self._stamps[-1]

    def at(self, stamp_ns: int) -> Users:
        """The road users there in the states on both sides of an instant.

        Raises:
            ValueError: the instant is before the first or after the last state.
        """
        if not self.first_ns <= stamp_ns <= self.last_ns:
            raise ValueError(f"{stamp_ns} is outside of the states")
        index = min(bisect_right(self._stamps, stamp_ns) - 1, len(self._stamps) - 2)
        span_ns = self._stamps[index + 1] - self._stamps[index]
        part = (stamp_ns - self._stamps[index]) / span_ns
        rows, later_rows = self._pairs(index)
        here, there = self._states[index], self._states[index + 1]
        before, after = here.rows[rows], there.rows[later_rows]
        turn = (after["yaw"].astype(np.float64) - before["yaw"] + np.pi) % (2 * np.pi) - np.pi
        velocity, later = self._velocity(index)[rows], self._velocity(index + 1)[later_rows]
        return Users(
            stamp_ns=stamp_ns,
            ids=tuple(here.ids[row] for row in rows),
            centre=(1.0 - part) * _centre(before) + part * _centre(after),
            velocity=(1.0 - part) * velocity + part * later,
            yaw=before["yaw"] + part * turn,
            size=_size(before),
            kind=before["kind"].astype(np.int64),
            equipped=before["equipped"] > 0,
        )

    def presence(self) -> dict[str, tuple[int, int]]:
        """UTC ns of the first and the last state that each road user with a radio is in."""
        seen: dict[str, tuple[int, int]] = {}
        for state in self._states:
            for name, equipped in zip(state.ids, state.rows["equipped"], strict=True):
                if equipped:
                    seen[name] = (seen.get(name, (state.stamp_ns, 0))[0], state.stamp_ns)
        return seen

    def _pairs(self, index: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Rows of the road users that are in a state and in the next one."""
        earlier, later = self._places[index], self._places[index + 1]
        rows = [(row, later[name]) for name, row in earlier.items() if name in later]
        table = np.array(rows, dtype=np.int64).reshape(-1, 2)
        return table[:, 0], table[:, 1]

    def _velocity(self, index: int) -> FloatArray:
        """(n, 2) velocity of the centres in one state, from the states around it."""
        if index not in self._velocities:
            self._velocities[index] = self._measured_velocity(index)
        return self._velocities[index]

    def _measured_velocity(self, index: int) -> FloatArray:
        state = self._states[index]
        spoken = _said_velocity(state.rows)
        first, last = max(0, index - 1), min(len(self._states) - 1, index + 1)
        velocity = spoken.copy()
        for row, name in enumerate(state.ids):
            a = first if name in self._places[first] else index
            b = last if name in self._places[last] else index
            if a == b:
                continue
            begin = self._states[a].rows[self._places[a][name]]
            end = self._states[b].rows[self._places[b][name]]
            seconds = (self._stamps[b] - self._stamps[a]) / NS_PER_S
            change = np.array([float(end["x"]) - float(begin["x"]), float(end["y"]) - float(begin["y"])])
            measured = change / seconds
            if np.hypot(*(measured - spoken[row])) < JUMP_MPS:
                velocity[row] = measured
        return velocity


def _centre(rows: NDArray[np.void]) -> FloatArray:
    return np.stack([rows["x"], rows["y"]], axis=1).astype(np.float64)


def _said_velocity(rows: NDArray[np.void]) -> FloatArray:
    yaw, speed = rows["yaw"].astype(np.float64), rows["speed"].astype(np.float64)
    return np.stack([speed * np.cos(yaw), speed * np.sin(yaw)], axis=1)


def _size(rows: NDArray[np.void]) -> FloatArray:
    """(n, 3); what a row leaves at zero is usual for its class."""
    size = np.stack([rows["length"], rows["width"], rows["height"]], axis=1).astype(np.float64)
    return np.where(size > 0.0, size, TYPICAL_SIZE_M[rows["kind"].astype(np.int64)])
