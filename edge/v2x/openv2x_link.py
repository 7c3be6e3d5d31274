"""What fusion reads off the frames of the OpenV2X gateway: the road users that another unit tells of."""

from __future__ import annotations

from collections import Counter

from edge.core.geodesy import LocalFrame
from edge.core.perceived import PerceivedObjects
from edge.core.v2x import RadioFrame
from edge.v2x.openv2x_rsm import Times, read_rsm


class OpenV2xDecoder:
    """Reads RSM in JSON; the sender of a frame is the unit's serial number."""

    def __init__(self, frame: LocalFrame, *, times: Times) -> None:
        self._frame, self._times = frame, times
        self.counters: Counter[str] = Counter()

    def prepare(self) -> None:
        """Nothing has to be compiled."""

    def decode(self, frame: RadioFrame) -> PerceivedObjects:
        """What the unit perceives. Raises `CodecError`."""
        return read_rsm(
            frame.payload,
            frame=self._frame,
            station=frame.sender,
            arrival_ns=frame.arrival_ns,
            times=self._times,
        )
