"""Kinds of events and the causes of a DENM."""

from __future__ import annotations

import pytest

from edge.core.road_events import EventKind
from edge.v2x.etsi_causes import Cause, cause_of, kind_of

UNSAID = {EventKind.OTHER, EventKind.LANE_CLOSED, EventKind.SPEED_LIMIT}


@pytest.mark.parametrize("kind", EventKind)
def test_every_kind_has_a_cause_of_its_own_or_none(kind: EventKind) -> None:
    code = cause_of(kind)
    assert (code is None) == (kind in UNSAID)
    if code is not None:
        assert kind_of(code) is kind


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (Cause(1, 5), EventKind.CONGESTION),
        (Cause(1, 1), EventKind.OTHER),
        (Cause(3, 4), EventKind.ROAD_WORKS),
        (Cause(5, 1), EventKind.FLOODING),
        (Cause(5, 9), EventKind.ROAD_CLOSED),
        (Cause(6, 7), EventKind.SLIPPERY_ROAD),
        (Cause(6, 11), EventKind.FLOODING),
        (Cause(10, 5), EventKind.OBSTACLE),
        (Cause(18, 1), EventKind.LOW_VISIBILITY),
        (Cause(26, 3), EventKind.SLOW_VEHICLE),
        (Cause(94, 2), EventKind.STOPPED_VEHICLE),
        (Cause(20), EventKind.OTHER),
        (Cause(255, 255), EventKind.OTHER),
    ],
)
def test_what_other_stations_say(code: Cause, kind: EventKind) -> None:
    """TS 102 894-2 V2.4.1, DE_CauseCodeType and the sub-causes of each; unknown sub-causes are read by their cause."""
    assert kind_of(code) is kind


def test_every_pair_of_octets_is_a_kind() -> None:
    assert {type(kind_of(Cause(a, b))) for a in range(256) for b in range(256)} == {EventKind}
