"""Encoded SPAT in the contract of signal controllers."""

from __future__ import annotations

import contextlib
import itertools
import socket
import time
from collections.abc import Iterator

from edge.core.signals import GroupState, MovementState, SignalState
from edge.core.stamp import NS_PER_MS, Stamp, TimeSource
from edge.ports import SignalController
from edge.v2x import j2735
from edge.v2x.framing import build_immediate_forward, immediate_forward
from hw.signal.spat_text import SpatTextController
from tests.contract.signal_peer import Peer


def make_spat() -> SpatTextController:
    return SpatTextController("127.0.0.1", 0, name="spat")


def spat_rival(first: SignalController) -> SignalController:
    assert isinstance(first, SpatTextController)
    assert first.address is not None
    return SpatTextController(*first.address, name="rival")


_spat_times = itertools.count(1)


@contextlib.contextmanager
def spat_peer(controller: SignalController) -> Iterator[Peer]:
    assert isinstance(controller, SpatTextController)
    assert controller.address is not None
    target = controller.address
    green = GroupState(2, MovementState.PROTECTED_MOVEMENT_ALLOWED)

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:

        def good() -> None:
            now_ns = time.time_ns() + next(_spat_times) * NS_PER_MS  # no two in one millisecond
            state = SignalState(1, 0, 0, Stamp(now_ns, TimeSource.SENSOR), now_ns, now_ns, now_ns, (green,))
            spat = j2735.encode_spat(state, now_ns=now_ns)
            text = build_immediate_forward(immediate_forward(spat, kind="SPAT", signature=False))
            out.sendto(text, target)

        yield Peer(good=good, bad=lambda: out.sendto(b"Payload=0013", target))
