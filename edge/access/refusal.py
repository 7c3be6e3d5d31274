"""Why a call is refused, in words for the caller, for the counters and for the audit log."""

from __future__ import annotations

import grpc

from edge.core.errors import EdgeError


class RefusedCallError(EdgeError):
    """A call that is not served.

    Args:
        kind: short stable name; the counter `refused_KIND` counts it.
        reason: one sentence for the caller.
        code: gRPC status.
    """

    def __init__(self, kind: str, reason: str, *, code: grpc.StatusCode) -> None:
        self.kind, self.reason, self.code = kind, reason, code
        super().__init__(reason)


def unauthenticated(kind: str, reason: str) -> RefusedCallError:
    """The caller's certificate does not count."""
    return RefusedCallError(kind, reason, code=grpc.StatusCode.UNAUTHENTICATED)


def forbidden(kind: str, reason: str) -> RefusedCallError:
    """The caller may not do this."""
    return RefusedCallError(kind, reason, code=grpc.StatusCode.PERMISSION_DENIED)


def exhausted(kind: str, reason: str) -> RefusedCallError:
    """The caller does too much."""
    return RefusedCallError(kind, reason, code=grpc.StatusCode.RESOURCE_EXHAUSTED)


def malformed(reason: str) -> RefusedCallError:
    """What came is no request."""
    return RefusedCallError("malformed", reason, code=grpc.StatusCode.INVALID_ARGUMENT)
