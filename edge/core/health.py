"""How well each part of the node is, in one shape for people, metrics and the centre."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field


class HealthState(enum.IntEnum):
    """State of one component; the order is from best to worst."""

    OK = 0
    STARTING = 1
    DEGRADED = 2
    DOWN = 3


@dataclass(frozen=True, slots=True)
class Health:
    """Health of one component.

    Attributes:
        component: dotted name, e.g. `camera.north`, `controller`, `link.rsu1`.
        state: see `HealthState`.
        since_ns: UTC ns of the last change of `state`.
        message: one sentence for a person; empty when OK.
        counters: monotonic counts (received, dropped, bad, restarts ...).
    """

    component: str
    state: HealthState
    since_ns: int
    message: str = ""
    counters: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened once and that a person or the centre should know.

    Attributes:
        stamp_ns: UTC ns.
        component: the component that it happened to.
        kind: short stable name, e.g. `child_exited`, `signals_withdrawn`.
        text: one sentence.
    """

    stamp_ns: int
    component: str
    kind: str
    text: str
