"""Centre lines of a MAP's lanes: node offsets, absolute nodes and computed lanes (SAE J2735 NodeListXY)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.core.errors import ConfigError
from edge.core.geodesy import LocalFrame

Centre = tuple[NDArray[np.float64], float]


def lane_nodes(
    lanes: list[dict[str, Any]], *, frame: LocalFrame, shift_m: NDArray[np.float64], width_m: float
) -> dict[int, Centre]:
    """Points (k, 2) in metres and width in metres per LaneID.

    Args:
        lanes: GenericLane objects.
        frame: frame of the result.
        shift_m: the MAP's reference point in `frame`.
        width_m: the MAP's lane width.
    """
    found: dict[int, Centre] = {}
    computed: list[tuple[int, dict[str, Any]]] = []
    for lane in lanes:
        number = lane.get("laneID")
        if not isinstance(number, int):
            raise ConfigError(
                "laneSet[].laneID", f"is {number!r}", remedy="give every lane a laneID, 1 to 255"
            )
        if number in found:
            raise ConfigError(
                f"laneSet[laneID={number}]", "laneID is used twice", remedy="number lanes uniquely"
            )
        node_list = lane.get("nodeList") or {}
        if node_list.get("computed"):
            computed.append((number, node_list["computed"]))
            continue
        found[number] = _walk(_node_objects(node_list, number), number, frame, shift_m, width_m)
    for number, rule in computed:
        found[number] = _computed(number, rule, found)
    return found


def _node_objects(node_list: dict[str, Any], number: int) -> list[dict[str, Any]]:
    nodes = node_list.get("nodes")
    if isinstance(nodes, dict):
        nodes = nodes.get("NodeXY")
    if not isinstance(nodes, list):
        raise ConfigError(
            f"laneSet[laneID={number}].nodeList.nodes", "is missing", remedy="list the lane's nodes"
        )
    return nodes


def _walk(
    nodes: list[dict[str, Any]], number: int, frame: LocalFrame, shift_m: NDArray[np.float64], width_m: float
) -> Centre:
    points: list[NDArray[np.float64]] = []
    widths: list[float] = []
    at = shift_m
    for index, node in enumerate(nodes):
        key = f"laneSet[laneID={number}].nodeList.nodes[{index}].delta"
        at = _advance(at, node.get("delta") or {}, key, frame)
        width_m += ((node.get("attributes") or {}).get("dWidth") or 0) / 100.0
        if not points or np.abs(points[-1] - at).max() > 1e-6:
            points.append(at)
            widths.append(width_m)
    return np.array(points, dtype=np.float64).reshape(-1, 2), round(
        float(np.mean(widths)), 3
    ) if widths else width_m


def _advance(
    at: NDArray[np.float64], delta: dict[str, Any], key: str, frame: LocalFrame
) -> NDArray[np.float64]:
    """The next node: centimetres from the last one, or an absolute position in 1e-7 degrees."""
    for name, value in delta.items():
        if value is None:
            continue
        plain = name.lower().replace("-", "").replace("_", "")
        try:
            if plain in ("nodelatlon", "nodell"):
                unit = 1e7 if isinstance(value["lat"], int) else 1.0
                return np.array(frame.to_local(value["lat"] / unit, value["lon"] / unit))
            if plain.startswith("nodexy"):
                return at + np.array([value["x"], value["y"]], dtype=np.float64) / 100.0
        except (KeyError, TypeError) as error:
            raise ConfigError(
                key, f"is not a position: {value!r}", remedy="give x and y in centimetres"
            ) from error
    raise ConfigError(key, "names no known form", remedy="use node-XY1 to node-XY6 or node-LatLon")


def _computed(number: int, rule: dict[str, Any], found: dict[int, Centre]) -> Centre:
    """A lane that is another lane, moved (ComputedLane)."""
    key = f"laneSet[laneID={number}].nodeList.computed"
    reference = rule.get("referenceLaneId")
    if reference not in found:
        raise ConfigError(
            key, f"refers to lane {reference!r}, which has no nodes", remedy="refer to a lane with nodes"
        )
    if any(rule.get(name) for name in ("rotateXY", "scaleXaxis", "scaleYaxis")):
        raise ConfigError(
            key, "rotates or scales, which is not supported", remedy="write the lane out with nodes"
        )
    points, width_m = found[reference]
    offset = [_offset(rule.get(name), f"{key}.{name}") for name in ("offsetXaxis", "offsetYaxis")]
    return points + np.array(offset), width_m


def _offset(value: Any, key: str) -> float:
    if isinstance(value, dict):
        value = next((v for v in value.values() if v is not None), None)
    if not isinstance(value, int):
        raise ConfigError(key, f"is {value!r}", remedy="give small or large in centimetres")
    return value / 100.0
