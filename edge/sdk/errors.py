"""What can go wrong for a client, in words."""

from __future__ import annotations


class EdgeClientError(Exception):
    """Base of the client's errors."""


class NotReachableError(EdgeClientError):
    """The node did not answer in time."""

    def __init__(self, address: str, problem: str) -> None:
        self.address, self.problem = address, problem
        super().__init__(f"no answer from {address}: {problem}")


class RefusedError(EdgeClientError):
    """The node answered that it will not do this: a limit, a wrong request, or no such service."""

    def __init__(self, address: str, problem: str) -> None:
        self.address, self.problem = address, problem
        super().__init__(f"{address} refused: {problem}")


class CredentialsError(EdgeClientError):
    """A file of the client's certificates cannot be read."""

    def __init__(self, path: str, problem: str) -> None:
        self.path, self.problem = path, problem
        super().__init__(f"cannot read {path}: {problem}")


class SignalsUnavailableError(EdgeClientError):
    """There are no signals that may be used now."""
