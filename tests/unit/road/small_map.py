"""A small MAP in both JSON shapes, for tests."""

from __future__ import annotations

import copy
from typing import Any


def jer() -> dict[str, Any]:
    """Two approaches and a crosswalk, JSON encoding rules."""
    return copy.deepcopy(
        {
            "msgIssueRevision": 3,
            "intersections": [
                {
                    "id": {"region": 7, "id": 1201},
                    "revision": 5,
                    "name": "Test crossing",
                    "refPoint": {"lat": 399042000, "long": 1164074000},
                    "laneWidth": 350,
                    "laneSet": [
                        lane(
                            1,
                            "80",
                            "vehicle",
                            [(-1500, -200), (-3000, 0), (-3000, -100)],
                            to=[(2, "8000", 4)],
                        ),
                        lane(2, "40", "vehicle", [(1500, -200), (6000, 0)]),
                        lane(3, "C0", "crosswalk", [(-1200, -800), (0, 1600)], to=[(3, "8000", 12)]),
                        lane(4, "40", "bikeLane", [(200, 1500), (0, 5000)]),
                    ],
                }
            ],
        }
    )


def lane(
    number: int,
    use: str,
    kind: str,
    nodes: list[tuple[int, int]],
    *,
    to: list[tuple[int, str, int]] | None = None,
) -> dict[str, Any]:
    """A GenericLane whose nodes are offsets in centimetres."""
    out: dict[str, Any] = {
        "laneID": number,
        "laneAttributes": {"directionalUse": use, "sharedWith": "0000", "laneType": {kind: "00"}},
        "nodeList": {"nodes": [{"delta": {"node-XY6": {"x": x, "y": y}}} for x, y in nodes]},
    }
    if to:
        out["connectsTo"] = [
            {"connectingLane": {"lane": target, "maneuver": bits}, "signalGroup": group}
            for target, bits, group in to
        ]
    return out


def ode() -> dict[str, Any]:
    """The first lane of `jer` as the ODE writes it, with an egress lane."""
    nothing = {f"nodeXY{k}": None for k in range(1, 6)}
    kinds = dict.fromkeys(("vehicle", "crosswalk", "bikeLane", "sidewalk", "median"))

    def generic(
        number: int, *, ingress: bool, nodes: list[tuple[int, int]], to: int, group: int
    ) -> dict[str, Any]:
        maneuver = {"maneuverStraightAllowed": True, "maneuverLeftAllowed": False}
        return {
            "laneID": number,
            "name": None,
            "laneAttributes": {
                "directionalUse": {"ingressPath": ingress, "egressPath": not ingress},
                "laneType": {**kinds, "vehicle": {"isVehicleFlyOverLane": False}},
            },
            "nodeList": {
                "computed": None,
                "nodes": {
                    "NodeXY": [
                        {"delta": {**nothing, "nodeXY6": {"x": x, "y": y}}, "attributes": None}
                        for x, y in nodes
                    ]
                },
            },
            "connectsTo": {
                "connectsTo": [
                    {
                        "connectingLane": {"lane": to, "maneuver": maneuver},
                        "remoteIntersection": None,
                        "signalGroup": group,
                    }
                ]
            },
        }

    geometry = {
        "name": None,
        "id": {"region": None, "id": 1201},
        "revision": 5,
        "refPoint": {"latitude": 39.9042, "longitude": 116.4074, "elevation": 40.0},
        "laneWidth": 350,
        "laneSet": {
            "GenericLane": [
                generic(1, ingress=True, nodes=[(-1500, -200), (-3000, 0), (-3000, -100)], to=2, group=4),
                generic(2, ingress=False, nodes=[(1500, -200), (6000, 0)], to=0, group=0),
            ]
        },
    }
    return {"metadata": {}, "payload": {"data": {"intersections": {"intersectionGeometry": [geometry]}}}}
