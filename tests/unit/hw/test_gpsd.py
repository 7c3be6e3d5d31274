"""The client of gpsd: what it makes of reports, of silence, and of a real gpsd."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.errors import CodecError, DeviceError
from hw.gnss.gpsd import FRESH_S, GpsdClient, parse_tpv
from hw.sim.gpsd import FakeGpsd
from tests.unit.hw.test_clock_daemons import free_udp_port
from tests.waiting import until

HOME = {"latitude_deg": 39.9042, "longitude_deg": 116.4074}
TPV = {"class": "TPV", "mode": 3, "lat": 39.9, "lon": 116.4, "altHAE": 50.5, "eph": 19.57}


def line(**changes: object) -> bytes:
    report = {key: value for key, value in (TPV | changes).items() if value is not None}
    return json.dumps(report).encode() + b"\r\n"


@contextlib.asynccontextmanager
async def running(client: GpsdClient) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(client.run())
    try:
        yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, DeviceError):
            await task


def test_report_becomes_a_position() -> None:
    fix = parse_tpv(line(time="2031-01-11T09:27:51.000Z"))
    assert fix is not None
    assert fix.position is not None
    assert (fix.mode, fix.position.latitude_deg, fix.position.longitude_deg) == (3, 39.9, 116.4)
    assert (fix.position.elevation_m, fix.position.error_m) == (50.5, 19.57)
    assert fix.position.stamp_ns == 1_925_890_071 * 10**9


def test_error_of_two_axes_and_unknown_values() -> None:
    fix = parse_tpv(line(eph=None, epx=3.0, epy=4.0, altHAE=None, mode=2))
    assert fix is not None
    assert fix.position is not None
    assert fix.position.error_m == 5.0
    assert math.isnan(fix.position.elevation_m)
    assert fix.position.stamp_ns == 0


@pytest.mark.parametrize("mode", [0, 1])
def test_no_fix_has_no_position(mode: int) -> None:
    fix = parse_tpv(line(mode=mode))
    assert fix is not None
    assert fix.position is None


def test_other_reports_are_passed_over() -> None:
    assert parse_tpv(b'{"class":"SKY","satellites":[]}') is None


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[1]",
        b"{",
        line(mode=7),
        line(mode="3"),
        line(lat=None),
        line(lat=91.0),
        line(lon=1e300),
        line(lat="39"),
        line(lat=True),
        b'{"class":"TPV","mode":3,"lat":NaN,"lon":1.0}',
        b"[" * 100_000,
    ],
)
def test_impossible_reports_are_refused(text: bytes) -> None:
    with pytest.raises(CodecError):
        parse_tpv(text)


@given(
    st.binary(max_size=100)
    | st.dictionaries(st.sampled_from(list(TPV)), st.integers() | st.text()).map(json.dumps)
)
def test_nothing_that_comes_breaks_the_parser(text: bytes | str) -> None:
    with contextlib.suppress(CodecError):
        parse_tpv(text if isinstance(text, bytes) else text.encode())


async def test_client_follows_the_antenna_and_forgets_an_old_fix() -> None:
    now_s = 0.0
    async with FakeGpsd(**HOME, period_s=0.01) as gpsd:
        client = GpsdClient("127.0.0.1", gpsd.port, monotonic_s=lambda: now_s)
        async with running(client):
            await until(lambda: client.counters["fixes"])
            found = await client.position()
            assert found is not None
            assert found.latitude_deg == pytest.approx(HOME["latitude_deg"])
            gpsd.mode = 1
            await until(lambda: client.counters["no_fix"])
            assert await client.position() is None
            gpsd.mode = 3
            before = client.counters["fixes"]
            await until(lambda: client.counters["fixes"] > before)
        assert await client.position() is None  # the connection is gone
    assert FRESH_S < 10


async def test_gpsd_that_is_not_there_is_told_with_a_remedy() -> None:
    with pytest.raises(DeviceError, match=r"cannot reach gpsd .* gpsd, or mend gnss.gpsd"):
        await GpsdClient("127.0.0.1", free_udp_port()).run()


async def test_lost_connection_is_told() -> None:
    async with FakeGpsd(**HOME, period_s=0.01) as gpsd:
        client = GpsdClient("127.0.0.1", gpsd.port)
        async with running(client) as task:
            await until(lambda: client.counters["fixes"])
            gpsd.drop()
            with pytest.raises(DeviceError, match="gpsd"):
                await asyncio.wait_for(task, 5)


@pytest.mark.parametrize(
    ("said", "words", "bad"),
    [
        (b"no json\n", "has told no fix, nor that there is none, for 0.2 s", 1),
        (b'{"class":"SKY"}\n' * 3, "has told no fix, nor that there is none, for 0.2 s", 0),
        (b"x" * 100_000, "a line of more than", 0),
        (b'{"class":"TPV","mode":1}\n' * 1000, "more than 500 lines a second", 0),
    ],
    ids=["garbage", "no fix at all", "endless line", "flood"],
)
async def test_gpsd_that_makes_no_sense_is_told(said: bytes, words: str, bad: int) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        command = await reader.readline()
        assert command.startswith(b"?WATCH")
        writer.write(said)
        await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    client = GpsdClient("127.0.0.1", port, silence_s=0.2)
    with pytest.raises(DeviceError, match=words):
        await client.run()
    assert client.counters["bad"] == bad
    server.close()
    await server.wait_closed()


def nmea(body: str) -> str:
    check = 0
    for letter in body:
        check ^= ord(letter)
    return f"${body}*{check:02X}\n"


@pytest.mark.skipif(shutil.which("gpsfake") is None, reason="gpsfake (package gpsd-clients) is not installed")
async def test_real_gpsd_behind_gpsfake_tells_where_its_log_says(tmp_path: Path) -> None:
    log = tmp_path / "drive.nmea"
    sentences = []
    for second in range(20):
        clock = f"0927{second:02d}.000"
        sentences.append(nmea(f"GPGGA,{clock},3954.2520,N,11624.4440,E,1,8,1.03,61.7,M,-9.0,M,,"))
        sentences.append(nmea(f"GPRMC,{clock},A,3954.2520,N,11624.4440,E,0.02,31.66,280524,,,A"))
    log.write_text("".join(sentences))
    port = free_udp_port()
    command = ("gpsfake", "-n", "-q", "-P", str(port), "-c", "0.2", str(log))
    silent = {"stdout": asyncio.subprocess.DEVNULL, "stderr": asyncio.subprocess.DEVNULL}
    gpsfake = await asyncio.create_subprocess_exec(*command, **silent)
    client = GpsdClient("127.0.0.1", port)
    try:
        async with asyncio.timeout(30):
            while not client.counters["fixes"]:
                async with running(client) as task:
                    await asyncio.wait((task,), timeout=1.0)
                    found = await client.position()
    finally:
        gpsfake.terminate()
        await gpsfake.wait()
    assert found is not None
    assert found.latitude_deg == pytest.approx(39.9042, abs=1e-5)
    assert found.longitude_deg == pytest.approx(116.4074, abs=1e-5)
    assert found.error_m > 0
