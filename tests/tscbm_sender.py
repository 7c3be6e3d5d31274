"""A simulated controller for tests: sends real TSCBM datagrams, tenth after tenth, when told to."""

from __future__ import annotations

import itertools
import socket
import time

from hw.signal.tscbm import TscbmBlock, TscbmMasks, TscbmMessage, encode_tscbm

_sequence = itertools.count()  # the up-time of the one simulated controller, over all its senders


class TscbmSender:
    """Sends to one address; the clock is the real one and the sequence counts the messages.

    Args:
        address: where the node listens.
    """

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def send(self, *, greens: int = 0b1, reds: int = 0b10) -> bytes:
        """Send one message with these phases and return its bytes."""
        clock_ms = time.time_ns() // 1_000_000 % 86_400_000
        message = TscbmMessage(
            blocks=tuple(TscbmBlock(number, 50, 90) for number in range(1, 17)),
            masks=TscbmMasks(phase_reds=reds, phase_greens=greens),
            status=0,
            action_plan=1,
            version=2,
            discontinuity=0,
            sequence=next(_sequence) % 256,
            second_of_day=clock_ms // 1000,
            millisecond=clock_ms % 1000,
        )
        payload = encode_tscbm(message)
        self.send_raw(payload)
        return payload

    def send_raw(self, payload: bytes) -> None:
        """Send these bytes."""
        self._socket.sendto(payload, self._address)

    def close(self) -> None:
        """Release the socket."""
        self._socket.close()
