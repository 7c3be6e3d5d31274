"""Builds the driver of the site's signal controller: the one place that knows them all."""

from __future__ import annotations

import asyncio
import zoneinfo
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edge.config.address import split_address
from edge.config.controllers import ControllerConfig, ReplayConfig, SpatConfig, TscbmConfig
from edge.config.gb20999 import Gb20999Config
from edge.config.ntcip import Ntcip1202Config, NtcipControlConfig
from edge.config.rsmp import RsmpConfig
from edge.config.tlcfi import TlcfiConfig
from edge.core.errors import ConfigError
from edge.core.priority import PhaseCommand
from edge.core.signals import GroupKind, SignalSnapshot
from edge.core.stamp import NS_PER_MS
from edge.ports import PhaseCommander, SignalController

LONGEST_COMMUNITY = 255


def build_controller(config: ControllerConfig) -> SignalController:
    """The controller driver of the site; only the module of its own protocol is imported."""
    return _BUILDERS[config.type](config)


def phase_commander(controller: SignalController) -> PhaseCommander | None:
    """The phase control of a driver; None: it only reads."""
    control = getattr(controller, "control", None)
    if control is None:
        return None
    from hw.signal.ntcip1202.control import PhaseControl  # noqa: PLC0415 - one protocol a site

    assert isinstance(control, PhaseControl)
    return _NtcipCommander(control)


class _NtcipCommander:
    """`PhaseCommander` over the phase control of NTCIP 1202."""

    def __init__(self, control: Any) -> None:
        from hw.signal.ntcip1202.objects import Command  # noqa: PLC0415 - one protocol a site

        self._control, self._commands = control, {each: Command[each.name] for each in PhaseCommand}

    def ask(self, command: PhaseCommand, phases: frozenset[int], *, source: str, for_s: float) -> str | None:
        refusal: str | None = self._control.ask(self._commands[command], phases, source=source, for_s=for_s)
        return refusal

    def release(self, source: str) -> None:
        self._control.release(source)

    def stands(self, command: PhaseCommand, phase: int) -> bool:
        return bool(self._control.stands(self._commands[command], phase))


async def first_snapshot(controller: SignalController, *, timeout_s: float) -> SignalSnapshot:
    """What the controller says now. Raises `TimeoutError` when it says nothing, `DeviceError` when it is not there."""
    async with asyncio.timeout(timeout_s), controller.snapshots() as snapshots:
        return await anext(snapshots)


def _tscbm(config: TscbmConfig) -> SignalController:
    from hw.signal.tscbm_controller import ControllerClock, TscbmController  # noqa: PLC0415 - one protocol a site

    host, port = split_address(config.listen)
    zone = None if config.time_zone is None else zoneinfo.ZoneInfo(config.time_zone)
    clock = ControllerClock(bound_ns=config.clock_error_limit_ms * NS_PER_MS, zone=zone)
    senders = frozenset(config.senders) or None
    return TscbmController(host, port, name=config.name, clock=clock, senders=senders)


def _ntcip1202(config: Ntcip1202Config) -> SignalController:
    from hw.signal.ntcip1202.controller import Ntcip1202Controller, PollSettings  # noqa: PLC0415 - one protocol a site
    from hw.snmp.client import Agent  # noqa: PLC0415
    from hw.snmp.message import V1, V2C  # noqa: PLC0415

    host, port = split_address(config.address)
    agent = Agent(
        host,
        port,
        community=_community(config.community_file, key="community_file") or config.community.encode(),
        write_community=_community(config.write_community_file, key="write_community_file"),
        version=V1 if config.version == "1" else V2C,
    )
    if config.push is not None:
        return _ntcip1202_push(config, agent)
    timeout_s = (config.timeout_ms or config.poll_ms) / 1000
    settings = PollSettings(
        period_s=config.poll_ms / 1000,
        timeout_s=timeout_s,
        table_timeout_s=max(0.25, 2 * timeout_s),
        status_lag_s=config.status_lag_ms / 1000,
    )
    grant = None if config.control is None else _grant(config.control)
    return Ntcip1202Controller(agent, name=config.name, settings=settings, grant=grant)


def _ntcip1202_push(config: Ntcip1202Config, agent: Any) -> SignalController:
    from hw.signal.ntcip1202.objects import PUSH_LONG, PUSH_SHORT  # noqa: PLC0415 - one protocol a site
    from hw.signal.ntcip1202.push import NtcipPushController  # noqa: PLC0415
    from hw.signal.tscbm_controller import ControllerClock, TscbmController  # noqa: PLC0415

    push = config.push
    assert push is not None
    host, port = split_address(push.listen)
    zone = None if push.time_zone is None else zoneinfo.ZoneInfo(push.time_zone)
    clock = ControllerClock(bound_ns=push.clock_error_limit_ms * NS_PER_MS, zone=zone)
    senders = frozenset(push.senders) or None
    tscbm = TscbmController(host, port, name=config.name, clock=clock, senders=senders)
    value = PUSH_LONG if push.pedestrian_calls else PUSH_SHORT
    return NtcipPushController(agent, tscbm, name=config.name, value=value, switch=push.switch)


def _grant(config: NtcipControlConfig) -> Any:
    from hw.signal.ntcip1202.control import ControlGrant  # noqa: PLC0415 - one protocol a site
    from hw.signal.ntcip1202.objects import Command  # noqa: PLC0415

    return ControlGrant(
        commands=frozenset(Command[command.upper()] for command in config.commands),
        phases=frozenset(config.phases),
        lease_s=config.lease_ms / 1000,
        refresh_s=config.refresh_ms / 1000,
        interval_s=config.interval_ms / 1000,
        most_backup_s=config.most_backup_s,
    )


