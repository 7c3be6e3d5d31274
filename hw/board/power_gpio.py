"""The power-fail line of the supply, through the GPIO character device. Needs the package gpiod (libgpiod 2)."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
from collections.abc import AsyncIterator
from typing import Any

from edge.core.errors import DeviceError

DEVICE = "power"


class GpioPowerLine:
    """`PowerLine`: yields whether the mains is gone, first as it is and then at each change."""

    def __init__(self, chip: str, line: int, *, active_low: bool = False, gpiod: Any = None) -> None:
        self._chip, self._line, self._active_low, self._gpiod = chip, line, active_low, gpiod

    async def changes(self) -> AsyncIterator[bool]:
        """Yield for ever. Raises `DeviceError`: no gpiod, no such line, or it is lost."""
        request = self._request()
        changed, loop = asyncio.Event(), asyncio.get_running_loop()
        loop.add_reader(request.fd, changed.set)
        try:
            while True:
                changed.clear()
                yield self._failed(request)
                await changed.wait()
                request.read_edge_events()
        except OSError as error:
            raise DeviceError(DEVICE, f"{self._chip} line {self._line}: {error.strerror or error}") from error
        finally:
            loop.remove_reader(request.fd)
            with contextlib.suppress(OSError):
                request.release()

    def _module(self) -> Any:
        if self._gpiod is not None:
            return self._gpiod
        try:
            return importlib.import_module("gpiod")
        except ImportError as error:
            remedy = "pip install gpiod, or leave board.power_fail out"
            raise DeviceError(DEVICE, "the package gpiod is not installed", remedy=remedy) from error

    def _request(self) -> Any:
        gpiod = self._module()
        settings = gpiod.LineSettings(
            direction=gpiod.line.Direction.INPUT,
            edge_detection=gpiod.line.Edge.BOTH,
            active_low=self._active_low,
        )
        try:
            return gpiod.request_lines(self._chip, consumer="roadside-edge", config={self._line: settings})
        except (OSError, ValueError) as error:
            remedy = "mend board.power_fail; the unit needs DeviceAllow=char-gpiochip rw"
            raise DeviceError(DEVICE, f"{self._chip} line {self._line}: {error}", remedy=remedy) from error

    def _failed(self, request: Any) -> bool:
        return bool(request.get_value(self._line) == self._module().line.Value.ACTIVE)
