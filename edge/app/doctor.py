"""`edge doctor`: checks a site before it goes live and says what to do about each finding."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from rich.console import Console
from rich.markup import escape

from edge.app.doctor_box import box_checks
from edge.app.doctor_gateways import gateway_checks
from edge.app.doctor_node import RunningNode, running_node
from edge.app.doctor_radio import check_broker, check_radio
from edge.app.doctor_tls import tls_checks
from edge.app.front_priority import priority_rules
from edge.app.site_secrets import open_to_others, secret_files
from edge.app.verdict import Verdict
from edge.config import SiteConfig
from edge.config.address import split_address
from edge.config.site import CameraConfig
from edge.core.errors import EdgeError
from edge.core.geodesy import LocalFrame
from edge.core.health import HealthState
from edge.core.lamps import LampReading
from edge.core.stamp import TimeSource
from edge.ports import Frame

CAMERA_TIMEOUT_S = 8.0
SHAPE_SHARE = 0.02
"""Pictures of so much another shape may show another part of the street than the points were marked in."""
CONTROLLER_TIMEOUT_S = 3.0
CONNECT_TIMEOUT_S = 2.0
LAMP_FRAMES = 15
"""Enough to tell a flashing lamp from a dark one."""


Check = Callable[[], tuple[Verdict, str]]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report.

    Attributes:
        subject: what was checked.
        verdict: how it is.
        text: what was found, and what to do about it.
    """

    subject: str
    verdict: Verdict
    text: str


async def run_doctor(site: SiteConfig) -> int:
    """Run every check; returns 1 when one fails. Where the node runs already, it is asked for what it holds."""
    console = Console(emoji=False)
    findings: list[Finding] = []
    node = await running_node(site)
    for subject, check in [*_checks(site), *(_held(site) if node is None else _told(site, node))]:
        with console.status(f"checking {subject}"):
            finding = await asyncio.to_thread(_guarded, subject, check)
        _report(console, findings, finding)
    for finding in [] if node is None else _rest(node, findings):
        _report(console, findings, finding)
    bad = sum(f.verdict is Verdict.BAD for f in findings)
    console.print(
        f"\n{len(findings)} checks, {bad} failed" if bad else f"\n{len(findings)} checks, all passed"
    )
    return 1 if bad else 0


def _report(console: Console, findings: list[Finding], finding: Finding) -> None:
    findings.append(finding)
    console.print(
        f"{finding.verdict.value} {finding.subject:<22} {finding.text}", highlight=False, soft_wrap=True
    )


def _guarded(subject: str, check: Check) -> Finding:
    try:
        return Finding(subject, *check())
    except (EdgeError, OSError) as error:
        return Finding(subject, Verdict.BAD, str(error))


def _checks(site: SiteConfig) -> list[tuple[str, Check]]:
    """What can be checked whether or not the node runs."""
    checks: list[tuple[str, Check]] = [
        ("machine", _machine),
        ("state directory", lambda: _state_directory(site)),
        ("map", lambda: _map(site)),
        *box_checks(site),
        *tls_checks(site),
    ]
    if site.priority is not None:
        checks.append(("priority", lambda: _priority(site)))
    if secret_files(site):
        checks.append(("secrets", lambda: _secrets(site)))
    checks += [(f"camera {c.name}", lambda name=c.name: _camera(site, name)) for c in site.camera]  # type: ignore[misc]
    for config in site.camera:
        if config.lamp:
            checks.append((f"lamps {config.name}", lambda name=config.name: _lamps(site, name)))  # type: ignore[misc]
    checks += [(f"feed {feed.name}", partial(check_broker, feed)) for feed in site.mqtt_feed]
    if site.centre:
        address = site.centre.address
        checks.append(("centre", lambda: _connect(address)))
    return checks


def _priority(site: SiteConfig) -> tuple[Verdict, str]:
    """Whether the controller can be told what priority needs, for each group that vehicles drive on."""
    rules = priority_rules(site, frozenset())
    if rules.off:
        return Verdict.BAD, escape(f"{rules.off}: add it, or leave [priority] out")
    lacking = [words for group in sorted(rules.reach.phases) if (words := rules.reach.lacks(group))]
    if len(lacking) == len(rules.reach.phases):
        return (
            Verdict.BAD,
            f"no vehicle can be served: {lacking[0] if lacking else 'no vehicle group is listed'}",
        )
    served = len(rules.reach.phases) - len(lacking)
    return Verdict.ODD if lacking else Verdict.GOOD, "; ".join(
        [f"{served} signal groups can be served", *lacking]
    )