def _rsmp(config: RsmpConfig) -> SignalController:
    from hw.signal.rsmp_controller import RsmpController  # noqa: PLC0415 - one protocol a site
    from hw.signal.rsmp_session import RsmpSettings  # noqa: PLC0415
    from hw.signal.rsmp_status import RsmpGroup, RsmpIntersection  # noqa: PLC0415

    host, port = split_address(config.listen)
    lights = RsmpIntersection(
        config.name,
        tuple(RsmpGroup(group.number, GroupKind(group.kind), group.id) for group in config.group),
        intersection=config.intersection,
        yellow_ns=_ns(config.yellow_ms),
        red_yellow_ns=_ns(config.red_yellow_ms),
    )
    settings = RsmpSettings(
        lights,
        component=config.component,
        sxl=config.sxl,
        watchdog_period_ns=config.watchdog_ms * NS_PER_MS,
        ack_timeout_ns=config.ack_timeout_ms * NS_PER_MS,
        clock_limit_ns=config.clock_error_limit_ms * NS_PER_MS,
    )
    senders = frozenset(config.senders) or None
    return RsmpController(host, port, settings=settings, site_id=config.site_id, senders=senders)


def _tlcfi(config: TlcfiConfig) -> SignalController:
    from hw.signal.tlcfi_controller import TlcfiController  # noqa: PLC0415 - one protocol a site
    from hw.signal.tlcfi_session import TlcfiSettings  # noqa: PLC0415

    host, port = split_address(config.address)
    settings = TlcfiSettings(
        config.name,
        tuple((group.number, GroupKind(group.kind), group.id) for group in config.group),
        username=config.username,
        password="" if config.password_file is None else _secret(config.password_file, key="password_file"),
        uri=config.uri,
        intersection=config.intersection,
        scale=config.confidence,
        alive_period_ns=config.alive_ms * NS_PER_MS,
        reply_timeout_ns=config.reply_timeout_ms * NS_PER_MS,
    )
    return TlcfiController(host, port, settings=settings)


def _gb20999(config: Gb20999Config) -> SignalController:
    from hw.signal.gb20999 import Frame, FrameType  # noqa: PLC0415 - one protocol a site
    from hw.signal.gb20999_controller import Clock, Gb20999Controller  # noqa: PLC0415
    from hw.signal.gb20999_link import Way  # noqa: PLC0415
    from hw.signal.gb20999_questions import Habits  # noqa: PLC0415

    way = Way(config.transport, split_address(config.address), split_address(config.listen))
    major, minor = config.version.split(".")
    header = Frame(
        FrameType.QUERY,
        controller_id=config.controller_id,
        crossing=config.crossing_id,
        upper_id=config.upper_id,
        version=int(major) << 8 | int(minor),
    )
    habits = Habits(config.poll_ms / 1000, config.heartbeat_ms / 1000, config.crossing, header)
    zone = None if config.time_zone is None else zoneinfo.ZoneInfo(config.time_zone)
    clock = Clock(zone, config.clock_error_limit_ms * NS_PER_MS)
    kinds = {group.number: GroupKind(group.kind) for group in config.group}
    return Gb20999Controller(way, name=config.name, habits=habits, clock=clock, kinds=kinds)


def _spat(config: SpatConfig) -> SignalController:
    from hw.signal.spat_text import SpatClock, SpatTextController  # noqa: PLC0415 - one protocol a site

    host, port = split_address(config.listen)
    return SpatTextController(
        host,
        port,
        name=config.name,
        intersection=config.intersection,
        senders=frozenset(config.senders) or None,
        clock=SpatClock(bound_ns=config.clock_error_limit_ms * NS_PER_MS),
    )


def _replay(config: ReplayConfig) -> SignalController:
    from hw.signal.replay import Playing, ReplayController  # noqa: PLC0415 - one protocol a site

    playing = Playing(config.pace, config.stamps, config.at_end)
    return ReplayController(config.file, name=config.name, playing=playing)


def _ns(milliseconds: int | None) -> int | None:
    return None if milliseconds is None else milliseconds * NS_PER_MS


def _community(path: Path | None, *, key: str) -> bytes | None:
    """The content of a community file. Raises `ConfigError`."""
    if path is None:
        return None
    text = _secret(path, key=key)
    if not 0 < len(text) <= LONGEST_COMMUNITY:
        problem = f"{path} holds {len(text)} characters"
        raise ConfigError(
            f"controller.{key}", problem, remedy="write the community into it, and nothing else"
        )
    return text.encode()


def _secret(path: Path, *, key: str) -> str:
    """The content of a file that holds a secret and nothing else. Raises `ConfigError`."""
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"controller.{key}", f"cannot read {path}: {error}") from error


_BUILDERS: dict[str, Callable[[Any], SignalController]] = {
    "tscbm": _tscbm,
    "ntcip1202": _ntcip1202,
    "rsmp": _rsmp,
    "tlcfi": _tlcfi,
    "gb20999": _gb20999,
    "spat": _spat,
    "replay": _replay,
}

REMEDIES = {
    "tscbm": "switch the controller's SPaT output on and give it this address",
    "ntcip1202": "are address, community and version those of its SNMP agent, and may this node's address ask it?",
    "rsmp": "enter this address and port 12111 as a supervisor at the site, with SXL and site id as they stand here",
    "tlcfi": "allow this user as a consumer at the TLC, and compare intersection and group ids",
    "gb20999": "is controller.address right, is transport, and does the controller know this node as its centre?",
    "spat": "switch immediate forward on and give it this address",
    "replay": "the recording holds no snapshot: record one first",
}
"""What to do where a controller says nothing, for `edge doctor`."""

PATIENCE_S = {"rsmp": 15.0}
"""How long `edge doctor` waits where it is longer than usual: an RSMP site connects again after ten seconds."""
