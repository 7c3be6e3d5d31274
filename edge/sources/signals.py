"""Pumps the snapshots of the signal controller into the signal lane."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from edge.core.health import HealthState
from edge.core.signals import SignalSnapshot
from edge.flow.board import HealthBoard
from edge.ports import SignalController


async def pump_controller(
    controller: SignalController,
    put: Callable[[SignalSnapshot], None],
    *,
    component: str,
    board: HealthBoard,
    silent_after_s: float = 1.0,
) -> None:
    """Hand every snapshot on until the controller is lost; silence is shown on the board.

    Silence does not end the pump: the socket stays open, so that the first datagram of a controller that comes
    back is not lost in a back-off. The signal lane withdraws by itself.

    Args:
        put: takes a snapshot without waiting (the signal lane).
        component: name on the health board.
        silent_after_s: silence after which the component is down.

    Raises:
        DeviceError: the controller cannot be opened or is lost.
    """
    async with controller.snapshots() as snapshots:
        board.set(component, HealthState.STARTING, "no snapshot yet")
        silence = _Silence(component, board, silent_after_s)
        try:
            async for snapshot in snapshots:
                silence.heard()
                dict.update(board.counters(component), controller.counters)
                put(snapshot)
        finally:
            silence.stop()


class _Silence:
    """Marks the component down when nothing was heard for a while, and up again with the next snapshot."""

    def __init__(self, component: str, board: HealthBoard, limit_s: float) -> None:
        self._component, self._board, self._limit_s = component, board, limit_s
        self._timer = self._start()

    def heard(self) -> None:
        self._timer.cancel()
        self._timer = self._start()
        self._board.set(self._component, HealthState.OK)

    def stop(self) -> None:
        self._timer.cancel()

    def _start(self) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(self._limit_s, self._expire)

    def _expire(self) -> None:
        self._board.set(self._component, HealthState.DOWN, f"silent for {self._limit_s:g} s")
