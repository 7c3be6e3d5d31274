"""Pumps raw frames of one V2X link into the node, rate limited per sender."""

from __future__ import annotations

from collections.abc import Callable

from edge.core.health import HealthState
from edge.core.v2x import RadioFrame
from edge.flow.board import HealthBoard
from edge.ports import RadioReceiver
from edge.sources.limiter import SenderLimiter


async def pump_radio(
    receiver: RadioReceiver,
    put: Callable[[RadioFrame], None],
    *,
    component: str,
    board: HealthBoard,
    limiter: SenderLimiter,
) -> None:
    """Hand every frame on until the link is lost.

    Counters on the board: those of the driver, `passed` and `limited`.

    Args:
        put: takes a frame without waiting (a bounded channel).
        component: name on the health board, e.g. `link.rsu1`.

    Raises:
        DeviceError: the link cannot be opened or is lost.
    """
    counters = board.counters(component)
    try:
        async with receiver.frames() as frames:
            board.set(component, HealthState.OK)
            async for frame in frames:
                allowed = limiter.allow(frame.sender, frame.arrival_ns)
                counters["passed" if allowed else "limited"] += 1
                if allowed:
                    put(frame)
                dict.update(counters, receiver.counters)
    finally:
        dict.update(counters, receiver.counters)
