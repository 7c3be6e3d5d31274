"""Recordings of signal snapshots: JSON lines, one snapshot an object, in the order of arrival.

    {"controller": "c", "capture_ns": 0, "time_source": "sensor", "error_ns": 0, "alive_ns": 0, "plan": 1,
     "cycle_position_s": 12.0, "status": ["FIXED_TIME"], "groups": [
       {"kind": "vehicle", "number": 1, "lamp": "GREEN", "min_end_ns": 0, "max_end_ns": 0, "likely_end_ns": 0,
        "call": true}]}

Times are UTC ns; what is None or false is left out. Names are those of `LampState`, `IntersectionStatus`, `GroupKind`
and `TimeSource`. Keys that are not known are passed over, so that others may add theirs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

from edge.core.errors import CodecError
from edge.core.signals import ControllerGroup, GroupKind, IntersectionStatus, LampState, SignalSnapshot
from edge.core.stamp import Stamp, TimeSource

MAX_LINE_BYTES = 262_144
"""Of one snapshot; hundreds of groups fit."""
_ENDS = ("min_end_ns", "max_end_ns", "likely_end_ns")


def snapshot_line(snapshot: SignalSnapshot) -> str:
    """A snapshot as one line, without its end."""
    stamp = snapshot.stamp
    shown: dict[str, Any] = {
        "controller": snapshot.controller,
        "capture_ns": stamp.capture_ns,
        "time_source": stamp.source.value,
        "error_ns": stamp.error_ns,
        "alive_ns": snapshot.alive_ns,
        "plan": snapshot.plan,
        "cycle_position_s": snapshot.cycle_position_s,
        "status": [flag.name for flag in IntersectionStatus if flag & snapshot.status],
        "groups": [_group_fields(group) for group in snapshot.groups],
    }
    return json.dumps({key: value for key, value in shown.items() if value is not None})


def parse_snapshot(line: str) -> SignalSnapshot:
    """The snapshot of one line. Raises `CodecError` where it is none."""
    try:
        found = json.loads(line)
        return _snapshot(found)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        reason = f"{error.args[0]!r} is missing or unknown" if isinstance(error, KeyError) else str(error)
        raise CodecError("snapshot", reason[:200]) from error


class SnapshotRecorder:
    """Writes snapshots into a file as they come; a context manager.

    Args:
        path: of the file; what is there is kept, and added to.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: TextIO | None = None

    def __enter__(self) -> Self:
        self._file = self._path.open("a", encoding="utf-8")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    def write(self, snapshot: SignalSnapshot) -> None:
        """Add one; it is in the file when this returns."""
        assert self._file is not None
        self._file.write(snapshot_line(snapshot) + "\n")
        self._file.flush()


def _group_fields(group: ControllerGroup) -> dict[str, Any]:
    shown: dict[str, Any] = {"kind": group.kind.value, "number": group.number, "lamp": group.lamp.name}
    ends = {key: getattr(group, key) for key in _ENDS}
    call = {"call": True} if group.call else {}
    return shown | {key: end for key, end in ends.items() if end is not None} | call


def _snapshot(found: Mapping[str, Any]) -> SignalSnapshot:
    status = IntersectionStatus.NONE
    for name in found.get("status", ()):
        status |= IntersectionStatus[name]
    source = TimeSource(found.get("time_source", TimeSource.ARRIVAL.value))
    stamp = Stamp(_whole(found["capture_ns"]), source, _whole(found.get("error_ns", 0)))
    plan, position = found.get("plan"), found.get("cycle_position_s")
    return SignalSnapshot(
        controller=str(found["controller"]),
        stamp=stamp,
        alive_ns=_whole(found["alive_ns"]),
        groups=tuple(_group(group) for group in found["groups"]),
        status=status,
        plan=None if plan is None else _whole(plan),
        cycle_position_s=None if position is None else float(position),
    )


def _group(found: Mapping[str, Any]) -> ControllerGroup:
    least, latest, likely = (None if found.get(key) is None else _whole(found[key]) for key in _ENDS)
    return ControllerGroup(
        GroupKind(found["kind"]),
        _whole(found["number"]),
        LampState[found["lamp"]],
        least,
        latest,
        likely,
        found.get("call", False) is True,
    )


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{value!r} is no whole number")
    return value
