"""The rules by which the centre takes, refuses, orders and ages what nodes send."""

from __future__ import annotations

import pytest

from edge.centre.state import (
    OFFLINE_AFTER_NS,
    STALE_AFTER_NS,
    Layer,
    NodeState,
    Part,
    Registry,
    SessionRefusedError,
)
from edge.core.stamp import NS_PER_MS, NS_PER_S

NOW = 1_800_000_000 * NS_PER_S


def part(
    sequence: int,
    *,
    epoch: int = 1,
    published_ns: int = NOW,
    life_ns: int = 500 * NS_PER_MS,
    message: str = "m",
) -> Part[str]:
    return Part(epoch, sequence, published_ns - 40 * NS_PER_MS, published_ns, published_ns + life_ns, message)


def registry() -> Registry[str, str]:
    return Registry(capacity=2)


def test_second_node_of_a_live_id_is_refused_and_the_first_goes_on() -> None:
    nodes = registry()
    first = nodes.attach("a", "hello", peer="10.0.0.1", now_ns=NOW)
    with pytest.raises(SessionRefusedError, match=r"connected from 10\.0\.0\.1 for 1 s"):
        nodes.attach("a", "other", peer="10.0.0.2", now_ns=NOW + NS_PER_S)
    assert nodes.offer(first, Layer.SIGNALS, part(1), now_ns=NOW + NS_PER_S)
    node = nodes.node("a")
    assert node is not None
    assert node.description == "hello"
    assert nodes.refused == 1


def test_id_is_free_after_disconnect() -> None:
    nodes = registry()
    nodes.detach(nodes.attach("a", "one", peer="p", now_ns=NOW))
    nodes.attach("a", "two", peer="p", now_ns=NOW + 1)
    node = nodes.node("a")
    assert node is not None
    assert (node.description, node.description_version, node.sessions) == ("two", 2, 2)


def test_session_silent_until_offline_is_taken_over_and_closed() -> None:
    nodes = registry()
    first = nodes.attach("a", "hello", peer="p", now_ns=NOW)
    second = nodes.attach("a", "hello", peer="q", now_ns=NOW + OFFLINE_AFTER_NS)
    assert first.closed
    assert not nodes.offer(first, Layer.SCENE, part(9), now_ns=NOW + OFFLINE_AFTER_NS)
    nodes.detach(first)
    assert nodes.offer(second, Layer.SCENE, part(1), now_ns=NOW + OFFLINE_AFTER_NS)


@pytest.mark.parametrize(
    ("updates", "kept", "old", "repeated"),
    [
        pytest.param([(1, 1), (1, 2), (1, 3)], (1, 3), 0, 0, id="in order"),
        pytest.param([(1, 1), (1, 3), (1, 2)], (1, 3), 1, 0, id="late one dropped"),
        pytest.param([(1, 5), (1, 5)], (1, 5), 0, 1, id="repeat dropped"),
        pytest.param([(1, 900), (2, 1)], (2, 1), 0, 0, id="new epoch counts anew"),
        pytest.param([(2, 1), (1, 901)], (2, 1), 1, 0, id="late one of the old epoch"),
    ],
)
def test_updates_are_ordered(
    updates: list[tuple[int, int]], kept: tuple[int, int], old: int, repeated: int
) -> None:
    nodes = registry()
    session = nodes.attach("a", "hello", peer="p", now_ns=NOW)
    for epoch, sequence in updates:
        nodes.offer(session, Layer.SCENE, part(sequence, epoch=epoch), now_ns=NOW)
    node = nodes.node("a")
    assert node is not None
    newest = node.parts[Layer.SCENE]
    assert (newest.epoch, newest.sequence) == kept
    assert (node.dropped_old, node.dropped_duplicate) == (old, repeated)


def test_layers_are_ordered_apart() -> None:
    nodes = registry()
    session = nodes.attach("a", "hello", peer="p", now_ns=NOW)
    assert nodes.offer(session, Layer.SCENE, part(9, epoch=7), now_ns=NOW)
    assert nodes.offer(session, Layer.SIGNALS, part(1), now_ns=NOW)


def test_restarted_node_with_its_clock_set_back_is_heard() -> None:
    nodes = registry()
    first = nodes.attach("a", "hello", peer="p", now_ns=NOW)
    nodes.offer(first, Layer.SIGNALS, part(100, epoch=50), now_ns=NOW)
    nodes.detach(first)
    second = nodes.attach("a", "hello", peer="p", now_ns=NOW + NS_PER_S)
    assert nodes.offer(second, Layer.SIGNALS, part(1, epoch=3), now_ns=NOW + NS_PER_S)


