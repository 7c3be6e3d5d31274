"""A simulated gpsd: serves JSON reports of an antenna that the test, or the demo, moves.

async with FakeGpsd(latitude_deg=39.9, longitude_deg=116.4) as gpsd:
    gpsd.move(east_m=100.0)
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from edge.core.geodesy import LocalFrame

_VERSION = {"class": "VERSION", "release": "3.22", "rev": "3.22", "proto_major": 3, "proto_minor": 14}
_DEVICES = {"class": "DEVICES", "devices": [{"class": "DEVICE", "path": "/dev/ttyS0", "driver": "NMEA0183"}]}


class FakeGpsd:
    """Listens on loopback; port 0 takes a free one.

    Attributes:
        port: where it listens, once entered.
        mode: of the reports; 1 is no fix.
        error_m: `eph` of the reports; None leaves it out.
        clients: connections so far.
        clock_ahead_s: of the receiver's clock; reports carry the time of the fix.

    Args:
        period_s: between two reports.
    """

    def __init__(
        self, *, latitude_deg: float, longitude_deg: float, port: int = 0, period_s: float = 1.0
    ) -> None:
        self._frame = LocalFrame(latitude_deg, longitude_deg)
        self._place, self._period_s = (0.0, 0.0), period_s
        self.port, self.mode, self.clients = port, 3, 0
        self.error_m: float | None = 2.0
        self.clock_ahead_s = 0.0
        self._server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[None]] = set()

    def move(self, *, east_m: float = 0.0, north_m: float = 0.0) -> None:
        """Carry the antenna to a place relative to where it was surveyed."""
        self._place = (east_m, north_m)

    async def __aenter__(self) -> FakeGpsd:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        self.drop()
        await asyncio.gather(*self._serving, return_exceptions=True)

    def drop(self) -> None:
        """End every connection."""
        for task in self._serving:
            task.cancel()

    def report(self) -> dict[str, Any]:
        """The TPV report of now."""
        found: dict[str, Any] = {"class": "TPV", "device": "/dev/ttyS0", "mode": self.mode}
        found["time"] = datetime.fromtimestamp(time.time() + self.clock_ahead_s, UTC).isoformat(
            timespec="milliseconds"
        )
        if self.mode >= 2:
            found["lat"], found["lon"] = self._frame.to_geodetic(*self._place)
        if self.mode >= 2 and self.error_m is not None:
            found["eph"] = self.error_m
        return found

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.clients += 1
        task = asyncio.ensure_future(self._serve(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        with contextlib.suppress(asyncio.CancelledError):
            await task

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            _put(writer, _VERSION)
            command = await reader.readline()
            if not command.startswith(b"?WATCH="):
                return
            _put(writer, _DEVICES)
            while not writer.is_closing():
                _put(writer, self.report())
                await writer.drain()
                await asyncio.sleep(self._period_s)
        except ConnectionError:
            return
        finally:
            writer.close()


def _put(writer: asyncio.StreamWriter, report: dict[str, Any]) -> None:
    writer.write(json.dumps(report, separators=(",", ":")).encode() + b"\r\n")
