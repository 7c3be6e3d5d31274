"""GB/T 20999 in the contract of signal controllers: a device that reports by itself, over UDP and TCP."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

from edge.ports import SignalController
from hw.signal.gb20999 import encode_frame
from hw.signal.gb20999_controller import Gb20999Controller
from hw.signal.gb20999_link import Way
from hw.signal.gb20999_questions import Habits
from hw.sim.gb20999_device import Gb20999Device
from tests.contract.signal_peer import Peer

_LOOPBACK = ("127.0.0.1", 0)
_BESIDE = 20.0
"""Position in the simulated plan, tenths of a second: some group is green."""


def gb20999_udp() -> Gb20999Controller:
    return Gb20999Controller(Way("udp", _LOOPBACK, _LOOPBACK), name="gb20999", habits=Habits(poll_s=0.0))


def gb20999_tcp() -> Gb20999Controller:
    return Gb20999Controller(
        Way("tcp-server", _LOOPBACK, _LOOPBACK), name="gb20999", habits=Habits(poll_s=0.0)
    )


def gb20999_tcp_rival(first: SignalController) -> SignalController:
    assert isinstance(first, Gb20999Controller)
    assert first.address is not None
    return Gb20999Controller(Way("tcp-server", _LOOPBACK, first.address), name="rival")


def gb20999_udp_rival(first: SignalController) -> SignalController:
    assert isinstance(first, Gb20999Controller)
    assert first.address is not None
    return Gb20999Controller(Way("udp", _LOOPBACK, first.address), name="rival")


@contextlib.contextmanager
def _gb20999_peer(controller: SignalController, *, stream: bool) -> Iterator[Peer]:
    """A controller that reports by itself."""
    assert isinstance(controller, Gb20999Controller)
    assert controller.address is not None
    device = Gb20999Device(lambda: _BESIDE)
    kind = socket.SOCK_STREAM if stream else socket.SOCK_DGRAM
    with socket.socket(socket.AF_INET, kind) as out:
        out.bind(_LOOPBACK)
        out.connect(controller.address)
        good, bad = (
            encode_frame(device.report(), escaped=stream),
            encode_frame(device.report(), escaped=stream),
        )
        yield Peer(
            good=lambda: out.send(good), bad=lambda: out.send(bad[:-2] + bytes((bad[-2] ^ 1,)) + bad[-1:])
        )


def gb20999_udp_peer(controller: SignalController) -> contextlib.AbstractContextManager[Peer]:
    return _gb20999_peer(controller, stream=False)


def gb20999_tcp_peer(controller: SignalController) -> contextlib.AbstractContextManager[Peer]:
    return _gb20999_peer(controller, stream=True)
