"""How much one peer may ask: calls per second with a burst, and calls open at a time. Pure: times are arguments."""

from __future__ import annotations

import math
from collections import Counter, OrderedDict
from dataclasses import dataclass

from edge.access.refusal import exhausted


@dataclass(frozen=True, slots=True)
class AccessLimits:
    """What one peer may do; a peer is a certificate, without one a host.

    Attributes:
        calls_per_s: calls per second in the long run.
        burst: calls at once.
        open_calls: calls open at a time.
        peers: how many peers are remembered; the one that was silent longest is forgotten.
        request_s: time to send the request after the call began.
    """

    calls_per_s: float = math.inf
    burst: int = 1_000_000
    open_calls: int = 1_000_000
    peers: int = 4096
    request_s: float = 5.0


class PeerLimiter:
    """Counts the calls of every peer."""

    def __init__(self, limits: AccessLimits) -> None:
        self._limits = limits
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._open: Counter[str] = Counter()

    def admit(self, peer: str, *, now_s: float) -> None:
        """Count a call that begins at `now_s`.

        Raises:
            RefusedCallError: too many in this time.
        """
        limits = self._limits
        if math.isinf(limits.calls_per_s):
            return
        left, at_s = self._buckets.get(peer, (float(limits.burst), now_s))
        left = min(float(limits.burst), left + max(now_s - at_s, 0.0) * limits.calls_per_s)
        admitted = left >= 1.0
        self._buckets[peer] = (left - 1.0 if admitted else left, now_s)
        self._buckets.move_to_end(peer)
        if len(self._buckets) > limits.peers:
            self._buckets.popitem(last=False)
        if not admitted:
            raise exhausted(
                "rate", f"more than {limits.calls_per_s:g} calls per second: wait before the next"
            )

    def open(self, peer: str) -> None:
        """Count an open call; `close` must follow unless it is refused.

        Raises:
            RefusedCallError: too many are open.
        """
        if self._open[peer] >= self._limits.open_calls:
            raise exhausted("open_calls", f"{self._limits.open_calls} calls are open already: end one first")
        self._open[peer] += 1

    def close(self, peer: str) -> None:
        """A call has ended."""
        self._open[peer] -= 1
        if self._open[peer] <= 0:
            del self._open[peer]
