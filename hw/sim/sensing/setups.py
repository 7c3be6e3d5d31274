"""How far the sensors' true errors are from what they state."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Setup:
    """Factors are drawn per sensor and seed, log-uniform between 1 / most and most.

    Attributes:
        noise_factor: most by which the one-sigma noise and the clutter differ.
        detection_factor: most by which the detection probability differs.
        bias: share of the sold constant errors that is really there.
        clock_s: one-sigma constant error of the stamps of each camera, radar and lidar.
    """

    noise_factor: float
    detection_factor: float
    bias: float
    clock_s: float


SETUPS = {
    "clean": Setup(1.0, 1.0, 0.0, 0.0),
    "tune": Setup(1.4, 1.05, 1.0, 0.01),
    "report": Setup(2.0, 1.08, 1.0, 0.02),
}
