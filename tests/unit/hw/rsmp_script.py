"""A supervisor's session and a site that is played by hand, message by message, on a clock of their own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from edge.core.signals import SignalSnapshot
from edge.core.stamp import NS_PER_MS, NS_PER_S
from hw.signal import rsmp
from hw.signal.rsmp import FormFeedReader, Message
from hw.signal.rsmp_session import RsmpSession, RsmpSettings
from hw.signal.rsmp_status import RsmpGroup, RsmpIntersection

T0 = 1_700_000_000 * NS_PER_S
MAIN, GROUP_1 = "KK+AG1=001TC000", "KK+AG1=001SG001"
INTERSECTION = RsmpIntersection(
    "site",
    (RsmpGroup(1, component=GROUP_1), RsmpGroup(2)),
    yellow_ns=3 * NS_PER_S,
    red_yellow_ns=NS_PER_S,
)


class Script:
    """Plays the site.

    Attributes:
        now_ns: the time; moved by `wait`.
        said: what the supervisor has sent so far.
        snapshots: what it has published.
        site_clock_ns: how far the site's clock is ahead.
    """

    def __init__(self, settings: RsmpSettings | None = None, *, refusal: str | None = None) -> None:
        self.now_ns, self.site_clock_ns = T0, 0
        self.counters: Counter[str] = Counter()
        self.snapshots: list[SignalSnapshot] = []
        self.said: list[Message] = []
        self.opened = 0
        self._reader = FormFeedReader()
        self.session = RsmpSession(
            settings or RsmpSettings(INTERSECTION, component=MAIN),
            counters=self.counters,
            publish=self.snapshots.append,
            admit=lambda ids: refusal,
            on_open=self._count_open,
        )
        self.session.opened(self.now_ns)

    def _count_open(self) -> None:
        self.opened += 1

    def say(self, message: Mapping[str, object]) -> list[Message]:
        """Send a message; what the supervisor answers at once."""
        return self.say_raw(rsmp.encode_message(dict(message)))

    def say_raw(self, octets: bytes) -> list[Message]:
        self.session.received(octets, self.now_ns)
        return self._heard()

    def wait(self, time_ns: int) -> list[Message]:
        """Let time pass; what the supervisor says meanwhile."""
        self.now_ns += time_ns
        self.session.tick(self.now_ns)
        return self._heard()

    def acknowledge(self, messages: list[Message]) -> list[Message]:
        """Acknowledge all of these that want it."""
        found: list[Message] = []
        for message in messages:
            if message["type"] not in rsmp.ACKNOWLEDGEMENTS:
                found += self.say(rsmp.acknowledge(message))
        return found

    def offer(self, *, core: str = "3.2.2", sxl: str = "1.2.1", site_id: str = "KK+AG1") -> list[Message]:
        """The site's version."""
        return self.say(rsmp.version(core=(core,), sxl=sxl, site_ids=(site_id,)))

    def establish(self) -> list[Message]:
        """The whole handshake; the subscriptions that follow it, acknowledged."""
        beat = self.acknowledge(self.offer())
        self.acknowledge(beat)
        asked = self.say(rsmp.watchdog(self.site_ns))
        self.acknowledge(asked)
        return [message for message in asked if message["type"] not in rsmp.ACKNOWLEDGEMENTS]

    @property
    def site_ns(self) -> int:
        return self.now_ns + self.site_clock_ns

    def tell(
        self,
        values: Mapping[tuple[str, str], object],
        *,
        component: str = MAIN,
        age_ns: int = 0,
        quality: str = "recent",
        kind: str = "StatusUpdate",
    ) -> list[Message]:
        """Values of statuses; the stamp of the newest, in whole milliseconds, is now less `age_ns`."""
        entries = [
            {"sCI": status, "n": name, "s": value, "q": quality} for (status, name), value in values.items()
        ]
        return self.say(
            {
                "mType": "rSMsg",
                "type": kind,
                "mId": rsmp.new_id(),
                "cId": component,
                "sTs": rsmp.timestamp(self.site_ns - age_ns),
                "sS": entries,
            }
        )

    def lamps(self, letters: str, *, age_ns: int = 0) -> SignalSnapshot | None:
        """The lamps change; the newest snapshot."""
        self.now_ns += 10 * NS_PER_MS
        self.tell({("S0001", "signalgroupstatus"): letters}, age_ns=age_ns)
        return self.snapshots[-1] if self.snapshots else None

    def _heard(self) -> list[Message]:
        found = [rsmp.parse_message(frame) for frame in self._reader.feed(self.session.take_output())]
        self.said += found
        return found
