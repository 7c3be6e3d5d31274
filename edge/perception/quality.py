"""Whether a camera still sees as it should: dirt, glare, night, fog, defocus, movement, frozen and blank pictures.

The picture is judged against what the camera itself has shown before. A condition begins when it has been severe for a
while, and ends when it has been mild for a while, so that a bus before the camera, a queue or a crowd raises nothing.
"""

from __future__ import annotations

import enum
import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from edge.core.stamp import NS_PER_MS, NS_PER_S
from edge.perception.baseline import Baseline
from edge.perception.picture import GRID, Measures, PictureGauge, displacement
from edge.ports import Image

PERIOD_NS = 250 * NS_PER_MS
"""Between two looks."""
GAP_NS = 5 * NS_PER_S
"""After a longer pause between two pictures nothing counts as lasting."""
SHAKE_LOOKS = 32
MILD = 0.7
"""A condition ends below this severity; it begins at 1."""


class Condition(enum.Enum):
    """What can be wrong with a picture."""

    FROZEN = "frozen"
    BLANK = "blank"
    COVERED = "covered"
    TURNED = "turned"
    DARK = "dark"
    NOISE = "noise"
    GLARE = "glare"
    VEIL = "veil"
    DIRT = "dirt"
    DEFOCUS = "defocus"
    SHAKE = "shake"
    COLOUR = "colour"


ADVICE: Mapping[Condition, str] = {
    Condition.FROZEN: "the same picture comes again and again: restart the camera or its encoder",
    Condition.BLANK: "the picture is blank: check lens cap, exposure and video input",
    Condition.COVERED: "the view is covered: clear the lens or housing",
    Condition.TURNED: "the camera was turned: turn it back, or calibrate it anew and restart the node",
    Condition.DARK: "too dark to see: check street lamps, exposure and infrared light",
    Condition.NOISE: "the picture is mostly noise: check gain, exposure and street lamps",
    Condition.GLARE: "glare: shade the lens or turn the camera away from the light",
    Condition.VEIL: "little contrast (fog, rain, spray, a wet or dusty lens): clean the lens if the air is clear",
    Condition.DIRT: "parts of the picture have lost their detail: clean the lens or housing",
    Condition.DEFOCUS: "out of focus: focus the lens, look for water or grease on it",
    Condition.SHAKE: "the camera shakes: tighten the mount or stiffen the pole",
    Condition.COLOUR: "false colours: check the infrared filter and the white balance",
}
BEGINS_AFTER_S: Mapping[Condition, float] = {
    Condition.FROZEN: 3.0,
    Condition.BLANK: 2.0,
    Condition.COVERED: 5.0,
    Condition.TURNED: 10.0,
    Condition.DARK: 30.0,
    Condition.NOISE: 30.0,
    Condition.GLARE: 90.0,
    Condition.VEIL: 45.0,
    Condition.DIRT: 120.0,
    Condition.DEFOCUS: 20.0,
    Condition.SHAKE: 10.0,
    Condition.COLOUR: 30.0,
}
ENDS_AFTER_S: Mapping[Condition, float] = {
    Condition.FROZEN: 0.5,
    Condition.BLANK: 2.0,
    Condition.COVERED: 5.0,
}
_USUAL_END_S = 10.0
LOST, BARE = 0.35, 0.1
"""A cell with less than this share of its usual contrast shows too little; one with less than the other nothing."""
COVERED_SHARE = 0.85
"""Share of the cells that must show nothing before the view counts as covered."""
FIXED: Mapping[Condition, float] = {
    Condition.FROZEN: 0.0,
    Condition.BLANK: 0.0,
    Condition.COVERED: 0.0,
    Condition.TURNED: 0.1,
    Condition.COLOUR: 0.7,
}
"""What is left of the detection probability whatever the severity."""
SIGHTLESS = 0.05
"""Sight under which a look counts as none."""


