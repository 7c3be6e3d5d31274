"""The one step from octets to a report gives what the dialect's own decoder gives, on messages of every shape."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from edge.core.errors import CodecError
from edge.core.v2x import V2xReport
from edge.v2x import csae, etsi_cam, j2735
from edge.v2x.codec import flat_decoder, message_codec
from edge.v2x.fast_cam import cam_decoder
from edge.v2x.fast_report import Decode, bsm_decoder
from edge.v2x.frame import J2735_BSM, wrap_j2735
from tests.unit.v2x.mutations import mutated
from tests.unit.v2x.samples import FRAME, NOW_NS
from tests.unit.v2x.test_oracle import fits
from tests.unit.v2x.values import random_value

MESSAGES = 600
BROKEN = 3000
LEAST_TAKEN = 0.05
"""Share of random messages that take the short way; real ones nearly all do."""
MINUTE_NS = 60_000_000_000
ARRIVALS_NS = (
    NOW_NS,
    NOW_NS - NOW_NS % MINUTE_NS,
    NOW_NS - NOW_NS % MINUTE_NS - 1,
    1_400_000_000_000_000_000,
)
"""The last is before the last leap second."""


class TakenByTheSlowWay(Exception):  # noqa: N818 - no error, a fork in the road
    """The short way passed a message on."""


def refuse(payload: bytes, arrival_ns: int) -> V2xReport:
    raise TakenByTheSlowWay


@dataclass(frozen=True)
class Link:
    """A dialect: its message, the short way, and the decoder that is the reference."""

    key: str
    build: Callable[..., Decode]
    slow: Callable[..., V2xReport]
    wrap: Callable[[bytes], bytes] = bytes

    def fast(self) -> Decode:
        return self.build(flat_decoder(self.key), refuse, frame=FRAME, link="west")

    def reference(self, payload: bytes, arrival_ns: int) -> V2xReport:
        return self.slow(payload, frame=FRAME, link="west", arrival_ns=arrival_ns)

    def messages(self) -> Iterator[bytes]:
        """Random messages; first and last values of ranges are frequent in them."""
        for seed in range(MESSAGES):
            value = random_value(self.key, seed, optional=(0.05, 0.3, 0.7)[seed % 3])
            if self.key == "etsi/CAM":
                as_vehicles_send(value, random.Random(seed))
            if fits(self.key, value):
                yield self.wrap(message_codec(self.key).encode(value))


def as_vehicles_send(value: dict[str, Any], chance: random.Random) -> None:
    """A CAM with a header that is read, a type of station that exists, and mostly a sound ellipse."""
    value["header"] |= {"protocolVersion": 2, "messageId": 2}
    basic = value["cam"]["camParameters"]["basicContainer"]
    basic["stationType"] = chance.randint(0, 15)
    ellipse = basic["referencePosition"]["positionConfidenceEllipse"]
    if chance.random() < 0.7:
        major = chance.randint(0, 4094)
        ellipse |= {"semiMajorAxisLength": major, "semiMinorAxisLength": chance.randint(0, major)}


LINKS = [
    Link(
        "j2735/BasicSafetyMessage",
        partial(bsm_decoder, dialect="j2735-2020"),
        j2735.decode_bsm,
        partial(wrap_j2735, J2735_BSM),
    ),
    *(
        Link(
            f"csae-{variant}/BasicSafetyMessage",
            partial(bsm_decoder, dialect=f"csae-53-{variant}"),
            partial(csae.decode_bsm, variant=variant),
        )
        for variant in ("a", "b")
    ),
    Link("etsi/CAM", cam_decoder, etsi_cam.decode_cam),
]


def same(fast: V2xReport, slow: V2xReport) -> bool:
    """Equal but for rounding, and for the yaw of due west, which has two names."""
    numbers = ("x_m", "y_m", "speed_mps", "acceleration_mps2", "length_m", "width_m")
    angles = ("yaw_rad", "ellipse_yaw_rad")
    others = set(V2xReport._fields) - {*numbers, *angles, "ellipse_m"}
    return (
        all(getattr(fast, name) == getattr(slow, name) for name in others)
        and all(close(getattr(fast, name), getattr(slow, name)) for name in numbers)
        and all(same_angle(getattr(fast, name), getattr(slow, name)) for name in angles)
        and (fast.ellipse_m is None) == (slow.ellipse_m is None)
        and all(map(close, fast.ellipse_m or (), slow.ellipse_m or ()))
    )


def close(first: float | None, second: float | None) -> bool:
    if first is None or second is None:
        return first is second
    return math.isclose(first, second, rel_tol=1e-9, abs_tol=1e-6)


def same_angle(first: float | None, second: float | None) -> bool:
    if first is None or second is None:
        return first is second
    return abs(math.remainder(first - second, math.tau)) < 1e-9


@pytest.mark.parametrize("link", LINKS, ids=lambda link: link.key)
def test_the_short_way_gives_the_same_report(link: Link) -> None:
    fast, taken, count = link.fast(), 0, 0
    for count, payload in enumerate(link.messages(), start=1):
        arrival_ns = ARRIVALS_NS[count % len(ARRIVALS_NS)]
        try:
            found = fast(payload, arrival_ns)
        except TakenByTheSlowWay:
            continue
        taken += 1
        assert same(found, link.reference(payload, arrival_ns)), payload.hex()
    assert taken > LEAST_TAKEN * count


@pytest.mark.parametrize("link", LINKS, ids=lambda link: link.key)
def test_of_broken_frames_both_give_the_same_report_or_one_gives_none(link: Link) -> None:
    """The short way looks only at the ranges of what it reads, and not into additions."""
    fast, taken = link.fast(), 0
    stream = mutated(list(link.messages())[:60], random.Random(link.key))
    for _ in range(BROKEN):
        payload = next(stream)
        try:
            found = fast(payload, NOW_NS)
        except TakenByTheSlowWay:
            continue
        expected = reference_or_none(link, payload)
        taken += expected is not None
        assert expected is None or same(found, expected), payload.hex()
    assert taken > BROKEN // 100


@pytest.mark.parametrize("link", LINKS, ids=lambda link: link.key)
def test_the_short_way_takes_no_cut_and_no_surplus(link: Link) -> None:
    fast = link.fast()
    for payload in list(link.messages())[:40]:
        for broken in (*(payload[:size] for size in range(len(payload))), payload + b"\0"):
            with pytest.raises(TakenByTheSlowWay):
                fast(broken, NOW_NS)


def reference_or_none(link: Link, payload: bytes) -> V2xReport | None:
    try:
        return link.reference(payload, NOW_NS)
    except CodecError:
        return None
