"""One RSMP connection seen from the supervisor: handshake, heartbeats, acknowledgements, subscriptions.

Source: RSMP core specification 3.2.2, "Communication establishment between sites and supervision system", "Message
acknowledgement", "Watchdog", "Error handling".
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from edge.core.errors import CodecError
from edge.core.signals import SignalSnapshot
from edge.core.stamp import NS_PER_MS, NS_PER_S
from hw.signal import rsmp
from hw.signal.rsmp import FormFeedReader, Message
from hw.signal.rsmp_clock import SiteClock
from hw.signal.rsmp_status import LIGHTS, STATES, TIMES, RsmpIntersection, RsmpLights, Told, tells_lamps

CORE_VERSIONS = ("3.2.0", "3.2.1", "3.2.2")
SXL_VERSION = "1.2.1"
PENDING_LIMIT = 256
"""Messages of ours that may wait for their acknowledgement."""
LOOK_PERIOD_NS, DOUBT_PERIOD_NS = 10 * NS_PER_S, NS_PER_S
"""Between questions for the lamps: as a rule, and while they are in doubt."""


@dataclass(frozen=True, slots=True)
class RsmpSettings:
    """How a site is talked to.

    Attributes:
        intersection: what its lights are called here.
        component: component id of the controller (the grouped object); None: taken from its aggregated status.
        sxl: signal exchange list that it must speak.
        watchdog_period_ns: between heartbeats of ours; each is acknowledged, which proves that the site lives.
        ack_timeout_ns: how long an acknowledgement may take.
        handshake_timeout_ns: from the connection to our subscriptions.
        watchdog_timeout_ns: longest silence of the site's own Watchdog.
        clock_limit_ns: see `SiteClock`.
    """

    intersection: RsmpIntersection
    component: str | None = None
    sxl: str = SXL_VERSION
    watchdog_period_ns: int = 500 * NS_PER_MS
    ack_timeout_ns: int = 5 * NS_PER_S
    handshake_timeout_ns: int = 10 * NS_PER_S
    watchdog_timeout_ns: int = 180 * NS_PER_S
    clock_limit_ns: int = NS_PER_S


class _Stage(enum.Enum):
    NEW = "no version yet"
    OFFERED = "our version is not acknowledged yet"
    OPEN = "talking"


class RsmpSession:
    """A `hw.tcp.Session`. Pure: bytes and times in, bytes and snapshots out.

    Counters: received (messages), bad_utf8, bad_json, bad_length, bad_content, early (before the handshake),
    refused (handshakes), acknowledged, not_acknowledged, stray_acks, ack_timeouts, watchdog_timeouts,
    handshake_timeouts, history (updates of the past, or of a time that cannot be), doubts (lamps that were asked for
    anew), doubt_timeouts, unknown_components, clock_rejected (Watchdogs off by more than the limit), alarms.

    Args:
        publish: takes every snapshot.
        admit: asked with the site's ids before its version is acknowledged; a reason to refuse it, or None.
        on_open: called when the handshake is done.
    """

    def __init__(
        self,
        settings: RsmpSettings,
        *,
        counters: Counter[str],
        publish: Callable[[SignalSnapshot], None],
        admit: Callable[[tuple[str, ...]], str | None],
        on_open: Callable[[], None],
    ) -> None:
        self._settings, self._counters = settings, counters
        self._publish, self._admit, self._on_open = publish, admit, on_open
        self.ended: str | None = None
        self.site_ids: tuple[str, ...] = ()
        self._reader, self._oversize = FormFeedReader(), 0
        self._lights = RsmpLights(settings.intersection, counters=counters)
        self._clock = SiteClock(limit_ns=settings.clock_limit_ns)
        self._components = {g.component: g.number for g in settings.intersection.groups if g.component}
        self._component = settings.component
        self._output = bytearray()
        self._pending: dict[str, tuple[int, str]] = {}
        self._stage, self._asked, self._proved = _Stage.NEW, False, False
        self._opened_ns = self._beat_ns = self._heard_beat_ns = self._looked_ns = 0
        self._doubt_ns: int | None = None

    @property
    def open(self) -> bool:
        """Whether the handshake is done."""
        return self._stage is _Stage.OPEN

    def opened(self, now_ns: int) -> None:
        """The connection stands: the site speaks first."""
        self._opened_ns = self._heard_beat_ns = now_ns

    def take_output(self) -> bytes:
        """What is to be sent."""
        output = bytes(self._output)
        self._output.clear()
        return output

    def received(self, data: bytes, now_ns: int) -> None:
        """Octets of the site."""
        for frame in self._reader.feed(data):
            if self.ended is not None:
                return
            self._frame(frame, now_ns)
        if self._reader.oversize != self._oversize:
            self._counters["bad_length"] += self._reader.oversize - self._oversize
            self._oversize = self._reader.oversize
            self._doubt(now_ns)
        if self._proved:
            self._tell(now_ns)

    def tick(self, now_ns: int) -> None:
        """Heartbeats and time-outs."""
        if self.ended is not None:
            return
        settings = self._settings
        if not self._asked and abs(now_ns - self._opened_ns) > settings.handshake_timeout_ns:
            self._end("handshake_timeouts", f"no handshake: {self._missing()}")
        if self._stage is not _Stage.OPEN or self.ended is not None:
            return
        oldest = min((sent for sent, _ in self._pending.values()), default=now_ns)
        if now_ns - oldest > settings.ack_timeout_ns or len(self._pending) > PENDING_LIMIT:
            self._end("ack_timeouts", "the site does not acknowledge")
        elif now_ns - self._heard_beat_ns > settings.watchdog_timeout_ns:
            self._end("watchdog_timeouts", "no Watchdog from the site")
        elif abs(now_ns - self._beat_ns) >= settings.watchdog_period_ns:
            self._beat(now_ns)
        if self._asked and self.ended is None:
            self._look_again(now_ns)

    def _missing(self) -> str:
        """What the site has not done yet."""
        if self._stage is not _Stage.OPEN:
            return str(self._stage.value)
        if self._clock.offset_ns is None:
            return "no Watchdog"
        return "no component id in the aggregated status: write controller.component"

    def _frame(self, frame: bytes, now_ns: int) -> None:
        self._counters["received"] += 1
        try:
            message = rsmp.parse_message(frame)
        except CodecError as error:
            self._counters[f"bad_{error.problem.partition(':')[0]}"] += 1
            self._doubt(now_ns)
            return
        if message["type"] in rsmp.ACKNOWLEDGEMENTS:
            self._acknowledged(message, now_ns)
        elif self._stage is not _Stage.OPEN:
            self._before_open(message, now_ns)
        else:
            self._take(message, now_ns)

    def _before_open(self, message: Message, now_ns: int) -> None:
        """Only the version counts, and nothing else is acknowledged."""
        if message["type"] != "Version" or self._stage is not _Stage.NEW:
            self._counters["early"] += 1
            return
        reason = self._mismatch(message)
        if reason is not None:
            self._say(rsmp.refuse(message, reason))
            self._end("refused", reason)
            return
        self._say(rsmp.acknowledge(message))
        self._stage = _Stage.OFFERED
        offer = rsmp.version(core=CORE_VERSIONS, sxl=self._settings.sxl, site_ids=self.site_ids)
        self._ask(offer, now_ns)

    def _mismatch(self, message: Message) -> str | None:
        """Why a site's version cannot be accepted."""
        offered = _texts(message.get("RSMP"), "vers")
        if not set(offered) & set(CORE_VERSIONS):
            return f"RSMP {' '.join(offered) or 'not told'}: supported are {' '.join(CORE_VERSIONS)}"
        if message.get("SXL") != self._settings.sxl:
            return f"SXL {str(message.get('SXL'))[:20]}: expected {self._settings.sxl}"
        site_ids = _texts(message.get("siteId"), "sId")
        reason = self._admit(site_ids) if site_ids else "no site id"
        self.site_ids = site_ids if reason is None else ()
        return reason

    def _acknowledged(self, message: Message, now_ns: int) -> None:
        pending = self._pending.pop(message["oMId"], None)
        if pending is None:
            self._counters["stray_acks"] += 1
            return
        kind = pending[1]
        self._counters["acknowledged"] += message["type"] == "MessageAck"
        if message["type"] == "MessageNotAck":
            self._counters["not_acknowledged"] += 1
            if kind in ("Version", LIGHTS[0]):
                self._end("refused", f"the site refuses our {kind}: {str(message.get('rea'))[:80]}")
                return
        elif kind == "Version":
            self._stage = _Stage.OPEN
            self._on_open()
            self._beat(now_ns)
        self._proved |= self._stage is _Stage.OPEN

    def _take(self, message: Message, now_ns: int) -> None:
        """A message after the handshake: acknowledged when understood, refused with the reason when not."""
        try:
            self._handle(message, now_ns)
        except CodecError as error:
            self._counters["bad_content"] += 1
            self._say(rsmp.refuse(message, error.problem))
            if message["type"] == "StatusUpdate":
                self._doubt(now_ns)
            return
        self._say(rsmp.acknowledge(message))
        self._proved = True

    def _handle(self, message: Message, now_ns: int) -> None:
        kind = message["type"]
        if kind == "Watchdog":
            self._heard_beat(rsmp.parse_timestamp(message.get("wTs")), now_ns)
        elif kind in ("StatusUpdate", "StatusResponse"):
            self._status(message, now_ns)
        elif kind == "AggregatedStatus":
            component = message.get("cId")
            if self._component is None and isinstance(component, str) and component:
                self._component = component
                self._subscribe(now_ns)
        elif kind == "Alarm":
            self._counters["alarms"] += message.get("aSp") == "Issue" and message.get("aS") == "Active"
        elif kind not in rsmp.TYPES:
            raise CodecError("RSMP", f"unknown message type: {str(kind)[:40]}")

    def _heard_beat(self, their_ns: int, now_ns: int) -> None:
        self._heard_beat_ns = now_ns
        self._clock.observe(their_ns, now_ns)
        self._counters["clock_rejected"] += not self._clock.believed
        self._subscribe(now_ns)

    def _subscribe(self, now_ns: int) -> None:
        """Ask for everything, once: after the site's first Watchdog, which tells its clock."""
        if self._asked or self._component is None or self._clock.offset_ns is None:
            return
        self._asked = True
        for status, names in (LIGHTS, *STATES):
            self._ask(rsmp.subscribe(self._component, status, names), now_ns, status)
        for component in self._components:
            self._ask(rsmp.subscribe(component, *TIMES), now_ns, TIMES[0])
        self._look_again(now_ns)

    def _status(self, message: Message, now_ns: int) -> None:
        component = message.get("cId")
        group = 0 if component == self._component else self._components.get(str(component))
        if group is None or self._component is None:
            self._counters["unknown_components"] += 1
            return
        their_ns = rsmp.parse_timestamp(message.get("sTs"))
        entries, answer = message.get("sS"), message["type"] == "StatusResponse"
        judge = self._clock.answer_stamp if answer else self._clock.stamp
        stamp = judge(their_ns, arrival_ns=now_ns)
        if stamp is None:
            self._counters["history"] += 1
            told = Told.MISSED if tells_lamps(entries) else Told.NOTHING
        else:
            order, shift_ns = not answer or self._doubt_ns is None, self._clock.ours(0)
            told = self._lights.take(
                entries, their_ns=their_ns, stamp=stamp, group=group, shift_ns=shift_ns, order=order
            )
        if told is Told.MISSED:
            self._doubt(now_ns)
        elif told is Told.LAMPS:
            self._doubt_ns = None
            self._tell(now_ns)

    def _tell(self, now_ns: int) -> None:
        """The site has just proved to live: say what its lights show, with their own stamp."""
        self._proved = False
        if self._doubt_ns is not None:
            return
        snapshot = self._lights.snapshot(alive_ns=now_ns)
        if snapshot is not None:
            self._publish(snapshot)

    def _doubt(self, now_ns: int) -> None:
        """Something was said that was not taken, and it may have been the lamps: ask for them.

        Until they are known again nothing is published, so that the signals are withdrawn if it takes long.
        """
        if self._asked and self._doubt_ns is None:
            self._doubt_ns, self._looked_ns = now_ns, 0
            self._counters["doubts"] += 1
            self._look_again(now_ns)

    def _look_again(self, now_ns: int) -> None:
        """Ask for the lamps when it is time: soon while they are in doubt, else now and then: updates may be lost."""
        doubt_ns = self._doubt_ns
        if doubt_ns is not None and now_ns - doubt_ns > self._settings.ack_timeout_ns:
            self._end("doubt_timeouts", "what the lamps show is not known any more")
            return
        period_ns = LOOK_PERIOD_NS if doubt_ns is None else DOUBT_PERIOD_NS
        if abs(now_ns - self._looked_ns) >= period_ns and self._component is not None:
            self._looked_ns = now_ns
            self._ask(rsmp.request(self._component, *LIGHTS), now_ns, LIGHTS[0])

    def _beat(self, now_ns: int) -> None:
        self._beat_ns = now_ns
        self._ask(rsmp.watchdog(now_ns), now_ns)

    def _ask(self, message: Message, now_ns: int, kind: str | None = None) -> None:
        """Send what must be acknowledged."""
        self._pending[message["mId"]] = (now_ns, kind or message["type"])
        self._say(message)

    def _say(self, message: Message) -> None:
        self._output += rsmp.encode_message(message)

    def _end(self, counter: str, reason: str) -> None:
        self._counters[counter] += 1
        self.ended = self.ended or reason.encode("utf-8", "replace").decode()


def _texts(entries: object, key: str) -> tuple[str, ...]:
    """Texts of a list of objects with one key, as Version has them; at most sixteen."""
    found = entries if isinstance(entries, list) else []
    values = [entry.get(key) for entry in found[:16] if isinstance(entry, dict)]
    return tuple(value[:64] for value in values if isinstance(value, str))
