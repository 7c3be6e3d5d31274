"""One TLC-FI connection seen from a consumer: registration, meta data, subscriptions, updates, heartbeats."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from edge.core.errors import CodecError
from edge.core.signals import GroupKind, SignalSnapshot
from edge.core.stamp import NS_PER_MS, NS_PER_S
from hw.signal import tlcfi
from hw.signal.tlcfi import BraceReader, ObjectType, Rpc
from hw.signal.tlcfi_clock import TickClock
from hw.signal.tlcfi_lights import ConfidenceScale, TlcfiLights, match_names

Reply = Callable[[Rpc, int], None]


@dataclass(frozen=True, slots=True)
class TlcfiSettings:
    """How a TLC is talked to.

    Attributes:
        name: controller name in the site configuration.
        groups: number, kind and TLC-FI id (None: the same number) of each group of the site file.
        username, password, uri: of the registration.
        intersection: id of the intersection; None: the TLC has one only.
        scale: what its confidence counts.
        alive_period_ns: between heartbeats of ours; the TLC sends them back, which proves that it lives.
        reply_timeout_ns: how long an answer may take.
        silence_timeout_ns: longest silence before the connection is given up.
    """

    name: str
    groups: tuple[tuple[int, GroupKind, str | None], ...]
    username: str = ""
    password: str = ""
    uri: str = ""
    intersection: str | None = None
    scale: ConfidenceScale = "j2735"
    alive_period_ns: int = 500 * NS_PER_MS
    reply_timeout_ns: int = 5 * NS_PER_S
    silence_timeout_ns: int = 10 * NS_PER_S


class TlcfiSession:
    """A `hw.tcp.Session`. Pure: bytes and times in, bytes and snapshots out.

    Counters: received (objects), bad_utf8, bad_json, bad_length, bad_content, stray_replies, reply_timeouts,
    silence_timeouts, faults (calls that the TLC refused), events, alive_mismatch (a heartbeat that came back changed),
    doubts (lamps that were asked for anew), clock_rejected (ticks that cannot be), tick_jumps (ticks set anew),
    unmatched (mapped groups that the TLC lacks).

    Args:
        publish: takes every snapshot.
    """

    def __init__(
        self,
        settings: TlcfiSettings,
        *,
        counters: Counter[str],
        publish: Callable[[SignalSnapshot], None],
    ) -> None:
        self._settings, self._counters, self._publish = settings, counters, publish
        self.ended: str | None = None
        self.subscribed = False
        self._reader, self._noise = BraceReader(), 0
        self._clock = TickClock()
        self._lights = TlcfiLights(settings.name, clock=self._clock, scale=settings.scale, counters=counters)
        self._output = bytearray()
        self._pending: dict[int, tuple[int, str, Reply]] = {}
        self._next_id, self._registered, self._proved, self._doubtful = 1, False, False, False
        self._names: list[str] = []
        self._beat_ns = self._heard_ns = 0

    def opened(self, now_ns: int) -> None:
        """The connection stands: register."""
        self._heard_ns = now_ns
        settings = self._settings
        params = tlcfi.registration(username=settings.username, password=settings.password, uri=settings.uri)
        self._call("Register", params, self._on_registered, now_ns)

    def take_output(self) -> bytes:
        """What is to be sent."""
        output = bytes(self._output)
        self._output.clear()
        return output

    def deregister(self, now_ns: int) -> None:
        """Say good-bye."""
        if self._registered and self.ended is None:
            self._call("Deregister", {}, lambda _result, _now_ns: None, now_ns)

    def received(self, data: bytes, now_ns: int) -> None:
        """Octets of the TLC."""
        for frame in self._reader.feed(data):
            if self.ended is not None:
                return
            self._frame(frame, now_ns)
        if self._reader.noise != self._noise:
            self._noise = self._reader.noise
            self._counters["bad_content"] += 1
            self._doubt(now_ns)
        if self._reader.broken:
            self._end("bad_length", f"an object is longer than {tlcfi.MESSAGE_LIMIT} octets")
        if self._proved:
            self._tell(now_ns)
        self._counters["tick_jumps"] = self._clock.jumps

    def tick(self, now_ns: int) -> None:
        """Heartbeats and time-outs."""
        if self.ended is not None:
            return
        settings = self._settings
        oldest = min(self._pending.values(), key=lambda entry: entry[0], default=None)
        if oldest is not None and now_ns - oldest[0] > settings.reply_timeout_ns:
            self._end("reply_timeouts", f"no answer to {oldest[1]}")
        elif now_ns - self._heard_ns > settings.silence_timeout_ns:
            self._end("silence_timeouts", "the TLC is silent")
        elif self._registered and abs(now_ns - self._beat_ns) >= settings.alive_period_ns:
            self._beat(now_ns)

    def _frame(self, frame: bytes, now_ns: int) -> None:
        self._counters["received"] += 1
        try:
            rpc = tlcfi.parse_rpc(frame)
            self._heard_ns = now_ns
            if "method" in rpc:
                self._called(rpc, now_ns)
            else:
                self._answered(rpc, now_ns)
        except CodecError as error:
            self._counters[f"bad_{error.problem.partition(':')[0]}"] += 1
            self._doubt(now_ns)

    def _called(self, rpc: Rpc, now_ns: int) -> None:
        """The TLC calls us, or tells something."""
        method, number, params = rpc["method"], rpc.get("id"), rpc.get("params")
        body = params if isinstance(params, dict) else {}
        if method == "Alive":
            self._observe(body.get("ticks"), now_ns)
            self._output += b"" if number is None else tlcfi.answer(number, params)
        elif method == "UpdateState":
            self._updated(body, now_ns)
        elif method == "NotifyEvent":
            self._observe(body.get("ticks"), now_ns)
            self._counters["events"] += 1
        elif number is not None:
            self._output += tlcfi.fault(number, tlcfi.METHOD_NOT_FOUND, f"no method {method[:40]}")
            return
        if number is not None and method != "Alive":
            self._output += tlcfi.answer(number, {})
        self._proved = True

    def _answered(self, rpc: Rpc, now_ns: int) -> None:
        number = rpc.get("id")
        pending = self._pending.pop(number, None) if isinstance(number, int) else None
        if pending is None:
            self._counters["stray_replies"] += 1
            return
        sent_ns, method, reply = pending
        self._clock.round_trip(now_ns - sent_ns)
        self._proved = True
        error = rpc.get("error")
        if error:
            code = error.get("code") if isinstance(error, dict) else None
            told = tlcfi.ERRORS.get(code) if isinstance(code, int) else None
            detail = error.get("message") if isinstance(error, dict) else error
            self._end("faults", f"the TLC refuses {method}: {told or str(detail)[:80]}")
            return
        result = rpc.get("result")
        reply(result if isinstance(result, dict) else {}, now_ns)

    def _on_registered(self, result: Rpc, now_ns: int) -> None:
        self._registered = True
        version = result.get("version")
        if isinstance(version, dict) and version.get("major") not in (None, tlcfi.PROTOCOL_VERSION["major"]):
            self._end("faults", f"the TLC speaks version {version.get('major')}, expected 1")
            return
        facilities = _ids(result.get("facilities"))
        self._meta(ObjectType.FACILITIES, facilities[:1], self._on_facilities, now_ns)

    def _on_facilities(self, result: Rpc, now_ns: int) -> None:
        there = _texts(_first(result.get("meta")).get("intersections"))
        wanted = self._settings.intersection
        if wanted is None and len(there) == 1:
            wanted = there[0]
        if wanted not in there:
            choice = ", ".join(there[:20]) or "none"
            self._end("faults", f"write controller.intersection: the TLC has {choice}")
            return
        self._meta(ObjectType.INTERSECTION, [wanted], self._on_intersection, now_ns)
        self._subscribe(ObjectType.INTERSECTION, [wanted], self._on_state, now_ns)

    def _on_state(self, result: Rpc, now_ns: int) -> None:
        self._observe(result.get("ticks"), now_ns)
        self._lights.set_intersection(_first(result.get("data")).get("state"))

    def _on_intersection(self, result: Rpc, now_ns: int) -> None:
        names = _texts(_first(result.get("meta")).get("signalgroups"))
        groups = match_names(self._settings.groups, names)
        self._counters["unmatched"] = len(self._settings.groups) - len(groups)
        if not groups:
            choice = ", ".join(names[:40]) or "none"
            self._end("faults", f"no group of controller.group is at the TLC, which has {choice}")
            return
        self._lights.name_groups(groups)
        self._names = wanted = [group.name for group in groups]
        self._meta(ObjectType.SIGNAL_GROUP, wanted, self._on_timing, now_ns)
        self._subscribe(ObjectType.SIGNAL_GROUP, wanted, self._on_groups, now_ns)

    def _on_timing(self, result: Rpc, _now_ns: int) -> None:
        meta = result.get("meta")
        for entry in meta if isinstance(meta, list) else ():
            if isinstance(entry, dict):
                self._lights.set_timing(str(entry.get("id")), entry.get("timing"))

    def _on_groups(self, result: Rpc, now_ns: int) -> None:
        states = list(tlcfi.group_states(result, values="data"))
        ticks = result.get("ticks")
        self._observe(ticks, now_ns)
        self.subscribed, self._doubtful = True, False
        self._lights.take(states, ticks=ticks, arrival_ns=now_ns)

    def _updated(self, body: Rpc, now_ns: int) -> None:
        ticks, updates = body.get("ticks"), body.get("update")
        if not isinstance(updates, list) or not all(isinstance(update, dict) for update in updates):
            raise CodecError("TLC-FI", "content: UpdateState without a list of updates")
        self._observe(ticks, now_ns)
        changed = False
        for update in updates:
            reference, states = update.get("objects"), update.get("states")
            kind = reference.get("type") if isinstance(reference, dict) else None
            if not isinstance(states, list) or len(_ids(reference)) != len(states):
                raise CodecError("TLC-FI", "content: ids and states of an update do not match")
            if kind == ObjectType.INTERSECTION:
                self._lights.set_intersection(_first(states).get("state"))
            elif kind == ObjectType.SIGNAL_GROUP and self.subscribed:
                found = list(tlcfi.group_states(update, values="states"))
                changed |= self._lights.take(found, ticks=ticks, arrival_ns=now_ns)
        if changed:
            self._tell(now_ns)

    def _observe(self, ticks: object, now_ns: int) -> None:
        if tlcfi.is_number(ticks, tlcfi.TICK_WRAP):
            self._clock.observe(ticks, now_ns)

    def _tell(self, now_ns: int) -> None:
        """The TLC has just proved to live: say what its lights show, with their own stamp."""
        self._proved = False
        known = self.subscribed and not self._doubtful
        snapshot = self._lights.snapshot(alive_ns=now_ns) if known else None
        if snapshot is not None:
            self._publish(snapshot)

    def _doubt(self, now_ns: int) -> None:
        """Something was said that was not taken, and it may have been the lamps: subscribe anew.

        The answer has them all. Until it comes nothing is published; it has the time of any answer.
        """
        if self.subscribed and not self._doubtful:
            self._doubtful = True
            self._counters["doubts"] += 1
            self._subscribe(ObjectType.SIGNAL_GROUP, self._names, self._on_groups, now_ns)

    def _beat(self, now_ns: int) -> None:
        self._beat_ns = now_ns
        now_ms = now_ns // NS_PER_MS
        sent = {"ticks": now_ms % tlcfi.TICK_WRAP, "time": now_ms}

        def came_back(result: Rpc, _now_ns: int) -> None:
            self._counters["alive_mismatch"] += result != sent

        self._call("Alive", sent, came_back, now_ns)

    def _meta(self, kind: ObjectType, names: list[str], reply: Reply, now_ns: int) -> None:
        self._call("ReadMeta", tlcfi.objects(kind, names), reply, now_ns)

    def _subscribe(self, kind: ObjectType, names: list[str], reply: Reply, now_ns: int) -> None:
        self._call("Subscribe", tlcfi.objects(kind, names), reply, now_ns)

    def _call(self, method: str, params: Rpc, reply: Reply, now_ns: int) -> None:
        number, self._next_id = self._next_id, self._next_id + 1
        self._pending[number] = (now_ns, method, reply)
        self._output += tlcfi.call(number, method, params)

    def _end(self, counter: str, reason: str) -> None:
        self._counters[counter] += 1
        self.ended = self.ended or reason.encode("utf-8", "replace").decode()


def _ids(reference: object) -> list[str]:
    """Ids of an object reference."""
    return _texts(reference.get("ids")) if isinstance(reference, dict) else []


def _texts(values: object) -> list[str]:
    return [value for value in values if isinstance(value, str)] if isinstance(values, list) else []


def _first(values: object) -> Rpc:
    """The first object of a list; empty where there is none."""
    return values[0] if isinstance(values, list) and values and isinstance(values[0], dict) else {}
