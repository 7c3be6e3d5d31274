"""A consumer's session and a TLC that is played by hand, object by object, on a clock of their own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from edge.core.signals import GroupKind, SignalSnapshot
from edge.core.stamp import NS_PER_MS, NS_PER_S
from hw.signal import tlcfi
from hw.signal.tlcfi import BraceReader, ObjectType, Rpc
from hw.signal.tlcfi_session import TlcfiSession, TlcfiSettings

T0 = 1_700_000_000 * NS_PER_S
NAMES = ("02", "71")
SETTINGS = TlcfiSettings("tlc", ((2, GroupKind.GROUP, None), (9, GroupKind.PEDESTRIAN, "71")), username="us")
TIMING = [{"state": 3, "min": 20, "max": None}, {"state": 8, "min": 30, "max": 60}]


class Script:
    """Plays the TLC.

    Attributes:
        now_ns: the time; moved by `wait`.
        ticks_at_t0: ticks of the TLC at the start.
        calls: what the consumer has called so far; `replies` what it has answered.
        snapshots: what it has published.
    """

    def __init__(self, settings: TlcfiSettings = SETTINGS, *, ticks_at_t0: int = 5_000_000) -> None:
        self.now_ns, self.ticks_at_t0 = T0, ticks_at_t0
        self.counters: Counter[str] = Counter()
        self.snapshots: list[SignalSnapshot] = []
        self.calls: list[Rpc] = []
        self.replies: list[Rpc] = []
        self._reader = BraceReader()
        self.session = TlcfiSession(settings, counters=self.counters, publish=self.snapshots.append)
        self.session.opened(self.now_ns)
        self._hear()

    def ticks(self, ahead_ms: int = 0) -> int:
        return (self.ticks_at_t0 + (self.now_ns - T0) // NS_PER_MS + ahead_ms) % tlcfi.TICK_WRAP

    def wait(self, time_ns: int) -> None:
        self.now_ns += time_ns
        self.session.tick(self.now_ns)
        self._hear()

    def say_raw(self, octets: bytes) -> None:
        self.session.received(octets, self.now_ns)
        self._hear()

    def say(self, rpc: Mapping[str, object]) -> None:
        self.say_raw(tlcfi.encode_rpc(rpc))

    def answer(self, method: str, kind: ObjectType | None = None, **result: object) -> None:
        """Answer the oldest open call of a method (and object type)."""
        call = next(
            call
            for call in self.calls
            if call["method"] == method and (kind is None or call["params"]["type"] == kind)
        )
        self.calls.remove(call)
        self.say({"id": call["id"], "result": result})

    def refuse(self, method: str, code: int) -> None:
        call = next(call for call in self.calls if call["method"] == method)
        self.say({"id": call["id"], "error": {"code": code, "message": "no"}})

    def register(self, *, major: int = 1) -> None:
        version = {**tlcfi.PROTOCOL_VERSION, "major": major}
        self.answer("Register", facilities={"ids": ["F"], "type": 1}, sessionid="s", version=version)

    def establish(self, *states: Rpc, names: tuple[str, ...] = NAMES, timing: object = TIMING) -> None:
        """Everything up to the subscription of the signal groups, which show these states."""
        self.register()
        self.answer("ReadMeta", ObjectType.FACILITIES, meta=[{"id": "F", "intersections": ["K1"]}])
        self.answer("ReadMeta", ObjectType.INTERSECTION, meta=[{"id": "K1", "signalgroups": list(names)}])
        self.answer("Subscribe", ObjectType.INTERSECTION, data=[{"state": 7}], ticks=self.ticks())
        self.answer(
            "ReadMeta", ObjectType.SIGNAL_GROUP, meta=[{"id": name, "timing": timing} for name in NAMES]
        )
        self.answer(
            "Subscribe",
            ObjectType.SIGNAL_GROUP,
            data=list(states or ({"state": 3}, {"state": 6})),
            objects=tlcfi.objects(ObjectType.SIGNAL_GROUP, NAMES),
            ticks=self.ticks(),
        )

    def update(
        self, states: Mapping[str, Rpc], *, kind: ObjectType = ObjectType.SIGNAL_GROUP, late_ms: int = 0
    ) -> SignalSnapshot:
        """An update `late_ms` after its ticks, 10 ms after the last; the newest snapshot."""
        self.now_ns += 10 * NS_PER_MS
        entry = {"objects": tlcfi.objects(kind, list(states)), "states": list(states.values())}
        self.say({"method": "UpdateState", "params": {"ticks": self.ticks(-late_ms), "update": [entry]}})
        return self.snapshots[-1]

    def _hear(self) -> None:
        for frame in self._reader.feed(self.session.take_output()):
            rpc = tlcfi.parse_rpc(frame)
            (self.calls if "method" in rpc else self.replies).append(rpc)
