"""Reads an intersection from a file, whatever its form."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from edge.core.errors import ConfigError
from edge.core.geodesy import LocalFrame
from edge.core.intersection import Intersection
from edge.road.check import check_intersection
from edge.road.map_json import intersection_from_map
from edge.road.sumo_net import intersection_from_net

KEY = "site.map"
_OTHER_KINDS = (AttributeError, KeyError, IndexError, TypeError, ValueError, ArithmeticError)
"""What reading stumbles over where a list, text or number stands in another's place."""


@dataclass(frozen=True, slots=True)
class NetChoice:
    """What a SUMO network does not say.

    Attributes:
        junction: id of the signalised junction; None: the only one with a traffic light.
        link_groups: SignalGroupID per link index of the traffic light; empty: link index + 1.
        intersection: IntersectionID to give it.
    """

    junction: str | None = None
    link_groups: Mapping[int, int] = field(default_factory=dict)
    intersection: int = 1


def load_intersection(
    path: Path,
    *,
    frame: LocalFrame | None = None,
    intersection: int | None = None,
    net: NetChoice | None = None,
) -> Intersection:
    """Read a SAE J2735 MAP as JSON or a SUMO network.

    Args:
        path: `.json` (MapData with JSON encoding rules, a MessageFrame around it, or ODE JSON) or `.net.xml`.
        frame: the site's frame; None: the MAP's reference point, or the junction of a projected network.
        intersection: IntersectionID to take where the MAP holds more than one.
        net: choices for a SUMO network.

    Raises:
        ConfigError: the file does not describe an intersection; names the key inside the file.
    """
    path = Path(path)
    try:
        if path.suffix == ".xml":
            found = intersection_from_net(_xml(path), choice=net or NetChoice(), frame=frame)
        else:
            found = intersection_from_map(_json(path), frame=frame, wanted=intersection)
        check_intersection(found)
    except ConfigError as error:
        if error.file is not None:
            raise
        raise ConfigError(error.key, error.problem, remedy=error.remedy, file=str(path)) from error
    except _OTHER_KINDS as error:
        problem = f"holds values of other kinds than a MAP does: {error}"
        raise ConfigError(KEY, problem, remedy="export the MAP anew", file=str(path)) from error
    return found


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(KEY, f"cannot be read: {error.strerror}", remedy="give a readable file") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(
            KEY, f"is not JSON: {error}", remedy="export the MAP as JSON (JER or ODE)"
        ) from error


def _xml(path: Path) -> ElementTree.Element:
    try:
        return ElementTree.parse(path).getroot()  # noqa: S314 - the operator's own file, not input from outside
    except OSError as error:
        raise ConfigError(KEY, f"cannot be read: {error.strerror}", remedy="give a readable file") from error
    except ElementTree.ParseError as error:
        raise ConfigError(KEY, f"is not XML: {error}", remedy="give a .net.xml made by netconvert") from error
