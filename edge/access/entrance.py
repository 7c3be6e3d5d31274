"""Everything in front of a gRPC server, built from paths: TLS, the guard, the audit log, and what must run for them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import grpc

from edge.access.audit import COMPONENT as AUDIT
from edge.access.audit import AuditLog
from edge.access.guard import CallJudge, Guard
from edge.access.limits import AccessLimits
from edge.access.local import LocalJudge
from edge.access.tls_files import TlsFiles
from edge.flow.board import HealthBoard

COMPONENT = "access"


class Entrance:
    """Who comes in at one server.

    Args:
        files: certificates; None: plaintext, for callers on this machine.
        audit: the log's path; None: no log.
        audit_bytes, audit_files: size of one file, and how many are kept.

    Attributes:
        credentials: for the server's port; None: plaintext.
        guard: the interceptor.
        log: the audit log; None: there is none.

    Raises:
        ConfigError: the certificates cannot be used.
    """

    def __init__(
        self,
        files: TlsFiles | None,
        *,
        board: HealthBoard,
        limits: AccessLimits | None = None,
        audit: Path | None = None,
        audit_bytes: int = 10_000_000,
        audit_files: int = 5,
    ) -> None:
        self.credentials: grpc.ServerCredentials | None = None
        self._tasks: dict[str, Callable[[], Awaitable[None]]] = {}
        self.log: AuditLog | None = None
        if audit is not None:
            self.log = AuditLog(audit, board=board, limit_bytes=audit_bytes, files=audit_files)
            self._tasks[AUDIT] = self.log.run
        judge: CallJudge = LocalJudge()
        counters = board.counters(COMPONENT)
        if files is None:
            self.guard = Guard(judge, limits=limits, counters=counters, audit=self.log)
            return
        from edge.access.judge import Judge  # noqa: PLC0415 - only where there is TLS
        from edge.access.keeper import COMPONENT as TLS  # noqa: PLC0415 - with it
        from edge.access.keeper import Keeper  # noqa: PLC0415 - with it
        from edge.access.server_tls import server_credentials  # noqa: PLC0415 - with it

        keeper = Keeper(files, board=board)
        self.credentials = server_credentials(keeper, counters)
        self.guard = Guard(
            Judge(lambda: keeper.material.trust), limits=limits, counters=counters, audit=self.log
        )
        keeper.on_change.append(self.guard.changed)
        self._tasks |= {TLS: keeper.run, COMPONENT: self.guard.run}

    def tasks(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """What must run beside the server, by component."""
        return dict(self._tasks)
