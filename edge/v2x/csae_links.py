"""Lanes of an intersection as reference links between the nodes that our MAP makes (YD/T 3709-2020 clause 5.2.3)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from edge.core.intersection import Intersection
from edge.v2x.csae_map import neighbour_ids
from edge.v2x.csae_planning import LAST_LANE_BIT, LinkRef, link_of, link_value
from edge.v2x.lanes import arms_of


def links_of_lanes(intersection: Intersection, lanes: Sequence[int]) -> list[dict[str, Any]]:
    """The links that the given lanes belong to, in the order of the arms; lanes of no arm are left out.

    A lane above 15 has no bit, so its link is named as a whole.
    """
    arms = arms_of(intersection)
    ingress = {lane.lane for lane in intersection.lanes if lane.ingress}
    found = []
    for arm, neighbour in zip(arms, neighbour_ids(intersection, arms=arms), strict=True):
        for inbound in (True, False):
            affected = tuple(sorted(n for n in set(lanes) & arm.lanes if (n in ingress) is inbound))
            if affected:
                ends = (neighbour, intersection.intersection)
                said = affected if affected[-1] <= LAST_LANE_BIT else ()
                found.append(LinkRef(*(ends if inbound else ends[::-1]), intersection.region, said))
    return [link_value(link, what="RSI") for link in found]


def lanes_of_links(links: Iterable[Mapping[str, Any]]) -> tuple[int, ...]:
    """Lane numbers that the links name, sorted; they are numbers within the links of the sender's MAP."""
    return tuple(sorted({number for link in links for number in link_of(link).lanes}))
