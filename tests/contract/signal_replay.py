"""Replay in the contract of signal controllers: a recording that is still written."""

from __future__ import annotations

import atexit
import contextlib
import itertools
import tempfile
from collections.abc import Iterator
from pathlib import Path

from edge.core.signals import ControllerGroup, GroupKind, LampState, SignalSnapshot
from edge.core.stamp import NS_PER_S, Stamp, TimeSource
from edge.ports import SignalController
from hw.signal.replay import Playing, ReplayController
from hw.signal.snapshot_file import snapshot_line
from tests.contract.signal_peer import Peer

_directory = tempfile.TemporaryDirectory(prefix="edge-replay-")
atexit.register(_directory.cleanup)
_recordings = itertools.count()


class Recorded(ReplayController):
    """A recording that is still written; the suite needs to know where."""

    def __init__(self) -> None:
        self.file = Path(_directory.name) / str(next(_recordings))
        self.file.touch()
        super().__init__(self.file, name="replay", playing=Playing(at_end="wait", pace="fast"))


def replay_rival(first: SignalController) -> SignalController:
    assert isinstance(first, Recorded)
    return ReplayController(first.file.with_name("absent"), name="rival")


@contextlib.contextmanager
def replay_peer(controller: SignalController) -> Iterator[Peer]:
    assert isinstance(controller, Recorded)
    group = ControllerGroup(GroupKind.VEHICLE, 1, LampState.GREEN)
    recorded = SignalSnapshot("c", Stamp(NS_PER_S, TimeSource.SENSOR), NS_PER_S, (group,))
    line = snapshot_line(recorded)
    with controller.file.open("a", encoding="utf-8", buffering=1) as out:
        yield Peer(good=lambda: out.write(line + "\n"), bad=lambda: out.write("no snapshot\n"))
