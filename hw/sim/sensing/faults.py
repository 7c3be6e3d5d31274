"""What may go wrong with sensors, for tests of robustness."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Faults:
    """Nothing is wrong by default. Times are seconds from the start of the recording.

    Attributes:
        jitter_s: one-sigma error of every capture time.
        late: sensor, and seconds by which its stamps are before the truth (its clock is slow).
        dead: sensor, and when it falls silent.
        biased: sensor whose positions are `bias_m` off.
        bias_m: x, y metres.
        loss: share of V2X messages that are lost.
        rotate_s: how long a V2X station keeps its temporary id; 0: for good.
        gnss_outage_s: begin and end of a time without V2X positions.
        clock_step: when the node's clock steps, and by how many seconds.
    """

    jitter_s: float = 0.0
    late: tuple[str, float] | None = None
    dead: tuple[str, float] | None = None
    biased: str | None = None
    bias_m: tuple[float, float] = (0.8, 0.6)
    loss: float = 0.08
    rotate_s: float = 0.0
    gnss_outage_s: tuple[float, float] | None = None
    clock_step: tuple[float, float] | None = None

    def strangers(self, sensors: set[str], link: str) -> set[str]:
        """Names with a fault that are none of the sensors; the V2X link can only be late."""
        named = {self.biased} if self.biased is not None else set()
        named |= {self.dead[0]} if self.dead is not None else set()
        late = {self.late[0]} if self.late is not None else set()
        return (named - sensors) | (late - sensors - {link})
