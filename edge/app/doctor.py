"""`edge doctor`: checks a site before it goes live and says what to do about each finding."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass

from rich.console import Console

from edge.app.doctor_box import box_checks
from edge.app.verdict import Verdict
from edge.config import SiteConfig
from edge.config.address import split_address
from edge.config.ntcip1218 import Ntcip1218Config
from edge.config.site import CameraConfig
from edge.core.errors import DeviceError, EdgeError
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
    """Run every check; returns 1 when one fails."""
    console = Console()
    findings: list[Finding] = []
    for subject, check in _checks(site):
        with console.status(f"checking {subject}"):
            finding = await asyncio.to_thread(_guarded, subject, check)
        findings.append(finding)
        console.print(f"{finding.verdict.value} {finding.subject:<22} {finding.text}", highlight=False)
    bad = sum(f.verdict is Verdict.BAD for f in findings)
    console.print(
        f"\n{len(findings)} checks, {bad} failed" if bad else f"\n{len(findings)} checks, all passed"
    )
    return 1 if bad else 0


def _guarded(subject: str, check: Callable[[], tuple[Verdict, str]]) -> Finding:
    try:
        return Finding(subject, *check())
    except (EdgeError, OSError) as error:
        return Finding(subject, Verdict.BAD, str(error))


def _checks(site: SiteConfig) -> list[tuple[str, Callable[[], tuple[Verdict, str]]]]:
    checks: list[tuple[str, Callable[[], tuple[Verdict, str]]]] = [
        ("machine", _machine),
        ("state directory", lambda: _state_directory(site)),
        ("map", lambda: _map(site)),
        *box_checks(site),
        ("port grpc", lambda: _port(site.grpc.listen, socket.SOCK_STREAM)),
    ]
    if site.web:
        page = site.web.listen
        checks.append(("port web", lambda: _port(page, socket.SOCK_STREAM)))
    if site.metrics:
        listen = site.metrics.listen
        checks.append(("port metrics", lambda: _port(listen, socket.SOCK_STREAM)))
    if site.controller:
        checks.append(("controller", lambda: _controller(site)))
    checks += [(f"camera {c.name}", lambda name=c.name: _camera(site, name)) for c in site.camera]  # type: ignore[misc]
    for config in site.camera:
        if config.lamp:
            checks.append((f"lamps {config.name}", lambda name=config.name: _lamps(site, name)))  # type: ignore[misc]
    for link in site.v2x:
        target = (link.listen, None) if link.type == "udp" else (None, link.broker)
        checks.append((f"v2x {link.name}", lambda target=target: _link(*target)))  # type: ignore[misc]
    brokers = {radio.broker for radio in site.rsu if radio.type == "mqtt"}
    brokers |= {feed.broker for feed in site.mqtt_feed}
    checks += [(f"broker {b}", lambda b=b: _connect(b)) for b in sorted(brokers)]  # type: ignore[misc]
    checks += [(f"radio {r.name}", lambda r=r: _radio(r)) for r in site.rsu if r.type == "ntcip1218"]  # type: ignore[misc]
    if site.centre:
        address = site.centre.address
        checks.append(("centre", lambda: _connect(address)))
    return checks


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


def _link(listen: str | None, broker: str | None) -> tuple[Verdict, str]:
    if listen is not None:
        return _port(listen, socket.SOCK_DGRAM)
    assert broker is not None
    return _connect(broker)


def _radio(config: Ntcip1218Config) -> tuple[Verdict, str]:
    from edge.app.radio_parts import ask_radio  # noqa: PLC0415 - a driver

    try:
        mode, firmware = asyncio.run(ask_radio(config))
    except DeviceError as error:
        remedy = "compare user, auth, privacy and both passphrases with the RSU's, and its access list"
        return Verdict.BAD, f"{error}; {remedy}"
    text = f"{config.address} answers, firmware {firmware}, mode {mode}"
    if mode in {"standby", "operate"}:
        return Verdict.GOOD, text
    return (
        Verdict.ODD,
        f"{text}; the node sets standby, then operate: see the RSU's own log if it does not follow",
    )


def _connect(address: str) -> tuple[Verdict, str]:
    host, port = split_address(address)
    try:
        socket.create_connection((host, port), CONNECT_TIMEOUT_S).close()
    except OSError as error:
        return Verdict.BAD, f"cannot connect to {address}: {error}; is it running, is the address right?"
    return Verdict.GOOD, f"{address} answers"
