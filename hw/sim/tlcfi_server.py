"""A simulated TLC (Dutch iVRI) with its TLC-FI server: `python -m hw.sim.tlcfi_server --listen 127.0.0.1:11501`.

Plays the fixed-time plan with exact predictions, and can misbehave.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import socket
import sys
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass

from edge.core.errors import CodecError
from edge.core.signals import LampState
from edge.core.stamp import NS_PER_MS, NS_PER_S
from hw.signal import tlcfi
from hw.signal.tlcfi import BraceReader, ObjectType, Rpc
from hw.sim.lifetime import run_device
from hw.sim.plan_lights import Phase, lights, next_change_ns
from hw.sim.world import address_of

FACILITIES, INTERSECTION = "SIM_1", "K000001"
STATES = {
    LampState.RED: 3,
    LampState.RED_YELLOW: 4,
    LampState.GREEN: 6,
    LampState.YELLOW: 8,
    LampState.FLASHING_RED: 7,  # people clear the crossing
    LampState.FLASHING_YELLOW: 9,
    LampState.DARK: 1,
}
NAMES = tuple(f"{number:02d}" for number in range(1, 13))
CERTAIN = 15
"""Confidence of an exact prediction, J2735 scale."""


@dataclass(slots=True)
class TlcFaults:
    """Faults that a test switches on.

    Attributes:
        silent: answers and tells nothing; the connection stays (half open).
        no_replies: answers no call, but goes on telling.
        refuse: error code that Register is answered with; 0: none.
        major: version that it claims.
        chunk: octets per write; 0: whole objects.
        ticks_at: ticks at the epoch: near 2^32 they wrap soon.
    """

    silent: bool = False
    no_replies: bool = False
    refuse: int = 0
    major: int = 1
    chunk: int = 0
    ticks_at: int = 0


class TlcfiServer:
    """One TLC; many consumers may connect. Call it from its event loop only.

    Counters: connections, registered, deregistered, bad (what did not parse), alive (heartbeats that came back).

    Args:
        names: ids of its signal groups.
        alive_s: between its heartbeats.

    Attributes:
        faults: switched by tests.
        log: newest objects, `("in" or "out", rpc)`.
        subscribed: set once somebody has subscribed to the signal groups.
    """

    def __init__(
        self,
        names: Sequence[str] = NAMES,
        *,
        alive_s: float = 2.0,
        faults: TlcFaults | None = None,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self.names, self.faults = tuple(names), faults or TlcFaults()
        self.counters: Counter[str] = Counter()
        self.log: deque[tuple[str, Rpc]] = deque(maxlen=2000)
        self.subscribed = asyncio.Event()
        self.address: tuple[str, int] | None = None
        self._alive_s, self._now_ns = alive_s, now_ns
        self._states: dict[str, Rpc] = {name: {"state": 3, "predictions": None} for name in self.names}
        self._control = 7
        self._writers: set[asyncio.StreamWriter] = set()
        self._subscribers: set[asyncio.StreamWriter] = set()
        self._talks: set[asyncio.Task[None]] = set()
        self._backlog: deque[bytes] = deque(maxlen=1000)

    @contextlib.asynccontextmanager
    async def serving(
        self, host: str = "127.0.0.1", port: int = 0, *, sock: socket.socket | None = None
    ) -> AsyncIterator[TlcfiServer]:
        """Listen while inside: on an address, or on a socket that listens already."""
        if sock is None:
            server = await asyncio.start_server(self._consumer, host, port)
        else:
            server = await asyncio.start_server(self._consumer, sock=sock)
        bound = server.sockets[0].getsockname()
        self.address = (bound[0], bound[1])
        beats = asyncio.create_task(self._beats())
        try:
            yield self
        finally:
            beats.cancel()
            server.close()
            self.disconnect()
            if self._talks:
                await asyncio.wait(self._talks, timeout=1.0)

    def ticks(self, at_ns: int | None = None) -> int:
        """Ticks of a time; None: of now."""
        at_ms = (self._now_ns() if at_ns is None else at_ns) // NS_PER_MS
        return (at_ms + self.faults.ticks_at) % tlcfi.TICK_WRAP

    def show(self, states: Mapping[str, Rpc]) -> None:
        """Groups have changed: tell who has subscribed, now or as soon as somebody has.

        Args:
            states: `state`, `predictions` or both, per id.
        """
        for name, state in states.items():
            self._states[name] = self._states.get(name, {}) | state
        self._update(ObjectType.SIGNAL_GROUP, states)

    def set_control(self, state: int) -> None:
        """The state of the intersection has changed."""
        self._control = state
        self._update(ObjectType.INTERSECTION, {INTERSECTION: {"state": state}})

    def send_raw(self, octets: bytes) -> None:
        """Send octets as they are to every subscriber, after what waits."""
        self._backlog.append(octets)
        self._flush()

    def disconnect(self) -> None:
        """Cut every connection."""
        for writer in self._writers:
            writer.transport.abort()

    async def play(self) -> None:
        """Show the plan until cancelled."""
        while True:
            now_ns = self._now_ns()
            self.show(self.plan_states(now_ns))
            await asyncio.sleep(max(0.0, (next_change_ns(now_ns) - self._now_ns()) / NS_PER_S))

    def plan_states(self, now_ns: int) -> dict[str, Rpc]:
        """State and predictions of every group at one instant of the plan."""
        shown = lights(now_ns)
        return {name: self._plan(shown[number]) for number, name in enumerate(self.names, start=1)}

    def _plan(self, coming: tuple[Phase, ...]) -> Rpc:
        predictions = [
            {
                "state": STATES[phase.lamp],
                "minEnd": self.ticks(phase.end_ns),
                "maxEnd": self.ticks(phase.end_ns),
                "likelyEnd": self.ticks(phase.end_ns),
                "confidence": CERTAIN,
            }
            for phase in coming
        ]
        return {"state": STATES[coming[0].lamp], "predictions": predictions}

    async def _consumer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.counters["connections"] += 1
        talk = asyncio.current_task()
        assert talk is not None
        self._talks.add(talk)
        talk.add_done_callback(self._talks.discard)
        self._writers.add(writer)
        frames = BraceReader()
        try:
            while data := await reader.read(65536):
                for frame in frames.feed(data):
                    self._hear(frame, writer)
        except ConnectionError:
            self.counters["cut"] += 1
        finally:
            self._writers.discard(writer)
            self._subscribers.discard(writer)
            if not self._subscribers:
                self.subscribed.clear()
            writer.close()

    def _hear(self, frame: bytes, writer: asyncio.StreamWriter) -> None:
        try:
            rpc = tlcfi.parse_rpc(frame)
        except CodecError:
            self.counters["bad"] += 1
            return
        self.log.append(("in", rpc))
        if "method" not in rpc:
            self.counters["alive"] += "result" in rpc
            return
        if self.faults.no_replies:
            return
        number, method, params = rpc.get("id"), rpc["method"], rpc.get("params") or {}
        if method == "Register" and self.faults.refuse:
            self._write(writer, tlcfi.fault(number, self.faults.refuse, "refused"))
            return
        self._write(writer, tlcfi.answer(number, self._result(method, params)))
        if method == "Subscribe" and params["type"] == ObjectType.SIGNAL_GROUP:
            self._subscribers.add(writer)
            self.subscribed.set()
            self._flush()

    def _result(self, method: str, params: Rpc) -> Rpc:
        self.counters["registered"] += method == "Register"
        self.counters["deregistered"] += method == "Deregister"
        if method == "Register":
            version = {**tlcfi.PROTOCOL_VERSION, "major": self.faults.major}
            facilities = tlcfi.objects(ObjectType.FACILITIES, [FACILITIES])
            return {"facilities": facilities, "sessionid": "session1", "version": version}
        if method == "Alive":
            return params
        if method == "ReadMeta":
            meta = [self._meta(params["type"], name) for name in params["ids"]]
            return {"meta": meta, "objects": params, "ticks": self.ticks()}
        if method == "Subscribe":
            data = [self._state(params["type"], name) for name in params["ids"]]
            return {"data": data, "objects": params, "ticks": self.ticks()}
        return {}

    def _meta(self, kind: int, name: str) -> Rpc:
        if kind == ObjectType.FACILITIES:
            return {"id": name, "intersections": [INTERSECTION], "signalgroups": list(self.names)}
        if kind == ObjectType.INTERSECTION:
            return {"id": name, "signalgroups": list(self.names)}
        timing = [{"min": 20, "max": None, "state": 3}, {"min": 30, "max": 30, "state": 8}]
        return {"id": name, "intersection": INTERSECTION, "timing": timing}

    def _state(self, kind: int, name: str) -> Rpc:
        if kind == ObjectType.INTERSECTION:
            return {"state": self._control, "stateticks": self.ticks()}
        return self._states.get(name, {"state": 0})

    def _update(self, kind: ObjectType, states: Mapping[str, Rpc]) -> None:
        update = {"objects": tlcfi.objects(kind, list(states)), "states": list(states.values())}
        rpc = {"method": "UpdateState", "params": {"ticks": self.ticks(), "update": [update]}}
        self.log.append(("out", rpc))
        self._backlog.append(tlcfi.encode_rpc(rpc))
        self._flush()

    async def _beats(self) -> None:
        for number in range(1, sys.maxsize):
            await asyncio.sleep(self._alive_s)
            alive = {"ticks": self.ticks(), "time": self._now_ns() // NS_PER_MS}
            for writer in self._subscribers:
                self._write(writer, tlcfi.call(number, "Alive", alive))

    def _flush(self) -> None:
        """Send what waits, once the groups are subscribed to."""
        while self._backlog and self._subscribers:
            octets = self._backlog.popleft()
            for writer in self._subscribers:
                self._write(writer, octets)

    def _write(self, writer: asyncio.StreamWriter, octets: bytes) -> None:
        if self.faults.silent:
            return
        chunk = self.faults.chunk or len(octets)
        for at in range(0, len(octets), chunk):
            writer.write(octets[at : at + chunk])


async def _serve(options: argparse.Namespace) -> None:
    tlc = TlcfiServer(alive_s=options.alive)
    async with tlc.serving(*options.listen):
        await tlc.play()


def main() -> int:
    """Entry point of `python -m hw.sim.tlcfi_server`."""
    parser = argparse.ArgumentParser(prog="hw.sim.tlcfi_server", description="A simulated TLC with TLC-FI.")
    parser.add_argument(
        "--listen", type=address_of, default=("127.0.0.1", tlcfi.DEFAULT_PORT), metavar="HOST:PORT"
    )
    parser.add_argument("--alive", type=float, default=2.0, help="seconds between heartbeats")
    return run_device(parser, _serve)


if __name__ == "__main__":
    sys.exit(main())
