"""RSM as OpenV2X writes it in JSON: T/CSAE 53's names and units, its own identity of a track, and one vendor's form.

Facts: github.com/open-v2x/cerebrum (Apache-2.0), transform_driver and post_process_algo; docs/v2x-algorithm.md.
"""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from edge.core.errors import CodecError
from edge.core.geodesy import LocalFrame, heading_to_yaw_rad, yaw_to_heading_deg
from edge.core.kinds import TYPICAL_SIZE_M, ObjectClass
from edge.core.perceived import PerceivedObject, PerceivedObjects, Sensing
from edge.core.stamp import NS_PER_MS
from edge.v2x.csae_elements import time_of

DEGREE = 10_000_000
SPEED_STEP_MPS, HEADING_STEP_DEG = 0.02, 0.0125
SPEED_UNAVAILABLE, HEADING_UNAVAILABLE = 8191, 28_800
SIZE_STEP_M, HEIGHT_STEP_M = 0.01, 0.05
MAX_BYTES, MAX_OBJECTS = 65_536, 256
_TYPE = {
    ObjectClass.BICYCLE: "non-motor",
    ObjectClass.PEDESTRIAN: "pedestrian",
    ObjectClass.UNKNOWN: "unknown",
}
_CLASS = {
    "motor": ObjectClass.CAR,
    "non-motor": ObjectClass.BICYCLE,
    "pedestrian": ObjectClass.PEDESTRIAN,
}
_SOURCE = {Sensing.CAMERA: 3, Sensing.RADAR: 4, Sensing.LOOP: 5, Sensing.LIDAR: 6, Sensing.V2X: 2}
_INTEGRATED = 7
_SENSING = {number: sensing for sensing, number in _SOURCE.items()} | {1: Sensing.V2X}
"""Codes of DE_SourceType: what is integrated (7) or unknown (0) does not say by what."""
Times = Literal["message", "arrival"]


def write_rsm(objects: PerceivedObjects, *, frame: LocalFrame, name: str) -> bytes:
    """Objects to the payload of `RSM/UP` and `RSM/DOWN`; what must be there and is unknown is what is typical.

    Args:
        objects: what was only heard is left out.
        name: of the sender.
    """
    latitude, longitude = frame.to_geodetic(objects.x_m, objects.y_m)
    told = [item for item in objects.objects if item.sensing != Sensing.V2X]
    rsm = {
        "refPos": {"lat": round(latitude * DEGREE), "lon": round(longitude * DEGREE), "ele": None},
        "participants": [_participant(item, frame) for item in told],
    }
    value = {"name": name, "id": objects.station, "content": {"rsms": [rsm]}}
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()


def _participant(item: PerceivedObject, frame: LocalFrame) -> dict[str, Any]:
    latitude, longitude = frame.to_geodetic(item.x_m, item.y_m)
    typical = TYPICAL_SIZE_M[item.object_class]
    length, width, height = (
        told if told is not None else float(usual)
        for told, usual in zip((item.length_m, item.width_m, item.height_m), typical, strict=True)
    )
    return {
        "ptcType": _TYPE.get(item.object_class, "motor"),
        "ptcId": item.object_id,
        "global_track_id": f"{item.object_id:04x}",
        "source": _SOURCE.get(item.sensing, _INTEGRATED),
        "secMark": item.measured_ns // NS_PER_MS % 60_000,
        "pos": {"lat": round(latitude * DEGREE), "lon": round(longitude * DEGREE), "ele": None},
        "speed": round((item.speed_mps or 0.0) / SPEED_STEP_MPS),
        "heading": round(yaw_to_heading_deg(item.yaw_rad or 0.0) / HEADING_STEP_DEG) % 28_800,
        "lane": None,
        "size": {
            "width": round(width / SIZE_STEP_M),
            "length": round(length / SIZE_STEP_M),
            "height": round(height / HEIGHT_STEP_M),
        },
    }


def read_rsm(
    payload: bytes, *, frame: LocalFrame, station: str, arrival_ns: int, times: Times = "message"
) -> PerceivedObjects:
    """The payload of `RSM/UP` or of `RSM/UP/DAWNLINE` to what a unit perceives.

    Args:
        station: name of the unit, of its topic.
        times: whether the messages' own second is believed; `arrival` for a simulator that plays old recordings.

    Raises:
        CodecError: no such payload, or one without a usable road user.
    """
    value = read_json(payload, what="RSM")
    try:
        rows = _rows_of_vendor(value) if isinstance(value, list) else _rows_of_standard(value)
        if not 0 < len(rows) <= MAX_OBJECTS:
            raise CodecError("OpenV2X RSM", f"{len(rows)} participants, 1 to {MAX_OBJECTS} are read")
        now = arrival_ns if times == "arrival" else None
        objects = tuple(_object(row, frame, arrival_ns, measured_ns=now) for row in rows)
        reference = value[0]["dev_pos"] if isinstance(value, list) else _scaled(_first(value)["refPos"])
        place = frame.to_local(_number(reference["lat"], 90.0), _number(reference["lon"], 180.0))
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError) as error:
        raise CodecError("OpenV2X RSM", f"{type(error).__name__}: {error}") from error
    stamp_ns = max(item.measured_ns for item in objects)
    return PerceivedObjects(station.encode().hex(), stamp_ns, *place, objects)


