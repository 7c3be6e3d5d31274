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


def with_hint(words: str, *, secured: bool) -> str:
    """What gRPC says of a connection, and what it may mean: one side speaks TLS and the other does not."""
    if not secured and "Socket closed" in words:
        return f"{words} (if the other side has TLS: give certificates, --certs or credentials)"
    if secured and "WRONG_VERSION_NUMBER" in words:
        return f"{words} (the other side speaks plaintext: leave certificates out)"
    return words