def _held(site: SiteConfig) -> list[tuple[str, Check]]:
    """What a node that runs holds for itself: ports, controller and radios."""
    checks: list[tuple[str, Check]] = [("port grpc", lambda: _port(site.grpc.listen, socket.SOCK_STREAM))]
    if site.web:
        page = site.web.listen
        checks.append(("port web", lambda: _port(page, socket.SOCK_STREAM)))
    if site.metrics:
        listen = site.metrics.listen
        checks.append(("port metrics", lambda: _port(listen, socket.SOCK_STREAM)))
    if site.controller:
        checks.append(("controller", lambda: _controller(site)))
    for link in site.v2x:
        found: Check = (
            partial(_port, link.listen, socket.SOCK_DGRAM)
            if link.type == "udp"
            else partial(check_broker, link)
        )
        checks.append((f"v2x {link.name}", found))
    checks += [(f"radio {radio.name}", partial(check_radio, radio)) for radio in site.rsu]
    return checks + gateway_checks(site, port=_port)


def _told(site: SiteConfig, node: RunningNode) -> list[tuple[str, Check]]:
    """The same in the words of the node that runs."""
    from edge.app.controller_parts import REMEDIES  # noqa: PLC0415 - drivers

    told: dict[str, tuple[str, str]] = {}
    if site.controller:
        told["controller"] = "controller", REMEDIES[site.controller.type]
        told["signals"] = "signals", ""
    told |= {f"link.{link.name}": (f"v2x {link.name}", "") for link in site.v2x}
    told |= {f"rsu.{radio.name}": (f"radio {radio.name}", "") for radio in site.rsu}
    told |= {site.apollo.name: ("apollo", "")} if site.apollo else {}
    told |= {site.openv2x.name: ("openv2x", "")} if site.openv2x else {}
    return [
        (subject, lambda component=component, remedy=remedy: node.word(component, remedy=remedy))  # type: ignore[misc]
        for component, (subject, remedy) in told.items()
    ]


def _rest(node: RunningNode, findings: list[Finding]) -> list[Finding]:
    """Whatever else of the node is not well and no line tells yet."""
    told = " ".join(finding.text for finding in findings)
    unwell = [name for name, health in node.components.items() if health.state != "ok"]
    return [
        Finding(f"node {name}", *node.word(name))
        for name in unwell
        if not node.components[name].message or node.components[name].message not in told
    ]


def _machine() -> tuple[Verdict, str]:
    cores = os.cpu_count() or 1
    memory_mb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    verdict = Verdict.GOOD if cores >= 2 and memory_mb >= 1500 else Verdict.ODD
    return verdict, f"{cores} cores, {memory_mb} MB memory"


def _state_directory(site: SiteConfig) -> tuple[Verdict, str]:
    directory = site.state_directory
    try:
        directory.mkdir(parents=True, exist_ok=True)
        probe = directory / ".doctor"
        probe.write_text("x")
        probe.unlink()
    except OSError as error:
        return Verdict.BAD, f"cannot write {directory}: {error.strerror}; set state_dir or $STATE_DIRECTORY"
    return Verdict.GOOD, str(directory)


def _secrets(site: SiteConfig) -> tuple[Verdict, str]:
    """Who may read the files with passwords, communities, passphrases and keys."""
    files = secret_files(site)
    exposed = {key: path for key, path in files.items() if open_to_others(path)}
    if not exposed:
        return Verdict.GOOD, f"closed to others: {', '.join(files)}"
    paths = " ".join(dict.fromkeys(str(path) for path in exposed.values()))
    return Verdict.ODD, (
        f"{', '.join(exposed)} can be read by everybody on this machine: "
        f"chown root:roadside-edge {paths}; chmod 640 {paths}"
    )


def _map(site: SiteConfig) -> tuple[Verdict, str]:
    from edge.road import load_intersection  # noqa: PLC0415 - heavy

    frame = LocalFrame(site.site.latitude_deg, site.site.longitude_deg, site.site.elevation_m)
    intersection = load_intersection(site.site.map, frame=frame)
    on_map = set(intersection.signal_groups)
    ruled = {group.signal_group for group in site.controller.group} if site.controller else set()
    text = f"{len(intersection.lanes)} lanes, signal groups {', '.join(map(str, sorted(on_map)))}"
    if site.controller and on_map != ruled:
        odd = ", ".join(map(str, sorted(on_map ^ ruled)))
        return Verdict.BAD, f"{text}; map and controller.group disagree on {odd}: signals would be withdrawn"
    return Verdict.GOOD, text


def _port(address: str, kind: socket.SocketKind) -> tuple[Verdict, str]:
    host, port = split_address(address)
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind) as sock:
        try:
            sock.bind((host, port))
        except OSError as error:
            return Verdict.BAD, f"{address}: {error.strerror}; stop the other program or change the port"
    return Verdict.GOOD, f"{address} is free"