def test_silence_makes_a_node_stale_then_offline() -> None:
    nodes = registry()
    session = nodes.attach("a", "hello", peer="p", now_ns=NOW)
    node = nodes.node("a")
    assert node is not None
    assert node.state(now_ns=NOW) is NodeState.WAITING
    nodes.offer(session, Layer.SIGNALS, part(1), now_ns=NOW)
    assert node.state(now_ns=NOW + STALE_AFTER_NS - 1) is NodeState.LIVE
    assert node.state(now_ns=NOW + STALE_AFTER_NS) is NodeState.STALE
    assert node.state(now_ns=NOW + OFFLINE_AFTER_NS) is NodeState.OFFLINE
    nodes.heard(session, now_ns=NOW + OFFLINE_AFTER_NS)
    assert node.state(now_ns=NOW + OFFLINE_AFTER_NS) is NodeState.LIVE


def test_disconnect_makes_a_node_stale_at_once() -> None:
    nodes = registry()
    session = nodes.attach("a", "hello", peer="p", now_ns=NOW)
    nodes.offer(session, Layer.SIGNALS, part(1), now_ns=NOW)
    nodes.detach(session)
    node = nodes.node("a")
    assert node is not None
    assert node.state(now_ns=NOW) is NodeState.STALE


@pytest.mark.parametrize(
    ("clock_error_ms", "current_after_ms", "gone_after_ms"),
    [
        pytest.param(0, 500, 501, id="clocks agree"),
        pytest.param(-300, 200, 201, id="node behind: the strict end holds"),
        pytest.param(60_000, 500, 501, id="node ahead gains nothing"),
    ],
)
def test_part_past_its_validity_is_not_current(
    clock_error_ms: int, current_after_ms: int, gone_after_ms: int
) -> None:
    nodes = registry()
    session = nodes.attach("a", "hello", peer="p", now_ns=NOW)
    nodes.offer(session, Layer.SIGNALS, part(1, published_ns=NOW + clock_error_ms * NS_PER_MS), now_ns=NOW)
    node = nodes.node("a")
    assert node is not None
    assert node.current(Layer.SIGNALS, now_ns=NOW + current_after_ms * NS_PER_MS) is not None
    assert node.current(Layer.SIGNALS, now_ns=NOW + gone_after_ms * NS_PER_MS) is None


def test_full_centre_refuses_until_a_node_is_offline() -> None:
    nodes = registry()
    nodes.attach("a", "hello", peer="p", now_ns=NOW)
    kept = nodes.attach("b", "hello", peer="p", now_ns=NOW + 1)
    with pytest.raises(SessionRefusedError, match="limit of 2 nodes"):
        nodes.attach("c", "hello", peer="p", now_ns=NOW + 2)
    nodes.heard(kept, now_ns=NOW + OFFLINE_AFTER_NS)
    nodes.attach("c", "hello", peer="p", now_ns=NOW + OFFLINE_AFTER_NS)
    assert [node.node_id for node in nodes.nodes()] == ["b", "c"]


@pytest.mark.parametrize("node_id", ["", "x" * 65, "line\nbreak", "\x1b[2J"])
def test_unusable_id_is_refused(node_id: str) -> None:
    nodes = registry()
    with pytest.raises(SessionRefusedError, match="printable"):
        nodes.attach(node_id, "hello", peer="p", now_ns=NOW)
    assert len(nodes) == 0


def test_rate_and_latency_are_measured_and_the_rate_falls_with_silence() -> None:
    nodes = registry()
    session = nodes.attach("a", "hello", peer="p", now_ns=NOW)
    for k in range(21):
        at = NOW + k * 100 * NS_PER_MS
        nodes.offer(session, Layer.SCENE, part(k, published_ns=at), now_ns=at + 5 * NS_PER_MS)
    node = nodes.node("a")
    assert node is not None
    meter = node.meters[Layer.SCENE]
    end = NOW + 2005 * NS_PER_MS
    assert meter.rate_hz(now_ns=end) == pytest.approx(10.0)
    assert meter.latency_ms == pytest.approx(5.0)
    assert meter.capture_latency_ms == pytest.approx(45.0)
    assert meter.rate_hz(now_ns=end + 4 * NS_PER_S) == 0.0
