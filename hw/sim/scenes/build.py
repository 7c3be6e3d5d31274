"""Derives a scene's files from its road network: `python -m hw.sim.scenes.build four_arm`.

Writes the signal programme into the network, then `controller.json`, `geometry.json` and `map.json`.
The network itself is made before with netconvert (eclipse-sumo), in the folder of the scene:

    netconvert -n source/four_arm.nod.xml -e source/four_arm.edg.xml -x source/four_arm.con.xml \
        -o four_arm.net.xml --offset.disable-normalization true --no-turnarounds true --walkingareas true \
        --junctions.corner-detail 6 --junctions.limit-turn-speed 5.5 --output.street-names false
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

from hw.sim.scenes.map_document import map_document
from hw.sim.scenes.net import Net, read_net
from hw.sim.signal_plan import GROUPS, STEPS, link_letters

SCENES = Path(__file__).resolve().parent
THROUGH = {"s": 2, "n": 6, "w": 4, "e": 8}
"""Phase of the through traffic that comes from an arm."""
LEFT = {"n": 1, "s": 5, "e": 3, "w": 7}
CROSSING = {"e": 2, "w": 6, "s": 4, "n": 8}
"""Pedestrian phase of the crossing over an arm: it runs beside the through phase of the same number."""
PEDESTRIAN_GROUP_OFFSET = 10


def controller_document(net: Net) -> list[dict[str, Any]]:
    """Every lamp group of the controller with its signal group and its links in SUMO's traffic light."""
    links: dict[tuple[str, int], list[int]] = {group: [] for group in GROUPS}
    for turn in net.turns:
        arm = turn.from_edge[0]
        links["vehicle", (LEFT if turn.direction == "l" else THROUGH)[arm]].append(turn.link)
    for crossing in net.crossings:
        links["pedestrian", CROSSING[crossing.arm]].append(crossing.link)
    return [
        {
            "kind": kind,
            "number": number,
            "signal_group": number + (PEDESTRIAN_GROUP_OFFSET if kind == "pedestrian" else 0),
            "links": sorted(links[kind, number]),
        }
        for kind, number in GROUPS
    ]


def geometry_document(net: Net) -> dict[str, Any]:
    """What the renderer draws: lanes, the junction's outline and the stop lines."""
    lanes = [
        {"id": lane.name, "kind": lane.kind, "width_m": lane.width_m, "points": _points(lane.points_m)}
        for lane in net.lanes
    ]
    stop_lines = []
    for arm in sorted({lane.edge[0] for lane in net.lanes if lane.edge.endswith("_in")}):
        inward = [lane for lane in net.lanes if lane.edge == f"{arm}_in" and lane.kind != "sidewalk"]
        stop_lines.append(_points([_edge_point(inward[0], -1), _edge_point(inward[-1], 1)]))
    return {"lanes": lanes, "junction": _points(net.junction_m), "stop_lines": stop_lines}


def _edge_point(lane: Any, side: int) -> tuple[float, float]:
    """The end of a lane's left (1) or right (-1) border."""
    (x1, y1), (x2, y2) = lane.points_m[-2:]
    length = ((x2 - x1) ** 2 + (y2 - y1) ** 2) ** 0.5
    half = side * lane.width_m / 2.0 / length
    return x2 - (y2 - y1) * half, y2 + (x2 - x1) * half


def _points(points: Any) -> list[list[float]]:
    return [[round(x, 2), round(y, 2)] for x, y in points]


def signal_programme(net: Net, controller: list[dict[str, Any]]) -> str:
    """The `tlLogic` element of the network."""
    count = 1 + max(link for entry in controller for link in entry["links"])
    yielding = {turn.link for turn in net.turns if turn.direction == "r"}
    phases = "".join(
        f'        <phase duration="{step.duration_ds / 10:g}" '
        f'state="{link_letters(index, controller, count, yielding)}"/>\n'
        for index, step in enumerate(STEPS)
    )
    return f'<tlLogic id="{net.junction}" type="static" programID="0" offset="0">\n{phases}    </tlLogic>'


def documents(scene: str) -> dict[str, str]:
    """Name and text of every derived file, the network included."""
    directory = SCENES / scene
    settings = tomllib.loads((directory / "scene.toml").read_text(encoding="utf-8"))
    name = f"{scene}.net.xml"
    text = (directory / name).read_text(encoding="utf-8")
    net = read_net(ET.fromstring(text), settings["junction"])  # noqa: S314 - our own committed network
    controller = controller_document(net)
    programme = signal_programme(net, controller)
    return {
        name: re.sub(r"<tlLogic .*?</tlLogic>", programme, text, flags=re.DOTALL),
        "controller.json": _json(controller),
        "geometry.json": _json(geometry_document(net)),
        "map.json": _json(map_document(net, settings, controller)),
    }


def _json(document: Any) -> str:
    text = json.dumps(document, indent=1)
    text = re.sub(r"\[\s+(-?[\d.]+(?:,\s+-?[\d.]+)*)\s+\]", _one_line, text)
    return text + "\n"


def _one_line(found: re.Match[str]) -> str:
    return "[" + re.sub(r"\s+", " ", found.group(1)) + "]"


def main() -> None:
    """Entry point: write the files of the named scene."""
    for name, text in documents(sys.argv[1]).items():
        (SCENES / sys.argv[1] / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
