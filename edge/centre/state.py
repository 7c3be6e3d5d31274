"""What the centre knows of every intersection: its node's session, its description and its newest live data.

Rules: one session per node id; older and repeated updates are dropped and counted; silence makes a node stale and
then offline; nothing past its validity is handed out as current. Pure: time is an argument.
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from edge.core.errors import EdgeError
from edge.core.stamp import NS_PER_S
from edge.flow.channel import Latest

D = TypeVar("D")
T = TypeVar("T")

STALE_AFTER_NS = 2 * NS_PER_S
OFFLINE_AFTER_NS = 10 * NS_PER_S
NODE_ID_LIMIT = 64
_RATE_WINDOW_NS = 3 * NS_PER_S
_RATE_SAMPLES = 128
_SMOOTHING = 0.1


class NodeState(enum.Enum):
    """How a node is seen from the centre."""

    WAITING = "waiting"
    LIVE = "live"
    STALE = "stale"
    OFFLINE = "offline"


class Layer(enum.Enum):
    """The layers of live data, each with a sequence of its own."""

    SIGNALS = "signals"
    SCENE = "scene"
    LANES = "lanes"
    HEALTH = "health"


class RefusalKind(enum.Enum):
    """Why a node may not connect."""

    DUPLICATE_NODE = "duplicate"
    BAD_HELLO = "bad hello"
    FULL = "full"


class SessionRefusedError(EdgeError):
    """A node may not connect.

    Args:
        node_id: the id that it asked for.
        kind: see `RefusalKind`.
        reason: one sentence for the person who runs the node.
    """

    def __init__(self, node_id: str, kind: RefusalKind, reason: str) -> None:
        self.node_id, self.kind, self.reason = node_id, kind, reason
        super().__init__(f"node {node_id!r} refused: {reason}")


@dataclass(frozen=True, slots=True)
class Part(Generic[T]):
    """The newest update of one layer of one node.

    Attributes:
        epoch, sequence: order of the update; a higher epoch begins a new count.
        capture_ns: UTC ns of the newest measurement in it; 0 unknown.
        published_ns, valid_until_ns: UTC ns by the node's clock.
        message: the message as received.
    """

    epoch: int
    sequence: int
    capture_ns: int
    published_ns: int
    valid_until_ns: int
    message: T

    def expires_ns(self, *, received_ns: int) -> int:
        """UTC ns by the centre's clock after which it is not current.

        A node whose clock is ahead does not gain validity: the lifetime counts from reception at the latest.
        """
        return min(self.valid_until_ns, received_ns + max(self.valid_until_ns - self.published_ns, 0))


@dataclass(slots=True)
class Meter:
    """Rate and delays of one layer of updates."""

    received_ns: deque[int] = field(default_factory=lambda: deque(maxlen=_RATE_SAMPLES))
    latency_ms: float | None = None
    capture_latency_ms: float | None = None

    def add(self, part: Part[T], *, now_ns: int) -> None:
        """Count one accepted update."""
        self.received_ns.append(now_ns)
        self.latency_ms = _smooth(self.latency_ms, (now_ns - part.published_ns) / 1e6)
        if part.capture_ns > 0:
            self.capture_latency_ms = _smooth(self.capture_latency_ms, (now_ns - part.capture_ns) / 1e6)

    def rate_hz(self, *, now_ns: int) -> float:
        """Updates per second over the last three seconds."""
        recent = [t for t in self.received_ns if now_ns - t <= _RATE_WINDOW_NS]
        if len(recent) < 2:
            return 0.0
        return (len(recent) - 1) * NS_PER_S / max(now_ns - recent[0], 1)


def _smooth(before: float | None, value: float) -> float:
    return value if before is None else before + _SMOOTHING * (value - before)


@dataclass(slots=True, eq=False)
class Session:
    """One connection of one node.

    Attributes:
        node_id, peer: who and from where.
        since_ns: UTC ns of the hello.
        closed: it has ended; nothing more is taken from it.
        on_close: called when the centre ends it, so that its stream is closed.
    """

    node_id: str
    peer: str
    since_ns: int
    closed: bool = False
    on_close: Callable[[], None] | None = None
    order: dict[Layer, tuple[int, int]] = field(default_factory=dict)

    def close(self) -> None:
        """End the session from the centre's side."""
        self.closed = True
        if self.on_close is not None:
            self.on_close()


