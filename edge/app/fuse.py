"""`edge fuse`: the tracker over recorded scans of any origin."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from edge.app.kernels import prepare_kernels
from edge.config.sensors import SensorConfig, load_sensors
from edge.core.errors import ConfigError
from edge.core.stamp import NS_PER_MS

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
    from edge.fusion.offline import fuse  # noqa: PLC0415 - after the cache directory is set

    configs = load_sensors(sensors).sensor if sensors else tuple(_found_in(scans))
    counters: Counter[str] = Counter()
    written = shown = 0
    with _reader(scans) as lines, _writer(out) as sink:
        models = [sensor_model(config) for config in configs]
        decoded = _objects(lines, counters)
        for line in fuse(decoded, models, replay_ns=replay_ms * NS_PER_MS, counters=counters):
            sink.write(json.dumps(line, separators=(",", ":")) + "\n")
            written, shown = written + 1, shown + len(line["tracks"])
    if not written:
        raise ConfigError("", "no line is a scan", file=str(scans), remedy="see edge/fusion/README.md")
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
    kinds: dict[str, Any] = {}
    with _reader(scans) as lines:
        for line in _objects(lines, Counter()):
            kinds.setdefault(str(line.get("sensor")), line.get("kind"))
    for name, kind in kinds.items():
        if kind in USUAL_BIAS_M:
            yield SensorConfig(name=name, kind=kind)


def _objects(lines: TextIO, counters: Counter[str]) -> Iterator[dict[str, Any]]:
    """JSON objects line by line; what is none is counted, and the first is reported."""
    for number, text in enumerate(lines, start=1):
        try:
            line = json.loads(text)
        except (ValueError, RecursionError):
            line = None
        if isinstance(line, dict):
            yield line
        elif text.strip():
            if not counters["bad_lines"]:
                print(f"line {number} is no JSON object; it is left out", file=sys.stderr)
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
    try:
        return path.open("w", encoding="utf-8")
    except OSError as error:
        raise ConfigError("--out", f"cannot be written: {error.strerror}", file=str(path)) from error
