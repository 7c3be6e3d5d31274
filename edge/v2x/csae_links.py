"""Lanes of an intersection as reference links between the nodes that our MAP makes (YD/T 3709-2020 clause 5.2.3)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from edge.core.intersection import Intersection
from edge.v2x.csae_elements import bits_of, names_of
from edge.v2x.csae_map import neighbour_ids
from edge.v2x.lanes import arms_of

_LANE_BITS = ("reserved", *(str(number) for number in range(1, 16)))
"""ReferenceLanes: bit 1 to 15 are the lanes of that number."""


def links_of_lanes(intersection: Intersection, lanes: Sequence[int]) -> list[dict[str, Any]]:
    """The links that the given lanes belong to, in the order of the arms; lanes of no arm are left out.

    A lane above 15 has no bit, so its link is named as a whole.
    """
    arms = arms_of(intersection)
    ingress = {lane.lane for lane in intersection.lanes if lane.ingress}
    found = []
    for arm, neighbour in zip(arms, neighbour_ids(intersection, arms=arms), strict=True):
        for inbound in (True, False):
            affected = sorted(n for n in set(lanes) & arm.lanes if (n in ingress) is inbound)
            if affected:
                ends = (neighbour, intersection.intersection)
                found.append(_link(intersection, ends if inbound else ends[::-1], affected))
    return found


def lanes_of_links(links: Iterable[Mapping[str, Any]]) -> tuple[int, ...]:
    """Lane numbers that the links name, sorted; they are numbers within the links of the sender's MAP."""
    found = {
        int(name)
        for link in links
        for name in names_of(link.get("referenceLanes", (b"", 0)), _LANE_BITS)
        if name.isdigit()
    }
    return tuple(sorted(found))


def _link(intersection: Intersection, ends: tuple[int, int], lanes: Sequence[int]) -> dict[str, Any]:
    region = {} if intersection.region is None else {"region": intersection.region}
    value: dict[str, Any] = {
        "upstreamNodeId": region | {"id": ends[0]},
        "downstreamNodeId": region | {"id": ends[1]},
    }
    if max(lanes) < len(_LANE_BITS):
        value["referenceLanes"] = bits_of([str(number) for number in lanes], _LANE_BITS, what="RSI")
    return value
