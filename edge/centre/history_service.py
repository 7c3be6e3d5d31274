"""The centre's side of the history: takes batches, acknowledges what is safe, and reads it back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import grpc

from edge.access.roles import Role, current_peer
from edge.centre.archive import Archive, HistoryOrderError, Row
from edge.centre.state import NODE_ID_LIMIT
from edge.core.errors import DeviceError
from edge.v1 import history_pb2

HELLO_TIMEOUT_S = 10.0
SEQUENCE_LIMIT = 2**62


async def take_history(
    archive: Archive | None,
    batches: AsyncIterator[history_pb2.HistoryBatch],
    context: grpc.aio.ServicerContext,
) -> AsyncIterator[history_pb2.HistoryAck]:
    """One node's stream: a question for the place, then batches; an acknowledgement for each."""
    if archive is None:
        await context.abort(
            grpc.StatusCode.FAILED_PRECONDITION, "this centre keeps no history: start it with --state"
        )
        raise AssertionError("abort returned")
    try:
        async with asyncio.timeout(HELLO_TIMEOUT_S):
            first = await anext(batches)
        node_id, epoch = first.node_id, first.epoch
        _check(first)
        yield history_pb2.HistoryAck(acked_sequence=await archive.position(node_id, epoch))
        async for batch in batches:
            _check_same(batch, node_id, epoch)
            place = await archive.append(node_id, epoch, [_row(record) for record in batch.records])
            yield history_pb2.HistoryAck(acked_sequence=place)
    except StopAsyncIteration:
        return
    except TimeoutError:
        await context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, f"no batch within {HELLO_TIMEOUT_S:.0f} s")
    except HistoryOrderError as error:
        await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
    except DeviceError as error:
        await context.abort(grpc.StatusCode.UNAVAILABLE, f"history cannot be kept now: {error}")


def _check(first: history_pb2.HistoryBatch) -> None:
    node_id, peer = first.node_id, current_peer.get()
    if peer is not None and not peer.is_named(Role.RSU, node_id):
        raise HistoryOrderError(f"the certificate is not of node {node_id[:NODE_ID_LIMIT]!r}")
    if not node_id or len(node_id) > NODE_ID_LIMIT or not node_id.isprintable() or first.epoch <= 0:
        raise HistoryOrderError("a batch has a node id and an epoch")


def _check_same(batch: history_pb2.HistoryBatch, node_id: str, epoch: int) -> None:
    if (batch.node_id, batch.epoch) != (node_id, epoch):
        raise HistoryOrderError(f"this stream belongs to epoch {epoch} of node {node_id!r}")


def _row(record: history_pb2.HistoryRecord) -> Row:
    """Raises `HistoryOrderError`. What it holds is not looked into: a newer node may know more kinds."""
    gap = record.HasField("gap")
    first = record.gap.first_sequence if gap else record.sequence
    if not 0 < first <= record.sequence < SEQUENCE_LIMIT:
        raise HistoryOrderError(f"record {record.sequence} has no usable sequence")
    reason = max(record.gap.reason, 0) or -1 if gap else 0
    return Row(record.sequence, first, record.stamp_ns, reason, record.SerializeToString())


async def read_history(
    archive: Archive | None, request: history_pb2.ReadHistoryRequest, context: grpc.aio.ServicerContext
) -> AsyncIterator[history_pb2.HistoryBatch]:
    """The history of a node, a batch at a time."""
    found, left = False, request.limit or SEQUENCE_LIMIT
    try:
        after = (request.after_epoch, min(request.after_sequence, SEQUENCE_LIMIT))
        async for epoch, rows in (
            archive.read(request.node_id, after=after) if archive is not None else _nothing()
        ):
            found = True
            taken = rows[:left]
            left -= len(taken)
            if taken:
                yield history_pb2.HistoryBatch(
                    node_id=request.node_id, epoch=epoch, records=[_record(row) for row in taken]
                )
            if left <= 0:
                return
    except DeviceError as error:
        await context.abort(grpc.StatusCode.UNAVAILABLE, str(error))
    if not found and not request.after_epoch:
        reason = f"no history of a node {request.node_id!r} is kept"
        await context.abort(grpc.StatusCode.NOT_FOUND, reason)


async def _nothing() -> AsyncIterator[tuple[int, list[Row]]]:
    return
    yield


def _record(row: Row) -> history_pb2.HistoryRecord:
    record = history_pb2.HistoryRecord.FromString(row.body)
    if row.gap:
        record.gap.first_sequence = row.first
    return record
