"""A TLC that misbehaves, and the signal lane behind the consumer: over real TCP."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import time
from collections.abc import AsyncIterator

import pytest

from edge.core.errors import DeviceError
from edge.core.signals import GroupKind, MovementState, SignalSnapshot
from edge.core.stamp import NS_PER_MS, NS_PER_S
from edge.signals.lane import LaneLimits, SignalLane
from edge.signals.phases import GroupRule
from hw.signal import tlcfi
from hw.signal.tlcfi_controller import TlcfiController
from hw.signal.tlcfi_session import TlcfiSettings
from hw.sim.tlcfi_server import TlcFaults, TlcfiServer
from tests.faults.signal_path import crossing
from tests.waiting import until

SETTINGS = TlcfiSettings(
    "tlc",
    tuple((number, GroupKind.GROUP, None) for number in (1, 2)),
    alive_period_ns=100 * NS_PER_MS,
    reply_timeout_ns=400 * NS_PER_MS,
)
GREEN, RED = {"state": 6, "predictions": None}, {"state": 3, "predictions": None}


class Node:
    """Consumer, lane, and what came out of them; comes again when it was cut."""

    def __init__(self, address: tuple[str, int], settings: TlcfiSettings) -> None:
        self.controller = TlcfiController(*address, settings=settings)
        rules = {(GroupKind.GROUP, number): GroupRule(number) for number in (1, 2)}
        self.lane = SignalLane(crossing(), groups=rules, limits=LaneLimits(liveness_ns=NS_PER_S))
        self.newest: SignalSnapshot | None = None
        self.errors: list[str] = []

    def count(self, name: str) -> int:
        return self.controller.counters.get(name, 0)

    @property
    def shown(self) -> bool:
        return not self.lane.tick(time.time_ns()).withdrawn

    @property
    def states(self) -> dict[int, MovementState]:
        return {g.signal_group: g.state for g in self.lane.tick(time.time_ns()).groups}

    async def run(self) -> None:
        while True:
            try:
                async with self.controller.snapshots() as snapshots:
                    async for self.newest in snapshots:
                        self.lane.update(self.newest, time.time_ns())
            except DeviceError as error:
                self.errors.append(error.problem)
                await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def running(
    faults: TlcFaults | None = None, *, settings: TlcfiSettings = SETTINGS
) -> AsyncIterator[tuple[Node, TlcfiServer]]:
    """A TLC that shows green for group 1, and the node."""
    tlc = TlcfiServer(alive_s=0.1, faults=faults)
    tlc.show({"01": GREEN, "02": RED})
    async with tlc.serving():
        assert tlc.address is not None
        node = Node(tlc.address, settings)
        task = asyncio.create_task(node.run())
        try:
            yield node, tlc
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def test_lamps_that_stay_are_shown_for_as_long_as_the_tlc_lives() -> None:
    async with running() as (node, tlc):
        await until(lambda: node.shown)
        stamp = node.newest.stamp
        await until(lambda: node.newest.alive_ns > stamp.capture_ns + 2 * NS_PER_S)
        assert node.shown
        assert node.newest.stamp == stamp
        assert tlc.counters["alive"] > 5
        assert node.count("alive_mismatch") == 0


async def test_half_open_connection_withdraws_and_the_next_one_shows_again() -> None:
    async with running() as (node, tlc):
        await until(lambda: node.shown)
        tlc.faults.silent = True
        await until(lambda: not node.shown)
        await until(lambda: node.count("reply_timeouts"))
        tlc.faults.silent = False
        await until(lambda: node.shown)
        assert "no answer to Alive" in node.errors


async def test_a_tlc_that_tells_but_does_not_answer_is_let_go() -> None:
    async with running() as (node, tlc):
        await until(lambda: node.shown)
        tlc.faults.no_replies = True
        await until(lambda: node.errors)
        assert node.errors[0] == "no answer to Alive"


async def test_a_cut_connection_comes_again_with_the_state_of_now() -> None:
    async with running() as (node, tlc):
        await until(lambda: node.shown)
        tlc.faults.silent = True  # what happens meanwhile is not heard
        tlc.show({"01": RED, "02": GREEN})
        tlc.disconnect()
        tlc.faults.silent = False
        green = MovementState.PROTECTED_MOVEMENT_ALLOWED
        await until(
            lambda: node.states.get(2) is green and node.states.get(1) is MovementState.STOP_AND_REMAIN
        )
        assert node.count("lost") == 1


@pytest.mark.parametrize(
    ("faults", "words"),
    [
        (TlcFaults(refuse=1), "controller.username"),
        (TlcFaults(major=2), "speaks version 2"),
        (TlcFaults(silent=True), "no answer to Register"),
    ],
)
async def test_what_is_wrong_at_the_start_is_told(faults: TlcFaults, words: str) -> None:
    async with running(faults) as (node, _tlc):
        await until(lambda: node.errors)
        assert words in node.errors[0]
        assert not node.shown


async def test_octets_one_by_one_are_a_conversation_all_the_same() -> None:
    async with running(TlcFaults(chunk=1)) as (node, _tlc):
        await until(lambda: node.shown)
        assert (node.count("bad_json"), node.count("bad_content")) == (0, 0)


async def test_the_clock_wraps_while_lamps_change() -> None:
    wrap_in_ms = 600
    faults = TlcFaults(
        ticks_at=(tlcfi.TICK_WRAP - wrap_in_ms - time.time_ns() // NS_PER_MS) % tlcfi.TICK_WRAP
    )
    async with running(faults) as (node, tlc):
        await until(lambda: node.shown)
        assert tlc.ticks() > 1 << 31
        await until(lambda: tlc.ticks() < 1 << 31)
        end_ns = time.time_ns() + 5 * NS_PER_S
        told = {"state": 6, "minEnd": tlc.ticks(end_ns), "maxEnd": tlc.ticks(end_ns)}
        tlc.show({"01": {"state": 6, "predictions": [told]}})
        await until(lambda: node.newest.groups[0].min_end_ns)
        error_ns = node.newest.stamp.error_ns
        assert abs(node.newest.groups[0].min_end_ns - end_ns) <= error_ns + NS_PER_MS
        assert abs(node.newest.stamp.capture_ns - time.time_ns()) < 5 * NS_PER_S
        assert (node.count("tick_jumps"), node.count("clock_rejected")) == (0, 0)
        assert node.shown


@pytest.mark.parametrize(
    ("octets", "counter"),
    [
        (b'{"method":"\xc3("}', "bad_utf8"),
        (b'{"method":,}', "bad_json"),
        (b'{"jsonrpc":"2.0"}', "bad_content"),
        (b"]junk[", "bad_content"),
        (b'{"jsonrpc":"2.0","id":12345,"result":null}', "stray_replies"),
    ],
)
async def test_bad_objects_are_counted_and_change_nothing_that_is_shown(octets: bytes, counter: str) -> None:
    async with running() as (node, tlc):
        await until(lambda: node.shown)
        tlc.send_raw(octets)
        await until(lambda: node.count(counter))
        tlc.show({"02": {"state": 4}})
        await until(lambda: node.newest.groups[1].lamp.name == "RED_YELLOW")
        assert node.shown
        assert node.errors == []


async def test_an_object_without_end_costs_the_connection_only() -> None:
    async with running() as (node, tlc):
        await until(lambda: node.shown)
        tlc.send_raw(b'{"text":"' + b"x" * (tlcfi.MESSAGE_LIMIT + 1))
        await until(lambda: node.count("bad_length"))
        await until(lambda: node.count("lost") and node.shown)


async def test_good_bye_is_said_at_the_end() -> None:
    async with running() as (node, tlc):
        await until(lambda: node.shown)
        other = TlcfiController(*tlc.address, settings=dataclasses.replace(SETTINGS, name="other"))
        async with other.snapshots() as snapshots:
            await anext(snapshots)
        await until(lambda: tlc.counters["deregistered"] == 1)