@dataclass(frozen=True, slots=True)
class Quality:
    """How well a camera sees.

    Attributes:
        sight: 0..1 share of its usual detection probability that is left.
        conditions: what is wrong, in the order of `Condition`.
        severity: per condition; 1 is where it counts.
        steady: this is a new picture of the usual view, so that things stand in it where they stood.
    """

    sight: float
    conditions: tuple[Condition, ...]
    severity: Mapping[Condition, float]
    steady: bool = True

    @property
    def message(self) -> str:
        """One sentence for a person; empty when nothing is wrong."""
        return "; ".join(ADVICE[condition] for condition in self.conditions)


_UNSTEADY = (Condition.FROZEN, Condition.BLANK, Condition.COVERED, Condition.TURNED)
SWING = 0.01
"""Share of the width by which one picture may lie off the mean."""
CLEAR = Quality(1.0, (), {})


class QualityWatch:
    """Judges the pictures of one camera. Pure: capture times are arguments."""

    def __init__(self) -> None:
        self.quality = CLEAR
        self._gauge, self._baseline = PictureGauge(), Baseline()
        self._shifts: deque[tuple[float, float]] = deque(maxlen=SHAKE_LOOKS)
        self._last_ns: int | None = None
        self._since_ns: dict[Condition, int] = {}
        self._active: set[Condition] = set()

    def look(self, image: Image, *, capture_ns: int) -> Quality:
        """How well the camera sees now; most calls only say it again, for a look every quarter second is enough."""
        elapsed_ns = PERIOD_NS if self._last_ns is None else capture_ns - self._last_ns
        if 0 <= elapsed_ns < PERIOD_NS and self._last_ns is not None:
            return self.quality
        if not 0 <= elapsed_ns <= GAP_NS:
            self._since_ns.clear()
            self._shifts.clear()
            elapsed_ns = PERIOD_NS
        self._last_ns = capture_ns
        measures = self._gauge.measure(image, elapsed_ns=elapsed_ns)
        self._shifts.append(measures.shift)
        severity = self._severity(measures)
        self._switch(severity, capture_ns)
        # What is wrong now must not become what is usual.
        held = any(value >= MILD for value in severity.values()) or bool(self._active)
        self._baseline.learn(measures, self._gauge.small_mean, elapsed_ns=elapsed_ns, held=held)
        found = tuple(condition for condition in Condition if condition in self._active)
        moved = max(severity[condition] for condition in _UNSTEADY)
        steady = moved < 1.0 and math.hypot(*measures.shift) < SWING
        self.quality = Quality(_sight(found, severity), found, severity, steady)
        return self.quality

    def _severity(self, now: Measures) -> dict[Condition, float]:
        """How bad each condition is; 1 is where it counts."""
        found = dict.fromkeys(Condition, 0.0)
        found[Condition.FROZEN] = float(now.same)
        flat = math.sqrt(now.detail) < 1.0 and float(np.ptp(now.level)) < 6.0
        found[Condition.BLANK] = float(flat)
        light = float(np.percentile(now.level, 75))
        found[Condition.DARK] = min(5.0, 20.0 / max(light, 1.0))
        if flat:
            return found
        found[Condition.NOISE] = now.noise / (1.5 * math.sqrt(now.detail) + 2.0)
        found[Condition.COLOUR] = _false_colour(now)
        if self._baseline.ready:
            self._against_usual(now, found)
        return found

    def _against_usual(self, now: Measures, found: dict[Condition, float]) -> None:
        """The conditions that show only beside what the camera usually sees."""
        usual = self._baseline
        right, down, likeness = displacement(usual.small, self._gauge.small_mean)
        lost, bare, upper = _detail_left(now, usual)
        found[Condition.GLARE] = float(np.maximum(now.saturated - usual.saturated - 0.05, 0.0).mean()) / 0.03
        found[Condition.COVERED] = bare / COVERED_SHARE
        if bare >= COVERED_SHARE:
            return
        shaken = np.array(self._shifts)
        swing = 1.4826 * np.median(np.abs(shaken - np.median(shaken, axis=0)), axis=0)
        steady = len(shaken) < SHAKE_LOOKS // 2 or likeness < 0.3
        found[Condition.SHAKE] = 0.0 if steady else float(np.hypot(*swing)) / 0.0018
        moved = math.hypot(right, down) / 0.01 if likeness > 0.3 else 0.0
        found[Condition.TURNED] = max(moved, 0.3 / max(likeness, 0.05) if upper > 0.5 else 0.0)
        if found[Condition.SHAKE] >= MILD or found[Condition.TURNED] >= 1.0:
            return  # the running mean is smeared, or the cells show something else
        if now.detail > 1.0:
            blur = math.log(usual.sharpness / max(now.sharpness, 1e-4)) / math.log(2.5)
            found[Condition.DEFOCUS] = max(0.0, blur)
        if found[Condition.DEFOCUS] >= 1.0:
            return  # blur takes the contrast too
        found[Condition.VEIL] = max(0.0, 1.0 - upper) / 0.5
        found[Condition.DIRT] = lost / 0.11 if upper > 0.6 else 0.0

    def _switch(self, severity: Mapping[Condition, float], now_ns: int) -> None:
        """Begin and end conditions that have lasted."""
        for condition, value in severity.items():
            active = condition in self._active
            pending = condition in self._since_ns
            holds = value < MILD if active else value >= (MILD if pending else 1.0)
            if not holds:
                self._since_ns.pop(condition, None)
                continue
            since_ns = self._since_ns.setdefault(condition, now_ns)
            after_s = ENDS_AFTER_S.get(condition, _USUAL_END_S) if active else BEGINS_AFTER_S[condition]
            if now_ns - since_ns >= after_s * NS_PER_S:
                self._active.symmetric_difference_update({condition})
                del self._since_ns[condition]