@dataclass(slots=True, eq=False)
class Node(Generic[D, T]):
    """Everything known of one node.

    Attributes:
        node_id: unique name of the node.
        description: its hello message.
        description_version: counts up when the description changes.
        session: the open session; None when there is none.
        sessions: how many there have been.
        heard_ns: UTC ns of the newest message of any kind.
        parts, received_ns: newest update of each layer, and when it came.
        meters: rate and delay per layer.
        taken, dropped_old, dropped_duplicate, ignored: updates taken, not newer, and not understood.
        changed: counts up on every change; readers wait on it.
    """

    node_id: str
    description: D
    description_version: int = 1
    session: Session | None = None
    sessions: int = 0
    heard_ns: int = 0
    parts: dict[Layer, Part[T]] = field(default_factory=dict)
    received_ns: dict[Layer, int] = field(default_factory=dict)
    meters: dict[Layer, Meter] = field(default_factory=lambda: {layer: Meter() for layer in Layer})
    taken: int = 0
    dropped_old: int = 0
    dropped_duplicate: int = 0
    ignored: int = 0
    changed: Latest[int] = field(default_factory=Latest)

    def state(self, *, now_ns: int) -> NodeState:
        """How the node is seen now; a clock that was set back makes it silent, never alive."""
        silent_ns = abs(now_ns - self.heard_ns)
        if silent_ns >= OFFLINE_AFTER_NS:
            return NodeState.OFFLINE
        if self.session is None or silent_ns >= STALE_AFTER_NS:
            return NodeState.STALE
        return NodeState.LIVE if self.parts else NodeState.WAITING

    def current(self, layer: Layer, *, now_ns: int) -> Part[T] | None:
        """The newest part while it is valid; None when there is none or it is past its validity."""
        part = self.parts.get(layer)
        if part is None:
            return None
        received_ns = self.received_ns[layer]
        if now_ns < received_ns - NS_PER_S or now_ns > part.expires_ns(received_ns=received_ns):
            return None
        return part

    def touch(self) -> None:
        """Wake every reader."""
        self.changed.set(self.changed.version + 1)