def read_json(payload: bytes, *, what: str) -> Any:
    """A payload as JSON. Raises `CodecError`."""
    if len(payload) > MAX_BYTES:
        raise CodecError(f"OpenV2X {what}", f"{len(payload)} bytes, at most {MAX_BYTES} are read")
    try:
        return json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise CodecError(f"OpenV2X {what}", str(error)) from error


def _first(value: Any) -> Mapping[str, Any]:
    found: Mapping[str, Any] = value["content"]["rsms"][0]
    return found


def _rows_of_standard(value: Any) -> list[dict[str, Any]]:
    """Participants in degrees, m/s and metres."""
    found = []
    for rsm in value["content"]["rsms"]:
        for item in rsm["participants"]:
            if item["ptcType"] == "rsu":
                continue
            size = item.get("size") or {}
            found.append(
                {
                    **_scaled(item["pos"]),
                    "type": item["ptcType"],
                    "id": item["global_track_id"],
                    "source": item.get("source"),
                    "mark": item["secMark"],
                    "speed": _known(item["speed"], SPEED_UNAVAILABLE, SPEED_STEP_MPS),
                    "heading": _known(item["heading"], HEADING_UNAVAILABLE, HEADING_STEP_DEG),
                    "size": [
                        _number(size[key], 10_000, least=0.0) * step if size.get(key) else None
                        for key, step in (
                            ("length", SIZE_STEP_M),
                            ("width", SIZE_STEP_M),
                            ("height", HEIGHT_STEP_M),
                        )
                    ],
                }
            )
    return found


def _rows_of_vendor(value: Sequence[Any]) -> list[dict[str, Any]]:
    """The same of the form that OpenV2X calls DAWNLINE."""
    return [
        {
            "lat": item["pos_lat"],
            "lon": item["pos_lon"],
            "type": item["ptcType"],
            "id": item["global_track_id"],
            "source": item.get("source"),
            "mark": int(item["timeStamp"]) % 60_000,
            "speed": abs(_number(item.get("speed") or 0.0, 200.0)),
            "heading": _number(item["heading"], 360.0),
            "size": [item.get(key) for key in ("length", "width", "height")],
        }
        for device in value
        for item in device["content"]
    ]


def _scaled(position: Mapping[str, Any]) -> dict[str, float]:
    return {
        "lat": _number(position["lat"], 90.0 * DEGREE) / DEGREE,
        "lon": _number(position["lon"], 180.0 * DEGREE) / DEGREE,
    }


def _known(value: Any, unavailable: int, step: float) -> float | None:
    """A quantity of T/CSAE 53, whose largest value says that there is none."""
    found = _number(value, unavailable, least=0.0)
    return None if found == unavailable else found * step


def _number(value: Any, bound: float, *, least: float | None = None) -> float:
    found = float(value)
    if not (-bound if least is None else least) <= found <= bound:
        raise ValueError(f"a number beyond {bound:g}: {str(value)[:32]!r}")
    return found


def _object(
    row: Mapping[str, Any], frame: LocalFrame, arrival_ns: int, *, measured_ns: int | None
) -> PerceivedObject:
    if measured_ns is None:
        measured_ns = time_of(int(row["mark"]), near_ns=arrival_ns, what="OpenV2X RSM")
    x_m, y_m = frame.to_local(_number(row["lat"], 90.0), _number(row["lon"], 180.0))
    if not (math.isfinite(x_m) and math.isfinite(y_m)):
        raise ValueError("a place that is no number")
    length, width, height = (
        None if size is None else _number(size, 100.0, least=0.0) for size in row["size"]
    )
    heading_deg = row["heading"]
    return PerceivedObject(
        object_id=zlib.crc32(str(row["id"]).encode()) % 65_535 + 1,
        measured_ns=measured_ns,
        object_class=_CLASS.get(str(row["type"]), ObjectClass.UNKNOWN),
        x_m=x_m,
        y_m=y_m,
        sensing=_SENSING.get(row["source"], Sensing.NONE),
        speed_mps=row["speed"],
        yaw_rad=None if heading_deg is None else heading_to_yaw_rad(heading_deg),
        length_m=length,
        width_m=width,
        height_m=height,
    )
