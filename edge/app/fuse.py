"""`edge fuse`: the tracker over recorded scans of any origin."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np

from edge.app.kernels import prepare_kernels
from edge.config.sensors import SensorConfig, load_sensors
from edge.core.errors import CodecError, ConfigError
from edge.core.stamp import NS_PER_MS

if TYPE_CHECKING:
    from edge.fusion.sensors import SensorKind

LINE = "_line"
"""Key under which the number of a line travels with it."""
USUAL_AREA_M2 = 10_000.0
"""Area that false detections are spread over where the sensor file gives no polygon."""
USUAL_BIAS_M = {"camera": 0.4, "radar": 0.3, "lidar": 0.15, "v2x": 0.8, "tracks": 0.5}


def cache_directory() -> Path:
    """Where a command of a person keeps compiled kernels."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "roadside-edge"


def run_fuse(scans: Path, *, out: Path | None, sensors: Path | None, replay_ms: int) -> None:
    """Fuse a file of scans; a summary goes to standard error.

    Raises:
        ConfigError: a file cannot be read or written, or no line of it is a scan.
    """
    prepare_kernels(cache_directory())
    from edge.fusion.complaints import Complaints  # noqa: PLC0415 - after the cache directory is set
    from edge.fusion.offline import fuse  # noqa: PLC0415 - likewise

    if out is not None and out.exists() and scans.exists() and out.samefile(scans):
        raise ConfigError("--out", "is the file of scans itself", file=str(out), remedy="give another name")
    configs = load_sensors(sensors).sensor if sensors else tuple(_found_in(scans))
    counters: Counter[str] = Counter()
    written = shown = 0
    with _reader(scans) as lines, _writer(out) as sink:
        models = [sensor_model(config) for config in configs]
        complaints = Complaints(tuple(config.name for config in configs))
        decoded = _objects(lines, counters)
        found = fuse(
            decoded, models, replay_ns=replay_ms * NS_PER_MS, counters=counters, complaints=complaints
        )
        for line in found:
            sink.write(json.dumps(line, separators=(",", ":")) + "\n")
            written, shown = written + 1, shown + len(line["tracks"])
        for text in complaints.lines():
            print(f"{scans}: {text}", file=sys.stderr)
        if not written:
            raise ConfigError("", "no line is a scan", file=str(scans), remedy="see edge/fusion/README.md")
    if counters["scans_late"] * 2 > counters["scans"] + counters["scans_late"]:
        print("most scans came later than --replay-ms and were left out", file=sys.stderr)
    if counters["clock_steps"]:
        print(
            "arrivals go back in time: sort the lines by t_arrival_ns unless the clock was set",
            file=sys.stderr,
        )
    counts = {name: counters[name] for name in sorted(counters) if counters[name]}
    print(json.dumps({"lines": written, "tracks": shown, **counts}), file=sys.stderr)


def sensor_model(config: SensorConfig) -> Any:
    """What the tracker knows of a sensor of the file."""
    from edge.fusion.sensors import SensorModel  # noqa: PLC0415 - after the cache directory is set

    polygon = None if config.visible_polygon_m is None else np.array(config.visible_polygon_m)
    return SensorModel(
        config.name,
        config.kind,
        detection_probability=config.detection_probability,
        clutter_per_m2=config.clutter_per_scan / (USUAL_AREA_M2 if polygon is None else _area_m2(polygon)),
        visible_polygon=polygon,
        position_m=None if config.position_m is None else np.array(config.position_m),
        bias_m=USUAL_BIAS_M[config.kind] if config.bias_m is None else config.bias_m,
        clock_sigma_s=config.clock_sigma_s,
        position_sigma_m=config.position_sigma_m,
    )


def _area_m2(polygon: np.ndarray) -> float:
    x, y = polygon.T
    return max(1.0, 0.5 * abs(float(x @ np.roll(y, 1) - y @ np.roll(x, 1))))


def _found_in(scans: Path) -> Iterator[SensorConfig]:
    """The sensors that the scans name, with what is usual for their kind."""
    if str(scans) == "-":
        raise ConfigError("--sensors", "is needed when the scans come from standard input")
    from edge.fusion.recorded import read_scan  # noqa: PLC0415 - after the cache directory is set

    kinds: dict[str, SensorKind] = {}
    with _reader(scans) as lines:
        for line in _objects(lines, Counter({"bad_lines": 1})):  # reported when it is fused
            try:
                scan = read_scan(line)
            except CodecError:
                continue
            kinds.setdefault(scan.sensor, scan.kind)
    for name, kind in kinds.items():
        if name.isprintable() and name:
            yield SensorConfig(name=name, kind=kind)


def _objects(lines: TextIO, counters: Counter[str]) -> Iterator[dict[str, Any]]:
    """JSON objects line by line; what is none is counted, and the first is reported."""
    for number, text in enumerate(lines, start=1):
        try:
            line = json.loads(text)
        except (ValueError, RecursionError):
            line = None
        if isinstance(line, dict):
            yield line | {LINE: number}
        elif text.strip():
            if not counters["bad_lines"]:
                print(f"{lines.name}: line {number} is no JSON object; it is left out", file=sys.stderr)
            counters["bad_lines"] += 1


def _reader(path: Path) -> AbstractContextManager[TextIO]:
    if str(path) == "-":
        return nullcontext(sys.stdin)
    try:
        return path.open(encoding="utf-8", errors="replace")
    except OSError as error:
        raise ConfigError("", f"cannot be read: {error.strerror}", file=str(path)) from error


def _writer(path: Path | None) -> AbstractContextManager[TextIO]:
    if path is None or str(path) == "-":
        return nullcontext(sys.stdout)
    return _replacing(path)


@contextmanager
def _replacing(path: Path) -> Iterator[TextIO]:
    """A file that takes the place of an old one when it is complete; a device or pipe is written as it is."""
    direct = path.exists() and not path.is_file()
    part = path if direct else path.with_name(path.name + ".part")
    try:
        with part.open("w", encoding="utf-8") as file:
            yield file
        if not direct:
            part.replace(path)
    except OSError as error:
        raise ConfigError("--out", f"cannot be written: {error.strerror}", file=str(path)) from error
    finally:
        if not direct:
            part.unlink(missing_ok=True)
