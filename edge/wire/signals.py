"""Signal states to and from `edge.v1.Signals`."""

from __future__ import annotations

from edge.core.signals import GroupState, IntersectionStatus, MovementState, SignalState
from edge.core.stamp import Stamp, TimeSource
from edge.v1 import signals_pb2


def to_signals(state: SignalState) -> signals_pb2.Signals:
    """The message of a signal state."""
    return signals_pb2.Signals(
        intersection=state.intersection,
        revision=state.revision,
        map_revision=state.map_revision,
        capture_ns=state.stamp.capture_ns,
        time_source=state.stamp.source.value,
        capture_error_ns=state.stamp.error_ns,
        alive_ns=state.alive_ns,
        published_ns=state.published_ns,
        valid_until_ns=state.valid_until_ns,
        groups=[to_group(group) for group in state.groups],
        status=[flag.name or "" for flag in state.status],
        withdrawn=state.withdrawn,
        reasons=state.reasons,
    )


def to_group(group: GroupState) -> signals_pb2.SignalGroup:
    """The message of one signal group."""
    return signals_pb2.SignalGroup(
        signal_group=group.signal_group,
        state=f"MOVEMENT_STATE_{group.state.name}",
        min_end_ns=group.min_end_ns,
        max_end_ns=group.max_end_ns,
        likely_end_ns=group.likely_end_ns,
        confidence=group.confidence,
        next_state=None if group.next_state is None else f"MOVEMENT_STATE_{group.next_state.name}",
    )


def from_signals(message: signals_pb2.Signals) -> SignalState:
    """The signal state of a message. Raises `ValueError` for a state, source or flag that is not ours."""
    status = IntersectionStatus.NONE
    for name in message.status:
        if name not in IntersectionStatus.__members__:
            raise ValueError(f"unknown status flag {name!r}")
        status |= IntersectionStatus[name]
    return SignalState(
        intersection=message.intersection,
        revision=message.revision,
        map_revision=message.map_revision,
        stamp=Stamp(message.capture_ns, TimeSource(message.time_source), message.capture_error_ns),
        alive_ns=message.alive_ns,
        published_ns=message.published_ns,
        valid_until_ns=message.valid_until_ns,
        groups=tuple(_from_group(group) for group in message.groups),
        status=status,
        reasons=tuple(message.reasons),
    )


def _from_group(message: signals_pb2.SignalGroup) -> GroupState:
    has = message.HasField
    return GroupState(
        signal_group=message.signal_group,
        state=MovementState(message.state - 1),
        min_end_ns=message.min_end_ns if has("min_end_ns") else None,
        max_end_ns=message.max_end_ns if has("max_end_ns") else None,
        likely_end_ns=message.likely_end_ns if has("likely_end_ns") else None,
        confidence=message.confidence if has("confidence") else None,
        next_state=MovementState(message.next_state - 1) if has("next_state") else None,
    )
