"""The simulated signal controller: lamps of the world as TSCBM datagrams at 10 Hz."""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from edge.core.stamp import NS_PER_MS
from hw.signal.tscbm import TscbmBlock, TscbmMasks, TscbmMessage
from hw.signal.tscbm import encode_tscbm as encode_message
from hw.sim.poses import WorldState

PERIOD_NS = 100 * NS_PER_MS
VERSION = 2
ACTION_PLAN = 1
MAX_DS = 0xFFFE
_DAY_S = 86_400
_VEHICLE_MASKS = {"RED": "phase_reds", "YELLOW": "phase_yellows", "GREEN": "phase_greens"}
_PEDESTRIAN_MASKS = {"RED": "dont_walks", "FLASHING_RED": "pedestrian_clears", "GREEN": "walks"}


@dataclass(slots=True)
class ControllerFaults:
    """Faults that a test switches on.

    Attributes:
        silent: send nothing.
        wrong_length: leave off the last byte.
        repeated_sequence: keep sending the sequence number of the moment at which this was switched on.
        conflicting_greens: show green for vehicle phases 2 and 4 at once.
        lies: groups by kind and number, and the lamp that is reported in place of theirs.
    """

    silent: bool = False
    wrong_length: bool = False
    repeated_sequence: bool = False
    conflicting_greens: bool = False
    lies: dict[tuple[str, int], str] = field(default_factory=dict)


def encode_tscbm(
    state: WorldState,
    *,
    sequence: int,
    conflicting_greens: bool = False,
    lies: Mapping[tuple[str, int], str] | None = None,
) -> bytes:
    """The 245 bytes for the lamps of a state; its stamp is the controller's clock (UTC)."""
    masks: Counter[str] = Counter()
    times: dict[int, dict[str, int]] = {number: {} for number in range(1, 17)}
    for group in state.groups:
        kind, number = str(group["kind"]), int(str(group["number"]))
        table = _PEDESTRIAN_MASKS if kind == "pedestrian" else _VEHICLE_MASKS
        lamp = (lies or {}).get((kind, number), str(group["lamp"]))
        masks[table[lamp]] |= 1 << (number - 1)
        for bound in ("min", "max"):
            value = group[f"{bound}_ds"]
            times[number][f"{kind}_{bound}"] = 0 if value is None else min(int(str(value)), MAX_DS)
    if conflicting_greens:
        both = 0b1010
        masks["phase_greens"] |= both
        masks["phase_reds"] &= ~both
        masks["phase_yellows"] &= ~both
    clock_ms = state.stamp_ns // NS_PER_MS
    message = TscbmMessage(
        blocks=tuple(TscbmBlock(number, **times[number]) for number in range(1, 17)),
        masks=TscbmMasks(**masks),
        status=0,
        action_plan=ACTION_PLAN,
        version=VERSION,
        discontinuity=0,
        sequence=sequence % 256,
        second_of_day=clock_ms // 1000 % _DAY_S,
        millisecond=clock_ms % 1000,
        direct_calls=0,
        latched_calls=0,
    )
    return encode_message(message)


class TscbmSender:
    """Sends states to one address, at most one per tenth of a second. Counters: sent, failed.

    Attributes:
        faults: switched by tests.
    """

    def __init__(self, address: tuple[str, int]) -> None:
        self.faults, self.counters = ControllerFaults(), Counter[str]()
        self._address = address
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._tenth, self._start_ns, self._sequence = -1, 0, 0

    def offer(self, state: WorldState) -> None:
        """Send this state when a new tenth of a second has begun."""
        tenth = state.stamp_ns // PERIOD_NS
        if tenth == self._tenth or self.faults.silent:
            return
        self._start_ns = self._start_ns or state.stamp_ns
        self._tenth = tenth
        if not self.faults.repeated_sequence:
            up_ns = state.stamp_ns - self._start_ns
            self._sequence = (up_ns + PERIOD_NS // 2) // PERIOD_NS
        datagram = encode_tscbm(
            state,
            sequence=self._sequence,
            conflicting_greens=self.faults.conflicting_greens,
            lies=self.faults.lies,
        )
        try:
            self._socket.sendto(datagram[:-1] if self.faults.wrong_length else datagram, self._address)
            self.counters["sent"] += 1
        except OSError:
            self.counters["failed"] += 1

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()
