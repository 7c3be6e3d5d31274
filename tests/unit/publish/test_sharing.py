"""Road users through a radio: what an RSU that decodes gets, within the budget, and what happens when it is short."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace

import pytest

from edge.app.front_sharing import object_encoder
from edge.core.kinds import ObjectClass
from edge.core.perceived import PerceivedObjects, Sensing
from edge.core.situation import Scene
from edge.core.stamp import NS_PER_MS, NS_PER_S
from edge.flow.board import HealthBoard
from edge.flow.channel import Latest
from edge.ports import RadioMessage
from edge.publish.sharing import ObjectBroadcaster, Pace, Telling
from edge.v2x import csae, etsi_cpm_decode, j2735
from tests.unit.publish.feed import FRAME
from tests.unit.publish.scenes import KINDS, User, scene_of
from tests.waiting import until

DIALECTS = {"csae-a": "RSM", "csae-b": "RSM", "j2735": "SDSM", "etsi": "CPM"}
LONGEST = 1400


class DecodingRsu:
    """Takes frames and decodes each with the reader of its dialect."""

    def __init__(self, dialect: str) -> None:
        self.dialect = dialect
        self.counters: dict[str, int] = Counter()
        self.messages: list[RadioMessage] = []
        self.hold: asyncio.Event | None = None

    @contextlib.asynccontextmanager
    async def connected(self) -> AsyncIterator[None]:
        yield

    async def send(self, message: RadioMessage) -> None:
        if self.hold is not None:
            await self.hold.wait()
        self.messages.append(message)

    def heard(self, now_ns: int) -> list[PerceivedObjects]:
        return [self._read(message.payload, now_ns) for message in self.messages]

    def _read(self, payload: bytes, now_ns: int) -> PerceivedObjects:
        if self.dialect == "j2735":
            return j2735.decode_sdsm(payload, frame=FRAME, arrival_ns=now_ns)
        if self.dialect == "etsi":
            return etsi_cpm_decode.decode_cpm(payload, frame=FRAME)
        variant: csae.Variant = "a" if self.dialect == "csae-a" else "b"
        return csae.decode_rsm(payload, frame=FRAME, arrival_ns=now_ns, variant=variant)


def sharing(
    rsu: DecodingRsu, *, frames: int = 2, now_ns: Callable[[], int] = time.time_ns
) -> ObjectBroadcaster:
    config = SimpleNamespace(dialect=rsu.dialect, station_id=77)
    return ObjectBroadcaster(
        rsu,
        scenes=Latest[Scene](),
        telling=Telling(
            kind=DIALECTS[rsu.dialect],
            encode=object_encoder(config, FRAME),  # type: ignore[arg-type]
            station="00000000000000aa"[-8 if rsu.dialect == "j2735" else 0 :],
            period_ns=100 * NS_PER_MS,
            frames=frames,
        ),
        sensor_kinds=KINDS,
        component="objects.mast",
        board=HealthBoard(now_ns=time.time_ns),
        now_ns=now_ns,
    )


async def tell(broadcaster: ObjectBroadcaster, scene: Scene) -> None:
    broadcaster._scenes.set(scene)
    await broadcaster.tell(scene.published_ns)


def crowd(count: int, *, vulnerable: int = 0) -> list[User]:
    """A crowd on a grid; the last ones are people."""
    kinds = [ObjectClass.CAR] * (count - vulnerable) + [ObjectClass.PEDESTRIAN] * vulnerable
    return [
        User(
            track,
            (8.0 * (track % 20) - 80.0, 8.0 * (track // 20), 9.0, 0.0),
            kind,
            yaw_rad=0.0,
            size_m=(4.5, 1.8, 1.5),
        )
        for track, kind in enumerate(kinds, start=1)
    ]


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_an_rsu_reads_whom_we_sense_and_nobody_whom_we_only_heard(dialect: str) -> None:
    rsu, now_ns = DecodingRsu(dialect), time.time_ns()
    seen = User(1, (12.0, -30.0, 0.0, 8.0), yaw_rad=1.5708, size_m=(4.6, 1.9, 1.5))
    both = User(2, (-6.0, 3.0, 1.0, 0.0), ObjectClass.PEDESTRIAN, seen_by=("north", "obu"), v2x_id="0a0b0c0d")
    heard = User(3, (40.0, 0.0, 9.0, 0.0), seen_by=("obu",), v2x_id="01020304")
    shared = User(4, (60.0, 0.0, 9.0, 0.0), seen_by=("neighbours-obu",))
    await tell(sharing(rsu), scene_of(seen, both, heard, shared, now_ns=now_ns))
    (message,) = rsu.messages
    assert (message.kind, message.expires_ns) == (DIALECTS[dialect], now_ns + NS_PER_S // 2)
    (found,) = rsu.heard(now_ns)
    car, walker = sorted(found.objects, key=lambda item: item.y_m)
    assert (car.x_m, car.y_m) == pytest.approx((12.0, -30.0), abs=0.1)
    assert (walker.x_m, walker.y_m) == pytest.approx((-6.0, 3.0), abs=0.1)
    assert car.speed_mps == pytest.approx(8.0, abs=0.05)
    assert car.yaw_rad == pytest.approx(1.5708, abs=0.01)
    assert (car.object_class, walker.object_class) == (ObjectClass.CAR, ObjectClass.PEDESTRIAN)
    assert car.object_id != 1 or walker.object_id != 2, "track ids do not leave the node"
    assert abs(car.measured_ns - now_ns) <= 2 * NS_PER_MS
    if dialect.startswith("csae"):
        assert car.sensing is Sensing.CAMERA
        assert walker.sensing is Sensing.NONE, "integrated: seen and heard"
        assert walker.temporary_id == ""


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_crowd_stays_within_the_budget_and_people_and_turns_are_kept(dialect: str) -> None:
    rsu, start_ns = DecodingRsu(dialect), time.time_ns()
    broadcaster = sharing(rsu)
    users = crowd(130, vulnerable=10)
    people_ids: set[int] = set()
    told: Counter[int] = Counter()
    for sequence in range(1, 15):
        now_ns = start_ns + sequence * 100 * NS_PER_MS
        rsu.messages.clear()
        await tell(broadcaster, scene_of(*users, now_ns=now_ns, sequence=sequence))
        assert 1 <= len(rsu.messages) <= 2
        assert all(len(message.payload) <= LONGEST for message in rsu.messages)
        objects = [item for found in rsu.heard(now_ns) for item in found.objects]
        if dialect.startswith("csae"):
            assert all(len(found.objects) <= 16 for found in rsu.heard(now_ns))
        told.update(item.object_id for item in objects)
        people = {item.object_id for item in objects if item.object_class is ObjectClass.PEDESTRIAN}
        people_ids |= people
        assert len(people) == 10, "people are told every time"
    assert len(people_ids) == 10, "under the same id"
    assert len(told) == 130, "and everybody else in turn"
    counters = broadcaster._board.counters("objects.mast")
    assert counters["objects_left_out"] > 0
    assert counters["objects_told"] == sum(told.values())


@pytest.mark.parametrize("dialect", ["csae-a", "csae-b", "j2735"])
async def test_message_counts_go_on_without_gap_or_repeat(dialect: str) -> None:
    from edge.v2x.codec import message_codec
    from edge.v2x.frame import J2735_SDSM, unwrap_j2735

    rsu, start_ns = DecodingRsu(dialect), time.time_ns()
    broadcaster = sharing(rsu)
    for sequence in range(1, 70):
        now_ns = start_ns + sequence * 100 * NS_PER_MS
        await tell(broadcaster, scene_of(*crowd(17), now_ns=now_ns, sequence=sequence))
    if dialect == "j2735":
        codec = message_codec("j2735/SensorDataSharingMessage")
        bodies = [unwrap_j2735(m.payload, message_id=J2735_SDSM, what="SDSM") for m in rsu.messages]
    else:
        codec = message_codec(f"{dialect}/RoadsideSafetyMessage")
        bodies = [m.payload for m in rsu.messages]
    counts = [codec.decode(body)["msgCnt"] for body in bodies]
    assert len(counts) > (128 if dialect != "j2735" else 60)
    assert counts == [index % 128 for index in range(len(counts))]


async def test_a_scene_is_told_once_and_an_old_one_never() -> None:
    rsu, now_ns = DecodingRsu("csae-a"), time.time_ns()
    broadcaster = sharing(rsu)
    scene = scene_of(*crowd(1), now_ns=now_ns)
    await tell(broadcaster, scene)
    await tell(broadcaster, scene)
    assert len(rsu.messages) == 1
    broadcaster._scenes.set(scene_of(*crowd(1), now_ns=now_ns, sequence=2))
    await broadcaster.tell(now_ns + NS_PER_S)
    assert len(rsu.messages) == 1
    assert broadcaster._board.counters("objects.mast")["scenes_stale"] == 1


def test_the_pace_halves_down_to_once_a_second_and_comes_back() -> None:
    pace, now_ns, periods = Pace(100 * NS_PER_MS), 0, []
    for _ in range(6):
        pace.note(trouble=True, now_ns=now_ns)
        periods.append(pace.period_ns // NS_PER_MS)
    assert periods == [200, 400, 800, 1000, 1000, 1000]
    for second in range(1, 20):
        pace.note(trouble=False, now_ns=second * NS_PER_S)
    assert pace.period_ns == 100 * NS_PER_MS
    assert {pace.next_ns(at) % (100 * NS_PER_MS) for at in range(0, 10**9, 37_000_000)} == {50 * NS_PER_MS}


def test_a_clock_that_is_set_back_does_not_keep_the_pace_slow() -> None:
    pace = Pace(100 * NS_PER_MS)
    pace.note(trouble=True, now_ns=3600 * NS_PER_S)
    assert pace.period_ns == 200 * NS_PER_MS
    pace.note(trouble=False, now_ns=0)
    assert pace.period_ns == 100 * NS_PER_MS


async def test_a_radio_that_does_not_keep_up_slows_objects_and_not_for_good() -> None:
    rsu, now_ns = DecodingRsu("csae-a"), time.time_ns()
    broadcaster = sharing(rsu)
    rsu.hold = asyncio.Event()
    await tell(broadcaster, scene_of(*crowd(1), now_ns=now_ns))
    counters = broadcaster._board.counters("objects.mast")
    assert (counters["send_timeouts"], counters["slowed"], counters["period_ms"]) == (1, 1, 200)
    rsu.hold = None
    rsu.counters["congested"] += 1
    await tell(broadcaster, scene_of(*crowd(1), now_ns=now_ns, sequence=2))
    assert counters["slowed"] == 1, "what happened before the telling is none of it"


async def test_it_runs_between_the_slots_of_spat() -> None:
    rsu = DecodingRsu("csae-a")
    broadcaster = sharing(rsu)
    broadcaster._scenes.set(scene_of(*crowd(2), now_ns=time.time_ns(), life_s=5.0))
    task = asyncio.create_task(broadcaster.run())
    await until(lambda: rsu.messages)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert len(rsu.messages) == 1
