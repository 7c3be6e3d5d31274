"""TSCBM, the SPaT broadcast of NEMA controllers ("Battelle SPaT"): 241 or 245 bytes over UDP at 10 Hz, big-endian."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from edge.core.errors import CodecError
from edge.core.signals import ControllerGroup, GroupKind, IntersectionStatus, SignalSnapshot
from edge.core.stamp import NS_PER_MS, NS_PER_S, Stamp
from hw.signal.nema import pedestrian_lamp, vehicle_lamp

MESSAGE_ID = 0xCD
MOST_BLOCKS = 16
UNBOUNDED = 0xFFFF
NOT_TIMED = 0
DAY_S = 86_400
_TENTH_NS = 100 * NS_PER_MS
_BLOCK = struct.Struct(">B6H")
_MASKS = struct.Struct(">11H")
_TAIL = struct.Struct(">4B3sH")
_CALLS = struct.Struct(">2H")
_HEAD_BYTES = 2


def lengths(blocks: int) -> tuple[int, int]:
    """Octets of a message of this many blocks, without and with the pedestrian calls: 241 or 245 of the usual 16."""
    short = _HEAD_BYTES + blocks * _BLOCK.size + _MASKS.size + _TAIL.size
    return short, short + _CALLS.size


LENGTHS = frozenset(length for blocks in range(1, MOST_BLOCKS + 1) for length in lengths(blocks))
"""Every length that a message may have."""

# Intersection status byte, bit by bit. Bits 5 (coordinated) and 6 (coordination transition) say nothing that
# a road user can act on and have no neutral flag.
STATUS_BITS = (
    (0x01, IntersectionStatus.MANUAL_CONTROL),
    (0x02, IntersectionStatus.STOP_TIME),
    (0x04, IntersectionStatus.FAILURE_FLASH),
    (0x08, IntersectionStatus.PREEMPT),
    (0x10, IntersectionStatus.PRIORITY),
    (0x80, IntersectionStatus.PROGRAMMED_FLASH),
)


@dataclass(frozen=True, slots=True)
class TscbmBlock:
    """Countdowns of one number, in tenths of a second from the message time; 0 not timed, 65535 unbounded.

    Attributes:
        number: phase and overlap number 1-16; 0: block not used.
        vehicle_min, vehicle_max: of the vehicle phase.
        pedestrian_min, pedestrian_max: of the pedestrian phase.
        overlap_min, overlap_max: of the overlap of the same number.
    """

    number: int
    vehicle_min: int = 0
    vehicle_max: int = 0
    pedestrian_min: int = 0
    pedestrian_max: int = 0
    overlap_min: int = 0
    overlap_max: int = 0


@dataclass(frozen=True, slots=True)
class TscbmMasks:
    """Lamps as bit masks; bit 0 is number 1."""

    phase_reds: int = 0
    phase_yellows: int = 0
    phase_greens: int = 0
    dont_walks: int = 0
    pedestrian_clears: int = 0
    walks: int = 0
    overlap_reds: int = 0
    overlap_yellows: int = 0
    overlap_greens: int = 0
    flashing_phases: int = 0
    flashing_overlaps: int = 0


@dataclass(frozen=True, slots=True)
class TscbmMessage:
    """One broadcast of the controller.

    Attributes:
        blocks: sixteen, or fewer.
        masks: the lamps.
        status: raw intersection status byte.
        action_plan: timebase action plan.
        version: upper five bits of byte 234 (1 or 2 seen in the field).
        discontinuity: lower three bits of byte 234.
        sequence: low byte of the controller's up-time in tenths of a second.
        second_of_day, millisecond: the controller's clock.
        direct_calls, latched_calls: pedestrian calls as bit masks; None: the short form.
    """

    blocks: tuple[TscbmBlock, ...]
    masks: TscbmMasks
    status: int
    action_plan: int
    version: int
    discontinuity: int
    sequence: int
    second_of_day: int
    millisecond: int
    direct_calls: int | None = None
    latched_calls: int | None = None


def decode_tscbm(payload: bytes) -> TscbmMessage:
    """Decode one datagram.

    Raises:
        CodecError: length, identifier, blocks or clock are not those of a TSCBM.
    """
    if len(payload) not in LENGTHS:
        raise CodecError("TSCBM", f"{len(payload)} bytes, expected 241 or 245")
    if payload[0] != MESSAGE_ID:
        raise CodecError("TSCBM", f"identifier 0x{payload[0]:02x}, expected 0xcd", offset=0)
    expected = lengths(payload[1])
    if len(payload) not in expected:
        problem = f"{payload[1]} blocks take {expected[0]} or {expected[1]} bytes, not {len(payload)}"
        raise CodecError("TSCBM", problem, offset=1)
    masks_at = _HEAD_BYTES + payload[1] * _BLOCK.size
    tail_at = masks_at + _MASKS.size
    blocks = tuple(TscbmBlock(*fields) for fields in _BLOCK.iter_unpack(payload[_HEAD_BYTES:masks_at]))
    numbers = [block.number for block in blocks if block.number]
    if len(set(numbers)) != len(numbers) or max(numbers, default=0) > MOST_BLOCKS:
        raise CodecError("TSCBM", f"block numbers {numbers}", offset=2)
    status, plan, flag, sequence, second, millisecond = _TAIL.unpack_from(payload, tail_at)
    second_of_day = int.from_bytes(second, "big")
    if second_of_day >= DAY_S or millisecond > 999:
        raise CodecError("TSCBM", f"clock reads {second_of_day} s {millisecond} ms", offset=tail_at + 4)
    calls = _CALLS.unpack_from(payload, expected[0]) if len(payload) == expected[1] else (None, None)
    return TscbmMessage(
        blocks=blocks,
        masks=TscbmMasks(*_MASKS.unpack_from(payload, masks_at)),
        status=status,
        action_plan=plan,
        version=flag >> 3,
        discontinuity=flag & 0x07,
        sequence=sequence,
        second_of_day=second_of_day,
        millisecond=millisecond,
        direct_calls=calls[0],
        latched_calls=calls[1],
    )


def split_datagrams(octets: bytes) -> list[bytes]:
    """The datagrams of a recording of several, one after the other; what is none reaches to the next one or the end."""
    found: list[bytes] = []
    at = 0
    while at < len(octets):
        rest = octets[at:]
        short, long = lengths(rest[1]) if _begins(rest) else (0, 0)
        ends = [end for end in (short, long) if 0 < end <= len(rest)]
        size = next((end for end in ends if rest[end : end + 2] in (b"", rest[:2])), 0)
        size = size or next((end for end in reversed(ends) if _begins(rest[end:])), ends[0] if ends else 0)
        if not size:
            again = rest.find(bytes((MESSAGE_ID, MOST_BLOCKS)), 1)
            size = len(rest) if again < 0 else again
        found.append(rest[:size])
        at += size
    return found or [octets]


def _begins(octets: bytes) -> bool:
    return len(octets) > 1 and octets[0] == MESSAGE_ID and 1 <= octets[1] <= MOST_BLOCKS


def encode_tscbm(message: TscbmMessage) -> bytes:
    """The datagram of a message; the inverse of `decode_tscbm`."""
    masks = message.masks
    parts = [bytes((MESSAGE_ID, len(message.blocks)))]
    for block in message.blocks:
        vehicle = (block.vehicle_min, block.vehicle_max)
        pedestrian = (block.pedestrian_min, block.pedestrian_max)
        parts.append(_BLOCK.pack(block.number, *vehicle, *pedestrian, block.overlap_min, block.overlap_max))
    vehicle_masks = (masks.phase_reds, masks.phase_yellows, masks.phase_greens)
    pedestrian_masks = (masks.dont_walks, masks.pedestrian_clears, masks.walks)
    overlap_masks = (masks.overlap_reds, masks.overlap_yellows, masks.overlap_greens)
    flashing = (masks.flashing_phases, masks.flashing_overlaps)
    parts.append(_MASKS.pack(*vehicle_masks, *pedestrian_masks, *overlap_masks, *flashing))
    flag = message.version << 3 | message.discontinuity
    second = message.second_of_day.to_bytes(3, "big")
    parts.append(
        _TAIL.pack(message.status, message.action_plan, flag, message.sequence, second, message.millisecond)
    )
    if message.direct_calls is not None:
        parts.append(_CALLS.pack(message.direct_calls, message.latched_calls or 0))
    return b"".join(parts)


def nearest_utc_ns(message: TscbmMessage, *, arrival_ns: int, utc_offset_s: int = 0) -> int:
    """The instant nearest to `arrival_ns` at which the controller's clock read what it says.

    Args:
        utc_offset_s: how far the controller's clock is ahead of UTC (its time zone).
    """
    day_ns = DAY_S * NS_PER_S
    clock_ns = (message.second_of_day - utc_offset_s) * NS_PER_S + message.millisecond * NS_PER_MS
    ahead_ns = (clock_ns - arrival_ns) % day_ns
    return arrival_ns + (ahead_ns if ahead_ns < day_ns // 2 else ahead_ns - day_ns)


def status_flags(status: int) -> IntersectionStatus:
    """The status byte as neutral flags."""
    flags = IntersectionStatus.NONE
    for bit, flag in STATUS_BITS:
        if status & bit:
            flags |= flag
    return flags


def to_snapshot(message: TscbmMessage, *, controller: str, stamp: Stamp, alive_ns: int) -> SignalSnapshot:
    """The message as a neutral snapshot: all three kinds of every number in use, dark where nothing is lit."""
    groups = [group for block in message.blocks if block.number for group in _groups(message, block, stamp)]
    return SignalSnapshot(
        controller=controller,
        stamp=stamp,
        alive_ns=alive_ns,
        groups=tuple(groups),
        status=status_flags(message.status),
        plan=message.action_plan,
    )


def _groups(message: TscbmMessage, block: TscbmBlock, stamp: Stamp) -> tuple[ControllerGroup, ...]:
    masks, number = message.masks, block.number
    bit = 1 << (number - 1)
    phase = vehicle_lamp(
        bit,
        reds=masks.phase_reds,
        yellows=masks.phase_yellows,
        greens=masks.phase_greens,
        flashing=masks.flashing_phases,
    )
    overlap = vehicle_lamp(
        bit,
        reds=masks.overlap_reds,
        yellows=masks.overlap_yellows,
        greens=masks.overlap_greens,
        flashing=masks.flashing_overlaps,
    )
    walkers = pedestrian_lamp(
        bit,
        dont_walks=masks.dont_walks,
        pedestrian_clears=masks.pedestrian_clears,
        walks=masks.walks,
    )
    call = bool(((message.direct_calls or 0) | (message.latched_calls or 0)) & bit)
    at_ns = stamp.capture_ns
    return (
        ControllerGroup(
            GroupKind.VEHICLE, number, phase, *_ends(at_ns, block.vehicle_min, block.vehicle_max)
        ),
        ControllerGroup(
            GroupKind.PEDESTRIAN,
            number,
            walkers,
            *_ends(at_ns, block.pedestrian_min, block.pedestrian_max),
            call=call,
        ),
        ControllerGroup(
            GroupKind.OVERLAP, number, overlap, *_ends(at_ns, block.overlap_min, block.overlap_max)
        ),
    )


def _ends(at_ns: int, minimum: int, maximum: int) -> tuple[int | None, int | None]:
    bounds = (
        None if tenths in (NOT_TIMED, UNBOUNDED) else at_ns + tenths * _TENTH_NS
        for tenths in (minimum, maximum)
    )
    return next(bounds), next(bounds)
