"""The track table: one row a track, in two arrays, so that a snapshot is two copies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.core.kinds import CLASS_COUNT

CAPACITY = 1000
"""Tracks at most; further births are refused and counted."""
OWN_ROOM = 400
"""Of these, kept for what our own sensors see: nobody's messages take the last places."""
MAX_ROWS = 512
"""Measurements of one scan; more are dropped and counted."""

# Columns of the float array.
X, Y, VX, VY = 0, 1, 2, 3
# The covariance: the upper triangle, so that it is symmetric by construction.
XX, XY, YY, X_VX, X_VY, Y_VX, Y_VY, VXX, VXY, VYY = 4, 5, 6, 7, 8, 9, 10, 11, 12, 13
EXISTENCE = 14
BIAS = 15  # variance per axis of the error that does not average out, m2
YAW = 16
LENGTH, WIDTH, HEIGHT = 17, 18, 19
TRUST = 20
SURPRISE = 21  # running mean of the normalised innovation squared; 2 when the model holds
STILL_X, STILL_Y = 22, 23  # where it has stood since STILL
LATE = 24  # variance of the capture time that does not average out, s2
PULL_X, PULL_Y = (
    25,
    26,
)  # running mean of how far measurements lie off, in sigmas; about 0 when the model holds
CLASSES = 27
RESIDUALS = (
    CLASSES + CLASS_COUNT
)  # per sensor: how far its newest measurement lay off in x and y, and its variance
RESIDUAL = 3

# Columns of the integer array.
KEY = 0  # names the measurement that began the track; the same in every replay
CAPTURE = 1  # capture time of the newest measurement
BORN = 2  # capture time of the first measurement
HITS = 3
SPEAKER = 4  # number of the V2X temporary id; 0 none
SPOKE = 5  # capture time of the newest V2X report
CONFIRMED = 6
SENSED = (
    7  # capture time of the newest measurement of a sensor or link of our own; a neighbour's word is none
)
STILL = 8  # since when it has not left its place
TOGETHER = 9  # newest capture time of a scan that showed it beside another road user on foot
SEEN = 10  # one column a sensor: capture time of its newest measurement; 0 never

# Columns of the measurement array.
M_X, M_Y, M_XX, M_XY, M_YY = 0, 1, 2, 3, 4
M_VX, M_VY, M_VXX, M_VXY, M_VYY = 5, 6, 7, 8, 9
M_YAW, M_LENGTH, M_WIDTH, M_HEIGHT, M_CONFIDENCE = 10, 11, 12, 13, 14
M_CLASSES = 15
M_SHARES = M_CLASSES + CLASS_COUNT  # the classes as probabilities
M_COLUMNS = M_SHARES + CLASS_COUNT

# Columns of the statistics array: sums since start, a row a sensor.
BIRTHS, REFUSED, MERGED, NIS_SUM, NIS_COUNT, CHANGE_SUM, CHANGE_COUNT = 0, 1, 2, 3, 4, 5, 6
STATISTICS = 7

# The last axis of the pairs array: weighted sums of two sensors' disagreement on the road users that both see.
P_W, P_VX, P_VY, P_VV, P_DX, P_DY, P_VD = 0, 1, 2, 3, 4, 5, 6
PAIR = 7


@dataclass(slots=True)
class TrackTable:
    """All tracks at `time_ns`.

    Attributes:
        floats: (CAPACITY, RESIDUALS + RESIDUAL * sensors) float64.
        integers: (CAPACITY, SEEN + sensors) int64.
        statistics: (sensors, STATISTICS) float64; goes back with the rows, so that a replay counts nothing twice.
        pairs: (sensors, sensors, PAIR) float64, the upper triangle is used; goes back likewise.
        count: rows in use.
        time_ns: capture time that every row is predicted to.
    """

    floats: NDArray[np.float64]
    integers: NDArray[np.int64]
    statistics: NDArray[np.float64]
    pairs: NDArray[np.float64]
    count: int = 0
    time_ns: int = 0

    @classmethod
    def empty(cls, *, sensors: int) -> TrackTable:
        """A table without tracks."""
        return cls(
            floats=np.zeros((CAPACITY, RESIDUALS + RESIDUAL * sensors)),
            integers=np.zeros((CAPACITY, SEEN + sensors), dtype=np.int64),
            statistics=np.zeros((sensors, STATISTICS)),
            pairs=np.zeros((sensors, sensors, PAIR)),
        )

    def copy(self) -> TrackTable:
        """The rows in use, to restore from."""
        n = self.count
        rows = self.floats[:n].copy(), self.integers[:n].copy()
        return TrackTable(*rows, self.statistics.copy(), self.pairs.copy(), n, self.time_ns)

    def restore(self, saved: TrackTable) -> None:
        """Take the rows of a copy."""
        n = self.count = saved.count
        self.floats[:n], self.integers[:n], self.time_ns = saved.floats, saved.integers, saved.time_ns
        self.statistics[:], self.pairs[:] = saved.statistics, saved.pairs


_TRIANGLE = np.array(
    [[XX, XY, X_VX, X_VY], [XY, YY, Y_VX, Y_VY], [X_VX, Y_VX, VXX, VXY], [X_VY, Y_VY, VXY, VYY]]
)


def full_covariance(floats: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 4, 4) covariance of x y vx vy of n rows."""
    return floats[:, _TRIANGLE]
