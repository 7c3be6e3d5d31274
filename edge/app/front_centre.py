"""Everything between the node and its centre: the live lane, the history lane, and commands."""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import grpc

from edge.access.channel import open_channel
from edge.app.front_orders import Orders
from edge.app.staging import FOLDER, Staging
from edge.config import SiteConfig
from edge.config.links import CentreLinkConfig
from edge.core.health import Event
from edge.core.intersection import Intersection
from edge.core.stamp import NS_PER_S
from edge.flow.board import HealthBoard
from edge.flow.supervise import supervise
from edge.publish import commands, history
from edge.publish.command_judge import CommandJudge, CommandRules, CounterMemory
from edge.publish.commands import Audit, CommandDesk
from edge.publish.history import HistoryLane, HistoryTap
from edge.publish.history_uplink import HistoryUplink
from edge.publish.hub import Hub
from edge.publish.outbox import OutboxLimits
from edge.publish.uplink import CHANNEL_OPTIONS, Uplink
from edge.v1 import command_pb2, intersection_pb2, node_pb2


@dataclass(frozen=True, slots=True)
class CentreWants:
    """What the link to the centre is made for.

    Attributes:
        intersection: the MAP that runs.
        clock_is_good: whether the clock may judge the expiry of commands.
        audit: where it is written what became of them.
    """

    site: SiteConfig
    config: CentreLinkConfig
    intersection: Intersection
    clock_is_good: Callable[[], bool]
    audit: Audit


class CentreLink:
    """The node's side of its centre.

    Raises:
        ConfigError: a key of commands cannot be read.
    """

    def __init__(
        self,
        wants: CentreWants,
        *,
        hub: Hub,
        hello: intersection_pb2.Intersection,
        epoch: int,
        board: HealthBoard,
    ) -> None:
        site, config = wants.site, wants.config
        self._board, self._config, self._node_id = board, config, site.site.id
        self._tls = None if site.tls is None or config.allow_plaintext else site.tls.files
        self._lane: HistoryLane | None = None
        self._tap: HistoryTap | None = None
        if config.history:
            limits = OutboxLimits(config.history_mb * 1_000_000, int(config.history_days * 86_400) * NS_PER_S)
            path = site.state_directory / history.FILE
            self._lane = HistoryLane(path, board=board, now_ns=time.time_ns, limits=limits)
            self._tap = HistoryTap(self._lane)
        self._desk = self._command_desk(wants)
        self._uplink = Uplink(
            config.address,
            hub=hub,
            hello=hello,
            epoch=epoch,
            board=board,
            rate_hz=config.rate_hz,
            tls=self._tls,
        )
        self._uplink.commands = self._desk

    def tasks(self) -> list[Coroutine[Any, Any, None]]:
        """What must run beside: both lanes, the history's way to disk, and the desk for commands."""
        found = [self._uplink.run(), supervise(commands.COMPONENT, self._desk.run, board=self._board)]
        if self._lane is not None:
            uplink = HistoryUplink(
                self._config.address,
                self._lane,
                node_id=self._node_id,
                open_channel=self._open_channel,
                board=self._board,
            )
            found += [supervise(history.COMPONENT, self._lane.run, board=self._board), uplink.run()]
        return found

    def update(self, update: node_pb2.Update) -> None:
        """Something was published."""
        if self._tap is not None:
            self._tap.update(update)

    def event(self, event: Event) -> None:
        """Something happened."""
        if self._tap is not None:
            self._tap.event(event)

    async def close(self) -> None:
        """Keep what is not on disk yet."""
        if self._lane is not None:
            await self._lane.close()

    def _open_channel(self) -> grpc.aio.Channel:
        return open_channel(self._config.address, files=self._tls, options=CHANNEL_OPTIONS)

    def _command_desk(self, wants: CentreWants) -> CommandDesk:
        site = wants.site
        folder, keys = site.state_directory / FOLDER, self._config.command_keys
        judge = CommandJudge(
            CommandRules(site.site.id, self._config.commands, keys_known=bool(keys)),
            _signer(self._config),
            CounterMemory(folder / "counters.json"),
        )
        return CommandDesk(
            judge,
            Orders(site, wants.intersection, Staging(site)).handlers(),
            audit=wants.audit,
            board=self._board,
            clock_is_good=wants.clock_is_good,
            answered=self._answered,
        )

    def _answered(self, result: command_pb2.CommandResult) -> None:
        if self._tap is not None:
            self._tap.command(result, now_ns=time.time_ns())


def _signer(config: CentreLinkConfig) -> Callable[[command_pb2.SignedCommand], str | None]:
    if not config.command_keys:
        return lambda _signed: None
    from edge.wire.command import load_public_keys, signer_of  # noqa: PLC0415 - only where commands are taken

    keys = load_public_keys(config.command_keys, what="centre.command_keys")
    return lambda signed: signer_of(signed, keys)