class Registry(Generic[D, T]):
    """All nodes, at most `capacity`; when full, the node that has been offline longest makes room.

    `D` is the type of descriptions and `T` that of updates; the registry looks into neither.
    `changed` counts connections and descriptions, `activity` everything.
    """

    def __init__(self, *, capacity: int = 256) -> None:
        self.capacity = capacity
        self._nodes: dict[str, Node[D, T]] = {}
        self.changed: Latest[int] = Latest()
        self.activity: Latest[int] = Latest()
        self.refused = 0

    def __len__(self) -> int:
        return len(self._nodes)

    def node(self, node_id: str) -> Node[D, T] | None:
        """The node of that id; None unknown."""
        return self._nodes.get(node_id)

    def nodes(self) -> tuple[Node[D, T], ...]:
        """All nodes, sorted by id."""
        return tuple(self._nodes[key] for key in sorted(self._nodes))

    def attach(self, node_id: str, description: D, *, peer: str, now_ns: int) -> Session:
        """Open a session.

        Raises:
            SessionRefusedError: the id is not usable, is taken by a live node, or the centre is full.
        """
        self._check_id(node_id)
        node = self._nodes.get(node_id)
        if node is None:
            node = self._nodes[node_id] = self._admit(node_id, description, now_ns=now_ns)
        elif node.session is not None:
            self._take_over(node, now_ns=now_ns)
        if node.description != description:
            node.description, node.description_version = description, node.description_version + 1
        node.session = Session(node_id, peer, now_ns)
        node.sessions += 1
        node.heard_ns = now_ns
        self._touch(node)
        return node.session

    def detach(self, session: Session) -> None:
        """Close a session; the id is free at once. Safe to call twice."""
        node = self._nodes.get(session.node_id)
        session.closed = True
        if node is not None and node.session is session:
            node.session = None
            self._touch(node)

    def describe(self, session: Session, description: D, *, now_ns: int) -> None:
        """Replace the description within a session (a new map)."""
        node = self._open(session)
        if node is None:
            return
        if node.description != description:
            node.description, node.description_version = description, node.description_version + 1
        node.heard_ns = now_ns
        self._touch(node)

    def offer(self, session: Session, layer: Layer, part: Part[T], *, now_ns: int) -> bool:
        """Take an update if it is newer than the newest of its layer; else count it and return False."""
        node = self._open(session)
        if node is None:
            return False
        node.heard_ns = now_ns
        key = (part.epoch, part.sequence)
        newest = session.order.get(layer)
        if newest is not None and key <= newest:
            if key == newest:
                node.dropped_duplicate += 1
            else:
                node.dropped_old += 1
            return False
        session.order[layer] = key
        node.parts[layer], node.received_ns[layer] = part, now_ns
        node.meters[layer].add(part, now_ns=now_ns)
        node.taken += 1
        node.touch()
        self.activity.set(self.activity.version + 1)
        return True

    def ignore(self, session: Session) -> None:
        """Count an update that is of no known layer."""
        node = self._open(session)
        if node is not None:
            node.ignored += 1

    def heard(self, session: Session, *, now_ns: int) -> None:
        """The node gave a sign of life."""
        node = self._open(session)
        if node is not None:
            node.heard_ns = now_ns

    def wake(self) -> None:
        """Wake every reader of every node (used at shutdown)."""
        for node in self._nodes.values():
            self._touch(node)

    def _open(self, session: Session) -> Node[D, T] | None:
        """The session's node; None when the session has ended."""
        return None if session.closed else self._nodes.get(session.node_id)

    def _touch(self, node: Node[D, T]) -> None:
        node.touch()
        self.changed.set(self.changed.version + 1)
        self.activity.set(self.activity.version + 1)

    def _check_id(self, node_id: str) -> None:
        if not node_id or len(node_id) > NODE_ID_LIMIT or not node_id.isprintable():
            self.refused += 1
            raise SessionRefusedError(
                node_id[:NODE_ID_LIMIT],
                RefusalKind.BAD_HELLO,
                f"a node id has 1 to {NODE_ID_LIMIT} printable characters",
            )

    def _take_over(self, node: Node[D, T], *, now_ns: int) -> None:
        """End a session that has been silent until offline; refuse while it is alive."""
        session = node.session
        assert session is not None
        if now_ns - node.heard_ns < OFFLINE_AFTER_NS:
            self.refused += 1
            since_s = (now_ns - session.since_ns) // NS_PER_S
            raise SessionRefusedError(
                node.node_id,
                RefusalKind.DUPLICATE_NODE,
                f"a node of this id is connected from {session.peer} for {since_s} s; give each node an id of its own",
            )
        session.close()

    def _admit(self, node_id: str, description: D, *, now_ns: int) -> Node[D, T]:
        if len(self._nodes) >= self.capacity:
            gone = [n for n in self._nodes.values() if n.state(now_ns=now_ns) is NodeState.OFFLINE]
            if not gone:
                self.refused += 1
                raise SessionRefusedError(
                    node_id,
                    RefusalKind.FULL,
                    f"the centre already serves its limit of {self.capacity} nodes",
                )
            oldest = min(gone, key=lambda n: n.heard_ns)
            if oldest.session is not None:
                oldest.session.close()
            del self._nodes[oldest.node_id]
            oldest.touch()
        return Node(node_id, description)
