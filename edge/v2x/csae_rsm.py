"""T/CSAE 53-2020 RoadsideSafetyMessage (YD/T 3709-2020 clause 5.2.2.4) to and from perceived objects.

A frame holds at most 16 participants, so more objects go out as several frames. The message has no time of its own:
each participant says when it was measured.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from edge.core.geodesy import LocalFrame
from edge.core.perceived import PerceivedObjects
from edge.v2x.codec import message_codec
from edge.v2x.csae_elements import Variant, has_place, octets_of_id, origin_of, position_3d, time_of
from edge.v2x.csae_participant import STATION, participant, perceived, station_participant
from edge.v2x.finite import check_finite
from edge.v2x.frame import CSAE_RSM, check_csae
from edge.v2x.motion import position_to_local

MAX_PARTICIPANTS = 16


def encode_rsm(
    objects: PerceivedObjects,
    *,
    frame: LocalFrame,
    message_count: int,
    variant: Variant,
    with_station: bool = False,
) -> tuple[bytes, ...]:
    """Objects to as many MessageFrames as they need; none for no objects.

    Args:
        objects: ids are 1 to 65535; `station` has eight octets; the reference position is that of the station.
        frame: local frame of the site.
        message_count: msgCnt of the first frame; the others count on, modulo 128.
        variant: edition of the ASN.1.
        with_station: each frame begins with the roadside unit itself, as some profiles ask for, even without objects.
    """
    check_finite(objects, what="RSM")
    reference = position_3d(objects.x_m, objects.y_m, frame=frame)
    origin = origin_of(reference)
    own = [station_participant(objects)] if with_station else []
    values = [participant(item, origin=origin, frame=frame, what="RSM") for item in objects.objects]
    room = MAX_PARTICIPANTS - len(own)
    chunks: list[Sequence[dict[str, Any]]] = [values[i : i + room] for i in range(0, len(values), room)]
    if own and not chunks:
        chunks = [[]]
    codec = message_codec(f"csae-{variant}/RoadsideSafetyMessage")
    station = octets_of_id(objects.station, what="RSM")
    return tuple(
        codec.encode(
            {
                "msgCnt": (message_count + index) % 128,
                "id": station,
                "refPos": reference,
                "participants": [*own, *chunk],
            }
        )
        for index, chunk in enumerate(chunks)
    )


def decode_rsm(payload: bytes, *, frame: LocalFrame, arrival_ns: int, variant: Variant) -> PerceivedObjects:
    """A MessageFrame with an RSM to the objects of this one frame; the station itself is not among them.

    The time is the latest at which something was measured. A participant that says no place is left out.

    Raises:
        OtherMessageError: a sound frame of another message.
        CodecError: anything else that is not one whole RSM with positions.
    """
    check_csae(payload, message=CSAE_RSM, what="RSM")
    message: Mapping[str, Any] = message_codec(f"csae-{variant}/RoadsideSafetyMessage").decode(payload)
    origin = origin_of(message["refPos"])
    x_m, y_m = position_to_local(*origin, frame=frame, what="RSM")
    values = message["participants"]
    return PerceivedObjects(
        station=message["id"].hex(),
        stamp_ns=max(time_of(value["secMark"], near_ns=arrival_ns, what="RSM") for value in values),
        x_m=x_m,
        y_m=y_m,
        objects=tuple(
            perceived(value, origin=origin, frame=frame, near_ns=arrival_ns, what="RSM")
            for value in values
            if value["ptcType"] != STATION and has_place(value["pos"])
        ),
    )