def _detail_left(now: Measures, usual: Baseline) -> tuple[float, float, float]:
    """Shares of the cells with detail that have lost most and all of it; what is left of it in the better quarter."""
    judged = usual.contrast > 0.03
    if judged.sum() < GRID[0] * GRID[1] // 8:
        return 0.0, 0.0, 1.0
    left = now.contrast[judged] / usual.contrast[judged]
    return float((left < LOST).mean()), float((left < BARE).mean()), float(np.percentile(left, 75))


def _false_colour(now: Measures) -> float:
    """Magenta (a stuck infrared filter) or a missing channel, in good light; lamps of one colour are no fault."""
    blue, green, red = now.channels
    if max(blue, green, red) < 60.0:
        return 0.0
    magenta = min(blue, red) / max(green, 1.0) / 1.6
    missing = 0.12 * max(blue, green, red) / max(min(blue, green, red), 1.0)
    return max(magenta if magenta > 1.0 else 0.0, missing)


def _sight(conditions: tuple[Condition, ...], severity: Mapping[Condition, float]) -> float:
    """Share of the detection probability that the conditions leave."""
    sight = 1.0
    for condition in conditions:
        if condition is Condition.DIRT and Condition.GLARE in conditions:
            continue  # the burnt cells have been counted
        sight *= _left(condition, severity[condition])
    return round(sight, 3) if sight >= SIGHTLESS else 0.0


def _left(condition: Condition, severity: float) -> float:
    """Share that one condition leaves, after what our own model still finds in spoilt pictures (`bench_quality.py`).

    Dirt is taken as worse than that: what it hides it hides for good, and a road user there must not count as gone.
    """
    match condition:
        case Condition.VEIL:
            left = 2.3 * (1.0 - 0.5 * severity) - 0.55
        case Condition.DARK:
            left = 0.8 / max(severity, MILD) ** 2
        case Condition.NOISE:
            left = 0.5 / max(severity, MILD) ** 4
        case Condition.DEFOCUS:
            left = float(np.interp(severity, [1.0, 2.0, 3.3, 4.3], [0.97, 0.92, 0.75, 0.1]))
        case Condition.GLARE | Condition.SHAKE:
            left = max(0.3, 1.0 - 0.05 * severity)
        case Condition.DIRT:
            left = max(0.1, 1.0 / (1.0 + max(0.0, severity - MILD)))
        case _:
            return FIXED[condition]
    return min(1.0, max(SIGHTLESS, left))
