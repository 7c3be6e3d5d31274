"""Recorded TSCBM packets, what each of them says on the road, and a controller that replays them."""

from __future__ import annotations

import asyncio
import dataclasses
import socket
import time
from pathlib import Path

from hw.signal.tscbm import TscbmMessage, decode_tscbm, encode_tscbm

PERIOD_S = 0.1
TICKS_PER_PACKET = 8
GREEN, YELLOW, RED = "protected_movement_allowed", "protected_clearance", "stop_and_remain"
FLASHING_YELLOW, FLASHING_RED = "caution_conflicting_traffic", "stop_then_proceed"
UNLIT = ("unavailable", "dark")
"""A lamp that the controller never lit is unavailable; one that went out is dark."""
LEFT_TURNS, WALKERS = (1, 3, 5, 7), (22, 24, 26, 28)

States = dict[int, str | tuple[str, ...]]


def _states(main: str, cross: str, left: str | tuple[str, ...] = UNLIT) -> States:
    """States of every signal group: phases 2 and 6, phases 4 and 8, the left turns; nobody walks."""
    vehicles: States = {2: main, 6: main, 4: cross, 8: cross}
    return vehicles | dict.fromkeys(LEFT_TURNS, left) | dict.fromkeys(WALKERS, RED)


EXPECTED: tuple[States, ...] = (
    _states(GREEN, RED),
    _states(RED, GREEN),
    _states(RED, GREEN),
    _states(RED, GREEN),
    _states(RED, YELLOW),
    _states(RED, FLASHING_YELLOW),
    _states(FLASHING_RED, YELLOW),
    _states(GREEN, RED, RED),
)
"""Read by hand from the masks at bytes 210-231 of each packet: seven lines of CARMA Streets, then V2X-Hub's."""


def recorded_packets(data: Path) -> tuple[bytes, ...]:
    """The packets as they were recorded, in the order of `EXPECTED`."""
    lines = (data / "tscbm" / "carma_streets_ntcip_spat_data.txt").read_text().split()
    binary = (data / "tscbm" / "v2xhub_spat_1721238398773.bin").read_bytes()
    return (*(bytes.fromhex(line) for line in lines), binary)


class ReplayedController:
    """Sends each packet for a while, over and over, with a running up-time and clock and nothing else changed.

    Attributes:
        sent: capture time UTC ns (whole ms) -> index of the packet, and whether it was the first of its run.

    Args:
        packets: recorded datagrams.
        address: where the node listens.
    """

    def __init__(self, packets: tuple[bytes, ...], address: tuple[str, int]) -> None:
        self.sent: dict[int, tuple[int, bool]] = {}
        self._messages = tuple(decode_tscbm(packet) for packet in packets)
        for packet, message in zip(packets, self._messages, strict=True):
            assert encode_tscbm(message) == packet, "the codec does not give the recorded bytes back"
        self._address, self._count = address, 0

    async def run(self) -> None:
        """Send at 10 Hz until cancelled."""
        loop = asyncio.get_running_loop()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            due = loop.time()
            while True:
                run, tick = divmod(self._count, TICKS_PER_PACKET)
                index = run % len(self._messages)
                sender.sendto(self._next(index, first=tick == 0), self._address)
                due = max(due + PERIOD_S, loop.time())
                await asyncio.sleep(due - loop.time())

    def _next(self, index: int, *, first: bool) -> bytes:
        now_ms = time.time_ns() // 1_000_000
        self.sent[now_ms * 1_000_000] = (index, first)
        self._count += 1
        of_day_ms = now_ms % 86_400_000
        message: TscbmMessage = dataclasses.replace(
            self._messages[index],
            sequence=self._count % 256,
            second_of_day=of_day_ms // 1000,
            millisecond=of_day_ms % 1000,
        )
        return encode_tscbm(message)
