"""TLC-FI in the contract of signal controllers: the driver connects to the TLC."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
import weakref
from collections.abc import Iterator

from edge.core.signals import GroupKind
from edge.ports import SignalController
from hw.signal.tlcfi_controller import TlcfiController
from hw.signal.tlcfi_session import TlcfiSettings
from hw.sim.tlcfi_server import TlcfiServer
from tests.contract.signal_peer import Peer

SETTINGS = TlcfiSettings("tlcfi", tuple((number, GroupKind.GROUP, None) for number in (1, 2)))
_sockets: weakref.WeakKeyDictionary[TlcfiController, socket.socket] = weakref.WeakKeyDictionary()
"""Where the TLC of each driver listens: a driver must find it before anybody answers there."""


def make_tlcfi() -> TlcfiController:
    listening = socket.create_server(("127.0.0.1", 0))
    controller = TlcfiController(*listening.getsockname(), settings=SETTINGS)
    _sockets[controller] = listening
    weakref.finalize(controller, listening.close)
    return controller


def tlcfi_rival(first: SignalController) -> TlcfiController:
    """One whose TLC does not listen."""
    del first
    with socket.create_server(("127.0.0.1", 0)) as closed:
        address = closed.getsockname()
    return TlcfiController(*address, settings=SETTINGS)


@contextlib.contextmanager
def tlcfi_peer(controller: SignalController) -> Iterator[Peer]:
    assert isinstance(controller, TlcfiController)
    tlc, listening = TlcfiServer(), _sockets[controller].dup()
    states = itertools.cycle((6, 3))

    async def serve() -> None:
        async with tlc.serving(sock=listening):
            await asyncio.Event().wait()

    task = asyncio.get_running_loop().create_task(serve())
    try:
        yield Peer(
            good=lambda: tlc.show({"01": {"state": 6}, "02": {"state": next(states)}}),
            bad=lambda: tlc.send_raw(b'{"jsonrpc":"2.0","nonsense":1}'),
        )
    finally:
        task.cancel()
