"""What can go wrong for a client."""

from __future__ import annotations


class EdgeUnavailableError(Exception):
    """The node cannot be reached, or went away."""

    def __init__(self, address: str, reason: str) -> None:
        self.address, self.reason = address, reason
        super().__init__(f"{address}: {reason}")


class SubscriptionRefusedError(Exception):
    """The node does not take the subscription: a limit is reached, or the request makes no sense."""

    def __init__(self, address: str, reason: str) -> None:
        self.address, self.reason = address, reason
        super().__init__(f"{address}: {reason}")
