"""A client of gpsd: JSON lines over TCP 2947 (gpsd_json(5)); keeps the newest fix.

Only TPV reports are used: mode, lat, lon, altHAE, eph, time. gpsd's error estimates are taken as one sigma.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import os
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from edge.core.errors import CodecError, DeviceError
from edge.core.stamp import NS_PER_S
from edge.ports import Position

WATCH = b'?WATCH={"enable":true,"json":true};\n'
DEVICE = "gnss"
LONGEST_LINE = 16_384
"""gpsd writes at most 10240 bytes a line."""
MOST_LINES = 500
"""A second; a receiver of ten fixes a second makes some sixty. More would keep the process from its lights."""
CONNECT_TIMEOUT_S = 3.0
SILENCE_S = 10.0
FRESH_S = 5.0
"""An older fix is none."""
NO_FIX, FIX_2D = 1, 2


@dataclass(frozen=True, slots=True)
class Fix:
    """One TPV report.

    Attributes:
        mode: 0 or 1 no fix, 2 without height, 3 with.
        position: None without a fix; unknown elevation and error are NaN, an unknown stamp is 0.
    """

    mode: int
    position: Position | None


def parse_tpv(line: bytes) -> Fix | None:
    """One line of gpsd; None for a report of another class.

    Raises:
        CodecError: it is no report, or a TPV with impossible values.
    """
    try:
        report = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise CodecError("gpsd", "a line is no JSON") from error
    if not isinstance(report, dict):
        raise CodecError("gpsd", "a line is no report")
    if report.get("class") != "TPV":
        return None
    mode = report.get("mode", 0)
    if not isinstance(mode, int) or not 0 <= mode <= 3:
        raise CodecError("gpsd", "mode is none of 0 to 3")
    if mode < FIX_2D:
        return Fix(mode, None)
    latitude, longitude = _number(report, "lat"), _number(report, "lon")
    if latitude is None or longitude is None or abs(latitude) > 90 or abs(longitude) > 180:
        raise CodecError("gpsd", "a fix without a place on earth")
    return Fix(mode, Position(latitude, longitude, _height(report), _error(report), _stamp_ns(report)))


def _number(report: dict[str, Any], key: str) -> float | None:
    value = report.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1e9:
        return None
    return float(value) if math.isfinite(value) else None


def _height(report: dict[str, Any]) -> float:
    found = (_number(report, key) for key in ("altHAE", "altMSL", "alt"))
    return next((value for value in found if value is not None), math.nan)


def _error(report: dict[str, Any]) -> float:
    """Horizontal error, m: gpsd's own, else of its two axes."""
    horizontal, east, north = (_number(report, key) for key in ("eph", "epx", "epy"))
    if horizontal is not None and horizontal >= 0:
        return horizontal
    return math.nan if east is None or north is None else math.hypot(east, north)


def _stamp_ns(report: dict[str, Any]) -> int:
    text = report.get("time")
    try:
        when = datetime.fromisoformat(text) if isinstance(text, str) else None
        return 0 if when is None else round(when.astimezone(UTC).timestamp() * NS_PER_S)
    except (ValueError, OverflowError):
        return 0


class GpsdClient:
    """`Positioning` by gpsd. `run` holds the connection and ends with `DeviceError`; its caller tries again.

    Counters: reports, fixes, no_fix, bad.

    Args:
        on_fix: called with every TPV report.
        monotonic_s: clock that nobody can set, for the age of the newest fix.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        on_fix: Callable[[Fix], None] | None = None,
        silence_s: float = SILENCE_S,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._host, self._port, self._silence_s, self._monotonic_s = host, port, silence_s, monotonic_s
        self._on_fix = on_fix
        self._newest: tuple[float, Fix] | None = None
        self.counters: Counter[str] = Counter()

    async def position(self) -> Position | None:
        """The newest position; None while there is no fix, or none that is fresh."""
        if self._newest is None or self._monotonic_s() - self._newest[0] > FRESH_S:
            return None
        return self._newest[1].position

    async def run(self) -> None:
        """Read until the connection is lost.

        Raises:
            DeviceError: gpsd cannot be reached, ends the connection, floods us, or tells of no fix, not even of none,
                for ten seconds.
        """
        reader, writer = await self._connect()
        try:
            writer.write(WATCH)
            await self._follow(reader)
        except ConnectionError as error:
            raise DeviceError(DEVICE, f"lost gpsd: {error.strerror or error}") from error
        finally:
            self._newest = None
            writer.close()
            with contextlib.suppress(OSError, TimeoutError):
                await asyncio.wait_for(writer.wait_closed(), 1.0)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        where = f"{self._host}:{self._port}"
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                return await asyncio.open_connection(self._host, self._port, limit=LONGEST_LINE)
        except (OSError, UnicodeError, TimeoutError) as error:
            number = error.errno if isinstance(error, OSError) else None
            reason = os.strerror(number) if number is not None and number > 0 else str(error) or "no answer"
            problem = f"cannot reach gpsd on {where}: {reason}"
            remedy = "systemctl enable --now gpsd, or mend gnss.gpsd"
            raise DeviceError(DEVICE, problem, remedy=remedy) from error

    async def _follow(self, reader: asyncio.StreamReader) -> None:
        told_s = second_s = self._monotonic_s()
        lines = 0
        while True:
            now_s = self._monotonic_s()
            if now_s - second_s >= 1.0:
                second_s, lines = now_s, 0
            lines += 1
            if lines > MOST_LINES:
                raise DeviceError(
                    DEVICE, f"gpsd sends more than {MOST_LINES} lines a second", remedy="mend gnss.gpsd"
                )
            if self._take(await self._line(reader, patience_s=told_s + self._silence_s - now_s)):
                told_s = now_s

    async def _line(self, reader: asyncio.StreamReader, *, patience_s: float) -> bytes:
        try:
            async with asyncio.timeout(max(0.0, patience_s)):
                await asyncio.sleep(0)  # lines that wait already are read without a pause
                line = await reader.readline()
        except TimeoutError as error:
            problem = f"gpsd has told no fix, nor that there is none, for {self._silence_s:g} s"
            raise DeviceError(DEVICE, problem, remedy="is a receiver connected? cgps shows it") from error
        except ValueError as error:
            raise DeviceError(DEVICE, f"gpsd sent a line of more than {LONGEST_LINE} bytes") from error
        if not line:
            raise DeviceError(DEVICE, "gpsd ended the connection")
        return line

    def _take(self, line: bytes) -> bool:
        """Returns whether it was a TPV report."""
        try:
            fix = parse_tpv(line)
        except CodecError:
            self.counters["bad"] += 1
            return False
        self.counters["reports"] += 1
        if fix is None:
            return False
        self.counters["fixes" if fix.position else "no_fix"] += 1
        self._newest = (self._monotonic_s(), fix)
        if self._on_fix is not None:
            self._on_fix(fix)
        return True
