"""What chrony and ptp4l say of the clock."""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import shutil
import socket
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.errors import CodecError, DeviceError
from edge.core.stamp import NS_PER_S
from hw.clock.chrony import parse_tracking, read_chrony
from hw.clock.program import LONGEST_ANSWER, ask
from hw.clock.ptp import parse_pmc, reading_of
from hw.clock.system import ClockState

NOW_NS = 1_790_000_030 * NS_PER_S
# stratum 2; 0.5 ms off, dispersion 1 ms, delay 4 ms; asked 30 s ago
TRACKING = (
    "C0A80A01,192.168.10.1,2,1790000000.000000000,-0.000500000,0.000001,0.00002,-12.345,0.001,0.05,"
    "0.004,0.001,64.2,Normal\n"
)
UNSET = "00000000,,0,0.000000000,0.0,0.0,0.0,0.000,0.000,0.000,1.000000000,1.000000000,0.0,Not synchronised\n"
PMC = """sending: GET TIME_STATUS_NP
\tb827eb.fffe.000001-0 seq 0 RESPONSE MANAGEMENT TIME_STATUS_NP
\t\tmaster_offset              {offset}
\t\tingress_time               1790000000000000000
\t\tgmPresent                  {present}
\t\tgmIdentity                 001122.fffe.334455
sending: GET PORT_DATA_SET
\tb827eb.fffe.000001-1 seq 1 RESPONSE MANAGEMENT PORT_DATA_SET
\t\tportIdentity            b827eb.fffe.000001-1
\t\tportState               {state}
"""
STEERED, UNSTEERED = ClockState(True, 20_000), ClockState(False, 16 * NS_PER_S)


def test_bound_of_chrony_is_offset_and_dispersion_and_half_the_delay() -> None:
    found = parse_tracking(TRACKING, now_ns=NOW_NS)
    assert found.synchronised
    assert found.error_ns == 3_500_000
    assert found.update_age_ns == 30 * NS_PER_S
    assert "192.168.10.1, stratum 2" in found.text


@pytest.mark.parametrize(
    "text", [UNSET, TRACKING.replace("Normal", "Not synchronised"), TRACKING.replace(",2,", ",16,", 1)]
)
def test_chrony_without_a_reference_vouches_for_nothing(text: str) -> None:
    found = parse_tracking(text, now_ns=NOW_NS)
    assert (found.synchronised, found.text) == (False, "has no reference")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "506 Cannot talk to daemon",
        TRACKING.replace("0.004", "nan"),
        TRACKING.replace(",2,", ",two,", 1),
        TRACKING + "x,y",
    ],
)
def test_other_answers_of_chrony_are_refused(text: str) -> None:
    with pytest.raises(CodecError):
        parse_tracking(text, now_ns=NOW_NS)


@given(st.text(max_size=200))
def test_no_answer_of_chrony_breaks_the_reader(text: str) -> None:
    try:
        parse_tracking(text, now_ns=NOW_NS)
    except CodecError:
        return


def free_udp_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


async def test_program_that_is_not_there_is_no_reader() -> None:
    assert await read_chrony(command=("no-such-program-here",)) is None


async def test_daemon_that_does_not_answer_says_how_to_start_it(tmp_path: Path) -> None:
    fake = tmp_path / "chronyc"
    fake.write_text("#!/bin/sh\necho '506 Cannot talk to daemon'\nexit 1\n")
    fake.chmod(0o755)
    with pytest.raises(DeviceError, match=r"506 Cannot talk to daemon.*start chrony"):
        await read_chrony(command=(str(fake),))


async def test_program_that_hangs_is_ended() -> None:
    command = (sys.executable, "-c", "import time; time.sleep(600)")
    with pytest.raises(DeviceError, match="does not end"):
        await ask(command, device="chrony", timeout_s=0.2)


async def test_endless_answer_is_cut() -> None:
    answer = await ask((sys.executable, "-c", "print('x' * 1_000_000)"), device="chrony", timeout_s=20)
    assert answer == (0, "x" * LONGEST_ANSWER)


# Its Debian package would replace the time daemon of the machine that runs the tests: tried only where it is there.
if shutil.which("chronyd") is not None:

    async def test_real_chronyd_that_serves_its_own_clock_is_read(tmp_path: Path) -> None:
        port = free_udp_port()
        config = tmp_path / "chrony.conf"
        lines = (
            f"cmdport {port}",
            "bindcmdaddress 127.0.0.1",
            "bindcmdaddress /",
            "port 0",
            "local stratum 5",
        )
        config.write_text("\n".join((*lines, f"pidfile {tmp_path}/chronyd.pid")) + "\n")
        chronyd = ("chronyd", "-u", getpass.getuser(), "-U", "-x", "-d", "-f", str(config))
        daemon = await asyncio.create_subprocess_exec(*chronyd, stderr=asyncio.subprocess.DEVNULL)
        command = ("chronyc", "-n", "-c", "-h", "127.0.0.1", "-p", str(port), "tracking")
        found = None
        try:
            async with asyncio.timeout(20):
                while found is None:  # its port opens a moment after its last word
                    assert daemon.returncode is None
                    with contextlib.suppress(DeviceError):
                        found = await read_chrony(command=command)
        finally:
            if daemon.returncode is None:
                daemon.terminate()
            await daemon.wait()
        assert found.synchronised
        assert "stratum 5" in found.text


def test_ptp_is_locked_only_with_grandmaster_and_a_slave_port() -> None:
    status = parse_pmc(PMC.format(offset=-1500, present="true", state="SLAVE"))
    assert status.locked
    assert (status.offset_ns, status.identity) == (-1500, "001122.fffe.334455")
    found = reading_of(status, STEERED)
    assert (found.synchronised, found.error_ns) == (True, 21_500)


@pytest.mark.parametrize(
    ("present", "state", "kernel", "words"),
    [
        ("false", "SLAVE", STEERED, "no grandmaster"),
        ("true", "LISTENING", STEERED, "port LISTENING"),
        ("true", "SLAVE", UNSTEERED, "start phc2sys"),
    ],
)
def test_ptp_that_does_not_steer_the_clock_vouches_for_nothing(
    present: str, state: str, kernel: ClockState, words: str
) -> None:
    found = reading_of(parse_pmc(PMC.format(offset=5, present=present, state=state)), kernel)
    assert not found.synchronised
    assert words in found.text


@pytest.mark.parametrize(
    "text", ["", "sending: GET TIME_STATUS_NP\n", PMC.format(offset="x", present="true", state="SLAVE")]
)
def test_other_answers_of_pmc_are_refused(text: str) -> None:
    with pytest.raises(CodecError):
        parse_pmc(text)
