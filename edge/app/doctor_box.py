"""The doctor's checks of the box itself: clock, GNSS, heat, speed, storage, flash, supply, accelerators."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from edge.app.front_board import POWER, BoardProbe, power_line
from edge.app.front_clock import ClockReaders
from edge.app.front_gnss import NO_FIX, build_guard, moved_words, time_words
from edge.app.verdict import Verdict
from edge.config import SiteConfig
from edge.config.address import split_address
from edge.config.box import GnssConfig
from edge.core.clock import ClockJudge, ClockLimits, ClockMode, ClockReading
from edge.core.errors import DeviceError
from edge.core.health import HealthState
from edge.core.stamp import NS_PER_MS
from edge.ports import Position
from hw.gnss.gpsd import Fix, GpsdClient
from hw.gnss.time_guard import TimeGuard

GNSS_TIMEOUT_S = 8.0
GNSS_FIXES = 3
POWER_TIMEOUT_S = 2.0
_VERDICTS = {HealthState.OK: Verdict.GOOD, HealthState.DEGRADED: Verdict.ODD, HealthState.DOWN: Verdict.BAD}

Check = Callable[[], tuple[Verdict, str]]


def box_checks(site: SiteConfig) -> list[tuple[str, Check]]:
    """Every check of the box, with its subject."""
    checks: list[tuple[str, Check]] = [("clock", lambda: check_clock(site))]
    if site.gnss is not None:
        config = site.gnss
        checks.append(("gnss", lambda: check_gnss(config)))
    checks += board_checks(site)
    if site.board.power_fail is not None:
        checks.append((POWER, lambda: check_power(site)))
    return checks


def board_checks(site: SiteConfig) -> list[tuple[str, Check]]:
    """One check a part of the board; each reads the board anew."""
    probe = BoardProbe(site)

    def check(part: str) -> tuple[Verdict, str]:
        found = (probe.quick() | probe.slow())[part]
        return _VERDICTS[found.state], found.text

    parts = [*probe.quick(), *probe.slow()]
    return [(part, lambda part=part: check(part)) for part in parts]  # type: ignore[misc]


def check_clock(site: SiteConfig, *, readers: ClockReaders | None = None) -> tuple[Verdict, str]:
    """What chrony, PTP and the kernel say now, and what to do when nobody vouches for the time."""
    asked = readers or ClockReaders(site.clock)
    asyncio.run(asked.ask_daemons())
    said = asked.readings()
    bound_ms = site.clock.synchronised_below_ms
    health = ClockJudge(ClockLimits(synchronised_below_ns=bound_ms * NS_PER_MS)).judge(said, monotonic_ns=0)
    controller = site.controller
    if health.mode is ClockMode.SYNCHRONISED and health.error_ns is not None:
        limit_ms = controller.clock_error_bound_ms if controller else bound_ms
        if health.error_ns <= limit_ms * NS_PER_MS:
            return Verdict.GOOD, health.text
        remedy = f"beyond controller.clock_error_bound_ms = {limit_ms}: use a nearer time server"
        return Verdict.BAD, f"{health.text}; {remedy}"
    text = f"unsynchronised: {health.text}; {_clock_remedy(site.clock.source, said, bound_ms)}"
    if controller is not None and controller.require_synchronised_clock:
        return Verdict.BAD, f"{text}; signals with absolute times stay withdrawn"
    return Verdict.ODD, text


def _clock_remedy(source: str, said: list[ClockReading], bound_ms: int) -> str:
    """What a person does about a clock that nobody vouches for."""
    words = {reading.source: reading for reading in said}
    chrony, ptp = words.get("chrony"), words.get("ptp")
    if any(reading.synchronised for reading in said):
        return f"its error is not below {bound_ms} ms: use a nearer time server, a GNSS receiver or PTP"
    if source == "kernel":
        return "run chrony with rtcsync, or ptp4l and phc2sys"
    if ptp is not None and (source == "ptp" or chrony is None):
        return "start ptp4l and phc2sys, and look at clock.ptp_domain and clock.ptp_socket"
    if chrony is None or chrony.text.endswith("is not installed"):
        return "chrony is not installed: apt-get install chrony (or run ptp4l and phc2sys)"
    if chrony.refused:
        return "chrony is not running: systemctl enable --now chrony"
    return "chrony runs and reaches no time server: look at chronyc sources, mend server lines and firewall"


def check_gnss(config: GnssConfig) -> tuple[Verdict, str]:
    """A few fixes, and how far they are from the surveyed antenna."""
    clocks = TimeGuard()
    fixes, problem = asyncio.run(_fixes(config, clocks))
    places = [fix.position for fix in fixes if fix.position is not None]
    if problem is not None:
        return Verdict.BAD, problem
    if not fixes:
        return (
            Verdict.BAD,
            f"gpsd on {config.gpsd} reports no receiver: look at gpsd's DEVICES, cable and cgps",
        )
    if not places:
        return Verdict.BAD, NO_FIX
    verdict, text = _place(config, places)
    if not clocks.wrong:
        return verdict, text
    return Verdict.BAD if verdict is Verdict.BAD else Verdict.ODD, f"{text}; {time_words(clocks)}"


def _place(config: GnssConfig, places: list[Position]) -> tuple[Verdict, str]:
    last = places[-1]
    guard = build_guard(config)
    if guard is None:
        here = f"[{last.latitude_deg:.7f}, {last.longitude_deg:.7f}]"
        return (
            Verdict.ODD,
            f"fix, and no surveyed place to compare: write gnss.antenna = {here} if that is right",
        )
    for place in places:
        guard.take(place)
    if guard.moved:
        return Verdict.BAD, f"moved: {moved_words(guard, config)}"
    if guard.distance_m is None:
        error = f"{last.error_m:.0f} m"
        return Verdict.ODD, f"fixes of {error} error are too vague to judge: give the antenna more sky"
    return Verdict.GOOD, f"fix, {guard.distance_m:.1f} m from the surveyed antenna"


async def _fixes(config: GnssConfig, clocks: TimeGuard) -> tuple[list[Fix], str | None]:
    """Reports until three are fixes, or time is up; and why gpsd was lost before any came."""
    fixes: list[Fix] = []
    enough = asyncio.Event()

    def take(fix: Fix) -> None:
        fixes.append(fix)
        if fix.position is not None:
            clocks.take(fix.position.stamp_ns, time.time_ns())
        if sum(known.position is not None for known in fixes) >= GNSS_FIXES:
            enough.set()

    host, port = split_address(config.gpsd)
    reader = asyncio.ensure_future(GpsdClient(host, port, on_fix=take).run())
    waiter = asyncio.ensure_future(enough.wait())
    done, _ = await asyncio.wait(
        (reader, waiter), timeout=GNSS_TIMEOUT_S, return_when=asyncio.FIRST_COMPLETED
    )
    problem = str(reader.exception()) if reader in done and not fixes else None
    for task in (reader, waiter):
        task.cancel()
    await asyncio.gather(reader, waiter, return_exceptions=True)
    return fixes, problem


def check_power(site: SiteConfig) -> tuple[Verdict, str]:
    """Whether the line can be read, and what it says."""
    assert site.board.power_fail is not None
    line = power_line(site.board.power_fail)

    async def read() -> bool:
        async with asyncio.timeout(POWER_TIMEOUT_S):
            return await anext(line.changes())

    try:
        failed = asyncio.run(read())
    except TimeoutError as error:
        raise DeviceError("power", "the line does not answer", remedy="mend board.power_fail") from error
    if failed:
        remedy = "if the mains is there, set board.power_fail.active_low the other way"
        return Verdict.BAD, f"the line says that the mains is gone: {remedy}"
    return Verdict.GOOD, "mains is there"
