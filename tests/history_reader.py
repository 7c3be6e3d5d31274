"""Reads a node's history back from a centre, and looks at its order."""

from __future__ import annotations

import itertools

import grpc

from edge.v1 import centre_pb2_grpc, history_pb2

History = list[tuple[int, history_pb2.HistoryRecord]]
"""Epoch and record, in order."""


async def history_of(port: int, node_id: str = "n1", **request: int) -> History:
    """All that the centre at a port has of a node. Raises `AioRpcError`."""
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = centre_pb2_grpc.QueryServiceStub(channel)  # type: ignore[no-untyped-call]
        call = stub.ReadHistory(history_pb2.ReadHistoryRequest(node_id=node_id, **request), timeout=300)
        return [(batch.epoch, record) async for batch in call for record in batch.records]


def places(history: History) -> list[tuple[int, int]]:
    """First and last sequence of each record and gap."""
    return [(r.gap.first_sequence if r.HasField("gap") else r.sequence, r.sequence) for _epoch, r in history]


def breaks(history: History) -> list[tuple[int, int]]:
    """Last sequence and next first one, wherever a record is missing or comes twice within an epoch."""
    found = []
    for (epoch, _), (next_epoch, _), one, other in zip(
        history, history[1:], places(history), places(history)[1:], strict=False
    ):
        expected = one[1] + 1 if epoch == next_epoch else 1
        if other[0] != expected:
            found.append((one[1], other[0]))
    return found


def skipped_revisions(history: History) -> list[tuple[int, int]]:
    """Revisions of the signals that do not follow each other: colours that are not in the history, or a restart."""
    revisions = [record.signals.revision for _epoch, record in history if record.HasField("signals")]
    return [(one, other) for one, other in itertools.pairwise(revisions) if other != (one + 1) % 128]
