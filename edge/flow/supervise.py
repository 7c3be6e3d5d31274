"""Keeps tasks running: a lost device is retried with backoff, a bug is counted and restarted within a budget."""

from __future__ import annotations

import asyncio
import logging
import os
import random
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from edge.core.errors import DeviceError, EdgeError
from edge.core.health import HealthState
from edge.flow.board import HealthBoard

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Backoff:
    """Growing pause between attempts, with jitter so that many nodes do not come back together.

    Attributes:
        first_s, limit_s: first and longest pause.
        factor: growth per attempt.
        jitter: the pause is multiplied by 1 +- this.
    """

    first_s: float = 0.5
    limit_s: float = 10.0
    factor: float = 2.0
    jitter: float = 0.2

    def pause_s(self, attempt: int, *, source: random.Random) -> float:
        """Pause before attempt number `attempt` (0 is the first retry)."""
        pause = min(self.limit_s, self.first_s * self.factor ** min(attempt, 32))
        return pause * (1.0 + source.uniform(-self.jitter, self.jitter))


@dataclass(frozen=True, slots=True)
class Budget:
    """At most `restarts` within `window_s`; beyond it the component rests for one window."""

    restarts: int = 5
    window_s: float = 60.0


class RestartCounter:
    """Counts restarts against a budget. Pure: times are arguments."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._times: deque[float] = deque(maxlen=budget.restarts)

    def spend(self, now_s: float) -> float:
        """Record one restart; returns the seconds to rest first (0 within the budget)."""
        full = len(self._times) == self._budget.restarts
        rest = self._times[0] + self._budget.window_s - now_s if full else 0.0
        self._times.append(now_s)
        return max(0.0, rest)


def strict() -> bool:
    """Whether a bug ends the process at once (tests set `EDGE_STRICT=1`)."""
    return os.environ.get("EDGE_STRICT") == "1"


async def supervise(
    component: str,
    run: Callable[[], Awaitable[None]],
    *,
    board: HealthBoard,
    backoff: Backoff | None = None,
    budget: Budget | None = None,
) -> None:
    """Run a coroutine function for ever.

    `DeviceError` and a plain return mean that the device is lost: retried with backoff. Any other exception is a
    bug of ours: counted, an event, and restarted within the budget; fatal under `EDGE_STRICT=1`.
    """
    backoff, counter, source = backoff or Backoff(), RestartCounter(budget or Budget()), random.Random()  # noqa: S311 - jitter
    loop = asyncio.get_running_loop()
    attempt = 0
    while True:
        started = loop.time()
        rest_s = 0.0
        try:
            await run()
            board.set(component, HealthState.DOWN, "ended")
        except DeviceError as error:
            board.set(component, HealthState.DOWN, str(error))
        except Exception as error:
            if strict():
                raise
            _log.exception("%s: bug", component)
            board.counters(component)["bugs"] += 1
            kind = "error" if isinstance(error, EdgeError) else "bug"
            board.event(component, kind, f"{type(error).__name__}: {error}")
            board.set(component, HealthState.DOWN, f"{type(error).__name__}: {error}")
            rest_s = counter.spend(loop.time())
        attempt = 0 if loop.time() - started > backoff.limit_s else attempt + 1
        board.counters(component)["restarts"] += 1
        await asyncio.sleep(max(rest_s, backoff.pause_s(attempt, source=source)))
