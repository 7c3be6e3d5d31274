"""What `edge history` and `edge command` ask of a centre."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import grpc
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from edge.access.channel import open_channel
from edge.app.certificate_folder import files_of
from edge.core.errors import ConfigError, DeviceError
from edge.core.stamp import NS_PER_S
from edge.sdk.errors import with_hint
from edge.v1 import centre_pb2, centre_pb2_grpc, command_pb2, history_pb2

ANSWER_TIMEOUT_S = 35.0
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Centre:
    """A centre, and the folder of our certificates; None: plaintext."""

    address: str
    certs: Path | None = None

    def open(self) -> grpc.aio.Channel:
        """Open a channel. Raises `DeviceError`."""
        files = None if self.certs is None else files_of(self.certs)
        return open_channel(self.address, files=files, options=())

    def problem(self, error: grpc.aio.AioRpcError, *, remedy: str = "") -> DeviceError:
        """Why it did not do what was asked."""
        words = with_hint(error.details() or error.code().name, secured=self.certs is not None)
        return DeviceError(f"centre {self.address}", words, remedy=remedy)


def print_history(node: str, centre: Centre, *, limit: int, after: str, say: Say) -> None:
    """Say each record as JSON. Raises `ConfigError`, `DeviceError`."""
    asyncio.run(_print_history(_request(node, limit, after), centre, say))


def send_order(
    order: command_pb2.Command, node: str, centre: Centre, *, key: Path, life_s: float, say: Say
) -> bool:
    """Sign, send, and say the answer as JSON; returns whether it was taken. Raises `ConfigError`, `DeviceError`."""
    now_ns = time.time_ns()
    order.command_id, order.node_id, order.counter = uuid.uuid4().hex[:16], node, now_ns
    order.issued_ns, order.expires_ns = now_ns, now_ns + int(life_s * NS_PER_S)
    if order.HasField("plan_advice"):
        order.plan_advice.valid_from_ns, order.plan_advice.valid_until_ns = now_ns, order.expires_ns
    from edge.wire.command import load_private_key, sign_command  # noqa: PLC0415 - needs cryptography

    signed = sign_command(order, load_private_key(key, what="--key"))
    until = datetime.fromtimestamp(order.expires_ns / NS_PER_S, UTC).isoformat(timespec="seconds")
    told = f"if it has reached the node, edge history {node} tells of command {order.command_id}, void after {until}"
    result = asyncio.run(_send(node, signed, centre, remedy=told))
    say(_json(result))
    return bool(result.outcome != command_pb2.COMMAND_OUTCOME_REFUSED)


def _json(message: Message, **more: object) -> str:
    return json.dumps(more | MessageToDict(message, preserving_proto_field_name=True), ensure_ascii=False)


def _request(node: str, limit: int, after: str) -> history_pb2.ReadHistoryRequest:
    epoch, _, sequence = after.partition(":")
    try:
        return history_pb2.ReadHistoryRequest(
            node_id=node, limit=limit, after_epoch=int(epoch or 0), after_sequence=int(sequence or 0)
        )
    except ValueError as error:
        raise ConfigError("--after", f"{after!r} is no record", remedy="EPOCH:SEQUENCE") from error


def make_order(
    values: list[str], new_map: Path | None, *, cycle: float | None, offset: float | None, green: list[str]
) -> command_pb2.Command:
    """The one order that the options ask for. Raises `ConfigError`."""
    if sum((bool(values), new_map is not None, cycle is not None)) != 1:
        raise ConfigError("", "a command is one order", remedy="give --set, --map or --cycle")
    if new_map is not None:
        try:
            return command_pb2.Command(map=command_pb2.NewMap(map_json=new_map.read_bytes()))
        except OSError as error:
            raise ConfigError("--map", f"cannot read {new_map}: {error.strerror}") from error
    if values:
        pairs = dict(_pair(value, "--set") for value in values)
        return command_pb2.Command(configuration=command_pb2.Configuration(values=pairs))
    try:
        greens = {int(group): float(text) for group, text in (_pair(value, "--green") for value in green)}
        advice = command_pb2.PlanAdvice(cycle_s=cycle, offset_s=offset, green_s=greens)
    except ValueError as error:
        raise ConfigError("--green", str(error), remedy="GROUP=SECONDS") from error
    return command_pb2.Command(plan_advice=advice)


def _pair(text: str, option: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign:
        raise ConfigError(option, f"{text!r} has no =", remedy="NAME=VALUE")
    return name.strip(), value.strip()


async def _print_history(request: history_pb2.ReadHistoryRequest, centre: Centre, say: Say) -> None:
    async for batch in _batches(request, centre):
        for record in batch.records:
            say(_json(record, epoch=batch.epoch))


async def _batches(
    request: history_pb2.ReadHistoryRequest, centre: Centre
) -> AsyncIterator[history_pb2.HistoryBatch]:
    async with centre.open() as channel:
        call = centre_pb2_grpc.QueryServiceStub(channel).ReadHistory(request)  # type: ignore[no-untyped-call]
        try:
            async for batch in call:
                yield batch
        except grpc.aio.AioRpcError as error:
            raise centre.problem(error) from error


async def _send(
    node: str, signed: command_pb2.SignedCommand, centre: Centre, *, remedy: str
) -> command_pb2.CommandResult:
    request = centre_pb2.SendCommandRequest(node_id=node, command=signed)
    async with centre.open() as channel:
        try:
            stub = centre_pb2_grpc.CommandServiceStub(channel)  # type: ignore[no-untyped-call]
            answer: command_pb2.CommandResult = await stub.SendCommand(request, timeout=ANSWER_TIMEOUT_S)
        except grpc.aio.AioRpcError as error:
            raise centre.problem(error, remedy=remedy) from error
    return answer