def _controller(site: SiteConfig) -> tuple[Verdict, str]:
    from edge.app.controller_parts import (  # noqa: PLC0415 - drivers
        PATIENCE_S,
        REMEDIES,
        build_controller,
        first_snapshot,
    )

    assert site.controller is not None
    config = site.controller
    controller, patience_s = build_controller(config), PATIENCE_S.get(config.type, CONTROLLER_TIMEOUT_S)
    try:
        snapshot = asyncio.run(first_snapshot(controller, timeout_s=patience_s))
    except TimeoutError:
        counted = ", ".join(f"{name} {count}" for name, count in sorted(controller.counters.items()) if count)
        return Verdict.BAD, (
            f"nothing came from the {config.type} controller within {patience_s:.0f} s"
            f"{f' (counted: {counted})' if counted else ''}: {REMEDIES[config.type]}"
        )
    mapped = {(group.kind, group.number) for group in config.group}
    lit = {(group.kind.value, group.number) for group in snapshot.groups}
    absent = ", ".join(f"{kind} {number}" for kind, number in sorted(mapped - lit))
    if absent:
        return Verdict.BAD, f"the {config.type} controller does not report {absent}: mend controller.group"
    return Verdict.GOOD, f"good {config.type}, {len(snapshot.groups)} lamp groups"


def _camera(site: SiteConfig, name: str) -> tuple[Verdict, str]:
    from edge.app.camera_parts import model_health, open_camera, open_model, projection_of  # noqa: PLC0415 - heavy

    config = _config(site, name)
    camera = open_camera(config)
    with contextlib.closing(camera):
        camera.open()
        frame = None
        end = time.monotonic() + CAMERA_TIMEOUT_S
        # A camera tells its time, right or wrong, some seconds after it delivers.
        tells = config.source.startswith("rtsp") and config.clock != "arrival"
        while time.monotonic() < end and (frame is None or (tells and _by_arrival(frame))):
            frame = camera.read(timeout_s=1.0) or frame
    if frame is None:
        return Verdict.BAD, f"opened, but no frame within {CAMERA_TIMEOUT_S:.0f} s"
    height, width = frame.image.shape[:2]
    seen = f"{width}x{height}, time from {frame.stamp.source.value}"
    if not config.detects:
        text = f"{seen}, looks for no road users"
        return (Verdict.ODD, f"{text}; {frame.trouble}") if frame.trouble else (Verdict.GOOD, text)
    model = open_model(config, projection_of(config, site, image_size=(width, height)))
    started = time.thread_time()
    found = len(model.detect(frame.image).confidence)
    cost_ms = (time.thread_time() - started) * 1000
    state, where = model_health(model)
    text = f"{seen}, {model.name}: {found} road users, {cost_ms:.0f} ms; {where}"
    odd = [words for words in (frame.trouble, _other_shape(config, width, height)) if words]
    if odd:
        return Verdict.ODD, "; ".join([text, *odd])
    return Verdict.GOOD if state is HealthState.OK else Verdict.ODD, text


def _other_shape(config: CameraConfig, width: int, height: int) -> str:
    """What to say where the points were marked in a picture of another shape; empty where they were not."""
    across, along = config.image_size or (width, height)
    if abs(across * height - along * width) <= SHAPE_SHARE * across * height:
        return ""
    return (
        f"image_size is {across}x{along}, another shape: the points fit a picture that is stretched, "
        "not one that is cut; look at them with edge calibrate"
    )


def _lamps(site: SiteConfig, name: str) -> tuple[Verdict, str]:
    """What the camera reads off each signal head now."""
    from edge.app.camera_parts import open_camera  # noqa: PLC0415 - heavy
    from edge.app.lamp_parts import lamp_reader  # noqa: PLC0415 - heavy
    from edge.core.signals import LampState  # noqa: PLC0415 - with them

    config, reader = _config(site, name), None
    readings: tuple[LampReading, ...] = ()
    camera = open_camera(config)
    with contextlib.closing(camera):
        camera.open()
        end = time.monotonic() + CAMERA_TIMEOUT_S
        taken = 0
        while taken < LAMP_FRAMES and time.monotonic() < end:
            frame = camera.read(timeout_s=1.0)
            if frame is None:
                continue
            height, width = frame.image.shape[:2]
            reader = reader or lamp_reader(config, image_size=(width, height))
            assert reader is not None
            readings = reader.read(frame.image, capture_ns=frame.stamp.capture_ns)
            taken += 1
    if not readings:
        return Verdict.BAD, f"no frame within {CAMERA_TIMEOUT_S:.0f} s"
    words = {LampState.UNKNOWN: "unreadable"}
    shown = [f"{r.signal_group} {words.get(r.lamp, r.lamp.name.lower().replace('_', ' '))}" for r in readings]
    unread = any(r.lamp in {LampState.UNKNOWN, LampState.DARK} for r in readings)
    remedy = "; compare camera.lamp with the picture" if unread else ""
    return Verdict.ODD if unread else Verdict.GOOD, f"signal group {', '.join(shown)}{remedy}"


def _config(site: SiteConfig, name: str) -> CameraConfig:
    return next(config for config in site.camera if config.name == name)


def _by_arrival(frame: Frame) -> bool:
    return frame.stamp.source is TimeSource.ARRIVAL and not frame.trouble


def _connect(address: str) -> tuple[Verdict, str]:
    host, port = split_address(address)
    try:
        socket.create_connection((host, port), CONNECT_TIMEOUT_S).close()
    except OSError as error:
        return Verdict.BAD, f"cannot connect to {address}: {error}; is it running, is the address right?"
    return Verdict.GOOD, f"{address} answers"
