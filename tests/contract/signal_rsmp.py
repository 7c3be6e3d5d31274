"""RSMP in the contract of signal controllers: the site connects to the driver."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

from edge.ports import SignalController
from hw.signal.rsmp_controller import RsmpController
from hw.signal.rsmp_session import RsmpSettings
from hw.signal.rsmp_status import RsmpGroup, RsmpIntersection
from hw.sim.rsmp_site import RsmpSite
from tests.contract.signal_peer import Peer

SETTINGS = RsmpSettings(RsmpIntersection("rsmp", (RsmpGroup(1), RsmpGroup(2))))


def make_rsmp() -> RsmpController:
    return RsmpController("127.0.0.1", 0, settings=SETTINGS)


def rsmp_rival(first: SignalController) -> RsmpController:
    assert isinstance(first, RsmpController)
    assert first.address is not None
    return RsmpController(*first.address, settings=SETTINGS)


@contextlib.contextmanager
def rsmp_peer(controller: SignalController) -> Iterator[Peer]:
    assert isinstance(controller, RsmpController)
    assert controller.address is not None
    site = RsmpSite(controller.address)
    task = asyncio.get_running_loop().create_task(site.run())
    try:
        yield Peer(good=lambda: site.show("3B"), bad=lambda: site.send_raw(b"not a message\f"))
    finally:
        task.cancel()
