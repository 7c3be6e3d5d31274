"""Which lamp of a signal head is lit, read from a few frames: a wrong colour is worse than none.

In one frame a lamp is lit if it stands out from the housing, by its place and by its colour. Low sun lights all lenses
(phantom light), so that lamps which cannot be lit together make the head unreadable. LED lamps flicker with the mains,
so that a lamp counts as lit if a fifth of the newest frames show it so.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from edge.core.lamps import LampReading
from edge.core.signals import LampState
from edge.core.stamp import NS_PER_MS
from edge.ports import Image

Lit = frozenset[str]
"""Colours of the lamps that are lit in one frame; None in its place: the head cannot be read."""
Mask = NDArray[np.bool_]

RECENT_NS = 500 * NS_PER_MS
FLASH_NS = 2500 * NS_PER_MS
SHORTEST_FLASH_NS, LONGEST_FLASH_NS = 150 * NS_PER_MS, 1000 * NS_PER_MS
"""Lit or dark for longer is steady: signals flash 50 times a minute at least, two thirds of it lit at most."""
MOST_FRAMES = 160
LEAST_CONTRAST = 45.0
"""Grey levels that a lit lamp stands out from the housing at least."""
LEAST_LIGHT = 120.0
"""Grey level of a lit lamp at least; an unlit lens stands out from a black housing too."""
USUAL_SHARE = 0.4
"""The same as a share of what the head's lit lamps usually do: unlit lenses in the sun stand out too."""
LIT_SHARE = 0.2
HUES = {"red": (-45.0, 32.0), "amber": (8.0, 70.0), "green": (75.0, 215.0)}
"""Degrees, red 0, green 120; the camera's white balance and overexposure move them, so that they overlap."""
LEAST_SATURATION = 0.2
HOUSING_LIMIT, HOUSING_CHANGE = 190.0, 50.0
PACE = 0.02
STEADY = {
    frozenset({"red"}): LampState.RED,
    frozenset({"red", "amber"}): LampState.RED_YELLOW,
    frozenset({"amber"}): LampState.YELLOW,
    frozenset({"green"}): LampState.GREEN,
}
FLASHING = {
    LampState.RED: LampState.FLASHING_RED,
    LampState.YELLOW: LampState.FLASHING_YELLOW,
    LampState.GREEN: LampState.FLASHING_GREEN,
}


@dataclass(frozen=True, slots=True)
class Head:
    """One signal head in the picture.

    Attributes:
        signal_group: of the MAP.
        colours: of its lamps: red, amber, green.
        discs: u, v and radius of each lamp in pixels of the frame.
    """

    signal_group: int
    colours: tuple[str, ...]
    discs: tuple[tuple[float, float, float], ...]


class LampReader:
    """Reads the heads of one camera from every frame.

    Args:
        heads: where they are.
    """

    def __init__(self, heads: tuple[Head, ...]) -> None:
        self._heads = [_HeadReader(head) for head in heads]

    def read(self, image: Image, *, capture_ns: int) -> tuple[LampReading, ...]:
        """What each head shows at `capture_ns`, by this and the frames before."""
        return tuple(LampReading(head.signal_group, head.read(image, capture_ns)) for head in self._heads)


