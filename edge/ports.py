"""What the node needs of the world: small protocols that drivers in `hw` implement.

Cameras are read in a thread of their own process, so their port blocks; everything else is asyncio.
Every driver raises `DeviceError` when it cannot open or loses its device; the caller backs off and tries again.
Bad input is not an error: drivers count it in `counters` and go on.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edge.core.priority import PhaseCommand
from edge.core.signals import SignalSnapshot
from edge.core.stamp import Stamp
from edge.core.v2x import RadioFrame

Image = NDArray[np.uint8]
"""(height, width, 3) uint8, blue green red."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture. It never leaves the camera process.

    Attributes:
        image: (height, width, 3) uint8 BGR.
        stamp: capture time.
        arrival_ns: UTC ns at which the frame was complete in memory.
        frame_id: counts up by one per captured frame; a gap is a lost frame.
        trouble: what is wrong with the camera although it delivers, and what to do, for a person; empty: nothing.
    """

    image: Image
    stamp: Stamp
    arrival_ns: int
    frame_id: int
    trouble: str = ""


class Clock(Protocol):
    """The time of the world: the system clock, a replay or a simulation."""

    def now_ns(self) -> int:
        """UTC nanoseconds."""
        ...

    async def sleep_until(self, when_ns: int) -> None:
        """Return at or soon after `when_ns`."""
        ...


class Camera(Protocol):
    """A source of frames, read by one thread."""

    counters: dict[str, int]

    def open(self) -> None:
        """Connect. Raises `DeviceError`."""
        ...

    def read(self, *, timeout_s: float) -> Frame | None:
        """The next frame; None when none came in time. Raises `DeviceError` at end of file or on loss."""
        ...

    def close(self) -> None:
        """Release the device; safe to call twice."""
        ...


@dataclass(frozen=True, slots=True)
class Boxes:
    """n detected boxes of one image.

    Attributes:
        box_px: (n, 4) float32 x1 y1 x2 y2 in pixels of the full image, clipped to it.
        confidence: (n,) float64 in 0..1.
        class_log_odds: (n, 6) float64 per `ObjectClass` column.
    """

    box_px: NDArray[np.float32]
    confidence: NDArray[np.float64]
    class_log_odds: NDArray[np.float64]


class Model(Protocol):
    """A detector: an image in, boxes out."""

    name: str

    def detect(self, image: Image) -> Boxes:
        """Find road users."""
        ...


class SignalController(Protocol):
    """A signal controller: an async context manager that yields snapshots for as long as it is connected."""

    counters: dict[str, int]

    def snapshots(self) -> AbstractAsyncContextManager[AsyncIterator[SignalSnapshot]]:
        """Connect and iterate. Raises `DeviceError`."""
        ...


class PhaseCommander(Protocol):
    """Phase control of a controller that grants it. What is wished ends when nobody repeats it."""

    def ask(self, command: PhaseCommand, phases: frozenset[int], *, source: str, for_s: float) -> str | None:
        """Wish that a command stands for these phases and no others of this source; why it is refused, or None."""
        ...

    def release(self, source: str) -> None:
        """Drop all wishes of a source now."""
        ...

    def stands(self, command: PhaseCommand, phase: int) -> bool:
        """Whether the controller has confirmed that a command stands for a phase."""
        ...


@dataclass(frozen=True, slots=True)
class RadioMessage:
    """An encoded message for the air.

    Attributes:
        kind: standard's name: SPAT, MAP, RSM, RSI, BSM ...
        payload: UPER bytes of the whole MessageFrame.
        expires_ns: UTC ns after which it must not be sent any more.
    """

    kind: str
    payload: bytes
    expires_ns: int


class RsuRadio(Protocol):
    """A roadside radio that sends messages at once or drops them."""

    counters: dict[str, int]

    def connected(self) -> AbstractAsyncContextManager[None]:
        """Hold the link open while inside. Raises `DeviceError`."""
        ...

    async def send(self, message: RadioMessage) -> None:
        """Hand one message over; never waits longer than one message interval; drops and counts."""
        ...


class RadioReceiver(Protocol):
    """A link that hears V2X messages (UDP from an RSU, MQTT topics)."""

    counters: dict[str, int]

    def frames(self) -> AbstractAsyncContextManager[AsyncIterator[RadioFrame]]:
        """Connect and iterate over raw frames. Raises `DeviceError`."""
        ...


@dataclass(frozen=True, slots=True)
class BusMessage:
    """One publication.

    Attributes:
        topic, payload: as published.
        retained: an old one that the broker kept.
    """

    topic: str
    payload: bytes
    retained: bool = False


class Bus(Protocol):
    """A connection to the broker."""

    async def publish(self, topic: str, payload: bytes) -> None:
        """Publish now; waits shortly at most. Raises `DeviceError` when the broker is lost."""
        ...

    def messages(self) -> AsyncIterator[BusMessage]:
        """Publications on what was subscribed, until the broker is lost."""
        ...


@dataclass(frozen=True, slots=True)
class Verification:
    """What a verifier found of one received message.

    Attributes:
        payload: the octets that were signed, or that nobody signed.
        refusal: why it is not verified, one of the verifier's own codes (`unsigned`, `bad_signature` ...); None: it is.
        verified_by: name of who verified it; None where it is refused.
        psid: application that it was signed for (PSID or ITS-AID); None unsigned.
        ssp: the signer's service-specific permissions for that application; None: none given.
        signer: digest of the signer's certificate; None unsigned.
        generated_ns: UTC ns of signing; None: not said.
        requests: digests of certificates that the sender asks for.
    """

    payload: bytes
    refusal: str | None
    verified_by: str | None = None
    psid: int | None = None
    ssp: bytes | None = None
    signer: bytes | None = None
    generated_ns: int | None = None
    requests: tuple[bytes, ...] = ()


class Signer(Protocol):
    """Signs messages for radios that do not."""

    def sign(self, payload: bytes, *, kind: str, now_ns: int) -> bytes:
        """The message with its signature around it. Raises `CodecError` where it may not or cannot sign that kind."""
        ...


class Verifier(Protocol):
    """Checks who signed what was received."""

    counters: dict[str, int]

    def verify(self, octets: bytes, *, now_ns: int) -> Verification:
        """Check one message; refusals are values, and counted. Raises `CodecError` for what is no such message."""
        ...


@dataclass(frozen=True, slots=True)
class Position:
    """A surveyed or received antenna position with the GNSS clock state.

    Attributes:
        latitude_deg, longitude_deg, elevation_m: WGS-84.
        error_m: horizontal one-sigma error.
        stamp_ns: UTC ns.
    """

    latitude_deg: float
    longitude_deg: float
    elevation_m: float
    error_m: float
    stamp_ns: int


class Positioning(Protocol):
    """Where the box is (gpsd, or fixed)."""

    async def position(self) -> Position | None:
        """The newest position; None while there is no fix."""
        ...


class PowerLine(Protocol):
    """The line of the supply that tells that the mains is gone while its store lasts."""

    def changes(self) -> AsyncIterator[bool]:
        """Whether the mains is gone: first as it is, then at each change. Raises `DeviceError`."""
        ...
