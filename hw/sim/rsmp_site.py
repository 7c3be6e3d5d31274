"""A simulated RSMP site (traffic light controller): `python -m hw.sim.rsmp_site --connect 127.0.0.1:12111`.

Speaks core 3.2.2 and SXL 1.2.1, plays the fixed-time plan with exact times of green and red, and can misbehave.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from edge.core.errors import CodecError
from edge.core.signals import LampState
from edge.core.stamp import NS_PER_S
from hw.signal import rsmp
from hw.signal.rsmp import FormFeedReader, Message
from hw.sim.lifetime import run_device
from hw.sim.plan_lights import Phase, cycle_position_ds, lights, next_change_ns
from hw.sim.world import address_of

SITE_ID = "SIM+1"
COMPONENT = "SIM+1=001TC000"
LETTERS = {
    LampState.RED: "B",
    LampState.RED_YELLOW: "0",
    LampState.GREEN: "3",
    LampState.YELLOW: "N",
    LampState.FLASHING_RED: "9",  # people clear the crossing
    LampState.FLASHING_YELLOW: "c",
    LampState.DARK: "a",
}
_DEFAULTS: dict[tuple[str, str], object] = {
    ("S0001", "stage"): "0",
    ("S0007", "intersection"): "0",
    ("S0007", "status"): "True",
    ("S0008", "intersection"): "0",
    ("S0008", "status"): "False",
    ("S0009", "intersection"): "0",
    ("S0009", "status"): "True",
    ("S0011", "intersection"): "0",
    ("S0011", "status"): "False",
    ("S0013", "intersection"): "0",
    ("S0013", "status"): "0",
    ("S0014", "status"): "1",
    ("S0020", "intersection"): "0",
    ("S0020", "controlmode"): "control",
    ("S0035", "emergencyroutes"): [],
}


def component_of(number: int) -> str:
    """Component id of a signal group."""
    return f"SIM+1=001SG{number:03d}"


@dataclass(slots=True)
class SiteFaults:
    """Faults that a test switches on.

    Attributes:
        silent: neither sends nor acknowledges; the connection stays (half open).
        no_acks: acknowledges nothing.
        no_watchdog: sends no Watchdog.
        no_times: has no S0025.
        core, sxl: versions that it claims.
        chunk: octets per write; 0: whole messages.
        clock_ns: how far its clock is ahead.
    """

    silent: bool = False
    no_acks: bool = False
    no_watchdog: bool = False
    no_times: bool = False
    core: str = "3.2.2"
    sxl: str = "1.2.1"
    chunk: int = 0
    clock_ns: int = 0


class RsmpSite:
    """One site. Call it from its event loop only.

    Counters: refused (by the supervisor), bad (what did not parse), acknowledged.

    Args:
        address: of the supervisor.
        watchdog_s: between its Watchdogs.

    Attributes:
        faults: switched by tests.
        log: newest messages, `("in" or "out", message)`.
        subscribed: set once the supervisor has subscribed to the lamps.
    """

    def __init__(
        self,
        address: tuple[str, int],
        *,
        site_id: str = SITE_ID,
        component: str = COMPONENT,
        watchdog_s: float = 60.0,
        faults: SiteFaults | None = None,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self.address, self.site_id, self.component = address, site_id, component
        self.faults = faults or SiteFaults()
        self.counters: Counter[str] = Counter()
        self.log: deque[tuple[str, Message]] = deque(maxlen=2000)
        self.subscribed = asyncio.Event()
        self._watchdog_s, self._now_ns = watchdog_s, now_ns
        self._values: dict[tuple[str, str, str], object] = {
            (component, status, name): value for (status, name), value in _DEFAULTS.items()
        }
        self._wanted: set[tuple[str, str, str]] = set()
        self._backlog: deque[Message | bytes] = deque(maxlen=1000)
        self._writer: asyncio.StreamWriter | None = None

    async def run(self) -> None:
        """Connect and talk until the connection ends. Raises `OSError` where nobody listens."""
        reader, writer = await asyncio.open_connection(*self.address)
        self._writer, frames = writer, FormFeedReader()
        beats = asyncio.create_task(self._beats())
        self._say(
            {
                **_message("Version"),
                "RSMP": [{"vers": self.faults.core}],
                "siteId": [{"sId": self.site_id}],
                "SXL": self.faults.sxl,
            }
        )
        try:
            while data := await reader.read(65536):
                for frame in frames.feed(data):
                    self._hear(frame)
        except ConnectionError:
            self.counters["cut"] += 1
        finally:
            beats.cancel()
            self._writer = None
            self._wanted.clear()
            self.subscribed.clear()
            writer.close()

    def show(
        self, letters: str, *, cycle_s: int = 0, times: Mapping[int, Mapping[str, str]] | None = None
    ) -> None:
        """Lamps have changed: tell who has subscribed, now or as soon as somebody has.

        Args:
            letters: one per group.
            times: values of S0025 per group number.
        """
        self._values |= {
            (self.component, "S0001", "signalgroupstatus"): letters,
            (self.component, "S0001", "cyclecounter"): str(cycle_s),
            (self.component, "S0001", "basecyclecounter"): str(cycle_s),
        }
        names = ("signalgroupstatus", "cyclecounter")
        self._tell(self.component, [("S0001", name) for name in names])
        for number, values in (times or {}).items():
            self._values |= {(component_of(number), "S0025", name): value for name, value in values.items()}
            self._tell(component_of(number), [("S0025", name) for name in values])

    def set_state(self, status: str, name: str, value: object) -> None:
        """Another status of the controller has changed."""
        self._values[self.component, status, name] = value
        self._tell(self.component, [(status, name)])

    def send_raw(self, octets: bytes) -> None:
        """Send octets as they are, after what waits."""
        self._backlog.append(octets)
        self._flush()

    def send(self, message: Message) -> None:
        """Send any message."""
        self._say(message)

    def send_history(self, letters: str, *, age_ns: int) -> None:
        """An update of the past from the site's buffer."""
        entry = {"sCI": "S0001", "n": "signalgroupstatus", "s": letters, "q": "recent"}
        told = rsmp.timestamp(self._clock_ns() - age_ns)
        self._say({**_message("StatusUpdate"), "cId": self.component, "sTs": told, "sS": [entry]})

    def disconnect(self) -> None:
        """Cut the connection."""
        if self._writer is not None:
            self._writer.transport.abort()

    async def play(self) -> None:
        """Show the plan until cancelled."""
        while True:
            now_ns = self._now_ns()
            letters, times = plan_status(now_ns, clock_ns=self.faults.clock_ns)
            cycle_s = int(cycle_position_ds(now_ns) // 10)
            self.show(letters, cycle_s=cycle_s, times={} if self.faults.no_times else times)
            await asyncio.sleep(max(0.0, (next_change_ns(now_ns) - self._now_ns()) / NS_PER_S))

    def _hear(self, frame: bytes) -> None:
        try:
            message = rsmp.parse_message(frame)
        except CodecError:
            self.counters["bad"] += 1
            return
        self.log.append(("in", message))
        kind = message["type"]
        if kind in rsmp.ACKNOWLEDGEMENTS:
            self.counters["acknowledged" if kind == "MessageAck" else "refused"] += 1
            return
        if not self.faults.no_acks:
            self._say(rsmp.acknowledge(message))
        if kind == "Version":
            self._established()
        elif kind == "StatusSubscribe":
            self._subscribe(message)
        elif kind == "StatusRequest":
            self._say(self._status("StatusResponse", message["cId"], _pairs(message)))

    def _established(self) -> None:
        if not self.faults.no_watchdog:
            self._say(rsmp.watchdog(self._clock_ns()))
        self._say(
            {
                **_message("AggregatedStatus"),
                "cId": self.component,
                "aSTS": rsmp.timestamp(self._clock_ns()),
                "fP": None,
                "fS": None,
                "se": [False, False, False, False, False, True, False, False],
            }
        )

    def _subscribe(self, message: Message) -> None:
        component, pairs = message["cId"], _pairs(message)
        self._wanted |= {(component, *pair) for pair in pairs}
        self._say(self._status("StatusUpdate", component, pairs))
        if ("S0001", "signalgroupstatus") in pairs:
            self.subscribed.set()
            self._flush()

    def _tell(self, component: str, pairs: list[tuple[str, str]]) -> None:
        wanted = [pair for pair in pairs if (component, *pair) in self._wanted]
        lamps = component == self.component and ("S0001", "signalgroupstatus") in pairs
        if wanted or (lamps and not self.subscribed.is_set()):
            self._backlog.append(self._status("StatusUpdate", component, wanted or pairs))
            self._flush()

    def _status(self, kind: str, component: str, pairs: list[tuple[str, str]]) -> Message:
        values = []
        for status, name in pairs:
            value = self._values.get((component, status, name))
            entry = {"sCI": status, "n": name, "s": value, "q": "unknown" if value is None else "recent"}
            values.append(entry)
        return {
            **_message(kind),
            "cId": component,
            "sTs": rsmp.timestamp(self._clock_ns()),
            "sS": values,
        }

    async def _beats(self) -> None:
        while True:
            await asyncio.sleep(self._watchdog_s)
            if self.subscribed.is_set() and not self.faults.no_watchdog:
                self._say(rsmp.watchdog(self._clock_ns()))

    def _clock_ns(self) -> int:
        return self._now_ns() + self.faults.clock_ns

    def _flush(self) -> None:
        """Send what waits, once the lamps are subscribed to."""
        while self._backlog and self.subscribed.is_set():
            waiting = self._backlog.popleft()
            if isinstance(waiting, bytes):
                self._write(waiting)
            else:
                self._say({**waiting, "sTs": rsmp.timestamp(self._clock_ns())})

    def _say(self, message: Message) -> None:
        self.log.append(("out", message))
        self._write(rsmp.encode_message(message))

    def _write(self, octets: bytes) -> None:
        if self._writer is None or self.faults.silent:
            return
        chunk = self.faults.chunk or len(octets)
        for at in range(0, len(octets), chunk):
            self._writer.write(octets[at : at + chunk])


def plan_status(now_ns: int, *, clock_ns: int = 0) -> tuple[str, dict[int, dict[str, str]]]:
    """The letters of S0001 and the values of S0025 at one instant of the plan."""
    shown = lights(now_ns)
    letters = "".join(LETTERS[shown[number][0].lamp] for number in sorted(shown))
    return letters, {number: _times(coming, clock_ns) for number, coming in shown.items()}


def _times(coming: tuple[Phase, ...], clock_ns: int) -> dict[str, str]:
    """When the next green and the next red begin: exact, for the plan is fixed."""
    values: dict[str, str] = {}
    for colour, lamp in (("G", LampState.GREEN), ("R", LampState.RED)):
        begins = next((a.end_ns for a, b in itertools.pairwise(coming) if b.lamp is lamp), None)
        if begins is None:
            continue
        told = rsmp.timestamp(begins + clock_ns)
        values |= {f"{word}To{colour}Estimate": told for word in ("min", "max", "likely")}
        values[f"To{colour}Confidence"] = "100"
    return values


def _message(kind: str) -> Message:
    return {"mType": "rSMsg", "type": kind, "mId": rsmp.new_id()}


def _pairs(message: Message) -> list[tuple[str, str]]:
    return [(entry["sCI"], entry["n"]) for entry in message["sS"]]


async def _serve(options: argparse.Namespace) -> None:
    """Keep a site connected, as real ones do: it comes again ten seconds after it was lost."""
    site = RsmpSite(options.connect, site_id=options.site_id, watchdog_s=options.watchdog)
    player = asyncio.create_task(site.play())
    try:
        while True:
            with contextlib.suppress(OSError):
                await site.run()
            await asyncio.sleep(options.reconnect)
    finally:
        player.cancel()


def main() -> int:
    """Entry point of `python -m hw.sim.rsmp_site`."""
    parser = argparse.ArgumentParser(prog="hw.sim.rsmp_site", description="A simulated RSMP site.")
    parser.add_argument(
        "--connect", type=address_of, default=("127.0.0.1", rsmp.DEFAULT_PORT), metavar="HOST:PORT"
    )
    parser.add_argument("--site-id", default=SITE_ID)
    parser.add_argument("--watchdog", type=float, default=60.0, help="seconds between Watchdogs")
    parser.add_argument("--reconnect", type=float, default=10.0, help="seconds until it connects again")
    return run_device(parser, _serve)


if __name__ == "__main__":
    sys.exit(main())