class _HeadReader:
    def __init__(self, head: Head) -> None:
        self.signal_group = head.signal_group
        self._head = head
        self._place: _Place | None = None
        self._size: tuple[int, ...] = ()
        self._housing: float | None = None
        self._contrast = 0.0
        self._frames: deque[tuple[int, Lit | None]] = deque(maxlen=MOST_FRAMES)

    def read(self, image: Image, capture_ns: int) -> LampState:
        if self._frames and capture_ns <= self._frames[-1][0]:
            self._frames.clear()
        if image.shape != self._size:
            self._size, self._place = image.shape, _place(self._head, image.shape)
        self._frames.append((capture_ns, self._lit(image)))
        while self._frames[0][0] < capture_ns - FLASH_NS:
            self._frames.popleft()
        return self._verdict(capture_ns)

    def _lit(self, image: Image) -> Lit | None:
        if self._place is None:
            return None
        least = max(LEAST_CONTRAST, USUAL_SHARE * self._contrast)
        look = _look(image, self._head, self._place, least=least)
        if look.lit:
            # Only a head that was read is known to be a head and not the side of a truck.
            usual = look.housing if self._housing is None else self._housing
            self._housing = usual + PACE * (look.housing - usual)
            usual = self._contrast or look.contrast
            self._contrast = usual + PACE * (look.contrast - usual)
            return look.lit
        changed = self._housing is not None and abs(look.housing - self._housing) > HOUSING_CHANGE
        return None if changed or look.housing > HOUSING_LIMIT else look.lit

    def _verdict(self, now_ns: int) -> LampState:
        recent = [lit for at_ns, lit in self._frames if at_ns > now_ns - RECENT_NS]
        if len(recent) < 2:
            recent = [lit for _, lit in list(self._frames)[-2:]]
        read = [lit for lit in recent if lit is not None]
        if 2 * len(read) < len(recent) or not read:
            return LampState.UNKNOWN
        shown = Counter(lit for lit in read if lit)
        if shown.total() < LIT_SHARE * len(read):
            return self._flashing() or LampState.DARK
        best, count = shown.most_common(1)[0]
        if 5 * count < 3 * shown.total():
            return LampState.UNKNOWN
        steady = STEADY[best]
        flashing = self._flashing()
        return flashing if flashing is not None and flashing is FLASHING.get(steady) else steady

    def _flashing(self) -> LampState | None:
        """The flashing colour of the last seconds; None: nothing flashes."""
        colours = {lit for _, lit in self._frames if lit}
        if len(colours) != 1:
            return None
        changes, steady_ns = [self._frames[0][0]], self._frames[0][0]
        for (before_ns, before), (at_ns, after) in pairwise(self._frames):
            if bool(before) != bool(after):
                changes.append(at_ns)
                steady_ns = before_ns  # frames may be missing: it changed after this one
        if self._frames[-1][0] - steady_ns > LONGEST_FLASH_NS:
            return None
        whole = [end - start for start, end in pairwise(changes[1:])]
        if len(whole) < 2 or min(whole) < SHORTEST_FLASH_NS:
            return None
        return FLASHING.get(STEADY[colours.pop()])


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a head lies: the window of the picture, and in it each lamp, each lamp with its glow, and the housing."""

    rows: slice
    columns: slice
    discs: tuple[Mask, ...]
    glows: tuple[Mask, ...]
    housing: Mask


@dataclass(frozen=True, slots=True)
class _Look:
    """What one frame shows: lit lamps, light of the housing, and how far the brightest lamp stands out from it."""

    lit: Lit | None
    housing: float
    contrast: float


def _place(head: Head, shape: tuple[int, ...]) -> _Place | None:
    """None where the head lies outside the picture."""
    discs = np.array(head.discs)
    margin = 1.6 * discs[:, 2].max()
    left, top = np.floor((discs[:, :2] - margin).min(axis=0)).astype(int)
    right, bottom = np.ceil((discs[:, :2] + margin).max(axis=0)).astype(int)
    left, top, right, bottom = max(left, 0), max(top, 0), min(right, shape[1]), min(bottom, shape[0])
    if right - left < 4 or bottom - top < 4:
        return None
    v, u = np.mgrid[top:bottom, left:right] + 0.5
    far = [np.hypot(u - x, v - y) / r for x, y, r in head.discs]
    nearest = np.min(far, axis=0)
    masks = tuple(distance <= 0.9 for distance in far)
    if any(mask.sum() < 4 for mask in masks):
        return None
    glows = tuple((distance <= 1.35) & (distance == nearest) for distance in far)
    return _Place(slice(top, bottom), slice(left, right), masks, glows, (nearest > 1.05) & (nearest < 1.5))


def _look(image: Image, head: Head, place: _Place, *, least: float) -> _Look:
    """Which lamps one frame shows lit."""
    patch = image[place.rows, place.columns].astype(np.float32)
    light = patch.max(axis=2)
    housing = float(np.percentile(light[place.housing], 30))
    backing = np.median(patch[place.housing], axis=0)
    contrast = [_brightest(light[disc]) - housing for disc in place.discs]
    most = max(contrast)
    lit: set[str] = set()
    for colour, glow, rise in zip(head.colours, place.glows, contrast, strict=True):
        if rise < max(least, 0.5 * most) or rise + housing < LEAST_LIGHT:
            continue
        fits = _fits(colour, patch[glow] - backing, light[glow] - housing, alone=rise == most)
        if not fits:
            return _Look(None, housing, most)
        lit.add(colour)
    shown = frozenset(lit)
    return _Look(shown if not shown or shown in STEADY else None, housing, most)


def _brightest(light: NDArray[np.float32]) -> float:
    """Mean of the brightest quarter: an arrow lights a part of its disc only."""
    count = max(3, len(light) // 4)
    return float(np.partition(light, len(light) - count)[-count:].mean())


def _fits(colour: str, glow: NDArray[np.float32], rise: NDArray[np.float32], *, alone: bool) -> bool:
    """Whether the light of a lamp has its colour; one burnt white is believed by its place, if it is the brightest."""
    coloured = glow[rise > 0.35 * rise.max()]
    blue, green, red = np.maximum(coloured, 0.0).mean(axis=0).tolist()
    top, low = max(blue, green, red), min(blue, green, red)
    if top <= 0.0:
        return False
    if (top - low) / top < LEAST_SATURATION:
        return alone and top > 120.0
    hue = math.degrees(math.atan2(math.sqrt(3.0) * (green - blue), 2.0 * red - green - blue))
    first, last = HUES[colour]
    return first <= hue <= last or first <= hue + 360.0 <= last
