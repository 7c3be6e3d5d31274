"""Per-sender rate limit with a bounded table, so that one loud radio cannot drown the others."""

from __future__ import annotations

from collections import OrderedDict

from edge.core.stamp import NS_PER_S


class _Bucket:
    """Tokens of one sender; one token is one message."""

    __slots__ = ("at_ns", "tokens")

    def __init__(self, tokens: float, at_ns: int) -> None:
        self.tokens, self.at_ns = tokens, at_ns

    def take(self, now_ns: int, *, rate_hz: float, burst: float) -> bool:
        elapsed_s = max(0, now_ns - self.at_ns) / NS_PER_S
        self.tokens = min(burst, self.tokens + elapsed_s * rate_hz)
        self.at_ns = now_ns
        if self.tokens < 1.0:
            return False
        self.tokens -= 1.0
        return True


class SenderLimiter:
    """Token bucket per sender and one over all senders. Pure: the time is an argument.

    The table holds the senders heard last; a sender that fell out starts with a full bucket, which is why the sum
    over all senders has a limit of its own.

    Args:
        rate_hz: messages per second of one sender.
        burst: messages that one sender may send at once.
        total_hz: messages per second of all senders together.
        senders: size of the table.
    """

    def __init__(
        self, *, rate_hz: float = 25.0, burst: int = 10, total_hz: float = 4_000.0, senders: int = 1_024
    ) -> None:
        if not (rate_hz > 0 and total_hz > 0 and burst >= 1 and senders >= 1):
            raise ValueError("rates must be positive, burst and senders at least 1")
        self._rate_hz, self._burst, self._senders = rate_hz, float(burst), senders
        self._total_hz, self._total_burst = total_hz, max(1.0, total_hz / 4)
        self._table: OrderedDict[str, _Bucket] = OrderedDict()
        self._total: _Bucket | None = None

    def __len__(self) -> int:
        return len(self._table)

    def allow(self, sender: str, now_ns: int) -> bool:
        """Whether one more message of this sender may pass."""
        bucket = self._table.pop(sender, None) or _Bucket(self._burst, now_ns)
        self._table[sender] = bucket
        if len(self._table) > self._senders:
            self._table.popitem(last=False)
        if not bucket.take(now_ns, rate_hz=self._rate_hz, burst=self._burst):
            return False
        if self._total is None:
            self._total = _Bucket(self._total_burst, now_ns)
        return self._total.take(now_ns, rate_hz=self._total_hz, burst=self._total_burst)
